//! `missed-broadcast`: a large table is shuffled and sorted to be joined with a small one.

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::finding::{Advice, AtStake, Evidence, Finding, Setting, Sure, Value};
use crate::lack::Lack;
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "missed-broadcast",
    family: Family::Sql,
    title: "A small table could be broadcast instead of shuffling a large one",
    page: include_str!("missed_broadcast.md"),
    judge,
};

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;
/// A side below the first that is joined with one above the second, bytes: DataFlint's.
const TABLE: [(i64, i64); 4] = [(10 * MIB, 0), (100 * MIB, 10 * GIB), (1000 * MIB, 300 * GIB), (5 * GIB, 1024 * GIB)];
/// Bytes up to which a setting is advised, and not a hint.
const BY_SETTING: i64 = 100 * MIB;
const SIZE: &str = "data size";

/// A join that sorts both sides although one is small.
pub(crate) struct Missed<'f> {
    pub join: Operator<'f>,
    pub small: Operator<'f>,
    pub large: Operator<'f>,
    pub at_stake: AtStake,
}

/// All of them.
pub(crate) fn missed(facts: &Facts) -> impl Iterator<Item = Missed<'_>> {
    facts.operators().filter(|o| o.name().starts_with("SortMergeJoin")).filter_map(|join| {
        let inputs = join.inputs();
        let [left, right] = inputs[..] else { return None };
        let (left, left_sort) = (exchange(left)?, sort(left));
        let (right, right_sort) = (exchange(right)?, sort(right));
        let (a, b) = (left.sum(SIZE)?, right.sum(SIZE)?);
        let fits =
            |small: i64, large: i64| small > 0 && TABLE.iter().any(|(below, above)| small < *below && large > *above);
        let (by_left, by_right) = sides(&join.node.description);
        let (small, large) = match (by_left && fits(a, b), by_right && fits(b, a)) {
            (true, false) => (left, right),
            (false, true) => (right, left),
            (true, true) => {
                if a < b {
                    (left, right)
                } else {
                    (right, left)
                }
            }
            (false, false) => return None,
        };
        let others: Vec<Operator<'_>> = [Some(small), left_sort, right_sort].into_iter().flatten().collect();
        Some(Missed { join, small, large, at_stake: large.cost(facts, &others) })
    })
}

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    if facts.plans_unmeasured() {
        verdict.not_known("how much joins and exchanges of queries move", Lack::PlanMetrics);
    }
    for Missed { join, small, large, at_stake } in missed(facts) {
        if !limits.worth(facts, &at_stake) {
            continue;
        }
        let size = small.sum(SIZE).unwrap_or(0);
        let summary = format!(
            "one side has {}, and {} of the other are shuffled and sorted for it",
            bytes(size),
            bytes(large.sum(SIZE).unwrap_or(0))
        );
        let mut finding = Finding::new(facts.weight(&at_stake), join.place(), summary);
        finding.evidence.extend(small.evidence("size of the small side", SIZE, Value::Bytes));
        finding.evidence.extend(large.evidence("size of the large side", SIZE, Value::Bytes));
        finding
            .evidence
            .push(Evidence::derived("shuffle and sort of both", Value::Millis(at_stake.cores.unwrap_or(0))));
        finding.advice = advice(facts, &join, size);
        verdict.find(finding.costs(at_stake).sure(Sure::Likely));
    }
}

fn advice(facts: &Facts, join: &Operator<'_>, size: i64) -> Vec<Advice> {
    let key = "spark.sql.autoBroadcastJoinThreshold";
    let own = join.sql.modified_configs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let current = own.or_else(|| facts.conf.current(key));
    // Minus one, which is no size, turns broadcasts off.
    let now = current.as_deref().map_or(Some(10 * MIB), |v| crate::conf::size(v, 1)).unwrap_or(0);
    let hint = Advice::Do("or say so in the query: the hint BROADCAST on the small side".into());
    if now < size && size <= BY_SETTING {
        let why = "tables up to this size are sent to every executor, and the other side stays where it is".into();
        let suggested = as_setting(size.saturating_mul(2).max(10 * MIB));
        return vec![Advice::Set(Setting { key, current, suggested, why, since: (1, 1) }), hint];
    }
    let mut out = vec![Advice::Do("say so in the query: the hint BROADCAST on the small side".into())];
    if now >= size && !facts.conf.flag("spark.sql.adaptive.enabled", facts.conf.version >= (3, 2)) {
        let why = "Spark did not know before how small this side is: adaptive execution measures it".into();
        let (key, suggested, since) = ("spark.sql.adaptive.enabled", "true".into(), (3, 0));
        out.insert(0, Advice::Set(Setting { key, current: facts.conf.current(key), suggested, why, since }));
    }
    out
}

/// The exchange that feeds a side, below sort and shuffle reader.
fn exchange(side: Operator<'_>) -> Option<Operator<'_>> {
    let passes = ["Sort", "AQEShuffleRead", "CustomShuffleReader"];
    let found = side.down(|o| !passes.contains(&o.name()))?;
    (found.name() == "Exchange").then_some(found)
}

fn sort(side: Operator<'_>) -> Option<Operator<'_>> {
    (side.name() == "Sort").then_some(side)
}

/// Which sides of a join of this type can be broadcast: left, right.
fn sides(description: &str) -> (bool, bool) {
    let is = |kind: &str| description.contains(&format!("], {kind}"));
    let left = is("Inner") || is("RightOuter");
    let right = is("Inner") || is("LeftOuter") || is("LeftSemi") || is("LeftAnti") || is("ExistenceJoin");
    (left, right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node, settings};
    use crate::finding::Severity;

    fn with(properties: &[(&str, &str)], kind: &str, left: i64, right: i64) -> Facts {
        let shuffle = |size: i64, ms: i64, stage: i64| {
            node("Exchange", "Exchange hashpartitioning").measured(SIZE, "size", size, stage).measured(
                "shuffle write time",
                "nsTiming",
                ms * 1_000_000,
                stage,
            )
        };
        let sorted = |ms: i64| node("Sort", "Sort").measured("sort time", "timing", ms, 3);
        let nodes = vec![
            node("SortMergeJoin", &format!("SortMergeJoin [a#1], [b#2], {kind}")),
            sorted(10_000),
            shuffle(left, 20_000, 1),
            sorted(0),
            shuffle(right, 0, 2),
        ];
        let facts = (1..=3).fold(application("3.5.1", 100, properties), |f, id| f.with_stage(id, 20, 100, |_| ()));
        facts.with_sql(60, &[1, 2, 3], nodes, &[(1, 0), (2, 1), (3, 0), (4, 3)])
    }

    #[test]
    fn a_small_side_of_a_join() {
        let small =
            found(RULE.name, &with(&[("spark.sql.autoBroadcastJoinThreshold", "-1")], "Inner", 20 * GIB, 9 * MIB));
        // A fifth of stage 1, a tenth of stage 3.
        assert_eq!((small[0].severity, small[0].at_stake), (Severity::Info, AtStake::wall(6_000).cores(30_000)));
        assert_eq!(settings(&small[0]), [("spark.sql.autoBroadcastJoinThreshold", Some("-1"), "18m")]);
        assert_eq!(small[0].summary, "one side has 9.0 MiB, and 20.0 GiB of the other are shuffled and sorted for it");
        let of = |left, right| found(RULE.name, &with(&[], "Inner", left, right)).len();
        assert_eq!([of(20 * GIB, 10 * MIB - 1), of(20 * GIB, 99 * MIB), of(20 * GIB, 100 * MIB)], [1, 1, 0]);
        assert_eq!([of(10 * GIB, 99 * MIB), of(99 * MIB, 11 * GIB), of(301 * GIB, 999 * MIB)], [0, 1, 1]);
        assert_eq!(of(20 * GIB, 0), 0, "nothing to join with");
    }

    #[test]
    fn some_joins_can_only_broadcast_one_side() {
        let of = |kind| found(RULE.name, &with(&[], kind, 20 * GIB, 9 * MIB)).len();
        assert_eq!(["LeftOuter", "LeftSemi", "RightOuter", "FullOuter"].map(of), [1, 1, 0, 0]);
    }

    #[test]
    fn what_spark_did_not_know_adaptive_execution_measures() {
        let off = found(RULE.name, &with(&[("spark.sql.adaptive.enabled", "false")], "Inner", 20 * GIB, 9 * MIB));
        assert_eq!(settings(&off[0]), [("spark.sql.adaptive.enabled", Some("false"), "true")]);
    }

    #[test]
    fn plans_without_values_are_not_known() {
        let mut facts = with(&[], "Inner", 20 * GIB, 9 * MIB);
        assert_eq!(facts.not_known(&RULE), []);
        facts.plans.values_mut().for_each(|x| x.metrics.clear());
        assert_eq!(facts.not_known(&RULE)[0].lack, Lack::PlanMetrics);
    }
}
