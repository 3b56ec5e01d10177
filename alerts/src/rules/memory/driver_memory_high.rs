//! `driver-memory-high`: the driver uses its heap to the brim, and suffers from it.

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::facts::memory::heap_peak;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "driver-memory-high",
    family: Family::Memory,
    title: "The heap of the driver is full",
    page: include_str!("driver_memory_high.md"),
    judge,
};

/// Peak over size of the heap: DataFlint's; and above what the setting is not what the JVM had.
const FULL: f64 = 0.95;
const NOT_ITS: f64 = 1.05;
/// Collection over the application's duration from which it is felt, and from which it hurts.
const FELT: f64 = 0.02;
const HURTS: f64 = 0.05;
/// Milliseconds that an application must have run to tell.
const RAN: i64 = 60_000;
/// Milliseconds of one about which somebody may ask.
const LONG: i64 = 10 * RAN;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let Some(driver) = facts.executors.get("driver") else { return };
    let key = "spark.driver.memory";
    let heap = facts.conf.bytes(key, 1 << 20).unwrap_or(1 << 30);
    let Some(peak) = heap_peak(driver) else {
        if facts.ended && facts.duration() >= LONG {
            verdict.not_known("whether the driver's heap is full", Lack::Peaks);
        }
        return;
    };
    let ratio = peak as f64 / heap as f64;
    let gc = driver.peaks.get("TotalGCTime").unwrap_or(0).max(0);
    let share = if facts.duration() > 0 { gc as f64 / facts.duration() as f64 } else { 0.0 };
    // A JVM whose heap is full has collected: without any, nobody measured it.
    let untold = gc == 0 && !facts.lost;
    let told = facts.duration() >= RAN && (share >= FELT || untold) || facts.lost;
    if !(FULL..NOT_ITS).contains(&ratio) || !told {
        return;
    }
    let hurts = facts.lost || share >= HURTS;
    let after = match (facts.lost, untold) {
        (true, _) => ", and its log ends without an end",
        (_, true) => ", and nothing tells how much it collected",
        _ => "",
    };
    let summary = format!("the driver filled up to {:.0} % of its heap{after}", ratio * 100.0);
    let severity = if hurts { Severity::Warning } else { Severity::Info };
    let mut finding = Finding::new(severity, Place::Executor("driver".into()), summary)
        .evidence(Evidence::derived("peak over size of the heap", Value::Ratio(ratio)));
    finding.evidence.extend(facts.peak("peak of the heap", driver, "JVMHeapMemory"));
    finding.evidence.push(Evidence::derived("size of the heap", Value::Bytes(heap)));
    finding.evidence.extend(
        facts.peak("garbage collection", driver, "TotalGCTime").map(|e| Evidence { value: Value::Millis(gc), ..e }),
    );
    verdict.find(
        finding
            .costs(AtStake::wall(gc.min(facts.duration())))
            .advise(Advice::Set(Setting {
                key,
                current: facts.conf.current(key),
                suggested: as_setting(heap.saturating_add(heap / 5)),
                why: "a fifth more than the peak leaves room between collections".into(),
                since: (0, 0),
            }))
            .advise(Advice::Do(
                "bring less to the driver: write results instead of collecting them, broadcast smaller tables".into(),
            ))
            .sure(if hurts { Sure::Likely } else { Sure::Possible }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, said, settings};

    fn with(peak_mib: i64, gc: i64) -> Facts {
        let peaks = [("JVMHeapMemory", peak_mib << 20), ("TotalGCTime", gc)];
        application("3.5.1", 1000, &[("spark.driver.memory", "1000m")]).with_executor("driver", 0, &peaks)
    }

    #[test]
    fn a_full_heap_counts_where_it_is_felt() {
        assert_eq!(found(RULE.name, &with(949, 60_000)), []);
        assert_eq!(found(RULE.name, &with(960, 19_000)), []);
        assert_eq!(found(RULE.name, &with(960, 20_000))[0].severity, Severity::Info);
        let hurts = found(RULE.name, &with(960, 50_000));
        assert_eq!((hurts[0].severity, &hurts[0].at_stake), (Severity::Warning, &AtStake::wall(50_000)));
        assert_eq!(settings(&hurts[0]), [("spark.driver.memory", Some("1000m"), "1200m")]);
        assert_eq!(found(RULE.name, &with(2000, 50_000)), [], "the JVM had another heap");
    }

    #[test]
    fn a_full_heap_is_told_where_nobody_measured_collection() {
        let untold = found(RULE.name, &with(970, 0));
        assert_eq!((untold[0].severity, untold[0].sure), (Severity::Info, Sure::Possible));
        assert_eq!(
            untold[0].summary,
            "the driver filled up to 97 % of its heap, and nothing tells how much it collected"
        );
        assert_eq!(found(RULE.name, &with(970, 1)), []);
    }

    #[test]
    fn a_lost_driver_is_asked_for_its_memory() {
        let lost = |peak| Facts { lost: true, ..with(peak, 0) };
        assert_eq!(found(RULE.name, &lost(960))[0].severity, Severity::Warning);
        let gone = Facts { ended: false, ..lost(0) };
        assert_eq!(said(RULE.name, &gone), (vec![], vec![]), "driver-lost asks");
    }

    #[test]
    fn a_heap_that_nobody_measured_is_not_known() {
        let (none, unknown) = said(RULE.name, &with(0, 0));
        assert_eq!((none.len(), unknown.len(), unknown[0].lack), (0, 1, Lack::Peaks));
        assert_eq!(said(RULE.name, &Facts { end: 599_000, ..with(0, 0) }).1, [], "it was short");
    }
}
