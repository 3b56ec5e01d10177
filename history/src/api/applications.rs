//! `version`, `applications`, one application, one attempt.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::{attempt_info, cluster, find, json};
use super::wire::{ApplicationInfo, VersionInfo, parse_date};
use super::{Api, now};
use crate::catalog::{ApplicationFilter, AttemptRow};

type Params = Path<HashMap<String, String>>;

pub async fn version(State(api): State<Api>) -> Result<Response, ApiError> {
    json(&VersionInfo { spark: api.spark_version.to_owned() })
}

/// Default bounds of Spark's list: 2010-01-01 and 3000-01-01.
const FROM: i64 = 1_262_304_000_000;
const TO: i64 = 32_503_680_000_000;

pub async fn list(State(api): State<Api>, Path(params): Params, query: Query) -> Result<Response, ApiError> {
    let (mut completed, mut running) = (true, true);
    if query.first("status").is_some() {
        (completed, running) = (false, false);
        for status in query.values("status") {
            match status.to_ascii_uppercase().as_str() {
                "COMPLETED" => completed = true,
                "RUNNING" => running = true,
                _ => return Err(ApiError::PARAMETER),
            }
        }
    }
    let date = |name: &str, default: i64| match query.first(name) {
        None => Ok(default),
        Some(text) => parse_date(text).ok_or_else(|| ApiError::BadDate(format!("Couldn't parse date: {text}"))),
    };
    let bounded = ["minDate", "maxDate", "minEndDate", "maxEndDate"].iter().any(|n| query.first(n).is_some());
    let bounds = [date("minDate", FROM)?, date("maxDate", TO)?, date("minEndDate", FROM)?, date("maxEndDate", TO)?];
    let limit = match query.value::<i64>("limit", i64::MAX)? {
        n if n <= 0 => 0,
        n => n,
    };
    let length: i64 = query.value("length", -1)?;
    let some = |at: usize| bounded.then_some(bounds[at]);
    let filter = ApplicationFilter {
        cluster: cluster(&params, &query).map(str::to_owned),
        completed,
        running,
        min_start: some(0),
        max_start: some(1),
        min_end: some(2),
        max_end: some(3),
        now: now(),
        offset: query.value::<i64>("offset", 0)?.max(0),
        limit: Some(if length < 0 { limit } else { limit.min(length) }),
    };
    let sources = sources(&api).await?;
    let found = api.catalog.applications(&api.viewer(), &filter).await?;
    json(&found.iter().map(|attempts| info(attempts, &sources)).collect::<Vec<_>>())
}

pub async fn one(State(api): State<Api>, Path(params): Params, query: Query) -> Result<Response, ApiError> {
    let app = params.get("app").map(String::as_str).unwrap_or_default();
    let attempts = find(&api, cluster(&params, &query), app).await?;
    if attempts.is_empty() {
        return Err(ApiError::not_found(format!("unknown app: {app}")));
    }
    json(&info(&attempts, &sources(&api).await?))
}

pub async fn attempt(State(api): State<Api>, Path(params): Params, query: Query) -> Result<Response, ApiError> {
    let app = params.get("app").map(String::as_str).unwrap_or_default();
    let wanted = params.get("attempt").map(String::as_str);
    let attempts = find(&api, cluster(&params, &query), app).await?;
    let Some(found) = attempts.iter().find(|a| a.attempt_id.as_deref() == wanted) else {
        return Err(ApiError::not_found(format!("unknown app {app}, attempt {}", wanted.unwrap_or_default())));
    };
    let sources = sources(&api).await?;
    let info = ApplicationInfo::new(
        String::new(),
        String::new(),
        [attempt_info(found, sources.get(&found.source_id).map(String::as_str))],
    );
    match info.attempts.first() {
        Some(attempt) => json(attempt),
        None => Err(ApiError::PARAMETER),
    }
}

/// URLs of sources by id.
async fn sources(api: &Api) -> Result<HashMap<i64, String>, ApiError> {
    Ok(api.catalog.sources(&api.viewer()).await?.into_iter().map(|s| (s.id, s.url)).collect())
}

fn info(attempts: &[AttemptRow], sources: &HashMap<i64, String>) -> ApplicationInfo {
    let newest = attempts.first();
    let text = |f: fn(&AttemptRow) -> &String| newest.map(f).cloned().unwrap_or_default();
    let rows = attempts.iter().map(|a| attempt_info(a, sources.get(&a.source_id).map(String::as_str)));
    ApplicationInfo::new(text(|a| &a.app_id), text(|a| &a.name), rows)
}
