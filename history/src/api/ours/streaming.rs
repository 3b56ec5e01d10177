//! `streaming/*`: runs of Structured Streaming queries and their progress reports.

use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::catalog::AttemptStatus;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamingQuery {
    id: String,
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    start_timestamp: String,
    last_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_batch_id: Option<i64>,
    progress_reports: i64,
    idle_reports: i64,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
}

pub async fn queries(target: Target, query: Query) -> Result<Response, ApiError> {
    let over = target.row.status != AttemptStatus::Running;
    let mut all: Vec<_> = target.reader.queries().await?.into_values().collect();
    all.sort_by(|a, b| a.start_timestamp.cmp(&b.start_timestamp));
    let shown = all.into_iter().map(|q| StreamingQuery {
        id: q.id,
        run_id: q.run_id,
        name: q.name,
        start_timestamp: q.start_timestamp,
        last_timestamp: q.last_timestamp,
        last_batch_id: q.last_batch_id,
        progress_reports: q.progress_reports,
        idle_reports: q.idle_reports,
        active: !q.terminated && !over,
        exception: q.exception,
    });
    target.json(&query.slice(shown.collect())?)
}

/// Progress reports as Spark wrote them, in order; `runId` narrows to one run.
pub async fn progress(target: Target, query: Query) -> Result<Response, ApiError> {
    let run = query.first("runId");
    let all = target.reader.progress().await?;
    let shown = all
        .into_iter()
        .filter(|p| run.is_none_or(|r| r == p.run_id))
        .filter_map(|p| RawValue::from_string(p.json).ok());
    target.json(&query.slice(shown.collect())?)
}
