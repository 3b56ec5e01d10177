//! The fields that are stored, entity by entity. A change here that older files do not have
//! needs a new [`VERSION`]: files of another version are rebuilt from the logs.

use super::record::{PutItem, Record};
use crate::state::{
    AccumulableValue, Application, Completeness, Environment, Executor, ExecutorResource, ExecutorStageSummary,
    ForeignEvent, History, Job, JobStatus, Level, Live, LiveStage, MemoryPoint, Operation, OperationState, PlanGraph,
    PlanMetric, PlanNode, Process, Progress, Rdd, RddDistribution, RddNode, RddPartition, ResourceProfile, ServerKind,
    Session, Speculation, SqlExecution, SqlLive, SqlMetric, StageAttempt, StageStatus, StorageMemory, StoragePoint,
    StreamingQuery, Task, TaskResource, TaskStatus, TaskTimes,
    durations::Durations,
    metrics::{Peaks, TaskMetrics},
    sets::IndexSet,
    sql::{LiveExecution, MetricValues, StageMetrics, Unstarted},
    values::{Chunk, Values},
};
use crate::{for_each_task_metric, record, record_enum};
use afterglow_ingest::container::{Pause, PauseKind};

/// Version of everything below and of the file around it.
pub const VERSION: u16 = 6;

record_enum! {
    JobStatus { Running = 0, Succeeded = 1, Failed = 2 }
    StageStatus { Active = 0, Complete = 1, Failed = 2, Pending = 3, Skipped = 4 }
    TaskStatus { Unknown = 0, Running = 1, GetResult = 2, Success = 3, Failed = 4, Killed = 5 }
    ServerKind { Connect = 0, Thrift = 1 }
    PauseKind { Gc = 0, JvmPauseMonitor = 1 }
    OperationState { Started = 0, Compiled = 1, Ready = 2, Finished = 3, Failed = 4, Canceled = 5, TimedOut = 6, Closed = 7 }
}

macro_rules! task_metrics_record {
    ($($field:ident),*) => { record! { TaskMetrics { $($field),* } } };
}
for_each_task_metric!(task_metrics_record);

impl<P: Record> Record for History<P> {
    fn put(&self, out: &mut Vec<u8>) {
        self.step.put(out);
        self.points.put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(History { step: i64::take(from)?, points: Vec::take(from)? })
    }
}

impl Record for Peaks {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        <Option<[i64; 23]> as Record>::take(from).map(Peaks)
    }
}

record! {
    Application { id, attempt_id, name, user, spark_version, start_time, end_time, exit_code, last_event_time }
    Completeness {
        damaged_lines, mended_lines, first_damage, damaged_blocks, torn_tail, missing_parts, compacted, no_start,
        task_ends_without_start, tasks_without_end, jobs_without_end, unknown_events,
    }
    Environment {
        java_version, java_home, scala_version, spark_properties, hadoop_properties, system_properties,
        metrics_properties, classpath_entries, resource_profiles,
    }
    ResourceProfile { id, executor_resources, task_resources }
    ExecutorResource { key, name, amount, discovery_script, vendor }
    TaskResource { key, name, amount }
    Job {
        id, name, description, submission_time, completion_time, stage_ids, job_group, job_tags, sql_execution_id,
        status, error, num_tasks, active_tasks, completed_tasks, failed_tasks, killed_tasks, skipped_tasks,
        completed_indices, active_stages, completed_stages, skipped_stages, failed_stages, killed_summary,
    }
    TaskTimes { tasks, median, longest }
    Durations { longest, counts }
    StoragePoint { time, memory, disk, evicted, evicted_bytes }
    MemoryPoint { time, heap, off_heap, unified, jvm_rss, python_rss, other_rss, gc_time }
    RddNode { id, name, scope, callsite, parent_ids, barrier, cached }
    AccumulableValue { id, name, update, value }
    Speculation { tasks, active, completed, failed, killed }
    ExecutorStageSummary {
        task_time, failed_tasks, succeeded_tasks, killed_tasks, input_bytes, input_records, output_bytes,
        output_records, shuffle_read, shuffle_read_records, shuffle_write, shuffle_write_records,
        memory_bytes_spilled, disk_bytes_spilled, excluded, peaks,
    }
    StorageMemory { total_on_heap, total_off_heap, used_on_heap, used_off_heap }
    Process { id, host_port, cores, add_time, logs }
    Level { disk, memory, off_heap, deserialized, replication }
    Rdd { id, name, num_partitions, level, memory_used, disk_used, partitions, distributions }
    RddPartition { block, memory_used, disk_used, executors }
    RddDistribution {
        address, memory_used, disk_used, on_heap_used, off_heap_used, memory_remaining, on_heap_remaining,
        off_heap_remaining,
    }
    PlanGraph { nodes, edges }
    PlanNode { id, name, description, cluster, metadata, metrics }
    PlanMetric { name, accumulator_id, kind }
    SqlMetric { kind, values, sum, min, median, max, max_at, stages }
    StreamingQuery {
        id, run_id, name, start_timestamp, last_timestamp, last_batch_id, progress_reports, idle_reports, terminated,
        exception,
    }
    Progress { query_id, run_id, name, batch_id, timestamp, json }
    Session { server, session_id, user_id, start_time, finish_time, total_executions }
    Operation {
        server, job_tag, operation_id, session_id, user_id, statement, state, start_time, finish_time, close_time,
        detail, session_tags, job_ids, sql_ids,
    }
    ForeignEvent { class, json }
    Pause {
        time, uptime_us, kind, collector, name, cause, duration_us, heap_before, heap_after, heap_capacity, nested,
    }
    Task {
        stage_id, stage_attempt_id, task_id, index, attempt, partition_id, launch_time, duration, getting_result_time,
        status, speculative, executor_id, host, locality, metrics, error, accumulables,
    }
    IndexSet { words, far, len }
    LiveStage { jobs, indices, excluded_executors, durations }
    LiveExecution { kinds, driver_updates, end_events }
    StageMetrics { execution, attempt, num_tasks, completed, values }
    MetricValues { by_index, max }
    Values { len, chunks }
    SqlLive { executions, stages, unstarted }
    Unstarted { jobs, stages }
    Live { jobs, ended, stages, shadows, executors, job_indices, tasks, cpus_per_task, sql }
}

/// An executor's fields, and its earlier lives, which have none themselves: however bytes are made up, reading them
/// does not nest.
macro_rules! executor_record {
    ($($field:ident),* $(,)?) => {
        fn put_life(e: &Executor, out: &mut Vec<u8>) {
            $(e.$field.put(out);)*
        }
        fn take_life(from: &mut &[u8]) -> Option<Executor> {
            Some(Executor { $($field: Record::take(from)?,)* earlier: Vec::new(), past: false })
        }
    };
}
executor_record! {
    id, host_port, host, active, total_cores, max_tasks, add_time, remove_time, remove_reason, rdd_blocks,
    memory_used, disk_used, max_memory, memory, total_tasks, active_tasks, completed_tasks, failed_tasks,
    total_duration, total_gc_time, total_input_bytes, total_shuffle_read, total_shuffle_write, excluded,
    excluded_in_stages, logs, attributes, resources, resource_profile_id, peaks,
}

impl Record for Executor {
    fn put(&self, out: &mut Vec<u8>) {
        put_life(self, out);
        (self.earlier.len() as u64).put(out);
        self.earlier.iter().for_each(|e| put_life(e, out));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut executor = take_life(from)?;
        for _ in 0..u64::take(from)? {
            executor.earlier.push(Executor { past: true, ..take_life(from)? });
        }
        Some(executor)
    }
}

impl Record for Chunk {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_packed().put(out);
        self.values().put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let packed = bool::take(from)?;
        Chunk::of(Vec::take(from)?, packed)
    }
}

/// Some fields of an entity.
pub trait PartOf<T> {
    /// Puts them into one.
    fn onto(self, whole: &mut T);
}

/// Makes a type for some fields of an entity, read ([`Record`]) and written ([`PutItem`] of the
/// view on a whole entity) on their own.
macro_rules! part_of {
    ($(#[$doc:meta])* $whole:ident: $name:ident, $view:ident { $($field:ident),* $(,)? }) => {
        $(#[$doc])*
        pub struct $name(pub $whole);

        /// A whole entity, of which only these fields are written.
        pub struct $view<'x>(pub &'x $whole);

        impl PutItem for $view<'_> {
            fn put_item(&self, out: &mut Vec<u8>) {
                $(self.0.$field.put(out);)*
            }
        }

        impl PartOf<$whole> for $name {
            fn onto(self, whole: &mut $whole) {
                $(whole.$field = self.0.$field;)*
            }
        }

        impl Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $view(&self.0).put_item(out);
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                Some($name($whole { $($field: Record::take(from)?,)* ..$whole::default() }))
            }
        }
    };
}
part_of!(
    /// What lists of SQL executions need.
    SqlExecution: SqlHead, SqlHeadOf {
        id, root_id, description, submission_time, completion_time, error, query_id, modified_configs, jobs, stages
    }
);
part_of!(
    /// The large part of a SQL execution: call site, plan text, plan graph and its metrics.
    SqlExecution: SqlBody, SqlBodyOf { id, details, plan_description, plan, initial_plan, metrics }
);
part_of!(
    /// What lists of stage attempts need.
    StageAttempt: StageHead, StageHeadOf {
        stage_id, attempt_id, status, name, description, scheduling_pool, num_tasks, active_tasks, completed_tasks,
        failed_tasks, killed_tasks, submission_time, first_task_launched_time, completion_time, failure_reason, metrics,
        measured_time, unmeasured_time, getting_result_time, task_times, parent_ids, job_ids,
    }
);
part_of!(
    /// The large part of a stage attempt: call site, RDDs, what each executor did.
    StageAttempt: StageBody, StageBodyOf {
        details, completed_indices, rdds, accumulables, locality, executors, speculation, killed_summary,
        resource_profile_id, peaks, shuffle_push_enabled, shuffle_mergers,
    }
);
