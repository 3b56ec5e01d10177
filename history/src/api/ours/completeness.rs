//! `completeness`: what the log lacks.

use axum::response::Response;
use serde_json::value::RawValue;

use crate::api::error::ApiError;
use crate::api::target::Target;

pub async fn one(target: Target) -> Result<Response, ApiError> {
    let note: Box<RawValue> =
        RawValue::from_string(target.row.completeness.clone()).map_err(|e| ApiError::Internal(e.to_string()))?;
    target.json(&note)
}
