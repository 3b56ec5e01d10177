//! Which application attempt a request is for, and whether its viewer may see it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::task::JoinError;

use super::error::ApiError;
use super::query::Query;
use super::rows::{self, Ended, Rows};
use super::{Api, now, wire};
use crate::budget::{self, Budget, Held};
use crate::catalog::{AttemptRow, AttemptStatus};
use crate::state::StageKey;
use crate::store::AttemptReader;
use crate::store::tasks::StageTasks;

/// Another release may answer otherwise.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Time that an answer of which something was sent waits for the memory to go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// The attempt a path names, ready to be read.
pub struct Target {
    pub row: AttemptRow,
    pub reader: AttemptReader,
    pub budget: Arc<Budget>,
    params: HashMap<String, String>,
    etag: Option<String>,
}

impl FromRequestParts<Api> for Target {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Path(params) =
            Path::<HashMap<String, String>>::from_request_parts(parts, api).await.map_err(|_| ApiError::PARAMETER)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let app = params.get("app").map(String::as_str).unwrap_or_default();
        // A dash where the path wants an attempt and the application has none.
        let attempt = params.get("attempt").map(String::as_str).filter(|a| *a != "-");
        let name = attempt.map_or_else(|| app.to_owned(), |a| format!("{app}/{a}"));
        let attempts = find(api, cluster(&params, &query), app).await?;
        // An application with attempts must be asked for one of them.
        let row = attempts.into_iter().find(|a| a.attempt_id.as_deref() == attempt);
        let row = row.ok_or_else(|| ApiError::not_found(format!("no such app: {name}")))?;
        let finished = row.status == AttemptStatus::Completed;
        let etag = finished.then(|| format!("W/\"{}-{}-{}-{RELEASE}\"", row.id, row.generation, row.sequence));
        if let Some(etag) = &etag
            && let Some(seen) = parts.headers.get(header::IF_NONE_MATCH).and_then(|h| h.to_str().ok())
            && seen.split(',').any(|s| s.trim() == etag)
        {
            return Err(ApiError::NotModified(etag.clone()));
        }
        let reports = api.catalog.report_parts(&row).await?;
        let reader = AttemptReader::new(api.store.clone(), row.parts.clone()).with_reports(reports);
        Ok(Target { row, reader, budget: api.budget.clone(), params, etag })
    }
}

/// The cluster that path or query name.
pub fn cluster<'r>(params: &'r HashMap<String, String>, query: &'r Query) -> Option<&'r str> {
    params.get("cluster").map(String::as_str).or_else(|| query.first("cluster"))
}

/// The attempts of an application id. One that several clusters have is never guessed.
pub async fn find(api: &Api, cluster: Option<&str>, app: &str) -> Result<Vec<AttemptRow>, ApiError> {
    let attempts = api.catalog.application(&api.viewer(), cluster, app).await?;
    let mut clusters: Vec<&str> = attempts.iter().map(|a| a.cluster.as_str()).collect();
    clusters.dedup();
    if clusters.len() > 1 {
        let clusters = clusters.into_iter().map(str::to_owned).collect();
        return Err(ApiError::Ambiguous { app: app.to_owned(), clusters });
    }
    Ok(attempts)
}

impl Target {
    /// What Spark answers where an application lacks what was asked for.
    pub fn no_such_app(&self) -> ApiError {
        let row = &self.row;
        let name = row.attempt_id.as_ref().map_or_else(|| row.app_id.clone(), |a| format!("{}/{a}", row.app_id));
        ApiError::not_found(format!("no such app: {name}"))
    }

    /// A path parameter as a number; Jersey's path patterns let nothing else through.
    pub fn number(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.param(name);
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.ok_or_else(|| ApiError::parameter(format!("{name}={text} is not a number")))
    }

    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The answer, with the attempt's version if it cannot change any more.
    pub fn json(&self, value: &impl Serialize) -> Result<Response, ApiError> {
        Ok(self.versioned(json(value)?))
    }

    /// A long answer: see [`rows`].
    pub async fn rows<F>(self, write: impl FnOnce(Arc<Target>, Rows) -> F) -> Result<Response, ApiError>
    where
        F: Future<Output = Result<Rows, Ended>> + Send + 'static,
    {
        let target = Arc::new(self);
        let response = rows::answer(|rows| write(target.clone(), rows)).await?;
        Ok(target.versioned(uncached(response)))
    }

    fn versioned(&self, mut response: Response) -> Response {
        if let Some(etag) = self.etag.as_deref().and_then(|e| HeaderValue::from_str(e).ok()) {
            response.headers_mut().insert(header::ETAG, etag);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        response
    }

    /// The present: what SQL executions, Connect operations and the driver that run are measured
    /// against.
    pub fn now(&self) -> i64 {
        now()
    }

    /// How far the log goes: what our own API measures work against that has no end.
    pub fn last_event(&self) -> i64 {
        self.row.start_time.saturating_add(self.row.summary.duration)
    }

    /// When the log was written last: what tasks that run are measured against.
    pub fn last_word(&self) -> i64 {
        self.row.last_updated
    }

    /// The tasks of a stage attempt; those that run, as of the log's last word.
    pub async fn tasks(&self, stage: StageKey) -> Result<StageTasks, ApiError> {
        Ok(self.reader.tasks(stage).await?.as_of(self.last_word()))
    }

    /// The same for a long answer, with the memory that they and the answer take while it is sent: `each` more bytes a
    /// task, and `rows`, of which something may have been sent.
    pub async fn hold_tasks(&self, stage: StageKey, each: u64, rows: &Rows) -> Result<(StageTasks, Held), ApiError> {
        let bytes = self.reader.weight_of_tasks(stage, each).await?.saturating_add(rows::MEMORY);
        let wait = if rows.is_begun() { PATIENCE } else { budget::WAIT };
        let held = self.budget.take_within(bytes, wait).await?;
        Ok((self.tasks(stage).await?, held))
    }

    /// Computes a piece of an answer about so many tasks. Those of long answers take turns; no page waits for them.
    pub async fn compute<T: Send + 'static>(
        &self,
        tasks: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        if tasks <= rows::TOGETHER {
            return tokio::task::spawn_blocking(work).await;
        }
        self.budget.compute(work).await
    }

    /// Milliseconds from start to end of the application, to the present if it runs.
    pub fn duration(&self) -> i64 {
        let end = if self.row.end_time >= 0 { self.row.end_time } else { self.now() };
        end.wrapping_sub(self.row.start_time)
    }
}

/// A value as a JSON answer.
pub fn json(value: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(value).map_err(|e| ApiError::Internal(e.to_string()))?;
    let mut response = Body::from(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(uncached(response))
}

fn uncached(mut response: Response) -> Response {
    let no_cache = HeaderValue::from_static("no-cache, no-store, must-revalidate");
    response.headers_mut().insert(header::CACHE_CONTROL, no_cache);
    response
}

/// An attempt as the list of applications shows it.
pub fn attempt_info(a: &AttemptRow, source: Option<&str>) -> wire::AttemptRow {
    let completed = a.status == AttemptStatus::Completed;
    wire::AttemptRow {
        attempt_id: a.attempt_id.clone(),
        start_time: a.start_time,
        end_time: a.end_time,
        last_updated: a.last_updated,
        duration: if completed { a.end_time.wrapping_sub(a.start_time) } else { 0 },
        user: a.user.clone(),
        completed,
        spark_version: a.spark_version.clone(),
        exit_code: a.exit_code,
        log_source_name: source.map(str::to_owned),
        log_source_full_path: source.map(str::to_owned),
    }
}
