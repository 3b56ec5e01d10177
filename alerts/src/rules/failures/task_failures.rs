//! `task-failures`: tasks failed and succeeded when they were tried again.

use std::collections::BTreeMap;

use afterglow_history::state::{StageAttempt, StageKey, StageStatus, Task};

use super::application_failed::quoted;
use super::cause::{Cause, telling_line};
use crate::facts::Facts;
use crate::finding::{AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "task-failures",
    family: Family::Failures,
    title: "Tasks failed and were tried again",
    page: include_str!("task_failures.md"),
    judge,
};

/// Share of a stage's task attempts that failed, from which it is a warning: Dr. Elephant's first step.
const MUCH: f64 = 0.1;

/// Failed tasks of one cause.
#[derive(Default)]
struct Failed<'f> {
    tasks: i64,
    /// Milliseconds that they ran.
    time: i64,
    stages: BTreeMap<StageKey, i64>,
    first: Option<&'f Task>,
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut by_cause: BTreeMap<Cause, Failed<'_>> = BTreeMap::new();
    for (key, tasks) in &facts.failed_tasks {
        // Of a stage that failed, its job tells.
        let went_on = |s: &StageAttempt| matches!(s.status, StageStatus::Complete | StageStatus::Active);
        if !facts.stages.get(key).is_some_and(went_on) {
            continue;
        }
        for task in tasks {
            let cause = Cause::of(task.error.as_deref().unwrap_or_default());
            if is_told_elsewhere(cause, task) {
                continue;
            }
            let of = by_cause.entry(cause).or_default();
            of.tasks += 1;
            of.time = of.time.saturating_add(task.duration.unwrap_or(0).max(0));
            *of.stages.entry(*key).or_default() += 1;
            let earlier = of.first.is_none_or(|t| (task.launch_time, task.task_id) < (t.launch_time, t.task_id));
            of.first = if earlier { Some(task) } else { of.first };
        }
    }
    for (cause, failed) in by_cause {
        verdict.find(finding(facts, cause, &failed));
    }
}

/// Lost executors and shuffle files have rules of their own; results that were given back with an executor did not fail.
fn is_told_elsewhere(cause: Cause, task: &Task) -> bool {
    let resubmitted = task.error.as_deref().is_some_and(|e| e.starts_with("Resubmitted"));
    resubmitted || matches!(cause, Cause::FetchFailed | Cause::ExecutorLost | Cause::ExecutorKilled | Cause::Cancelled)
}

fn finding(facts: &Facts, cause: Cause, failed: &Failed<'_>) -> Finding {
    let most = failed.stages.iter().max_by_key(|(key, n)| (**n, std::cmp::Reverse(**key)));
    let key = most.map_or((0, 0), |(key, _)| *key);
    let stage = facts.stages.get(&key);
    let (of, all) = stage.map_or((0, 0), |s| (s.failed_tasks, s.tasks()));
    let share = if all > 0 { of as f64 / all as f64 } else { 0.0 };
    let worse = matches!(cause, Cause::HeapFull | Cause::DiskFull | Cause::PythonWorker);
    let severity = if worse || share >= MUCH { Severity::Warning } else { Severity::Info };
    let error = failed.first.and_then(|t| t.error.clone()).unwrap_or_default();
    let stages = if failed.stages.len() == 1 { String::new() } else { format!(" in {} stages", failed.stages.len()) };
    let tasks = if failed.tasks == 1 { "1 task".to_owned() } else { format!("{} tasks", failed.tasks) };
    let again = if failed.tasks == 1 { "was" } else { "were" };
    let kind = if cause == Cause::Other { String::new() } else { format!(" ({})", cause.name()) };
    let line = telling_line(&error);
    let summary = format!("{tasks} failed{stages} and {again} tried again{kind}: {}", quoted(&line));
    let path = format!("stages/{}/{}?details=false", key.0, key.1);
    let mut finding = Finding::new(severity, Place::Stage(key.0, key.1), summary)
        .evidence(Evidence::derived("tasks that failed so", Value::Count(failed.tasks)))
        .evidence(Evidence::new(
            "failed tasks of the stage",
            Value::Count(of),
            Source::spark(&path, "/numFailedTasks"),
        ));
    if let Some(task) = failed.first {
        let at = facts
            .failed_tasks
            .get(&(task.stage_id, task.stage_attempt_id))
            .and_then(|all| all.iter().position(|t| t.task_id == task.task_id));
        let (s, a) = (task.stage_id, task.stage_attempt_id);
        let path = |at| format!("stages/{s}/{a}/tasks?sort=launchTime&status=FAILED&offset={at}&length=1");
        let source = at.map(|at| Source::ours(path(at), "/tasks/0/errorMessage"));
        finding = finding.evidence(Evidence { name: "first error", value: Value::Text(error), source });
    }
    finding.advice = cause.advice(facts);
    finding.costs(AtStake::default().cores(failed.time)).sure(Sure::Certain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, failed_task, stage, suggested};

    fn with(tasks: i64, errors: &[&str], status: StageStatus) -> Facts {
        let mut s = stage((2, 0), (0, 10_000), (tasks, 1_000, 1_000));
        s.failed_tasks = errors.len() as i64;
        s.status = status;
        let mut facts = cluster(1, 60_000, "3.5.1", &[]).with(s);
        let failed = |(id, e): (i64, &&str)| failed_task((2, 0), id, e);
        facts.failed_tasks.insert((2, 0), (0..).zip(errors).map(failed).collect());
        facts
    }

    #[test]
    fn a_finding_for_each_cause() {
        let oom = "java.lang.OutOfMemoryError: Java heap space\n\tat a.b(C.java:1)";
        let found = with(100, &["java.lang.IllegalStateException: no", oom, oom], StageStatus::Complete).found(&RULE);
        let [heap, other] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            heap.summary,
            "2 tasks failed and were tried again (out of memory): java.lang.OutOfMemoryError: Java heap space"
        );
        assert_eq!((heap.severity, heap.at_stake.cores), (Severity::Warning, Some(2_000)));
        assert_eq!(suggested(heap)["spark.executor.memory"], "1536m");
        assert_eq!((other.severity, other.at_stake.cores), (Severity::Info, Some(1_000)), "3 of 103 are few");
        assert_eq!(with(9, &["no"], StageStatus::Complete).found(&RULE)[0].severity, Severity::Warning, "one of ten");
    }

    #[test]
    fn what_others_tell_is_left_to_them() {
        assert_eq!(with(9, &["boom"], StageStatus::Failed).found(&RULE), []);
        let lost = "ExecutorLostFailure (executor 1 exited unrelated to the running tasks) Reason: Node lost";
        assert_eq!(
            with(9, &[lost, "Resubmitted (resubmitted due to lost executor)"], StageStatus::Complete).found(&RULE),
            []
        );
    }
}
