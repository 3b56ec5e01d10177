//! Errors as Spark's server answers them: which status, which type, which words; and as our own
//! API does. The one place that maps errors to HTTP.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::budget::Full;
use crate::catalog::CatalogError;
use crate::store::StoreError;

/// What is answered instead of data.
#[derive(Debug)]
pub enum ApiError {
    /// A message as plain text: Spark's own errors.
    Text(StatusCode, String),
    /// Text under the type of JSON: a date that is none.
    BadDate(String),
    /// The page Jetty writes for paths that are none, and for what breaks.
    Html(StatusCode),
    /// A parameter that does not convert, and what is wrong with it. To Spark a page that is not there.
    Parameter(Cow<'static, str>),
    /// An application id that several clusters have.
    Ambiguous { app: String, clusters: Vec<String> },
    /// The client has this version already.
    NotModified(String),
    /// Not now: ask again in so many seconds.
    Busy(String, u32),
    /// Our own fault or the store's: said plainly, logged in full.
    Internal(String),
}

impl ApiError {
    pub fn not_found(what: impl Into<String>) -> Self {
        ApiError::Text(StatusCode::NOT_FOUND, what.into())
    }

    pub fn bad(what: impl Into<String>) -> Self {
        ApiError::Text(StatusCode::BAD_REQUEST, what.into())
    }

    /// A path or query parameter of the wrong type.
    pub const PARAMETER: ApiError =
        ApiError::Parameter(Cow::Borrowed("a part of the path or a parameter is not what it should be"));

    pub fn parameter(what: impl Into<String>) -> Self {
        ApiError::Parameter(Cow::Owned(what.into()))
    }

    /// Status and words of our own API.
    fn ours(&self) -> (StatusCode, String) {
        match self {
            ApiError::Text(status, what) => (*status, what.clone()),
            ApiError::BadDate(what) => (StatusCode::BAD_REQUEST, what.clone()),
            ApiError::Html(status) => (*status, status.canonical_reason().unwrap_or_default().to_lowercase()),
            ApiError::Parameter(what) => (StatusCode::BAD_REQUEST, what.to_string()),
            ApiError::Ambiguous { app, clusters } => {
                let all = clusters.iter().map(|c| format!("/api/afterglow/v1/clusters/{c}/applications/{app}"));
                let all: Vec<String> = all.collect();
                (
                    StatusCode::CONFLICT,
                    format!("{app} is in several clusters: ask for {}, or add ?cluster=", all.join(" or ")),
                )
            }
            ApiError::NotModified(_) => (StatusCode::NOT_MODIFIED, String::new()),
            ApiError::Busy(what, _) => (StatusCode::SERVICE_UNAVAILABLE, what.clone()),
            ApiError::Internal(what) => (StatusCode::INTERNAL_SERVER_ERROR, what.clone()),
        }
    }
}

/// An error as our own API words it, carried by the answer that Spark's API would give.
#[derive(Clone)]
struct Ours(StatusCode, String);

#[derive(Serialize)]
struct Told<'a> {
    error: &'a str,
}

/// Makes of an error's answer that of our own API. Other answers stay as they are.
pub async fn as_ours(response: Response) -> Response {
    let Some(Ours(status, error)) = response.extensions().get::<Ours>().cloned() else { return response };
    let mut ours = Response::new(Body::from(serde_json::to_vec(&Told { error: &error }).unwrap_or_default()));
    *ours.status_mut() = status;
    let headers = ours.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_CACHE));
    if let Some(seconds) = response.headers().get(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, seconds.clone());
    }
    ours
}

/// Seconds after which who was refused may ask again.
pub const SOON: u32 = 5;

const NO_CACHE: &str = "no-cache, no-store, must-revalidate";

impl From<CatalogError> for ApiError {
    fn from(e: CatalogError) -> Self {
        ApiError::Internal(e.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Full(full) => full.into(),
            other => ApiError::Internal(other.to_string()),
        }
    }
}

impl From<Full> for ApiError {
    fn from(e: Full) -> Self {
        match e {
            Full::Now => ApiError::Busy(e.to_string(), SOON),
            Full::Always(..) => ApiError::Text(StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
        }
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(e: serde_json::Error) -> Self {
        ApiError::Internal(e.to_string())
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(e: tokio::task::JoinError) -> Self {
        ApiError::Internal(e.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (ours_status, ours) = self.ours();
        let (status, kind, body) = match self {
            ApiError::Text(status, body) => (status, "text/plain", body),
            ApiError::BadDate(body) => (StatusCode::BAD_REQUEST, "application/json", body),
            ApiError::Parameter(_) => return ApiError::Html(StatusCode::NOT_FOUND).said(ours_status, ours),
            ApiError::Ambiguous { app, clusters } => {
                let all: Vec<String> =
                    clusters.iter().map(|c| format!("/clusters/{c}/api/v1/applications/{app}")).collect();
                let what = format!("{app} is in several clusters: ask for {}, or add ?cluster=", all.join(" or "));
                (StatusCode::CONFLICT, "text/plain", what)
            }
            ApiError::Html(status) => {
                let reason = if status.is_server_error() {
                    "Request failed."
                } else {
                    status.canonical_reason().unwrap_or_default()
                };
                let code = status.as_u16();
                let page = format!(
                    "<html>\n<head>\n<title>Error {code} {reason}</title>\n</head>\n<body>\n<h2>HTTP ERROR {code} {reason}</h2>\n</body>\n</html>\n"
                );
                (status, "text/html;charset=iso-8859-1", page)
            }
            ApiError::NotModified(etag) => {
                let mut response = StatusCode::NOT_MODIFIED.into_response();
                if let Ok(value) = HeaderValue::from_str(&etag) {
                    response.headers_mut().insert(header::ETAG, value);
                }
                return response;
            }
            ApiError::Busy(what, seconds) => {
                let mut response = ApiError::Text(StatusCode::SERVICE_UNAVAILABLE, what).into_response();
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                return response;
            }
            ApiError::Internal(what) => {
                tracing::error!("{what}");
                (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", what)
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_CACHE));
        response.extensions_mut().insert(Ours(ours_status, ours));
        response
    }
}

impl ApiError {
    /// The answer, with other words for our own API.
    fn said(self, status: StatusCode, ours: String) -> Response {
        let mut response = self.into_response();
        response.extensions_mut().insert(Ours(status, ours));
        response
    }
}

/// Paths that are none.
pub async fn not_found() -> ApiError {
    ApiError::Html(StatusCode::NOT_FOUND)
}
