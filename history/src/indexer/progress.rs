//! What the indexer has done so far: counted for progress displays, summaries and exit codes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use afterglow_ingest::scan::Listed;

/// What reading a log came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The attempt it told of, as `cluster/application[/attempt]`.
    pub attempt: Option<String>,
    pub events: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// Plain bytes parsed.
    pub plain: u64,
    /// What is wrong with the log, in a line.
    pub problem: Option<String>,
    /// Not an event log at all.
    pub no_log: bool,
    /// It is a container's log, with so many pauses and progress reports.
    pub container: Option<(u64, u64)>,
}

/// Counters; read them at any time.
#[derive(Debug, Default)]
pub struct Progress {
    pub objects: AtomicU64,
    pub passed_by: AtomicU64,
    pub logs_found: AtomicU64,
    pub bytes_found: AtomicU64,
    pub logs_unchanged: AtomicU64,
    pub logs_done: AtomicU64,
    pub bytes_done: AtomicU64,
    pub attempts: AtomicU64,
    pub events: AtomicU64,
    /// Logs of containers, and what was found in them.
    pub containers: AtomicU64,
    pub pauses: AtomicU64,
    pub reports: AtomicU64,
    pub plain_bytes: AtomicU64,
    pub damaged: AtomicU64,
    pub failed: AtomicU64,
    problems: Mutex<Vec<String>>,
}

/// Problems kept; a source full of rubbish must not fill the memory.
const MAX_PROBLEMS: usize = 10_000;

impl Progress {
    pub(super) fn listed(&self, l: Listed) {
        self.objects.fetch_add(l.objects, Relaxed);
        self.passed_by.fetch_add(l.passed_by, Relaxed);
    }

    pub(super) fn found(&self, bytes: u64) {
        self.logs_found.fetch_add(1, Relaxed);
        self.bytes_found.fetch_add(bytes, Relaxed);
    }

    /// A log that was read before, with what was wrong with it then.
    pub(super) fn unchanged(&self, problem: Option<String>) {
        self.logs_unchanged.fetch_add(1, Relaxed);
        if let Some(problem) = problem {
            self.damaged.fetch_add(1, Relaxed);
            self.problem(problem);
        }
    }

    pub(super) fn done(&self, name: &str, size: u64, outcome: Outcome) {
        self.logs_done.fetch_add(1, Relaxed);
        self.bytes_done.fetch_add(size, Relaxed);
        self.events.fetch_add(outcome.events, Relaxed);
        self.plain_bytes.fetch_add(outcome.plain, Relaxed);
        if outcome.attempt.is_some() {
            self.attempts.fetch_add(1, Relaxed);
        }
        if let Some((pauses, reports)) = outcome.container {
            self.containers.fetch_add(1, Relaxed);
            self.pauses.fetch_add(pauses, Relaxed);
            self.reports.fetch_add(reports, Relaxed);
        }
        if outcome.no_log {
            self.passed_by.fetch_add(1, Relaxed);
        } else if let Some(problem) = outcome.problem {
            self.damaged.fetch_add(1, Relaxed);
            self.problem(format!("{name}: {problem}"));
        }
    }

    pub(super) fn failed(&self, problem: String, size: u64) {
        self.logs_done.fetch_add(1, Relaxed);
        self.bytes_done.fetch_add(size, Relaxed);
        self.failed.fetch_add(1, Relaxed);
        self.problem(problem);
    }

    pub(super) fn source_failed(&self, problem: String) {
        self.failed.fetch_add(1, Relaxed);
        self.problem(problem);
    }

    fn problem(&self, problem: String) {
        if let Ok(mut all) = self.problems.lock()
            && all.len() < MAX_PROBLEMS
        {
            all.push(problem);
        }
    }

    /// One line a problem, in the order in which they were met.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().map(|p| p.clone()).unwrap_or_default()
    }
}
