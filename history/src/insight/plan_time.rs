//! How much of the run time of a query's stages each operator of its plan explains.
//!
//! An operator explains what its own timing metrics say, as far as tasks reported them in a
//! stage. Some of those hold the time of the operators below as well: what those say is taken off,
//! and the rest is shared with those that say nothing. What is left of a stage is split evenly
//! between its other operators without such metrics; where there are none, it is nobody's.

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{PlanGraph, PlanMetric, PlanNode, SqlMetric};

const CODEGEN: &str = "WholeStageCodegen";

/// Metrics whose time passes while other operators work: they explain nothing.
const ASIDE: [&str; 2] = ["remote reqs duration", "remote merged reqs duration"];
/// Metrics that hold the time of the operators below.
const WITH_CHILDREN: [&str; 3] = ["time in aggregation build", "time to build hash map", "time to build"];

/// Stages whose tasks reported a metric of the node.
pub fn stages(node: &PlanNode, metrics: &BTreeMap<i64, SqlMetric>) -> BTreeSet<i64> {
    node.metrics
        .iter()
        .filter_map(|m| metrics.get(&m.accumulator_id))
        .flat_map(|m| &m.stages)
        .map(|(s, _)| *s)
        .collect()
}

/// Milliseconds of tasks' run time that each node explains, by node id; nothing for one of which
/// no stage is known. A WholeStageCodegen has the sum of what it holds. `run_times` are
/// milliseconds by stage id.
pub fn plan_time(
    plan: &PlanGraph,
    metrics: &BTreeMap<i64, SqlMetric>,
    run_times: &BTreeMap<i64, i64>,
) -> BTreeMap<i64, f64> {
    let operators: BTreeMap<i64, Operator<'_>> = plan.nodes.iter().map(|n| (n.id, Operator::new(n, metrics))).collect();
    let of_node = stages_of_all(plan, &operators);
    let below = below(plan);
    let mut out: BTreeMap<i64, f64> = BTreeMap::new();
    for (stage, run_time) in run_times {
        let here: Vec<i64> = of_node.iter().filter(|(_, s)| s.contains(stage)).map(|(id, _)| *id).collect();
        let explained = explained(&here, &operators, &below, *stage);
        let sum: f64 = explained.values().sum();
        let run_time = (*run_time).max(0) as f64;
        // Clocks and threads may make parts greater than the whole.
        let scale = if sum > run_time { run_time / sum } else { 1.0 };
        let silent = |id: &&i64| !explained.contains_key(*id) && operators[*id].works();
        let silent: Vec<i64> = here.iter().filter(silent).copied().collect();
        let left = (run_time - sum * scale).max(0.0);
        let each = if silent.is_empty() { 0.0 } else { left / silent.len() as f64 };
        for (id, time) in explained {
            *out.entry(id).or_default() += time * scale;
        }
        for id in silent {
            *out.entry(id).or_default() += each;
        }
    }
    for cluster in operators.values().filter(|o| o.is_codegen) {
        let inside = plan.nodes.iter().filter(|n| n.cluster == Some(cluster.id)).filter_map(|n| out.get(&n.id));
        let times: Vec<f64> = inside.copied().collect();
        if !times.is_empty() {
            out.insert(cluster.id, times.iter().sum());
        }
    }
    out
}

struct Operator<'p> {
    id: i64,
    is_codegen: bool,
    /// Between stages: its two sides are in different ones.
    is_exchange: bool,
    /// Around the whole plan.
    is_frame: bool,
    /// Timing metrics that explain something, whether they hold the children's time, and by stage what they say.
    timing: Vec<(&'p PlanMetric, bool, BTreeMap<i64, f64>)>,
    stages: BTreeSet<i64>,
}

impl<'p> Operator<'p> {
    fn new(node: &'p PlanNode, metrics: &BTreeMap<i64, SqlMetric>) -> Self {
        let is_codegen = node.name.starts_with(CODEGEN);
        let unit = |m: &PlanMetric| match m.kind.as_str() {
            "timing" => Some(1.0),
            "nsTiming" => Some(1e-6),
            _ => None,
        };
        let timing = node.metrics.iter().filter(|m| !is_codegen && !ASIDE.contains(&m.name.trim())).filter_map(|m| {
            let unit = unit(m)?;
            let by_stage = metrics.get(&m.accumulator_id).map(|v| v.stages.as_slice()).unwrap_or_default();
            let by_stage = by_stage.iter().map(|(stage, sum)| (*stage, *sum as f64 * unit)).collect();
            Some((m, WITH_CHILDREN.contains(&m.name.trim()), by_stage))
        });
        Operator {
            id: node.id,
            is_codegen,
            is_exchange: node.name.contains("Exchange") || node.name.starts_with("Subquery"),
            is_frame: node.name.starts_with("AdaptiveSparkPlan"),
            timing: timing.collect(),
            stages: stages(node, metrics),
        }
    }

    fn is_timed(&self) -> bool {
        !self.timing.is_empty()
    }

    /// Whether it does anything in tasks that could take time.
    fn works(&self) -> bool {
        !self.is_timed() && !self.is_frame
    }
}

/// Stages of each operator. One that reported nothing is where its neighbours are.
fn stages_of_all(plan: &PlanGraph, operators: &BTreeMap<i64, Operator<'_>>) -> BTreeMap<i64, BTreeSet<i64>> {
    let mut known: BTreeMap<i64, BTreeSet<i64>> =
        operators.values().filter(|o| !o.is_codegen).map(|o| (o.id, o.stages.clone())).collect();
    for node in &plan.nodes {
        if let Some(cluster) = node.cluster.and_then(|c| operators.get(&c))
            && let Some(stages) = known.get_mut(&node.id).filter(|s| s.is_empty())
        {
            stages.clone_from(&cluster.stages);
        }
    }
    // From operator to operator, as far as no exchange lies between.
    for _ in 0..plan.nodes.len() {
        let mut found = Vec::new();
        for (a, b) in plan.edges.iter().flat_map(|(from, to)| [(from, to), (to, from)]) {
            let crosses = [a, b].iter().any(|id| operators.get(id).is_none_or(|o| o.is_exchange));
            if let (false, Some(there), Some(here)) = (crosses, known.get(a), known.get(b))
                && here.is_empty()
                && !there.is_empty()
            {
                found.push((*b, there.clone()));
            }
        }
        if found.is_empty() {
            break;
        }
        known.extend(found);
    }
    known
}

/// All operators below each, exchanges and what is below them left out.
fn below(plan: &PlanGraph) -> BTreeMap<i64, BTreeSet<i64>> {
    let exchanges: BTreeSet<i64> = plan.nodes.iter().filter(|n| n.name.contains("Exchange")).map(|n| n.id).collect();
    let mut children: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (from, to) in plan.edges.iter().filter(|(from, _)| !exchanges.contains(from)) {
        children.entry(*to).or_default().push(*from);
    }
    let all = plan.nodes.iter().map(|n| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![n.id]);
        while let Some(id) = open.pop() {
            open.extend(children.get(&id).into_iter().flatten().copied().filter(|c| *c != n.id && seen.insert(*c)));
        }
        (n.id, seen)
    });
    all.collect()
}

/// What the timing metrics of a stage's operators explain, without what they hold of others.
fn explained(
    here: &[i64],
    operators: &BTreeMap<i64, Operator<'_>>,
    below: &BTreeMap<i64, BTreeSet<i64>>,
    stage: i64,
) -> BTreeMap<i64, f64> {
    let mut out: BTreeMap<i64, f64> = BTreeMap::new();
    let mut timed: Vec<&Operator<'_>> = here.iter().map(|id| &operators[id]).filter(|o| o.is_timed()).collect();
    // Those with the fewest below them first.
    timed.sort_by_key(|o| below.get(&o.id).map_or(0, BTreeSet::len));
    for o in timed {
        let sum = |inclusive: bool| -> f64 {
            let own = o.timing.iter().filter(|(_, with_children, _)| *with_children == inclusive);
            own.filter_map(|(_, _, by_stage)| by_stage.get(&stage)).sum()
        };
        let under = below.get(&o.id).into_iter().flatten();
        let others: f64 = under.clone().filter_map(|id| out.get(id)).sum();
        // What is no other's is of this one and of those below that say nothing.
        let silent: Vec<i64> =
            under.filter(|id| here.contains(id) && !out.contains_key(id) && operators[*id].works()).copied().collect();
        let (own, rest) = (sum(false), (sum(true) - others).max(0.0));
        let silent = if rest > 0.0 { silent } else { Vec::new() };
        let each = rest / (silent.len() + 1) as f64;
        out.extend(silent.into_iter().map(|id| (id, each)));
        out.insert(o.id, own + each);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(id: i64, name: &str, cluster: Option<i64>, metrics: &[(i64, &str, &str)]) -> PlanNode {
        let metrics = metrics.iter().map(|(accumulator_id, name, kind)| PlanMetric {
            name: (*name).to_owned(),
            accumulator_id: *accumulator_id,
            kind: (*kind).to_owned(),
        });
        PlanNode { id, name: name.to_owned(), cluster, metrics: metrics.collect(), ..PlanNode::default() }
    }

    fn value(stages: &[(i64, i64)]) -> SqlMetric {
        SqlMetric { stages: stages.to_vec(), ..SqlMetric::default() }
    }

    /// HashAggregate <- Exchange <- WholeStageCodegen (HashAggregate <- Project <- Filter <- Scan)
    fn aggregation() -> (PlanGraph, BTreeMap<i64, SqlMetric>) {
        let nodes = vec![
            node(0, "HashAggregate", None, &[(1, "time in aggregation build", "timing")]),
            node(
                1,
                "Exchange",
                None,
                &[
                    (2, "shuffle write time", "nsTiming"),
                    (3, "fetch wait time", "timing"),
                    (4, "remote reqs duration", "timing"),
                ],
            ),
            node(2, "WholeStageCodegen (1)", None, &[(5, "duration", "timing")]),
            node(3, "HashAggregate", Some(2), &[(6, "time in aggregation build", "timing")]),
            node(4, "Project", Some(2), &[]),
            node(5, "Filter", Some(2), &[(7, "number of output rows", "sum")]),
            node(6, "Scan parquet", None, &[(8, "scan time", "timing"), (9, "number of output rows", "sum")]),
        ];
        let edges = vec![(1, 0), (3, 1), (4, 3), (5, 4), (6, 5)];
        let metrics = BTreeMap::from([
            (1, value(&[(8, 30)])),
            (2, value(&[(7, 50_000_000)])),
            (3, value(&[(8, 10)])),
            (4, value(&[(8, 999)])),
            (5, value(&[(7, 700)])),
            (6, value(&[(7, 580)])),
            (7, value(&[(7, 12345)])),
            (8, value(&[(7, 400)])),
            (9, value(&[(7, 20000)])),
        ]);
        (PlanGraph { nodes, edges }, metrics)
    }

    #[test]
    fn each_explains_its_own() {
        let (plan, metrics) = aggregation();
        let times = plan_time(&plan, &metrics, &BTreeMap::from([(7, 1000), (8, 100)]));
        // Of stage 7's 1000: scan 400, write 50, and what else the aggregation holds shared by three.
        // Of stage 8's 100: wait 10, aggregation 30. Nobody is left to explain the rest.
        let expected = [(0, 30.0), (1, 60.0), (2, 180.0), (3, 60.0), (4, 60.0), (5, 60.0), (6, 400.0)];
        assert_eq!(times.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(stages(&plan.nodes[1], &metrics), BTreeSet::from([7, 8]));
        assert_eq!(stages(&plan.nodes[4], &metrics), BTreeSet::new(), "it reported nothing");
    }

    #[test]
    fn what_is_left_is_of_those_that_say_nothing() {
        let (mut plan, metrics) = aggregation();
        plan.nodes[3] = node(3, "Generate", Some(2), &[]);
        let times = plan_time(&plan, &metrics, &BTreeMap::from([(7, 1000)]));
        // Scan 400, write 50, the rest in three.
        assert_eq!([3, 4, 5].map(|id| times[&id].round()), [183.0; 3]);
    }

    #[test]
    fn parts_are_no_more_than_the_whole() {
        let (plan, metrics) = aggregation();
        let times = plan_time(&plan, &metrics, &BTreeMap::from([(7, 65), (8, 0)]));
        let sum: f64 = times.iter().filter(|(id, _)| **id != 2).map(|(_, t)| t).sum();
        assert!((sum - 65.0).abs() < 1e-9, "{times:?}");
    }

    proptest! {
        #[test]
        fn any_graph_is_explained_within_its_run_time(
            edges in prop::collection::vec((0i64..8, 0i64..8), 0..12),
            kinds in prop::collection::vec(0usize..5, 8),
            values in prop::collection::vec((0i64..8, 0i64..3, 0i64..1000), 0..20),
            run in prop::collection::btree_map(0i64..3, 0i64..2000, 1..3),
        ) {
            let names = [("Filter", "rows", "sum"), ("Sort", "sort time", "timing"), ("Exchange", "shuffle write time", "timing"),
                ("HashAggregate", "time in aggregation build", "timing"), ("WholeStageCodegen (1)", "duration", "timing")];
            let nodes = kinds.iter().enumerate().map(|(id, k)| {
                let (name, metric, kind) = names[*k];
                let cluster = (id > 4).then_some(1);
                node(id as i64, name, cluster, &[(id as i64, metric, kind)])
            });
            let plan = PlanGraph { nodes: nodes.collect(), edges };
            let mut metrics: BTreeMap<i64, SqlMetric> = BTreeMap::new();
            values.iter().for_each(|(acc, stage, v)| metrics.entry(*acc).or_default().stages.push((*stage, *v)));
            let times = plan_time(&plan, &metrics, &run);
            let codegen: BTreeSet<i64> = plan.nodes.iter().filter(|n| n.name.starts_with(CODEGEN)).map(|n| n.id).collect();
            let sum: f64 = times.iter().filter(|(id, _)| !codegen.contains(id)).map(|(_, t)| t).sum();
            prop_assert!(times.values().all(|t| *t >= 0.0));
            prop_assert!(sum <= run.values().sum::<i64>() as f64 + 1e-6);
        }
    }
}
