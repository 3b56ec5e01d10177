//! `slow-progress-log`: much of each batch goes into writing down offsets.

use super::phase::Phase;
use crate::facts::Facts;
use crate::finding::Advice;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "slow-progress-log",
    family: Family::Streaming,
    title: "Much of each batch goes into writing offsets and commits to the checkpoint location",
    page: include_str!("progress_log.md"),
    judge,
};

const PHASE: Phase = Phase {
    what: "writing offsets and commits down",
    of: |b| b.wal_commit + b.commit_offsets,
    parts: &[("offsets", "walCommit", |b| b.wal_commit), ("commit", "commitOffsets", |b| b.commit_offsets)],
};

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(finding) = PHASE.judge(facts, limits, stream, stream.totals.logs) else { continue };
        verdict.find(finding
            .advise(Advice::Do("put the checkpoint location on faster storage; in S3 each of these small files is written, listed and renamed, and a checkpoint file manager that needs no rename saves most of it".into()))
            .advise(Advice::Do("a query without state that writes to Kafka may set the option asyncProgressTrackingEnabled (Spark 3.4)".into())));
    }
}

#[cfg(test)]
mod tests {
    use super::super::phase::tests::{facts, severities};
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn much_of_batches_that_are_long() {
        let of = |share, took| severities(&RULE, &facts(share, took, |b, ms| b.wal_commit = ms));
        assert_eq!(of(0.29, 5_000.0), []);
        assert_eq!(of(0.3, 5_000.0), [Severity::Info]);
        assert_eq!(of(0.6, 5_000.0), [Severity::Warning]);
        assert_eq!(of(0.6, 800.0), [], "half a second is not felt");
    }
}
