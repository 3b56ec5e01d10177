//! How an application ended, and because of what: one decision that lists, overview, findings, search, SQL and
//! exports share. Logs of all schedulers are alike here: what they have is the driver's end, perhaps its exit code,
//! and what became of its work. The text of an error says who was at fault.

use std::collections::BTreeMap;

use crate::state::{Application, Job, JobStatus, SqlExecution, SqlStatus, StageAttempt, StageKey, StageStatus};

/// How an application ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// The log has no end.
    #[default]
    Running,
    Completed,
    /// Its last work, or its driver, ended with an error.
    Failed,
    /// Somebody or something stopped it while it worked, or its driver.
    Killed,
    /// The log has neither beginning nor end.
    Unknown,
}

impl Status {
    pub fn text(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Killed => "killed",
            Status::Unknown => "unknown",
        }
    }
}

/// Why an application failed, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootError {
    pub text: String,
    pub stage: Option<StageKey>,
    pub job: Option<i64>,
    pub sql: Option<i64>,
}

/// How an application ended, with the error that it ended with if it failed or was killed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub status: Status,
    pub error: Option<RootError>,
}

/// Exit codes of a process that SIGHUP, SIGINT, SIGKILL or SIGTERM ended.
const SIGNALS: [i64; 4] = [128 + 1, 128 + 2, 128 + 9, 128 + 15];

/// What errors say, in lower case, where not a user but a cluster ended the driver while it worked.
const ENDED: [&str; 5] = [
    SHUT_DOWN,
    "sparkcontext has been shutdown",
    "exited with state killed",
    "removed our application: killed",
    "application has been killed",
];
const SHUT_DOWN: &str = "sparkcontext was shut down";

/// Whether an error says that somebody, or Spark itself, stopped the work on purpose.
pub fn is_cancelled(text: &str) -> bool {
    // "Job 6 cancelled part of cancelled job group", "Job 3 cancelled as part of cancellation of all jobs",
    // "Stage 2 was cancelled", "Job 4 cancelled because SparkContext was shut down" is none: the driver went.
    let line = text.lines().next().unwrap_or_default().to_lowercase();
    // A stream that is stopped interrupts what it does.
    if line.starts_with("java.lang.interruptedexception") {
        return true;
    }
    let stopped = line.contains("cancelled") || line.contains("canceled") || line.contains("operation_canceled");
    stopped && !line.contains(SHUT_DOWN) && !line.contains("failed")
}

fn is_stopped(text: &str) -> bool {
    let lower = text.to_lowercase();
    is_cancelled(text) || ENDED.iter().any(|words| lower.contains(words))
}

/// Decides how an application ended. In this order:
///
/// 1. Without an end it runs; if its log has no beginning either, nobody knows.
/// 2. A server runs what clients send it: it does not fail with that.
/// 3. Its last work decides, of SQL executions and jobs the one that ended last. A job that works for a SQL
///    execution is judged with it: what adaptive execution cancels, or a retry made good, is no failure. Work that
///    was stopped from outside was killed.
/// 4. An exit code above 0 says that it failed even if all its work went well; of some signals, that it was killed.
///    One of 0 says nothing: a shutdown hook gives that, whatever came before.
pub fn outcome(
    application: &Application,
    no_start: bool,
    jobs: &BTreeMap<i64, Job>,
    stages: &BTreeMap<StageKey, StageAttempt>,
    sql: &BTreeMap<i64, SqlExecution>,
) -> Outcome {
    if application.end_time.is_none() {
        return Outcome { status: if no_start { Status::Unknown } else { Status::Running }, error: None };
    }
    let work = if is_server(application, jobs) { None } else { of_work(jobs, stages, sql) };
    let of_driver =
        |code: i64| RootError { text: format!("the driver ended with exit code {code}"), ..RootError::default() };
    let code = application.exit_code.filter(|c| *c != 0);
    let by_signal = code.is_some_and(|c| SIGNALS.contains(&c));
    let (status, error) = match (work, code) {
        (None, None) => return Outcome { status: Status::Completed, error: None },
        (None, Some(code)) => (if by_signal { Status::Killed } else { Status::Failed }, of_driver(code)),
        (Some(work), code) if is_stopped(&work.text) => match code {
            // It gave up by itself, and what it had at work went with it.
            Some(code) if !by_signal => (Status::Failed, RootError { text: of_driver(code).text, ..work }),
            _ => (Status::Killed, work),
        },
        (Some(work), _) => (Status::Failed, work),
    };
    Outcome { status, error: Some(error) }
}

/// Whether it runs what clients send: Spark Connect's server, or Thrift's.
fn is_server(application: &Application, jobs: &BTreeMap<i64, Job>) -> bool {
    let of_client = |tag: &String| tag.starts_with("SparkConnect_");
    application.name.starts_with("Thrift JDBC/ODBC") || jobs.values().any(|j| j.job_tags.iter().any(of_client))
}

/// The error of the work that ended last; none if that went well.
fn of_work(
    jobs: &BTreeMap<i64, Job>,
    stages: &BTreeMap<StageKey, StageAttempt>,
    sql: &BTreeMap<i64, SqlExecution>,
) -> Option<RootError> {
    // What a sub-execution fails with, its root fails with, or has dealt with.
    let root_of = |x: &SqlExecution| sql.get(&x.root_id).map_or(x.id, |root| root.id);
    let roots = sql.values().filter(|x| root_of(x) == x.id && x.completion_time.is_some());
    let last_sql = roots.max_by_key(|x| (x.completion_time, x.id));
    // Of an execution that has not ended, only its jobs can tell.
    let is_own = |j: &&Job| {
        let of = j.sql_execution_id.and_then(|id| sql.get(&root_of(sql.get(&id)?)));
        of.is_none_or(|x| x.completion_time.is_none())
    };
    let ended = jobs.values().filter(|j| j.status != JobStatus::Running);
    let last_job = ended.filter(is_own).max_by_key(|j| (j.completion_time, j.id));
    let of_sql = last_sql.and_then(|x| sql_error(x, jobs, stages, sql));
    let of_job = || Some(job_error(last_failed(last_job?, jobs)?, stages, sql));
    match (last_job.map(|j| j.completion_time), last_sql.map(|x| x.completion_time)) {
        (job, sql) if job > sql => of_job(),
        (job, sql) if job < sql => of_sql,
        _ => of_sql.or_else(of_job),
    }
}

/// The error of a SQL execution that has ended, and failed.
fn sql_error(
    x: &SqlExecution,
    jobs: &BTreeMap<i64, Job>,
    stages: &BTreeMap<StageKey, StageAttempt>,
    sql: &BTreeMap<i64, SqlExecution>,
) -> Option<RootError> {
    let of = x.jobs.keys().rev().filter_map(|id| jobs.get(id));
    let failed = of.filter(|j| j.status == JobStatus::Failed).find(|j| {
        // Where it does not say so itself, a job that ended after it was left over and cancelled.
        x.error.is_some() || j.completion_time <= x.completion_time
    });
    if x.status() != SqlStatus::Failed || x.error.is_none() && failed.is_none() {
        return None;
    }
    if let Some(job) = failed {
        return Some(RootError { sql: Some(x.id), ..job_error(job, stages, sql) });
    }
    let text = x.error.clone().unwrap_or_else(|| format!("SQL execution {} failed", x.id));
    Some(RootError { text, sql: Some(x.id), ..RootError::default() })
}

/// The job to blame if the last one failed. When a driver gives up it has other jobs cancelled, which end after the
/// one that it gave up for.
fn last_failed<'j>(last: &'j Job, jobs: &'j BTreeMap<i64, Job>) -> Option<&'j Job> {
    if last.status != JobStatus::Failed {
        return None;
    }
    let is_stopped = |j: &&Job| j.error.as_ref().is_some_and(|e| is_stopped(e));
    let beside = |j: &&Job| j.status == JobStatus::Failed && j.completion_time >= last.submission_time;
    let own = || jobs.values().filter(beside).filter(|j| !is_stopped(j)).max_by_key(|j| (j.completion_time, j.id));
    if is_stopped(&last) { own().or(Some(last)) } else { Some(last) }
}

fn job_error(job: &Job, stages: &BTreeMap<StageKey, StageAttempt>, sql: &BTreeMap<i64, SqlExecution>) -> RootError {
    let failed = |s: &&StageAttempt| {
        s.status == StageStatus::Failed && s.failure_reason.is_some() && job.stage_ids.contains(&s.stage_id)
    };
    let stage = stages.values().filter(failed).max_by_key(|s| (s.completion_time, s.stage_id, s.attempt_id));
    let of_stage = stage.and_then(|s| s.failure_reason.clone());
    RootError {
        text: of_stage.or_else(|| job.error.clone()).unwrap_or_else(|| format!("job {} failed", job.id)),
        stage: stage.map(|s| (s.stage_id, s.attempt_id)),
        job: Some(job.id),
        sql: job.sql_execution_id.filter(|id| sql.contains_key(id)),
    }
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

    /// What a case is made of.
    #[derive(Clone)]
    enum Made {
        /// id, when it ended, the error of one that failed, the execution that it works for.
        Job(i64, i64, Option<&'static str>, Option<i64>),
        /// A job without an end.
        Open(i64),
        /// id, root, when it ended, its error: empty for none, none where the log does not say.
        Sql(i64, i64, Option<i64>, Option<&'static str>),
        Exit(i64),
        Tag(&'static str),
        /// The log has no end.
        NoEnd,
        NoStart,
    }
    use Made::{Exit, Job as J, NoEnd, NoStart, Open, Sql, Tag};

    const BOOM: Option<&str> = Some("Job aborted due to stage failure: java.io.IOException: boom");
    const SHUT: Option<&str> = Some("Job 9 cancelled because SparkContext was shut down");
    const GROUP: Option<&str> = Some("Job 9 cancelled part of cancelled job group etl");
    const YARN: Option<&str> =
        Some("Exiting due to error from cluster scheduler: Yarn application has already exited with state KILLED!");
    const MASTER: Option<&str> = Some("Job aborted due to stage failure: Master removed our application: KILLED");
    const EXECUTORS: Option<&str> =
        Some("Job aborted due to stage failure: Max number of executor failures (3) reached");
    const OK: Option<&str> = Some("");
    const NO_TABLE: Option<&str> = Some("[TABLE_OR_VIEW_NOT_FOUND] no table");

    fn decide(made: &[Made]) -> Outcome {
        let mut app = Application { end_time: Some(100), ..Application::default() };
        let (mut jobs, mut sql, mut no_start) = (BTreeMap::new(), BTreeMap::<i64, SqlExecution>::new(), false);
        let mut tags = Vec::new();
        for m in made.iter().cloned() {
            match m {
                J(id, end, error, of) => {
                    let status = if error.is_some() { JobStatus::Failed } else { JobStatus::Succeeded };
                    let job = Job {
                        id,
                        status,
                        submission_time: Some(id),
                        completion_time: Some(end),
                        error: error.map(str::to_owned),
                        sql_execution_id: of,
                        ..Job::default()
                    };
                    jobs.insert(id, job);
                }
                Open(id) => drop(jobs.insert(id, Job { id, submission_time: Some(id), ..Job::default() })),
                Sql(id, root_id, completion_time, error) => {
                    let error = error.map(str::to_owned);
                    sql.insert(id, SqlExecution { id, root_id, completion_time, error, ..SqlExecution::default() });
                }
                Exit(code) => app.exit_code = Some(code),
                Tag(tag) => tags.push(tag.to_owned()),
                NoEnd => app.end_time = None,
                NoStart => no_start = true,
            }
        }
        for job in jobs.values_mut() {
            job.job_tags.clone_from(&tags);
            if let Some(x) = job.sql_execution_id.and_then(|id| sql.get_mut(&id)) {
                x.jobs.insert(job.id, job.status);
            }
        }
        outcome(&app, no_start, &jobs, &BTreeMap::new(), &sql)
    }

    #[test]
    fn how_applications_end() {
        use Status::{Completed, Failed, Killed, Running, Unknown};
        let exit = |code: &'static str| Some(code);
        // What there was, how it ended, and the beginning of the error that it ended with.
        let cases: Vec<(&str, Vec<Made>, Status, Option<&str>)> = vec![
            ("nothing ran", vec![], Completed, None),
            ("nothing ran, exit code 0", vec![Exit(0)], Completed, None),
            ("no end", vec![NoEnd, J(1, 5, BOOM, None)], Running, None),
            ("a dated part alone", vec![NoStart, NoEnd, J(1, 5, None, None)], Unknown, None),
            ("no beginning", vec![NoStart, J(1, 5, None, None)], Completed, None),
            ("all went well", vec![J(0, 5, None, None), J(1, 6, None, None), Exit(0)], Completed, None),
            ("a failure that was dealt with", vec![J(0, 5, BOOM, None), J(1, 6, None, None)], Completed, None),
            ("the last job failed", vec![J(0, 5, None, None), J(1, 6, BOOM, None)], Failed, BOOM),
            // PySpark's driver stops the context by a hook: the code says 0.
            ("the last job failed, exit code 0", vec![J(1, 6, BOOM, None), Exit(0)], Failed, BOOM),
            ("the last to end is not the last to start", vec![J(1, 9, BOOM, None), J(2, 6, None, None)], Failed, BOOM),
            (
                "the last to start is not the last to end",
                vec![J(1, 9, None, None), J(2, 6, BOOM, None)],
                Completed,
                None,
            ),
            (
                "the driver failed after its work",
                vec![J(1, 6, None, None), Exit(1)],
                Failed,
                exit("the driver ended with exit code 1"),
            ),
            ("YARN: too many executors failed", vec![J(1, 6, EXECUTORS, None), Exit(11)], Failed, EXECUTORS),
            (
                "Kubernetes: out of memory",
                vec![J(1, 6, None, None), Exit(137)],
                Killed,
                exit("the driver ended with exit code 137"),
            ),
            ("Kubernetes: the pod was deleted", vec![J(1, 6, SHUT, None), Exit(143)], Killed, SHUT),
            ("Kubernetes: failed, then deleted", vec![J(1, 6, BOOM, None), Exit(143)], Failed, BOOM),
            ("interrupted at a terminal", vec![Exit(130)], Killed, exit("the driver ended with exit code 130")),
            ("YARN: killed, no exit code", vec![J(1, 6, SHUT, None)], Killed, SHUT),
            ("YARN: killed, the client says so", vec![J(1, 6, YARN, None)], Killed, YARN),
            ("standalone: killed in the master's UI", vec![J(1, 6, MASTER, None)], Killed, MASTER),
            ("standalone: stopped by a hook", vec![J(1, 6, SHUT, None), Exit(0)], Killed, SHUT),
            (
                "the driver gave up with jobs at work",
                vec![J(1, 6, SHUT, None), Exit(1)],
                Failed,
                exit("the driver ended with exit code 1"),
            ),
            (
                "one failed, others went with the driver",
                vec![J(1, 6, BOOM, None), J(2, 8, SHUT, None), Exit(0)],
                Failed,
                BOOM,
            ),
            ("somebody cancelled the last", vec![J(1, 6, GROUP, None)], Killed, GROUP),
            ("somebody cancelled one before", vec![J(1, 6, GROUP, None), J(2, 8, None, None)], Completed, None),
            // The empty side of a join: the other is no longer needed, and still at work when the driver stops.
            (
                "adaptive execution left a job",
                vec![Sql(3, 3, Some(8), OK), J(0, 7, None, Some(3)), J(1, 101, SHUT, Some(3)), Exit(0)],
                Completed,
                None,
            ),
            (
                "the same, without a word (before Spark 3.4)",
                vec![Sql(3, 3, Some(8), None), J(1, 101, SHUT, Some(3))],
                Completed,
                None,
            ),
            ("a query failed by its job", vec![Sql(3, 3, Some(8), Some("x")), J(1, 7, BOOM, Some(3))], Failed, BOOM),
            ("the same before Spark 3.4", vec![Sql(3, 3, Some(8), None), J(1, 7, BOOM, Some(3))], Failed, BOOM),
            (
                "a query failed without a job",
                vec![Sql(0, 0, Some(4), OK), Sql(1, 1, Some(5), NO_TABLE)],
                Failed,
                NO_TABLE,
            ),
            (
                "a part failed, the whole did not",
                vec![Sql(1, 1, Some(6), OK), Sql(2, 1, Some(5), NO_TABLE)],
                Completed,
                None,
            ),
            (
                "a query failed, a job came after",
                vec![Sql(1, 1, Some(5), NO_TABLE), J(1, 7, None, None)],
                Completed,
                None,
            ),
            ("a job failed, a query came after", vec![J(1, 3, BOOM, None), Sql(1, 1, Some(5), OK)], Completed, None),
            (
                "a query fell with the driver",
                vec![Sql(1, 1, None, None), J(1, 101, SHUT, Some(1)), Exit(0)],
                Killed,
                SHUT,
            ),
            (
                "one never ended, a later one failed",
                vec![Sql(1, 1, None, None), Sql(2, 2, Some(9), NO_TABLE)],
                Failed,
                NO_TABLE,
            ),
            (
                "one never ended, a later one went well",
                vec![Sql(1, 1, None, None), J(0, 3, BOOM, Some(1)), Sql(2, 2, Some(9), OK)],
                Completed,
                None,
            ),
            ("the execution is not in the log", vec![J(0, 3, BOOM, Some(26))], Failed, BOOM),
            ("a job without an end", vec![J(0, 3, None, None), Open(1), Exit(0)], Completed, None),
            (
                "Databricks: the cell was cancelled",
                vec![Sql(1, 1, Some(9), Some("[OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008"))],
                Killed,
                Some("[OPERATION_CANCELED]"),
            ),
            (
                "a server's client failed",
                vec![Tag("SparkConnect_OperationTag_User_u"), J(1, 6, BOOM, None), Exit(0)],
                Completed,
                None,
            ),
            (
                "a server failed itself",
                vec![Tag("SparkConnect_OperationTag_User_u"), J(1, 6, None, None), Exit(1)],
                Failed,
                exit("the driver ended with exit code 1"),
            ),
        ];
        assert!(cases.len() >= 25);
        for (what, made, status, error) in cases {
            let found = decide(&made);
            assert_eq!(found.status, status, "{what}: {found:?}");
            let text = found.error.map(|e| e.text);
            assert_eq!(text.is_some(), error.is_some(), "{what}: {text:?}");
            assert!(text.unwrap_or_default().starts_with(error.unwrap_or_default()), "{what}");
        }
    }

    #[test]
    fn an_error_names_its_place() {
        let job = |id, of, error: &str| Job {
            id,
            status: JobStatus::Failed,
            stage_ids: vec![id],
            sql_execution_id: of,
            error: Some(error.to_owned()),
            ..Job::default()
        };
        let failed = StageAttempt {
            stage_id: 1,
            status: StageStatus::Failed,
            failure_reason: Some("of the stage".into()),
            ..StageAttempt::default()
        };
        let stages = BTreeMap::from([((1, 0), failed)]);
        let app = Application { end_time: Some(9), ..Application::default() };
        let of = |sql: &BTreeMap<i64, SqlExecution>| {
            let jobs = BTreeMap::from([(1, job(1, Some(4), "of the job"))]);
            outcome(&app, false, &jobs, &stages, sql).error.unwrap()
        };
        let error = RootError { text: "of the stage".into(), stage: Some((1, 0)), job: Some(1), sql: None };
        assert_eq!(of(&BTreeMap::new()), error, "an execution that the log does not have is no place");
        let x = SqlExecution { id: 4, root_id: 4, ..SqlExecution::default() };
        assert_eq!(of(&BTreeMap::from([(4, x)])), RootError { sql: Some(4), ..error });
    }
}
