//! `slow-query-planning`: much of each batch goes into planning the query.

use super::phase::Phase;
use crate::facts::Facts;
use crate::finding::Advice;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "slow-query-planning",
    family: Family::Streaming,
    title: "Much of each batch goes into planning the query",
    page: include_str!("query_planning.md"),
    judge,
};

const PHASE: Phase =
    Phase { what: "planning the query", of: |b| b.planning, parts: &[("planning", "queryPlanning", |b| b.planning)] };

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(finding) = PHASE.judge(facts, limits, stream, stream.totals.planning) else { continue };
        verdict.find(finding
            .advise(Advice::Do("make the plan smaller: fewer unions, columns and nested expressions; build columns in one select instead of one withColumn after the other".into()))
            .advise(Advice::Do("a longer trigger interval plans less often".into())));
    }
}

#[cfg(test)]
mod tests {
    use super::super::phase::tests::{facts, severities};
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn much_of_batches_that_are_long() {
        let of = |share, took| severities(&RULE, &facts(share, took, |b, ms| b.planning = ms));
        assert_eq!(of(0.29, 5_000.0), []);
        assert_eq!(of(0.3, 5_000.0), [Severity::Info]);
        assert_eq!(of(0.6, 5_000.0), [Severity::Warning]);
        assert_eq!(of(0.6, 800.0), [], "half a second is not felt");
    }
}
