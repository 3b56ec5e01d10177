//! The fleet tables, column by column. A column is added at the end; a change of meaning needs a
//! new [`VERSION`].
//!
//! Times are UTC, `*_ms` milliseconds, `*_ns` nanoseconds, `*_bytes` bytes. Sums are over all task
//! attempts, failed and killed ones included, as in Spark's stage answers. The partition columns
//! `date` and `cluster` are in the path and, for `cluster`, in the rows, too.

use afterglow_ingest::event::TaskMetrics;

use super::table::{Cell, Table, Type};
use crate::catalog::AttemptRow;
use crate::state::{Executor, Job, JobStatus, Progress, SqlExecution, SqlStatus, StageAttempt, StageStatus};

/// Version of the schemas below.
pub const VERSION: u32 = 1;

use Type::{Bool, Int, Real, Text, Time};

/// Which attempt a row belongs to: the first columns of every table.
const OF_ATTEMPT: [(&str, Type); 3] = [("cluster", Text), ("app_id", Text), ("attempt_id", Text)];

/// Sums of task metrics: the last columns of applications and stages.
const SUMS: [(&str, Type); 18] = [
    ("executor_run_time_ms", Int),
    ("executor_cpu_time_ns", Int),
    ("executor_deserialize_time_ms", Int),
    ("result_serialization_time_ms", Int),
    ("jvm_gc_time_ms", Int),
    ("result_size_bytes", Int),
    ("memory_spilled_bytes", Int),
    ("disk_spilled_bytes", Int),
    ("peak_execution_memory_bytes", Int),
    ("input_bytes", Int),
    ("input_records", Int),
    ("output_bytes", Int),
    ("output_records", Int),
    ("shuffle_read_bytes", Int),
    ("shuffle_read_records", Int),
    ("shuffle_fetch_wait_time_ms", Int),
    ("shuffle_write_bytes", Int),
    ("shuffle_write_records", Int),
];

const APPLICATIONS: [(&str, Type); 14] = [
    ("name", Text),
    ("user_name", Text),
    ("spark_version", Text),
    ("status", Text),
    ("start_time", Time),
    ("end_time", Time),
    ("last_event_time", Time),
    ("duration_ms", Int),
    ("exit_code", Int),
    ("events", Int),
    ("log_bytes", Int),
    ("store_bytes", Int),
    ("damaged", Bool),
    ("labels", Text),
];

const JOBS: [(&str, Type); 17] = [
    ("job_id", Int),
    ("name", Text),
    ("description", Text),
    ("status", Text),
    ("submission_time", Time),
    ("completion_time", Time),
    ("duration_ms", Int),
    ("job_group", Text),
    ("sql_execution_id", Int),
    ("tasks", Int),
    ("completed_tasks", Int),
    ("failed_tasks", Int),
    ("killed_tasks", Int),
    ("skipped_tasks", Int),
    ("stages", Int),
    ("failed_stages", Int),
    ("error", Text),
];

const STAGES: [(&str, Type); 13] = [
    ("stage_id", Int),
    ("stage_attempt_id", Int),
    ("name", Text),
    ("status", Text),
    ("submission_time", Time),
    ("first_task_launched_time", Time),
    ("completion_time", Time),
    ("duration_ms", Int),
    ("tasks", Int),
    ("completed_tasks", Int),
    ("failed_tasks", Int),
    ("killed_tasks", Int),
    ("failure_reason", Text),
];

const EXECUTORS: [(&str, Type); 18] = [
    ("executor_id", Text),
    ("host", Text),
    ("cores", Int),
    ("add_time", Time),
    ("remove_time", Time),
    ("remove_reason", Text),
    ("max_memory_bytes", Int),
    ("tasks", Int),
    ("completed_tasks", Int),
    ("failed_tasks", Int),
    ("task_time_ms", Int),
    ("gc_time_ms", Int),
    ("input_bytes", Int),
    ("shuffle_read_bytes", Int),
    ("shuffle_write_bytes", Int),
    ("peak_jvm_heap_bytes", Int),
    ("peak_jvm_off_heap_bytes", Int),
    ("peak_process_tree_rss_bytes", Int),
];

const SQL_EXECUTIONS: [(&str, Type); 10] = [
    ("execution_id", Int),
    ("root_execution_id", Int),
    ("description", Text),
    ("status", Text),
    ("submission_time", Time),
    ("completion_time", Time),
    ("duration_ms", Int),
    ("jobs", Int),
    ("query_id", Text),
    ("error", Text),
];

const STREAMING_PROGRESS: [(&str, Type); 14] = [
    ("query_id", Text),
    ("run_id", Text),
    ("query_name", Text),
    ("batch_id", Int),
    ("timestamp", Text),
    ("input_rows", Int),
    ("input_rows_per_second", Real),
    ("processed_rows_per_second", Real),
    ("batch_duration_ms", Int),
    ("state_rows", Int),
    ("state_memory_bytes", Int),
    ("state_rows_dropped_by_watermark", Int),
    ("watermark", Text),
    ("progress", Text),
];

/// All tables of a batch.
pub struct Tables {
    applications: Table,
    jobs: Table,
    stages: Table,
    executors: Table,
    sql_executions: Table,
    streaming_progress: Table,
}

fn table(columns: &[&[(&'static str, Type)]]) -> Table {
    let all: Vec<_> = std::iter::once(&OF_ATTEMPT[..]).chain(columns.iter().copied()).flatten().copied().collect();
    Table::new(&all, VERSION)
}

fn of_attempt(a: &AttemptRow) -> [Cell<'_>; 3] {
    [Cell::Text(Some(&a.cluster)), Cell::Text(Some(&a.app_id)), Cell::Text(a.attempt_id.as_deref())]
}

fn sums(m: &TaskMetrics) -> [Cell<'static>; 18] {
    [
        m.executor_run_time,
        m.executor_cpu_time,
        m.executor_deserialize_time,
        m.result_serialization_time,
        m.jvm_gc_time,
        m.result_size,
        m.memory_bytes_spilled,
        m.disk_bytes_spilled,
        m.peak_execution_memory,
        m.input_bytes_read,
        m.input_records_read,
        m.output_bytes_written,
        m.output_records_written,
        m.shuffle_local_bytes_read.wrapping_add(m.shuffle_remote_bytes_read),
        m.shuffle_records_read,
        m.shuffle_fetch_wait_time,
        m.shuffle_bytes_written,
        m.shuffle_records_written,
    ]
    .map(|v| Cell::Int(Some(v)))
}

fn span(from: Option<i64>, to: Option<i64>) -> Cell<'static> {
    Cell::Int(from.zip(to).map(|(f, t)| t.wrapping_sub(f)))
}

/// The sum of numbers that a log names; it wraps, as the JVM's do.
fn sum(values: impl IntoIterator<Item = i64>) -> i64 {
    values.into_iter().fold(0, i64::wrapping_add)
}

fn int(v: i64) -> Cell<'static> {
    Cell::Int(Some(v))
}

fn push<'v>(table: &mut Table, rows: impl IntoIterator<Item = Cell<'v>>) {
    let cells: Vec<Cell<'v>> = rows.into_iter().collect();
    table.push(&cells);
}

impl Tables {
    pub fn new() -> Self {
        Tables {
            applications: table(&[&APPLICATIONS, &SUMS]),
            jobs: table(&[&JOBS]),
            stages: table(&[&STAGES, &SUMS]),
            executors: table(&[&EXECUTORS]),
            sql_executions: table(&[&SQL_EXECUTIONS]),
            streaming_progress: table(&[&STREAMING_PROGRESS]),
        }
    }

    /// The tables by name.
    pub fn finish(self) -> [(&'static str, Table); 6] {
        [
            ("applications", self.applications),
            ("jobs", self.jobs),
            ("stages", self.stages),
            ("executors", self.executors),
            ("sql_executions", self.sql_executions),
            ("streaming_progress", self.streaming_progress),
        ]
    }

    pub fn application(&mut self, a: &AttemptRow, total: &TaskMetrics) {
        let end = (a.end_time >= 0).then_some(a.end_time);
        let labels = serde_json::to_string(&a.labels).unwrap_or_default();
        let store: u64 = a.parts.iter().map(|p| p.size).sum();
        let row = [
            Cell::Text(Some(&a.name)),
            Cell::Text(Some(&a.user)),
            Cell::Text(Some(&a.spark_version)),
            Cell::Text(Some(a.status.text())),
            Cell::Time(Some(a.start_time)),
            Cell::Time(end),
            Cell::Time(Some(a.last_event_time)),
            span(Some(a.start_time), end.or(Some(a.last_event_time))),
            Cell::Int(a.exit_code),
            int(a.events),
            int(a.log_size),
            int(store as i64),
            Cell::Bool(a.damaged),
            Cell::Text(Some(&labels)),
        ];
        push(&mut self.applications, of_attempt(a).into_iter().chain(row).chain(sums(total)));
    }

    pub fn job(&mut self, a: &AttemptRow, j: &Job) {
        let status = match j.status {
            JobStatus::Running => "RUNNING",
            JobStatus::Succeeded => "SUCCEEDED",
            JobStatus::Failed => "FAILED",
        };
        let row = [
            int(j.id),
            Cell::Text(Some(&j.name)),
            Cell::Text(j.description.as_deref()),
            Cell::Text(Some(status)),
            Cell::Time(j.submission_time),
            Cell::Time(j.completion_time),
            span(j.submission_time, j.completion_time),
            Cell::Text(j.job_group.as_deref()),
            Cell::Int(j.sql_execution_id),
            int(j.num_tasks),
            int(j.completed_tasks),
            int(j.failed_tasks),
            int(j.killed_tasks),
            int(j.skipped_tasks),
            int(j.stage_ids.len() as i64),
            int(j.failed_stages),
            Cell::Text(j.error.as_deref()),
        ];
        push(&mut self.jobs, of_attempt(a).into_iter().chain(row));
    }

    pub fn stage(&mut self, a: &AttemptRow, s: &StageAttempt) {
        let status = match s.status {
            StageStatus::Active => "ACTIVE",
            StageStatus::Complete => "COMPLETE",
            StageStatus::Failed => "FAILED",
            StageStatus::Pending => "PENDING",
            StageStatus::Skipped => "SKIPPED",
        };
        let row = [
            int(s.stage_id),
            int(s.attempt_id),
            Cell::Text(Some(&s.name)),
            Cell::Text(Some(status)),
            Cell::Time(s.submission_time),
            Cell::Time(s.first_task_launched_time),
            Cell::Time(s.completion_time),
            span(s.submission_time, s.completion_time),
            int(s.num_tasks),
            int(s.completed_tasks),
            int(s.failed_tasks),
            int(s.killed_tasks),
            Cell::Text(s.failure_reason.as_deref()),
        ];
        push(&mut self.stages, of_attempt(a).into_iter().chain(row).chain(sums(&s.metrics)));
    }

    pub fn executor(&mut self, a: &AttemptRow, e: &Executor) {
        let tree = ["ProcessTreeJVMRSSMemory", "ProcessTreePythonRSSMemory", "ProcessTreeOtherRSSMemory"];
        let rss = tree.iter().map(|n| e.peaks.get(n)).collect::<Option<Vec<i64>>>().map(sum);
        let row = [
            Cell::Text(Some(&e.id)),
            Cell::Text(Some(e.hostname())),
            int(e.total_cores),
            Cell::Time(Some(e.add_time)),
            Cell::Time(e.remove_time),
            Cell::Text(e.remove_reason.as_deref()),
            int(e.max_memory),
            int(e.total_tasks),
            int(e.completed_tasks),
            int(e.failed_tasks),
            int(e.total_duration),
            int(e.total_gc_time),
            int(e.total_input_bytes),
            int(e.total_shuffle_read),
            int(e.total_shuffle_write),
            Cell::Int(e.peaks.get("JVMHeapMemory")),
            Cell::Int(e.peaks.get("JVMOffHeapMemory")),
            Cell::Int(rss),
        ];
        push(&mut self.executors, of_attempt(a).into_iter().chain(row));
    }

    pub fn sql(&mut self, a: &AttemptRow, x: &SqlExecution) {
        let status = match x.status() {
            SqlStatus::Running => "RUNNING",
            SqlStatus::Completed => "COMPLETED",
            SqlStatus::Failed => "FAILED",
        };
        let row = [
            int(x.id),
            int(x.root_id),
            Cell::Text(Some(&x.description)),
            Cell::Text(Some(status)),
            Cell::Time(Some(x.submission_time)),
            Cell::Time(x.completion_time),
            span(Some(x.submission_time), x.completion_time),
            int(x.jobs.len() as i64),
            Cell::Text(x.query_id.as_deref()),
            Cell::Text(x.error.as_deref().filter(|e| !e.is_empty())),
        ];
        push(&mut self.sql_executions, of_attempt(a).into_iter().chain(row));
    }

    pub fn progress(&mut self, a: &AttemptRow, p: &Progress) {
        let report: serde_json::Value = serde_json::from_str(&p.json).unwrap_or_default();
        let operators = report["stateOperators"].as_array().map(Vec::as_slice).unwrap_or_default();
        let over_operators = |key: &str| {
            let values: Vec<i64> = operators.iter().filter_map(|o| o[key].as_i64()).collect();
            Cell::Int((!values.is_empty()).then(|| sum(values)))
        };
        let rate = |key: &str| {
            // Spark writes what is no number as text; the whole is the sum over the sources.
            let sources = report["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
            let rates: Vec<f64> = sources.iter().filter_map(|s| s[key].as_f64()).collect();
            Cell::Real((!rates.is_empty()).then(|| rates.iter().sum()))
        };
        let rows = report["sources"].as_array().map(|s| sum(s.iter().filter_map(|s| s["numInputRows"].as_i64())));
        let row = [
            Cell::Text(Some(&p.query_id)),
            Cell::Text(Some(&p.run_id)),
            Cell::Text(p.name.as_deref()),
            int(p.batch_id),
            Cell::Text(Some(&p.timestamp)),
            Cell::Int(rows),
            rate("inputRowsPerSecond"),
            rate("processedRowsPerSecond"),
            Cell::Int(report["batchDuration"].as_i64()),
            over_operators("numRowsTotal"),
            over_operators("memoryUsedBytes"),
            over_operators("numRowsDroppedByWatermark"),
            Cell::Text(report["eventTime"]["watermark"].as_str()),
            Cell::Text(Some(&p.json)),
        ];
        push(&mut self.streaming_progress, of_attempt(a).into_iter().chain(row));
    }
}
