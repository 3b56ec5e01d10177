//! `events-dropped`: the driver could not keep up with writing the log, so that numbers are too small.

use afterglow_history::state::{JobStatus, StageStatus};

use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "events-dropped",
    family: Family::Log,
    title: "The log lacks events that Spark dropped: numbers are too small",
    page: include_str!("events_dropped.md"),
    judge,
};

/// A job without end counts as one whose end is missing only so long before the end of the application, milliseconds.
const EARLIER: i64 = 10_000;
const DEFAULT_CAPACITY: i64 = 10_000;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let note = &facts.completeness;
    if note.compacted {
        verdict.not_known("what work did whose events are gone, and whether Spark dropped more", Lack::Compacted);
    }
    // Damage, and Spark's own compaction, explain what is missing.
    if note.is_damaged() || note.compacted {
        return;
    }
    let no_start = note.task_ends_without_start;
    // A first attempt that is complete has had a success of each of its tasks.
    let complete = facts.stages.values().filter(|s| s.status == StageStatus::Complete && s.attempt_id == 0);
    let lacking = |s: &afterglow_history::state::StageAttempt| s.num_tasks.saturating_sub(s.completed_tasks).max(0);
    let no_end = complete.map(lacking).fold(0, i64::saturating_add);
    let no_job_end = jobs_without_end(facts);
    if no_start == 0 && no_end == 0 && no_job_end == 0 {
        return;
    }
    let told = [
        (no_start, "task ends without a start"),
        (no_end, "tasks of complete stages without an end"),
        (no_job_end, "jobs without an end"),
    ];
    let told: Vec<String> = told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let summary = format!("the log has {}: Spark dropped events, and numbers are too small", told.join(", "));
    let mut f = Finding::new(Severity::Warning, Place::Application, summary);
    if no_start > 0 {
        let source = Source::ours("completeness", "/taskEndsWithoutStart");
        f = f.evidence(Evidence::new("task ends without start", Value::Count(no_start), source));
    }
    if no_end > 0 {
        f = f.evidence(Evidence::derived("tasks of complete stages without end", Value::Count(no_end)));
    }
    if no_job_end > 0 {
        f = f.evidence(Evidence::derived("jobs without end, all of whose stages are over", Value::Count(no_job_end)));
    }
    const KEY: &str = "spark.scheduler.listenerbus.eventqueue.capacity";
    let now = facts.conf.number(KEY, DEFAULT_CAPACITY).max(1);
    f = f
        .advise(Advice::Set(Setting {
            key: KEY,
            current: facts.conf.current(KEY),
            suggested: now.saturating_mul(4).to_string(),
            why: "so many events wait for the one who writes the log before more are dropped".into(),
            since: (2, 3),
        }))
        .advise(Advice::Do("slow listeners of one's own, and a slow place for the log, fill the queue: see the driver's log for \"Dropped events\"".into()));
    verdict.find(f.sure(Sure::Likely));
}

/// Jobs that have no end though all their stages do, and the application went on.
fn jobs_without_end(facts: &Facts) -> i64 {
    let Some(end) = facts.application.end_time else { return 0 };
    let over = |id: &i64| {
        let last = facts.stages.range((*id, 0)..=(*id, i64::MAX)).next_back();
        last.is_some_and(|(_, s)| s.completion_time.is_some_and(|t| t < end.saturating_sub(EARLIER)))
    };
    let lacks = |j: &&afterglow_history::state::Job| {
        j.status == JobStatus::Running && !j.stage_ids.is_empty() && j.stage_ids.iter().all(over)
    };
    facts.jobs.values().filter(lacks).count() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, job, stage, suggested};

    #[test]
    fn what_only_dropped_events_explain() {
        assert_eq!(cluster(1, 60_000, "3.5.1", &[]).with(stage((0, 0), (0, 10), (4, 1, 1))).found(&RULE), []);
        let mut lacking = stage((0, 0), (0, 10), (4, 1, 1));
        lacking.completed_tasks = 3;
        let found = cluster(1, 60_000, "3.5.1", &[]).with(lacking.clone()).found(&RULE);
        assert_eq!(
            found[0].summary,
            "the log has 1 tasks of complete stages without an end: Spark dropped events, and numbers are too small"
        );
        assert_eq!(suggested(&found[0])["spark.scheduler.listenerbus.eventqueue.capacity"], "40000");
        lacking.attempt_id = 1;
        assert_eq!(
            cluster(1, 60_000, "3.5.1", &[]).with(lacking).found(&RULE),
            [],
            "tasks of the first attempt may have done it"
        );
    }

    #[test]
    fn damage_and_compaction_explain_it_otherwise() {
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        facts.completeness.task_ends_without_start = 2;
        assert_eq!(facts.found(&RULE).len(), 1);
        facts.completeness.compacted = true;
        assert_eq!(facts.found(&RULE), []);
    }

    #[test]
    fn a_job_whose_stages_are_over_lacks_its_end() {
        let at = |end| {
            let mut facts = cluster(1, 60_000, "3.5.1", &[]).with(stage((0, 0), (0, end), (4, 1, 1)));
            facts.jobs.insert(0, job(0, JobStatus::Running, &[0], None));
            facts.found(&RULE).len()
        };
        assert_eq!((at(49_999), at(50_000)), (1, 0));
    }

    #[test]
    fn what_compaction_removed_is_not_known() {
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        assert_eq!(facts.not_known(&RULE), []);
        facts.completeness.compacted = true;
        assert_eq!(facts.not_known(&RULE)[0].lack, Lack::Compacted);
    }
}
