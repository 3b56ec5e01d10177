//! `ingest`: logs into the store, once or for ever.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use afterglow_history::indexer::Indexer;
use afterglow_history::indexer::progress::Progress;
use afterglow_history::maintain;
use afterglow_ingest::Source;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{DAMAGED, Opened, asked_to_stop, fail, indexer, open, sources};
use crate::config::{Config, SourceConfig, shown_url};

/// Pause between two lines of progress where there is no terminal.
const LINES: Duration = Duration::from_secs(10);

/// What both ways of indexing begin with.
struct Ready {
    opened: Opened,
    indexer: Arc<Indexer>,
    good: Vec<Source>,
    /// Sources that cannot be opened, and why.
    bad: Vec<(SourceConfig, String)>,
}

async fn ready(config: &Config) -> Result<Ready, String> {
    if config.source.is_empty() {
        return Err("no logs named: use --logs [CLUSTER=]URL, or [[source]] in the settings file".into());
    }
    let opened = open(config).await?;
    let (good, bad) = sources(config).await;
    let indexer = indexer(config, &opened)?;
    indexer.prepare().await.map_err(|e| e.to_string())?;
    Ok(Ready { opened, indexer, good, bad })
}

/// Indexes what is there, prints a summary, and ends.
pub async fn once(config: Config) -> ExitCode {
    let Ready { opened, indexer, good, bad } = match ready(&config).await {
        Ok(ready) => ready,
        Err(e) => return fail(&e),
    };
    let began = Instant::now();
    let progress = indexer.progress.clone();
    let shown = tokio::spawn(show(progress.clone()));
    let result = indexer.once(&good).await;
    let maintained = maintain::round(&opened.store, &opened.catalog, super::retention(&config), super::now()).await;
    shown.abort();
    let took = began.elapsed();
    for (source, e) in &bad {
        eprintln!("afterglow: {}={}: {e}", source.cluster, shown_url(&source.url));
    }
    if let Err(e) = result {
        return fail(&e.to_string());
    }
    if let Err(e) = maintained {
        return fail(&e.to_string());
    }
    for problem in progress.problems() {
        println!("{problem}");
    }
    println!("{}", summary(&progress, bad.len() as u64, took));
    opened.catalog.close().await;
    if !bad.is_empty() || progress.failed.load(Relaxed) > 0 {
        ExitCode::FAILURE
    } else if progress.damaged.load(Relaxed) > 0 {
        ExitCode::from(DAMAGED)
    } else {
        ExitCode::SUCCESS
    }
}

/// Indexes until asked to stop.
pub async fn run(config: Config) -> ExitCode {
    let Ready { opened, indexer, good, bad } = match ready(&config).await {
        Ok(ready) => ready,
        Err(e) => return fail(&e),
    };
    for (source, e) in &bad {
        tracing::error!("{}={}: {e}", source.cluster, shown_url(&source.url));
        indexer.note_unopened(&source.cluster, &shown_url(&source.url), source.kind, e).await;
    }
    let maintaining = tokio::spawn(super::maintain(config.clone(), opened.store.clone(), opened.catalog.clone()));
    indexer.run(good, asked_to_stop()).await;
    maintaining.abort();
    opened.catalog.close().await;
    ExitCode::SUCCESS
}

fn summary(p: &Progress, bad_sources: u64, took: Duration) -> String {
    let plain = p.plain_bytes.load(Relaxed);
    let rate = plain as f64 / 1e6 / took.as_secs_f64().max(1e-9);
    let containers = match p.containers.load(Relaxed) {
        0 => String::new(),
        n => {
            let (pauses, reports) = (p.pauses.load(Relaxed), p.reports.load(Relaxed));
            format!("{n} container logs: {pauses} pauses, {reports} progress reports\n")
        }
    };
    format!(
        "{containers}{} applications, {} events, {:.1} MB of log ({:.1} MB read) in {:.1} s: {rate:.0} MB/s\n{} logs unchanged, {} objects passed by, {} damaged, {} failed",
        p.attempts.load(Relaxed),
        p.events.load(Relaxed),
        plain as f64 / 1e6,
        p.bytes_done.load(Relaxed) as f64 / 1e6,
        took.as_secs_f64(),
        p.logs_unchanged.load(Relaxed),
        p.passed_by.load(Relaxed),
        p.damaged.load(Relaxed),
        p.failed.load(Relaxed) + bad_sources,
    )
}

/// A bar on a terminal, a line now and then elsewhere.
async fn show(p: Arc<Progress>) {
    if !std::io::stderr().is_terminal() {
        loop {
            tokio::time::sleep(LINES).await;
            eprintln!(
                "{} of {} logs, {:.0} of {:.0} MB",
                p.logs_done.load(Relaxed),
                p.logs_found.load(Relaxed),
                p.bytes_done.load(Relaxed) as f64 / 1e6,
                p.bytes_found.load(Relaxed) as f64 / 1e6
            );
        }
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}  {msg}  {eta}") {
        bar.set_style(style);
    }
    loop {
        bar.set_length(p.bytes_found.load(Relaxed));
        bar.set_position(p.bytes_done.load(Relaxed));
        bar.set_message(format!(
            "{}/{} logs, {} damaged",
            p.logs_done.load(Relaxed),
            p.logs_found.load(Relaxed),
            p.damaged.load(Relaxed)
        ));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
