//! From the plan tree that Spark logs to the graph its SQL page draws: ids in pre-order,
//! WholeStageCodegen as a node around others, adapters and query stages left out, reused
//! exchanges and subqueries drawn once.

use std::borrow::Cow;

use afterglow_ingest::event::{PlanInfo, PlanMetricInfo};

use super::{PlanGraph, PlanMetric, PlanNode, owned};
use crate::redact::Redactor;

/// Builds the graph of a plan, secrets and all.
pub fn graph(root: &PlanInfo<'_>) -> PlanGraph {
    let mut builder = Builder { graph: PlanGraph::default(), exchanges: Vec::new() };
    builder.visit(root, None, None);
    builder.graph
}

/// Masks what may be a secret.
pub fn mask(graph: &mut PlanGraph, redact: &Redactor) {
    for node in &mut graph.nodes {
        if let Cow::Owned(masked) = redact.text(&node.description) {
            node.description = masked;
        }
        node.metadata = redact.properties(std::mem::take(&mut node.metadata));
    }
}

struct Builder<'p, 'a> {
    graph: PlanGraph,
    exchanges: Vec<(&'p PlanInfo<'a>, i64)>,
}

impl<'p, 'a> Builder<'p, 'a> {
    fn visit(&mut self, plan: &'p PlanInfo<'a>, parent: Option<i64>, cluster: Option<i64>) {
        let child = plan.children.first();
        match (&*plan.node_name, child) {
            (name, Some(child)) if name.starts_with("WholeStageCodegen") => {
                let id = self.add(plan, None);
                self.visit(child, parent, Some(id));
            }
            ("InputAdapter" | "TableCacheQueryStage" | "ResultQueryStage", Some(child)) => {
                self.visit(child, parent, None);
            }
            ("BroadcastQueryStage" | "ShuffleQueryStage", Some(child)) => match self.exchange(child) {
                Some(id) => self.edge(id, parent),
                None => self.visit(child, parent, None),
            },
            ("Subquery", _) if cluster.is_some() => self.visit(plan, parent, None),
            ("Subquery", _) if self.exchange(plan).is_some() => {
                // An expression may refer to one more than once, and a node have it in many: one edge.
                let edge = self.exchange(plan).zip(parent);
                if edge.is_some_and(|edge| !self.graph.edges.contains(&edge)) {
                    self.reuse(plan, parent);
                }
            }
            ("ReusedSubquery", Some(child)) => self.visit(child, parent, cluster),
            ("ReusedExchange", Some(child)) if self.exchange(child).is_some() => self.reuse(child, parent),
            (name, _) => {
                let id = self.add(plan, cluster);
                if name.contains("Exchange") || name == "Subquery" {
                    self.exchanges.push((plan, id));
                }
                self.edge(id, parent);
                for child in &plan.children {
                    self.visit(child, Some(id), cluster);
                }
            }
        }
    }

    fn add(&mut self, plan: &PlanInfo<'_>, cluster: Option<i64>) -> i64 {
        let id = self.graph.nodes.len() as i64;
        self.graph.nodes.push(PlanNode {
            id,
            name: plan.node_name.to_string(),
            description: plan.simple_string.to_string(),
            cluster,
            metadata: owned(&plan.metadata),
            metrics: plan.metrics.iter().map(metric).collect(),
        });
        id
    }

    /// The node of an exchange that was drawn already.
    fn exchange(&self, plan: &PlanInfo<'_>) -> Option<i64> {
        // Of equal ones that were drawn more than once, the last.
        self.exchanges.iter().rev().find(|(seen, _)| *seen == plan).map(|(_, id)| *id)
    }

    fn reuse(&mut self, plan: &PlanInfo<'_>, parent: Option<i64>) {
        if let Some(id) = self.exchange(plan) {
            self.edge(id, parent);
        }
    }

    fn edge(&mut self, from: i64, to: Option<i64>) {
        if let Some(to) = to {
            self.graph.edges.push((from, to));
        }
    }
}

pub fn metric(m: &PlanMetricInfo<'_>) -> PlanMetric {
    PlanMetric { name: m.name.to_string(), accumulator_id: m.accumulator_id, kind: m.metric_type.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subquery_that_is_used_again_has_one_edge_a_node() {
        let sub = r#"{"nodeName":"Subquery","simpleString":"Subquery subquery#1","children":[]}"#;
        let again = format!(r#"{{"nodeName":"ReusedSubquery","simpleString":"r","children":[{sub}]}}"#);
        let scan = |children: &str| format!(r#"{{"nodeName":"Scan","simpleString":"s","children":[{children}]}}"#);
        let [one, two] = [scan(&format!("{sub},{again},{sub}")), scan(&format!("{again},{again}"))];
        let plan = format!(r#"{{"nodeName":"Union","simpleString":"u","children":[{one},{two}]}}"#);
        let drawn = graph(&serde_json::from_str(&plan).unwrap());
        let names: Vec<&str> = drawn.nodes.iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["Union", "Scan", "Subquery", "Scan"]);
        assert_eq!(drawn.edges, [(1, 0), (2, 1), (3, 0), (2, 3)]);
    }
}
