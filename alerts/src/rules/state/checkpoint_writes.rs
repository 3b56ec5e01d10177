//! `slow-checkpoint-writes`: commits of the state take long to write their files.

use super::changelog_checkpointing::{FELT, MUCH, TOO_MUCH, synced};
use super::keys::CHANGELOG;
use super::{at_stake, cores};
use crate::facts::{Facts, Stream};
use crate::finding::{Advice, AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "slow-checkpoint-writes",
    family: Family::State,
    title: "Commits of the state take long to write their files",
    page: include_str!("checkpoint_writes.md"),
    judge,
};

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        for (i, o) in stream.operators() {
            let finding = if o.is_hdfs() {
                deltas(facts, limits, stream, i)
            } else if o.is_rocksdb() && (stream.conf.version < (3, 5) || stream.conf.flag(CHANGELOG, false)) {
                // Where a log of changes is off and could be on, that is the finding.
                synced(facts, limits, stream, i)
            } else {
                None
            };
            let Some(finding) = finding else { continue };
            verdict.find(
                finding
                    .advise(Advice::Do("put the checkpoint location on storage that is nearer, or faster at small files".into()))
                    .advise(Advice::Do("fewer partitions of the state write fewer files; their number is fixed when a query first starts".into())),
            );
        }
    }
}

/// The commit of the default state store is a file with what changed.
fn deltas(facts: &Facts, limits: &Limits, stream: &Stream, i: usize) -> Option<Finding> {
    let part = stream.part_of(cores(facts, stream), i, |o| o.commit_time)?;
    let each = stream.mean_of(i, |o| o.commit_per_instance())?;
    let stake = AtStake::wall(at_stake(stream, part));
    if !stream.is_warm() || part < MUCH || each < FELT || !limits.worth(facts, &stake) {
        return None;
    }
    let slowest = stream.most(|b| b.operators.get(i).and_then(|o| o.commit_time).unwrap_or(0.0))?;
    let o = slowest.operators.get(i)?;
    let severity = if part >= TOO_MUCH { Severity::Warning } else { Severity::Info };
    let summary = format!(
        "commits of {} take {:.0} % of the batches: {} for each of its stores",
        o.name,
        part * 100.0,
        time(each as i64)
    );
    let at = |field: &str| stream.report(slowest, &format!("/stateOperators/{i}/{field}"));
    let commit = Value::Millis(o.commit_time.unwrap_or(0.0) as i64);
    let stores = Value::Count(o.instances.unwrap_or(0.0) as i64);
    let finding = Finding::new(severity, stream.place(), summary)
        .evidence(Evidence::derived("share of the batches", Value::Share(part)))
        .evidence(Evidence::new("commits of a batch, summed over stores", commit, at("commitTimeMs")))
        .evidence(Evidence::new("stores", stores, at("numStateStoreInstances")))
        .costs(stake)
        .sure(Sure::Likely);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found};
    use super::*;

    fn of(version: (u32, u32), changelog: &str, part: f64, name: &'static str) -> usize {
        let of = facts(version, &[(CHANGELOG, changelog)], move |_, o| {
            o.commit_time = Some(part * 80_000.0);
            o.custom = vec![(name, part * 64_000.0)];
        });
        found(&RULE, &of).len()
    }

    #[test]
    fn what_a_log_of_changes_would_not_help() {
        let sync = "rocksdbCommitFileSyncLatencyMs";
        assert_eq!((of((3, 5), "true", 0.3, sync), of((3, 5), "false", 0.3, sync)), (1, 0));
        assert_eq!((of((3, 4), "false", 0.3, sync), of((3, 4), "false", 0.2, sync)), (1, 0));
        assert_eq!(
            (of((3, 5), "false", 0.3, "loadedMapCacheHitCount"), of((2, 4), "false", 0.2, "loadedMapCacheHitCount")),
            (1, 0)
        );
    }
}
