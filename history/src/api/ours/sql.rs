//! `sql`: the list of SQL executions.

use axum::response::Response;
use serde::Serialize;

use super::list::{self, Slice, order};
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::api::wire::sql_status;
use crate::insight::outcome::first_line;
use crate::state::{JobStatus, SqlExecution};

#[derive(Serialize)]
struct Executions {
    total: usize,
    sql: Vec<Execution>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    id: i64,
    root_id: i64,
    description: String,
    status: &'static str,
    submit_time: i64,
    duration: i64,
    jobs: Vec<i64>,
    failed_jobs: usize,
    stages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Execution {
    fn new(x: &SqlExecution, now: i64) -> Self {
        Execution {
            id: x.id,
            root_id: x.root_id,
            description: x.description.clone(),
            status: sql_status(x.status()),
            submit_time: x.submission_time,
            duration: duration(x, now),
            jobs: x.jobs.keys().copied().collect(),
            failed_jobs: x.jobs.values().filter(|s| **s == JobStatus::Failed).count(),
            stages: x.stages.len(),
            error: x.error.as_deref().filter(|e| !e.is_empty()).map(first_line),
        }
    }
}

/// Milliseconds to the end; of one that runs, to `now`.
pub fn duration(x: &SqlExecution, now: i64) -> i64 {
    x.completion_time.unwrap_or(now).saturating_sub(x.submission_time).max(0)
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let slice = Slice::of(&query, 100)?;
    let (column, descending) = list::sort(&query, "-submitTime", |name| COLUMNS.iter().copied().find(|c| *c == name))?;
    let text = query.first("q").unwrap_or_default().to_lowercase();
    let statuses: Vec<&str> = query.values("status").filter(|s| !s.is_empty()).collect();
    let fits = |x: &Execution| {
        let has = |field: &str| field.to_lowercase().contains(&text);
        let searched =
            text.is_empty() || has(&x.description) || x.error.as_deref().is_some_and(has) || x.id.to_string() == text;
        searched && (statuses.is_empty() || statuses.iter().any(|s| s.eq_ignore_ascii_case(x.status)))
    };
    let now = target.last_event();
    let heads = target.reader.sql_heads().await?;
    let mut rows: Vec<Execution> = heads.values().map(|x| Execution::new(x, now)).filter(fits).collect();
    match column {
        "id" => order(&mut rows, descending, |x| x.id),
        "description" => order(&mut rows, descending, |x| x.description.clone()),
        "status" => order(&mut rows, descending, |x| x.status),
        "duration" => order(&mut rows, descending, |x| x.duration),
        "jobs" => order(&mut rows, descending, |x| x.jobs.len()),
        "stages" => order(&mut rows, descending, |x| x.stages),
        _ => order(&mut rows, descending, |x| (x.submit_time, x.id)),
    }
    target.json(&Executions { total: rows.len(), sql: slice.cut(rows) })
}

const COLUMNS: [&str; 7] = ["id", "description", "status", "submitTime", "duration", "jobs", "stages"];
