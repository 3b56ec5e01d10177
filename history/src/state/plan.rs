//! From the plan tree that Spark logs to the graph its SQL page draws: ids in pre-order,
//! WholeStageCodegen as a node around others, adapters and query stages left out, reused
//! exchanges drawn once.

use afterglow_ingest::event::{PlanInfo, PlanMetricInfo};

use super::{PlanGraph, PlanMetric, PlanNode, owned};
use crate::redact::Redactor;

/// Builds the graph of a plan.
pub fn graph(root: &PlanInfo<'_>, redact: &Redactor) -> PlanGraph {
    let mut builder = Builder { graph: PlanGraph::default(), exchanges: Vec::new(), redact };
    builder.visit(root, None, None);
    builder.graph
}

struct Builder<'p, 'a> {
    graph: PlanGraph,
    exchanges: Vec<(&'p PlanInfo<'a>, i64)>,
    redact: &'p Redactor,
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
            ("Subquery", _) if self.exchange(plan).is_some() => self.reuse(plan, parent),
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
            description: self.redact.text(&plan.simple_string).into_owned(),
            cluster,
            metadata: self.redact.properties(owned(&plan.metadata)),
            metrics: plan.metrics.iter().map(metric).collect(),
        });
        id
    }

    /// The node of an exchange that was drawn already.
    fn exchange(&self, plan: &PlanInfo<'_>) -> Option<i64> {
        self.exchanges.iter().find(|(seen, _)| *seen == plan).map(|(_, id)| *id)
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
