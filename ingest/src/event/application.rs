//! The application, its environment, executors and stored blocks, as the log names them.
//! In: one JSON line. Out: borrowed records whose fields carry Spark's names.

use serde::Deserialize;

use super::{
    metrics::ExecutorMetrics,
    scheduler::{Accumulables, BlockManagerId, StorageLevel, unknown},
    text::{Pairs, Text},
};

#[derive(Debug, Deserialize)]
pub struct LogStart<'a> {
    #[serde(borrow, rename = "Spark Version", default)]
    pub spark_version: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct ApplicationStart<'a> {
    #[serde(borrow, rename = "App Name", default)]
    pub name: Text<'a>,
    /// Absent in logs of drivers that had no id yet; such a log is no application.
    #[serde(borrow, rename = "App ID", default)]
    pub id: Option<Text<'a>>,
    #[serde(rename = "Timestamp")]
    pub time: i64,
    #[serde(borrow, rename = "User", default)]
    pub user: Text<'a>,
    #[serde(borrow, rename = "App Attempt ID", default)]
    pub attempt_id: Option<Text<'a>>,
    #[serde(borrow, rename = "Driver Logs", default)]
    pub driver_logs: Option<Pairs<Text<'a>, Text<'a>>>,
    #[serde(borrow, rename = "Driver Attributes", default)]
    pub driver_attributes: Option<Pairs<Text<'a>, Text<'a>>>,
}

#[derive(Debug, Deserialize)]
pub struct ApplicationEnd {
    #[serde(rename = "Timestamp")]
    pub time: i64,
    /// Written since Spark 4.1.
    #[serde(rename = "ExitCode", default)]
    pub exit_code: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct EnvironmentUpdate<'a> {
    #[serde(borrow, rename = "JVM Information", default)]
    pub jvm_information: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "Spark Properties", default)]
    pub spark_properties: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "Hadoop Properties", default)]
    pub hadoop_properties: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "System Properties", default)]
    pub system_properties: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "Metrics Properties", default)]
    pub metrics_properties: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "Classpath Entries", default)]
    pub classpath_entries: Pairs<Text<'a>, Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct ResourceProfileAdded<'a> {
    #[serde(rename = "Resource Profile Id")]
    pub id: i64,
    #[serde(borrow, rename = "Executor Resource Requests", default)]
    pub executor_resources: Pairs<Text<'a>, ExecutorResourceRequest<'a>>,
    #[serde(borrow, rename = "Task Resource Requests", default)]
    pub task_resources: Pairs<Text<'a>, TaskResourceRequest<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ExecutorResourceRequest<'a> {
    #[serde(borrow, rename = "Resource Name", default)]
    pub resource_name: Text<'a>,
    #[serde(rename = "Amount", default)]
    pub amount: i64,
    #[serde(borrow, rename = "Discovery Script", default)]
    pub discovery_script: Text<'a>,
    #[serde(borrow, rename = "Vendor", default)]
    pub vendor: Text<'a>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct TaskResourceRequest<'a> {
    #[serde(borrow, rename = "Resource Name", default)]
    pub resource_name: Text<'a>,
    #[serde(rename = "Amount", default)]
    pub amount: f64,
}

#[derive(Debug, Deserialize)]
pub struct BlockManagerAdded<'a> {
    #[serde(borrow, rename = "Block Manager ID")]
    pub block_manager_id: BlockManagerId<'a>,
    #[serde(rename = "Maximum Memory", default)]
    pub maximum_memory: i64,
    #[serde(rename = "Timestamp", default = "unknown")]
    pub time: i64,
    #[serde(rename = "Maximum Onheap Memory", default)]
    pub maximum_on_heap_memory: Option<i64>,
    #[serde(rename = "Maximum Offheap Memory", default)]
    pub maximum_off_heap_memory: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct ExecutorAdded<'a> {
    #[serde(rename = "Timestamp", default)]
    pub time: i64,
    #[serde(borrow, rename = "Executor ID")]
    pub executor_id: Text<'a>,
    #[serde(borrow, rename = "Executor Info")]
    pub info: ExecutorInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub struct ExecutorInfo<'a> {
    #[serde(borrow, rename = "Host", default)]
    pub host: Text<'a>,
    #[serde(rename = "Total Cores", default)]
    pub total_cores: i64,
    #[serde(borrow, rename = "Log Urls", default)]
    pub log_urls: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "Attributes", default)]
    pub attributes: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, rename = "Resources", default)]
    pub resources: Pairs<Text<'a>, ResourceInformation<'a>>,
    #[serde(rename = "Resource Profile Id", default)]
    pub resource_profile_id: i64,
}

#[derive(Debug, Deserialize)]
pub struct ResourceInformation<'a> {
    #[serde(borrow, default)]
    pub name: Text<'a>,
    #[serde(borrow, default)]
    pub addresses: Vec<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct ExecutorRemoved<'a> {
    #[serde(rename = "Timestamp", default)]
    pub time: i64,
    #[serde(borrow, rename = "Executor ID")]
    pub executor_id: Text<'a>,
    #[serde(borrow, rename = "Removed Reason", default)]
    pub reason: Text<'a>,
}

/// Exclusion of an executor or a node, from the application or (with `stage_id`) from a stage;
/// the old `Blacklisted` events have the same fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion<'a> {
    #[serde(default)]
    pub time: i64,
    #[serde(borrow, default)]
    pub executor_id: Text<'a>,
    #[serde(borrow, default)]
    pub host_id: Text<'a>,
    #[serde(default)]
    pub stage_id: i64,
    #[serde(default)]
    pub stage_attempt_id: i64,
}

#[derive(Debug, Deserialize)]
pub struct ExecutorMetricsUpdate<'a> {
    #[serde(borrow, rename = "Executor ID")]
    pub executor_id: Text<'a>,
    #[serde(borrow, rename = "Metrics Updated", default)]
    pub task_updates: Vec<TaskUpdate<'a>>,
    #[serde(rename = "Executor Metrics Updated", default)]
    pub executor_updates: Vec<StageExecutorUpdate>,
}

#[derive(Debug, Deserialize)]
pub struct TaskUpdate<'a> {
    #[serde(rename = "Task ID")]
    pub task_id: i64,
    #[serde(rename = "Stage ID")]
    pub stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub stage_attempt_id: i64,
    #[serde(borrow, rename = "Accumulator Updates", default)]
    pub accumulators: Accumulables<'a>,
}

#[derive(Debug, Deserialize)]
pub struct StageExecutorUpdate {
    #[serde(rename = "Stage ID", default)]
    pub stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub stage_attempt_id: i64,
    #[serde(rename = "Executor Metrics", default)]
    pub metrics: ExecutorMetrics,
}

#[derive(Debug, Deserialize)]
pub struct StageExecutorMetrics<'a> {
    #[serde(borrow, rename = "Executor ID")]
    pub executor_id: Text<'a>,
    #[serde(rename = "Stage ID")]
    pub stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub stage_attempt_id: i64,
    #[serde(rename = "Executor Metrics", default)]
    pub metrics: ExecutorMetrics,
}

#[derive(Debug, Deserialize)]
pub struct UnpersistRdd {
    #[serde(rename = "RDD ID")]
    pub rdd_id: i64,
}

#[derive(Debug, Deserialize)]
pub struct BlockUpdated<'a> {
    #[serde(borrow, rename = "Block Updated Info")]
    pub info: BlockUpdatedInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub struct BlockUpdatedInfo<'a> {
    #[serde(borrow, rename = "Block Manager ID")]
    pub block_manager_id: BlockManagerId<'a>,
    #[serde(borrow, rename = "Block ID")]
    pub block_id: Text<'a>,
    #[serde(rename = "Storage Level", default)]
    pub storage_level: StorageLevel,
    #[serde(rename = "Memory Size", default)]
    pub memory_size: i64,
    #[serde(rename = "Disk Size", default)]
    pub disk_size: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MiscellaneousProcessAdded<'a> {
    #[serde(default)]
    pub time: i64,
    #[serde(borrow)]
    pub process_id: Text<'a>,
    #[serde(borrow)]
    pub info: MiscellaneousProcessDetails<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MiscellaneousProcessDetails<'a> {
    #[serde(borrow, default)]
    pub host_port: Text<'a>,
    #[serde(default)]
    pub cores: i64,
    #[serde(borrow, default)]
    pub log_url_info: Pairs<Text<'a>, Text<'a>>,
}
