//! `environment`.

use axum::response::Response;

use super::error::ApiError;
use super::target::Target;
use super::wire::ApplicationEnvironmentInfo;
use crate::state::Environment;

pub async fn one(target: Target) -> Result<Response, ApiError> {
    let environment = target.reader.environment().await?;
    // The profiles come in events of their own.
    let lacks = Environment { resource_profiles: Vec::new(), ..environment.clone() } == Environment::default();
    if lacks {
        return Err(target.no_such_app());
    }
    target.json(&ApplicationEnvironmentInfo::new(&environment))
}
