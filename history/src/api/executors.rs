//! `executors`, `allexecutors`, processes; threads, which only a live application has.

use axum::http::StatusCode;
use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::wire::{ExecutorSummary, ProcessSummary};

const NO_THREADS: &str = "Thread dumps not available through the history server.";

async fn summaries(target: &Target) -> Result<Vec<ExecutorSummary>, ApiError> {
    let executors = target.reader.executors().await?;
    let shown = executors.values().map(|e| {
        let summary = ExecutorSummary::new(e);
        if e.id == "driver" { summary.as_driver(target.duration()) } else { summary }
    });
    Ok(shown.collect())
}

/// Those that were not removed, by descending id.
pub async fn active(target: Target, query: Query) -> Result<Response, ApiError> {
    let mut shown = summaries(&target).await?;
    shown.retain(|e| e.is_active);
    shown.reverse();
    target.json(&query.slice(shown)?)
}

pub async fn all(target: Target, query: Query) -> Result<Response, ApiError> {
    let shown = summaries(&target).await?;
    target.json(&query.slice(shown)?)
}

pub async fn threads(target: Target) -> Result<Response, ApiError> {
    if target.param("executor") != "driver" && target.number("executor").is_err() {
        return Err(ApiError::bad("Invalid executorId: neither 'driver' nor number."));
    }
    Err(ApiError::Text(StatusCode::SERVICE_UNAVAILABLE, NO_THREADS.into()))
}

pub async fn task_threads(_target: Target, query: Query) -> Result<Response, ApiError> {
    if query.first("taskId").is_none() || query.first("executorId").is_none() {
        return Err(ApiError::Html(StatusCode::INTERNAL_SERVER_ERROR));
    }
    Err(ApiError::Text(StatusCode::SERVICE_UNAVAILABLE, NO_THREADS.into()))
}

pub async fn processes(target: Target, query: Query) -> Result<Response, ApiError> {
    let shown = target.reader.processes().await?.values().map(ProcessSummary::new).collect();
    target.json(&query.slice(shown)?)
}
