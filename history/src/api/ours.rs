//! What Spark has no endpoint for: search, sources, completeness, Structured Streaming.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Api;
use super::error::ApiError;
use super::query::Query;
use super::target::{Target, json};
use crate::catalog::{AttemptRow, AttemptStatus};
use crate::search::SearchQuery;

pub fn router() -> Router<Api> {
    let attempt = || {
        Router::new()
            .route("/completeness", get(completeness))
            .route("/streaming/queries", get(queries))
            .route("/streaming/progress", get(progress))
            .route("/events", get(events))
    };
    Router::new()
        .route("/search", get(search))
        .route("/sources", get(sources))
        .nest("/clusters/{cluster}/applications/{app}", attempt())
        .nest("/clusters/{cluster}/applications/{app}/{attempt}", attempt())
        .nest("/applications/{app}", attempt())
        .nest("/applications/{app}/{attempt}", attempt())
}

/// An attempt found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    cluster: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_id: Option<String>,
    name: String,
    user: String,
    status: &'static str,
    /// Epoch milliseconds.
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    last_event_time: i64,
    spark_version: String,
    labels: std::collections::BTreeMap<String, String>,
    damaged: bool,
}

impl Found {
    fn new(a: AttemptRow) -> Self {
        Found {
            cluster: a.cluster,
            id: a.app_id,
            attempt_id: a.attempt_id,
            name: a.name,
            user: a.user,
            status: a.status.text(),
            start_time: a.start_time,
            end_time: (a.status == AttemptStatus::Completed).then_some(a.end_time),
            last_event_time: a.last_event_time,
            spark_version: a.spark_version,
            labels: a.labels,
            damaged: a.damaged,
        }
    }
}

#[derive(Serialize)]
struct Hits {
    /// All that match, shown or not.
    total: usize,
    applications: Vec<Found>,
}

/// `q`: words in id, name, user, cluster, labels, SQL and job descriptions, error text; `cluster`,
/// `user`, `status` narrow it down; `offset` and `limit` page.
async fn search(State(api): State<Api>, query: Query) -> Result<Response, ApiError> {
    let text = |name: &str| query.first(name).filter(|v| !v.is_empty()).map(str::to_owned);
    let wanted = SearchQuery {
        text: text("q").unwrap_or_default(),
        cluster: text("cluster"),
        user: text("user"),
        status: text("status"),
        offset: query.value("offset", 0)?,
        limit: query.value::<usize>("limit", 50)?.min(1000),
    };
    let index = api.search.clone();
    let (total, ids) =
        tokio::task::spawn_blocking(move || index.search(&wanted)).await?.map_err(|e| ApiError::bad(e.to_string()))?;
    let mut found = api.catalog.attempts(&api.viewer(), &ids).await?;
    found.sort_by_key(|a| ids.iter().position(|id| *id == a.id));
    json(&Hits { total, applications: found.into_iter().map(Found::new).collect() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    cluster: String,
    url: String,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_scan: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<i64>,
    objects: i64,
    logs: i64,
    passed_by: i64,
}

async fn sources(State(api): State<Api>) -> Result<Response, ApiError> {
    let all = api.catalog.sources(&api.viewer()).await?.into_iter().map(|s| Source {
        cluster: s.cluster,
        url: s.url,
        healthy: s.problem.is_none() && s.last_success.is_some(),
        problem: s.problem,
        last_scan: s.last_scan,
        last_success: s.last_success,
        objects: s.objects,
        logs: s.logs,
        passed_by: s.passed_by,
    });
    json(&all.collect::<Vec<_>>())
}

async fn completeness(target: Target) -> Result<Response, ApiError> {
    let note: Box<RawValue> =
        RawValue::from_string(target.row.completeness.clone()).map_err(|e| ApiError::Internal(e.to_string()))?;
    target.json(&note)
}

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

async fn queries(target: Target, query: Query) -> Result<Response, ApiError> {
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
async fn progress(target: Target, query: Query) -> Result<Response, ApiError> {
    let run = query.first("runId");
    let all = target.reader.progress().await?;
    let shown = all
        .into_iter()
        .filter(|p| run.is_none_or(|r| r == p.run_id))
        .filter_map(|p| RawValue::from_string(p.json).ok());
    target.json(&query.slice(shown.collect())?)
}

#[derive(Serialize)]
struct Foreign {
    class: String,
    event: Box<RawValue>,
}

/// Events of other writers (DataFlint, Databricks, listeners of one's own), as they wrote them.
async fn events(target: Target, query: Query) -> Result<Response, ApiError> {
    let all = target.reader.foreign().await?.into_iter();
    let shown = all.filter_map(|f| Some(Foreign { class: f.class, event: RawValue::from_string(f.json).ok()? }));
    target.json(&query.slice(shown.collect())?)
}
