//! Rows of the fleet tables, out of what the store has of an attempt. The order of cells is that of
//! the columns in [`super::schema`].

use afterglow_ingest::container::{Pause, PauseKind, Role};
use afterglow_ingest::event::progress::{Numbers, SourceProgress, StateOperator};
use afterglow_ingest::event::{ProgressReport, TaskMetrics};
use futures::TryStreamExt as _;

use super::samples::{self, Sum};
use super::table::{Cell, Table};
use crate::catalog::{AttemptRow, ContainerRow};
use crate::date::instant;
use crate::insight::containers::{Process, process};
use crate::state::metrics;
use crate::state::{
    Executor, Job, JobStatus, MemoryPoint, Progress, SqlExecution, SqlStatus, StageAttempt, StageStatus,
};
use crate::store::reader::Reports;
use crate::store::{AttemptReader, StoreError};

use super::schema::TableName;

/// Adds an attempt's rows to a table; `logs` are those of its containers.
pub async fn add(
    table: &mut Table,
    name: TableName,
    a: &AttemptRow,
    reader: &AttemptReader,
    logs: &[ContainerRow],
) -> Result<(), StoreError> {
    match name {
        TableName::Applications => application(table, a, reader).await?,
        TableName::Jobs => reader.jobs().await?.values().for_each(|j| job(table, a, j)),
        TableName::Stages => reader.stage_heads().await?.values().for_each(|s| stage(table, a, s)),
        TableName::Executors => reader.lives().await?.values().for_each(|e| executor(table, a, e)),
        TableName::SqlExecutions => reader.sql_heads().await?.values().for_each(|x| sql(table, a, x)),
        TableName::StreamingProgress => reports(table, a, reader, progress).await?,
        TableName::StateOperatorMetrics => reports(table, a, reader, state_operators).await?,
        TableName::ApplicationSamples => application_samples(table, a, reader).await?,
        TableName::ExecutorSamples => executor_samples(table, a, reader).await?,
        TableName::JvmPauses => pauses(table, a, reader, logs).await?,
        // Whoever judges has them.
        TableName::Findings => {}
    }
    Ok(())
}

/// Adds the rows of all progress reports, which are read a block at a time.
async fn reports(
    table: &mut Table,
    a: &AttemptRow,
    reader: &AttemptReader,
    add: fn(&mut Table, &AttemptRow, &Progress),
) -> Result<(), StoreError> {
    let (_, mut blocks) = reader.progress_in_pieces(Reports::default()).await?;
    while let Some(reports) = blocks.try_next().await? {
        reports.iter().for_each(|p| add(table, a, p));
    }
    Ok(())
}

pub(super) fn of_attempt(a: &AttemptRow) -> [Cell<'_>; 5] {
    let text = |v| Cell::Text(Some(v));
    [text(&a.cluster), text(&a.app_id), Cell::Text(a.attempt_id.as_deref()), text(&a.name), text(&a.user)]
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

pub(super) fn push<'v>(table: &mut Table, rows: impl IntoIterator<Item = Cell<'v>>) {
    let cells: Vec<Cell<'v>> = rows.into_iter().collect();
    table.push(&cells);
}

async fn application(table: &mut Table, a: &AttemptRow, reader: &AttemptReader) -> Result<(), StoreError> {
    let mut total = TaskMetrics::default();
    reader.stage_heads().await?.values().for_each(|s| metrics::add(&mut total, &s.metrics));
    let executors = reader.executors().await?.keys().filter(|id| *id != "driver").count();
    let end = (a.end_time >= 0).then_some(a.end_time);
    let labels = serde_json::to_string(&a.labels).unwrap_or_default();
    let store: u64 = a.parts.iter().map(|p| p.size).sum();
    let row = [
        Cell::Text(Some(a.summary.queue.as_str()).filter(|q| !q.is_empty())),
        Cell::Text(Some(&a.spark_version)),
        Cell::Text(Some(&a.summary.outcome)),
        Cell::Time(Some(a.start_time)),
        Cell::Time(end),
        Cell::Time(Some(a.last_event_time)),
        int(a.summary.duration),
        Cell::Int(a.exit_code),
        Cell::Text(a.summary.error.as_deref()),
        int(a.events),
        int(a.log_size),
        int(store as i64),
        Cell::Bool(Some(a.damaged)),
        Cell::Text(Some(&labels)),
        int(a.summary.tasks),
        int(a.summary.failed_tasks),
        int(executors as i64),
    ];
    push(table, of_attempt(a).into_iter().chain(row).chain(sums(&total)));
    Ok(())
}

fn job(table: &mut Table, a: &AttemptRow, j: &Job) {
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
    push(table, of_attempt(a).into_iter().chain(row));
}

fn stage(table: &mut Table, a: &AttemptRow, s: &StageAttempt) {
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
    push(table, of_attempt(a).into_iter().chain(row).chain(sums(&s.metrics)));
}

fn executor(table: &mut Table, a: &AttemptRow, e: &Executor) {
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
    push(table, of_attempt(a).into_iter().chain(row));
}

fn sql(table: &mut Table, a: &AttemptRow, x: &SqlExecution) {
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
    push(table, of_attempt(a).into_iter().chain(row));
}

/// Whole numbers of a report.
fn whole(number: Option<f64>) -> Cell<'static> {
    Cell::Int(number.map(|v| v as i64))
}

fn map<'v>(numbers: &'v Numbers<'_>) -> Cell<'v> {
    Cell::Map(numbers.iter().map(|(name, v)| (&**name, v.0.map(|v| v as i64))).collect())
}

/// The sum of what some tell; none where nobody does.
fn total(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().fold(None, |sum, v| Some(sum.unwrap_or(0.0) + v))
}

fn of_report<'v>(p: &'v Progress) -> [Cell<'v>; 5] {
    let text = |v| Cell::Text(Some(v));
    let name = Cell::Text(p.name.as_deref());
    [text(&p.query_id), text(&p.run_id), name, int(p.batch_id), Cell::Time(instant(&p.timestamp))]
}

fn progress(table: &mut Table, a: &AttemptRow, p: &Progress) {
    let report = ProgressReport::read(&p.json).unwrap_or_default();
    let operators = |of: fn(&StateOperator<'_>) -> Option<f64>| whole(total(report.state_operators.iter().map(of)));
    let sources = |of: fn(&SourceProgress<'_>) -> Option<f64>| total(report.sources.iter().map(of));
    let row = [
        whole(sources(|s| s.num_input_rows.0)),
        Cell::Real(sources(|s| s.input_rows_per_second.0)),
        Cell::Real(sources(|s| s.processed_rows_per_second.0)),
        whole(report.batch_duration.0.or_else(|| report.duration_ms.number("triggerExecution"))),
        operators(|o| o.num_rows_total.0),
        operators(|o| o.memory()),
        operators(|o| o.num_rows_dropped_by_watermark.0),
        Cell::Time(report.watermark().and_then(instant)),
        Cell::Text(Some(&p.json)),
        map(&report.duration_ms),
        Cell::Real(sources(|s| s.lag())),
        operators(|o| o.num_rows_updated.0),
        // -1 where the sink does not count.
        whole(report.sink.num_output_rows.0.filter(|n| *n >= 0.0)),
    ];
    push(table, of_attempt(a).into_iter().chain(of_report(p)).chain(row));
}

fn state_operators(table: &mut Table, a: &AttemptRow, p: &Progress) {
    let report = ProgressReport::read(&p.json).unwrap_or_default();
    for (i, o) in report.state_operators.iter().enumerate() {
        let custom = |name: &str| o.custom_metrics.number(name);
        let row = [
            int(i as i64),
            Cell::Text(Some(&o.operator_name)),
            whole(o.num_rows_total.0),
            whole(o.num_rows_updated.0),
            whole(o.num_rows_removed.0),
            whole(o.num_rows_dropped_by_watermark.0),
            whole(o.all_updates_time_ms.0),
            whole(o.all_removals_time_ms.0),
            whole(o.commit_time_ms.0),
            Cell::Real(o.commit_time_per_instance()),
            whole(o.memory()),
            whole(o.num_state_store_instances.0),
            Cell::Real(o.file_sync_share()),
            Cell::Real(o.cache_hit_share()),
            Cell::Real(o.file_reuse_share()),
            whole(custom("rocksdbSstFileSize")),
            Cell::Bool(custom("rocksdbWriterStallLatencyMs").map(|v| v != 0.0)),
            whole(custom("rocksdbZipFileBytesUncompressed")),
            map(&o.custom_metrics),
        ];
        push(table, of_attempt(a).into_iter().chain(of_report(p)).chain(row));
    }
}

async fn application_samples(table: &mut Table, a: &AttemptRow, reader: &AttemptReader) -> Result<(), StoreError> {
    let samples = samples::of_application(a, reader).await?;
    let averages = samples.executors.iter().zip(&samples.cores).zip(samples.running.iter().zip(&samples.pending));
    for (time, ((executors, cores), (running, pending))) in samples.times.iter().zip(averages) {
        let averages = [executors, cores, running, pending].map(|v| Cell::Real(Some(*v)));
        let step = [Cell::Time(Some(*time)), int(samples.step)];
        push(table, of_attempt(a).into_iter().chain(step).chain(averages));
    }
    Ok(())
}

async fn executor_samples(table: &mut Table, a: &AttemptRow, reader: &AttemptReader) -> Result<(), StoreError> {
    let samples = samples::of_executors(a, reader).await?;
    for (id, executor, steps) in &samples.executors {
        let cores = executor.as_ref().map(|e| e.total_cores);
        // Of an executor that takes no tasks, as a driver, each task would take one core.
        let each = executor.as_ref().map_or(1, |e| e.total_cores / e.max_tasks.max(1)).max(1);
        for s in steps {
            let sum = |what: Sum| s.sums.of(what);
            let (task_time, run, gc) = (sum(Sum::TaskTime), sum(Sum::RunTime), sum(Sum::GcTime));
            let read = |of: fn(&MemoryPoint) -> i64| Cell::Int(s.memory.as_ref().map(of));
            // Of what Spark does not measure the reading is 0.
            let measured = |of: fn(&MemoryPoint) -> i64| Cell::Int(s.memory.as_ref().map(of).filter(|v| *v > 0));
            let row = [
                Cell::Text(Some(id)),
                Cell::Text(executor.as_ref().map(Executor::hostname).filter(|h| !h.is_empty())),
                Cell::Time(Some(s.time)),
                int(samples.step),
                int(s.present),
                Cell::Int(cores),
                Cell::Int(cores.map(|c| c.saturating_mul(s.present))),
                int(task_time.saturating_mul(each)),
                Cell::Real(Some(task_time as f64 / samples.step as f64)),
                int(sum(Sum::Ended)),
                int(sum(Sum::Failed)),
                int(task_time),
                int(run),
                int(gc),
                Cell::Real((run >= 1).then(|| gc as f64 / run as f64)),
                int(sum(Sum::CpuTime)),
                int(sum(Sum::Input)),
                int(sum(Sum::Output)),
                int(sum(Sum::ShuffleRead)),
                int(sum(Sum::ShuffleWrite)),
                int(sum(Sum::MemorySpilled)),
                int(sum(Sum::DiskSpilled)),
                read(|m| m.heap),
                read(|m| m.off_heap),
                read(|m| m.unified),
                measured(|m| m.jvm_rss),
                measured(|m| m.python_rss),
                read(|m| m.gc_time),
                Cell::Int(executor.as_ref().map(|e| e.max_memory)),
            ];
            push(table, of_attempt(a).into_iter().chain(row));
        }
    }
    Ok(())
}

/// Pauses that are read at once.
const PAUSES: usize = 10_000;

async fn pauses(
    table: &mut Table,
    a: &AttemptRow,
    reader: &AttemptReader,
    logs: &[ContainerRow],
) -> Result<(), StoreError> {
    let with_pauses = || logs.iter().filter(|c| c.pauses > 0);
    if with_pauses().next().is_none() {
        return Ok(());
    }
    let executors = reader.executors().await?;
    for log in with_pauses() {
        let Some(part) = &log.part else { continue };
        let of = process(&log.place, &executors);
        let mut offset = 0;
        loop {
            let (some, total) = reader.pauses(part, offset, PAUSES).await?;
            some.iter().for_each(|p| pause(table, a, &log.place.container, &of, p));
            offset += PAUSES;
            if offset >= total {
                break;
            }
        }
    }
    Ok(())
}

fn pause(table: &mut Table, a: &AttemptRow, container: &str, of: &Process, p: &Pause) {
    let role = of.role.map(|r| if r == Role::Driver { "driver" } else { "executor" });
    let kind = match p.kind {
        PauseKind::Gc => "gc",
        PauseKind::JvmPauseMonitor => "jvm_pause_monitor",
    };
    let millis = |us: i64| us as f64 / 1000.0;
    let row = [
        Cell::Text(Some(container)),
        Cell::Text(role),
        Cell::Text(of.executor_id.as_deref()),
        Cell::Text(of.host.as_deref()),
        Cell::Time(p.time),
        Cell::Text(Some(kind)),
        Cell::Text(p.collector.as_deref()),
        Cell::Text(p.cause.as_deref()),
        Cell::Real(Some(millis(p.duration_us))),
        Cell::Int(p.heap_before),
        Cell::Int(p.heap_after),
        Cell::Int(p.heap_capacity),
        Cell::Text(p.name.as_deref()),
        Cell::Real(p.uptime_us.map(millis)),
        Cell::Bool(Some(p.nested)),
    ];
    push(table, of_attempt(a).into_iter().chain(row));
}
