//! `cross-join`: a join compares every row of one side with every row of the other.

use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "cross-join",
    family: Family::Sql,
    title: "A join compares very many pairs of rows",
    page: include_str!("cross_join.md"),
    judge,
};

/// Pairs of rows: DataFlint's.
const PAIRS: f64 = 1e10;
const ROWS: &str = "number of output rows";

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for join in facts.operators() {
        if !["BroadcastNestedLoopJoin", "CartesianProduct"].iter().any(|n| join.name().starts_with(n)) {
            continue;
        }
        let inputs = join.inputs();
        let [left, right] = inputs[..] else { continue };
        let (Some(left), Some(right)) = (left.counts_rows(), right.counts_rows()) else { continue };
        let (Some(a), Some(b)) = (left.sum(ROWS), right.sum(ROWS)) else { continue };
        // A cartesian product has a task for each pair of partitions, and each counts the rows of its two. What is counted below
        // an exchange is counted once.
        let stages = join.stages();
        let again =
            join.name().starts_with("CartesianProduct") && !(is_exchanged(inputs[0]) && is_exchanged(inputs[1]));
        let tasks = stages
            .iter()
            .filter_map(|s| facts.attempts(*s).last())
            .map(|(_, s)| s.num_tasks)
            .fold(0, i64::saturating_add);
        let times = if again { tasks.max(1) } else { 1 };
        let pairs = a as f64 * b as f64 / times as f64;
        let at_stake = facts.cost_of(&stages);
        if pairs <= PAIRS || !limits.worth(facts, &at_stake) {
            continue;
        }
        let summary = format!("it compares about {pairs:.1e} pairs of rows to find {}", join.sum(ROWS).unwrap_or(0));
        let severity = facts.weight(&at_stake).max(Severity::Warning);
        let mut finding = Finding::new(severity, join.place(), summary);
        finding.evidence.extend(left.evidence("rows of the left side", ROWS, Value::Count));
        finding.evidence.extend(right.evidence("rows of the right side", ROWS, Value::Count));
        if times > 1 {
            finding.evidence.push(Evidence::derived("tasks that count them", Value::Count(times)));
        }
        finding.evidence.push(Evidence::derived("pairs", Value::Ratio(pairs)));
        finding.evidence.extend(join.evidence("rows that came out", ROWS, Value::Count));
        verdict.find(
            finding
                .costs(at_stake)
                .advise(Advice::Do("join by equality of a column: only then rows are brought together by it".into()))
                .advise(Advice::Do(
                    "for ranges, join by a bucket of the range first (a day, a prefix), and compare within it".into(),
                ))
                .sure(Sure::Certain),
        );
    }
}

fn is_exchanged(side: Operator<'_>) -> bool {
    side.down(|o| o.name() == "Exchange" || o.sum(ROWS).is_some()).is_some_and(|o| o.name() == "Exchange")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node};
    use crate::finding::{AtStake, Place};

    fn with(left: i64, right: i64) -> Facts {
        let nodes = vec![
            node("BroadcastNestedLoopJoin", "BroadcastNestedLoopJoin BuildRight, Inner").measured(ROWS, "sum", 7, 1),
            node("Project", "Project"),
            node("Filter", "Filter").measured(ROWS, "sum", left, 1),
            node("BroadcastExchange", "BroadcastExchange IdentityBroadcastMode").measured("data size", "size", 9, None),
            node("Scan parquet ", "FileScan").measured(ROWS, "sum", right, 1),
        ];
        application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(
            50,
            &[1],
            nodes,
            &[(1, 0), (2, 1), (3, 0), (4, 3)],
        )
    }

    #[test]
    fn ten_thousand_million_pairs() {
        assert_eq!(found(RULE.name, &with(100_000, 100_000)), []);
        let many = found(RULE.name, &with(200_000, 100_000));
        assert_eq!(many[0].place, Place::Node { sql: 0, node: 0, name: "BroadcastNestedLoopJoin".into() });
        assert_eq!(many[0].summary, "it compares about 2.0e10 pairs of rows to find 7");
        assert_eq!(many[0].at_stake, AtStake::wall(50_000).cores(200_000));
    }

    #[test]
    fn a_cartesian_product_counts_rows_in_each_of_its_tasks() {
        let nodes = |exchanged: bool| {
            let side = if exchanged { "Exchange" } else { "Project" };
            let scan = || node("Scan parquet ", "FileScan").measured(ROWS, "sum", 1_000_000, 1);
            vec![
                node("CartesianProduct", "CartesianProduct").measured(ROWS, "sum", 7, 1),
                node(side, ""),
                scan(),
                node(side, ""),
                scan(),
            ]
        };
        let edges = [(1, 0), (2, 1), (3, 0), (4, 3)];
        let with = |exchanged| {
            application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(50, &[1], nodes(exchanged), &edges)
        };
        // 1e12 over 200 tasks are 5e9.
        assert_eq!(found(RULE.name, &with(false)), []);
        assert_eq!(found(RULE.name, &with(true)).len(), 1);
    }
}
