//! `stages/{stage}/{attempt}/tasks`: tasks of a stage attempt, in any order.

use axum::response::Response;
use serde::Serialize;

use super::list::{self, Slice};
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::api::tasks::show;
use crate::api::wire::TaskData;
use crate::state::{StageKey, TaskStatus};
use crate::store::segment::{Metric, TaskColumn};
use crate::store::tasks::{Order, Page, Quantity, StageTasks, TaskFilter, TextFilter};

#[derive(Serialize)]
struct Tasks {
    /// Of the stage attempt.
    total: usize,
    /// That the filters let through.
    filtered: usize,
    tasks: Vec<TaskData>,
}

/// The stage attempt that the path names, with its tasks.
pub async fn of_stage(target: &Target) -> Result<(StageKey, StageTasks), ApiError> {
    let key = (target.number("stage")?, target.number("stage_attempt")?);
    let tasks = target.tasks(key).await?;
    if tasks.is_empty() && !target.reader.stage(key.0).await?.iter().any(|s| s.attempt_id == key.1) {
        return Err(ApiError::not_found(format!("there is no stage {} with an attempt {}", key.0, key.1)));
    }
    Ok((key, tasks))
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let (sort, descending) = list::sort(&query, "index", column)?;
    let Slice { offset, length } = Slice::of(&query, 100)?;
    let text = query.first("q").map(str::to_lowercase).filter(|q| !q.is_empty());
    let filter = TaskFilter {
        statuses: query.values("status").filter(|s| !s.is_empty()).map(status).collect::<Result<_, _>>()?,
        executors: query.values("executor").filter(|e| !e.is_empty()).map(str::to_owned).collect(),
        text: text.map(|text| TextFilter { statuses: statuses_with(&text), text }),
    };
    let page = Page { sort, order: Order::Shown, ascending: !descending, filter, offset, length };
    let (_, tasks) = of_stage(&target).await?;
    let executors = target.reader.executors().await?;
    let now = target.last_word();
    let shown = tokio::task::spawn_blocking(move || {
        let (found, filtered) = tasks.page(&page);
        let shown = found.iter().map(|t| show(t, &executors, now)).collect();
        Tasks { total: tasks.len(), filtered, tasks: shown }
    });
    target.json(&shown.await?)
}

const STATUSES: [TaskStatus; 5] =
    [TaskStatus::Running, TaskStatus::GetResult, TaskStatus::Success, TaskStatus::Failed, TaskStatus::Killed];

fn status(name: &str) -> Result<TaskStatus, ApiError> {
    let named = |s: &TaskStatus| s.name().eq_ignore_ascii_case(name);
    let found = STATUSES.into_iter().find(named);
    found.ok_or_else(|| ApiError::parameter(format!("status={name}: there is no such status of tasks")))
}

fn statuses_with(text: &str) -> Vec<TaskStatus> {
    STATUSES.into_iter().filter(|s| s.name().to_lowercase().contains(text)).collect()
}

/// What tasks are sorted by, by its name in our API.
fn column(name: &str) -> Option<Quantity> {
    Some(match name {
        "index" => Quantity::Column(TaskColumn::Index),
        "taskId" => Quantity::Column(TaskColumn::TaskId),
        "attempt" => Quantity::Column(TaskColumn::Attempt),
        "launchTime" => Quantity::Column(TaskColumn::LaunchTime),
        "executorId" => Quantity::Column(TaskColumn::Executor),
        "host" => Quantity::Column(TaskColumn::Host),
        "status" => Quantity::Column(TaskColumn::Status),
        "locality" => Quantity::Column(TaskColumn::Locality),
        other => measure(other)?.quantity,
    })
}

/// A number of each task.
#[derive(Clone, Copy)]
pub struct Measure {
    pub quantity: Quantity,
    pub unit: &'static str,
}

/// A number of tasks by its name in our API.
pub fn measure(name: &str) -> Option<Measure> {
    MEASURES.iter().find(|(n, _)| *n == name).map(|(_, m)| *m)
}

const fn metric(of: Metric, unit: &'static str) -> Measure {
    Measure { quantity: Quantity::Column(TaskColumn::Metric(of)), unit }
}

const MS: &str = "ms";
const NS: &str = "ns";
const BYTES: &str = "bytes";
const COUNT: &str = "count";

/// Every number that each task has, by its name in our API.
pub const MEASURES: [(&str, Measure); 31] = [
    ("duration", Measure { quantity: Quantity::Column(TaskColumn::Duration), unit: MS }),
    ("schedulerDelay", Measure { quantity: Quantity::SchedulerDelay, unit: MS }),
    ("gettingResultTime", Measure { quantity: Quantity::GettingResult, unit: MS }),
    ("runTime", metric(Metric::executor_run_time, MS)),
    ("cpuTime", metric(Metric::executor_cpu_time, NS)),
    ("deserializeTime", metric(Metric::executor_deserialize_time, MS)),
    ("deserializeCpuTime", metric(Metric::executor_deserialize_cpu_time, NS)),
    ("resultSerializationTime", metric(Metric::result_serialization_time, MS)),
    ("gcTime", metric(Metric::jvm_gc_time, MS)),
    ("fetchWaitTime", metric(Metric::shuffle_fetch_wait_time, MS)),
    ("remoteRequestsTime", metric(Metric::shuffle_remote_reqs_duration, MS)),
    ("shuffleWriteTime", metric(Metric::shuffle_write_time, NS)),
    ("inputSize", metric(Metric::input_bytes_read, BYTES)),
    ("inputRecords", metric(Metric::input_records_read, COUNT)),
    ("outputSize", metric(Metric::output_bytes_written, BYTES)),
    ("outputRecords", metric(Metric::output_records_written, COUNT)),
    ("shuffleRead", Measure { quantity: Quantity::Sum(&SHUFFLE_READ), unit: BYTES }),
    ("shuffleLocalRead", metric(Metric::shuffle_local_bytes_read, BYTES)),
    ("shuffleRemoteRead", metric(Metric::shuffle_remote_bytes_read, BYTES)),
    ("shuffleRemoteReadToDisk", metric(Metric::shuffle_remote_bytes_read_to_disk, BYTES)),
    ("shuffleReadRecords", metric(Metric::shuffle_records_read, COUNT)),
    ("shuffleLocalBlocks", metric(Metric::shuffle_local_blocks_fetched, COUNT)),
    ("shuffleRemoteBlocks", metric(Metric::shuffle_remote_blocks_fetched, COUNT)),
    ("shuffleWrite", metric(Metric::shuffle_bytes_written, BYTES)),
    ("shuffleWriteRecords", metric(Metric::shuffle_records_written, COUNT)),
    ("memorySpilled", metric(Metric::memory_bytes_spilled, BYTES)),
    ("diskSpilled", metric(Metric::disk_bytes_spilled, BYTES)),
    ("peakMemory", metric(Metric::peak_execution_memory, BYTES)),
    ("peakOnHeapMemory", metric(Metric::peak_on_heap_execution_memory, BYTES)),
    ("peakOffHeapMemory", metric(Metric::peak_off_heap_execution_memory, BYTES)),
    ("resultSize", metric(Metric::result_size, BYTES)),
];

/// Read from the same node and from others.
const SHUFFLE_READ: [Metric; 2] = [Metric::shuffle_local_bytes_read, Metric::shuffle_remote_bytes_read];
