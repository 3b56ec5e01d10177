//! `slow-source-offsets`: much of each batch goes into asking the source what is new.

use super::phase::Phase;
use crate::facts::Facts;
use crate::finding::Advice;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "slow-source-offsets",
    family: Family::Streaming,
    title: "Much of each batch goes into asking the source what is new",
    page: include_str!("source_offsets.md"),
    judge,
};

const PHASE: Phase = Phase {
    what: "asking the source what is new",
    of: |b| b.latest_offset + b.get_batch,
    parts: &[("latest offset", "latestOffset", |b| b.latest_offset), ("get batch", "getBatch", |b| b.get_batch)],
};

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(finding) = PHASE.judge(facts, limits, stream, stream.totals.offsets) else { continue };
        verdict.find(finding.advise(Advice::Do(remedy(&stream.sources).into())));
    }
}

/// What helps depends on the source.
fn remedy(sources: &[String]) -> &'static str {
    let any = |name: &str| sources.iter().any(|s| s.to_lowercase().contains(name));
    if any("filestreamsource") {
        "the source lists its whole folder for each batch: move files that are done with away (cleanSource=archive), or read a table format or a queue of file events instead"
    } else if any("kafka") {
        "the driver asks the brokers for the offsets of every partition: look at the network between them, and subscribe to no more topics than are needed"
    } else {
        "look into the driver's log for what the source does; a longer trigger interval asks less often"
    }
}

#[cfg(test)]
mod tests {
    use super::super::phase::tests::{facts, severities};
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn much_of_batches_that_are_long() {
        let of = |share, took| severities(&RULE, &facts(share, took, |b, ms| b.latest_offset = ms));
        assert_eq!(of(0.29, 5_000.0), []);
        assert_eq!(of(0.3, 5_000.0), [Severity::Info]);
        assert_eq!(of(0.6, 5_000.0), [Severity::Warning]);
        assert_eq!(of(0.6, 800.0), [], "half a second is not felt");
    }
}
