//! `streaming/*`: DStreams, which leave nothing in event logs. Structured Streaming is elsewhere.

use axum::response::Response;

use super::error::ApiError;
use super::target::Target;

pub async fn none(target: Target) -> Result<Response, ApiError> {
    Err(ApiError::not_found(format!("no streaming listener attached to {}", target.row.name)))
}
