//! What the fleet tables hold, table by table and column by column, in a sentence each. A column is
//! added at the end of its table; a change of meaning needs a new [`VERSION`].
//!
//! Times are UTC, `*_ms` milliseconds, `*_ns` nanoseconds, `*_bytes` bytes. Sums are over all task
//! attempts, failed and killed ones included, as in Spark's stage answers. The partition columns
//! `date` and `cluster` are in the path and, for `cluster`, in the rows, too.

use std::sync::Arc;

use arrow_array::builder::MapFieldNames;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Version of the schemas below.
pub const VERSION: u32 = 4;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Int,
    Real,
    Bool,
    /// Epoch milliseconds, UTC.
    Time,
    /// Whole numbers by name.
    Map,
}

impl Type {
    pub fn arrow(self) -> DataType {
        match self {
            Type::Text => DataType::Utf8,
            Type::Int => DataType::Int64,
            Type::Real => DataType::Float64,
            Type::Bool => DataType::Boolean,
            Type::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Type::Map => {
                let names = map_names();
                let key = Field::new(names.key, DataType::Utf8, false);
                let value = Field::new(names.value, DataType::Int64, true);
                let entry = DataType::Struct(vec![key, value].into());
                DataType::Map(Arc::new(Field::new(names.entry, entry, false)), false)
            }
        }
    }
}

/// The times that the tables have, epoch milliseconds: what nanoseconds can count, so that engines may compute with all of them. Others
/// are null.
pub fn in_range(time: i64) -> Option<i64> {
    const MOST: i64 = i64::MAX / 1_000_000;
    (-MOST..=MOST).contains(&time).then_some(time)
}

/// The names in a map, as Parquet's specification has them.
pub fn map_names() -> MapFieldNames {
    MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() }
}

/// Name, type and meaning.
pub type Column = (&'static str, Type, &'static str);

/// A table, as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableName {
    Applications,
    Jobs,
    Stages,
    Executors,
    SqlExecutions,
    StreamingProgress,
    StateOperatorMetrics,
    ApplicationSamples,
    ExecutorSamples,
    JvmPauses,
    Findings,
}

pub const TABLES: [TableName; 11] = [
    TableName::Applications,
    TableName::Jobs,
    TableName::Stages,
    TableName::Executors,
    TableName::SqlExecutions,
    TableName::StreamingProgress,
    TableName::StateOperatorMetrics,
    TableName::ApplicationSamples,
    TableName::ExecutorSamples,
    TableName::JvmPauses,
    TableName::Findings,
];

impl TableName {
    pub fn text(self) -> &'static str {
        match self {
            TableName::Applications => "applications",
            TableName::Jobs => "jobs",
            TableName::Stages => "stages",
            TableName::Executors => "executors",
            TableName::SqlExecutions => "sql_executions",
            TableName::StreamingProgress => "streaming_progress",
            TableName::StateOperatorMetrics => "state_operator_metrics",
            TableName::ApplicationSamples => "application_samples",
            TableName::ExecutorSamples => "executor_samples",
            TableName::JvmPauses => "jvm_pauses",
            TableName::Findings => "findings",
        }
    }

    /// What a row is.
    pub fn about(self) -> &'static str {
        match self {
            TableName::Applications => "One row an application attempt.",
            TableName::Jobs => "One row a job.",
            TableName::Stages => "One row a stage attempt, skipped ones included.",
            TableName::Executors => "One row an executor; the driver is the one with the id `driver`.",
            TableName::SqlExecutions => "One row an execution of Spark SQL, sub-executions included.",
            TableName::StreamingProgress => "One row a progress report of a structured streaming query.",
            TableName::StateOperatorMetrics => "One row a stateful operator in a progress report.",
            TableName::ApplicationSamples => {
                "One row a step of time of an application attempt; steps are 10 seconds long, longer in long applications."
            }
            TableName::ExecutorSamples => {
                "One row a step of time of an executor; steps are 10 seconds long, longer where an application would have more than 50,000 rows. What a task did is spread evenly over the time that it took, so that sums over all steps are the sums over all tasks."
            }
            TableName::JvmPauses => "One row a time in which a JVM stood still, as container logs tell it.",
            TableName::Findings => {
                "One row a finding: what a rule saw in an application attempt, as the rules of the version that wrote the row see it."
            }
        }
    }

    /// All columns of its files, in order.
    pub fn columns(self) -> impl Iterator<Item = Column> {
        let own: [&[Column]; 2] = match self {
            TableName::Applications => [&APPLICATIONS, &SUMS],
            TableName::Jobs => [&JOBS, &[]],
            TableName::Stages => [&STAGES, &SUMS],
            TableName::Executors => [&EXECUTORS, &[]],
            TableName::SqlExecutions => [&SQL_EXECUTIONS, &[]],
            TableName::StreamingProgress => [&STREAMING_PROGRESS, &[]],
            TableName::StateOperatorMetrics => [&STATE_OPERATOR_METRICS, &[]],
            TableName::ApplicationSamples => [&APPLICATION_SAMPLES, &[]],
            TableName::ExecutorSamples => [&EXECUTOR_SAMPLES, &[]],
            TableName::JvmPauses => [&JVM_PAUSES, &[]],
            TableName::Findings => [&FINDINGS, &[]],
        };
        OF_ATTEMPT.iter().chain(own[0]).chain(own[1]).copied()
    }

    /// The schema of its files.
    pub fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns().map(|(name, kind, _)| Field::new(name, kind.arrow(), true)).collect::<Vec<_>>(),
        ))
    }
}

use Type::{Bool, Int, Map, Real, Text, Time};

/// Which attempt a row belongs to: the first columns of every table.
const OF_ATTEMPT: [Column; 5] = [
    ("cluster", Text, "The cluster that the application ran on."),
    ("app_id", Text, "Spark's id of the application; several clusters may have the same."),
    ("attempt_id", Text, "The attempt of the application; null where it has none."),
    ("app_name", Text, "The application's name."),
    ("user_name", Text, "Who ran the application."),
];

/// Sums of task metrics: the last columns of applications and stages.
const SUMS: [Column; 18] = [
    ("executor_run_time_ms", Int, "Time that tasks ran, summed over all tasks."),
    ("executor_cpu_time_ns", Int, "CPU time of the tasks' own threads."),
    ("executor_deserialize_time_ms", Int, "Time to deserialize tasks on executors."),
    ("result_serialization_time_ms", Int, "Time to serialize results of tasks."),
    (
        "jvm_gc_time_ms",
        Int,
        "Time that the JVM collected garbage while tasks ran; counted once for each task that ran then.",
    ),
    ("result_size_bytes", Int, "Bytes of results sent to the driver."),
    ("memory_spilled_bytes", Int, "Bytes, as they were in memory, that did not fit there and were spilled."),
    ("disk_spilled_bytes", Int, "Bytes that the spills took on disk."),
    ("peak_execution_memory_bytes", Int, "Peaks of execution memory, summed over tasks."),
    ("input_bytes", Int, "Bytes read from storage or from cached blocks."),
    ("input_records", Int, "Records read from storage or from cached blocks."),
    ("output_bytes", Int, "Bytes written to storage."),
    ("output_records", Int, "Records written to storage."),
    ("shuffle_read_bytes", Int, "Shuffle bytes read, local and remote."),
    ("shuffle_read_records", Int, "Shuffle records read."),
    ("shuffle_fetch_wait_time_ms", Int, "Time that tasks waited for shuffle blocks."),
    ("shuffle_write_bytes", Int, "Shuffle bytes written."),
    ("shuffle_write_records", Int, "Shuffle records written."),
];

const APPLICATIONS: [Column; 17] = [
    ("queue", Text, "The queue it ran in; null where none is known."),
    ("spark_version", Text, "The version of Spark that wrote the log."),
    (
        "status",
        Text,
        "`running`, `completed`, `failed`, `killed` (it, or what it was at, was stopped from outside), `lost` (the log has no end and has been quiet) or `unknown` (a log without beginning and end).",
    ),
    ("start_time", Time, "When it started."),
    ("end_time", Time, "When it ended; null while it runs and where the log has no end."),
    ("last_event_time", Time, "The time of the last event in its log."),
    ("duration_ms", Int, "From start to end, or to the last event where there is no end."),
    ("exit_code", Int, "The driver's exit code, where the log has one."),
    ("error", Text, "The line of the error that ended it."),
    ("events", Int, "Events in its log."),
    ("log_bytes", Int, "Size of its log."),
    ("store_bytes", Int, "Size of what is stored of it."),
    ("damaged", Bool, "Whether a part of its log could not be read, so that its numbers may lack something."),
    ("labels", Text, "Labels of its source, a JSON object."),
    ("tasks", Int, "Task attempts."),
    ("failed_tasks", Int, "Task attempts that failed."),
    ("executors", Int, "Executors it had, the driver not counted."),
];

const JOBS: [Column; 17] = [
    ("job_id", Int, "Spark's number of the job."),
    ("name", Text, "The call that started it."),
    ("description", Text, "What the application says it is for."),
    ("status", Text, "`RUNNING`, `SUCCEEDED` or `FAILED`."),
    ("submission_time", Time, "When it was submitted."),
    ("completion_time", Time, "When it ended."),
    ("duration_ms", Int, "From submission to end."),
    ("job_group", Text, "The job group, where one is set."),
    ("sql_execution_id", Int, "The SQL execution that it works for."),
    ("tasks", Int, "Tasks of its stages, skipped stages not counted."),
    ("completed_tasks", Int, "Tasks that succeeded."),
    ("failed_tasks", Int, "Task attempts that failed."),
    ("killed_tasks", Int, "Task attempts that were killed."),
    ("skipped_tasks", Int, "Tasks of stages that were skipped."),
    ("stages", Int, "Its stages."),
    ("failed_stages", Int, "Stages that failed."),
    ("error", Text, "Why it failed."),
];

const STAGES: [Column; 13] = [
    ("stage_id", Int, "Spark's number of the stage."),
    ("stage_attempt_id", Int, "The attempt of the stage, from 0 on."),
    ("name", Text, "The call that made it."),
    ("status", Text, "`ACTIVE`, `COMPLETE`, `FAILED`, `PENDING` or `SKIPPED`."),
    ("submission_time", Time, "When it was submitted."),
    ("first_task_launched_time", Time, "When its first task was launched."),
    ("completion_time", Time, "When it ended."),
    ("duration_ms", Int, "From submission to end."),
    ("tasks", Int, "Tasks it has."),
    ("completed_tasks", Int, "Tasks that succeeded."),
    ("failed_tasks", Int, "Task attempts that failed."),
    ("killed_tasks", Int, "Task attempts that were killed."),
    ("failure_reason", Text, "Why it failed."),
];

const EXECUTORS: [Column; 18] = [
    ("executor_id", Text, "Spark's id of the executor."),
    ("host", Text, "The host it ran on."),
    ("cores", Int, "Cores it had."),
    ("add_time", Time, "When it registered."),
    ("remove_time", Time, "When it was removed; null where it was there to the end."),
    ("remove_reason", Text, "Why it was removed, in the resource manager's words."),
    ("max_memory_bytes", Int, "Memory for execution and storage."),
    ("tasks", Int, "Task attempts it ran."),
    ("completed_tasks", Int, "Tasks that succeeded."),
    ("failed_tasks", Int, "Task attempts that failed."),
    ("task_time_ms", Int, "Time of its tasks, from launch to end, summed."),
    ("gc_time_ms", Int, "Garbage collection while tasks ran, summed over tasks."),
    ("input_bytes", Int, "Bytes its tasks read."),
    ("shuffle_read_bytes", Int, "Shuffle bytes its tasks read."),
    ("shuffle_write_bytes", Int, "Shuffle bytes its tasks wrote."),
    ("peak_jvm_heap_bytes", Int, "Peak of the JVM's heap; null where the log has no executor metrics."),
    ("peak_jvm_off_heap_bytes", Int, "Peak of the JVM's memory off the heap; null where the log has none."),
    (
        "peak_process_tree_rss_bytes",
        Int,
        "Peak of resident memory of JVM, Python and others; null unless Spark's process tree metrics are on.",
    ),
];

const SQL_EXECUTIONS: [Column; 10] = [
    ("execution_id", Int, "Spark's number of the execution."),
    ("root_execution_id", Int, "The execution that this one is a part of; its own number if it is none."),
    ("description", Text, "What the application says it is, or the call that started it."),
    ("status", Text, "`RUNNING`, `COMPLETED` or `FAILED`."),
    ("submission_time", Time, "When it was submitted."),
    ("completion_time", Time, "When it ended."),
    ("duration_ms", Int, "From submission to end."),
    ("jobs", Int, "Jobs it started."),
    ("query_id", Text, "Spark's unique id of the query, from Spark 4 on."),
    ("error", Text, "Why it failed."),
];

const STREAMING_PROGRESS: [Column; 18] = [
    ("query_id", Text, "The query, the same after a restart from its checkpoint."),
    ("run_id", Text, "This run of the query."),
    ("query_name", Text, "The query's name, where it has one."),
    ("batch_id", Int, "The micro-batch."),
    ("timestamp", Time, "When the batch began."),
    ("input_rows", Int, "Rows read, summed over sources."),
    ("input_rows_per_second", Real, "Rows that arrived a second, summed over sources."),
    ("processed_rows_per_second", Real, "Rows processed a second, summed over sources."),
    ("batch_duration_ms", Int, "Time the batch took."),
    ("state_rows", Int, "Rows in state, summed over operators; null for queries without state."),
    (
        "state_memory_bytes",
        Int,
        "Memory of state, summed over operators; null where it is not reported, as it is not while RocksDB's memory is bounded.",
    ),
    ("state_rows_dropped_by_watermark", Int, "Rows that came too late, summed over operators."),
    ("watermark", Time, "The event-time watermark; null for queries without one."),
    ("progress", Text, "The whole report as Spark wrote it, JSON."),
    (
        "phase_durations_ms",
        Map,
        "What the batch spent its time on, by Spark's names: `addBatch`, `walCommit` and others.",
    ),
    ("offset_lag", Real, "Offsets that were there and not read yet, summed over sources; null where no source tells."),
    ("state_rows_updated", Int, "Rows of state that were written, summed over operators."),
    ("output_rows", Int, "Rows written to the sink; null where it does not tell."),
];

const STATE_OPERATOR_METRICS: [Column; 24] = [
    ("query_id", Text, "The query, the same after a restart from its checkpoint."),
    ("run_id", Text, "This run of the query."),
    ("query_name", Text, "The query's name, where it has one."),
    ("batch_id", Int, "The micro-batch."),
    ("timestamp", Time, "When the batch began."),
    ("operator_index", Int, "The operator's place in the report, from 0 on."),
    ("operator", Text, "Spark's name of the operator, as `stateStoreSave`."),
    ("rows", Int, "Rows in state."),
    ("rows_updated", Int, "Rows written."),
    ("rows_removed", Int, "Rows removed."),
    ("rows_dropped_by_watermark", Int, "Rows that came too late."),
    ("update_time_ms", Int, "Time to write rows, summed over the instances of the state store."),
    ("removal_time_ms", Int, "Time to remove rows, summed over instances."),
    ("commit_time_ms", Int, "Time to commit, summed over instances: it may be longer than the batch."),
    ("commit_time_per_instance_ms", Real, "Time to commit, the mean of the instances."),
    (
        "memory_bytes",
        Int,
        "Memory of state; null where it is not reported, as it is not while RocksDB's memory is bounded.",
    ),
    ("instances", Int, "Instances of the state store: partitions, times the stores that the operator keeps."),
    (
        "rocksdb_file_sync_share",
        Real,
        "Of the commit time what went into copying files to the checkpoint location, 0 to 1.",
    ),
    ("rocksdb_cache_hit_share", Real, "Of the reads of blocks those that the block cache answered, 0 to 1."),
    ("rocksdb_file_reuse_share", Real, "Of the files of the snapshots those that were there already, 0 to 1."),
    ("rocksdb_sst_file_bytes", Int, "Size of the SST files."),
    (
        "rocksdb_writer_stalled",
        Bool,
        "Whether writers had to wait; for how long is not known, since Spark's number has no sure unit.",
    ),
    ("rocksdb_zip_file_bytes", Int, "Size of the files that are uploaded zipped, before compression."),
    ("custom_metrics", Map, "Every metric of the state store by its name, whatever Spark's version calls it."),
];

const APPLICATION_SAMPLES: [Column; 6] = [
    ("time", Time, "When the step begins."),
    ("step_ms", Int, "Its length."),
    ("executors", Real, "Executors that were there, averaged over the step; the driver is not counted."),
    ("cores", Real, "Cores that were there, averaged."),
    ("running_tasks", Real, "Tasks that ran, averaged."),
    ("pending_tasks", Real, "Tasks whose stage was submitted and that were launched later, averaged over their wait."),
];

const EXECUTOR_SAMPLES: [Column; 29] = [
    ("executor_id", Text, "Spark's id of the executor."),
    ("host", Text, "The host it ran on; null where the log does not say."),
    ("time", Time, "When the step begins."),
    ("step_ms", Int, "Its length."),
    ("present_ms", Int, "Time of the step in which the executor was there."),
    ("cores", Int, "Cores it had."),
    ("core_time_ms", Int, "Cores times `present_ms`: what could have been used."),
    ("busy_core_time_ms", Int, "Time of tasks times the cores that each takes: what was used."),
    ("running_tasks", Real, "Tasks that ran, averaged over the step."),
    ("ended_tasks", Int, "Task attempts that ended in the step."),
    ("failed_tasks", Int, "Of these, those that failed."),
    ("task_time_ms", Int, "Time of tasks from launch to end."),
    ("run_time_ms", Int, "Time that tasks ran."),
    ("gc_time_ms", Int, "Garbage collection while tasks ran, counted once for each task that ran then."),
    ("gc_share", Real, "Garbage collection over run time, 0 to 1; null where next to nothing ran."),
    ("cpu_time_ns", Int, "CPU time of the tasks' own threads."),
    ("input_bytes", Int, "Bytes read from storage or from cached blocks."),
    ("output_bytes", Int, "Bytes written to storage."),
    ("shuffle_read_bytes", Int, "Shuffle bytes read, local and remote."),
    ("shuffle_write_bytes", Int, "Shuffle bytes written."),
    ("memory_spilled_bytes", Int, "Bytes, as they were in memory, that did not fit there and were spilled."),
    ("disk_spilled_bytes", Int, "Bytes that the spills took on disk."),
    ("jvm_heap_bytes", Int, "The JVM's heap, the highest reading of tasks that ended in the step; null without one."),
    ("jvm_off_heap_bytes", Int, "The JVM's memory off the heap, in the same way."),
    ("unified_memory_bytes", Int, "Execution and storage memory, in the same way."),
    ("jvm_rss_bytes", Int, "Resident memory of the JVM; null unless Spark's process tree metrics are on."),
    (
        "python_rss_bytes",
        Int,
        "Resident memory of Python workers; null unless process tree metrics are on, and where there are none.",
    ),
    ("jvm_gc_time_ms", Int, "Garbage collection since the executor started, as read last in the step."),
    ("max_memory_bytes", Int, "Its memory for execution and storage; null where only tasks name it."),
];

const JVM_PAUSES: [Column; 15] = [
    ("container", Text, "The container or pod."),
    ("role", Text, "`driver` or `executor`; null where neither the log's path nor the event log tells."),
    ("executor_id", Text, "Spark's id of the executor; null for the driver and where it is not known."),
    ("host", Text, "The host it ran on, where the event log tells."),
    ("time", Time, "When the pause was logged, which is at its end; null where the log has no dates."),
    (
        "kind",
        Text,
        "`gc`: the JVM's own log of its garbage collector; `jvm_pause_monitor`: Hadoop's monitor, which may see the same pause again.",
    ),
    ("collector", Text, "The garbage collector; of the monitor, the pools that collected, null where none did."),
    ("cause", Text, "Why, in the words of the log."),
    ("duration_ms", Real, "How long."),
    ("heap_before_bytes", Int, "Heap in use before it; null where the log does not say, as for each of ZGC's pauses."),
    ("heap_after_bytes", Int, "Heap in use after it; null as above."),
    ("heap_capacity_bytes", Int, "Size of the heap; null as above."),
    ("name", Text, "What the JVM calls it, such as `Young (Mixed)` or `Remark`."),
    ("uptime_ms", Real, "When it was logged, from the start of the JVM on; null where the log does not say."),
    ("nested", Bool, "Whether it lies within another pause, which has a row, too, and holds its time."),
];

const FINDINGS: [Column; 12] = [
    ("rule", Text, "The rule's name, as `task-skew`."),
    ("family", Text, "What the rule is about, as `memory`."),
    ("severity", Text, "`critical`, `warning` or `info`."),
    ("sure", Text, "How far the evidence carries: `certain`, `likely` or `possible`."),
    ("place", Text, "Which part of the application is meant, as `stage 3.0`."),
    ("summary", Text, "What is wrong, with the numbers that say so."),
    ("wall_ms", Int, "Of the application's duration what could be saved at most; null where that is not known."),
    ("core_ms", Int, "Cores times time that could be saved at most; null where that is not known."),
    ("memory_mib_ms", Int, "Mebibytes of memory times milliseconds that could be saved at most; null as above."),
    (
        "evidence",
        Text,
        "The numbers it rests on, a JSON array as REST has it: `name`, `value`, `unit`, `path`, `pointer`.",
    ),
    (
        "advice",
        Text,
        "What to do, a JSON array as REST has it: `key`, `current`, `suggested`, `why`, `min_spark_version`, or `text`.",
    ),
    ("end_time", Time, "When the application ended; null while it runs and where its log has no end."),
];
