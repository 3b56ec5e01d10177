//! SQL executions and their plans, as `org.apache.spark.sql.execution.ui.SparkListenerSQL*`.
//! In: one JSON line. Out: borrowed records; [`PlanInfo`] is the tree as Spark logs it.

use serde::Deserialize;

use super::text::{Pairs, Text};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlExecutionStart<'a> {
    pub execution_id: i64,
    /// Absent before Spark 3.4: every execution is its own root then.
    #[serde(default)]
    pub root_execution_id: Option<i64>,
    #[serde(borrow, default)]
    pub description: Text<'a>,
    #[serde(borrow, default)]
    pub details: Text<'a>,
    #[serde(borrow, default)]
    pub physical_plan_description: Text<'a>,
    #[serde(borrow, default)]
    pub spark_plan_info: Option<PlanInfo<'a>>,
    #[serde(default)]
    pub time: i64,
    #[serde(borrow, default)]
    pub modified_configs: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, default)]
    pub job_tags: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub job_group_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub query_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlExecutionEnd<'a> {
    pub execution_id: i64,
    #[serde(default)]
    pub time: i64,
    /// Empty for success; absent before Spark 3.4.
    #[serde(borrow, default)]
    pub error_message: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub query_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlAdaptiveExecutionUpdate<'a> {
    pub execution_id: i64,
    #[serde(borrow, default)]
    pub physical_plan_description: Text<'a>,
    #[serde(borrow, default)]
    pub spark_plan_info: Option<PlanInfo<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlAdaptiveMetricUpdates<'a> {
    pub execution_id: i64,
    #[serde(borrow, default)]
    pub sql_plan_metrics: Vec<PlanMetricInfo<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriverAccumUpdates {
    pub execution_id: i64,
    #[serde(default)]
    pub accum_updates: Vec<(i64, i64)>,
}

/// A node of a physical plan with its subtree. Two nodes are the same exchange when name,
/// text and children agree; metadata and metrics do not count, as in Spark.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanInfo<'a> {
    #[serde(borrow, default)]
    pub node_name: Text<'a>,
    #[serde(borrow, default)]
    pub simple_string: Text<'a>,
    #[serde(borrow, default)]
    pub children: Vec<PlanInfo<'a>>,
    #[serde(borrow, default)]
    pub metadata: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow, default)]
    pub metrics: Vec<PlanMetricInfo<'a>>,
}

impl PartialEq for PlanInfo<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node_name == other.node_name
            && self.simple_string == other.simple_string
            && self.children == other.children
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanMetricInfo<'a> {
    #[serde(borrow, default)]
    pub name: Text<'a>,
    pub accumulator_id: i64,
    #[serde(borrow, default)]
    pub metric_type: Text<'a>,
}
