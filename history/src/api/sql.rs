//! `sql`: executions, their plans and metrics.

use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::wire::sql::duration;
use super::wire::{ExecutionData, SqlRow, SqlSummary, SqlTable, sql_status};
use crate::state::SqlExecution;

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let details = query.flag("details", true);
    let plan = query.flag("planDescription", true);
    let offset: i32 = query.value("offset", 0)?;
    let length: i32 = query.value("length", -1)?;
    let heads = target.reader.sql_heads().await?;
    let mut ids: Vec<i64> = heads.keys().copied().collect();
    // Spark takes an offset only together with a length.
    if length > 0 {
        let from = usize::try_from(offset).unwrap_or(0).min(ids.len());
        ids = ids.into_iter().skip(from).take(length as usize).collect();
    }
    let show = |x: &SqlExecution| ExecutionData::new(x, details, plan, target.now());
    if !details && !plan {
        return target.json(&ids.iter().filter_map(|id| heads.get(id)).map(show).collect::<Vec<_>>());
    }
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return target.json(&Vec::<ExecutionData>::new()) };
    let whole = target.reader.sql(*first..=*last).await?;
    target.json(&ids.iter().filter_map(|id| whole.get(id)).map(show).collect::<Vec<_>>())
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
