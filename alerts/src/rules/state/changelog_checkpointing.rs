//! `changelog-checkpointing`: RocksDB uploads files of its own with every commit, where a log of the changes would do.

use super::keys::CHANGELOG;
use super::{at_stake, cores};
use crate::facts::{Facts, Operator, Stream};
use crate::finding::{AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "changelog-checkpointing",
    family: Family::State,
    title: "RocksDB uploads its files with every commit, where a log of changes would do",
    page: include_str!("changelog_checkpointing.md"),
    judge,
};

/// Of a batch that goes into commits, from which it matters, and from which it is too much.
pub(super) const MUCH: f64 = 0.25;
pub(super) const TOO_MUCH: f64 = 0.5;
/// Of the commit that goes into files.
pub(super) const SYNC: f64 = 0.5;
/// Mean time that an instance needs for it in a batch, milliseconds.
pub(super) const FELT: f64 = 200.0;
/// Has it. EMR and Glue say the same with their first releases on that Spark.
const SINCE: (u32, u32) = (3, 5);

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        if stream.conf.version < SINCE || stream.conf.flag(CHANGELOG, false) {
            continue;
        }
        for (i, _) in stream.operators().filter(|(_, o)| o.is_rocksdb()) {
            let Some(finding) = synced(facts, limits, stream, i) else { continue };
            let why = "a commit then uploads the rows that changed; whole files go up now and then, in the background";
            verdict.find(finding.advise(stream.set(CHANGELOG, "true", why, SINCE)));
        }
    }
}

/// A finding about an operator whose commits mostly put files into the checkpoint location, and take much of the batches.
pub(super) fn synced(facts: &Facts, limits: &Limits, stream: &Stream, i: usize) -> Option<Finding> {
    let sync = |o: &Operator| o.custom("rocksdbCommitFileSyncLatencyMs");
    let part = stream.part_of(cores(facts, stream), i, |o| o.commit_time)?;
    let (commit, synced) = (stream.mean_of(i, |o| o.commit_time)?, stream.mean_of(i, sync)?);
    let share = synced / commit.max(1.0);
    let each = stream.mean_of(i, |o| Some(sync(o)? / o.instances?))?;
    let stake = AtStake::wall(at_stake(stream, part * share));
    if !stream.is_warm() || part < MUCH || share < SYNC || each < FELT || !limits.worth(facts, &stake) {
        return None;
    }
    let severity = if part >= TOO_MUCH { Severity::Warning } else { Severity::Info };
    let name = stream.last()?.operators.get(i)?.name.clone();
    let summary = format!(
        "commits of {name} take {:.0} % of the batches, {:.0} % of that for files: {} for each of its stores",
        part * 100.0,
        share * 100.0,
        time(each as i64)
    );
    let slowest = stream.most(|b| b.operators.get(i).and_then(|o| o.commit_time).unwrap_or(0.0))?;
    let o = slowest.operators.get(i)?;
    let at = |field: &str| stream.report(slowest, &format!("/stateOperators/{i}/{field}"));
    let millis = |v: Option<f64>| Value::Millis(v.unwrap_or(0.0) as i64);
    let finding = Finding::new(severity, stream.place(), summary)
        .evidence(Evidence::derived("share of the batches", Value::Share(part)))
        .evidence(Evidence::new("commits of a batch, summed over stores", millis(o.commit_time), at("commitTimeMs")))
        .evidence(Evidence::new(
            "of that, for files",
            millis(sync(o)),
            at("customMetrics/rocksdbCommitFileSyncLatencyMs"),
        ))
        .evidence(Evidence::new(
            "stores",
            Value::Count(o.instances.unwrap_or(0.0) as i64),
            at("numStateStoreInstances"),
        ))
        .evidence(Evidence::derived("share of files", Value::Share(share)))
        .costs(stake)
        .sure(Sure::Certain);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found, settings};
    use super::*;

    /// Commits that take this part of batches of 10 s, of 8 stores on 8 cores.
    fn of(version: (u32, u32), conf: &[(&str, &str)], part: f64) -> Facts {
        facts(version, conf, move |_, o| {
            o.commit_time = Some(part * 80_000.0);
            o.custom = vec![("rocksdbCommitFileSyncLatencyMs", part * 64_000.0)];
        })
    }

    #[test]
    fn only_where_it_is_off_and_known_and_would_help() {
        assert_eq!(settings(&RULE, &of((3, 5), &[], 0.3)), [(CHANGELOG, "true".to_owned())]);
        assert_eq!(settings(&RULE, &of((3, 5), &[], 0.24)), []);
        assert!(found(&RULE, &of((3, 4), &[], 0.9)).is_empty(), "Spark 3.4 has none");
        let on = [("spark.sql.streaming.stateStore.rocksdb.changelogcheckpointing.ENABLED", "true")];
        assert!(found(&RULE, &of((4, 0), &on, 0.9)).is_empty());
        let found = found(&RULE, &of((4, 0), &[], 0.5));
        assert_eq!((found[0].severity, found[0].at_stake.wall), (Severity::Warning, Some(400_000)));
        let little = facts((3, 5), &[], |_, o| {
            o.commit_time = Some(40_000.0);
            o.custom = vec![("rocksdbCommitFileSyncLatencyMs", 19_000.0)];
        });
        assert!(super::super::tests::found(&RULE, &little).is_empty(), "not for files");
    }
}
