//! `ExecutorSummary`: an executor as `executors` and `allexecutors` answer it, and the peaks of
//! its metrics.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Date;
use crate::state::{Executor, StorageMemory, metrics::EXECUTOR_METRIC_NAMES};

/// An executor, or the driver; sizes are bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorSummary {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_port: Option<String>,
    pub is_active: bool,
    pub rdd_blocks: i64,
    pub memory_used: i64,
    pub disk_used: i64,
    pub total_cores: i64,
    pub max_tasks: i64,
    pub active_tasks: i64,
    pub failed_tasks: i64,
    pub completed_tasks: i64,
    pub total_tasks: i64,
    /// Sum of task durations, milliseconds; of the driver, the application's duration.
    pub total_duration: i64,
    #[serde(rename = "totalGCTime")]
    pub total_gc_time: i64,
    pub total_input_bytes: i64,
    pub total_shuffle_read: i64,
    pub total_shuffle_write: i64,
    /// Spark's older name of `is_excluded`.
    pub is_blacklisted: bool,
    pub max_memory: i64,
    pub add_time: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_time: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_reason: Option<String>,
    pub executor_logs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_metrics: Option<MemoryMetrics>,
    /// Spark's older name of `excluded_in_stages`.
    pub blacklisted_in_stages: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_metrics: Option<ExecutorMetrics>,
    pub attributes: BTreeMap<String, String>,
    pub resources: BTreeMap<String, ResourceInformation>,
    pub resource_profile_id: i64,
    pub is_excluded: bool,
    pub excluded_in_stages: Vec<i64>,
}

impl ExecutorSummary {
    pub fn new(executor: &Executor) -> Self {
        let excluded_in_stages: Vec<i64> = executor.excluded_in_stages.iter().copied().collect();
        ExecutorSummary {
            id: executor.id.clone(),
            host_port: executor.host_port.clone().or_else(|| executor.host.clone()),
            is_active: executor.active,
            rdd_blocks: executor.rdd_blocks,
            memory_used: executor.memory_used,
            disk_used: executor.disk_used,
            total_cores: executor.total_cores,
            max_tasks: executor.max_tasks,
            active_tasks: executor.active_tasks,
            failed_tasks: executor.failed_tasks,
            completed_tasks: executor.completed_tasks,
            total_tasks: executor.total_tasks,
            total_duration: executor.total_duration,
            total_gc_time: executor.total_gc_time,
            total_input_bytes: executor.total_input_bytes,
            total_shuffle_read: executor.total_shuffle_read,
            total_shuffle_write: executor.total_shuffle_write,
            is_blacklisted: executor.excluded,
            max_memory: executor.max_memory,
            add_time: Date(executor.add_time),
            remove_time: executor.remove_time.map(Date),
            remove_reason: executor.remove_reason.clone(),
            executor_logs: executor.logs.iter().cloned().collect(),
            memory_metrics: executor.memory.map(MemoryMetrics::from),
            blacklisted_in_stages: excluded_in_stages.clone(),
            peak_memory_metrics: executor.peaks.0.map(ExecutorMetrics),
            attributes: executor.attributes.iter().cloned().collect(),
            resources: executor.resources.iter().map(|(name, at)| ResourceInformation::entry(name, at)).collect(),
            resource_profile_id: executor.resource_profile_id,
            is_excluded: executor.excluded,
            excluded_in_stages,
        }
    }

    /// The driver shows the application's duration (milliseconds) as its own, and its peak
    /// garbage collection time in place of that of tasks.
    pub fn as_driver(mut self, application_duration: i64) -> Self {
        self.total_duration = application_duration;
        if let Some(gc) = self.peak_memory_metrics.as_ref().and_then(|m| m.get("TotalGCTime")) {
            self.total_gc_time = gc;
        }
        self
    }
}

/// Storage memory by kind, bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryMetrics {
    pub used_on_heap_storage_memory: i64,
    pub used_off_heap_storage_memory: i64,
    pub total_on_heap_storage_memory: i64,
    pub total_off_heap_storage_memory: i64,
}

impl From<StorageMemory> for MemoryMetrics {
    fn from(m: StorageMemory) -> Self {
        MemoryMetrics {
            used_on_heap_storage_memory: m.used_on_heap,
            used_off_heap_storage_memory: m.used_off_heap,
            total_on_heap_storage_memory: m.total_on_heap,
            total_off_heap_storage_memory: m.total_off_heap,
        }
    }
}

/// A kind of resource and the addresses of those the executor has, e.g. of GPUs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResourceInformation {
    pub name: String,
    pub addresses: Vec<String>,
}

impl ResourceInformation {
    fn entry(name: &str, addresses: &[String]) -> (String, Self) {
        (name.to_owned(), ResourceInformation { name: name.to_owned(), addresses: addresses.to_vec() })
    }
}

/// A value for each executor metric: an object under Spark's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExecutorMetrics(pub [i64; 23]);

impl ExecutorMetrics {
    /// The value of one metric by Spark's name.
    pub fn get(&self, name: &str) -> Option<i64> {
        EXECUTOR_METRIC_NAMES.iter().position(|n| *n == name).map(|at| self.0[at])
    }
}

impl Serialize for ExecutorMetrics {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(EXECUTOR_METRIC_NAMES.iter().zip(self.0))
    }
}
