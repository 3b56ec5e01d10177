//! SQL executions: `ExecutionData` with the nodes and edges of the plan, as `sql` and `sql/<id>`
//! answer it, and the rows of `sql/sqlTable`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Date, metric_text::metric_text};
use crate::order::trie_order;
use crate::state::{JobStatus, PlanGraph, PlanNode, SqlExecution, SqlMetric, SqlStatus};

const WHOLE_STAGE_CODEGEN: &str = "WholeStageCodegen";

/// A SQL execution with its plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionData {
    pub id: i64,
    pub status: &'static str,
    pub description: String,
    /// Empty unless asked for.
    pub plan_description: String,
    pub submission_time: Date,
    /// Milliseconds; of a running execution to now.
    pub duration: i64,
    pub running_job_ids: Vec<i64>,
    pub success_job_ids: Vec<i64>,
    pub failed_job_ids: Vec<i64>,
    /// By descending id; empty unless asked for.
    pub nodes: Vec<Node>,
    pub edges: Vec<SparkPlanGraphEdge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    pub root_execution_id: i64,
    pub modified_configs: BTreeMap<String, String>,
}

impl ExecutionData {
    /// `details` brings nodes and edges, `plan_description` the plan's text.
    pub fn new(execution: &SqlExecution, details: bool, plan_description: bool, now_ms: i64) -> Self {
        let jobs = trie_order(execution.jobs.keys().copied());
        let jobs = |status| jobs.iter().copied().filter(|id| execution.jobs.get(id) == Some(&status)).collect();
        ExecutionData {
            id: execution.id,
            status: sql_status(execution.status()),
            description: execution.description.clone(),
            plan_description: if plan_description { execution.plan_description.clone() } else { String::new() },
            submission_time: Date(execution.submission_time),
            duration: duration(execution, now_ms),
            running_job_ids: jobs(JobStatus::Running),
            success_job_ids: jobs(JobStatus::Succeeded),
            failed_job_ids: jobs(JobStatus::Failed),
            nodes: if details { nodes(&execution.plan, &execution.metrics) } else { Vec::new() },
            edges: if details { edges(&execution.plan) } else { Vec::new() },
            query_id: execution.query_id.clone(),
            error_message: execution.error.clone(),
            root_execution_id: execution.root_id,
            modified_configs: execution.modified_configs.iter().cloned().collect(),
        }
    }
}

/// Milliseconds from submission to completion; of a running execution to `now_ms`.
pub fn duration(execution: &SqlExecution, now_ms: i64) -> i64 {
    execution.completion_time.unwrap_or(now_ms).wrapping_sub(execution.submission_time)
}

/// Spark's name of an execution's status.
pub fn sql_status(status: SqlStatus) -> &'static str {
    match status {
        SqlStatus::Running => "RUNNING",
        SqlStatus::Completed => "COMPLETED",
        SqlStatus::Failed => "FAILED",
    }
}

/// An operator of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub node_id: i64,
    pub node_name: String,
    /// The number in the name of the WholeStageCodegen around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_stage_codegen_id: Option<i64>,
    /// Those with values.
    pub metrics: Vec<Metric>,
    pub desc: String,
}

/// A metric of an operator, its values made text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    pub name: String,
    pub value: String,
}

/// An edge of the plan, from child to parent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SparkPlanGraphEdge {
    pub from_id: i64,
    pub to_id: i64,
}

fn nodes(plan: &PlanGraph, metrics: &BTreeMap<i64, SqlMetric>) -> Vec<Node> {
    let codegen: BTreeMap<i64, i64> = plan.nodes.iter().filter_map(|n| Some((n.id, codegen_id(n)?))).collect();
    let mut nodes: Vec<Node> = plan
        .nodes
        .iter()
        .map(|node| Node {
            node_id: node.id,
            node_name: node.name.trim().to_owned(),
            whole_stage_codegen_id: node.cluster.and_then(|c| codegen.get(&c).copied()),
            metrics: shown_metrics(node, metrics),
            desc: node.description.clone(),
        })
        .collect();
    nodes.sort_by_key(|n| std::cmp::Reverse(n.node_id));
    nodes
}

fn shown_metrics(node: &PlanNode, metrics: &BTreeMap<i64, SqlMetric>) -> Vec<Metric> {
    node.metrics
        .iter()
        .filter_map(|m| {
            let value = metric_text(metrics.get(&m.accumulator_id)?);
            Some(Metric { name: m.name.trim().to_owned(), value })
        })
        .collect()
}

/// 3 for `WholeStageCodegen (3)`.
fn codegen_id(node: &PlanNode) -> Option<i64> {
    let name = node.name.trim().strip_prefix(WHOLE_STAGE_CODEGEN)?;
    name.strip_prefix(" (")?.strip_suffix(')')?.parse().ok()
}

fn edges(plan: &PlanGraph) -> Vec<SparkPlanGraphEdge> {
    plan.edges.iter().map(|&(from_id, to_id)| SparkPlanGraphEdge { from_id, to_id }).collect()
}

/// What `sql/sqlTable` answers to the web UI's table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlTable {
    /// Over all executions that pass the filter; without sub-executions where those are grouped.
    pub summary: SqlSummary,
    pub records_filtered: usize,
    /// The page asked for.
    pub aa_data: Vec<SqlRow>,
    /// The number of the request, given back.
    pub draw: i64,
    pub records_total: usize,
}

/// An execution as a row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlRow {
    pub id: i64,
    pub status: &'static str,
    pub description: String,
    pub submission_time: Date,
    /// Milliseconds; of a running execution to now.
    pub duration: i64,
    /// Jobs that succeeded, ascending.
    pub job_ids: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    pub root_execution_id: i64,
    /// Executions below this one, by ascending id; only if they are grouped so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_executions: Option<Vec<SqlRow>>,
}

impl SqlRow {
    pub fn new(execution: &SqlExecution, now_ms: i64) -> Self {
        let succeeded = execution.jobs.iter().filter(|(_, status)| **status == JobStatus::Succeeded);
        SqlRow {
            id: execution.id,
            status: sql_status(execution.status()),
            description: execution.description.clone(),
            submission_time: Date(execution.submission_time),
            duration: duration(execution, now_ms),
            job_ids: succeeded.map(|(id, _)| *id).collect(),
            query_id: execution.query_id.clone(),
            error_message: execution.error.clone(),
            root_execution_id: execution.root_id,
            sub_executions: None,
        }
    }
}

/// Numbers over many executions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlSummary {
    pub total_queries: i64,
    /// Milliseconds, rounded down.
    pub average_duration: i64,
    pub running_queries: i64,
    pub failed_queries: i64,
    /// Between 0 and 1.
    pub failure_rate: f64,
}

impl SqlSummary {
    pub fn new<'e>(executions: impl IntoIterator<Item = &'e SqlExecution>, now_ms: i64) -> Self {
        let (mut total, mut time, mut running, mut failed) = (0, 0i64, 0, 0);
        for execution in executions {
            total += 1;
            time = time.wrapping_add(duration(execution, now_ms));
            running += i64::from(execution.status() == SqlStatus::Running);
            failed += i64::from(execution.status() == SqlStatus::Failed);
        }
        SqlSummary {
            total_queries: total,
            average_duration: if total > 0 { time / total } else { 0 },
            running_queries: running,
            failed_queries: failed,
            failure_rate: if total > 0 { failed as f64 / total as f64 } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::PlanMetric;

    fn node(id: i64, name: &str, cluster: Option<i64>) -> PlanNode {
        let metrics = vec![PlanMetric { name: " rows ".to_owned(), accumulator_id: id, kind: "sum".to_owned() }];
        PlanNode { id, name: name.to_owned(), cluster, metrics, ..PlanNode::default() }
    }

    #[test]
    fn nodes_know_their_codegen_and_show_metrics_with_values() {
        let plan = PlanGraph {
            nodes: vec![node(0, "Exchange", None), node(1, "WholeStageCodegen (3)", None), node(2, "Scan ", Some(1))],
            edges: vec![(2, 0)],
        };
        let sum = SqlMetric { kind: "sum".to_owned(), values: 1, sum: 1234, ..SqlMetric::default() };
        let execution = SqlExecution { plan, metrics: BTreeMap::from([(2, sum)]), ..SqlExecution::default() };
        let data = ExecutionData::new(&execution, true, true, 0);
        let shown = Metric { name: "rows".to_owned(), value: "1,234".to_owned() };
        assert_eq!(data.nodes.iter().map(|n| n.node_id).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!((data.nodes[0].node_name.as_str(), data.nodes[0].whole_stage_codegen_id), ("Scan", Some(3)));
        assert_eq!((&data.nodes[0].metrics, &data.nodes[1].metrics), (&vec![shown], &vec![]));
        assert_eq!(ExecutionData::new(&execution, false, true, 0).nodes, []);
    }
}
