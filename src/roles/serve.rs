//! `serve`: index and answer in one process.

use std::process::ExitCode;
use std::sync::Arc;

use super::{alerts, exports, fail, http, indexer, open, remedy, sources};
use crate::config::{Config, shown_url};

pub async fn run(config: Config) -> ExitCode {
    let opened = match open(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let indexer = match indexer(&config, &opened) {
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
    let alerts = match alerts::ledger(&config, &opened).await {
        Ok(alerts) => alerts,
        Err(e) => return fail(&e),
    };
    let ledger = Arc::new(alerts.ledger.clone());
    let serving =
        match http::Serving::open(&config, &opened, "serve", Some(indexer.clone()), vec![ledger, opened.court.clone()])
        {
            Ok(serving) => serving,
            Err(e) => return fail(&e),
        };
    let exports = match exports(&config, &opened).await {
        Ok(exports) => exports,
        Err(e) => return fail(&e),
    };
    let alerting = match alerts::service(&config, &alerts, &opened, serving.query.clone()).await {
        Ok(service) => tokio::spawn(service.run()),
        Err(e) => return fail(&e),
    };
    let mut remedies = remedy::remedies(&config, &alerts.ledger);
    let remedying = match remedy::worker(&config, &opened, &mut remedies).await {
        Ok(worker) => tokio::spawn(worker.run()),
        Err(e) => return fail(&e),
    };
    let exporting = tokio::spawn(super::export(exports, opened.catalog.clone()));
    let notary = match super::notary(&opened).await {
        Ok(notary) => notary,
        Err(e) => return fail(&e),
    };
    let judging = tokio::spawn(notary.run());
    let rounds = serving.telemetry.rounds.clone();
    let indexing = tokio::spawn(async move { indexer.run(good, std::future::pending()).await });
    let maintaining = tokio::spawn(super::maintain(config.clone(), opened.clone(), rounds));
    let served = http::serve(&config, &opened, serving, alerts.clone(), remedies).await;
    alerting.abort();
    remedying.abort();
    exporting.abort();
    judging.abort();
    maintaining.abort();
    indexing.abort();
    let _ = indexing.await;
    alerts.ledger.close().await;
    opened.catalog.close().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}
