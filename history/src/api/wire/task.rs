//! `TaskData`: a task attempt and its metrics, as `taskList` and a stage's `tasks` answer it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Date;
use crate::state::{self, AccumulableValue, Pairs, Task, TaskStatus};

/// A task attempt; what has not happened yet is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskData {
    pub task_id: i64,
    pub index: i64,
    pub attempt: i64,
    pub partition_id: i64,
    pub launch_time: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_fetch_start: Option<Date>,
    /// Milliseconds; absent where it is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    pub executor_id: String,
    pub host: String,
    pub status: &'static str,
    pub task_locality: String,
    pub speculative: bool,
    pub accumulator_updates: Vec<AccumulableInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_metrics: Option<TaskMetrics>,
    pub executor_logs: BTreeMap<String, String>,
    pub scheduler_delay: i64,
    pub getting_result_time: i64,
}

impl TaskData {
    /// `now_ms` is what the duration of a running task is measured against: in the History Server
    /// the time at which the log was last seen to change.
    pub fn new(task: &Task, executor_logs: &Pairs, now_ms: i64) -> Self {
        TaskData {
            task_id: task.task_id,
            index: task.index,
            attempt: task.attempt,
            partition_id: task.partition_id,
            launch_time: Date(task.launch_time),
            result_fetch_start: (task.getting_result_time > 0).then_some(Date(task.getting_result_time)),
            duration: Some(duration(task, now_ms)).filter(|d| *d > 0),
            executor_id: task.executor_id.to_string(),
            host: task.host.to_string(),
            status: task.status.name(),
            task_locality: task.locality.to_string(),
            speculative: task.speculative,
            accumulator_updates: task.accumulables.iter().map(AccumulableInfo::new).collect(),
            error_message: task.error.clone(),
            task_metrics: reported_metrics(task).as_ref().map(TaskMetrics::new),
            executor_logs: executor_logs.iter().cloned().collect(),
            scheduler_delay: scheduler_delay(task, now_ms),
            getting_result_time: getting_result_time(task, now_ms),
        }
    }
}

/// A task's metrics. One that ended without any reported zeros; one that runs has none yet.
pub fn reported_metrics(task: &Task) -> Option<state::metrics::TaskMetrics> {
    task.metrics.or_else(|| is_finished(task).then(state::metrics::TaskMetrics::default))
}

fn is_finished(task: &Task) -> bool {
    matches!(task.status, TaskStatus::Success | TaskStatus::Failed | TaskStatus::Killed)
}

/// Milliseconds from launch to finish; for a running task to `now_ms`.
pub fn duration(task: &Task, now_ms: i64) -> i64 {
    task.duration.unwrap_or_else(|| now_ms.wrapping_sub(task.launch_time))
}

/// Milliseconds the driver took to fetch the task's result; 0 where it came with the status.
pub fn getting_result_time(task: &Task, now_ms: i64) -> i64 {
    let start = task.getting_result_time;
    match (start > 0, duration(task, now_ms)) {
        (false, _) => 0,
        (true, duration) if duration > 0 => task.launch_time.wrapping_add(duration).wrapping_sub(start),
        (true, _) => now_ms.wrapping_sub(start),
    }
}

/// Milliseconds of the task's duration that no other metric explains: the way to the executor and
/// back. 0 while it runs.
pub fn scheduler_delay(task: &Task, now_ms: i64) -> i64 {
    let duration = duration(task, now_ms);
    let Some(m) = reported_metrics(task).filter(|_| is_finished(task) && duration > 0) else { return 0 };
    let known = [
        m.executor_run_time,
        m.executor_deserialize_time,
        m.result_serialization_time,
        getting_result_time(task, now_ms),
    ];
    known.into_iter().fold(duration, i64::wrapping_sub).max(0)
}

/// A user's accumulator: its value, and what a task added to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccumulableInfo {
    pub id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl AccumulableInfo {
    pub fn new(a: &AccumulableValue) -> Self {
        AccumulableInfo { id: a.id, name: a.name.clone(), update: a.update.clone(), value: a.value.clone() }
    }
}

/// Declares a block of metrics and how its fields are read from the task's flat metrics.
macro_rules! metrics {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $from:ident),* $(,)? } $({ $($nest:ident: $block:ident),* })?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(pub $field: i64,)*
            $($(pub $nest: $block,)*)?
        }

        impl $name {
            pub fn new(m: &state::metrics::TaskMetrics) -> Self {
                $name { $($field: m.$from,)* $($($nest: $block::new(m),)*)? }
            }
        }
    };
}

metrics! {
    /// The metrics of a task attempt; milliseconds, bytes and counts, CPU and write times in nanoseconds.
    TaskMetrics {
        executor_deserialize_time: executor_deserialize_time,
        executor_deserialize_cpu_time: executor_deserialize_cpu_time,
        executor_run_time: executor_run_time,
        executor_cpu_time: executor_cpu_time,
        result_size: result_size,
        jvm_gc_time: jvm_gc_time,
        result_serialization_time: result_serialization_time,
        memory_bytes_spilled: memory_bytes_spilled,
        disk_bytes_spilled: disk_bytes_spilled,
        peak_execution_memory: peak_execution_memory,
    } {
        input_metrics: InputMetrics,
        output_metrics: OutputMetrics,
        shuffle_read_metrics: ShuffleReadMetrics,
        shuffle_write_metrics: ShuffleWriteMetrics
    }
}
metrics! {
    /// What the task read from outside, its own caches included.
    InputMetrics {
        bytes_read: input_bytes_read,
        records_read: input_records_read,
    }
}
metrics! {
    /// What the task wrote to outside.
    OutputMetrics {
        bytes_written: output_bytes_written,
        records_written: output_records_written,
    }
}
metrics! {
    /// What the task read of other stages' output.
    ShuffleReadMetrics {
        remote_blocks_fetched: shuffle_remote_blocks_fetched,
        local_blocks_fetched: shuffle_local_blocks_fetched,
        fetch_wait_time: shuffle_fetch_wait_time,
        remote_bytes_read: shuffle_remote_bytes_read,
        remote_bytes_read_to_disk: shuffle_remote_bytes_read_to_disk,
        local_bytes_read: shuffle_local_bytes_read,
        records_read: shuffle_records_read,
        remote_reqs_duration: shuffle_remote_reqs_duration,
    } {
        shuffle_push_read_metrics: ShufflePushReadMetrics
    }
}
metrics! {
    /// What was read from blocks that a shuffle service had merged.
    ShufflePushReadMetrics {
        corrupt_merged_block_chunks: shuffle_corrupt_merged_block_chunks,
        merged_fetch_fallback_count: shuffle_merged_fetch_fallback_count,
        remote_merged_blocks_fetched: shuffle_merged_remote_blocks_fetched,
        local_merged_blocks_fetched: shuffle_merged_local_blocks_fetched,
        remote_merged_chunks_fetched: shuffle_merged_remote_chunks_fetched,
        local_merged_chunks_fetched: shuffle_merged_local_chunks_fetched,
        remote_merged_bytes_read: shuffle_merged_remote_bytes_read,
        local_merged_bytes_read: shuffle_merged_local_bytes_read,
        remote_merged_reqs_duration: shuffle_merged_remote_reqs_duration,
    }
}
metrics! {
    /// What the task wrote for later stages.
    ShuffleWriteMetrics {
        bytes_written: shuffle_bytes_written,
        write_time: shuffle_write_time,
        records_written: shuffle_records_written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let metrics =
            state::metrics::TaskMetrics { executor_run_time: 50, executor_deserialize_time: 20, ..Default::default() };
        Task {
            status: TaskStatus::Success,
            launch_time: 1000,
            duration: Some(100),
            metrics: Some(metrics),
            ..Task::default()
        }
    }

    #[test]
    fn delay_is_what_remains_of_the_duration() {
        assert_eq!(scheduler_delay(&task(), 0), 30);
        let fetched = Task { getting_result_time: 1090, ..task() };
        assert_eq!((scheduler_delay(&fetched, 0), getting_result_time(&fetched, 0)), (20, 10));
        let busy = Task { duration: Some(60), ..task() };
        assert_eq!(scheduler_delay(&busy, 0), 0);
    }

    #[test]
    fn a_task_of_no_duration_shows_none() {
        let data = TaskData::new(&Task { duration: Some(0), ..task() }, &Pairs::new(), 5000);
        assert_eq!((data.duration, data.scheduler_delay), (None, 0));
    }

    #[test]
    fn a_task_that_ended_without_metrics_reported_zeros() {
        let lost = Task { status: TaskStatus::Failed, metrics: None, ..task() };
        let data = TaskData::new(&lost, &Pairs::new(), 0);
        assert_eq!((data.task_metrics.map(|m| m.result_size), data.scheduler_delay), (Some(0), 100));
    }

    #[test]
    fn a_running_task_is_measured_against_now() {
        let running = Task { status: TaskStatus::Running, duration: None, metrics: None, ..task() };
        let data = TaskData::new(&running, &Pairs::new(), 5000);
        assert_eq!((data.duration, data.scheduler_delay, data.task_metrics), (Some(4000), 0, None));
    }
}
