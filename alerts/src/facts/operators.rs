//! Operators of the plans that were read: what each measured, who feeds it, and what of the application's time is its own.

use std::collections::{BTreeMap, BTreeSet};

use afterglow_history::insight::plan_time;
use afterglow_history::state::{PlanNode, SqlExecution, SqlMetric};

use super::Facts;
use crate::finding::{AtStake, Evidence, Place, Source, Value};

/// Operators between one and the rows that it takes in, at most.
const DEEP: usize = 64;
/// Stages that are looked through for an operator of which none is known.
const NEAR: usize = 8;

/// An operator of a SQL execution's plan.
#[derive(Clone, Copy)]
pub struct Operator<'f> {
    pub sql: &'f SqlExecution,
    /// Place in the plan's list of nodes.
    pub at: usize,
    pub node: &'f PlanNode,
}

impl Facts {
    /// All operators of all plans that were read.
    pub fn operators(&self) -> impl Iterator<Item = Operator<'_>> {
        self.plans.values().flat_map(operators_of)
    }

    /// Whether no plan has a value of any of its metrics, though stages of them ran.
    pub fn plans_unmeasured(&self) -> bool {
        let ran = |x: &&SqlExecution| {
            let done = |id: &i64| self.attempts(*id).any(|(_, s)| s.completed_tasks > 0);
            x.plan.nodes.iter().any(|n| !n.metrics.is_empty()) && x.stages.iter().any(done)
        };
        self.plans.values().any(|x| ran(&x)) && self.plans.values().all(|x| x.metrics.is_empty())
    }
}

/// All operators of a plan.
pub fn operators_of(sql: &SqlExecution) -> impl Iterator<Item = Operator<'_>> {
    sql.plan.nodes.iter().enumerate().map(move |(at, node)| Operator { sql, at, node })
}

impl<'f> Operator<'f> {
    pub fn name(&self) -> &'f str {
        self.node.name.trim()
    }

    pub fn place(&self) -> Place {
        Place::Node { sql: self.sql.id, node: self.node.id, name: self.name().to_owned() }
    }

    /// What was measured under a name, with its place among the operator's metrics; none if nobody reported it.
    fn measured(&self, metric: &str) -> Option<(usize, &'f SqlMetric)> {
        let named = self.node.metrics.iter().enumerate().filter(|(_, m)| m.name.trim() == metric);
        named.map(|(at, m)| (at, self.sql.metrics.get(&m.accumulator_id))).find_map(|(at, v)| Some((at, v?)))
    }

    /// Whether the operator has such a metric, reported or not.
    pub fn has(&self, metric: &str) -> bool {
        self.node.metrics.iter().any(|m| m.name.trim() == metric)
    }

    /// The sum of what was measured under a name, in the metric's unit; none if nobody reported it.
    pub fn sum(&self, metric: &str) -> Option<i64> {
        self.measured(metric).map(|(_, v)| v.sum)
    }

    /// The same as evidence.
    pub fn evidence(&self, name: &'static str, metric: &str, value: fn(i64) -> Value) -> Option<Evidence> {
        let (metric, v) = self.measured(metric)?;
        let pointer = format!("/nodes/{}/metrics/{metric}/value", self.at);
        Some(Evidence::new(name, value(v.sum), Source::ours(self.path(), pointer)))
    }

    /// A filter's condition. What the operator says of it may be cut (`... 276 more fields`); the plan's text has the whole.
    pub fn condition(&self) -> &'f str {
        let said = self.node.description.strip_prefix("Filter ").unwrap_or(&self.node.description);
        let head = said.split_once("...").map_or(said, |(head, _)| head);
        let lines = self.sql.plan_description.lines();
        let whole = lines.filter_map(|l| l.strip_prefix("Condition : ")).filter(|c| c.starts_with(head));
        whole.chain([said]).max_by_key(|c| c.len()).unwrap_or(said)
    }

    /// What the plan says of a scan under a key.
    pub fn metadata(&self, key: &str) -> Option<&'f str> {
        self.node.metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The same as evidence.
    pub fn said(&self, name: &'static str, key: &str) -> Option<Evidence> {
        let value = Value::Text(self.metadata(key)?.to_owned());
        Some(Evidence::new(name, value, Source::ours(self.path(), format!("/nodes/{}/metadata/{key}", self.at))))
    }

    fn path(&self) -> String {
        format!("sql/{}/graph", self.sql.id)
    }

    /// Those whose rows it takes in, in the order of the plan.
    pub fn inputs(&self) -> Vec<Operator<'f>> {
        let edges = self.sql.plan.edges.iter().filter(|(_, to)| *to == self.node.id);
        edges.filter_map(|(from, _)| self.other(*from)).collect()
    }

    fn other(&self, id: i64) -> Option<Operator<'f>> {
        let nodes = &self.sql.plan.nodes;
        // Ids are places, as history numbers them; whatever else a store may hold is searched.
        let at = usize::try_from(id).ok().filter(|at| nodes.get(*at).is_some_and(|n| n.id == id));
        let at = at.or_else(|| nodes.iter().position(|n| n.id == id))?;
        Some(Operator { sql: self.sql, at, node: &nodes[at] })
    }

    /// The nearest operator from here down that `wanted` takes; only as long as each has a single input.
    pub fn down(self, wanted: impl Fn(&Operator<'f>) -> bool) -> Option<Operator<'f>> {
        let mut here = self;
        for _ in 0..DEEP {
            if wanted(&here) {
                return Some(here);
            }
            let inputs = here.inputs();
            let [only] = inputs[..] else { return None };
            here = only;
        }
        None
    }

    /// The operator from here down that counts the rows that come out here: those between change none.
    pub fn counts_rows(self) -> Option<Operator<'f>> {
        const ROWS: &str = "number of output rows";
        let passes = ["Project", "Sort", "Exchange", "BroadcastExchange", "AQEShuffleRead", "CustomShuffleReader"];
        let found = self.down(|o| o.sum(ROWS).is_some() || !passes.iter().any(|p| o.name().starts_with(p)))?;
        found.sum(ROWS).is_some().then_some(found)
    }

    /// Stages in which it worked: those of its own metrics, or of the operators around it.
    pub fn stages(&self) -> BTreeSet<i64> {
        let metrics = &self.sql.metrics;
        let own = plan_time::stages(self.node, metrics);
        if !own.is_empty() {
            return own;
        }
        let cluster = self.node.cluster.and_then(|c| self.other(c));
        cluster.map(|c| plan_time::stages(c.node, metrics)).unwrap_or_default()
    }

    /// What its stages cost, as far as it is this operator that takes the time; at most that of some others of the plan.
    pub fn cost(&self, facts: &Facts, others: &[Operator<'f>]) -> AtStake {
        let run = |stage: i64| {
            facts.attempts(stage).map(|(_, s)| s.metrics.executor_run_time.max(0)).fold(0, i64::saturating_add)
        };
        let (mut wall, mut cores) = (0.0, 0.0);
        let mut stages: BTreeSet<i64> = std::iter::once(self).chain(others).flat_map(Operator::stages).collect();
        if stages.is_empty() {
            // Nobody said where it worked: its neighbours may have.
            stages.extend(self.sql.stages.iter().take(NEAR));
        }
        for stage in &stages {
            let run = run(*stage);
            if run == 0 {
                continue;
            }
            let times = plan_time::plan_time(&self.sql.plan, &self.sql.metrics, &BTreeMap::from([(*stage, run)]));
            let all = std::iter::once(self).chain(others).filter_map(|o| times.get(&o.node.id));
            let time = all.sum::<f64>().min(run as f64);
            let of_wall = facts.attempts(*stage).map(|(key, _)| facts.wall_of(key)).fold(0, i64::saturating_add);
            cores += time;
            wall += of_wall as f64 * time / run as f64;
        }
        AtStake::wall(wall as i64).cores(cores as i64)
    }
}
