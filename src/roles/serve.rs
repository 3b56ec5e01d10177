//! `serve`: index and answer in one process.

use std::process::ExitCode;
use std::sync::Arc;

use afterglow_history::health::Part as Of;
use afterglow_history::telemetry::Part;
use tokio::task::JoinSet;

use super::{alerts, exports, fail, http, indexer, look, open, remedy, sources};
use crate::config::{Config, shown_url};

pub async fn run(config: Config) -> ExitCode {
    let opened = match open(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let indexer = match indexer(&config, &opened, "serve") {
        Ok(indexer) => indexer,
        Err(e) => return fail(&e),
    };
    let (good, bad) = sources(&config).await;
    for (source, e) in &bad {
        tracing::error!("{}={}: {e}", source.cluster, shown_url(&source.url));
        indexer.note_unopened(&source.cluster, &shown_url(&source.url), source.kind, e).await;
    }
    if config.source.is_empty() {
        tracing::warn!("no logs named: use --logs [CLUSTER=]URL, or [[source]] in the settings file");
    }
    if let Err(e) = indexer.prepare().await {
        return fail(&e.to_string());
    }
    let alerts = match alerts::ledger_if_whole(&config, &opened).await {
        Ok(alerts) => alerts,
        Err(e) => return fail(&e),
    };
    let ledger = alerts.as_ref().map(|a| a.ledger.clone());
    let mut others: Vec<Arc<dyn Part>> = vec![opened.court.clone()];
    if let Some(ledger) = &ledger {
        others.push(Arc::new(ledger.clone()));
    }
    let serving = match http::Serving::open(&config, &opened, "serve", Some(indexer.clone()), others) {
        Ok(serving) => serving,
        Err(e) => return fail(&e),
    };
    let exports = match exports(&config, &opened).await {
        Ok(exports) => exports,
        Err(e) => return fail(&e),
    };
    let health = opened.health.clone();
    let (mut told, mut tasks) = (None, JoinSet::new());
    if let Some(alerts) = alerts {
        match alerts::service(&config, &alerts, &opened, serving.query.clone()).await {
            Ok(service) => drop(tasks.spawn(look::kept(health.clone(), Of::Alerting, service.run(health.clone())))),
            Err(e) => return fail(&e),
        };
        let mut remedies = remedy::remedies(&config, &alerts.ledger);
        match remedy::worker(&config, &opened, &mut remedies).await {
            Ok(worker) => drop(tasks.spawn(look::kept(health.clone(), Of::Alerting, worker.run()))),
            Err(e) => return fail(&e),
        };
        told = Some((alerts, remedies));
    }
    let exporting = tokio::spawn(super::export(exports, opened.catalog.clone()));
    let notary = match super::notary(&opened).await {
        Ok(notary) => notary,
        Err(e) => return fail(&e),
    };
    let judging = tokio::spawn(notary.run());
    let rounds = serving.telemetry.rounds.clone();
    let (reading, stopped) = (indexer.clone(), std::future::pending());
    tasks.spawn(look::kept(health, Of::Indexing, async move { reading.run(good, stopped).await }));
    tasks.spawn(look::run(opened.clone(), ledger.clone()));
    let maintaining = tokio::spawn(super::maintain(config.clone(), opened.clone(), indexer.clone(), rounds));
    let served = http::serve(&config, &opened, serving, told).await;
    exporting.abort();
    judging.abort();
    maintaining.abort();
    tasks.shutdown().await;
    indexer.leave().await;
    if let Some(ledger) = ledger {
        ledger.close().await;
    }
    opened.catalog.close().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}
