//! Drives logs into the store: scans sources, reads what is new, applies it, publishes parts, and
//! commits position and parts together.
//!
//! Invariant: a part is published before the catalog names it, and a log's position is committed
//! with it. A crash leaves at worst an object that nobody names.

mod containers;
mod follow;
mod identity;
mod log;
mod member;
mod peek;
mod pipeline;
mod place;
pub mod progress;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use afterglow_ingest::{EventLog, LineBudget, Source, SourceKind, scan, source::explain};
use futures::FutureExt as _;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::catalog::{
    Catalog, CatalogError, IndexerRow, LogRow, LogState, MAINTENANCE, SourceScan, container_claim, log_claim,
};
use crate::health::{Health, Part};
use crate::redact::Redactor;
use crate::store::{Store, VERSION};
use log::{Failure, Why};
use member::Member;
pub use peek::{Peeked, peek};
pub use place::Placements;
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
    /// estimate); others are read back from the store when their log grows. Beside that, long lines of all logs that are
    /// being read may take so many together.
    pub memory: u64,
    /// Hears whether sources are read.
    pub health: Health,
    /// What this process is to others that index into the same store.
    pub role: String,
    /// Where the applications of sources belong.
    pub placements: Placements,
}

impl Default for IndexerConfig {
    fn default() -> Self {
        IndexerConfig {
            workers: 0,
            poll: Duration::from_secs(5),
            quiet: Duration::from_secs(6 * 3600),
            memory: 1 << 30,
            health: Health::default(),
            role: "indexer".into(),
            placements: Placements::default(),
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
/// Logs that are claimed at once: few, so that other processes find some, too.
const CLAIMED: usize = 16;
/// Pause before it is looked again whether another process has done with a log.
const WAIT: Duration = Duration::from_millis(200);
/// The longest line alone may go beyond what all have together: that much less is for all.
const LONGEST: u64 = 768 << 20;

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
    /// Places for logs that are read at once; a large one takes all of them.
    places: usize,
    permits: Arc<Semaphore>,
    live: follow::LiveAttempts,
    /// For long lines of all logs that are being read.
    lines: Arc<LineBudget>,
    member: Member,
    /// The process that logs were last left to, to say so once.
    left_to: AtomicI64,
    /// Sources whose attempts are where their rules place them.
    placed: Mutex<HashSet<i64>>,
    pub progress: Arc<Progress>,
}

impl Indexer {
    pub fn new(store: Arc<Store>, catalog: Catalog, redactor: Arc<Redactor>, config: IndexerConfig) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let workers = if config.workers == 0 { cores } else { config.workers };
        let places = workers.saturating_mul(OVERLAP).min(READINGS * cores);
        Arc::new(Indexer {
            store,
            catalog,
            redactor,
            workers,
            permits: Arc::new(Semaphore::new(places)),
            places,
            live: follow::LiveAttempts::new(config.memory),
            lines: LineBudget::new(config.memory.saturating_sub(LONGEST)),
            member: Member::new(&config.role),
            left_to: AtomicI64::new(0),
            placed: Mutex::default(),
            progress: Arc::new(Progress::default()),
            config,
        })
    }

    /// Prepares a run: attempts of another store format are read again, and other processes see that this one indexes.
    pub async fn prepare(&self) -> Result<(), CatalogError> {
        for other in self.member.enter(&self.catalog).await? {
            tracing::info!("{other}, indexes into this store, too: each log is read by one at a time");
        }
        let again = self.catalog.forget_other_formats(VERSION).await?;
        if again > 0 {
            tracing::info!(logs = again, "the store's format changed: indexing these logs anew");
        }
        Ok(())
    }

    /// Ends what [`Indexer::prepare`] began: other processes may have what this one claimed.
    pub async fn leave(&self) {
        if let Err(e) = self.member.leave(&self.catalog).await {
            tracing::warn!("{e}");
        }
    }

    /// Whether this process is the one that keeps the store in order: if another does, says who.
    pub async fn maintains(&self) -> Result<Result<(), String>, CatalogError> {
        let held = self.member.claim(&self.catalog, &[MAINTENANCE.to_owned()]).await?.pop().flatten();
        Ok(held.map_or(Ok(()), |by| Err(by.to_string())))
    }

    /// Claims logs; gives those that this process has now, and those that others have.
    async fn share_out<T>(
        &self,
        found: Vec<T>,
        claim: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Vec<T>), CatalogError> {
        let names: Vec<String> = found.iter().map(claim).collect();
        let held = self.member.claim(&self.catalog, &names).await?;
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for (log, holder) in found.into_iter().zip(held) {
            match holder {
                None => ours.push(log),
                Some(holder) => {
                    self.tell_left(&holder);
                    others.push(log);
                }
            }
        }
        Ok((ours, others))
    }

    fn tell_left(&self, to: &IndexerRow) {
        if self.left_to.swap(to.id, Relaxed) != to.id {
            tracing::info!("logs are left to {to}, which reads them");
        }
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
        let noted = match self.catalog.source(cluster, url, kind, &[cluster]).await {
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
        let id = self.placed(source).await?;
        let known = self.catalog.logs(id).await?;
        let progress = self.progress.source(&source.cluster, &source.url);
        progress.begin();
        let (tx, mut found) = mpsc::channel(FOUND);
        let listing = tokio::spawn({
            let source = source.clone();
            async move { scan::scan(&source, &tx).await }
        });
        let mut reading = Reading::new(self, source, id, &progress, problems);
        // Logs that other processes read.
        let mut others = Vec::new();
        let mut batch = Vec::new();
        while found.recv_many(&mut batch, CLAIMED).await > 0 {
            let mut new = Vec::new();
            for log in batch.drain(..) {
                let row = known.get(&log.key);
                if row.is_none() && log.size() == 0 {
                    continue; // created, and nothing written yet
                }
                if self.is_new(&log, row) {
                    new.push(log);
                    continue;
                }
                let known = row.filter(|r| r.state != LogState::NoLog).and_then(|r| r.problem.as_deref());
                self.progress.unchanged(&progress, known.map(|p| format!("{}/{}: {p}", source.url, log.key)));
            }
            let (ours, held) = self.share_out(new, |log| log_claim(id, &log.key)).await?;
            others.extend(held);
            for log in ours {
                reading.begin(log).await;
            }
        }
        let mut scan = self.scanned(source, &progress, listing.await, problems);
        // Who waits for an end wants all that is there; who follows looks again soon anyway.
        while problems == Problems::Collect && !others.is_empty() {
            reading.ended().await;
            tokio::time::sleep(WAIT).await;
            let (ours, held) = self.share_out(others, |log| log_claim(id, &log.key)).await?;
            others = held;
            for log in ours {
                reading.begin(log).await;
            }
        }
        reading.ended().await;
        scan.problem = scan.problem.or_else(|| reading.unread.problem());
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
                progress.listed(&listed);
                for odd in listed.odd.iter().filter(|_| problems == Problems::Collect) {
                    self.progress.odd(format!("{}/{}: passed by: {}", source.url, odd.name, odd.why));
                }
                scan.listed = Some(listed);
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
            Ok(Outcome { unchanged: true, .. }) => {
                progress.read_elsewhere(&log.key, log.size());
                None
            }
            Ok(outcome) => {
                if let (Some(problem), Problems::Log) = (&outcome.problem, problems) {
                    tracing::warn!(source = ?source, log = log.key, "{problem}");
                }
                self.progress.done(progress, &log.key, &format!("{}/{}", source.url, log.key), log.size(), outcome);
                None
            }
            Err(Failure { what, why }) => {
                let gone = why == Why::Gone;
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

/// Logs of one pass that are being read.
struct Reading<'a> {
    indexer: &'a Arc<Indexer>,
    source: &'a Source,
    source_id: i64,
    progress: &'a Arc<SourceProgress>,
    problems: Problems,
    readers: JoinSet<Option<String>>,
    unread: Unread,
}

impl<'a> Reading<'a> {
    fn new(
        indexer: &'a Arc<Indexer>,
        source: &'a Source,
        source_id: i64,
        progress: &'a Arc<SourceProgress>,
        problems: Problems,
    ) -> Self {
        Reading { indexer, source, source_id, progress, problems, readers: JoinSet::new(), unread: Unread::default() }
    }

    /// Reads a log that was claimed, as soon as there is a place for it.
    async fn begin(&mut self, log: EventLog) {
        self.progress.found(&log.key, log.size(), log.modified());
        let me = self.indexer.clone();
        let large = log.size() > LARGE;
        let threads = if large { me.workers } else { 1 };
        let permits = if large { me.places } else { 1 };
        // It is never closed.
        let Ok(permit) = me.permits.clone().acquire_many_owned(permits as u32).await else { return };
        let (source, id, progress, problems) =
            (self.source.clone(), self.source_id, self.progress.clone(), self.problems);
        self.readers.spawn(async move {
            let span = reading_span(&source, &log);
            let outcome = me.read_log(&source, id, &log, threads).instrument(span.clone()).await;
            note_reading(&span, &outcome);
            drop(permit);
            me.report(&source, &progress, &log, outcome, problems)
        });
        while let Some(done) = self.readers.try_join_next() {
            self.unread.note(done);
        }
    }

    /// Waits for those that were begun.
    async fn ended(&mut self) {
        while let Some(done) = self.readers.join_next().await {
            self.unread.note(done);
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

    fn problem(&self) -> Option<String> {
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
