//! Remediation inside of a server: what looks for advice and follows up, and what answers about it.

use std::sync::Arc;

use afterglow_alerts::api::remediation::Remedies;
use afterglow_alerts::ledger::Ledger;
use afterglow_alerts::remedy::actions::Action;
use afterglow_alerts::remedy::worker::{Asks, Worker};

use super::{Opened, advise, now};
use crate::config::Config;

/// What answers about remediation.
pub fn remedies(config: &Config, ledger: &Ledger) -> Remedies {
    let r = &config.remediation;
    let actions: Vec<Action> = config.action.iter().filter_map(|a| a.action()).collect();
    Remedies {
        ledger: ledger.clone(),
        actions: Arc::new(actions),
        model: r.enabled.then(|| r.model.clone()),
        asks: None,
        severities: r.severities(),
        deadline: r.deadline.0,
        attempts: r.attempts,
        priced: r.input_price.is_some() && r.output_price.is_some(),
        runbooks: (!r.runbooks.is_empty()).then(|| crate::config::shown_url(&r.runbooks)),
        budgets: r.settings().budgets,
        now,
    }
}

/// What looks for advice, follows up and proposes actions; before anything is indexed. What answers then tells of it, too.
pub async fn worker(config: &Config, opened: &Opened, remedies: &mut Remedies) -> Result<Worker, String> {
    let ledger = remedies.ledger.clone();
    let asks = if config.remediation.enabled {
        let mask = advise::mask(config)?;
        Some(Arc::new(Asks {
            knowledge: advise::knowledge(config, mask.clone(), Some(&ledger)).await?,
            advisor: advise::advisor(config, ledger.clone()).await,
            mask,
            severities: config.remediation.severities(),
            keep: config.remediation.keep.0,
        }))
    } else {
        None
    };
    remedies.asks = asks.clone();
    let worker = Worker {
        asks,
        ledger,
        catalog: opened.catalog.clone(),
        store: opened.store.clone(),
        court: opened.court.clone(),
        actions: remedies.actions.to_vec(),
        now,
    };
    worker.prepare().await.map_err(|e| e.to_string())?;
    Ok(worker)
}
