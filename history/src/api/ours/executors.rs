//! `executors/timeline`: when executors came and went, why, and how busy they were.

use std::collections::BTreeMap;

use axum::response::Response;
use futures::TryStreamExt as _;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::api::wire::ExecutorMetrics;
use crate::insight::presence::Steps;
use crate::insight::removal::{self, Removal};
use crate::insight::wall_clock::present;
use crate::state::Executor;
use crate::store::segment::Span;

#[derive(Serialize)]
struct Timeline {
    start: i64,
    end: i64,
    executors: Vec<Shown>,
    series: Series,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    host: String,
    cores: i64,
    add_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    remove_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    /// Sum of task durations.
    busy_time: i64,
    gc_time: i64,
    tasks: i64,
    failed_tasks: i64,
    max_memory: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peaks: Option<ExecutorMetrics>,
}

impl Shown {
    fn new(e: &Executor) -> Self {
        let class = || class(removal::class(e.remove_reason.as_deref().unwrap_or_default()));
        Shown {
            id: e.id.clone(),
            host: e.hostname().to_owned(),
            cores: e.total_cores,
            add_time: e.add_time,
            remove_time: e.remove_time,
            reason: e.remove_reason.clone(),
            class: e.remove_time.map(|_| class()),
            busy_time: e.total_duration,
            gc_time: e.total_gc_time,
            tasks: e.total_tasks,
            failed_tasks: e.failed_tasks,
            max_memory: e.max_memory,
            peaks: e.peaks.0.map(ExecutorMetrics),
        }
    }
}

fn class(of: Removal) -> &'static str {
    match of {
        Removal::Decommission => "decommission",
        Removal::NodeLoss => "nodeLoss",
        Removal::OutOfMemory => "outOfMemory",
        Removal::Idle => "idle",
        Removal::DriverExit => "driverExit",
        Removal::Killed => "killed",
        Removal::Heartbeat => "heartbeat",
        Removal::Other => "other",
    }
}

/// Averages over steps; `time` is when each begins.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    time: Vec<i64>,
    executors: Vec<f64>,
    cores: Vec<f64>,
    running_tasks: Vec<f64>,
    /// Milliseconds that ended tasks spent in each step, evenly over the time that each took.
    run_time: Vec<f64>,
    gc_time: Vec<f64>,
    /// Collection over run time; none where next to nothing ran.
    gc_share: Vec<Option<f64>>,
}

/// What tasks did in each step.
struct Work {
    running: Steps,
    run: Steps,
    gc: Steps,
}

impl Work {
    fn take(&mut self, Span { from, to, run, gc }: Span) {
        self.running.add(from, to, 1.0);
        self.run.spend(from, to, run);
        self.gc.spend(from, to, gc);
    }
}

pub async fn timeline(target: Target, query: Query) -> Result<Response, ApiError> {
    let points: usize = query.value("points", 500)?;
    let points = points.clamp(1, 10_000);
    let executors = target.reader.lives().await?;
    let start = target.row.start_time;
    let end = target.last_event();
    let steps = Steps::new(start, end, points);
    let mut work = Work { running: steps.clone(), run: steps.clone(), gc: steps.clone() };
    let mut segments = std::pin::pin!(target.reader.segments().await?);
    while let Some(some) = segments.try_next().await? {
        work = tokio::task::spawn_blocking(move || {
            some.iter().for_each(|p| p.segment.spans(end, &mut |span| work.take(span)));
            work
        })
        .await?;
    }
    let (mut count, mut cores) = (steps.clone(), steps);
    for e in executors.values() {
        if let Some((from, to)) = present(e, start, end) {
            count.add(from, to, 1.0);
            cores.add(from, to, e.total_cores as f64);
        }
    }
    let (run_time, gc_time) = (work.run.spent(), work.gc.spent());
    // Of less than a millisecond a share says nothing.
    let share = |(gc, run): (&f64, &f64)| (*run >= 1.0).then(|| (gc / run * 10_000.0).round() / 10_000.0);
    let series = Series {
        time: count.times(),
        executors: count.averages(),
        cores: cores.averages(),
        running_tasks: work.running.averages(),
        gc_share: gc_time.iter().zip(&run_time).map(share).collect(),
        run_time,
        gc_time,
    };
    let shown = sorted(&executors).into_iter().map(Shown::new).collect();
    target.json(&Timeline { start, end, executors: shown, series })
}

/// The driver first, then by when they came.
fn sorted(executors: &BTreeMap<String, Executor>) -> Vec<&Executor> {
    let mut all: Vec<&Executor> = executors.values().collect();
    all.sort_by_key(|e| (e.id != "driver", e.add_time, e.id.parse::<i64>().unwrap_or(i64::MAX)));
    all
}
