//! `cache-evicted`: what was cached was driven out of memory again.

use crate::facts::Facts;
use crate::facts::words::counted;
use crate::finding::{Advice, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::lack::Lack;
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "cache-evicted",
    family: Family::Memory,
    title: "Cached blocks are driven out of memory",
    page: include_str!("cache_evicted.md"),
    judge,
};

/// Bytes below which nobody notices.
const WORTH: i64 = 100 << 20;
/// Evicted over the most that was in memory, from which the cache is too small, and from which it does not work.
const MUCH: f64 = 0.10;
const TOO_MUCH: f64 = 1.0;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let points = &facts.storage.points;
    if facts.cached_unseen() {
        verdict.not_known("whether cached blocks are driven out of memory", Lack::BlockUpdates);
        return;
    }
    let evicted = points.iter().map(|p| p.evicted_bytes.max(0)).fold(0, i64::saturating_add);
    let blocks = points.iter().map(|p| p.evicted.max(0)).fold(0, i64::saturating_add);
    let most = points.iter().map(|p| p.memory).max().unwrap_or(0);
    let ratio = if most > 0 { evicted as f64 / most as f64 } else { f64::INFINITY };
    if evicted < WORTH || ratio < MUCH {
        return;
    }
    let summary = format!(
        "{} of {} in all driven out of memory, which held {} at most",
        counted(blocks, "cached block"),
        bytes(evicted),
        bytes(most)
    );
    let severity = if ratio >= TOO_MUCH { Severity::Warning } else { Severity::Info };
    let mut finding = Finding::new(severity, Place::Application, summary)
        .evidence(Evidence::derived("evicted", Value::Bytes(evicted)))
        .evidence(Evidence::derived("evicted blocks", Value::Count(blocks)));
    let step = |name, pointer: String, value| {
        Evidence::new(name, Value::Bytes(value), Source::ours("storage/timeline", pointer))
    };
    if let Some((at, p)) = points.iter().enumerate().max_by_key(|(at, p)| (p.evicted_bytes, std::cmp::Reverse(*at))) {
        finding.evidence.push(step("evicted in the worst step", format!("/series/evictedBytes/{at}"), p.evicted_bytes));
    }
    if let Some((at, p)) = points.iter().enumerate().max_by_key(|(at, p)| (p.memory, std::cmp::Reverse(*at))) {
        finding.evidence.push(step("most in memory", format!("/series/memory/{at}"), p.memory));
    }
    let only_memory = facts.rdds.values().filter(|r| r.level.memory && !r.level.disk).count();
    if only_memory > 0 {
        let text = "persist with MEMORY_AND_DISK: blocks of MEMORY_ONLY are computed anew whenever they are driven out";
        finding.advice.push(Advice::Do(text.into()));
    }
    let key = if facts.is_local() { "spark.driver.memory" } else { "spark.executor.memory" };
    let heap = facts.conf.bytes(key, 1 << 20).unwrap_or(1 << 30);
    verdict.find(
        finding
            .advise(Advice::Do(
                "cache less: only what is read again, only the columns that are read, unpersist what is done".into(),
            ))
            .advise(Advice::Set(Setting {
                key,
                current: facts.conf.current(key),
                suggested: crate::conf::as_setting(heap.saturating_add(heap / 2)),
                why: "if all of it is read again: cached blocks and running tasks share the same memory".into(),
                since: (0, 0),
            }))
            .sure(Sure::Certain),
    );
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{StorageHistory, StoragePoint};

    use super::*;
    use crate::facts::made::{application, found};

    fn with(memory: i64, evicted_bytes: i64) -> Facts {
        let storage = StorageHistory {
            points: vec![StoragePoint { memory, evicted: 3, evicted_bytes, ..StoragePoint::default() }],
            ..StorageHistory::default()
        };
        Facts { storage, ..application("3.5.1", 100, &[]) }
    }

    #[test]
    fn counts_from_a_hundred_mebibytes_and_a_tenth() {
        const MIB: i64 = 1 << 20;
        assert_eq!(found(RULE.name, &with(200 * MIB, 99 * MIB)), []);
        assert_eq!(found(RULE.name, &with(1100 * MIB, 100 * MIB)), []);
        let some = found(RULE.name, &with(1000 * MIB, 100 * MIB));
        assert_eq!(some[0].severity, Severity::Info);
        assert_eq!(
            some[0].summary,
            "3 cached blocks of 100.0 MiB in all driven out of memory, which held 1000.0 MiB at most"
        );
        assert_eq!(found(RULE.name, &with(100 * MIB, 100 * MIB))[0].severity, Severity::Warning);
    }

    #[test]
    fn without_updates_of_blocks_it_is_not_known_where_something_was_cached() {
        use afterglow_history::state::{RddNode, StoragePoint};
        let with = |cached: bool, properties: &[(&str, &str)]| {
            let node = RddNode { id: 4, cached, ..RddNode::default() };
            application("3.5.1", 100, properties).with_stage(0, 10, 10, |s| s.rdds.push(node))
        };
        let unknown = with(true, &[]).not_known(&RULE);
        assert_eq!((unknown.len(), unknown[0].lack), (1, Lack::BlockUpdates));
        assert_eq!(
            unknown[0].what(),
            "whether cached blocks are driven out of memory; whether what was cached is worth its memory: the log has no updates of blocks"
        );
        assert_eq!(with(false, &[]).not_known(&RULE), []);
        assert_eq!(with(true, &[("spark.eventLog.logBlockUpdates.enabled", "true")]).not_known(&RULE), []);
        let mut told = with(true, &[]);
        told.storage.points.push(StoragePoint::default());
        assert_eq!(told.not_known(&RULE), []);
    }
}
