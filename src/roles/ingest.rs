//! `ingest`: logs into the store, once or for ever.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use afterglow_alerts::note::Notary;
use afterglow_history::fleet::Judge;
use afterglow_history::indexer::Indexer;
use afterglow_history::indexer::progress::{Counts, Progress};
use afterglow_history::maintain::{self, Removed};
use afterglow_history::otel::{Exporter, follow};
use afterglow_history::telemetry::{Part, Telemetry, Watched};
use afterglow_ingest::Source;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{DAMAGED, Opened, asked_to_stop, fail, http, indexer, look, open_with, sources};
use crate::config::sources::SourceConfig;
use crate::config::{Config, shown_url};
use crate::terminal::{complain, say};

/// Pause between two lines of progress where there is no terminal.
const LINES: Duration = Duration::from_secs(10);
/// How long `--once` tries to export while the receiver is away.
const EXPORT: Duration = Duration::from_secs(10);

/// Bytes held in memory of what was read of the store.
const CACHE: u64 = 4 << 20;

/// What both ways of indexing begin with.
struct Ready {
    opened: Opened,
    indexer: Arc<Indexer>,
    good: Vec<Source>,
    /// Sources that cannot be opened, and why.
    bad: Vec<(SourceConfig, String)>,
    /// Exports applications as they end, if it is wanted.
    exporter: Option<Exporter>,
    /// Judges applications as they change.
    notary: Notary,
}

async fn ready(config: &Config) -> Result<Ready, String> {
    if config.source.is_empty() {
        return Err("no logs named: use --logs [CLUSTER=]URL, or [[source]] in the settings file".into());
    }
    // Nobody asks for pages here: what is read is read once.
    let opened = open_with(config, config.store.cache.0.min(CACHE)).await?;
    let (good, bad) = sources(config).await;
    let indexer = indexer(config, &opened, "ingest")?;
    indexer.prepare().await.map_err(|e| e.to_string())?;
    let exporter = super::exports(config, &opened).await?;
    let notary = super::notary(&opened).await?;
    Ok(Ready { opened, indexer, good, bad, exporter, notary })
}

/// Indexes what is there, prints a summary, and ends.
pub async fn once(config: Config) -> ExitCode {
    let Ready { opened, indexer, good, bad, exporter, notary } = match ready(&config).await {
        Ok(ready) => ready,
        Err(e) => return fail(&e),
    };
    let began = Instant::now();
    let progress = indexer.progress.clone();
    let shown = tokio::spawn(show(progress.clone()));
    // Judged is meanwhile, and the rest when all is there.
    let judging = tokio::spawn(notary.clone().run());
    let result = indexer.once(&good).await;
    judging.abort();
    let judged = notary.once().await;
    let maintained = in_order(&config, &opened, &indexer).await;
    indexer.leave().await;
    shown.abort();
    let took = began.elapsed();
    for (source, e) in &bad {
        complain!("afterglow: {}={}: {e}", source.cluster, shown_url(&source.url));
    }
    if let Err(e) = result {
        return fail(&e.to_string());
    }
    if let Err(e) = judged {
        return fail(&format!("findings: {e}"));
    }
    let refused = match maintained {
        Ok(refused) => refused,
        Err(e) => return fail(&e),
    };
    for problem in progress.problems() {
        say!("{problem}");
    }
    if let Some(exporter) = exporter
        && let Err(e) = follow::once(&exporter, &opened.catalog, EXPORT).await
    {
        // It is remembered, and no reason to call what was indexed a failure.
        complain!("afterglow: {e}; what is left is sent by the next run");
    }
    let counts = progress.counts();
    say!("{}", summary(&counts, bad.len() as u64, took));
    opened.catalog.close().await;
    if let Some(why) = &refused {
        complain!("afterglow: {why}");
    }
    if !bad.is_empty() || counts.failed() > 0 || refused.is_some() {
        ExitCode::FAILURE
    } else if counts.damaged + counts.damaged_before > 0 {
        ExitCode::from(DAMAGED)
    } else {
        ExitCode::SUCCESS
    }
}

/// Keeps the store in order once, unless another process does so; gives what retention refused to do.
async fn in_order(config: &Config, opened: &Opened, indexer: &Indexer) -> Result<Option<String>, String> {
    if let Err(by) = indexer.maintains().await.map_err(|e| e.to_string())? {
        tracing::info!("retention and fleet tables are left to {by}");
        return Ok(None);
    }
    let judge: Arc<dyn Judge> = opened.court.clone();
    let retention = super::retention(config);
    let round = maintain::round(&opened.store, &opened.catalog, &judge, retention, super::now()).await;
    match round.map_err(|e| e.to_string())? {
        Removed::Attempts(_) => Ok(None),
        Removed::TooMany(why) => Ok(Some(why)),
    }
}

/// Indexes until asked to stop.
pub async fn run(config: Config) -> ExitCode {
    let Ready { opened, indexer, good, bad, exporter, notary } = match ready(&config).await {
        Ok(ready) => ready,
        Err(e) => return fail(&e),
    };
    for (source, e) in &bad {
        tracing::error!("{}={}: {e}", source.cluster, shown_url(&source.url));
        indexer.note_unopened(&source.cluster, &shown_url(&source.url), source.kind, e).await;
    }
    let others: Vec<Arc<dyn Part>> = vec![opened.court.clone()];
    let watched = Watched { indexer: Some(indexer.clone()), others, ..super::watched(&config, &opened, "ingest") };
    let telemetry = Telemetry::new(watched);
    let rounds = telemetry.rounds.clone();
    let maintaining = tokio::spawn(super::maintain(config.clone(), opened.clone(), indexer.clone(), rounds));
    let exporting = tokio::spawn(super::export(exporter, opened.catalog.clone()));
    let judging = tokio::spawn(notary.run());
    let telling = tokio::spawn(http::tell(config, telemetry));
    let looking = tokio::spawn(look::run(opened.clone(), None));
    indexer.run(good, asked_to_stop()).await;
    maintaining.abort();
    exporting.abort();
    judging.abort();
    telling.abort();
    looking.abort();
    indexer.leave().await;
    opened.catalog.close().await;
    ExitCode::SUCCESS
}

fn summary(c: &Counts, bad_sources: u64, took: Duration) -> String {
    let rate = c.plain_bytes as f64 / 1e6 / took.as_secs_f64().max(1e-9);
    let containers = match c.containers {
        0 => String::new(),
        n => format!("{n} container logs: {} pauses, {} progress reports\n", c.pauses, c.reports),
    };
    format!(
        "{containers}{} applications, {} events, {:.1} MB of log ({:.1} MB read) in {:.1} s: {rate:.0} MB/s\n{} logs unchanged, {} objects passed by, {} damaged, {} failed",
        c.attempts,
        c.events,
        c.plain_bytes as f64 / 1e6,
        c.bytes_done as f64 / 1e6,
        took.as_secs_f64(),
        c.logs_unchanged,
        c.passed_by,
        c.damaged + c.damaged_before,
        c.failed() + bad_sources,
    )
}

/// A bar on a terminal, a line now and then elsewhere.
pub async fn show(p: Arc<Progress>) {
    if !std::io::stderr().is_terminal() {
        loop {
            tokio::time::sleep(LINES).await;
            let c = p.counts();
            let (done, found) = (c.bytes_done as f64 / 1e6, c.bytes_found as f64 / 1e6);
            complain!("{} of {} logs, {done:.0} of {found:.0} MB", c.logs_done, c.logs_found);
        }
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}  {msg}  {eta}") {
        bar.set_style(style);
    }
    loop {
        let c = p.counts();
        bar.set_length(c.bytes_found);
        bar.set_position(c.bytes_done);
        bar.set_message(format!("{}/{} logs, {} damaged", c.logs_done, c.logs_found, c.damaged + c.damaged_before));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
