//! `container-memory-high`: what executors use beside the heap is about to break their container's limit.

use afterglow_history::insight::removal::{Removal, class};
use afterglow_history::state::Executor;

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::facts::memory::{Asked, Resident};
use crate::facts::words::counted;
use crate::finding::{Advice, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "container-memory-high",
    family: Family::Memory,
    title: "Executors are near the memory limit of their container",
    page: include_str!("container_memory_high.md"),
    judge,
};

/// Of the container: DataFlint's for the heap.
const NEAR: f64 = 0.95;
/// Of what the container has beside the heap. A JVM that has touched all of its heap is well, however little room is left by that.
const BESIDE: f64 = 0.90;
/// What is left above the peak.
const ROOM: f64 = 1.1;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    if !facts.is_contained() {
        return;
    }
    let asked = Asked::of(&facts.conf);
    let (limit, room) = (asked.total(), asked.total().saturating_sub(asked.heap));
    let mut near: Vec<(&Executor, Resident)> = Vec::new();
    for e in facts.plain_workers() {
        let Some(resident) = Resident::of(e) else { continue };
        let beside = resident.total().saturating_sub(asked.heap);
        if resident.total() as f64 >= NEAR * limit as f64 && beside as f64 >= BESIDE * room as f64 {
            near.push((e, resident));
        }
    }
    near.sort_by_key(|(e, r)| (std::cmp::Reverse(r.total()), e.id.clone()));
    let Some((worst, most)) = near.first().copied() else {
        if facts.plain_workers().any(|e| is_lost(e) && Resident::of(e).is_none()) {
            let what = "what took the memory of containers that broke their limit: heap, off-heap or Python";
            verdict.not_known(what, Lack::ProcessTree);
        } else if asked.python > 0 && facts.ended && facts.plain_workers().all(|e| Resident::of(e).is_none()) {
            verdict.not_known("how much of the memory of Python is used", Lack::ProcessTree);
        }
        return;
    };
    let lost = near.iter().filter(|(e, _)| is_lost(e)).count();
    let ratio = most.total() as f64 / limit as f64;
    let how = if lost > 0 { format!("; {lost} broke it") } else { String::new() };
    let executors = counted(near.len() as i64, "executor");
    let summary = format!("{executors} took up to {:.0} % of the container's limit{how}", ratio * 100.0);
    let mut finding = Finding::new(Severity::Warning, Place::Application, summary)
        .evidence(Evidence::derived("resident memory over limit", Value::Ratio(ratio)));
    finding.evidence.extend(facts.peak("resident memory of the JVM", worst, "ProcessTreeJVMRSSMemory"));
    finding.evidence.extend(facts.peak("resident memory of Python", worst, "ProcessTreePythonRSSMemory"));
    finding.evidence.extend(facts.peak("resident memory of other processes", worst, "ProcessTreeOtherRSSMemory"));
    finding.evidence.push(Evidence::derived("limit of the container", Value::Bytes(limit)));
    let key = "spark.executor.memoryOverhead";
    let needed = ((most.total() as f64 * ROOM) as i64).saturating_sub(limit.saturating_sub(asked.overhead));
    let beside = if most.python.saturating_add(most.other) > most.jvm.saturating_sub(asked.heap) {
        "Python and other processes"
    } else {
        "what the JVM has beside the heap"
    };
    verdict.find(
        finding
            .advise(Advice::Set(Setting {
                key,
                current: facts.conf.current(key),
                suggested: as_setting(needed),
                why: format!("a tenth more than the peak; most of it is for {beside}"),
                since: (2, 3),
            }))
            .sure(if lost > 0 { Sure::Certain } else { Sure::Likely }),
    );
}

fn is_lost(e: &Executor) -> bool {
    e.remove_reason.as_deref().is_some_and(|why| class(why) == Removal::OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, said, settings};

    const MIB: i64 = 1 << 20;

    /// A container of 8 GiB heap and 2 GiB beside.
    fn with(jvm: i64, python: i64) -> Facts {
        let conf = [("spark.executor.memory", "8g"), ("spark.executor.memoryOverhead", "2g")];
        let peaks = [("ProcessTreeJVMRSSMemory", jvm * MIB), ("ProcessTreePythonRSSMemory", python * MIB)];
        application("3.5.1", 600, &conf).with_executor("1", 4, &peaks)
    }

    #[test]
    fn what_is_beside_the_heap_decides() {
        assert_eq!(found(RULE.name, &with(8192 + 400, 1400)), [], "1800 of 2048 MiB");
        let near = found(RULE.name, &with(8192 + 400, 1450));
        assert_eq!(near[0].severity, Severity::Warning);
        assert_eq!(near[0].summary, "1 executor took up to 98 % of the container's limit");
        // 10042 MiB and a tenth, without the heap.
        assert_eq!(settings(&near[0]), [("spark.executor.memoryOverhead", Some("2g"), "2855m")]);
        let small = [("spark.executor.memory", "8g"), ("spark.executor.memoryOverhead", "384m")];
        let touched =
            application("3.5.1", 600, &small).with_executor("1", 4, &[("ProcessTreeJVMRSSMemory", (8192 + 250) * MIB)]);
        assert_eq!(found(RULE.name, &touched), [], "all of the heap was touched: that is well");
    }

    #[test]
    fn only_containers_have_limits() {
        let mut facts = with(8192 + 400, 1500);
        facts.conf = crate::conf::Conf::default();
        assert_eq!(found(RULE.name, &facts), []);
    }

    #[test]
    fn broken_limits_raise_the_question() {
        let lose = |mut facts: Facts| {
            let why = "Container killed by YARN for exceeding memory limits. 10.1 GB of 10 GB physical memory used.";
            facts.executors.values_mut().for_each(|e| e.remove_reason = Some(why.into()));
            facts
        };
        assert_eq!(found(RULE.name, &lose(with(8192 + 400, 1500)))[0].sure, Sure::Certain);
        let (none, unknown) = said(RULE.name, &lose(with(0, 0)));
        assert_eq!((none.len(), unknown.len()), (0, 1));
        assert_eq!(said(RULE.name, &with(0, 0)).1, []);
    }

    #[test]
    fn memory_of_python_that_nobody_measured_is_not_known() {
        let python = [("spark.executor.pyspark.memory", "2g"), ("spark.executor.memory", "1g")];
        let lacks = |facts: &Facts| facts.not_known(&RULE).iter().map(|n| n.lack).collect::<Vec<_>>();
        assert_eq!(lacks(&application("3.5.1", 60, &python).with_executor("1", 4, &[])), [Lack::ProcessTree]);
        let measured = application("3.5.1", 60, &python).with_executor("1", 4, &[("ProcessTreeJVMRSSMemory", 1 << 20)]);
        assert_eq!(lacks(&measured), []);
        assert_eq!(lacks(&application("3.5.1", 60, &python[1..]).with_executor("1", 4, &[])), []);
    }
}
