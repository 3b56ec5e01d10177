//! `/metrics`, and the counting of requests.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::{Api, now};
use crate::telemetry::{Format, Telemetry};

/// Files of the web UI, whose names change with every build, are one route.
const FILES: &str = "/assets/";
const FILE: &str = "/assets/{file}";
/// Addresses that are none are one route, too: they are anybody's choice.
const UNKNOWN: &str = "unknown";

/// The metrics of a process that serves nothing else, and whether it does its work.
pub fn router(telemetry: Arc<Telemetry>) -> Router {
    let metrics =
        |State(telemetry): State<Arc<Telemetry>>, headers: HeaderMap| async move { write(&telemetry, &headers).await };
    let ready = |State(telemetry): State<Arc<Telemetry>>| async move { readiness(&telemetry).await };
    let router = Router::new().route("/metrics", get(metrics)).route("/readyz", get(ready));
    let router = router.route("/healthz", get(|| async { "ok" }));
    counted(router.with_state(telemetry.clone()), telemetry)
}

/// A router whose requests are counted.
pub fn counted(router: Router, telemetry: Arc<Telemetry>) -> Router {
    router.layer(from_fn_with_state(telemetry, count))
}

pub(super) async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Response {
    write(&api.telemetry, &headers).await
}

pub(super) async fn ready(State(api): State<Api>) -> Response {
    readiness(&api.telemetry).await
}

/// Ready, or a line for each part in trouble.
async fn readiness(telemetry: &Telemetry) -> Response {
    let troubles = telemetry.troubles().await;
    if troubles.is_empty() {
        return "ready".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n").into_response()
}

async fn write(telemetry: &Arc<Telemetry>, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let format = Format::of(accept);
    match telemetry.write(format, now()).await {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

/// A route as its template; none for an address that is none.
pub fn template(route: Option<&MatchedPath>) -> Option<&str> {
    match route?.as_str() {
        path if path.starts_with(FILES) => Some(FILE),
        path => Some(path),
    }
}

async fn count(State(telemetry): State<Arc<Telemetry>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let response = next.run(request).await;
    telemetry.requests.answered(
        template(route.as_ref()).unwrap_or(UNKNOWN),
        response.status().as_u16(),
        began.elapsed(),
    );
    response
}
