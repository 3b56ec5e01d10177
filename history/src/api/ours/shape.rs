//! `stages/{stage}/{attempt}/histogram`, `scatter` and `quantiles`: how the numbers of a stage's tasks are spread.

use axum::response::Response;
use serde::Serialize;

use super::tasks::{MEASURES, Measure, measure, of_stage};
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::insight::sample;

#[derive(Serialize)]
struct Histogram {
    of: String,
    unit: &'static str,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
    bins: Vec<Bin>,
}

#[derive(Serialize)]
struct Bin {
    from: i64,
    /// Not in the bin any more.
    to: i64,
    count: u64,
}

/// A number of tasks that a parameter names.
fn asked(query: &Query, parameter: &str, default: &str) -> Result<(String, Measure), ApiError> {
    let name = query.first(parameter).filter(|n| !n.is_empty()).unwrap_or(default);
    let bad = || ApiError::parameter(format!("{parameter}={name}: tasks have no such number"));
    Ok((name.to_owned(), measure(name).ok_or_else(bad)?))
}

pub async fn histogram(target: Target, query: Query) -> Result<Response, ApiError> {
    let (of, Measure { quantity, unit }) = asked(&query, "of", "duration")?;
    let bins: usize = query.value("bins", 40)?;
    let (_, tasks) = of_stage(&target).await?;
    let shown = tokio::task::spawn_blocking(move || {
        let values = tasks.of_successful(quantity);
        let bins = sample::histogram(&values, bins.clamp(1, 1000));
        let bins = bins.into_iter().map(|b| Bin { from: b.from, to: b.to, count: b.count }).collect();
        let (min, max) = (values.iter().min().copied(), values.iter().max().copied());
        Histogram { of, unit, count: values.len(), min, max, bins }
    });
    target.json(&shown.await?)
}

#[derive(Serialize)]
struct Scatter {
    x: String,
    y: String,
    total: usize,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    x: i64,
    y: i64,
    task: i64,
    index: i64,
    status: &'static str,
    executor: String,
}

pub async fn scatter(target: Target, query: Query) -> Result<Response, ApiError> {
    let (x, of_x) = asked(&query, "x", "inputSize")?;
    let (y, of_y) = asked(&query, "y", "duration")?;
    let count: usize = query.value("points", 2000)?;
    let (_, tasks) = of_stage(&target).await?;
    let shown = tokio::task::spawn_blocking(move || {
        let (xs, ys) = (tasks.values(of_x.quantity), tasks.values(of_y.quantity));
        let rows = sample::points(&xs, &ys, count.clamp(4, 20_000));
        let points = tasks.named(&rows).into_iter().zip(&rows).map(|(task, row)| Point {
            x: xs[*row],
            y: ys[*row],
            task: task.task_id,
            index: task.index,
            status: task.status.name(),
            executor: task.executor.to_string(),
        });
        Scatter { x, y, total: tasks.len(), points: points.collect() }
    });
    target.json(&shown.await?)
}

/// Shown of every number: the least, five in between and one near the end, the greatest.
const QUANTILES: [f64; 8] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

#[derive(Serialize)]
struct Quantiles {
    /// Tasks that succeeded: those that count.
    tasks: usize,
    quantiles: [f64; 8],
    metrics: Vec<MetricQuantiles>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricQuantiles {
    name: &'static str,
    unit: &'static str,
    /// One for each quantile.
    values: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_at: Option<TaskAt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_at: Option<TaskAt>,
}

/// Where a task is.
#[derive(Clone, Serialize)]
struct TaskAt {
    task: i64,
    index: i64,
    executor: String,
}

/// Every number of the tasks that succeeded, from the least to the greatest. Errors: 404 for a stage attempt that is
/// not there; one without a successful task has no metrics.
pub async fn quantiles(target: Target) -> Result<Response, ApiError> {
    let (_, tasks) = of_stage(&target).await?;
    let shown = tokio::task::spawn_blocking(move || {
        let successful = tasks.counted().successful;
        let count = successful.count;
        if count == 0 {
            return Quantiles { tasks: 0, quantiles: QUANTILES, metrics: Vec::new() };
        }
        // As Spark has it: no value in between.
        let ranks = QUANTILES.map(|q| ((q * count as f64) as usize).min(count - 1));
        let spreads: Vec<_> = MEASURES.iter().map(|(_, m)| tasks.spread(m.quantity, &successful, &ranks)).collect();
        let mut rows: Vec<usize> = spreads.iter().filter_map(|s| s.ends).flat_map(|(a, b)| [a, b]).collect();
        rows.sort_unstable();
        rows.dedup();
        let named = tasks.named(&rows);
        let at = |row: usize| {
            let task = named.get(rows.binary_search(&row).ok()?)?;
            Some(TaskAt { task: task.task_id, index: task.index, executor: task.executor.to_string() })
        };
        let metrics = MEASURES.iter().zip(spreads).map(|((name, measure), s)| {
            let (least, greatest) = s.ends.unzip();
            MetricQuantiles {
                name,
                unit: measure.unit,
                values: s.values,
                min_at: least.and_then(at),
                max_at: greatest.and_then(at),
            }
        });
        Quantiles { tasks: count, quantiles: QUANTILES, metrics: metrics.collect() }
    });
    target.json(&shown.await?)
}
