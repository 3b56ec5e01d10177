//! `history`: answer from a store that others fill.

use std::process::ExitCode;
use std::sync::Arc;

use super::{alerts, fail, http, open, remedy};
use crate::config::Config;

pub async fn run(config: Config) -> ExitCode {
    let opened = match open(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let alerts = match alerts::ledger(&config, &opened).await {
        Ok(alerts) => alerts,
        Err(e) => return fail(&e),
    };
    let ledger = Arc::new(alerts.ledger.clone());
    let remedies = remedy::remedies(&config, &alerts.ledger);
    let served = match http::Serving::open(&config, &opened, "history", None, vec![ledger]) {
        Ok(serving) => http::serve(&config, &opened, serving, alerts.clone(), remedies).await,
        Err(e) => Err(e),
    };
    alerts.ledger.close().await;
    opened.catalog.close().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}
