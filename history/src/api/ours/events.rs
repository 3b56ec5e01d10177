//! `events`: those of other writers (DataFlint, Databricks, listeners of one's own), as they wrote them.

use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;

#[derive(Serialize)]
struct Foreign {
    class: String,
    event: Box<RawValue>,
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let all = target.reader.foreign().await?.into_iter();
    let shown = all.filter_map(|f| Some(Foreign { class: f.class, event: RawValue::from_string(f.json).ok()? }));
    target.json(&query.slice(shown.collect())?)
}
