//! `StageData`: a stage attempt as `stages`, `stages/<id>` and `stages/<id>/<attempt>` answer it,
//! with what its executors and its speculative tasks did.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AccumulableInfo, Date, ExecutorMetrics, ExecutorMetricsDistributions, TaskData, TaskMetricDistributions};
use crate::state::{self, Speculation, StageAttempt, StageStatus};

/// A stage attempt. What `details` and `withSummaries` add is none until the caller sets it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageData {
    pub status: &'static str,
    pub stage_id: i64,
    pub attempt_id: i64,
    pub num_tasks: i64,
    pub num_active_tasks: i64,
    pub num_complete_tasks: i64,
    pub num_failed_tasks: i64,
    pub num_killed_tasks: i64,
    pub num_completed_indices: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission_time: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_task_launched_time: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    pub executor_deserialize_time: i64,
    pub executor_deserialize_cpu_time: i64,
    pub executor_run_time: i64,
    pub executor_cpu_time: i64,
    pub result_size: i64,
    pub jvm_gc_time: i64,
    pub result_serialization_time: i64,
    pub memory_bytes_spilled: i64,
    pub disk_bytes_spilled: i64,
    pub peak_execution_memory: i64,
    pub input_bytes: i64,
    pub input_records: i64,
    pub output_bytes: i64,
    pub output_records: i64,
    pub shuffle_remote_blocks_fetched: i64,
    pub shuffle_local_blocks_fetched: i64,
    pub shuffle_fetch_wait_time: i64,
    pub shuffle_remote_bytes_read: i64,
    pub shuffle_remote_bytes_read_to_disk: i64,
    pub shuffle_local_bytes_read: i64,
    /// Local and remote.
    pub shuffle_read_bytes: i64,
    pub shuffle_read_records: i64,
    pub shuffle_corrupt_merged_block_chunks: i64,
    pub shuffle_merged_fetch_fallback_count: i64,
    pub shuffle_merged_remote_blocks_fetched: i64,
    pub shuffle_merged_local_blocks_fetched: i64,
    pub shuffle_merged_remote_chunks_fetched: i64,
    pub shuffle_merged_local_chunks_fetched: i64,
    pub shuffle_merged_remote_bytes_read: i64,
    pub shuffle_merged_local_bytes_read: i64,
    pub shuffle_remote_reqs_duration: i64,
    pub shuffle_merged_remote_reqs_duration: i64,
    pub shuffle_write_bytes: i64,
    pub shuffle_write_time: i64,
    pub shuffle_write_records: i64,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub details: String,
    pub scheduling_pool: String,
    pub rdd_ids: Vec<i64>,
    pub accumulator_updates: Vec<AccumulableInfo>,
    /// By task id; with `details`. There may be too many for memory: see [`StageData::around_tasks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<BTreeMap<String, TaskData>>,
    /// By executor id; with `details`. See [`executor_summaries`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_summary: Option<BTreeMap<String, ExecutorStageSummary>>,
    /// With `details`. See [`speculation_summary`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speculation_summary: Option<SpeculationStageSummary>,
    /// Killed tasks by reason.
    pub killed_tasks_summary: BTreeMap<String, i64>,
    pub resource_profile_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_executor_metrics: Option<ExecutorMetrics>,
    /// With `withSummaries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_metrics_distributions: Option<TaskMetricDistributions>,
    /// With `withSummaries`. See [`super::executor_distributions`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_metrics_distributions: Option<ExecutorMetricsDistributions>,
    pub is_shuffle_push_enabled: bool,
    pub shuffle_mergers_count: i64,
}

impl StageData {
    pub fn new(stage: &StageAttempt) -> Self {
        let m = &stage.metrics;
        StageData {
            status: stage_status(stage.status),
            stage_id: stage.stage_id,
            attempt_id: stage.attempt_id,
            num_tasks: stage.num_tasks,
            num_active_tasks: stage.active_tasks,
            num_complete_tasks: stage.completed_tasks,
            num_failed_tasks: stage.failed_tasks,
            num_killed_tasks: stage.killed_tasks,
            num_completed_indices: stage.completed_indices,
            submission_time: stage.submission_time.map(Date),
            first_task_launched_time: stage.first_task_launched_time.map(Date),
            completion_time: stage.completion_time.map(Date),
            failure_reason: stage.failure_reason.clone(),
            executor_deserialize_time: m.executor_deserialize_time,
            executor_deserialize_cpu_time: m.executor_deserialize_cpu_time,
            executor_run_time: m.executor_run_time,
            executor_cpu_time: m.executor_cpu_time,
            result_size: m.result_size,
            jvm_gc_time: m.jvm_gc_time,
            result_serialization_time: m.result_serialization_time,
            memory_bytes_spilled: m.memory_bytes_spilled,
            disk_bytes_spilled: m.disk_bytes_spilled,
            peak_execution_memory: m.peak_execution_memory,
            input_bytes: m.input_bytes_read,
            input_records: m.input_records_read,
            output_bytes: m.output_bytes_written,
            output_records: m.output_records_written,
            shuffle_remote_blocks_fetched: m.shuffle_remote_blocks_fetched,
            shuffle_local_blocks_fetched: m.shuffle_local_blocks_fetched,
            shuffle_fetch_wait_time: m.shuffle_fetch_wait_time,
            shuffle_remote_bytes_read: m.shuffle_remote_bytes_read,
            shuffle_remote_bytes_read_to_disk: m.shuffle_remote_bytes_read_to_disk,
            shuffle_local_bytes_read: m.shuffle_local_bytes_read,
            shuffle_read_bytes: m.shuffle_local_bytes_read.wrapping_add(m.shuffle_remote_bytes_read),
            shuffle_read_records: m.shuffle_records_read,
            shuffle_corrupt_merged_block_chunks: m.shuffle_corrupt_merged_block_chunks,
            shuffle_merged_fetch_fallback_count: m.shuffle_merged_fetch_fallback_count,
            shuffle_merged_remote_blocks_fetched: m.shuffle_merged_remote_blocks_fetched,
            shuffle_merged_local_blocks_fetched: m.shuffle_merged_local_blocks_fetched,
            shuffle_merged_remote_chunks_fetched: m.shuffle_merged_remote_chunks_fetched,
            shuffle_merged_local_chunks_fetched: m.shuffle_merged_local_chunks_fetched,
            shuffle_merged_remote_bytes_read: m.shuffle_merged_remote_bytes_read,
            shuffle_merged_local_bytes_read: m.shuffle_merged_local_bytes_read,
            shuffle_remote_reqs_duration: m.shuffle_remote_reqs_duration,
            shuffle_merged_remote_reqs_duration: m.shuffle_merged_remote_reqs_duration,
            shuffle_write_bytes: m.shuffle_bytes_written,
            shuffle_write_time: m.shuffle_write_time,
            shuffle_write_records: m.shuffle_records_written,
            name: stage.name.clone(),
            description: stage.description.clone(),
            details: stage.details.clone(),
            scheduling_pool: stage.scheduling_pool.clone(),
            rdd_ids: stage.rdds.iter().map(|r| r.id).collect(),
            accumulator_updates: stage.accumulables.iter().map(AccumulableInfo::new).collect(),
            tasks: None,
            executor_summary: None,
            speculation_summary: None,
            killed_tasks_summary: stage.killed_summary.clone(),
            resource_profile_id: stage.resource_profile_id,
            peak_executor_metrics: stage.peaks.0.map(ExecutorMetrics),
            task_metrics_distributions: None,
            executor_metrics_distributions: None,
            is_shuffle_push_enabled: stage.shuffle_push_enabled,
            shuffle_mergers_count: stage.shuffle_mergers,
        }
    }
}

/// How JSON has `tasks` that are none. No text can: quotes within texts stand behind a backslash.
const NO_TASKS: &[u8] = b"\"tasks\":{}";

impl StageData {
    /// Its JSON before and behind the members of `tasks`, which must be there and be none; none if it is not there.
    pub fn around_tasks(&self) -> Result<Option<[Vec<u8>; 2]>, serde_json::Error> {
        let mut before = serde_json::to_vec(self)?;
        let Some(at) = before.windows(NO_TASKS.len()).position(|w| w == NO_TASKS) else { return Ok(None) };
        let after = before.split_off(at + NO_TASKS.len() - 1);
        Ok(Some([before, after]))
    }
}

/// Spark's name of a stage's status.
pub fn stage_status(status: StageStatus) -> &'static str {
    match status {
        StageStatus::Active => "ACTIVE",
        StageStatus::Complete => "COMPLETE",
        StageStatus::Failed => "FAILED",
        StageStatus::Pending => "PENDING",
        StageStatus::Skipped => "SKIPPED",
    }
}

/// What one executor did for a stage attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorStageSummary {
    /// Sum of task durations, milliseconds.
    pub task_time: i64,
    pub failed_tasks: i64,
    pub succeeded_tasks: i64,
    pub killed_tasks: i64,
    pub input_bytes: i64,
    pub input_records: i64,
    pub output_bytes: i64,
    pub output_records: i64,
    pub shuffle_read: i64,
    pub shuffle_read_records: i64,
    pub shuffle_write: i64,
    pub shuffle_write_records: i64,
    pub memory_bytes_spilled: i64,
    pub disk_bytes_spilled: i64,
    /// Spark's older name of `is_excluded_for_stage`.
    pub is_blacklisted_for_stage: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_metrics: Option<ExecutorMetrics>,
    pub is_excluded_for_stage: bool,
}

impl ExecutorStageSummary {
    pub fn new(s: &state::ExecutorStageSummary) -> Self {
        ExecutorStageSummary {
            task_time: s.task_time,
            failed_tasks: s.failed_tasks,
            succeeded_tasks: s.succeeded_tasks,
            killed_tasks: s.killed_tasks,
            input_bytes: s.input_bytes,
            input_records: s.input_records,
            output_bytes: s.output_bytes,
            output_records: s.output_records,
            shuffle_read: s.shuffle_read,
            shuffle_read_records: s.shuffle_read_records,
            shuffle_write: s.shuffle_write,
            shuffle_write_records: s.shuffle_write_records,
            memory_bytes_spilled: s.memory_bytes_spilled,
            disk_bytes_spilled: s.disk_bytes_spilled,
            is_blacklisted_for_stage: s.excluded,
            peak_memory_metrics: s.peaks.0.map(ExecutorMetrics),
            is_excluded_for_stage: s.excluded,
        }
    }
}

/// The executors of a stage attempt, by id.
pub fn executor_summaries(stage: &StageAttempt) -> BTreeMap<String, ExecutorStageSummary> {
    stage.executors.iter().map(|(id, summary)| (id.to_string(), ExecutorStageSummary::new(summary))).collect()
}

/// What became of a stage attempt's speculative tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpeculationStageSummary {
    pub num_tasks: i64,
    pub num_active_tasks: i64,
    pub num_completed_tasks: i64,
    pub num_failed_tasks: i64,
    pub num_killed_tasks: i64,
}

/// The speculative tasks of a stage attempt; none if it had none.
pub fn speculation_summary(stage: &StageAttempt) -> Option<SpeculationStageSummary> {
    let Speculation { tasks, active, completed, failed, killed } = stage.speculation;
    (tasks > 0).then_some(SpeculationStageSummary {
        num_tasks: tasks,
        num_active_tasks: active,
        num_completed_tasks: completed,
        num_failed_tasks: failed,
        num_killed_tasks: killed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_hide_where_tasks_are() {
        let odd = "\"tasks\":{},\\\"tasks\":{}";
        let stage = StageAttempt { name: odd.into(), details: odd.into(), ..StageAttempt::default() };
        let mut data = StageData::new(&stage);
        assert!(data.around_tasks().unwrap().is_none());
        data.tasks = Some(BTreeMap::new());
        let [before, after] = data.around_tasks().unwrap().unwrap();
        assert!(after.starts_with(b"},\"killedTasksSummary\""), "{}", String::from_utf8_lossy(&after));
        assert_eq!([before, after].concat(), serde_json::to_vec(&data).unwrap());
    }
}
