//! `sql`: executions, their plans and metrics.

use axum::response::Response;

use super::error::ApiError;
use super::query::{Part, Query};
use super::target::Target;
use super::wire::sql::duration;
use super::wire::{ExecutionData, SqlRow, SqlSummary, SqlTable, sql_status};
use crate::state::SqlExecution;
use crate::store::merge::Way;

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let details = query.flag("details", true);
    let plan = query.flag("planDescription", true);
    let offset: i32 = query.value("offset", 0)?;
    let length: i32 = query.value("length", -1)?;
    // Spark takes an offset only together with a length.
    let mut part = Part { skip: 0, take: usize::MAX };
    if length > 0 {
        part = Part { skip: usize::try_from(offset).unwrap_or(0), take: length as usize };
    }
    let mut executions = target.reader.sql_in_order(Way::Forwards).await?;
    target
        .rows(|target, mut rows| async move {
            rows.begin(b"[").await?;
            while !part.is_over()
                && let Some(mut execution) = executions.next_head().await?
            {
                if !part.takes() {
                    continue;
                }
                if details || plan {
                    execution = executions.whole(execution).await?;
                }
                rows.row(&ExecutionData::new(&execution, details, plan, target.now())).await?;
            }
            rows.text(b"]").await?;
            Ok(rows)
        })
        .await
}

pub async fn one(target: Target, query: Query) -> Result<Response, ApiError> {
    let id = target.number("execution")?;
    let (details, plan) = (query.flag("details", true), query.flag("planDescription", true));
    match target.reader.sql(id..=id).await?.get(&id) {
        Some(x) => target.json(&ExecutionData::new(x, details, plan, target.now())),
        None => Err(ApiError::not_found(format!("unknown query execution id: {id}"))),
    }
}

/// What the web UI's own table asks for.
pub async fn table(target: Target, query: Query) -> Result<Response, ApiError> {
    let now = target.now();
    let heads = target.reader.sql_heads().await?;
    let search = query.first("search[value]").unwrap_or_default().to_lowercase();
    let status = query.first("status").unwrap_or_default();
    let grouped = query.flag("groupSubExecution", false);
    let matches = |x: &&SqlExecution| {
        let s = sql_status(x.status());
        let searched = search.is_empty()
            || x.description.to_lowercase().contains(&search)
            || s.to_lowercase().contains(&search)
            || x.id.to_string().contains(&search);
        searched && (status.is_empty() || s.eq_ignore_ascii_case(status))
    };
    let is_root = |x: &SqlExecution| x.root_id == x.id || !heads.contains_key(&x.root_id);
    let total = heads.values().filter(|x| !grouped || is_root(x)).count();
    let mut shown: Vec<&SqlExecution> = heads.values().filter(matches).filter(|x| !grouped || is_root(x)).collect();
    let summary = SqlSummary::new(shown.iter().copied(), now);
    let column =
        query.first("order[0][column]").and_then(|c| query.first(&format!("columns[{c}][name]")).map(str::to_owned));
    match column.as_deref().unwrap_or("id") {
        "status" => shown.sort_by_key(|x| sql_status(x.status())),
        "description" => shown.sort_by(|a, b| a.description.cmp(&b.description)),
        "submissionTime" => shown.sort_by_key(|x| x.submission_time),
        "duration" => shown.sort_by_key(|x| duration(x, now)),
        _ => shown.sort_by_key(|x| x.id),
    }
    if query.first("order[0][dir]") != Some("asc") {
        shown.reverse();
    }
    let records = shown.len();
    let start: usize = query.value::<i64>("start", 0)?.max(0) as usize;
    let length: i64 = query.value("length", 20)?;
    let take = if length > 0 { length as usize } else { usize::MAX };
    let rows = shown.into_iter().skip(start).take(take).map(|x| {
        let mut row = SqlRow::new(x, now);
        if grouped {
            let subs = heads.values().filter(|s| s.root_id == x.id && s.id != x.id);
            row.sub_executions = Some(subs.map(|s| SqlRow::new(s, now)).collect());
        }
        row
    });
    let aa_data = rows.collect();
    target.json(&SqlTable {
        draw: query.value("draw", 0)?,
        aa_data,
        records_total: total,
        records_filtered: records,
        summary,
    })
}
