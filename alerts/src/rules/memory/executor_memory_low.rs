//! `executor-memory-low`: executors ask for much more memory than they ever use.

use afterglow_history::state::Executor;

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::facts::memory::{Asked, heap_peak};
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "executor-memory-low",
    family: Family::Memory,
    title: "Executors ask for much more memory than they use",
    page: include_str!("executor_memory_low.md"),
    judge,
};

/// Peak over size below which memory is idle: DataFlint's.
const IDLE: f64 = 0.70;
/// What is left above the peak.
const ROOM: f64 = 1.2;
/// The least heap that is advised, bytes: below, Spark's own reserve weighs too much.
const LEAST: i64 = 1 << 30;
/// Mebibytes times milliseconds below which it is not worth a word: a gibibyte for an hour.
const WORTH: i64 = 1024 * 3_600_000;
/// Unused of all that was asked for, from which it is a warning.
const MUCH: f64 = 0.5;
/// Collection over task time from which memory is not too much, whatever peaks say: Dr. Elephant's lowest.
const PRESSED: f64 = 0.05;
/// Memory of a core from which other machines are cheaper, bytes.
const OF_A_CORE: i64 = 16 << 30;

/// A kind of memory that is asked for, and the most that any executor used of it.
struct Kind {
    what: &'static str,
    key: &'static str,
    metric: &'static str,
    asked: i64,
    peak: i64,
    needed: i64,
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    // Of what was asked for, only settings tell.
    if !facts.conf.known {
        if facts.workers().next().is_some() && !facts.is_local() {
            verdict.not_known("whether executors have the memory that they need", Lack::Environment);
        }
        return;
    }
    let asked = Asked::of(&facts.conf);
    let workers: Vec<&Executor> = facts.plain_workers().collect();
    let time = workers.iter().map(|e| facts.lifetime(e)).fold(0, i64::saturating_add);
    let of_all = |bytes: i64| (bytes >> 20).saturating_mul(time);
    if of_all(asked.total()) < WORTH || workers.is_empty() {
        return;
    }
    let busy: Vec<&Executor> = workers.iter().copied().filter(|e| e.total_tasks > 0).collect();
    let Some(fullest) = busy
        .iter()
        .copied()
        .max_by_key(|e| (heap_peak(e), std::cmp::Reverse(e.id.clone())))
        .filter(|e| heap_peak(e).is_some())
    else {
        if !busy.is_empty() && facts.ended {
            verdict.not_known("whether executors need the memory that they ask for", Lack::Peaks);
        }
        return;
    };
    let (gc, run) = busy.iter().fold((0i64, 0i64), |(gc, run), e| {
        (gc.saturating_add(e.total_gc_time.max(0)), run.saturating_add(e.total_duration.max(0)))
    });
    let gc_share = if run > 0 { gc as f64 / run as f64 } else { 1.0 };
    let kinds: Vec<Kind> =
        kinds(&asked, &busy).into_iter().filter(|k| of_all(k.asked.saturating_sub(k.needed)) > 0).collect();
    let spare = kinds.iter().map(|k| k.asked.saturating_sub(k.needed)).fold(0, i64::saturating_add);
    if gc_share >= PRESSED || of_all(spare) < WORTH {
        return;
    }
    let first = &kinds[0];
    let summary = format!(
        "no executor used more than {:.0} % of its {}: {:.1} of {:.1} GiB are spare",
        first.peak as f64 / first.asked as f64 * 100.0,
        first.what,
        gib(spare),
        gib(asked.total()),
    );
    let severity = if spare as f64 >= MUCH * asked.total() as f64 { Severity::Warning } else { Severity::Info };
    let mut finding = Finding::new(severity, Place::Application, summary)
        .evidence(Evidence::derived("peak over size", Value::Ratio(first.peak as f64 / first.asked as f64)));
    for k in &kinds {
        let of = busy.iter().copied().find(|e| e.peaks.get(k.metric) == Some(k.peak)).unwrap_or(fullest);
        finding.evidence.extend(facts.peak("most that was used", of, k.metric));
        finding.evidence.push(Evidence::derived("asked for", Value::Bytes(k.asked)));
        finding.advice.push(Advice::Set(Setting {
            key: k.key,
            current: facts.conf.current(k.key),
            suggested: as_setting(k.needed),
            why: "a fifth more than the most that any executor used".into(),
            since: (0, 0),
        }));
    }
    finding.evidence.push(Evidence::derived("garbage collection of task time", Value::Share(gc_share)));
    let cores = workers.iter().map(|e| e.total_cores).max().unwrap_or(0).max(1);
    if asked.total() / cores > OF_A_CORE {
        let gib = gib(asked.total() / cores);
        let text = format!("executors have {gib:.0} GiB a core: machines with less memory a core do the same for less");
        finding.advice.push(Advice::Do(text));
    }
    // Without readings at the end of stages, peaks are those of the moments at which executors reported.
    let seen = facts.conf.flag("spark.eventLog.logStageExecutorMetrics", false);
    verdict.find(finding.costs(AtStake::default().memory(of_all(spare))).sure(if seen {
        Sure::Likely
    } else {
        Sure::Possible
    }));
}

/// Kinds of memory of which less than most was used.
fn kinds(asked: &Asked, busy: &[&Executor]) -> Vec<Kind> {
    let peak = |metric: &str| busy.iter().filter_map(|e| e.peaks.get(metric)).max().unwrap_or(0).max(0);
    let kind = |what, key, metric, asked: i64, least: i64| {
        let peak = peak(metric);
        let needed = ((peak as f64 * ROOM) as i64).max(least).min(asked);
        Kind { what, key, metric, asked, peak, needed }
    };
    let all = [
        kind("heap", "spark.executor.memory", "JVMHeapMemory", asked.heap, LEAST),
        kind("off-heap memory", "spark.memory.offHeap.size", "OffHeapUnifiedMemory", asked.off_heap, 0),
        kind("Python memory", "spark.executor.pyspark.memory", "ProcessTreePythonRSSMemory", asked.python, 0),
    ];
    // What was not measured is not idle.
    all.into_iter().filter(|k| k.asked > 0 && k.peak > 0 && (k.peak as f64) < IDLE * k.asked as f64).collect()
}

fn gib(bytes: i64) -> f64 {
    bytes as f64 / (1i64 << 30) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, said, settings};

    const GIB: i64 = 1 << 30;

    fn with(seconds: i64, peak: i64) -> Facts {
        let conf = [("spark.executor.memory", "10g"), ("spark.eventLog.logStageExecutorMetrics", "true")];
        let mut facts = application("3.5.1", seconds, &conf).with_executor("1", 4, &[("JVMHeapMemory", peak)]);
        facts.executors.values_mut().for_each(|e| e.total_duration = 1_000_000);
        facts
    }

    #[test]
    fn idle_memory_is_priced_in_gibibyte_hours() {
        assert_eq!(found(RULE.name, &with(3600, 7 * GIB)), []);
        let idle = found(RULE.name, &with(3600, 4 * GIB));
        assert_eq!((idle[0].severity, idle[0].sure), (Severity::Info, Sure::Likely));
        assert_eq!(settings(&idle[0]), [("spark.executor.memory", Some("10g"), "4916m")]);
        let spare = 10 * GIB - (4.0 * GIB as f64 * 1.2) as i64;
        assert_eq!(idle[0].at_stake, AtStake::default().memory((spare >> 20) * 3_600_000));
        assert_eq!(idle[0].summary, "no executor used more than 40 % of its heap: 5.2 of 11.0 GiB are spare");
        assert_eq!(found(RULE.name, &with(3600, GIB))[0].severity, Severity::Warning);
        assert_eq!(found(RULE.name, &with(600, 4 * GIB)), [], "less than a gibibyte for an hour");
    }

    #[test]
    fn a_heap_that_is_collected_much_is_not_too_large() {
        let mut facts = with(3600, 4 * GIB);
        facts.executors.values_mut().for_each(|e| e.total_gc_time = 50_000);
        assert_eq!(found(RULE.name, &facts), []);
    }

    #[test]
    fn memory_that_was_not_measured_is_not_known() {
        let (none, unknown) = said(RULE.name, &with(3600, 0));
        assert_eq!((none.len(), unknown.len()), (0, 1));
        assert_eq!((unknown[0].lack, unknown[0].rule), (Lack::Peaks, RULE.name));
        assert_eq!(
            unknown[0].what(),
            "whether executors need the memory that they ask for: the log has no peaks of this memory"
        );
        let mut old = with(3600, 0);
        old.conf.version = (2, 4);
        assert_eq!(said(RULE.name, &old).1[0].lack, Lack::Peaks, "a later version can");
        let mut bare = with(3600, 4 << 30);
        bare.conf.known = false;
        let (none, unknown) = said(RULE.name, &bare);
        assert_eq!((none, unknown[0].lack), (vec![], Lack::Environment), "nor is what they ask for");
        assert_eq!(said(RULE.name, &with(60, 0)).1, [], "nobody asks");
    }

    #[test]
    fn other_kinds_count_too() {
        let conf = [
            ("spark.executor.memory", "2g"),
            ("spark.memory.offHeap.enabled", "true"),
            ("spark.memory.offHeap.size", "20g"),
            ("spark.executor.pyspark.memory", "4g"),
        ];
        let peaks = [
            ("JVMHeapMemory", 3 * GIB / 2),
            ("OffHeapUnifiedMemory", 5 * GIB),
            ("ProcessTreePythonRSSMemory", 3 * GIB),
        ];
        let mut facts = application("3.5.1", 3600, &conf).with_executor("1", 4, &peaks);
        facts.executors.values_mut().for_each(|e| e.total_duration = 1_000_000);
        let idle = found(RULE.name, &facts);
        assert_eq!(settings(&idle[0]), [("spark.memory.offHeap.size", Some("20g"), "6g")]);
        assert_eq!(idle[0].sure, Sure::Possible, "no readings at the end of stages");
    }
}
