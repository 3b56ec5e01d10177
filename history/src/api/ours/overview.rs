//! `overview`: an application on one page.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::sql::duration;
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::target::{Target, find, json};
use crate::api::wire::{sql_status, stage_status};
use crate::catalog::AttemptRow;
use crate::insight::outcome::{RootError, first_line, outcome};
use crate::insight::used::{Used, job_run, used};
use crate::insight::wall_clock::{Part, WallClock, wall_clock};
use crate::state::{
    Environment, Executor, Job, JobStatus, SqlExecution, SqlStatus, StageAttempt, StageKey, StageStatus,
};

/// Slowest SQL executions and stages shown.
const SLOWEST: usize = 10;
/// Earlier runs shown.
const RUNS: i64 = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    cluster: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_id: Option<String>,
    name: String,
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    queue: String,
    status: String,
    spark_version: String,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    duration: i64,
    last_event_time: i64,
    log_size: i64,
    events: i64,
    labels: BTreeMap<String, String>,
    /// What it uses beside Spark.
    uses: Vec<Used>,
    /// The job run of Amazon EMR on EKS that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_run: Option<JobRun>,
    damaged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    counts: Counts,
    totals: Totals,
    wall_clock: Wall,
    slowest_sql: Vec<SlowSql>,
    slowest_stages: Vec<SlowStage>,
    attempts: Vec<Run>,
    previous_runs: Vec<Run>,
    /// The run that this one tries again, because its driver was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retried_by: Option<Run>,
}

/// A job run of Amazon EMR on EKS.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobRun {
    id: String,
    /// Where its driver's labels have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_cluster: Option<String>,
}

impl JobRun {
    fn of(app_id: &str, environment: &Environment) -> Option<JobRun> {
        let label = "spark.kubernetes.driver.label.emr-containers.amazonaws.com/virtual-cluster-id";
        let virtual_cluster = environment.spark_property(label).map(str::to_owned);
        Some(JobRun { id: job_run(app_id, environment)?.to_owned(), virtual_cluster })
    }
}

#[derive(Serialize)]
struct Failure {
    /// The one that says what went wrong, out of all of the text.
    line: String,
    text: String,
    #[serde(rename = "where")]
    place: Place,
}

#[derive(Serialize)]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<i64>,
}

impl Failure {
    fn new(e: RootError) -> Self {
        let (stage, attempt) = e.stage.unzip();
        Failure { line: first_line(&e.text), text: e.text, place: Place { stage, attempt, job: e.job, sql: e.sql } }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    jobs: usize,
    failed_jobs: usize,
    /// Attempts of stages, the skipped among them.
    stages: usize,
    failed_stages: usize,
    skipped_stages: usize,
    tasks: i64,
    failed_tasks: i64,
    killed_tasks: i64,
    sql: usize,
    failed_sql: usize,
    /// Without the driver.
    executors: usize,
    removed_executors: usize,
    queries: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    input_bytes: i64,
    output_bytes: i64,
    shuffle_read_bytes: i64,
    shuffle_write_bytes: i64,
    memory_spilled: i64,
    disk_spilled: i64,
    run_time: i64,
    cpu_time: i64,
    gc_time: i64,
}

#[derive(Serialize)]
struct Wall {
    total: i64,
    parts: Vec<Share>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Share {
    name: &'static str,
    time: i64,
    share: f64,
}

#[derive(Serialize)]
struct SlowSql {
    id: i64,
    description: String,
    duration: i64,
    status: &'static str,
}

#[derive(Serialize)]
struct SlowStage {
    stage: i64,
    attempt: i64,
    name: String,
    status: &'static str,
    duration: i64,
    tasks: i64,
    /// Of the application's wall clock, what falls to this stage.
    share: f64,
}

/// Another attempt, or an earlier run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_id: Option<String>,
    status: String,
    start_time: i64,
    duration: i64,
}

impl Run {
    fn new(a: AttemptRow) -> Self {
        let s = a.summary;
        Run {
            id: a.app_id,
            attempt_id: a.attempt_id,
            status: s.outcome,
            start_time: a.start_time,
            duration: s.duration,
        }
    }
}

/// What the page is made of.
struct Read {
    jobs: BTreeMap<i64, Job>,
    stages: BTreeMap<StageKey, StageAttempt>,
    executors: BTreeMap<String, Executor>,
    sql: BTreeMap<i64, SqlExecution>,
}

pub async fn one(State(api): State<Api>, target: Target) -> Result<Response, ApiError> {
    let (row, reader) = (&target.row, &target.reader);
    let (application, completeness) = reader.application().await?;
    let read = Read {
        jobs: reader.jobs().await?,
        stages: reader.stage_heads().await?,
        executors: reader.lives().await?,
        sql: reader.sql_heads().await?,
    };
    let queries = reader.queries().await?.len();
    let attempts = find(&api, Some(&row.cluster), &row.app_id).await?;
    let runs = api.catalog.earlier_runs(&api.viewer(), row, RUNS).await?;
    let (retry_of, retried_by) = api.catalog.tries(&api.viewer(), row).await?;
    let environment = reader.environment().await?;
    let error = outcome(&application, completeness.no_start, &read.jobs, &read.stages, &read.sql).error;
    let wall = wall_clock(row.start_time, target.last_event(), &read.stages, &read.executors);
    // Without the attempt's version: it tells of other runs, too.
    json(&Overview {
        cluster: row.cluster.clone(),
        id: row.app_id.clone(),
        attempt_id: row.attempt_id.clone(),
        name: row.name.clone(),
        user: row.user.clone(),
        queue: row.summary.queue.clone(),
        status: row.summary.outcome.clone(),
        spark_version: row.spark_version.clone(),
        start_time: row.start_time,
        end_time: (row.end_time >= 0).then_some(row.end_time),
        duration: row.summary.duration,
        last_event_time: row.last_event_time,
        log_size: row.log_size,
        events: row.events,
        labels: row.labels.clone(),
        uses: used(&row.spark_version, &environment),
        job_run: JobRun::of(&row.app_id, &environment),
        damaged: row.damaged,
        error: error.map(Failure::new),
        counts: counts(&read, queries),
        totals: totals(&read.stages),
        slowest_sql: slowest_sql(&read.sql, target.last_event()),
        slowest_stages: slowest_stages(&read.stages, &wall, target.last_event()),
        wall_clock: shown(wall),
        attempts: attempts.into_iter().map(Run::new).collect(),
        previous_runs: runs.into_iter().map(Run::new).collect(),
        retry_of: retry_of.map(Run::new),
        retried_by: retried_by.map(Run::new),
    })
}

fn counts(read: &Read, queries: usize) -> Counts {
    let Read { jobs, stages, executors, sql } = read;
    let stage = |status| stages.values().filter(|s| s.status == status).count();
    let tasks = |count: fn(&StageAttempt) -> i64| stages.values().map(count).fold(0, i64::saturating_add);
    let workers = || executors.values().filter(|e| e.id != "driver");
    Counts {
        jobs: jobs.len(),
        failed_jobs: jobs.values().filter(|j| j.status == JobStatus::Failed).count(),
        stages: stages.len(),
        failed_stages: stage(StageStatus::Failed),
        skipped_stages: stage(StageStatus::Skipped),
        tasks: tasks(StageAttempt::tasks),
        failed_tasks: tasks(|s| s.failed_tasks),
        killed_tasks: tasks(|s| s.killed_tasks),
        sql: sql.len(),
        failed_sql: sql.values().filter(|x| x.status() == SqlStatus::Failed).count(),
        executors: workers().count(),
        removed_executors: workers().filter(|e| !e.active).count(),
        queries,
    }
}

fn totals(stages: &BTreeMap<StageKey, StageAttempt>) -> Totals {
    let mut m = crate::state::metrics::TaskMetrics::default();
    stages.values().for_each(|s| crate::state::metrics::add(&mut m, &s.metrics));
    Totals {
        input_bytes: m.input_bytes_read,
        output_bytes: m.output_bytes_written,
        shuffle_read_bytes: m.shuffle_local_bytes_read.wrapping_add(m.shuffle_remote_bytes_read),
        shuffle_write_bytes: m.shuffle_bytes_written,
        memory_spilled: m.memory_bytes_spilled,
        disk_spilled: m.disk_bytes_spilled,
        run_time: m.executor_run_time,
        cpu_time: m.executor_cpu_time / 1_000_000,
        gc_time: m.jvm_gc_time,
    }
}

fn shown(wall: WallClock) -> Wall {
    let of = |part: i64| if wall.total > 0 { part as f64 / wall.total as f64 } else { 0.0 };
    let parts = Part::ALL.into_iter().zip(wall.parts).map(|(p, time)| Share { name: name(p), time, share: of(time) });
    Wall { total: wall.total, parts: parts.collect(), notes: wall.notes }
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Driver => "driver",
        Part::WaitingForExecutors => "waitingForExecutors",
        Part::Scheduling => "scheduling",
        Part::Deserialization => "deserialization",
        Part::Compute => "compute",
        Part::Gc => "gc",
        Part::ShuffleRead => "shuffleRead",
        Part::ShuffleWrite => "shuffleWrite",
        Part::Result => "result",
        Part::Unexplained => "unexplained",
    }
}

/// Root executions; those below them are part of their time.
fn slowest_sql(sql: &BTreeMap<i64, SqlExecution>, now: i64) -> Vec<SlowSql> {
    let mut all: Vec<SlowSql> = sql
        .values()
        .filter(|x| x.root_id == x.id || !sql.contains_key(&x.root_id))
        .map(|x| SlowSql {
            id: x.id,
            description: x.description.clone(),
            duration: duration(x, now),
            status: sql_status(x.status()),
        })
        .collect();
    all.sort_by_key(|x| std::cmp::Reverse(x.duration));
    all.truncate(SLOWEST);
    all
}

fn slowest_stages(stages: &BTreeMap<StageKey, StageAttempt>, wall: &WallClock, now: i64) -> Vec<SlowStage> {
    let mut all: Vec<SlowStage> = stages
        .values()
        .filter_map(|s| {
            let duration = s.completion_time.unwrap_or(now).saturating_sub(s.submission_time?);
            let time = wall.stages.get(&(s.stage_id, s.attempt_id)).copied().unwrap_or_default();
            Some(SlowStage {
                stage: s.stage_id,
                attempt: s.attempt_id,
                name: s.name.clone(),
                status: stage_status(s.status),
                duration: duration.max(0),
                tasks: s.num_tasks,
                share: if wall.total > 0 { time / wall.total as f64 } else { 0.0 },
            })
        })
        .collect();
    all.sort_by_key(|s| std::cmp::Reverse(s.duration));
    all.truncate(SLOWEST);
    all
}
