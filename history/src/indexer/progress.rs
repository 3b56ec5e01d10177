//! What the indexer has done so far, by source: counted once, for progress displays, summaries, exit codes and metrics.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use afterglow_ingest::scan::Listed;

use crate::state::Completeness;

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
    /// What this reading met of that.
    pub damage: Damage,
    /// Not an event log at all.
    pub no_log: bool,
    /// Another process has read it meanwhile.
    pub unchanged: bool,
    /// What came of it is in the catalog, and the claim on the log given up.
    pub committed: bool,
    /// It is a container's log, with so many pauses and progress reports.
    pub container: Option<(u64, u64)>,
}

/// What was damaged or missing, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Lines that were no event.
    pub lines: u64,
    /// Compressed blocks that did not decode.
    pub blocks: u64,
    /// Logs that end inside a line or block.
    pub torn_tails: u64,
    /// Parts of rolling logs that are not there.
    pub missing_parts: u64,
    /// Logs without the event that says whose they are.
    pub no_starts: u64,
}

impl Damage {
    /// What came to light between two looks at the same log.
    pub fn between(before: &Completeness, after: &Completeness) -> Damage {
        let more = |from: i64, to: i64| to.saturating_sub(from).max(0) as u64;
        let first = |from: bool, to: bool| u64::from(to && !from);
        Damage {
            lines: more(before.damaged_lines, after.damaged_lines),
            blocks: more(before.damaged_blocks, after.damaged_blocks),
            torn_tails: first(before.torn_tail, after.torn_tail),
            missing_parts: after.missing_parts.len().saturating_sub(before.missing_parts.len()) as u64,
            no_starts: first(before.no_start, after.no_start),
        }
    }
}

/// Why something could not be listed or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// The source cannot be listed.
    Listing,
    /// A log cannot be read.
    Reading,
    /// A log was renamed or deleted between listing and reading.
    Gone,
}

/// Counters of one source; read them at any time.
#[derive(Debug, Default)]
pub struct SourceProgress {
    pub cluster: String,
    /// The source's URL as it may be shown.
    pub url: String,
    counted: Counted,
    waiting: Mutex<Waiting>,
}

/// Logs that were found new or changed, and are not indexed as they are now.
#[derive(Debug, Default)]
struct Waiting {
    /// Number of the listing under way.
    listing: u64,
    /// By key: when what is missing was written (epoch milliseconds), and the last listing that had it.
    since: HashMap<String, (i64, u64)>,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        struct Counted {
            $($name: AtomicU64,)*
        }

        /// Counters at one moment, of a source or of all.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counted {
            fn now(&self) -> Counts {
                Counts { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl Counts {
            fn plus(self, other: Counts) -> Counts {
                Counts { $($name: self.$name + other.$name,)* }
            }
        }
    };
}

counters! {
    /// Objects that whole listings saw.
    objects,
    /// Objects that are surely no logs, and files that turned out to be none.
    passed_by,
    /// Logs found new or changed.
    logs_found,
    /// Bytes of those.
    bytes_found,
    /// Logs that a listing found as they were.
    logs_unchanged,
    /// Readings that ended, well or not.
    logs_done,
    /// Bytes of the logs they were of.
    bytes_done,
    /// Bytes fetched.
    bytes_read,
    /// Readings that gave an attempt.
    attempts,
    events,
    /// Readings of logs of containers, and what was found in them.
    containers,
    pauses,
    reports,
    /// Bytes of log after decompression.
    plain_bytes,
    /// Readings of logs with which something is wrong.
    damaged,
    /// Logs found as they were, with which something was wrong when they were read.
    damaged_before,
    damaged_lines,
    damaged_blocks,
    torn_tails,
    missing_parts,
    no_starts,
    /// Listings that failed.
    failed_listings,
    /// Readings that failed.
    failed_readings,
    /// Readings whose log was gone.
    gone,
}

impl Counts {
    /// Everything that failed.
    pub fn failed(&self) -> u64 {
        self.failed_listings + self.failed_readings + self.gone
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}

impl SourceProgress {
    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counted.now()
    }

    /// Logs that wait or are being read, and since when the one that waits longest has something new, epoch milliseconds.
    pub fn waiting(&self) -> (usize, Option<i64>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (waiting.since.len(), waiting.since.values().map(|(since, _)| *since).min())
    }

    /// A listing begins.
    pub(super) fn begin(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).listing += 1;
    }

    /// A listing has ended, with all that there is: what it had not is gone.
    pub(super) fn listed(&self, l: &Listed) {
        add(&self.counted.objects, l.objects);
        add(&self.counted.passed_by, l.passed_by);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let listing = waiting.listing;
        waiting.since.retain(|_, (_, seen)| *seen == listing);
    }

    /// A log is new or changed: `modified` is when its newest part was written, epoch milliseconds.
    pub(super) fn found(&self, key: &str, bytes: u64, modified: i64) {
        add(&self.counted.logs_found, 1);
        add(&self.counted.bytes_found, bytes);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let listing = waiting.listing;
        // One that could not be read before waits since then, however it has grown meanwhile.
        waiting.since.entry(key.to_owned()).or_insert((modified, listing)).1 = listing;
    }

    /// A log was claimed, and turned out to be read by another process by then.
    pub(super) fn read_elsewhere(&self, key: &str, size: u64) {
        self.read(key, size, false);
    }

    fn read(&self, key: &str, size: u64, missing: bool) {
        add(&self.counted.logs_done, 1);
        add(&self.counted.bytes_done, size);
        if !missing {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).since.remove(key);
        }
    }
}

/// Counters of all sources, and what is wrong with their logs.
#[derive(Debug, Default)]
pub struct Progress {
    sources: Mutex<BTreeMap<(String, String), Arc<SourceProgress>>>,
    problems: Mutex<Vec<String>>,
}

/// Problems kept; a source full of rubbish must not fill the memory.
const MAX_PROBLEMS: usize = 10_000;

impl Progress {
    /// The counters of a source; `url` as it may be shown.
    pub fn source(&self, cluster: &str, url: &str) -> Arc<SourceProgress> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || SourceProgress { cluster: cluster.to_owned(), url: url.to_owned(), ..SourceProgress::default() };
        sources.entry((cluster.to_owned(), url.to_owned())).or_insert_with(|| Arc::new(new())).clone()
    }

    /// The counters of every source.
    pub fn sources(&self) -> Vec<Arc<SourceProgress>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What was counted of all sources together.
    pub fn counts(&self) -> Counts {
        self.sources().iter().map(|s| s.counts()).fold(Counts::default(), Counts::plus)
    }

    /// A log that was read before, with what was wrong with it then.
    pub(super) fn unchanged(&self, source: &SourceProgress, problem: Option<String>) {
        add(&source.counted.logs_unchanged, 1);
        if let Some(problem) = problem {
            add(&source.counted.damaged_before, 1);
            self.problem(problem);
        }
    }

    /// A log was read; `name` is what people know it by.
    pub(super) fn done(&self, source: &SourceProgress, key: &str, name: &str, size: u64, outcome: Outcome) {
        source.read(key, size, false);
        let c = &source.counted;
        add(&c.events, outcome.events);
        add(&c.bytes_read, outcome.bytes);
        add(&c.plain_bytes, outcome.plain);
        add(&c.attempts, u64::from(outcome.attempt.is_some()));
        let Damage { lines, blocks, torn_tails, missing_parts, no_starts } = outcome.damage;
        for (counter, n) in [
            (&c.damaged_lines, lines),
            (&c.damaged_blocks, blocks),
            (&c.torn_tails, torn_tails),
            (&c.missing_parts, missing_parts),
            (&c.no_starts, no_starts),
        ] {
            add(counter, n);
        }
        if let Some((pauses, reports)) = outcome.container {
            add(&c.containers, 1);
            add(&c.pauses, pauses);
            add(&c.reports, reports);
        }
        if outcome.no_log {
            add(&c.passed_by, 1);
        } else if let Some(problem) = outcome.problem {
            add(&c.damaged, 1);
            self.problem(format!("{name}: {problem}"));
        }
    }

    /// A log could not be read: it waits, unless it is gone.
    pub(super) fn failed(&self, source: &SourceProgress, key: &str, problem: String, size: u64, kind: Failed) {
        source.read(key, size, kind != Failed::Gone);
        self.note(source, kind, problem);
    }

    /// A file that a listing passed by.
    pub(super) fn odd(&self, problem: String) {
        self.problem(problem);
    }

    /// A source could not be listed.
    pub(super) fn source_failed(&self, source: &SourceProgress, problem: String) {
        self.note(source, Failed::Listing, problem);
    }

    fn note(&self, source: &SourceProgress, kind: Failed, problem: String) {
        let counter = match kind {
            Failed::Listing => &source.counted.failed_listings,
            Failed::Reading => &source.counted.failed_readings,
            Failed::Gone => &source.counted.gone,
        };
        add(counter, 1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_waits_since_what_is_missing_was_written() {
        let progress = Progress::default();
        let source = progress.source("c", "file:///logs/");
        assert_eq!(source.waiting(), (0, None));
        source.begin();
        source.found("a", 10, 5_000);
        source.found("b", 10, 7_000);
        assert_eq!(source.waiting(), (2, Some(5_000)));
        progress.failed(&source, "a", "no".into(), 10, Failed::Reading);
        progress.done(&source, "b", "b", 10, Outcome { bytes: 10, ..Outcome::default() });
        source.listed(&Listed { objects: 2, ..Listed::default() });
        // It grew, and what it had then is still not there.
        source.begin();
        source.found("a", 20, 9_000);
        source.listed(&Listed { objects: 2, ..Listed::default() });
        assert_eq!(source.waiting(), (1, Some(5_000)));
        // A listing that has it no more.
        source.begin();
        source.listed(&Listed { objects: 1, ..Listed::default() });
        assert_eq!(source.waiting(), (0, None));
        let counts = progress.counts();
        assert_eq!((counts.logs_found, counts.logs_done, counts.failed(), counts.bytes_read), (3, 2, 1, 10));
    }

    #[test]
    fn damage_counts_once() {
        let before = Completeness { damaged_lines: 2, missing_parts: vec![1], ..Completeness::default() };
        let after =
            Completeness { damaged_lines: 5, torn_tail: true, missing_parts: vec![1], ..Completeness::default() };
        let expected = Damage { lines: 3, torn_tails: 1, ..Damage::default() };
        assert_eq!(Damage::between(&before, &after), expected);
        assert_eq!(Damage::between(&after, &after), Damage::default());
    }
}
