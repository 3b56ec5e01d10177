//! `sources`: where logs are read from, how the last listing went, which logs have problems, and who reads them.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::list::Slice;
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::json;
use crate::api::{Api, now};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    cluster: String,
    url: String,
    /// `event-logs` or `container-logs`.
    kind: String,
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

pub async fn list(State(api): State<Api>) -> Result<Response, ApiError> {
    // What cannot be written down stands in no row.
    let trouble = api.telemetry.indexing_trouble().map(|t| format!("{}: {}", t.part.name(), t.what));
    let all = api.catalog.sources(&api.viewer()).await?.into_iter().map(|s| Source {
        cluster: s.cluster,
        url: s.url,
        kind: s.kind,
        healthy: trouble.is_none() && s.problem.is_none() && s.last_success.is_some(),
        problem: trouble.clone().or(s.problem),
        last_scan: s.last_scan,
        last_success: s.last_success,
        objects: s.objects,
        logs: s.logs,
        passed_by: s.passed_by,
    });
    json(&all.collect::<Vec<_>>())
}

#[derive(Serialize)]
struct Indexer {
    role: String,
    host: String,
    pid: i64,
    /// Epoch milliseconds.
    since: i64,
    /// When it counts as gone, unless it says before that it is there.
    expires: i64,
    /// Logs that it reads at the moment, and other work that one process at a time does.
    claims: i64,
}

/// Processes that index into the store.
pub async fn indexers(State(api): State<Api>) -> Result<Response, ApiError> {
    let all = api.catalog.indexers(&api.viewer(), now()).await?.into_iter().map(|i| Indexer {
        role: i.who.role,
        host: i.who.host,
        pid: i.who.pid,
        since: i.since,
        expires: i.expires,
        claims: i.claims,
    });
    json(&all.collect::<Vec<_>>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    cluster: String,
    source: String,
    log: String,
    problem: String,
    /// Null where nothing of it is served.
    app_id: Option<String>,
    attempt_id: Option<String>,
}

#[derive(Serialize)]
struct Problems {
    total: i64,
    problems: Vec<Problem>,
}

/// Logs that were read with damage, or could not be read, and files that were passed by because they cannot be looked at.
pub async fn problems(State(api): State<Api>, query: Query) -> Result<Response, ApiError> {
    let Slice { offset, length } = Slice::of(&query, 100)?;
    let (total, rows) = api.catalog.problems(&api.viewer(), offset as i64, length as i64).await?;
    let problems = rows
        .into_iter()
        .map(|p| Problem {
            cluster: p.cluster,
            source: p.source,
            log: p.log,
            problem: p.problem,
            app_id: p.app_id,
            attempt_id: p.attempt_id,
        })
        .collect();
    json(&Problems { total, problems })
}
