//! `storage/rdd`.

use axum::extract::OriginalUri;
use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::wire::RDDStorageInfo;

/// Only RDDs of which something is stored.
pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let rdds = target.reader.rdds().await?;
    let shown = rdds.values().filter(|r| !r.partitions.is_empty()).map(RDDStorageInfo::new).collect();
    target.json(&query.slice(shown)?)
}

pub async fn one(target: Target, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let id = target.number("rdd").map_err(|_| ApiError::not_found(uri.path().to_owned()))?;
    match target.reader.rdds().await?.get(&id) {
        Some(rdd) => target.json(&RDDStorageInfo::new(rdd)),
        None => Err(ApiError::not_found(format!("no rdd found w/ id {id}"))),
    }
}
