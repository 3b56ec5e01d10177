//! SQL executions: plans as they change, jobs as they run, and the plan's metrics gathered from
//! the accumulators of tasks and driver.
//!
//! While an execution runs, every metric keeps one value a task index ([`StageMetrics`]); at the
//! end those become the few numbers that show ([`SqlMetric`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use afterglow_ingest::event::{
    DriverAccumUpdates, JobStart, SqlAdaptiveExecutionUpdate, SqlAdaptiveMetricUpdates, SqlExecutionEnd,
    SqlExecutionStart, TaskEnd, TaskInfo,
};

use crate::order;

use super::{
    Attempt, JobStatus, PlanGraph, SqlExecution, SqlMetric, owned, plan,
    sets::IndexSet,
    values::{Values, chunk_is_done},
};

/// What the fold remembers of running executions.
#[derive(Debug, Default, PartialEq)]
pub struct SqlLive {
    pub executions: BTreeMap<i64, LiveExecution>,
    /// By stage id.
    pub stages: HashMap<i64, StageMetrics>,
    /// Work for executions that the log has not started: they show once it has.
    pub unstarted: BTreeMap<i64, Unstarted>,
}

/// The jobs that name an execution, and their stages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unstarted {
    pub jobs: BTreeMap<i64, JobStatus>,
    pub stages: BTreeSet<i64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveExecution {
    /// Metric kinds by accumulator id: those of the first plan and all that updates added.
    pub kinds: HashMap<i64, String>,
    pub driver_updates: Vec<(i64, i64)>,
    /// Ends seen, of jobs and of the execution itself, which may come in any order.
    pub end_events: i64,
}

/// Metric values of one stage attempt that works for a SQL execution.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageMetrics {
    pub execution: i64,
    pub attempt: i64,
    pub num_tasks: i64,
    /// Indices whose successful attempt was seen: later attempts do not count.
    pub completed: IndexSet,
    pub values: HashMap<i64, MetricValues>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricValues {
    pub by_index: Values,
    /// Highest value and the task it came from.
    pub max: Option<(i64, i64)>,
}

impl Attempt {
    pub(super) fn sql_execution_start(&mut self, e: &SqlExecutionStart<'_>) {
        self.saw_time(e.time);
        let redact = &self.redactor;
        let mut graph = e.spark_plan_info.as_ref().map(plan::graph).unwrap_or_default();
        plan::mask(&mut graph, redact);
        let execution = SqlExecution {
            id: e.execution_id,
            root_id: e.root_execution_id.unwrap_or(e.execution_id),
            description: redact.text(&e.description).into_owned(),
            details: redact.text(&e.details).into_owned(),
            plan_description: redact.text(&e.physical_plan_description).into_owned(),
            submission_time: e.time,
            query_id: e.query_id.as_ref().map(|q| q.to_string()),
            modified_configs: redact.properties(owned(&e.modified_configs)),
            ..SqlExecution::default()
        };
        let tags: Vec<String> = e.job_tags.iter().map(|t| t.to_string()).collect();
        self.operation_sql(e.execution_id, &tags);
        let live = self.live.sql.executions.entry(e.execution_id).or_default();
        live.kinds = kinds(&graph);
        let old = self.sql.insert(e.execution_id, SqlExecution { plan: graph, ..execution });
        if let (Some(old), Some(new)) = (old, self.sql.get_mut(&e.execution_id)) {
            new.jobs = old.jobs;
            new.stages = old.stages;
        }
        if let Some(early) = self.live.sql.unstarted.remove(&e.execution_id)
            && let Some(new) = self.sql.get_mut(&e.execution_id)
        {
            new.jobs.extend(early.jobs);
            new.stages.extend(early.stages);
        }
        self.changed.sql.insert(e.execution_id);
    }

    pub(super) fn sql_adaptive_update(&mut self, e: &SqlAdaptiveExecutionUpdate<'_>) {
        let Some(exec) = self.sql.get_mut(&e.execution_id) else { return };
        // Of many plans the last stays: it is masked when it is taken.
        self.unmasked.insert(e.execution_id);
        exec.plan_description = e.physical_plan_description.to_string();
        if let Some(info) = &e.spark_plan_info {
            // The graph is the new plan's; values of metrics of earlier plans stay known.
            let old = std::mem::replace(&mut exec.plan, plan::graph(info));
            exec.initial_plan.get_or_insert_with(|| old.drawn());
            if let Some(live) = self.live.sql.executions.get_mut(&e.execution_id) {
                live.kinds.extend(kinds(&exec.plan));
            }
        }
        self.changed.sql.insert(e.execution_id);
    }

    pub(super) fn sql_adaptive_metrics(&mut self, e: &SqlAdaptiveMetricUpdates<'_>) {
        if let Some(live) = self.live.sql.executions.get_mut(&e.execution_id) {
            live.kinds.extend(e.sql_plan_metrics.iter().map(|m| (m.accumulator_id, m.metric_type.to_string())));
        }
    }

    pub(super) fn driver_accum_updates(&mut self, e: &DriverAccumUpdates) {
        if let Some(live) = self.live.sql.executions.get_mut(&e.execution_id) {
            live.driver_updates.extend_from_slice(&e.accum_updates);
            self.changed.sql.insert(e.execution_id);
        }
    }

    pub(super) fn sql_execution_end(&mut self, e: &SqlExecutionEnd<'_>) {
        self.saw_time(e.time);
        if !self.live.sql.executions.contains_key(&e.execution_id) {
            return;
        }
        self.mask_plan(e.execution_id);
        if let Some(exec) = self.sql.get_mut(&e.execution_id) {
            exec.completion_time = Some(e.time);
            exec.error = e.error_message.as_ref().map(|m| self.redactor.text(m).into_owned());
            // The last update of many says only that the plan stays as it is.
            exec.initial_plan = exec.initial_plan.take().filter(|p| !p.looks_like(&exec.plan));
        }
        self.gather_sql(e.execution_id);
        self.sql_end_event(e.execution_id);
        self.drop_stale_stages(Some(e.execution_id));
    }

    pub(super) fn sql_job_start(&mut self, e: &JobStart<'_>, execution: Option<i64>) {
        let Some(id) = execution else { return };
        let live = self.live.sql.executions.entry(id).or_insert_with(|| {
            // A job of an execution that has ended already: it will end with this job.
            let ended = self.sql.get(&id).filter(|x| x.completion_time.is_some());
            LiveExecution {
                kinds: self.sql.get(&id).map(|x| kinds(&x.plan)).unwrap_or_default(),
                end_events: ended.map_or(0, |x| x.jobs.len() as i64 + 1),
                ..LiveExecution::default()
            }
        });
        if !live.kinds.is_empty() {
            for stage in &e.stage_infos {
                let fresh = StageMetrics { execution: id, num_tasks: stage.num_tasks, ..StageMetrics::default() };
                self.live.sql.stages.insert(stage.stage_id, fresh);
            }
        }
        let (jobs, stages) = match self.sql.get_mut(&id) {
            Some(exec) => {
                self.changed.sql.insert(id);
                (&mut exec.jobs, &mut exec.stages)
            }
            None => {
                let early = self.live.sql.unstarted.entry(id).or_default();
                (&mut early.jobs, &mut early.stages)
            }
        };
        jobs.insert(e.job_id, JobStatus::Running);
        stages.extend(if e.stage_ids.is_empty() {
            e.stage_infos.iter().map(|s| s.stage_id).collect::<Vec<_>>()
        } else {
            e.stage_ids.clone()
        });
    }

    pub(super) fn sql_job_end(&mut self, job: i64, status: JobStatus) {
        let Some(id) = self.jobs.get(&job).and_then(|j| j.sql_execution_id) else { return };
        let jobs = match (self.sql.get_mut(&id), self.live.sql.unstarted.get_mut(&id)) {
            (Some(exec), _) => &mut exec.jobs,
            (None, Some(early)) => &mut early.jobs,
            (None, None) => return,
        };
        if let Some(s) = jobs.get_mut(&job) {
            *s = status;
            self.sql_end_event(id);
        }
    }

    /// Counts an end; when execution and jobs have all ended, nothing needs to be remembered.
    fn sql_end_event(&mut self, id: i64) {
        let early = || self.live.sql.unstarted.get(&id).map_or(0, |x| x.jobs.len() as i64);
        let jobs = self.sql.get(&id).map_or_else(early, |x| x.jobs.len() as i64);
        if self.sql.contains_key(&id) {
            self.changed.sql.insert(id);
        }
        if let Some(live) = self.live.sql.executions.get_mut(&id) {
            live.end_events += 1;
            if live.end_events > jobs {
                self.live.sql.executions.remove(&id);
                self.drop_stale_stages(None);
            }
        }
    }

    /// Forgets values of stages that no running execution (`except` aside) works on.
    fn drop_stale_stages(&mut self, except: Option<i64>) {
        let SqlLive { executions, stages, .. } = &mut self.live.sql;
        if stages.is_empty() {
            return;
        }
        let used: BTreeSet<i64> = executions
            .keys()
            .filter(|id| Some(**id) != except)
            .filter_map(|id| self.sql.get(id))
            .flat_map(|x| x.stages.iter().copied())
            .collect();
        stages.retain(|stage, _| used.contains(stage));
    }

    pub(super) fn sql_stage_submitted(&mut self, stage: i64, attempt: i64) {
        if let Some(s) = self.live.sql.stages.get_mut(&stage)
            && s.attempt != attempt
        {
            *s = StageMetrics { execution: s.execution, attempt, num_tasks: s.num_tasks, ..StageMetrics::default() };
        }
    }

    pub(super) fn sql_task_end(&mut self, e: &TaskEnd<'_>, info: &TaskInfo<'_>) {
        let SqlLive { executions, stages, .. } = &mut self.live.sql;
        let Some(stage) = stages.get_mut(&e.stage_id) else { return };
        if stage.attempt != e.stage_attempt_id || stage.completed.contains(info.index) {
            return;
        }
        let Some(live) = executions.get(&stage.execution) else { return };
        if !(0..stage.num_tasks).contains(&info.index) {
            return;
        }
        for acc in &info.accumulables.kept {
            let Some(kind) = live.kinds.get(&acc.id) else { continue };
            let Some(value) = acc.update.as_ref().and_then(|u| u.as_i64()) else { continue };
            let values = stage.values.entry(acc.id).or_default();
            values.by_index.set(info.index, value);
            if kind != "sum" && values.max.is_none_or(|(max, _)| value > max) {
                values.max = Some((value, info.task_id));
            }
        }
        if !info.failed && !info.killed {
            stage.completed.insert(info.index);
            if chunk_is_done(&stage.completed, info.index) {
                stage.values.values_mut().for_each(|v| v.by_index.pack(info.index));
            }
        }
    }

    /// Masks plans that came since the last time.
    pub(super) fn mask_plans(&mut self) {
        while let Some(id) = self.unmasked.first().copied() {
            self.mask_plan(id);
        }
    }

    fn mask_plan(&mut self, id: i64) {
        if self.unmasked.remove(&id)
            && let Some(exec) = self.sql.get_mut(&id)
        {
            plan::mask(&mut exec.plan, &self.redactor);
            exec.plan_description = self.redactor.text(&exec.plan_description).into_owned();
        }
    }

    /// Brings the metrics of running executions up to date.
    pub(super) fn settle_sql(&mut self) {
        let running: Vec<i64> = self.live.sql.executions.keys().copied().collect();
        for id in running {
            if self.sql.get(&id).is_some_and(|x| x.completion_time.is_none()) {
                self.gather_sql(id);
                self.changed.sql.insert(id);
            }
        }
    }

    /// Turns the values of an execution's stages and driver updates into its metrics.
    fn gather_sql(&mut self, id: i64) {
        let Some(live) = self.live.sql.executions.get(&id) else { return };
        let Some(exec) = self.sql.get_mut(&id) else { return };
        let mut all: BTreeMap<i64, Gathered> = BTreeMap::new();
        // In Spark's order: of equal highest values the first one seen is named.
        for stage_id in &order::trie_order(exec.stages.iter().copied()) {
            let Some(stage) = self.live.sql.stages.get(stage_id) else { continue };
            for (acc, values) in stage.values.iter().filter(|(acc, _)| live.kinds.contains_key(acc)) {
                let g = all.entry(*acc).or_default();
                g.reported = g.reported.saturating_add(values.by_index.len());
                let further = stage.num_tasks.saturating_sub(values.by_index.len());
                let from = g.values.len();
                g.zeros = g.zeros.saturating_add(values.by_index.append(&mut g.values)).saturating_add(further);
                let sum = g.values[from..].iter().filter(|v| **v > 0).fold(0i64, |a, b| a.wrapping_add(*b));
                g.stages.push((*stage_id, sum));
                if let Some((max, task)) = values.max
                    && g.max_at.is_none_or(|(seen, _)| max > seen)
                {
                    g.max_at = Some((max, (*stage_id, stage.attempt, task)));
                }
            }
        }
        for (acc, value) in &live.driver_updates {
            if live.kinds.contains_key(acc) {
                let g = all.entry(*acc).or_default();
                if g.max_at.is_some_and(|(max, _)| *value > max) {
                    g.max_at = None;
                }
                g.values.push(*value);
                g.reported += 1;
            }
        }
        // Values of an earlier gathering whose stages are gone stay as they were.
        for (acc, gathered) in all {
            let kind = live.kinds[&acc].clone();
            exec.metrics.insert(acc, gathered.into_metric(kind));
        }
    }
}

#[derive(Default)]
struct Gathered {
    values: Vec<i64>,
    /// Values up to the last that each stage's tasks reported.
    reported: i64,
    /// Further values that are 0.
    zeros: i64,
    max_at: Option<(i64, (i64, i64, i64))>,
    stages: Vec<(i64, i64)>,
}

impl Gathered {
    fn into_metric(self, kind: String) -> SqlMetric {
        let Gathered { mut values, reported, zeros, max_at, stages } = self;
        if kind == "sum" {
            let sum = values.iter().fold(0i64, |a, b| a.wrapping_add(*b));
            return SqlMetric { kind, values: reported, sum, stages, ..SqlMetric::default() };
        }
        let least = i64::from(kind == "average");
        values.retain(|v| *v >= least);
        values.sort_unstable();
        let zeros = if least == 0 { zeros.max(0) } else { 0 };
        let count = zeros.saturating_add(values.len() as i64);
        // The zeros stand in front of the sorted values.
        let at = |i: i64| if i < zeros { 0 } else { values.get((i - zeros) as usize).copied().unwrap_or(0) };
        SqlMetric {
            values: count,
            sum: values.iter().fold(0i64, |a, b| a.wrapping_add(*b)),
            min: at(0),
            median: at(count / 2),
            max: at((count - 1).max(0)),
            max_at: max_at.map(|(_, at)| at),
            stages,
            kind,
        }
    }
}

fn kinds(graph: &PlanGraph) -> HashMap<i64, String> {
    graph.nodes.iter().flat_map(|n| &n.metrics).map(|m| (m.accumulator_id, m.kind.clone())).collect()
}
