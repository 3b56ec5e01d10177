//! The wire: Spark's REST types, field for field and in Spark's order, made of our entities by
//! pure functions. What is none has no key. Only here do Spark's names of JSON fields occur.
//!
//! In: entities of [`crate::state`], and a time to measure what is running against. Out: owned
//! values that serialise to what a History Server 4.3.0 answers. No clock, no IO.

mod application;
/// Apart, for its `ExecutionData` is another than SQL's.
pub mod connect;
mod distributions;
mod environment;
mod executor;
mod job;
mod metric_text;
mod process;
pub mod sql;
mod stage;
mod storage;
mod task;

pub use crate::date::{Date, date, parse_date};
pub use application::{ApplicationAttemptInfo, ApplicationInfo, AttemptRow, VersionInfo};
pub use connect::SessionData;
pub use distributions::{
    Doubles, ExecutorMetricsDistributions, ExecutorPeakMetricsDistributions, InputMetricDistributions,
    OutputMetricDistributions, ShufflePushReadMetricDistributions, ShuffleReadMetricDistributions,
    ShuffleWriteMetricDistributions, TaskMetricDistributions, TaskQuantity, executor_distributions, quantile_index,
};
pub use environment::{
    ApplicationEnvironmentInfo, ExecutorResourceRequest, ResourceProfileInfo, RuntimeInfo, TaskResourceRequest,
};
pub use executor::{ExecutorMetrics, ExecutorSummary, MemoryMetrics, ResourceInformation};
pub use job::{JobData, job_status};
pub use metric_text::metric_text;
pub use process::ProcessSummary;
pub use sql::{ExecutionData, Metric, Node, SparkPlanGraphEdge, SqlRow, SqlSummary, SqlTable, sql_status};
pub use stage::{
    ExecutorStageSummary, SpeculationStageSummary, StageData, executor_summaries, speculation_summary, stage_status,
};
pub use storage::{RDDDataDistribution, RDDPartitionInfo, RDDStorageInfo};
pub use task::{
    AccumulableInfo, InputMetrics, OutputMetrics, ShufflePushReadMetrics, ShuffleReadMetrics, ShuffleWriteMetrics,
    TaskData, TaskMetrics, duration, getting_result_time, reported_metrics, scheduler_delay,
};
