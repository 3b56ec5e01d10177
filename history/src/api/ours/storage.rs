//! `storage/timeline`: what executors stored over time, where the log has block updates.

use axum::response::Response;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::target::Target;
use crate::state::StoragePoint;

const SETTING: &str = "spark.eventLog.logBlockUpdates.enabled";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timeline {
    known: bool,
    /// What to do so that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Series>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    /// Milliseconds.
    step: i64,
    time: Vec<i64>,
    memory: Vec<i64>,
    disk: Vec<i64>,
    evicted: Vec<i64>,
    evicted_bytes: Vec<i64>,
}

/// Bytes in memory and on disk of all executors, and blocks that were evicted, in the steps in which that changed; or why
/// it is not known. A point is where its step ends in the log: block updates have no time of their own.
pub async fn timeline(target: Target) -> Result<Response, ApiError> {
    let history = target.reader.storage().await?;
    let enabled = || async {
        let environment = target.reader.environment().await?;
        Ok::<_, ApiError>(environment.spark_property(SETTING).is_some_and(|v| v.trim().eq_ignore_ascii_case("true")))
    };
    if history.points.is_empty() && !enabled().await? {
        let why = Some(format!("not known: turn on {SETTING}"));
        return target.json(&Timeline { known: false, why, series: None });
    }
    let column = |of: fn(&StoragePoint) -> i64| history.points.iter().map(of).collect();
    let series = Series {
        step: history.step,
        time: column(|p| p.time),
        memory: column(|p| p.memory),
        disk: column(|p| p.disk),
        evicted: column(|p| p.evicted),
        evicted_bytes: column(|p| p.evicted_bytes),
    };
    target.json(&Timeline { known: true, why: None, series: Some(series) })
}
