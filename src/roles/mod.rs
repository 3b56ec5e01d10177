//! What the binary can be. Each role takes the settings and ends with an exit status.

pub mod advise;
pub mod alerts;
pub mod check;
pub mod demo;
pub mod engine;
pub mod export;
pub mod findings;
pub mod history;
pub mod http;
pub mod ingest;
pub mod look;
pub mod remedy;
pub mod request;
pub mod rules;
pub mod serve;
pub mod sql;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use afterglow_alerts::court::Court;
use afterglow_alerts::note::Notary;
use afterglow_history::catalog::Catalog;
use afterglow_history::fleet::Judge;
use afterglow_history::health::Health;
use afterglow_history::indexer::{Indexer, IndexerConfig, Placements};
use afterglow_history::maintain::{self, Removed, Retention};
use afterglow_history::otel::{Exporter, follow};
use afterglow_history::redact::Redactor;
use afterglow_history::remote_write::{Access, RemoteWrite, Settings};
use afterglow_history::store::Store;
use afterglow_history::telemetry::counted::Rounds;
use afterglow_history::telemetry::{Telemetry, Watched};
use afterglow_ingest::{Source, source};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::sources::SourceConfig;
use crate::config::{Config, ConfigError};
use crate::telemetry;
use crate::terminal::complain;

/// Exit status of `ingest --once` when everything was indexed and something was damaged.
const DAMAGED: u8 = 3;

/// Says what went wrong, and is the exit status for it.
pub fn fail(what: &str) -> ExitCode {
    complain!("afterglow: {what}");
    ExitCode::FAILURE
}

/// Takes a role with settings that hold.
pub async fn with<F: Future<Output = ExitCode>>(
    config: Result<Config, ConfigError>,
    role: impl FnOnce(Config) -> F,
) -> ExitCode {
    let config = match config {
        Ok(config) => config,
        Err(e) => return fail(&e.to_string()),
    };
    let problems = config.problems();
    if problems.is_empty() {
        let _tracing = match telemetry::init(&config) {
            Ok(tracing) => tracing,
            Err(e) => return fail(&e),
        };
        return role(config).await;
    }
    problems.iter().for_each(|p| complain!("afterglow: {p}"));
    ExitCode::FAILURE
}

/// The catalog's file.
const CATALOG: &str = "catalog.db";

/// An open store and its catalog.
#[derive(Clone)]
pub struct Opened {
    pub store: Arc<Store>,
    pub catalog: Catalog,
    /// Where applications are judged, for all parts of the process that want to know.
    pub court: Arc<Court>,
    /// Whether the parts of the process do their work.
    pub health: Health,
    pub dir: PathBuf,
    /// Whether it lies where this process may not write.
    pub immutable: bool,
}

/// The store's folder, if it is one, and that of the catalog.
fn folders(config: &Config) -> Result<(Option<PathBuf>, PathBuf), String> {
    let url = source::normalize(&config.store.url).map_err(|e| format!("store.url: {e}"))?;
    let local = (url.scheme() == "file").then(|| url.to_file_path().ok()).flatten();
    let dir = match (&local, config.store.dir.as_os_str().is_empty()) {
        (_, false) => config.store.dir.clone(),
        (Some(local), true) => local.clone(),
        (None, true) => PathBuf::from("afterglow-data"),
    };
    Ok((local, dir))
}

/// Opens a store that is there.
pub async fn open_existing(config: &Config) -> Result<Opened, String> {
    let (_, dir) = folders(config)?;
    if !dir.join(CATALOG).exists() {
        return Err(format!("store: {} holds none: name one with --store, or index logs first", dir.display()));
    }
    open(config).await
}

/// Opens a store that is there to read only, if it lies where this process may not write: what is written on the way goes into a folder
/// of its own, which goes with the second value.
pub async fn open_to_read(config: &Config) -> Result<(Opened, Option<TempDir>), String> {
    let why = match open_existing(config).await {
        Ok(opened) => return Ok((opened, None)),
        Err(e) => e,
    };
    let (_, dir) = folders(config)?;
    let Ok(catalog) = Catalog::open_to_read(&dir.join(CATALOG)).await else { return Err(why) };
    let scratch = tempfile::tempdir().map_err(|e| format!("{why}; and no folder to work in: {e}: set TMPDIR"))?;
    let (_, objects, root) =
        source::open(&config.store.url, &config.store.options).await.map_err(|e| format!("store.url: {e}"))?;
    let store = Store::new(objects, root, &scratch.path().join("tmp"), config.store.cache.0);
    let store = Arc::new(store.map_err(|e| format!("store: {e}"))?);
    let court = Arc::new(Court::new(store.clone(), catalog.clone(), config.findings.limits()));
    let dir = scratch.path().to_owned();
    Ok((Opened { store, catalog, court, health: Health::default(), dir, immutable: true }, Some(scratch)))
}

/// Opens the store, creating it if it is a folder that is not there.
pub async fn open(config: &Config) -> Result<Opened, String> {
    open_with(config, config.store.cache.0).await
}

/// The same, holding so many bytes of what was read of it lately.
pub async fn open_with(config: &Config, cache: u64) -> Result<Opened, String> {
    let (local, dir) = folders(config)?;
    for folder in local.iter().chain([&dir]) {
        std::fs::create_dir_all(folder)
            .map_err(|e| format!("store: {}: {e}: name a folder that can be written", folder.display()))?;
    }
    let (_, objects, root) =
        source::open(&config.store.url, &config.store.options).await.map_err(|e| format!("store.url: {e}"))?;
    let store = Store::new(objects, root, &dir.join("tmp"), cache).map_err(|e| format!("store: {e}"))?;
    let file = dir.join(CATALOG);
    let catalog = Catalog::open(&file).await.map_err(|e| e.to_string())?;
    let store = Arc::new(store);
    let court = Arc::new(Court::new(store.clone(), catalog.clone(), config.findings.limits()));
    Ok(Opened { store, catalog, court, health: Health::default(), dir, immutable: false })
}

/// The sources that can be opened, and what is wrong with the others.
pub async fn sources(config: &Config) -> (Vec<Source>, Vec<(SourceConfig, String)>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for s in &config.source {
        match Source::open(&s.cluster, &s.url, s.labels.clone(), &s.options).await {
            Ok(source) => good.push(source.of_kind(s.kind)),
            Err(e) => bad.push((s.clone(), e.to_string())),
        }
    }
    (good, bad)
}

/// An indexer over an open store, for a role.
pub fn indexer(config: &Config, opened: &Opened, role: &str) -> Result<Arc<Indexer>, String> {
    let redactor = Redactor::new(&config.redaction.regex).map_err(|e| format!("redaction.regex: {e}"))?;
    let mut placements = Placements::default();
    for s in &config.source {
        // One whose address is none is told when sources are opened.
        if let Ok(url) = source::normalize(&s.url) {
            placements.add(s.kind, &s.cluster, &source::shown(&url), s.placement()?);
        }
    }
    let settings = IndexerConfig {
        workers: config.ingest.workers,
        poll: config.ingest.poll.0,
        quiet: config.ingest.quiet.0,
        memory: config.ingest.memory.0,
        health: opened.health.clone(),
        role: role.to_owned(),
        placements,
    };
    Ok(Indexer::new(opened.store.clone(), opened.catalog.clone(), Arc::new(redactor), settings))
}

/// Pause between two rounds of maintenance.
const MAINTENANCE: Duration = Duration::from_secs(60);
/// Rounds between two sweeps for leftovers: a day.
const SWEEP_EVERY: u64 = 24 * 60;

/// What the settings remove from the store.
fn retention(config: &Config) -> Retention {
    let r = &config.retention;
    Retention { age: r.age.map(|t| t.0), size: r.size.map(|s| s.0), most: r.most }
}

/// The present, epoch milliseconds.
#[expect(clippy::disallowed_methods, reason = "the one clock of this module")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// What watches over a process that has these parts; the others come with its role.
pub fn watched(config: &Config, opened: &Opened, role: &'static str) -> Watched {
    Watched {
        role,
        catalog: opened.catalog.clone(),
        store: opened.store.clone(),
        indexer: None,
        search: None,
        query: None,
        others: Vec::new(),
        health: opened.health.clone(),
        store_limit: config.retention.size.map(|s| s.0),
    }
}

/// Sends metrics for ever, if the settings say where to. `address` is where they can be fetched, if they can.
pub async fn remote_write(
    config: &Config,
    telemetry: Arc<Telemetry>,
    address: Option<SocketAddr>,
) -> Result<(), String> {
    let c = &config.remote_write;
    if c.url.is_empty() {
        return std::future::pending().await;
    }
    let url = c.url.parse().map_err(|e| format!("remote_write.url: {e}: write the receiver's whole address"))?;
    let mut labels = c.labels.clone();
    labels.entry("job".into()).or_insert_with(|| "afterglow".into());
    labels.entry("instance".into()).or_insert_with(|| instance(address));
    let access = match &c.sigv4 {
        Some(s) => {
            Access::SigV4 { region: s.region.clone(), profile: (!s.profile.is_empty()).then(|| s.profile.clone()) }
        }
        None if !c.username.is_empty() => Access::Basic { user: c.username.clone(), password: c.password_file.clone() },
        None if !c.bearer_token_file.as_os_str().is_empty() => Access::Bearer(c.bearer_token_file.clone()),
        None => Access::Anybody,
    };
    let (every, series, headers) = (c.every.0, c.series.clone(), c.headers.clone());
    let settings = Settings { url, every, series, labels, headers, access };
    let sender = RemoteWrite::new(settings, telemetry, now).await.map_err(|e| e.to_string())?;
    sender.run().await;
    Ok(())
}

/// Prepares to export applications as they end, if the settings say so; before anything is indexed.
pub async fn exports(config: &Config, opened: &Opened) -> Result<Option<Exporter>, String> {
    if !config.otel.applications {
        return Ok(None);
    }
    let exporter = export::exporter(config, opened)?;
    follow::prepare(&opened.catalog).await.map_err(|e| e.to_string())?;
    Ok(Some(exporter))
}

/// Exports applications as they end, for ever.
pub async fn export(exporter: Option<Exporter>, catalog: Catalog) {
    if let Some(exporter) = exporter {
        follow::run(exporter, catalog).await;
    }
}

/// This process among others: the machine's name, with the port that it serves on.
fn instance(address: Option<SocketAddr>) -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if name.trim().is_empty() { "unknown" } else { name.trim() };
    address.map_or_else(|| name.to_owned(), |a| format!("{name}:{}", a.port()))
}

/// Prepares to judge applications as they change; before anything is indexed.
pub async fn notary(opened: &Opened) -> Result<Notary, String> {
    let notary = Notary { court: opened.court.clone(), catalog: opened.catalog.clone(), now };
    notary.prepare().await.map_err(|e| e.to_string())?;
    Ok(notary)
}

/// Keeps fleet tables and retention up to date, for ever; while another process does so, this one waits.
pub async fn maintain(config: Config, opened: Opened, indexer: Arc<Indexer>, rounds: Rounds) {
    let Opened { store, catalog, court, .. } = opened;
    let judge: Arc<dyn Judge> = court;
    let mut round = 0u64;
    loop {
        match indexer.maintains().await {
            Ok(Ok(())) => {}
            Ok(Err(by)) => {
                tracing::debug!("the store is kept in order by {by}");
                tokio::time::sleep(MAINTENANCE).await;
                continue;
            }
            Err(e) => tracing::error!("{e}"),
        }
        if round.is_multiple_of(SWEEP_EVERY) {
            match maintain::sweep(&store, &catalog, now()).await {
                Ok(0) => {}
                Ok(n) => tracing::info!(objects = n, "removed leftovers of interrupted runs"),
                Err(e) => tracing::error!("{e}"),
            }
        }
        let done = maintain::round(&store, &catalog, &judge, retention(&config), now()).await;
        rounds.ended(matches!(done, Ok(Removed::Attempts(_))));
        if let Err(e) = done {
            tracing::error!("{e}");
        }
        round += 1;
        tokio::time::sleep(MAINTENANCE).await;
    }
}

/// Resolves when the process is asked to end. What it is asked from this call on counts.
pub fn asked_to_stop() -> impl Future<Output = ()> {
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            (Ok(mut one), Err(_)) | (Err(_), Ok(mut one)) => drop(one.recv().await),
            (Err(_), Err(_)) => std::future::pending().await,
        }
    }
}
