//! Our own API: all that the web UI shows and Spark's REST has no endpoint for.
//!
//! One file a resource, with its wire types; `docs/api.md` is the contract. Errors are JSON here.

mod applications;
mod completeness;
mod events;
mod executors;
mod graph;
mod jobs;
mod list;
mod overview;
mod pauses;
mod plan;
mod query;
mod search;
mod settings;
mod shape;
mod sources;
mod sql;
mod stages;
mod storage;
mod streaming;
mod tasks;
mod timeline;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{get, post};

use super::Api;
use super::error::{self, ApiError};

/// Every path of ours, and `more`.
pub fn router(more: Router<Api>) -> Router<Api> {
    more.route("/search", get(search::search))
        .route("/sources", get(sources::list))
        .route("/sources/indexers", get(sources::indexers))
        .route("/sources/problems", get(sources::problems))
        .route("/applications", get(applications::list))
        .route("/applications/facets", get(applications::facets))
        .route("/sql", post(query::query))
        .route("/sql/tables", get(query::tables))
        .route("/settings/defaults", get(settings::defaults))
        .nest("/clusters/{cluster}/applications/{app}", of_attempt())
        .nest("/clusters/{cluster}/applications/{app}/{attempt}", of_attempt())
        .nest("/applications/{app}", of_attempt())
        .nest("/applications/{app}/{attempt}", of_attempt())
        .fallback(no_path)
        .layer(map_response(error::as_ours))
}

/// What there is of one attempt; mounted with and without cluster and attempt id.
fn of_attempt() -> Router<Api> {
    Router::new()
        .route("/overview", get(overview::one))
        .route("/completeness", get(completeness::one))
        .route("/events", get(events::list))
        .route("/executors/timeline", get(executors::timeline))
        .route("/jobs/timeline", get(jobs::timeline))
        .route("/stages", get(stages::list))
        .route("/stages/{stage}/{stage_attempt}/executors", get(stages::executors))
        .route("/stages/{stage}/{stage_attempt}/tasks", get(tasks::list))
        .route("/stages/{stage}/{stage_attempt}/histogram", get(shape::histogram))
        .route("/stages/{stage}/{stage_attempt}/quantiles", get(shape::quantiles))
        .route("/stages/{stage}/{stage_attempt}/scatter", get(shape::scatter))
        .route("/stages/{stage}/{stage_attempt}/timeline", get(timeline::of_stage))
        .route("/stages/{stage}/{stage_attempt}/graph", get(graph::of_stage))
        .route("/sql", get(sql::list))
        .route("/sql/{execution}/graph", get(plan::graph))
        .route("/pauses", get(pauses::list))
        .route("/storage/timeline", get(storage::timeline))
        .route("/streaming/queries", get(streaming::queries))
        .route("/streaming/queries/{run}/series", get(streaming::series))
        .route("/streaming/progress", get(streaming::progress))
}

async fn no_path() -> ApiError {
    ApiError::not_found("no such path: docs/api.md lists those there are")
}
