//! Errors as Spark's server answers them: which status, which type, which words. The one place
//! that maps errors to HTTP.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::catalog::CatalogError;
use crate::store::StoreError;

/// What is answered instead of data.
#[derive(Debug)]
pub enum ApiError {
    /// A message as plain text: Spark's own errors.
    Text(StatusCode, String),
    /// Text under the type of JSON: a date that is none.
    BadDate(String),
    /// The page Jetty writes for parameters that do not convert, and for what breaks.
    Html(StatusCode),
    /// The client has this version already.
    NotModified(String),
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
    pub const PARAMETER: ApiError = ApiError::Html(StatusCode::NOT_FOUND);
}

impl From<CatalogError> for ApiError {
    fn from(e: CatalogError) -> Self {
        ApiError::Internal(e.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(e: StoreError) -> Self {
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
        let (status, kind, body) = match self {
            ApiError::Text(status, body) => (status, "text/plain", body),
            ApiError::BadDate(body) => (StatusCode::BAD_REQUEST, "application/json", body),
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
            ApiError::Internal(what) => {
                tracing::error!("{what}");
                (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", what)
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
        response
    }
}

/// Paths that are none.
pub async fn not_found() -> ApiError {
    ApiError::PARAMETER
}
