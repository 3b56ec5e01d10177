//! `stages/{stage}/{attempt}/histogram` and `scatter`: how the numbers of a stage's tasks are spread.

use axum::response::Response;
use serde::Serialize;

use super::tasks::{Measure, measure, of_stage};
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::api::wire::task_status;
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
            status: task_status(task.status),
            executor: task.executor.to_string(),
        });
        Scatter { x, y, total: tasks.len(), points: points.collect() }
    });
    target.json(&shown.await?)
}
