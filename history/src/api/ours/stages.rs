//! `stages`: the list of stage attempts, and `stages/{stage}/{attempt}/executors`: what each executor did for one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::response::Response;
use serde::Serialize;

use super::list::{self, Slice};
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::api::wire::stage_status;
use crate::budget;
use crate::insight::outcome::first_line;
use crate::insight::skew::{Unknown, skew};
use crate::state::{StageAttempt, StageKey, StageStatus};
use crate::store::merge::Way;

#[derive(Serialize)]
struct Stages {
    /// Of the application.
    total: usize,
    /// That the filters let through.
    filtered: usize,
    /// How many there are of each status among those that all filters but that of the status let through.
    statuses: BTreeMap<&'static str, usize>,
    /// The highest of each number over all stage attempts of the application.
    most: Most,
    stages: Vec<Row>,
}

macro_rules! rows {
    ($($(#[$doc:meta])* $field:ident = $name:literal: $of:expr),* $(,)?) => {
        /// A stage attempt.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row {
            stage: i64,
            attempt: i64,
            name: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<String>,
            status: &'static str,
            pool: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            submit_time: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            first_task_time: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            end_time: Option<i64>,
            /// Milliseconds; none for one that was skipped or waits.
            #[serde(skip_serializing_if = "Option::is_none")]
            duration: Option<i64>,
            active_tasks: i64,
            completed_tasks: i64,
            $($(#[$doc])* $field: i64,)*
            /// Milliseconds, of successful tasks.
            #[serde(skip_serializing_if = "Option::is_none")]
            median_task: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            longest_task: Option<i64>,
            /// The longest over the median.
            skew: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            skew_unknown: Option<&'static str>,
            jobs: BTreeSet<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<String>,
        }

        impl Row {
            fn new(s: &StageAttempt, now: i64) -> Self {
                let (skew, skew_unknown) = skew(s).map_or_else(|why| (None, Some(reason(why))), |r| (Some(r), None));
                Row {
                    stage: s.stage_id,
                    attempt: s.attempt_id,
                    name: s.name.clone(),
                    description: s.description.clone(),
                    status: stage_status(s.status),
                    pool: s.scheduling_pool.clone(),
                    submit_time: s.submission_time,
                    first_task_time: s.first_task_launched_time,
                    end_time: s.completion_time,
                    duration: duration(s, now),
                    active_tasks: s.active_tasks,
                    completed_tasks: s.completed_tasks,
                    $($field: $of(s),)*
                    median_task: s.task_times.map(|t| t.median),
                    longest_task: s.task_times.map(|t| t.longest),
                    skew,
                    skew_unknown,
                    jobs: s.job_ids.clone(),
                    error: s.failure_reason.as_deref().filter(|e| !e.is_empty()).map(first_line),
                }
            }
        }

        #[derive(Default, Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Most {
            duration: i64,
            $($field: i64,)*
        }

        impl Most {
            fn and(self, s: &StageAttempt, now: i64) -> Self {
                Most {
                    duration: self.duration.max(duration(s, now).unwrap_or(0)),
                    $($field: self.$field.max($of(s)),)*
                }
            }
        }

        /// A number of a stage attempt, by its name.
        fn number(name: &str) -> Option<fn(&StageAttempt) -> i64> {
            match name {
                $($name => Some($of),)*
                _ => None,
            }
        }
    };
}

rows! {
    /// That it has; not all may have been launched.
    tasks = "tasks": |s: &StageAttempt| s.num_tasks,
    failed_tasks = "failedTasks": |s: &StageAttempt| s.failed_tasks,
    killed_tasks = "killedTasks": |s: &StageAttempt| s.killed_tasks,
    input_bytes = "inputBytes": |s: &StageAttempt| s.metrics.input_bytes_read,
    input_records = "inputRecords": |s: &StageAttempt| s.metrics.input_records_read,
    output_bytes = "outputBytes": |s: &StageAttempt| s.metrics.output_bytes_written,
    output_records = "outputRecords": |s: &StageAttempt| s.metrics.output_records_written,
    /// Local and remote.
    shuffle_read_bytes = "shuffleReadBytes":
        |s: &StageAttempt| s.metrics.shuffle_local_bytes_read.wrapping_add(s.metrics.shuffle_remote_bytes_read),
    shuffle_read_records = "shuffleReadRecords": |s: &StageAttempt| s.metrics.shuffle_records_read,
    shuffle_write_bytes = "shuffleWriteBytes": |s: &StageAttempt| s.metrics.shuffle_bytes_written,
    shuffle_write_records = "shuffleWriteRecords": |s: &StageAttempt| s.metrics.shuffle_records_written,
    memory_spilled = "memorySpilled": |s: &StageAttempt| s.metrics.memory_bytes_spilled,
    disk_spilled = "diskSpilled": |s: &StageAttempt| s.metrics.disk_bytes_spilled,
    /// Milliseconds.
    run_time = "runTime": |s: &StageAttempt| s.metrics.executor_run_time,
    /// Milliseconds.
    cpu_time = "cpuTime": |s: &StageAttempt| s.metrics.executor_cpu_time / 1_000_000,
    gc_time = "gcTime": |s: &StageAttempt| s.metrics.jvm_gc_time,
}

fn reason(why: Unknown) -> &'static str {
    match why {
        Unknown::Skipped => "skipped",
        Unknown::NotStarted => "notStarted",
        Unknown::NoneSucceeded => "noneSucceeded",
        Unknown::OneTask => "oneTask",
        Unknown::NoTime => "noTime",
    }
}

/// Milliseconds from submission to completion; of one that runs, to `now`.
fn duration(s: &StageAttempt, now: i64) -> Option<i64> {
    let ran = !matches!(s.status, StageStatus::Skipped | StageStatus::Pending);
    let from = s.submission_time.filter(|_| ran)?;
    Some(s.completion_time.unwrap_or(now).saturating_sub(from).max(0))
}

/// What stage attempts are ordered by.
#[derive(Clone, Copy)]
enum Sort {
    Id,
    Name,
    Status,
    Pool,
    SubmitTime,
    Duration,
    Skew,
    GcShare,
    Number(fn(&StageAttempt) -> i64),
}

fn column(name: &str) -> Option<Sort> {
    Some(match name {
        "id" => Sort::Id,
        "name" => Sort::Name,
        "status" => Sort::Status,
        "pool" => Sort::Pool,
        "submitTime" => Sort::SubmitTime,
        "duration" => Sort::Duration,
        "skew" => Sort::Skew,
        "gcShare" => Sort::GcShare,
        other => Sort::Number(number(other)?),
    })
}

/// How much a status asks to be looked at.
fn urgency(status: StageStatus) -> u8 {
    match status {
        StageStatus::Failed => 4,
        StageStatus::Active => 3,
        StageStatus::Pending => 2,
        StageStatus::Complete => 1,
        StageStatus::Skipped => 0,
    }
}

/// Garbage collection over run time, where that says something.
fn gc_share(s: &StageAttempt) -> Option<f64> {
    let (gc, run) = (s.metrics.jvm_gc_time, s.metrics.executor_run_time);
    (run > 0 && (0..=run).contains(&gc)).then(|| gc as f64 / run as f64)
}

/// Shares and ratios, none of them below 0, in an order; what is not known counts as least.
fn ordered(ratio: Option<f64>) -> Option<u64> {
    ratio.map(f64::to_bits)
}

/// Stage attempts whose memory is taken at once, and about what is kept of each.
const TOGETHER: usize = 1 << 12;
const KEPT: usize = 128;

/// What a stage attempt is ordered by; all of one order are of one kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Nothing,
    Number(i64),
    Known(Option<i64>),
    Ratio(Option<u64>),
    Text(String),
}

impl Sort {
    /// Equal ones are in the order of their ids: the latest first if descending.
    fn key(self, s: &StageAttempt, now: i64) -> Key {
        match self {
            Sort::Id => Key::Nothing,
            Sort::Name => Key::Text(s.description.as_ref().unwrap_or(&s.name).to_lowercase()),
            Sort::Status => Key::Number(i64::from(urgency(s.status))),
            Sort::Pool => Key::Text(s.scheduling_pool.clone()),
            Sort::SubmitTime => Key::Known(s.submission_time),
            Sort::Duration => Key::Known(duration(s, now)),
            Sort::Skew => Key::Ratio(ordered(skew(s).ok())),
            Sort::GcShare => Key::Ratio(ordered(gc_share(s))),
            Sort::Number(of) => Key::Number(of(s)),
        }
    }
}

fn status(name: &str) -> Result<StageStatus, ApiError> {
    use StageStatus::{Active, Complete, Failed, Pending, Skipped};
    let named = |s: &StageStatus| stage_status(*s).eq_ignore_ascii_case(name);
    let found = [Active, Complete, Failed, Pending, Skipped].into_iter().find(named);
    found.ok_or_else(|| ApiError::parameter(format!("status={name}: there is no such status of stages")))
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let (sort, descending) = list::sort(&query, "-id", column)?;
    let slice = Slice::of(&query, 100)?;
    let asked: Vec<StageStatus> =
        query.values("status").filter(|s| !s.is_empty()).map(status).collect::<Result<_, _>>()?;
    let text = query.first("q").unwrap_or_default().to_lowercase();
    let pools: Vec<String> = query.values("pool").filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let now = target.last_event();
    // There may be a million: of those that are not shown, only what they are ordered by is kept.
    let mut all = target.reader.stages_in_order(Way::Forwards).await?;
    let (mut total, mut most, mut statuses) = (0, Most::default(), BTreeMap::<_, usize>::new());
    let mut found: Vec<(Key, StageKey)> = Vec::new();
    while let Some((key, s)) = all.next_head(|_| true).await? {
        total += 1;
        most = most.and(&s, now);
        let in_pool = pools.is_empty() || pools.contains(&s.scheduling_pool);
        if in_pool && (words.is_empty() || has_words(&s, &words)) {
            *statuses.entry(stage_status(s.status)).or_default() += 1;
            if asked.is_empty() || asked.contains(&s.status) {
                found.push((sort.key(&s, now), key));
                if found.len().is_multiple_of(TOGETHER) {
                    budget::charge((TOGETHER * KEPT) as u64).await?;
                }
            }
        }
    }
    let filtered = found.len();
    // Of a million that takes a while.
    let ordered = tokio::task::spawn_blocking(move || {
        if descending {
            found.sort_unstable_by(|a, b| b.cmp(a));
        } else {
            found.sort_unstable();
        }
        found
    });
    let shown: Vec<StageKey> = slice.cut(ordered.await?).into_iter().map(|(_, key)| key).collect();
    let heads = target.reader.stage_heads_of(&shown.iter().map(|key| key.0).collect()).await?;
    let stages = shown.iter().filter_map(|key| heads.get(key)).map(|s| Row::new(s, now)).collect();
    target.json(&Stages { total, filtered, statuses, most, stages })
}

/// Whether every word is in a stage attempt's name, description or failure, or is its id.
fn has_words(s: &StageAttempt, words: &[&str]) -> bool {
    let texts = [Some(&s.name), s.description.as_ref(), s.failure_reason.as_ref()];
    let texts: Vec<String> = texts.into_iter().flatten().map(|t| t.to_lowercase()).collect();
    let id = s.stage_id.to_string();
    words.iter().all(|w| *w == id || texts.iter().any(|t| t.contains(w)))
}

#[derive(Serialize)]
struct Executors {
    total: usize,
    /// Second attempts of slow tasks; none if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    speculation: Option<Speculation>,
    executors: Vec<ExecutorOfStage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Speculation {
    tasks: i64,
    active_tasks: i64,
    completed_tasks: i64,
    failed_tasks: i64,
    killed_tasks: i64,
}

/// What one executor did for a stage attempt.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutorOfStage {
    id: String,
    /// None if the log does not say where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remove_time: Option<i64>,
    logs: BTreeMap<String, String>,
    /// Sum of task durations, milliseconds.
    task_time: i64,
    succeeded_tasks: i64,
    failed_tasks: i64,
    killed_tasks: i64,
    input_bytes: i64,
    input_records: i64,
    output_bytes: i64,
    output_records: i64,
    shuffle_read_bytes: i64,
    shuffle_read_records: i64,
    shuffle_write_bytes: i64,
    shuffle_write_records: i64,
    memory_spilled: i64,
    disk_spilled: i64,
    /// Spark gave it no more tasks of this stage.
    excluded: bool,
}

/// The executors of a stage attempt, the busiest first.
pub async fn executors(target: Target, query: Query) -> Result<Response, ApiError> {
    let slice = Slice::of(&query, 1000)?;
    let (id, attempt) = (target.number("stage")?, target.number("stage_attempt")?);
    let Some(stage) = target.reader.stage(id).await?.into_iter().find(|s| s.attempt_id == attempt) else {
        return Err(ApiError::not_found(format!("there is no stage {id} with an attempt {attempt}")));
    };
    let known = target.reader.executors().await?;
    let mut all: Vec<(Arc<str>, _)> = stage.executors.into_iter().collect();
    all.sort_by_key(|(_, e)| Reverse(e.task_time));
    let total = all.len();
    let s = stage.speculation;
    let speculation = (s.tasks > 0).then_some(Speculation {
        tasks: s.tasks,
        active_tasks: s.active,
        completed_tasks: s.completed,
        failed_tasks: s.failed,
        killed_tasks: s.killed,
    });
    let shown = slice.cut(all).into_iter().map(|(id, e)| {
        let of = known.get(&*id);
        ExecutorOfStage {
            id: id.to_string(),
            host: of.map(|x| x.hostname().to_owned()).filter(|h| !h.is_empty()),
            host_port: of.and_then(|x| x.host_port.clone()),
            remove_time: of.and_then(|x| x.remove_time),
            logs: of.map(|x| x.logs.iter().cloned().collect()).unwrap_or_default(),
            task_time: e.task_time,
            succeeded_tasks: e.succeeded_tasks,
            failed_tasks: e.failed_tasks,
            killed_tasks: e.killed_tasks,
            input_bytes: e.input_bytes,
            input_records: e.input_records,
            output_bytes: e.output_bytes,
            output_records: e.output_records,
            shuffle_read_bytes: e.shuffle_read,
            shuffle_read_records: e.shuffle_read_records,
            shuffle_write_bytes: e.shuffle_write,
            shuffle_write_records: e.shuffle_write_records,
            memory_spilled: e.memory_bytes_spilled,
            disk_spilled: e.disk_bytes_spilled,
            excluded: e.excluded,
        }
    });
    target.json(&Executors { total, speculation, executors: shown.collect() })
}
