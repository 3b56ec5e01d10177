//! `taskList`, `taskSummary`, `taskTable`: tasks of a stage attempt, in pages, orders and quantiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::rows::{Ended, Rows, TOGETHER};
use super::target::Target;
use super::wire::{TaskData, TaskMetricDistributions, TaskQuantity};
use crate::state::{Executor, Task};
use crate::store::segment::{Metric, TaskColumn};
use crate::store::tasks::{Page, Quantity, StageTasks, TaskFilter};

/// Bytes of a task while tasks are put in any order.
const SORTED: u64 = 40;

/// A task with the log links of its executor.
pub fn show(task: &Task, executors: &BTreeMap<String, Executor>, now: i64) -> TaskData {
    let none = Vec::new();
    TaskData::new(task, executors.get(&*task.executor_id).map_or(&none, |e| &e.logs), now)
}

/// Writes the tasks at some places as elements of a list.
async fn write(
    rows: &mut Rows,
    target: &Target,
    tasks: &Arc<StageTasks>,
    places: &[u32],
    executors: &Arc<BTreeMap<String, Executor>>,
) -> Result<(), Ended> {
    let now = target.last_word();
    for some in places.chunks(TOGETHER) {
        let (of, executors, some) = (tasks.clone(), executors.clone(), some.to_vec());
        let made = target.compute(places.len(), move || {
            let mut out = Vec::with_capacity(some.len() << 11);
            for task in of.fetch(&some) {
                if !out.is_empty() {
                    out.push(b',');
                }
                serde_json::to_writer(&mut out, &show(&task, &executors, now))?;
            }
            Ok::<_, serde_json::Error>(out)
        });
        rows.rows(&made.await??).await?;
    }
    Ok(())
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let by_id = (Quantity::Column(TaskColumn::TaskId), true);
    let run_time = Quantity::Column(TaskColumn::Metric(Metric::executor_run_time));
    let (sort, ascending) = match query.first("sortBy").map(str::to_ascii_uppercase).as_deref() {
        None | Some("ID" | "") => by_id,
        Some("RUNTIME" | "+RUNTIME" | "INCREASING_RUNTIME") => (run_time, true),
        Some("-RUNTIME" | "DECREASING_RUNTIME") => (run_time, false),
        Some(_) => return Err(ApiError::PARAMETER),
    };
    let statuses = query.task_statuses("status")?;
    let offset: i32 = query.value("offset", 0)?;
    let length: i32 = query.value("length", 20)?;
    let stage = (target.number("stage")?, target.number("stage_attempt")?);
    if length <= 0 {
        return Err(ApiError::Html(StatusCode::INTERNAL_SERVER_ERROR));
    }
    let filter = TaskFilter { statuses, ..TaskFilter::default() };
    let wanted = Page { filter, ..Page::new(sort, ascending, offset.max(0) as usize, length as usize) };
    let executors = Arc::new(target.reader.executors().await?);
    target
        .rows(|target, mut rows| async move {
            let (tasks, _held) = target.hold_tasks(stage, SORTED, &rows).await?;
            let tasks = Arc::new(tasks);
            let of = tasks.clone();
            let (places, _) = tokio::task::spawn_blocking(move || of.rows(&wanted)).await?;
            rows.begin(b"[").await?;
            write(&mut rows, &target, &tasks, &places, &executors).await?;
            rows.text(b"]").await?;
            Ok(rows)
        })
        .await
}

pub async fn summary(target: Target, query: Query) -> Result<Response, ApiError> {
    let quantiles = query.quantiles("0.05,0.25,0.5,0.75,0.95")?;
    let (id, attempt) = (target.number("stage")?, target.number("stage_attempt")?);
    let tasks = target.tasks((id, attempt)).await?;
    let found = tokio::task::spawn_blocking(move || distributions(&tasks, &quantiles)).await?;
    match found {
        Some(found) => target.json(&found),
        None => Err(ApiError::not_found(format!("No tasks reported metrics for {id} / {attempt} yet."))),
    }
}

/// The quantiles (sorted) of every quantity; none without a successful task.
///
/// Spark counts successful tasks, and picks by that count: durations among all tasks, delays
/// among those that ended, metrics among the successful. So do we.
pub fn distributions(tasks: &StageTasks, quantiles: &[f64]) -> Option<TaskMetricDistributions> {
    let counted = tasks.counted();
    let successes = counted.successful.count;
    if successes == 0 {
        return None;
    }
    let indices: Vec<i64> =
        quantiles.iter().map(|q| ((q * successes as f64) as i64).min(successes as i64 - 1)).collect();
    let mut pick = |quantity: TaskQuantity| {
        let (quantity, among) = place(quantity);
        let of = match among {
            Among::Timed => Some(&counted.timed),
            Among::Ended => Some(&counted.ended),
            Among::Successful => Some(&counted.successful),
        };
        let available = of.map_or(tasks.len(), |m| m.count);
        let ranks = walk(&indices, available);
        let known: Vec<usize> = ranks.iter().flatten().copied().collect();
        let mut values = tasks.ranked(quantity, of, &known).into_iter();
        ranks.iter().map(|r| r.and_then(|_| values.next()).map_or(f64::NAN, |v| v as f64)).collect()
    };
    Some(TaskMetricDistributions::new(quantiles.to_vec(), &mut pick))
}

/// Which tasks Spark's index of a quantity holds.
enum Among {
    Timed,
    Ended,
    Successful,
}

/// Where Spark's iterator stands for each index: it never goes back, and gives nothing past the end.
fn walk(indices: &[i64], available: usize) -> Vec<Option<usize>> {
    let (mut current, mut next, mut last) = (-1i64, 0usize, None);
    let step = |index: &i64| {
        if *index != current {
            // Spark's longs wrap, too: behind a quantile of -Infinity there is nothing.
            let skip = index.wrapping_sub(current).wrapping_sub(1);
            next = next.saturating_add(usize::try_from(skip).unwrap_or(0));
            current = *index;
            last = (next < available).then_some(next);
            next += usize::from(last.is_some());
        }
        last
    };
    indices.iter().map(step).collect()
}

fn place(q: TaskQuantity) -> (Quantity, Among) {
    match q {
        TaskQuantity::Duration => (Quantity::Column(TaskColumn::Duration), Among::Timed),
        TaskQuantity::GettingResultTime => (Quantity::GettingResult, Among::Ended),
        TaskQuantity::SchedulerDelay => (Quantity::SchedulerDelay, Among::Ended),
        q => match q.columns() {
            [one] => (Quantity::Column(TaskColumn::Metric(*one)), Among::Successful),
            more => (Quantity::Sum(more), Among::Successful),
        },
    }
}

/// What DataTables wants of a page: `{"recordsFiltered":…,"aaData":[…],"recordsTotal":…}`, numbers as text, as Spark
/// writes them.
pub async fn table(target: Target, query: Query) -> Result<Response, ApiError> {
    let broken = || ApiError::Html(StatusCode::INTERNAL_SERVER_ERROR);
    let number = |name: &str| query.first(name).and_then(|v| v.parse::<i64>().ok()).ok_or_else(broken);
    let total = query.first("numTasks").ok_or_else(broken)?.to_owned();
    let search = query.first("search[value]").unwrap_or_default().to_lowercase();
    let searched = !search.is_empty();
    let column = query.first("columnNameToSort").ok_or_else(broken)?;
    let sort = column_named(column).ok_or_else(broken)?;
    let ascending = query.first("order[0][dir]").ok_or_else(broken)?.eq_ignore_ascii_case("asc");
    let (start, length) = (number("start")?.max(0) as usize, number("length")?.max(0) as usize);
    let stage = (target.number("stage")?, target.number("stage_attempt")?);
    let executors = Arc::new(target.reader.executors().await?);
    target
        .rows(|target, mut rows| async move {
            let (tasks, _held) = target.hold_tasks(stage, SORTED, &rows).await?;
            let tasks = Arc::new(tasks);
            let (of, known, now) = (tasks.clone(), executors.clone(), target.last_word());
            let mut filtered = total.clone();
            let mut places = tokio::task::spawn_blocking(move || {
                if search.is_empty() {
                    return of.rows(&Page::new(sort, ascending, start, length)).0;
                }
                let (all, _) = of.rows(&Page::new(sort, ascending, 0, usize::MAX));
                let found = |some: &[u32]| {
                    let shown = of.fetch(some).into_iter().map(|t| contains(&show(&t, &known, now), &search));
                    some.iter().copied().zip(shown).filter(|(_, found)| *found).map(|(at, _)| at).collect::<Vec<_>>()
                };
                all.chunks(TOGETHER).flat_map(found).collect()
            })
            .await?;
            if searched {
                filtered = places.len().to_string();
                places = places.into_iter().skip(start).take(length).collect();
            }
            rows.text(b"{\"recordsFiltered\":").await?;
            rows.text(&serde_json::to_vec(&filtered)?).await?;
            rows.begin(b",\"aaData\":[").await?;
            write(&mut rows, &target, &tasks, &places, &executors).await?;
            rows.text(b"],\"recordsTotal\":").await?;
            rows.text(&serde_json::to_vec(&total)?).await?;
            rows.text(b"}").await?;
            Ok(rows)
        })
        .await
}

/// The quantity behind a column of Spark's task table.
fn column_named(name: &str) -> Option<Quantity> {
    let metric = |m| Quantity::Column(TaskColumn::Metric(m));
    Some(match name {
        "ID" => Quantity::Column(TaskColumn::TaskId),
        // Spark sorts by the partition, which older logs do not have: then by id.
        "Index" | "Logs" | "logs" => Quantity::Column(TaskColumn::PartitionId),
        "Attempt" => Quantity::Column(TaskColumn::Attempt),
        "Status" => Quantity::Column(TaskColumn::Status),
        "Locality Level" => Quantity::Column(TaskColumn::Locality),
        "Executor ID" => Quantity::Column(TaskColumn::Executor),
        "Host" => Quantity::Column(TaskColumn::Host),
        "Launch Time" => Quantity::Column(TaskColumn::LaunchTime),
        "Duration" => Quantity::Column(TaskColumn::Duration),
        "Scheduler Delay" => Quantity::SchedulerDelay,
        "Task Deserialization Time" => metric(Metric::executor_deserialize_time),
        "GC Time" => metric(Metric::jvm_gc_time),
        "Result Serialization Time" => metric(Metric::result_serialization_time),
        "Getting Result Time" => Quantity::GettingResult,
        "Peak Execution Memory" => metric(Metric::peak_execution_memory),
        "Accumulators" => Quantity::Column(TaskColumn::Accumulables),
        "Input Size / Records" => metric(Metric::input_bytes_read),
        "Output Size / Records" => metric(Metric::output_bytes_written),
        "Shuffle Read Fetch Wait Time" => metric(Metric::shuffle_fetch_wait_time),
        "Shuffle Read Size / Records" => Quantity::Sum(TaskQuantity::ShuffleReadBytes.columns()),
        "Shuffle Remote Reads" => metric(Metric::shuffle_remote_bytes_read),
        "Shuffle Write Time" => metric(Metric::shuffle_write_time),
        "Shuffle Write Size / Records" => metric(Metric::shuffle_bytes_written),
        "Spill (Memory)" => metric(Metric::memory_bytes_spilled),
        "Spill (Disk)" => metric(Metric::disk_bytes_spilled),
        "Errors" => Quantity::Column(TaskColumn::Error),
        _ => return None,
    })
}

/// Whether any value that the table shows has the searched text in it.
fn contains(t: &TaskData, search: &str) -> bool {
    fn within(v: &serde_json::Value, search: &str) -> bool {
        match v {
            serde_json::Value::Object(o) => o.values().any(|v| within(v, search)),
            serde_json::Value::Array(_) => false,
            serde_json::Value::String(s) => s.to_lowercase().contains(search),
            other => other.to_string().contains(search),
        }
    }
    serde_json::to_value(t).is_ok_and(|v| within(&v, search))
}
