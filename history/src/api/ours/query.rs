//! SQL over the fleet tables: `POST /sql`, and the tables there are.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Api;
use super::super::error::{ApiError, SOON};
use crate::query::output::{Format, type_name};
use crate::query::{self, Ask, QueryError};

#[derive(Deserialize)]
pub struct Statement {
    query: String,
}

#[derive(Serialize)]
pub struct Table {
    name: &'static str,
    about: &'static str,
    columns: Vec<Column>,
}

#[derive(Serialize)]
pub struct Column {
    name: &'static str,
    r#type: String,
    about: &'static str,
}

impl From<QueryError> for ApiError {
    fn from(e: QueryError) -> Self {
        match e {
            QueryError::Syntax(_) | QueryError::Statement(_) => ApiError::bad(e.to_string()),
            QueryError::Timeout(..) => ApiError::Text(StatusCode::REQUEST_TIMEOUT, e.to_string()),
            QueryError::Busy => ApiError::Busy(e.to_string(), SOON),
            QueryError::Cluster(_) => ApiError::Text(StatusCode::BAD_GATEWAY, e.to_string()),
            QueryError::Internal(what) => ApiError::Internal(what),
        }
    }
}

/// The answer in the format that the asker accepts: JSON, CSV or Arrow's stream.
pub async fn query(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let statement = serde_json::from_slice(&body);
    let Statement { query } = statement.map_err(|e| ApiError::bad(format!("send {{\"query\": \"SELECT …\"}}: {e}")))?;
    let (format, content) = format(&headers)?;
    let answer = api.query.query(&api.viewer(), Ask::Sql(query), None).await?;
    let notes = answer.notes.join("; ");
    let bytes = tokio::task::spawn_blocking(move || answer.write(format)).await;
    let bytes = bytes.map_err(|e| ApiError::Internal(e.to_string()))??;
    let mut response = ([(header::CONTENT_TYPE, content)], bytes).into_response();
    if let (false, Ok(notes)) = (notes.is_empty(), notes.parse()) {
        response.headers_mut().insert("x-afterglow-notes", notes);
    }
    Ok(response)
}

fn format(headers: &HeaderMap) -> Result<(Format, &'static str), ApiError> {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    for kind in accept.split(',') {
        return Ok(match kind.split(';').next().unwrap_or_default().trim() {
            "application/json" | "application/*" | "*/*" | "" => (Format::Json, "application/json"),
            "text/csv" | "text/*" => (Format::Csv, "text/csv; charset=utf-8"),
            "application/vnd.apache.arrow.stream" => (Format::Arrow, "application/vnd.apache.arrow.stream"),
            _ => continue,
        });
    }
    let known = "accept application/json, text/csv or application/vnd.apache.arrow.stream";
    Err(ApiError::Text(StatusCode::NOT_ACCEPTABLE, format!("{accept}: {known}")))
}

/// The tables with their columns, a sentence each.
pub async fn tables() -> Json<Vec<Table>> {
    let column = |(name, kind, about): (_, _, _)| Column { name, r#type: type_name(&kind), about };
    let all = query::tables().into_iter().map(|t| Table {
        name: t.name,
        about: t.about,
        columns: t.columns.into_iter().map(column).collect(),
    });
    Json(all.collect())
}
