//! `executor-memory-high`: executors use their heap to the brim, and suffer from it.

use afterglow_history::insight::removal::{Removal, class};
use afterglow_history::state::Executor;

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::facts::memory::{Asked, heap_peak};
use crate::facts::words::counted;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "executor-memory-high",
    family: Family::Memory,
    title: "The heap of executors is full",
    page: include_str!("executor_memory_high.md"),
    judge,
};

/// Peak over size of the heap: DataFlint's.
const FULL: f64 = 0.95;
/// Above that the setting is not what the JVM had.
const NOT_ITS: f64 = 1.05;
/// Collection over task time without which a full heap means nothing (collectors let it fill up), and from which it hurts: half of
/// what Dr. Elephant calls low, and that.
const FELT: f64 = 0.04;
const HURTS: f64 = 0.08;
/// Milliseconds of tasks that an executor must have run to tell.
const RAN: i64 = 60_000;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let heap = Asked::of(&facts.conf).heap;
    let mut full: Vec<(&Executor, i64)> = Vec::new();
    for e in facts.plain_workers().filter(|e| e.total_duration >= RAN || is_lost(e)) {
        let Some(peak) = heap_peak(e) else { continue };
        let ratio = peak as f64 / heap as f64;
        if (FULL..NOT_ITS).contains(&ratio) && (gc_share(e) >= FELT || is_lost(e) || is_untold(e)) {
            full.push((e, peak));
        }
    }
    full.sort_by_key(|(e, peak)| (std::cmp::Reverse(*peak), e.id.clone()));
    let Some((worst, peak)) = full.first().copied() else {
        let lost = facts.plain_workers().any(|e| is_lost(e) && heap_peak(e).is_none());
        if lost {
            verdict.not_known("whether the heap was too small for executors that ran out of memory", Lack::Peaks);
        }
        return;
    };
    let lost = full.iter().filter(|(e, _)| is_lost(e)).count();
    let hurts = lost > 0 || full.iter().any(|(e, _)| gc_share(e) >= HURTS);
    let gc = full.iter().map(|(e, _)| e.total_gc_time.max(0)).fold(0, i64::saturating_add);
    let ratio = peak as f64 / heap as f64;
    let key = "spark.executor.memory";
    let how = match lost {
        0 if is_untold(worst) => ", and nothing tells how much they collected".to_owned(),
        0 => String::new(),
        _ => format!(", and {lost} of them ran out of memory"),
    };
    let executors = counted(full.len() as i64, "executor");
    let summary = format!("{executors} filled up to {:.0} % of the heap{how}", ratio * 100.0);
    let mut finding = Finding::new(if hurts { Severity::Warning } else { Severity::Info }, Place::Application, summary)
        .evidence(Evidence::derived("peak over size of the heap", Value::Ratio(ratio)));
    finding.evidence.extend(facts.peak("peak of the heap", worst, "JVMHeapMemory"));
    finding.evidence.push(Evidence::derived("size of the heap", Value::Bytes(heap)));
    if let Some(at) = facts.executors.keys().position(|id| *id == worst.id) {
        let of = |field: &str| Source::spark("allexecutors", format!("/{at}/{field}"));
        let gc = Evidence::new("its garbage collection", Value::Millis(worst.total_gc_time), of("totalGCTime"));
        finding = finding.evidence(gc).evidence(Evidence::new(
            "its task time",
            Value::Millis(worst.total_duration),
            of("totalDuration"),
        ));
    }
    verdict.find(
        finding
            .costs(AtStake::default().cores(gc))
            .advise(Advice::Set(Setting {
                key,
                current: facts.conf.current(key),
                suggested: as_setting(heap.saturating_add(heap / 5)),
                why: "a fifth more than the peak leaves room between collections".into(),
                since: (0, 0),
            }))
            .advise(Advice::Do("or fewer tasks at a time on the same heap: a smaller spark.executor.cores".into()))
            .sure(if hurts { Sure::Likely } else { Sure::Possible }),
    );
}

/// Collection over task time.
fn gc_share(e: &Executor) -> f64 {
    if e.total_duration > 0 { e.total_gc_time as f64 / e.total_duration as f64 } else { 0.0 }
}

/// Whether nobody measured collection: a JVM whose heap is full has some.
fn is_untold(e: &Executor) -> bool {
    e.total_gc_time <= 0
}

fn is_lost(e: &Executor) -> bool {
    e.remove_reason.as_deref().is_some_and(|why| class(why) == Removal::OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, said, settings};

    const HEAP: i64 = 10 << 30;

    fn with(peak: f64, gc: i64) -> Facts {
        let conf = [("spark.executor.memory", "10g")];
        let mut facts =
            application("3.5.1", 600, &conf).with_executor("1", 4, &[("JVMHeapMemory", (HEAP as f64 * peak) as i64)]);
        facts.executors.values_mut().for_each(|e| (e.total_duration, e.total_gc_time) = (1_000_000, gc));
        facts
    }

    #[test]
    fn a_full_heap_counts_where_it_is_felt() {
        assert_eq!(found(RULE.name, &with(0.949, 100_000)), []);
        assert_eq!(found(RULE.name, &with(0.96, 39_999)), [], "collectors fill a heap before they work");
        assert_eq!(found(RULE.name, &with(1.2, 100_000)), [], "the JVM had another heap");
        let felt = found(RULE.name, &with(0.96, 40_000));
        assert_eq!((felt[0].severity, felt[0].sure), (Severity::Info, Sure::Possible));
        let hurts = found(RULE.name, &with(0.96, 80_000));
        assert_eq!(hurts[0].severity, Severity::Warning);
        assert_eq!(settings(&hurts[0]), [("spark.executor.memory", Some("10g"), "12g")]);
        assert_eq!(hurts[0].summary, "1 executor filled up to 96 % of the heap");
        let source = hurts[0].evidence[1].source.as_ref();
        assert_eq!(source.map(|s| s.pointer.as_str()), Some("/0/peakMemoryMetrics/JVMHeapMemory"));
    }

    #[test]
    fn a_full_heap_is_told_where_nobody_measured_collection() {
        let untold = found(RULE.name, &with(0.97, 0));
        assert_eq!((untold[0].severity, untold[0].sure), (Severity::Info, Sure::Possible));
        assert_eq!(
            untold[0].summary,
            "1 executor filled up to 97 % of the heap, and nothing tells how much they collected"
        );
        assert_eq!(found(RULE.name, &with(0.97, 1)), []);
    }

    #[test]
    fn executors_that_ran_out_of_memory_count_anyway() {
        let lose = |mut facts: Facts| {
            facts.executors.values_mut().for_each(|e| e.remove_reason = Some("Command exited with code 52 ".into()));
            facts
        };
        assert_eq!(found(RULE.name, &lose(with(0.96, 0)))[0].severity, Severity::Warning);
        let (none, unknown) = said(RULE.name, &lose(with(0.0, 0)));
        assert_eq!((none.len(), unknown.len()), (0, 1), "no peak was measured");
    }
}
