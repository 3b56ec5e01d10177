//! `history`: answer from a store that others fill.

use std::process::ExitCode;

use super::{fail, http, open, remedy};
use crate::config::Config;

pub async fn run(config: Config) -> ExitCode {
    let opened = match open(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let remedies = match remedy::remedies(&config, &opened).await {
        Ok(remedies) => remedies,
        Err(e) => return fail(&e),
    };
    let served = match http::Serving::open(&config, &opened, "history", None, remedies) {
        Ok(serving) => http::serve(&config, &opened, serving).await,
        Err(e) => Err(e),
    };
    opened.catalog.close().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}
