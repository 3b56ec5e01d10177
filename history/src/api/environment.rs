//! `environment`.

use axum::response::Response;

use super::error::ApiError;
use super::target::Target;
use super::wire::ApplicationEnvironmentInfo;

pub async fn one(target: Target) -> Result<Response, ApiError> {
    target.json(&ApplicationEnvironmentInfo::new(&target.reader.environment().await?))
}
