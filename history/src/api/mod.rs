//! HTTP: Spark's REST API to the letter, and our own beside it.
//!
//! One file a resource; the router below names every path once. Each handler resolves its
//! [`target::Target`] (which application, may the viewer see it), reads what it shows, and turns
//! it into [`wire`] types.

mod applications;
mod connect;
mod environment;
mod error;
mod executors;
mod jobs;
mod logs;
pub mod metrics;
mod ours;
mod query;
mod rows;
mod sql;
mod stages;
mod storage;
mod streaming;
mod target;
mod tasks;
pub mod wire;

pub use error::ApiError;
pub(crate) use error::as_ours;
pub use target::{Target, json};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::budget::{self, Budget};
use crate::catalog::Catalog;
use crate::query::Engine;
use crate::search::Search;
use crate::store::Store;
use crate::telemetry::Telemetry;
use crate::viewer::Viewer;

/// What handlers work with.
#[derive(Clone)]
pub struct Api {
    pub store: Arc<Store>,
    pub catalog: Catalog,
    pub search: Arc<Search>,
    pub query: Arc<Engine>,
    pub telemetry: Arc<Telemetry>,
    /// The memory of all requests together.
    pub budget: Arc<Budget>,
    /// Log downloads that may run at once.
    pub downloads: Arc<Semaphore>,
    /// How to open sources, by the URL that the catalog has of them: for log downloads.
    pub sources: Arc<BTreeMap<String, SourceAccess>>,
    /// The Spark version whose answers these are.
    pub spark_version: &'static str,
}

/// The full URL of a source and the settings of its object store.
#[derive(Debug, Clone, Default)]
pub struct SourceAccess {
    pub url: String,
    pub options: BTreeMap<String, String>,
}

/// The version of Spark's History Server whose answers are given.
pub const SPARK_VERSION: &str = "4.3.0";

impl Api {
    /// Who asks. Authentication will decide here.
    pub fn viewer(&self) -> Viewer {
        Viewer::everything()
    }
}

/// The present, epoch milliseconds: unfinished work is measured against it.
#[expect(clippy::disallowed_methods, reason = "the one clock of this module")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// Every path; `more` are those below our own API that others have to add. Who serves it has its requests counted: see [`metrics::counted`].
pub fn router(api: Api, more: Router<Api>) -> Router {
    let compression = CompressionLayer::new()
        .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream")));
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(metrics::ready))
        .route("/metrics", get(metrics::metrics))
        .nest("/api/v1", spark())
        .nest("/clusters/{cluster}/api/v1", spark())
        .nest("/api/afterglow/v1", ours::router(more))
        .fallback(error::not_found)
        // What is charged is what is made here, not what it is compressed to.
        .layer(from_fn_with_state(api.budget.clone(), budget::spend))
        .layer(compression)
        .with_state(api)
}

/// Spark's REST API.
fn spark() -> Router<Api> {
    Router::new()
        .route("/version", get(applications::version))
        .route("/applications", get(applications::list))
        .route("/applications/", get(applications::list))
        .route("/applications/{app}", get(applications::one))
        .route("/applications/{app}/logs", get(logs::all_attempts))
        .route("/applications/{app}/{attempt}", get(applications::attempt))
        .route("/applications/{app}/{attempt}/logs", get(logs::one_attempt))
        .nest("/applications/{app}", of_attempt())
        .nest("/applications/{app}/{attempt}", of_attempt())
}

/// What there is of one attempt; mounted with and without attempt id.
fn of_attempt() -> Router<Api> {
    Router::new()
        .route("/jobs", get(jobs::list))
        .route("/jobs/{job}", get(jobs::one))
        .route("/stages", get(stages::list))
        .route("/stages/{stage}", get(stages::attempts))
        .route("/stages/{stage}/{stage_attempt}", get(stages::one))
        .route("/stages/{stage}/{stage_attempt}/", get(stages::one))
        .route("/stages/{stage}/{stage_attempt}/taskSummary", get(tasks::summary))
        .route("/stages/{stage}/{stage_attempt}/taskList", get(tasks::list))
        .route("/stages/{stage}/{stage_attempt}/taskTable", get(tasks::table))
        .route("/executors", get(executors::active))
        .route("/allexecutors", get(executors::all))
        .route("/executors/{executor}/threads", get(executors::threads))
        .route("/threads", get(executors::task_threads))
        .route("/allmiscellaneousprocess", get(executors::processes))
        .route("/environment", get(environment::one))
        .route("/storage/rdd", get(storage::list))
        .route("/storage/rdd/{rdd}", get(storage::one))
        .route("/sql", get(sql::list))
        .route("/sql/sqlTable", get(sql::table))
        .route("/sql/{execution}", get(sql::one))
        .route("/streaming/statistics", get(streaming::none))
        .route("/streaming/receivers", get(streaming::none))
        .route("/streaming/receivers/{id}", get(streaming::none))
        .route("/streaming/batches", get(streaming::none))
        .route("/streaming/batches/{batch}", get(streaming::none))
        .route("/streaming/batches/{batch}/operations", get(streaming::none))
        .route("/streaming/batches/{batch}/operations/{operation}", get(streaming::none))
        .route("/connect/sessions", get(connect::sessions))
        .route("/connect/sessions/{session}", get(connect::session))
        .route("/connect/operations", get(connect::operations))
        .route("/connect/operations/detail", get(connect::operation))
}
