//! `rocksdb-compact-on-commit`: every commit compacts the whole state.

use super::keys::COMPACT;
use super::{at_stake, cores};
use crate::facts::{Facts, Operator};
use crate::finding::{Advice, AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::rules::failures::cause::Cause;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "rocksdb-compact-on-commit",
    family: Family::State,
    title: "Compaction with every commit takes much of the batches",
    page: include_str!("compact_on_commit.md"),
    judge,
};

/// Of the batches that goes into it.
const MUCH: f64 = 0.1;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    full_disk(facts, verdict);
    for stream in &facts.streams {
        for (i, _) in stream.operators() {
            let compact = |o: &Operator| o.custom("rocksdbCommitCompactLatency");
            let Some(part) = stream.part_of(cores(facts, stream), i, compact) else { continue };
            let stake = AtStake::wall(at_stake(stream, part));
            if !stream.is_warm() || part < MUCH || !limits.worth(facts, &stake) {
                continue;
            }
            let Some(most) = stream.most(|b| b.operators.get(i).and_then(compact).unwrap_or(0.0)) else { continue };
            let o = &most.operators[i];
            let at = |field: &str| stream.report(most, &format!("/stateOperators/{i}/{field}"));
            let summary = format!(
                "compaction of the state of {} with every commit takes {:.0} % of the batches",
                o.name,
                part * 100.0
            );
            let millis = |v: Option<f64>| Value::Millis(v.unwrap_or(0.0) as i64);
            let finding = Finding::new(Severity::Warning, stream.place(), summary)
                .evidence(Evidence::derived("share of the batches", Value::Share(part)))
                .evidence(Evidence::new(
                    "compaction of a batch",
                    millis(compact(o)),
                    at("customMetrics/rocksdbCommitCompactLatency"),
                ))
                .evidence(Evidence::new("commits of that batch", millis(o.commit_time), at("commitTimeMs")))
                .costs(stake)
                .advise(stream.set(COMPACT, "false", "RocksDB compacts in the background by itself", (3, 2)))
                .sure(Sure::Certain);
            verdict.find(finding);
        }
    }
}

/// The other way round: files of deleted rows take room on a disk that has none.
fn full_disk(facts: &Facts, verdict: &mut Verdict) {
    let is = |error: &str| Cause::of(error) == Cause::DiskFull;
    let of_task =
        || facts.failed_tasks.iter().find(|(_, tasks)| tasks.iter().filter_map(|t| t.error.as_deref()).any(is));
    let Some((key, _)) = of_task() else { return };
    let Some(stream) = facts.streams.iter().find(|s| s.operators().any(|(_, o)| o.is_rocksdb())) else { return };
    if stream.conf.flag(COMPACT, false) {
        return;
    }
    let size = stream.operators().map(|(i, _)| stream.mean_of(i, |o| o.custom("rocksdbSstFileSize")).unwrap_or(0.0));
    let what = "disks of executors had no space left, and RocksDB keeps its state and the files of deleted rows there";
    let why = "compaction with every commit keeps the files of the state small; it takes time of each batch";
    let finding = Finding::new(Severity::Warning, stream.place(), what.to_owned())
        .evidence(Evidence::derived("stage whose tasks failed for it", Value::Count(key.0)))
        .evidence(Evidence::derived("files of the state", Value::Bytes(size.sum::<f64>() as i64)))
        .advise(stream.set(COMPACT, "true", why, (3, 2)))
        .advise(Advice::Do("larger local disks, or more executors to spread the state over".into()))
        .sure(Sure::Possible);
    verdict.find(finding);
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::Task;

    use super::super::tests::{facts, settings};
    use super::*;

    #[test]
    fn what_it_takes_of_the_batches() {
        let of = |part: f64| {
            let of = facts((3, 2), &[(COMPACT, "true")], move |_, o| {
                o.custom = vec![("rocksdbCommitCompactLatency", part * 80_000.0)];
            });
            settings(&RULE, &of)
        };
        assert_eq!(of(0.1), [(COMPACT, "false".to_owned())]);
        assert_eq!(of(0.09), []);
    }

    #[test]
    fn a_disk_that_is_full() {
        let of = |conf: &[(&str, &str)], error: &str| {
            let mut of = facts((3, 2), conf, |_, o| o.custom = vec![("rocksdbSstFileSize", 1e9)]);
            let task = Task { error: Some(error.to_owned()), ..Task::default() };
            of.failed_tasks.insert((3, 0), vec![task]);
            settings(&RULE, &of)
        };
        let full = "java.io.IOException: No space left on device";
        assert_eq!(of(&[], full), [(COMPACT, "true".to_owned())]);
        assert_eq!(of(&[(COMPACT, "true")], full), []);
        assert_eq!(of(&[], "java.lang.OutOfMemoryError"), []);
    }
}
