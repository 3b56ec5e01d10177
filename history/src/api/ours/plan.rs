//! `sql/{id}/graph`: a SQL execution with its plan, what its operators measured, and where its time went.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use serde::Serialize;

use super::list::Number;
use super::sql::duration;
use crate::api::error::ApiError;
use crate::api::target::Target;
use crate::api::wire::{job_status, metric_text, sql_status, stage_status};
use crate::insight::plan_time;
use crate::state::{PlanGraph, PlanMetric, SqlExecution, SqlMetric, StageAttempt};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Graph {
    id: i64,
    root_id: i64,
    description: String,
    details: String,
    status: &'static str,
    submit_time: i64,
    duration: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    plan_description: String,
    modified_configs: BTreeMap<String, String>,
    jobs: Vec<JobOf>,
    stages: Vec<StageOf>,
    sub_executions: Vec<SubExecution>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial: Option<Initial>,
}

#[derive(Serialize)]
struct JobOf {
    id: i64,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageOf {
    stage: i64,
    attempt: i64,
    status: &'static str,
    duration: i64,
    tasks: i64,
    run_time: i64,
}

#[derive(Serialize)]
struct SubExecution {
    id: i64,
    description: String,
    status: &'static str,
    duration: i64,
}

#[derive(Serialize)]
struct Node {
    id: i64,
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<i64>,
    metadata: BTreeMap<String, String>,
    metrics: Vec<Metric>,
    stages: BTreeSet<i64>,
    /// Milliseconds of tasks' run time.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
}

/// A metric; what nobody reported has a name and a type only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    median: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_at: Option<TaskAt>,
}

#[derive(Serialize)]
struct TaskAt {
    stage: i64,
    attempt: i64,
    task: i64,
}

#[derive(Serialize)]
struct Edge {
    from: i64,
    to: i64,
}

/// The plan before adaptive execution changed it.
#[derive(Serialize)]
struct Initial {
    nodes: Vec<InitialNode>,
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct InitialNode {
    id: i64,
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<i64>,
}

pub async fn graph(target: Target) -> Result<Response, ApiError> {
    let id = target.number("execution")?;
    let Some(x) = target.reader.sql(id..=id).await?.remove(&id) else {
        return Err(ApiError::not_found(format!("there is no SQL execution {id}")));
    };
    let heads = target.reader.sql_heads().await?;
    let stages = target.reader.stages_of(&x.stages).await?;
    let now = target.last_event();
    let below = heads.values().filter(|s| s.root_id == id && s.id != id);
    target.json(&Graph {
        id,
        root_id: x.root_id,
        status: sql_status(x.status()),
        submit_time: x.submission_time,
        duration: duration(&x, now),
        jobs: x.jobs.iter().map(|(id, status)| JobOf { id: *id, status: job_status(*status) }).collect(),
        stages: stages.iter().map(|s| stage(s, now)).collect(),
        sub_executions: below.map(|s| sub_execution(s, now)).collect(),
        nodes: nodes(&x, &stages),
        edges: edges(&x.plan),
        initial: x.initial_plan.filter(|p| !p.looks_like(&x.plan)).map(initial),
        description: x.description,
        details: x.details,
        error: x.error.filter(|e| !e.is_empty()),
        plan_description: x.plan_description,
        modified_configs: x.modified_configs.into_iter().collect(),
    })
}

fn stage(s: &StageAttempt, now: i64) -> StageOf {
    StageOf {
        stage: s.stage_id,
        attempt: s.attempt_id,
        status: stage_status(s.status),
        duration: s.submission_time.map_or(0, |from| s.completion_time.unwrap_or(now).saturating_sub(from).max(0)),
        tasks: s.num_tasks,
        run_time: s.metrics.executor_run_time,
    }
}

fn sub_execution(x: &SqlExecution, now: i64) -> SubExecution {
    SubExecution {
        id: x.id,
        description: x.description.clone(),
        status: sql_status(x.status()),
        duration: duration(x, now),
    }
}

fn nodes(x: &SqlExecution, stages: &[StageAttempt]) -> Vec<Node> {
    let mut run_times: BTreeMap<i64, i64> = BTreeMap::new();
    for s in stages {
        let time = run_times.entry(s.stage_id).or_default();
        *time = time.saturating_add(s.metrics.executor_run_time);
    }
    let total = run_times.values().fold(0i64, |sum, time| sum.saturating_add(*time));
    let times = plan_time::plan_time(&x.plan, &x.metrics, &run_times);
    let nodes = x.plan.nodes.iter().map(|n| {
        let time = times.get(&n.id).copied();
        Node {
            id: n.id,
            name: n.name.trim().to_owned(),
            description: n.description.clone(),
            cluster: n.cluster,
            metadata: n.metadata.iter().cloned().collect(),
            metrics: n.metrics.iter().map(|m| metric(m, x.metrics.get(&m.accumulator_id))).collect(),
            stages: plan_time::stages(n, &x.metrics),
            time: time.map(|t| t.round() as i64),
            share: time.map(|t| if total > 0 { t / total as f64 } else { 0.0 }),
        }
    });
    nodes.collect()
}

fn metric(m: &PlanMetric, value: Option<&SqlMetric>) -> Metric {
    // Spark keeps averages in tenths.
    let number = |v: i64| if m.kind == "average" { Number::Fraction(v as f64 / 10.0) } else { Number::Whole(v) };
    let spread = value.filter(|v| v.values > 1 && m.kind != "sum");
    let total = |v: &SqlMetric| match m.kind.as_str() {
        "average" => Number::Fraction(if v.values > 0 { v.sum as f64 / v.values as f64 / 10.0 } else { 0.0 }),
        _ => Number::Whole(v.sum),
    };
    Metric {
        name: m.name.trim().to_owned(),
        kind: m.kind.clone(),
        value: value.map(total),
        text: value.map(metric_text),
        min: spread.map(|v| number(v.min)),
        median: spread.map(|v| number(v.median)),
        max: spread.map(|v| number(v.max)),
        max_at: spread.and_then(|v| v.max_at).map(|(stage, attempt, task)| TaskAt { stage, attempt, task }),
    }
}

fn edges(plan: &PlanGraph) -> Vec<Edge> {
    plan.edges.iter().map(|(from, to)| Edge { from: *from, to: *to }).collect()
}

fn initial(plan: PlanGraph) -> Initial {
    let edges = edges(&plan);
    let nodes = plan.nodes.into_iter().map(|n| InitialNode {
        id: n.id,
        name: n.name.trim().to_owned(),
        description: n.description,
        cluster: n.cluster,
    });
    Initial { nodes: nodes.collect(), edges }
}
