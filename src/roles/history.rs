//! `history`: answer from a store that others fill.

use std::process::ExitCode;
use std::sync::Arc;

use afterglow_history::telemetry::Part;

use super::{alerts, fail, http, look, open, remedy};
use crate::config::Config;

pub async fn run(config: Config) -> ExitCode {
    let opened = match open(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let alerts = match alerts::ledger_if_whole(&config, &opened).await {
        Ok(alerts) => alerts,
        Err(e) => return fail(&e),
    };
    let ledger = alerts.as_ref().map(|a| a.ledger.clone());
    let others = ledger.iter().map(|ledger| -> Arc<dyn Part> { Arc::new(ledger.clone()) }).collect();
    let told = alerts.map(|alerts| {
        let remedies = remedy::remedies(&config, &alerts.ledger);
        (alerts, remedies)
    });
    let looking = tokio::spawn(look::run(opened.clone(), ledger.clone()));
    let served = match http::Serving::open(&config, &opened, "history", None, others) {
        Ok(serving) => http::serve(&config, &opened, serving, told).await,
        Err(e) => Err(e),
    };
    looking.abort();
    if let Some(ledger) = ledger {
        ledger.close().await;
    }
    opened.catalog.close().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}
