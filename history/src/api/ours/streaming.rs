//! `streaming/*`: runs of Structured Streaming queries, their progress reports, and those as numbers.

use std::collections::BTreeMap;

use afterglow_ingest::event::ProgressReport;
use axum::response::Response;
use futures::TryStreamExt as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::list::{Number, Slice};
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::catalog::AttemptStatus;
use crate::insight::series::{self, Gatherer};
use crate::store::reader::Reports;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamingQuery {
    id: String,
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    start_timestamp: String,
    last_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_batch_id: Option<i64>,
    progress_reports: i64,
    idle_reports: i64,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
}

pub async fn queries(target: Target, query: Query) -> Result<Response, ApiError> {
    let over = target.row.status != AttemptStatus::Running;
    let mut all: Vec<_> = target.reader.queries().await?.into_values().collect();
    all.sort_by(|a, b| a.start_timestamp.cmp(&b.start_timestamp));
    let shown = all.into_iter().map(|q| StreamingQuery {
        id: q.id,
        run_id: q.run_id,
        name: q.name,
        start_timestamp: q.start_timestamp,
        last_timestamp: q.last_timestamp,
        last_batch_id: q.last_batch_id,
        progress_reports: q.progress_reports,
        idle_reports: q.idle_reports,
        active: !q.terminated && !over,
        exception: q.exception,
    });
    target.json(&query.slice(shown.collect())?)
}

/// Progress reports as Spark wrote them, in order; `runId` narrows to one run, `batch` to a batch's: one of a run,
/// unless the run had nothing to do afterwards and said so.
pub async fn progress(target: Target, query: Query) -> Result<Response, ApiError> {
    let Slice { offset, length } = Slice::of(&query, 100)?;
    let run = query.first("runId").filter(|r| !r.is_empty());
    let wanted = Reports { run, batch: number(&query, "batch")?, ..Reports::default() };
    let (reports, _) = target.reader.progress_page(wanted, offset, length).await?;
    let shown = reports.into_iter().filter_map(|p| RawValue::from_string(p.json).ok());
    target.json(&shown.collect::<Vec<_>>())
}

/// A parameter that need not be there.
fn number(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    match query.first(name) {
        None | Some("") => Ok(None),
        Some(_) => query.value(name, 0).map(Some),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    id: String,
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Reports, which may be more than there are points.
    batches: usize,
    points: usize,
    batch: Vec<Option<i64>>,
    time: Vec<Option<i64>>,
    input_rows: Column,
    input_rate: Column,
    processed_rate: Column,
    duration: BTreeMap<String, Column>,
    watermark: Column,
    watermark_lag: Column,
    operators: Vec<Operator>,
    sources: Vec<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sink: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Operator {
    name: String,
    rows: Column,
    updated: Column,
    removed: Column,
    dropped: Column,
    update_time: Column,
    removal_time: Column,
    commit_time: Column,
    memory: Column,
    instances: Column,
    custom: BTreeMap<String, Column>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    description: String,
    input_rows: Column,
    lag: Column,
}

/// Numbers without a fraction as whole ones: most are, and they are shorter.
struct Column(series::Column);

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|v| v.map(Number::of)))
    }
}

fn columns(all: BTreeMap<String, series::Column>) -> BTreeMap<String, Column> {
    all.into_iter().map(|(name, c)| (name, Column(c))).collect()
}

/// Reports that are parsed together, off the threads that serve.
const TOGETHER: usize = 16;

/// Points of a series at most.
const MOST_POINTS: usize = 10_000;

/// A run's progress as series of numbers; `from` and `to` (epoch milliseconds, inclusive) narrow it to what was
/// triggered between them. Errors: 404 for a run that is not there, 400 for what is no number.
pub async fn series(target: Target, query: Query) -> Result<Response, ApiError> {
    let points: usize = query.value("points", 500)?;
    let run = target.param("run");
    let Some(of) = target.reader.queries().await?.remove(run) else {
        return Err(ApiError::not_found(format!("there is no run {run} of a streaming query")));
    };
    let wanted =
        Reports { run: Some(run), from: number(&query, "from")?, to: number(&query, "to")?, ..Reports::default() };
    let (total, blocks) = target.reader.progress_in_pieces(wanted).await?;
    let mut gatherer = Gatherer::new(total, points.clamp(1, MOST_POINTS));
    let mut blocks = std::pin::pin!(blocks.try_chunks(TOGETHER));
    while let Some(reports) = blocks.try_next().await.map_err(|e| e.1)? {
        gatherer = tokio::task::spawn_blocking(move || {
            let all = reports.iter().flatten();
            all.for_each(|p| gatherer.take(ProgressReport::read(&p.json).as_ref()));
            gatherer
        })
        .await?;
    }
    let s = gatherer.finish();
    let operator = |o: series::Operator| Operator {
        name: o.name,
        rows: Column(o.rows),
        updated: Column(o.updated),
        removed: Column(o.removed),
        dropped: Column(o.dropped),
        update_time: Column(o.update_time),
        removal_time: Column(o.removal_time),
        commit_time: Column(o.commit_time),
        memory: Column(o.memory),
        instances: Column(o.instances),
        custom: columns(o.custom),
    };
    let source =
        |s: series::Source| Source { description: s.description, input_rows: Column(s.input_rows), lag: Column(s.lag) };
    target.json(&Series {
        id: of.id,
        run_id: of.run_id,
        name: of.name,
        batches: s.batches,
        points: s.batch.len(),
        batch: s.batch,
        time: s.time,
        input_rows: Column(s.input_rows),
        input_rate: Column(s.input_rate),
        processed_rate: Column(s.processed_rate),
        duration: columns(s.duration),
        watermark: Column(s.watermark),
        watermark_lag: Column(s.watermark_lag),
        operators: s.operators.into_iter().map(operator).collect(),
        sources: s.sources.into_iter().map(source).collect(),
        sink: s.sink,
    })
}
