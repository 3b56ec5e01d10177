//! Whether an application failed, and because of what.

use std::collections::BTreeMap;

use crate::state::{Application, Job, JobStatus, SqlExecution, SqlStatus, StageAttempt, StageKey, StageStatus};

/// Why an application failed, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootError {
    pub text: String,
    pub stage: Option<StageKey>,
    pub job: Option<i64>,
    pub sql: Option<i64>,
}

/// The error that an application ended with: that of its last job, of its last SQL execution, or
/// an exit code that is not 0. None for one that did not fail, or has not ended.
pub fn root_error(
    application: &Application,
    jobs: &BTreeMap<i64, Job>,
    stages: &BTreeMap<StageKey, StageAttempt>,
    sql: &BTreeMap<i64, SqlExecution>,
) -> Option<RootError> {
    application.end_time?;
    let job = jobs.values().next_back().filter(|j| j.status == JobStatus::Failed);
    // What a sub-execution fails with, its root fails with, or has dealt with.
    let root = sql.values().rev().find(|x| x.root_id == x.id).or(sql.values().next_back());
    let failed_sql = root.filter(|x| x.status() == SqlStatus::Failed);
    let job_of_sql = || {
        let of = failed_sql?;
        of.jobs.keys().rev().filter_map(|id| jobs.get(id)).find(|j| j.status == JobStatus::Failed)
    };
    if let Some(job) = job.or_else(job_of_sql) {
        let failed = |s: &&StageAttempt| {
            s.status == StageStatus::Failed && s.failure_reason.is_some() && job.stage_ids.contains(&s.stage_id)
        };
        let stage = stages.values().filter(failed).max_by_key(|s| (s.completion_time, s.stage_id, s.attempt_id));
        let of_stage = stage.and_then(|s| s.failure_reason.clone());
        return Some(RootError {
            text: of_stage.or_else(|| job.error.clone()).unwrap_or_else(|| format!("job {} failed", job.id)),
            stage: stage.map(|s| (s.stage_id, s.attempt_id)),
            job: Some(job.id),
            sql: job.sql_execution_id,
        });
    }
    if let Some(x) = failed_sql {
        let text = x.error.clone().unwrap_or_else(|| format!("SQL execution {} failed", x.id));
        return Some(RootError { text, sql: Some(x.id), ..RootError::default() });
    }
    let code = application.exit_code.filter(|c| *c != 0)?;
    Some(RootError { text: format!("the driver ended with exit code {code}"), ..RootError::default() })
}

const TRACEBACK: &str = "Traceback (most recent call last):";

/// The line of an error text that says what went wrong: behind stacks, wrappers, and the
/// scheduler's words on the task.
pub fn first_line(text: &str) -> String {
    let line = match text.rfind("\nCaused by: ") {
        Some(at) => &text[at + "\nCaused by: ".len()..],
        None => text,
    };
    let line = match line.find(TRACEBACK) {
        // A traceback ends with its exception, the first line that is not indented. One may follow another.
        Some(_) => exception_of_python(line).unwrap_or(line),
        None => line,
    };
    let line = line.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim();
    match (
        line.starts_with("Job aborted"),
        line.find("Lost task ").and_then(|at| line[at..].find("): ").map(|n| at + n + 3)),
    ) {
        (true, Some(at)) if at < line.len() => line[at..].to_owned(),
        _ => line.to_owned(),
    }
}

fn exception_of_python(text: &str) -> Option<&str> {
    let at = text.rfind(TRACEBACK)? + TRACEBACK.len();
    text[at..].lines().find(|l| !l.is_empty() && !l.starts_with(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_what_went_wrong() {
        let cases = [
            ("boom", "boom"),
            ("", ""),
            (
                "[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found.\nSearch path: []",
                "[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found.",
            ),
            (
                "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in stage 3.0 (TID 9) (10.0.0.1 executor 2): java.lang.IllegalStateException: no\n\tat a.b(C.java:1)\n\nDriver stacktrace:",
                "java.lang.IllegalStateException: no",
            ),
            (
                "Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times, most recent failure: Lost task 0.0 in stage 3.0 (TID 9) (h executor 2): ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: killed",
                "ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: killed",
            ),
            (
                "Job aborted due to stage failure: Task 1: org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    ^^^\nValueError: bad value: 7\n\n\tat org.apache.spark(X.scala:1)",
                "ValueError: bad value: 7",
            ),
            (
                "java.lang.RuntimeException: outer\n\tat a.b(C.java:1)\nCaused by: java.io.IOException: disk full\n\tat d.e(F.java:2)\n\t... 3 more",
                "java.io.IOException: disk full",
            ),
            (
                "Job 6 cancelled part of cancelled job group doomed",
                "Job 6 cancelled part of cancelled job group doomed",
            ),
        ];
        for (text, line) in cases {
            assert_eq!(first_line(text), line);
        }
    }

    fn ended() -> Application {
        Application { end_time: Some(9), ..Application::default() }
    }

    #[test]
    fn the_last_job_decides() {
        let job = |id, status| {
            (id, Job { id, status, stage_ids: vec![id], error: Some(format!("error {id}")), ..Job::default() })
        };
        let stage = |id: i64, reason: Option<&str>| {
            let status = if reason.is_some() { StageStatus::Failed } else { StageStatus::Complete };
            (
                (id, 0),
                StageAttempt {
                    stage_id: id,
                    status,
                    failure_reason: reason.map(str::to_owned),
                    ..StageAttempt::default()
                },
            )
        };
        let stages = BTreeMap::from([stage(0, Some("first")), stage(1, Some("second"))]);
        let recovered = BTreeMap::from([job(0, JobStatus::Failed), job(1, JobStatus::Succeeded)]);
        assert_eq!(root_error(&ended(), &recovered, &stages, &BTreeMap::new()), None);
        let failed = BTreeMap::from([job(0, JobStatus::Succeeded), job(1, JobStatus::Failed)]);
        let error = RootError { text: "second".into(), stage: Some((1, 0)), job: Some(1), sql: None };
        assert_eq!(root_error(&ended(), &failed, &stages, &BTreeMap::new()), Some(error));
        assert_eq!(root_error(&Application::default(), &failed, &stages, &BTreeMap::new()), None, "it still runs");
    }

    #[test]
    fn so_do_the_last_query_and_the_exit_code() {
        let sql = |id, root_id, error: &str| {
            (
                id,
                SqlExecution {
                    id,
                    root_id,
                    error: Some(error.to_owned()),
                    completion_time: Some(2),
                    ..SqlExecution::default()
                },
            )
        };
        let none = (BTreeMap::new(), BTreeMap::new());
        let of = |app: &Application, sql: &BTreeMap<i64, SqlExecution>| {
            root_error(app, &none.0, &none.1, sql).map(|e| (e.text, e.sql))
        };
        assert_eq!(
            of(&ended(), &BTreeMap::from([sql(0, 0, ""), sql(1, 1, "no table")])),
            Some(("no table".into(), Some(1)))
        );
        assert_eq!(of(&ended(), &BTreeMap::from([sql(0, 0, ""), sql(1, 0, "dealt with")])), None);
        let exited = Application { exit_code: Some(137), ..ended() };
        assert_eq!(of(&exited, &BTreeMap::new()), Some(("the driver ended with exit code 137".into(), None)));
        assert_eq!(of(&Application { exit_code: Some(0), ..ended() }, &BTreeMap::new()), None);
    }
}
