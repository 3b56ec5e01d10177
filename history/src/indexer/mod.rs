//! Drives logs into the store: scans sources, reads what is new, applies it, publishes parts, and
//! commits position and parts together.
//!
//! Invariant: a part is published before the catalog names it, and a log's position is committed
//! with it. A crash leaves at worst an object that nobody names.

mod containers;
mod follow;
mod identity;
mod log;
mod pipeline;
pub mod progress;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use afterglow_ingest::{EventLog, Source, SourceKind, scan, source::explain};
use futures::FutureExt as _;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::catalog::{Catalog, CatalogError, LogRow, LogState, SourceScan};
use crate::health::{Health, Part};
use crate::redact::Redactor;
use crate::store::{Store, VERSION};
use log::Failure;
use progress::{Failed, Outcome, Progress, SourceProgress};

/// How the indexer works. Plain data; `Default` suits a small machine.
#[derive(Debug, Clone)]
pub struct IndexerConfig {
    /// Threads that parse; 0: one a core.
    pub workers: usize,
    /// Pause between two scans of a source.
    pub poll: Duration,
    /// A log without an end that has not grown for so long is lost.
    pub quiet: Duration,
    /// Attempts that started and are followed may hold so many bytes of state in memory (an
    /// estimate); others are read back from the store when their log grows.
    pub memory: u64,
    /// Hears whether sources are read.
    pub health: Health,
}

impl Default for IndexerConfig {
    fn default() -> Self {
        IndexerConfig {
            workers: 0,
            poll: Duration::from_secs(5),
            quiet: Duration::from_secs(6 * 3600),
            memory: 1 << 30,
            health: Health::default(),
        }
    }
}

/// Plain bytes of a log above which all workers join in.
const LARGE: u64 = 24 << 20;
/// Small logs read at once for each worker: while one waits for storage or catalog, others parse.
const OVERLAP: usize = 8;
/// Logs read at once for each core, however many workers the settings ask for. A reading may keep two threads of those that
/// may block, one of which waits for what the other fetches: if there were fewer, they could wait for each other for
/// ever.
pub const READINGS: usize = 8;
/// Logs found by a listing that may wait to be read.
const FOUND: usize = 1024;

/// Who hears of problems with logs and sources: they are always collected in [`Progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problems {
    /// The caller shows them in the end.
    Collect,
    /// Nobody waits for an end: the process's own log, as they come.
    Log,
}

/// Reads sources into a store.
pub struct Indexer {
    store: Arc<Store>,
    catalog: Catalog,
    redactor: Arc<Redactor>,
    config: IndexerConfig,
    workers: usize,
    /// Small logs that are read at once; a large one takes the places of all.
    at_once: usize,
    permits: Arc<Semaphore>,
    live: follow::LiveAttempts,
    pub progress: Arc<Progress>,
}

impl Indexer {
    pub fn new(store: Arc<Store>, catalog: Catalog, redactor: Arc<Redactor>, config: IndexerConfig) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let workers = if config.workers == 0 { cores } else { config.workers };
        let at_once = workers.saturating_mul(OVERLAP).min(READINGS * cores);
        Arc::new(Indexer {
            store,
            catalog,
            redactor,
            workers,
            at_once,
            permits: Arc::new(Semaphore::new(at_once)),
            live: follow::LiveAttempts::new(config.memory),
            progress: Arc::new(Progress::default()),
            config,
        })
    }

    /// Prepares a run: attempts of another store format are read again.
    pub async fn prepare(&self) -> Result<(), CatalogError> {
        let again = self.catalog.forget_other_formats(VERSION).await?;
        if again > 0 {
            tracing::info!(logs = again, "the store's format changed: indexing these logs anew");
        }
        Ok(())
    }

    /// Attempts whose states are kept in memory between two readings, with the bytes that these take (an estimate) and
    /// may take.
    pub fn followed(&self) -> (usize, u64, u64) {
        let (attempts, bytes) = self.live.held();
        (attempts, bytes, self.config.memory)
    }

    /// Notes a source that could not even be opened, so that people see it.
    pub async fn note_unopened(&self, cluster: &str, url: &str, kind: SourceKind, problem: &str) {
        let scan = SourceScan { time: now(), problem: Some(problem.to_owned()), ..SourceScan::default() };
        let noted = match self.catalog.source(cluster, url, kind).await {
            Ok(id) => self.catalog.scanned(id, &scan).await,
            Err(e) => Err(e),
        };
        if let Err(e) = noted {
            tracing::error!("{e}");
        }
    }

    /// Reads every source once, all at the same time. A source that fails stops no other.
    pub async fn once(self: &Arc<Self>, sources: &[Source]) -> Result<(), CatalogError> {
        let mut scans = JoinSet::new();
        for source in sources {
            let (me, source) = (self.clone(), source.clone());
            scans.spawn(async move { me.pass_any(&source, Problems::Collect).await });
        }
        let mut result = Ok(());
        while let Some(done) = scans.join_next().await {
            if let Ok(Err(e)) = done {
                result = Err(e);
            }
        }
        self.catalog.mark_lost(now(), self.config.quiet).await?;
        result
    }

    /// Reads the sources for ever, each at its own pace, until `stop` resolves.
    pub async fn run(self: &Arc<Self>, sources: Vec<Source>, stop: impl Future<Output = ()>) {
        let mut scans = JoinSet::new();
        for source in sources {
            let me = self.clone();
            scans.spawn(async move {
                let health = &me.config.health;
                loop {
                    // What nobody foresaw in one source must not be the end of its reading.
                    match AssertUnwindSafe(me.pass_any(&source, Problems::Log)).catch_unwind().await {
                        Ok(Ok(())) => health.works(Part::Indexing),
                        Ok(Err(e)) => health.fails(Part::Indexing, e),
                        Err(_) => health.fails(Part::Indexing, format!("{source:?}: a fault of ours, see the log")),
                    }
                    if let Err(e) = me.catalog.mark_lost(now(), me.config.quiet).await {
                        tracing::error!("{e}");
                    }
                    tokio::time::sleep(me.config.poll).await;
                }
            });
        }
        stop.await;
        scans.shutdown().await;
    }

    /// One scan of a source, and the reading of everything new in it.
    async fn pass_any(self: &Arc<Self>, source: &Source, problems: Problems) -> Result<(), CatalogError> {
        match source.kind {
            SourceKind::EventLogs => self.pass(source, problems).await,
            SourceKind::ContainerLogs => self.pass_containers(source, problems).await,
        }
    }

    /// One pass over event logs.
    async fn pass(self: &Arc<Self>, source: &Source, problems: Problems) -> Result<(), CatalogError> {
        let id = self.catalog.source(&source.cluster, &source.url, source.kind).await?;
        let known = self.catalog.logs(id).await?;
        let progress = self.progress.source(&source.cluster, &source.url);
        progress.begin();
        let (tx, mut found) = mpsc::channel(FOUND);
        let listing = tokio::spawn({
            let source = source.clone();
            async move { scan::scan(&source, &tx).await }
        });
        let mut readers = JoinSet::new();
        let mut unread = Unread::default();
        while let Some(log) = found.recv().await {
            let row = known.get(&log.key);
            if row.is_none() && log.size() == 0 {
                continue; // created, and nothing written yet
            }
            if !self.is_new(&log, row) {
                let known = row.filter(|r| r.state != LogState::NoLog).and_then(|r| r.problem.as_deref());
                self.progress.unchanged(&progress, known.map(|p| format!("{}/{}: {p}", source.url, log.key)));
                continue;
            }
            progress.found(&log.key, log.size(), log.modified());
            let large = log.size() > LARGE;
            let threads = if large { self.workers } else { 1 };
            let permits = if large { self.at_once } else { 1 };
            let Ok(permit) = self.permits.clone().acquire_many_owned(permits as u32).await else { break };
            let (me, source, row, progress) = (self.clone(), source.clone(), row.cloned(), progress.clone());
            readers.spawn(async move {
                let span = reading_span(&source, &log);
                let outcome = me.read_log(&source, id, &log, row.as_ref(), threads).instrument(span.clone()).await;
                note_reading(&span, &outcome);
                drop(permit);
                me.report(&source, &progress, &log, outcome, problems)
            });
            while let Some(done) = readers.try_join_next() {
                unread.note(done);
            }
        }
        let mut scan = self.scanned(source, &progress, listing.await, problems);
        while let Some(done) = readers.join_next().await {
            unread.note(done);
        }
        scan.problem = scan.problem.or_else(|| unread.problem());
        self.catalog.scanned(id, &scan).await
    }

    /// Counts and tells how a listing ended.
    fn scanned(
        &self,
        source: &Source,
        progress: &SourceProgress,
        listing: Result<object_store::Result<scan::Listed>, JoinError>,
        problems: Problems,
    ) -> SourceScan {
        let mut scan = SourceScan { time: now(), ..SourceScan::default() };
        match listing {
            Ok(Ok(listed)) => {
                scan.listed = Some(listed);
                progress.listed(listed);
            }
            Ok(Err(e)) => {
                let what = explain(&e);
                if problems == Problems::Log {
                    tracing::warn!(source = ?source, "cannot list: {what}");
                }
                self.progress.source_failed(progress, format!("{source:?}: {what}"));
                scan.problem = Some(what);
            }
            Err(e) => scan.problem = Some(format!("the scan was interrupted: {e}")),
        }
        scan
    }

    /// Whether there is anything in a log that was not read yet.
    fn is_new(&self, log: &EventLog, row: Option<&LogRow>) -> bool {
        match row {
            None => true,
            Some(row) if row.state == LogState::Expired => false,
            Some(row) => row.version != log.version(),
        }
    }

    /// Counts and tells what came of a log; gives what kept it from being read.
    fn report(
        &self,
        source: &Source,
        progress: &SourceProgress,
        log: &EventLog,
        outcome: Result<Outcome, Failure>,
        problems: Problems,
    ) -> Option<String> {
        match outcome {
            Ok(outcome) => {
                if let (Some(problem), Problems::Log) = (&outcome.problem, problems) {
                    tracing::warn!(source = ?source, log = log.key, "{problem}");
                }
                self.progress.done(progress, &log.key, &format!("{}/{}", source.url, log.key), log.size(), outcome);
                None
            }
            Err(Failure { what, gone }) => {
                match problems {
                    Problems::Log if gone => tracing::info!(source = ?source, log = log.key, "{what}"),
                    Problems::Log => tracing::error!(source = ?source, log = log.key, "{what}"),
                    Problems::Collect => {}
                }
                let kind = if gone { Failed::Gone } else { Failed::Reading };
                let problem = format!("{}/{}: {what}", source.url, log.key);
                self.progress.failed(progress, &log.key, problem, log.size(), kind);
                (!gone).then(|| format!("{}: {what}", log.key))
            }
        }
    }
}

/// The reading of a log, as a span of our own traces.
fn reading_span(source: &Source, log: &EventLog) -> tracing::Span {
    tracing::info_span!(
        target: "otel",
        "index log",
        otel.status_code = Empty,
        otel.status_description = Empty,
        spark.cluster = source.cluster,
        afterglow.log.key = log.key,
        afterglow.log.size = log.size(),
        afterglow.log.application = Empty,
        afterglow.log.events = Empty,
        afterglow.log.bytes_read = Empty,
    )
}

fn note_reading(span: &tracing::Span, outcome: &Result<Outcome, Failure>) {
    match outcome {
        Ok(outcome) => {
            span.record("afterglow.log.events", outcome.events);
            span.record("afterglow.log.bytes_read", outcome.bytes);
            if let Some(attempt) = &outcome.attempt {
                span.record("afterglow.log.application", attempt.as_str());
            }
        }
        Err(e) => {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", e.what.as_str());
        }
    }
}

/// Logs that were found and could not be read.
#[derive(Default)]
struct Unread {
    logs: u64,
    first: String,
}

impl Unread {
    /// Takes in how the reading of a log ended.
    fn note(&mut self, done: Result<Option<String>, JoinError>) {
        let Some(what) = done.unwrap_or_else(|e| Some(format!("reading was interrupted: {e}"))) else { return };
        if self.logs == 0 {
            self.first = what;
        }
        self.logs += 1;
    }

    fn problem(self) -> Option<String> {
        match self.logs {
            0 => None,
            1 => Some(format!("a log cannot be read: {}", self.first)),
            n => Some(format!("{n} logs cannot be read; first: {}", self.first)),
        }
    }
}

/// The present, epoch milliseconds. The only clock of the indexer.
#[expect(clippy::disallowed_methods, reason = "the one clock of this module")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
