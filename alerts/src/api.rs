//! Findings over HTTP, beside the resources of `history`.

pub mod incidents;
pub mod remediation;
pub mod without;

use std::sync::Arc;

use afterglow_history::api::{Api, ApiError, Target, json};
use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value as Json, json as value};

use crate::court::{Court, Judged};
use crate::report::{Prices, Subject, not_known, told, unknowns};
use crate::rules;

/// Who judges, and what findings cost.
pub struct Settings {
    pub court: Arc<Court>,
    pub prices: Prices,
}

/// Paths below `/api/afterglow/v1`.
pub fn router(settings: Settings) -> Router<Api> {
    let of_attempt = || Router::new().route("/findings", get(findings)).route("/findings/not-known", get(unknown));
    Router::new()
        .route("/rules", get(catalogue))
        .route("/rules/{rule}", get(rule))
        .nest("/clusters/{cluster}/applications/{app}", of_attempt())
        .nest("/clusters/{cluster}/applications/{app}/{attempt}", of_attempt())
        .nest("/applications/{app}", of_attempt())
        .nest("/applications/{app}/{attempt}", of_attempt())
        .nest("/applications/{cluster}/{app}/{attempt}", of_attempt())
        .layer(Extension(Arc::new(settings)))
}

/// What is wrong with an attempt: a list, the severest first.
async fn findings(
    State(api): State<Api>,
    Extension(settings): Extension<Arc<Settings>>,
    target: Target,
) -> Result<Response, ApiError> {
    let judged = judged(&api, &settings, &target).await?;
    let subject = Subject::new(&target.row);
    let all: Vec<_> = judged.judgement.findings.iter().map(|f| told(&subject, f, &settings.prices)).collect();
    json(&all)
}

/// What could not be judged, and what to turn on.
async fn unknown(
    State(api): State<Api>,
    Extension(settings): Extension<Arc<Settings>>,
    target: Target,
) -> Result<Response, ApiError> {
    let judged = judged(&api, &settings, &target).await?;
    json(&unknowns(&judged.judgement, &settings.prices).iter().map(not_known).collect::<Vec<_>>())
}

async fn judged(api: &Api, settings: &Settings, target: &Target) -> Result<Arc<Judged>, ApiError> {
    let logs = api.catalog.container_logs(&target.row).await?;
    Ok(settings.court.judge_with(&target.row, &target.reader, &logs).await?)
}

/// The catalogue of rules.
async fn catalogue() -> Result<Response, ApiError> {
    let all = rules::all().map(|r| value!({ "name": r.name, "family": r.family.name(), "title": r.title }));
    json(&all.collect::<Vec<Json>>())
}

/// A rule with its page.
async fn rule(Path(name): Path<String>) -> Result<Response, ApiError> {
    let Some(r) = rules::by_name(&name) else {
        return Err(ApiError::not_found(format!("no rule is called {name}: /api/afterglow/v1/rules lists them")));
    };
    json(&value!({ "name": r.name, "family": r.family.name(), "title": r.title, "page": r.page }))
}
