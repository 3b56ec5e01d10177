//! What is answered in the place of [`super::incidents`] and [`super::remediation`] where there is no ledger: why.

use afterglow_history::api::{Api, ApiError};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;

/// Paths that need a ledger, and all below them.
const PATHS: [&str; 6] = ["/incidents", "/mutes", "/silences", "/deliveries", "/intake", "/remediation"];

/// Paths below `/api/afterglow/v1`.
pub fn router(why: &str) -> Router<Api> {
    PATHS.iter().fold(Router::new(), |router, path| {
        let why = format!("there is no alerting: {why}");
        let refuse = move || async move { ApiError::Text(StatusCode::SERVICE_UNAVAILABLE, why) };
        router.route(path, any(refuse.clone())).route(&format!("{path}/{{*rest}}"), any(refuse))
    })
}
