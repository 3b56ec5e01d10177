//! What is asked of the parts of the process when somebody looks, as series.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::names::{self, Metric};
use super::page::{Labels, Page, labels};
use crate::catalog::{Held, Kind, Over, Pulse, Running, SourceLogs, SourceRow};
use crate::indexer::Indexer;
use crate::indexer::progress::{Counts, SourceProgress};
use crate::search::Search;
use crate::store::Store;

/// Queues that are told apart, with those of all clusters.
const QUEUES: usize = 50;
/// The others together.
const OTHER: &str = "other";
/// How an attempt can be over.
const OUTCOMES: [&str; 4] = ["completed", "failed", "killed", "lost"];

/// What the catalog knew a few seconds ago.
pub struct Known {
    pub pulse: Pulse,
    pub sources: Vec<SourceRow>,
}

/// What is summed over all attempts and logs.
pub struct Sums {
    pub held: Vec<(Kind, Held)>,
    /// By source id.
    pub logs: HashMap<i64, SourceLogs>,
}

/// One number of many.
type Of<T, N> = fn(&T) -> N;

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// What the indexer has done and has before it.
pub fn indexer(page: &mut Page, indexer: &Indexer, now: i64) {
    let sources = indexer.progress.sources();
    let of = |s: &SourceProgress| labels([("cluster", &s.cluster), ("source", &s.url)]);
    let waiting: Vec<_> = sources.iter().map(|s| (of(s), s.waiting())).collect();
    let lag = |since: Option<i64>| since.map_or(0.0, |since| seconds((now - since).max(0)));
    page.gauges(names::INGEST_LAG, waiting.iter().map(|(l, (_, since))| (l.clone(), lag(*since))));
    page.gauges(names::LOGS_WAITING, waiting.into_iter().map(|(l, (logs, _))| (l, logs as f64)));
    let counted: Vec<_> = sources.iter().map(|s| (of(s), s.counts())).collect();
    let counters: [(Metric, Of<Counts, u64>); 7] = [
        (names::OBJECTS_LISTED, |c| c.objects),
        (names::LOGS_FOUND, |c| c.logs_found),
        (names::LOGS_UNCHANGED, |c| c.logs_unchanged),
        (names::LOGS_DONE, |c| c.logs_done),
        (names::BYTES_READ, |c| c.bytes_read),
        (names::PLAIN_BYTES, |c| c.plain_bytes),
        (names::EVENTS, |c| c.events),
    ];
    for (metric, count) in counters {
        page.counters(metric, counted.iter().map(|(l, c)| (l.clone(), count(c))));
    }
    let damage: [(&str, Of<Counts, u64>); 5] = [
        ("line", |c| c.damaged_lines),
        ("block", |c| c.damaged_blocks),
        ("torn_tail", |c| c.torn_tails),
        ("missing_part", |c| c.missing_parts),
        ("no_start", |c| c.no_starts),
    ];
    let failures: [(&str, Of<Counts, u64>); 3] =
        [("listing", |c| c.failed_listings), ("reading", |c| c.failed_readings), ("gone", |c| c.gone)];
    for (metric, kinds) in [(names::DAMAGE, &damage[..]), (names::FAILURES, &failures[..])] {
        let by_kind =
            counted.iter().flat_map(|(l, c)| kinds.iter().map(move |(kind, count)| (with(l, "kind", kind), count(c))));
        page.counters(metric, by_kind);
    }
    let (followed, bytes, limit) = indexer.followed();
    page.gauge(names::FOLLOWED, followed as f64);
    page.gauge(names::FOLLOWED_BYTES, bytes as f64);
    page.gauge(names::FOLLOWED_LIMIT, limit as f64);
}

fn with(all: &Labels, name: &'static str, value: &str) -> Labels {
    all.iter().cloned().chain([(name, value.to_owned())]).collect()
}

/// Sources and their logs.
pub fn sources(page: &mut Page, known: &Known, sums: &Sums) {
    let of = |s: &SourceRow| labels([("cluster", &s.cluster), ("source", &s.url)]);
    let up = |s: &SourceRow| f64::from(u8::from(s.problem.is_none() && s.last_success.is_some()));
    page.gauges(names::SOURCE_UP, known.sources.iter().map(|s| (of(s), up(s))));
    let listed = known.sources.iter().filter_map(|s| Some((of(s), seconds(s.last_success?))));
    page.gauges(names::SOURCE_LISTED, listed);
    let objects = known.sources.iter().filter(|s| s.last_success.is_some());
    page.gauges(names::SOURCE_OBJECTS, objects.map(|s| (of(s), s.objects as f64)));
    let states = known.sources.iter().flat_map(|s| {
        let states = sums.logs.get(&s.id).map(|l| &l.states[..]).unwrap_or_default();
        states.iter().map(move |(state, n)| (with(&of(s), "state", state), *n as f64))
    });
    page.gauges(names::SOURCE_LOGS, states);
    let problems = known.sources.iter().map(|s| (of(s), sums.logs.get(&s.id).map_or(0, |l| l.problems) as f64));
    page.gauges(names::SOURCE_PROBLEMS, problems);
}

/// All that the store holds.
pub fn held(page: &mut Page, held: &[(Kind, Held)]) {
    let by_outcome = by(held, |kind| labels([("cluster", &kind.cluster), ("outcome", &kind.outcome)]), |h| h.attempts);
    page.gauges(names::APPLICATIONS, by_outcome);
    let sizes: [(Metric, Of<Held, i64>); 3] = [
        (names::LOG_BYTES, |h| h.log_bytes),
        (names::STORE_BYTES, |h| h.store_bytes),
        (names::STORE_PARTS, |h| h.parts),
    ];
    for (metric, size) in sizes {
        page.gauges(metric, by(held, |kind| labels([("cluster", &kind.cluster)]), size));
    }
}

/// Sums of a number by labels.
fn by<T>(all: &[(Kind, T)], of: impl Fn(&Kind) -> Labels, number: impl Fn(&T) -> i64) -> BTreeMap<Labels, f64> {
    let mut sums = BTreeMap::new();
    for (kind, value) in all {
        *sums.entry(of(kind)).or_insert(0.0) += number(value) as f64;
    }
    sums
}

/// What runs, and what was over within the hour; a cluster of which nothing is has zeros.
pub fn pulse(page: &mut Page, known: &Known, held: &[(Kind, Held)]) {
    let clusters: BTreeSet<&str> = known
        .sources
        .iter()
        .map(|s| s.cluster.as_str())
        .chain(held.iter().map(|(kind, _)| kind.cluster.as_str()))
        .collect();
    let zeros = || clusters.iter().map(|c| (labels([("cluster", c)]), 0.0)).collect::<BTreeMap<_, _>>();
    let of_cluster = |kind: &Kind| labels([("cluster", &kind.cluster)]);
    let filled = |sums: BTreeMap<Labels, f64>| zeros().into_iter().chain(sums).collect::<BTreeMap<_, _>>();

    let Pulse { running, over, open_batches, .. } = &known.pulse;
    page.gauges(names::RUNNING, by_queue(running, &clusters));
    let of_running: [(Metric, Of<Running, i64>); 3] = [
        (names::RUNNING_EXECUTORS, |r| r.executors),
        (names::RUNNING_CORES, |r| r.cores),
        (names::RUNNING_FAILED, |r| r.failed_tasks),
    ];
    for (metric, number) in of_running {
        page.gauges(metric, filled(by(running, of_cluster, number)));
    }

    let of_outcome = |cluster: &str, outcome: &str| labels([("cluster", cluster), ("outcome", outcome)]);
    let mut ended: BTreeMap<Labels, f64> =
        clusters.iter().flat_map(|c| OUTCOMES.map(|o| (of_outcome(c, o), 0.0))).collect();
    ended.extend(by(over, |kind| of_outcome(&kind.cluster, &kind.outcome), |o| o.attempts));
    page.gauges(names::ENDED, ended);
    page.gauges(names::ENDED_FAILED, filled(by(over, of_cluster, |o| o.failed_tasks)));
    let times: [(Metric, Of<Over, i64>); 2] = [(names::ENDED_RUN, |o| o.run_time), (names::ENDED_GC, |o| o.gc_time)];
    for (metric, time) in times {
        let sums = filled(by(over, of_cluster, time));
        page.gauges(metric, sums.into_iter().map(|(l, ms)| (l, ms / 1000.0)));
    }
    let spilled: [(&str, Of<Over, i64>); 2] = [("memory", |o| o.memory_spilled), ("disk", |o| o.disk_spilled)];
    let spilled = spilled.into_iter().flat_map(|(place, bytes)| {
        filled(by(over, of_cluster, bytes)).into_iter().map(move |(l, n)| (with(&l, "measured", place), n))
    });
    page.gauges(names::ENDED_SPILLED, spilled.collect::<Vec<_>>());
    page.gauge(names::BATCHES_OPEN, *open_batches as f64);
}

/// Running attempts by cluster and queue: the queues with most of them, the rest of each cluster as one.
fn by_queue(running: &[(Kind, Running)], clusters: &BTreeSet<&str>) -> BTreeMap<Labels, f64> {
    let of = |cluster: &str, queue: &str| labels([("cluster", cluster), ("queue", queue)]);
    let all = by(running, |kind| of(&kind.cluster, &kind.queue), |r| r.attempts);
    let mut largest: Vec<_> = all.into_iter().collect();
    largest.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut out = BTreeMap::new();
    for (i, (labels, attempts)) in largest.into_iter().enumerate() {
        let queue = if i < QUEUES { labels[1].1.as_str() } else { OTHER };
        *out.entry(of(&labels[0].1, queue)).or_insert(0.0) += attempts;
    }
    for cluster in clusters {
        if !out.keys().any(|labels: &Labels| labels[0].1 == *cluster) {
            out.insert(of(cluster, ""), 0.0);
        }
    }
    out
}

/// What is kept in memory of the store.
pub fn store(page: &mut Page, store: &Store, limit: Option<u64>) {
    let cache = store.cache();
    page.counter(names::CACHE_HITS, cache.hits as f64);
    page.counter(names::CACHE_MISSES, cache.misses as f64);
    page.gauge(names::CACHE_BYTES, cache.bytes as f64);
    page.gauge(names::CACHE_LIMIT, cache.limit as f64);
    if let Some(limit) = limit {
        page.gauge(names::STORE_LIMIT, limit as f64);
    }
}

pub fn search(page: &mut Page, search: &Search, known: &Known) {
    let behind = (known.pulse.sequence - search.sequence()).max(0);
    page.gauge(names::SEARCH_LAG, behind as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_bounded_and_lose_nothing() {
        let kind =
            |queue: usize| Kind { cluster: "c".into(), queue: format!("q{queue:03}"), outcome: "running".into() };
        let running = |attempts| Running { attempts, ..Running::default() };
        let all: Vec<_> = (0..200).map(|i| (kind(i), running(i as i64 + 1))).collect();
        let shown = by_queue(&all, &BTreeSet::from(["c", "idle"]));
        assert_eq!(shown.len(), QUEUES + 2);
        assert_eq!(shown.values().sum::<f64>(), (1..=200).sum::<i64>() as f64);
        assert_eq!(shown[&labels([("cluster", "c"), ("queue", "q199")])], 200.0);
        assert_eq!(shown[&labels([("cluster", "c"), ("queue", OTHER)])], (1..=150).sum::<i64>() as f64);
        assert_eq!(shown[&labels([("cluster", "idle"), ("queue", "")])], 0.0);
    }
}
