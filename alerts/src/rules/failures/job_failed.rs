//! `job-failed`: jobs failed, and the application went on.

use std::collections::BTreeMap;

use afterglow_history::state::{Job, JobStatus};

use super::application_failed::{quoted, root};
use super::cause::{Cause, telling_line};
use crate::facts::Facts;
use crate::finding::{AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "job-failed",
    family: Family::Failures,
    title: "Jobs failed, and the application went on",
    page: include_str!("job_failed.md"),
    judge,
};

/// Findings at most: one for each error, the most frequent first.
const MOST: usize = 5;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let root = root(facts);
    let is_root = |j: &Job| root.as_ref().is_some_and(|e| e.job == Some(j.id));
    let mut by_error: BTreeMap<String, Vec<&Job>> = BTreeMap::new();
    for job in facts.jobs.values().filter(|j| j.status == JobStatus::Failed && !is_root(j)) {
        let text = job.error.as_deref().unwrap_or_default();
        if Cause::of(text) != Cause::Cancelled {
            by_error.entry(same_words(&telling_line(text))).or_default().push(job);
        }
    }
    let mut all: Vec<Vec<&Job>> = by_error.into_values().collect();
    all.sort_by_key(|jobs| (std::cmp::Reverse(jobs.len()), jobs[0].id));
    for jobs in all.into_iter().take(MOST) {
        verdict.find(finding(facts, &jobs));
    }
}

/// An error without the numbers in it, which differ from job to job.
pub fn same_words(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn finding(facts: &Facts, jobs: &[&Job]) -> Finding {
    let first = jobs[0];
    let text = first.error.as_deref().unwrap_or("no error is logged");
    let cause = Cause::of(text);
    let kind = if cause == Cause::Other { String::new() } else { format!(" ({})", cause.name()) };
    let many = match jobs.len() {
        1 => "it failed".to_owned(),
        n => format!("{n} jobs failed alike, this one first"),
    };
    let summary = format!("{many}{kind}, and the application went on: {}", quoted(&telling_line(text)));
    // A job that failed took its time for nothing.
    let took =
        |j: &&Job| j.completion_time.zip(j.submission_time).map_or(0, |(to, from)| to.saturating_sub(from).max(0));
    let wall = jobs.iter().map(took).fold(0, i64::saturating_add).min(facts.duration());
    let path = format!("jobs/{}", first.id);
    let mut finding = Finding::new(Severity::Warning, Place::Job(first.id), summary)
        .evidence(Evidence::new("status", Value::Text("FAILED".into()), Source::spark(&path, "/status")))
        .evidence(Evidence::new(
            "failed tasks",
            Value::Count(first.failed_tasks),
            Source::spark(&path, "/numFailedTasks"),
        ))
        .evidence(Evidence::derived("jobs that failed so", Value::Count(jobs.len() as i64)))
        .costs(AtStake::wall(wall))
        .sure(Sure::Certain);
    finding.advice = cause.advice(facts);
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, job};

    #[test]
    fn alike_failures_are_told_once() {
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        for id in 0..3 {
            let error = format!("java.lang.RuntimeException: row {id} is bad");
            facts.jobs.insert(id, job(id, JobStatus::Failed, &[id], Some(&error)));
        }
        facts.jobs.insert(3, job(3, JobStatus::Failed, &[3], Some("Job 3 cancelled part of cancelled job group g")));
        facts.jobs.insert(4, job(4, JobStatus::Succeeded, &[4], None));
        let found = facts.found(&RULE);
        let [f] = &found[..] else { panic!("{found:?}") };
        let says = "3 jobs failed alike, this one first, and the application went on: java.lang.RuntimeException: row 0 is bad";
        assert_eq!((f.summary.as_str(), &f.place, f.at_stake.wall), (says, &Place::Job(0), Some(3)));
    }

    #[test]
    fn the_applications_own_failure_is_told_by_another() {
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        facts.jobs.insert(0, job(0, JobStatus::Failed, &[0], Some("boom")));
        assert_eq!(facts.found(&RULE), []);
    }
}
