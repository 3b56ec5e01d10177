//! `stages/{stage}/{attempt}/timeline`: which task ran when on which executor, and on what it spent its time.

use std::collections::BTreeMap;

use axum::response::Response;
use serde::Serialize;

use super::tasks;
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::api::wire::{duration, getting_result_time, reported_metrics, scheduler_delay};
use crate::insight::sample;
use crate::state::Task;
use crate::store::segment::TaskColumn;
use crate::store::tasks::{Order, Quantity};

#[derive(Serialize)]
struct Timeline {
    start: i64,
    end: i64,
    /// Tasks of the stage attempt, shown or not.
    total: usize,
    lanes: Vec<Lane>,
}

#[derive(Serialize)]
struct Lane {
    executor: String,
    host: String,
    tasks: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    task: i64,
    index: i64,
    attempt: i64,
    launch: i64,
    finish: i64,
    status: &'static str,
    phases: Phases,
}

/// Milliseconds of each.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Phases {
    scheduler_delay: i64,
    deserialize: i64,
    compute: i64,
    gc: i64,
    shuffle_read: i64,
    shuffle_write: i64,
    result_serialization: i64,
    getting_result: i64,
}

impl Phases {
    fn new(t: &Task, now: i64) -> Self {
        let m = reported_metrics(t).unwrap_or_default();
        let (gc, read, write) = (m.jvm_gc_time, m.shuffle_fetch_wait_time, m.shuffle_write_time / 1_000_000);
        Phases {
            scheduler_delay: scheduler_delay(t, now),
            deserialize: m.executor_deserialize_time,
            compute: m.executor_run_time.saturating_sub(gc).saturating_sub(read).saturating_sub(write).max(0),
            gc,
            shuffle_read: read,
            shuffle_write: write,
            result_serialization: m.result_serialization_time,
            getting_result: getting_result_time(t, now),
        }
    }
}

pub async fn of_stage(target: Target, query: Query) -> Result<Response, ApiError> {
    let length: usize = query.value("length", 1000)?;
    let (key, tasks) = tasks::of_stage(&target).await?;
    let stage = target.reader.stage(key.0).await?.into_iter().find(|s| s.attempt_id == key.1);
    let now = target.last_word();
    let shown = tokio::task::spawn_blocking(move || {
        let launched = tasks.column(TaskColumn::LaunchTime);
        let durations = tasks.values(Quantity::Column(TaskColumn::Duration));
        let (executors, _) = tasks.named_ranks(TaskColumn::Executor, Order::Shown);
        let rows = sample::longest(&executors, &durations, length.clamp(1, 20_000));
        let rows: Vec<u32> = rows.into_iter().filter_map(|r| u32::try_from(r).ok()).collect();
        let mut lanes: BTreeMap<i64, Lane> = BTreeMap::new();
        for (t, row) in tasks.fetch(&rows).into_iter().zip(&rows) {
            let lane = lanes.entry(executors[*row as usize]).or_insert_with(|| Lane {
                executor: t.executor_id.to_string(),
                host: t.host.to_string(),
                tasks: Vec::new(),
            });
            lane.tasks.push(bar(&t, now));
        }
        let mut lanes: Vec<Lane> = lanes.into_values().collect();
        lanes.iter_mut().for_each(|l| l.tasks.sort_by_key(|t| (t.launch, t.task)));
        let first = launched.iter().min().copied();
        let last = launched.iter().zip(&durations).map(|(from, took)| from.saturating_add(*took.max(&0))).max();
        let submitted = stage.as_ref().and_then(|s| s.submission_time);
        let completed = stage.as_ref().and_then(|s| s.completion_time);
        let start = submitted.into_iter().chain(first).min().unwrap_or(0);
        let end = completed.into_iter().chain(last).max().unwrap_or(start);
        Timeline { start, end, total: tasks.len(), lanes }
    });
    target.json(&shown.await?)
}

fn bar(t: &Task, now: i64) -> Bar {
    Bar {
        task: t.task_id,
        index: t.index,
        attempt: t.attempt,
        launch: t.launch_time,
        finish: t.launch_time.saturating_add(duration(t, now).max(0)),
        status: t.status.name(),
        phases: Phases::new(t, now),
    }
}
