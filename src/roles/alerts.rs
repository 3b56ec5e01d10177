//! `alerts`: watch a store that others fill, and tell who wants to know; `alerts test` sends a sample.

use std::process::ExitCode;
use std::sync::Arc;

use afterglow_alerts::api::incidents::Alerts;
use afterglow_alerts::custom::Rule;
use afterglow_alerts::incident::Labels;
use afterglow_alerts::intake::sns::Topics;
use afterglow_alerts::ledger::{self, FILE, Ledger};
use afterglow_alerts::service::{Sampled, Service, sample};
use afterglow_history::health::Part as Of;
use afterglow_history::query::Engine;
use afterglow_history::telemetry::{Part, Telemetry, Watched};

use super::{Opened, asked_to_stop, engine::engine, fail, folders, http, look, now, open_existing};
use crate::config::Config;
use crate::terminal::say;

/// The ledger of an open store, with what requests need.
pub async fn ledger(config: &Config, opened: &Opened) -> Result<Alerts, String> {
    let file = opened.dir.join(FILE);
    with(config, Ledger::open(&file).await.map_err(|e| e.to_string())?)
}

/// The same; none if the ledger is damaged, which the process then tells: it can do all else.
pub async fn ledger_if_whole(config: &Config, opened: &Opened) -> Result<Option<Alerts>, String> {
    match Ledger::open(&opened.dir.join(FILE)).await {
        Ok(ledger) => with(config, ledger).map(Some),
        Err(e) if e.is_damage() => {
            opened.health.fails(Of::Alerting, format!("nobody is told of anything: {e}"));
            Ok(None)
        }
        Err(e) => Err(e.to_string()),
    }
}

fn with(config: &Config, ledger: Ledger) -> Result<Alerts, String> {
    let settings = Arc::new(config.alerting()?);
    let topics = Arc::new(Topics::new(settings.topics.clone())?);
    Ok(Alerts { ledger, settings, topics, now })
}

/// Saves what can be read of a damaged ledger, and says what that was.
pub async fn recover(config: Config) -> ExitCode {
    let file = match folders(&config) {
        Ok((_, dir)) => dir.join(FILE),
        Err(e) => return fail(&e),
    };
    match ledger::recover(&file).await {
        Ok(recovered) => {
            for (table, rows, whole) in &recovered.tables {
                say!("{table}: {rows} rows{}", if *whole { "" } else { ", and some that cannot be read" });
            }
            say!("{}: made anew; the damaged file is {}", file.display(), recovered.kept.display());
            ExitCode::SUCCESS
        }
        Err(e) => fail(&e.to_string()),
    }
}

/// Everything that alerting does beside answering requests; to be opened before anything is indexed.
pub async fn service(
    config: &Config,
    alerts: &Alerts,
    opened: &Opened,
    engine: Arc<Engine>,
) -> Result<Service, String> {
    let (settings, ledger) = (alerts.settings.clone(), alerts.ledger.clone());
    let rules = config.rule.iter().map(|r| r.rule()).collect::<Result<Vec<Rule>, String>>()?;
    let service = Service::open(settings, ledger, opened.catalog.clone(), opened.court.clone(), now).await?;
    Ok(service.with_rules(rules, engine))
}

/// Watches until asked to stop.
pub async fn run(config: Config) -> ExitCode {
    let stop = asked_to_stop();
    let opened = match open_existing(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let alerts = match ledger(&config, &opened).await {
        Ok(alerts) => alerts,
        Err(e) => return fail(&e),
    };
    let engine = match engine(&config, &opened) {
        Ok(engine) => engine,
        Err(e) => return fail(&e),
    };
    let service = match service(&config, &alerts, &opened, engine.clone()).await {
        Ok(service) => service,
        Err(e) => return fail(&e),
    };
    let mut remedies = super::remedy::remedies(&config, &alerts.ledger);
    let worker = match super::remedy::worker(&config, &opened, &mut remedies).await {
        Ok(worker) => worker,
        Err(e) => return fail(&e),
    };
    let others: Vec<Arc<dyn Part>> = vec![Arc::new(alerts.ledger.clone()), opened.court.clone()];
    let watched = Watched { query: Some(engine.clone()), others, ..super::watched(&config, &opened, "alerts") };
    let telling = tokio::spawn(http::tell(config, Telemetry::new(watched)));
    let looking = tokio::spawn(look::run(opened.clone(), Some(alerts.ledger.clone())));
    tracing::info!("alerting about {}", opened.dir.display());
    tokio::select! {
        () = service.run(opened.health.clone()) => {}
        () = worker.run() => {}
        () = stop => {}
    }
    telling.abort();
    looking.abort();
    engine.close().await;
    alerts.ledger.close().await;
    opened.catalog.close().await;
    ExitCode::SUCCESS
}

/// Sends a sample with labels given as `LABEL=VALUE`, and prints what went where.
pub async fn test(config: Config, given: Vec<String>, dry_run: bool) -> ExitCode {
    let mut labels = Labels::new();
    for text in &given {
        let Some((name, value)) = text.split_once('=') else {
            return fail(&format!("--route: `{text}` is no label: write LABEL=VALUE"));
        };
        labels.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    let sampled = match config.alerting() {
        Ok(settings) => sample(&settings, labels, !dry_run, now()).await,
        Err(e) => Err(e),
    };
    let sampled = match sampled {
        Ok(sampled) => sampled,
        Err(e) => return fail(&e),
    };
    let mut failed = false;
    for Sampled { group, destinations } in &sampled {
        let labels: Vec<String> = group.labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
        let receiver = if group.receiver.is_empty() { "nobody" } else { &group.receiver };
        say!("{receiver} (group {})", labels.join(", "));
        if destinations.is_empty() {
            say!("  no destinations");
        }
        for (name, sent) in destinations {
            let told = match sent {
                None => "not sent".to_owned(),
                Some(Ok(())) => "sent".to_owned(),
                Some(Err(e)) => {
                    failed = true;
                    format!("failed: {e}")
                }
            };
            say!("  {name}: {told}");
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
