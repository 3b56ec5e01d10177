//! `search`: attempts by words, the latest first.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::json;
use crate::catalog::{AttemptRow, AttemptStatus};
use crate::search::SearchQuery;

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
    status: String,
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
            status: a.summary.outcome,
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
pub async fn search(State(api): State<Api>, query: Query) -> Result<Response, ApiError> {
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
