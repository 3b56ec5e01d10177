//! Findings over HTTP, beside the resources of `history`.

pub mod remediation;

use std::sync::Arc;

use afterglow_history::api::{Api, ApiError, Target, json};
use axum::Router;
use axum::extract::Extension;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value as Json, json as value};

use crate::judge::judge;
use crate::report::{Prices, Subject, not_known, told};
use crate::rules::{self, Limits};

/// How findings are judged and priced.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub limits: Limits,
    pub prices: Prices,
}

/// Paths below `/api/afterglow/v1`.
pub fn router(settings: Settings) -> Router<Api> {
    let of_attempt = || Router::new().route("/findings", get(findings)).route("/findings/not-known", get(unknown));
    Router::new()
        .route("/rules", get(catalogue))
        .nest("/clusters/{cluster}/applications/{app}", of_attempt())
        .nest("/clusters/{cluster}/applications/{app}/{attempt}", of_attempt())
        .nest("/applications/{app}", of_attempt())
        .nest("/applications/{app}/{attempt}", of_attempt())
        .nest("/applications/{cluster}/{app}/{attempt}", of_attempt())
        .layer(Extension(Arc::new(settings)))
}

/// What is wrong with an attempt: a list, the severest first.
async fn findings(Extension(settings): Extension<Arc<Settings>>, target: Target) -> Result<Response, ApiError> {
    let judged = judge(&target.row, &target.reader, &settings.limits).await?;
    let subject = Subject::new(&target.row);
    let all: Vec<_> = judged.findings.iter().map(|f| told(&subject, f, &settings.prices)).collect();
    json(&all)
}

/// What could not be judged, and what to turn on.
async fn unknown(Extension(settings): Extension<Arc<Settings>>, target: Target) -> Result<Response, ApiError> {
    let judged = judge(&target.row, &target.reader, &settings.limits).await?;
    json(&judged.not_known.iter().map(not_known).collect::<Vec<_>>())
}

/// The catalogue of rules.
async fn catalogue() -> Result<Response, ApiError> {
    let all =
        rules::all().map(|r| value!({ "name": r.name, "family": r.family.name(), "title": r.title, "page": r.page }));
    json(&all.collect::<Vec<Json>>())
}
