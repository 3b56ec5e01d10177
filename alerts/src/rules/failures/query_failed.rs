//! `query-failed`: SQL executions failed before or beside their jobs, and the application went on.

use std::collections::BTreeMap;

use afterglow_history::state::{JobStatus, SqlExecution, SqlStatus};

use super::application_failed::{quoted, root};
use super::cause::{Cause, telling_line};
use super::job_failed::same_words;
use crate::facts::Facts;
use crate::finding::{AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "query-failed",
    family: Family::Failures,
    title: "Queries failed, though none of their jobs did",
    page: include_str!("query_failed.md"),
    judge,
};

/// Findings at most: one for each error, the most frequent first.
const MOST: usize = 5;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let untold = |x: &SqlExecution| x.completion_time.is_some() && x.error.is_none();
    if facts.sql.values().any(untold) {
        verdict.not_known("whether queries failed of which no job did", Lack::QueryErrors);
    }
    let root = root(facts).and_then(|e| e.sql);
    let mut by_error: BTreeMap<String, Vec<&SqlExecution>> = BTreeMap::new();
    for x in facts.sql.values().filter(|x| x.root_id == x.id && x.status() == SqlStatus::Failed) {
        let text = x.error.as_deref().unwrap_or_default();
        // With a failed job, that tells it.
        let by_job = x.jobs.values().any(|s| *s == JobStatus::Failed);
        if !by_job && root != Some(x.id) && Cause::of(text) != Cause::Cancelled {
            by_error.entry(same_words(&telling_line(text))).or_default().push(x);
        }
    }
    let mut all: Vec<Vec<&SqlExecution>> = by_error.into_values().collect();
    all.sort_by_key(|queries| (std::cmp::Reverse(queries.len()), queries[0].id));
    for queries in all.into_iter().take(MOST) {
        verdict.find(finding(facts, &queries));
    }
}

fn finding(facts: &Facts, queries: &[&SqlExecution]) -> Finding {
    let first = queries[0];
    let text = first.error.as_deref().unwrap_or_default();
    let cause = Cause::of(text);
    let kind = if cause == Cause::Other { String::new() } else { format!(" ({})", cause.name()) };
    let many = match queries.len() {
        1 => "it failed".to_owned(),
        n => format!("{n} queries failed alike, this one first"),
    };
    let summary = format!("{many}{kind}, though none of its jobs did: {}", quoted(&telling_line(text)));
    let took = |x: &&SqlExecution| x.completion_time.map_or(0, |to| to.saturating_sub(x.submission_time).max(0));
    let wall = queries.iter().map(took).fold(0, i64::saturating_add).min(facts.duration());
    let source = Source::spark(format!("sql/{}?details=false", first.id), "/status");
    let mut finding = Finding::new(Severity::Warning, Place::Sql(first.id), summary)
        .evidence(Evidence::new("status", Value::Text("FAILED".into()), source))
        .evidence(Evidence::derived("error", Value::Text(telling_line(text))))
        .evidence(Evidence::derived("queries that failed so", Value::Count(queries.len() as i64)))
        .costs(AtStake::wall(wall))
        .sure(Sure::Certain);
    finding.advice = cause.advice(facts);
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, job, suggested};

    fn query(id: i64, error: &str) -> SqlExecution {
        let (submission_time, completion_time) = (0, Some(5_000));
        SqlExecution {
            id,
            root_id: id,
            error: Some(error.into()),
            submission_time,
            completion_time,
            ..SqlExecution::default()
        }
    }

    #[test]
    fn only_what_no_job_tells() {
        let broadcast = "Could not execute broadcast in 300 secs.";
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        let mut with_job = query(0, "boom");
        with_job.jobs.insert(0, JobStatus::Failed);
        let sub = SqlExecution { root_id: 9, ..query(4, "boom") };
        for x in [with_job, query(1, broadcast), query(2, broadcast), query(3, ""), sub, query(9, "")] {
            facts.sql.insert(x.id, x);
        }
        facts.jobs.insert(7, job(7, JobStatus::Succeeded, &[7], None));
        let found = facts.found(&RULE);
        let [f] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&f.place, f.at_stake.wall), (&Place::Sql(1), Some(10_000)));
        assert!(f.summary.starts_with("2 queries failed alike, this one first (broadcast failed)"), "{}", f.summary);
        assert_eq!(suggested(f)["spark.sql.autoBroadcastJoinThreshold"], "-1");
    }

    #[test]
    fn without_errors_of_queries_it_is_not_known() {
        let mut facts = cluster(1, 60_000, "3.3.4", &[]);
        facts.sql.insert(0, SqlExecution { error: None, ..query(0, "") });
        assert_eq!(facts.not_known(&RULE)[0].lack, Lack::QueryErrors);
        facts.sql.insert(0, SqlExecution { completion_time: None, error: None, ..query(0, "") });
        assert_eq!(facts.not_known(&RULE), [], "it runs");
        facts.sql.insert(0, query(0, ""));
        assert_eq!(facts.not_known(&RULE), []);
    }
}
