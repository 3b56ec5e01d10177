//! `cache-unread`: something was cached, and nobody read it again.

use std::collections::BTreeMap;

use afterglow_history::state::{Rdd, StageAttempt, StageStatus};

use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::lack::Lack;
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "cache-unread",
    family: Family::Memory,
    title: "What was cached was never read again",
    page: include_str!("cache_unread.md"),
    judge,
};

/// Bytes of a cached RDD below which nobody notices.
const WORTH: i64 = 1 << 30;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    if facts.ended && facts.cached_unseen() {
        verdict.not_known("whether what was cached is worth its memory", Lack::BlockUpdates);
        return;
    }
    // What runs may be read yet, and what was driven out is another rule's.
    let size = |r: &Rdd| r.memory_used.saturating_add(r.disk_used);
    let large: Vec<&Rdd> = facts.rdds.values().filter(|r| size(r) >= WORTH).collect();
    if !facts.ended || large.is_empty() || facts.stages.len() > MOST {
        return;
    }
    let mut users: BTreeMap<i64, Vec<&StageAttempt>> = BTreeMap::new();
    let ran = |s: &&StageAttempt| !matches!(s.status, StageStatus::Skipped | StageStatus::Pending);
    for stage in facts.stages.values().filter(ran) {
        for rdd in &stage.rdds {
            users.entry(rdd.id).or_default().push(stage);
        }
    }
    for rdd in large {
        let Some(all) = users.get(&rdd.id) else { continue };
        let first = all[0];
        if all.iter().any(|s| s.stage_id != first.stage_id) {
            continue;
        }
        let since = first.completion_time.unwrap_or(facts.end);
        let held = (rdd.memory_used.max(0) >> 20).saturating_mul(facts.end.saturating_sub(since).max(0));
        let path = format!("storage/rdd/{}", rdd.id);
        let name: String = rdd.name.chars().take(60).collect();
        let summary = format!("{} of \"{}\" were cached and never read", bytes(size(rdd)), name.trim());
        verdict.find(
            Finding::new(Severity::Info, Place::Stage(first.stage_id, first.attempt_id), summary)
                .evidence(Evidence::new(
                    "in memory",
                    Value::Bytes(rdd.memory_used),
                    Source::spark(&path, "/memoryUsed"),
                ))
                .evidence(Evidence::new("on disk", Value::Bytes(rdd.disk_used), Source::spark(&path, "/diskUsed")))
                .costs(AtStake::default().memory(held))
                .advise(Advice::Do(
                    "do not persist it: to store it took time, and memory that tasks could have had".into(),
                ))
                .sure(Sure::Likely),
        );
    }
}

/// Stage attempts above which their RDDs were not all read: see [`Facts::stages`].
const MOST: usize = 2_000;

#[cfg(test)]
mod tests {
    use afterglow_history::state::RddNode;

    use super::*;
    use crate::facts::made::{application, found};

    fn with(size: i64, stages: i64) -> Facts {
        let mut facts = (0..stages).fold(application("3.5.1", 100, &[]), |f, id| {
            f.with_stage(id, 10, 10, |s| s.rdds.push(RddNode { id: 4, cached: true, ..RddNode::default() }))
        });
        facts.rdds.insert(4, Rdd { id: 4, name: "lines".into(), memory_used: size, ..Rdd::default() });
        facts
    }

    #[test]
    fn one_stage_stores_it_and_another_reads_it() {
        let unread = found(RULE.name, &with(2 << 30, 1));
        assert_eq!(unread[0].summary, "2.0 GiB of \"lines\" were cached and never read");
        assert_eq!(unread[0].at_stake, AtStake::default().memory(2048 * 90_000));
        assert_eq!(found(RULE.name, &with(2 << 30, 2)), []);
        assert_eq!(found(RULE.name, &with(1 << 29, 1)), []);
        assert_eq!(found(RULE.name, &Facts { ended: false, ..with(2 << 30, 1) }), [], "it may be read yet");
    }
}
