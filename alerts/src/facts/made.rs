//! Facts made by hand, for the tests of rules.

use std::collections::BTreeMap;

use afterglow_history::insight::wall_clock::wall_clock;
use afterglow_history::state::{
    Environment, Executor, Job, JobStatus, PlanMetric, PlanNode, SqlExecution, SqlMetric, StageAttempt, StageKey,
    StageStatus, Task, TaskStatus, TaskTimes,
    metrics::{Peaks, TaskMetrics},
};

use super::Facts;
use crate::conf::Conf;
use crate::finding::{Advice, Finding, NotKnown};
use crate::judge::judge_facts;
use crate::rules::{Limits, Rule};

/// What one rule says of facts.
pub fn said(rule: &str, facts: &Facts) -> (Vec<Finding>, Vec<NotKnown>) {
    let judged = judge_facts(facts, &Limits::default());
    let findings = judged.findings.into_iter().filter(|f| f.rule == rule).collect();
    (findings, judged.not_known.into_iter().filter(|n| n.rule == rule).collect())
}

/// What one rule finds.
pub fn found(rule: &str, facts: &Facts) -> Vec<Finding> {
    said(rule, facts).0
}

/// Settings that a finding advises: key, what is now, what should be.
pub fn settings(finding: &Finding) -> Vec<(&'static str, Option<&str>, &str)> {
    let set = finding.advice.iter().filter_map(|a| match a {
        Advice::Set(s) => Some((s.key, s.current.as_deref(), s.suggested.as_str())),
        Advice::Do(_) => None,
    });
    set.collect()
}

/// An application on YARN that ran for some seconds, with these settings.
pub fn application(version: &str, seconds: i64, properties: &[(&str, &str)]) -> Facts {
    let master = [("spark.master", "yarn")];
    let all = master.iter().chain(properties).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let mut facts = Facts {
        conf: Conf::new(version, &Environment { spark_properties: all.collect(), ..Environment::default() }),
        ended: true,
        end: seconds * 1000,
        ..Facts::default()
    };
    facts.wall.total = facts.end;
    facts
}

/// An application on executors of four cores each, which ended after so many milliseconds.
pub fn cluster(executors: i64, duration: i64, version: &str, properties: &[(&str, &str)]) -> Facts {
    let mut facts = Facts { end: duration, ..application(version, 0, properties) };
    facts.application.end_time = Some(duration);
    facts.executors.insert("driver".into(), Executor { id: "driver".into(), active: true, ..Executor::default() });
    for id in (1..=executors).map(|n| n.to_string()) {
        let host = Some(format!("h{id}"));
        let executor =
            Executor { id: id.clone(), host, active: true, total_cores: 4, max_tasks: 4, ..Executor::default() };
        facts.executors.insert(id, executor);
    }
    facts
}

/// A stage attempt that is complete: when it ran, and tasks, with how long the median and the longest took.
pub fn stage(key: StageKey, (from, to): (i64, i64), (tasks, median, longest): (i64, i64, i64)) -> StageAttempt {
    let run = median.saturating_mul(tasks - 1).saturating_add(longest);
    StageAttempt {
        stage_id: key.0,
        attempt_id: key.1,
        status: StageStatus::Complete,
        num_tasks: tasks,
        completed_tasks: tasks,
        completed_indices: tasks,
        submission_time: Some(from),
        first_task_launched_time: Some(from),
        completion_time: Some(to),
        measured_time: run,
        task_times: Some(TaskTimes { tasks, median, longest }),
        metrics: TaskMetrics { executor_run_time: run, ..TaskMetrics::default() },
        ..StageAttempt::default()
    }
}

pub fn failed_task(stage: StageKey, task_id: i64, error: &str) -> Task {
    Task {
        stage_id: stage.0,
        stage_attempt_id: stage.1,
        task_id,
        status: TaskStatus::Failed,
        duration: Some(1_000),
        executor_id: "1".into(),
        host: "h1".into(),
        error: Some(error.to_owned()),
        ..Task::default()
    }
}

pub fn job(id: i64, status: JobStatus, stages: &[i64], error: Option<&str>) -> Job {
    Job {
        id,
        status,
        stage_ids: stages.to_vec(),
        submission_time: Some(0),
        completion_time: Some(1),
        error: error.map(str::to_owned),
        ..Job::default()
    }
}

/// What a finding advises to set, by key.
pub fn suggested(finding: &Finding) -> BTreeMap<&'static str, String> {
    settings(finding).into_iter().map(|(key, _, value)| (key, value.to_owned())).collect()
}

impl Facts {
    /// Puts a stage attempt in.
    pub fn with(mut self, stage: StageAttempt) -> Self {
        self.stages.insert((stage.stage_id, stage.attempt_id), stage);
        self.wall = wall_clock(self.start, self.end, &self.stages, &self.executors);
        self
    }

    /// What a rule finds.
    pub fn found(&self, rule: &Rule) -> Vec<Finding> {
        found(rule.name, self)
    }

    /// What a rule cannot know.
    pub fn not_known(&self, rule: &Rule) -> Vec<NotKnown> {
        said(rule.name, self).1
    }

    /// With a stage that has some of the application's time to itself.
    pub fn with_stage(
        mut self,
        id: i64,
        seconds: i64,
        run_seconds: i64,
        change: impl FnOnce(&mut StageAttempt),
    ) -> Self {
        let mut stage = StageAttempt { stage_id: id, status: StageStatus::Complete, ..StageAttempt::default() };
        stage.metrics.executor_run_time = run_seconds * 1000;
        (stage.num_tasks, stage.completed_tasks) = (200, 200);
        (stage.submission_time, stage.completion_time) = (Some(0), Some(seconds * 1000));
        change(&mut stage);
        self.wall.stages.insert((id, 0), (seconds * 1000) as f64);
        self.stages.insert((id, 0), stage);
        self
    }

    /// With an executor that was there all the time.
    pub fn with_executor(mut self, id: &str, cores: i64, peaks: &[(&str, i64)]) -> Self {
        use afterglow_history::state::metrics::EXECUTOR_METRIC_NAMES;
        let mut all = [0; 23];
        for (name, value) in peaks {
            let at = EXECUTOR_METRIC_NAMES.iter().position(|n| n == name).expect("a metric of executors");
            all[at] = *value;
        }
        let peaks = if peaks.is_empty() { Peaks::default() } else { Peaks(Some(all)) };
        let executor =
            Executor { id: id.to_owned(), total_cores: cores, total_tasks: 10, peaks, ..Executor::default() };
        self.executors.insert(id.to_owned(), executor);
        self
    }

    /// With a SQL execution of stages, whose plan is nodes and edges from input to output.
    pub fn with_sql(mut self, seconds: i64, stages: &[i64], nodes: Vec<Made>, edges: &[(i64, i64)]) -> Self {
        let id = self.sql.len() as i64;
        let mut x = SqlExecution {
            id,
            root_id: id,
            completion_time: Some(seconds * 1000),
            error: Some(String::new()),
            stages: stages.iter().copied().collect(),
            ..SqlExecution::default()
        };
        x.plan.edges = edges.to_vec();
        for (at, made) in (0..).zip(nodes) {
            let mut node = made.node;
            node.id = at;
            for (n, (name, kind, sum, stage)) in (0..).zip(made.metrics) {
                let accumulator_id = at * 100 + n;
                node.metrics.push(PlanMetric { name: name.to_owned(), accumulator_id, kind: kind.to_owned() });
                let stages = stage.map(|s| (s, sum)).into_iter().collect();
                let value =
                    SqlMetric { kind: kind.to_owned(), values: 1, sum, max: sum, stages, ..SqlMetric::default() };
                x.metrics.insert(accumulator_id, value);
            }
            x.plan.nodes.push(node);
        }
        self.jobs.insert(id, Job { id, sql_execution_id: Some(id), ..Job::default() });
        for ((stage, _), attempt) in &mut self.stages {
            if stages.contains(stage) {
                attempt.job_ids.insert(id);
            }
        }
        self.sql.insert(id, x.clone());
        self.plans.insert(id, x);
        self
    }
}

/// An operator with its metrics: name, kind, sum, and the stage that reported it (none: the driver).
pub struct Made {
    node: PlanNode,
    metrics: Vec<(&'static str, &'static str, i64, Option<i64>)>,
}

pub fn node(name: &str, description: &str) -> Made {
    let node = PlanNode { name: name.to_owned(), description: description.to_owned(), ..PlanNode::default() };
    Made { node, metrics: Vec::new() }
}

impl Made {
    pub fn measured(mut self, name: &'static str, kind: &'static str, sum: i64, stage: impl Into<Option<i64>>) -> Self {
        self.metrics.push((name, kind, sum, stage.into()));
        self
    }

    pub fn says(mut self, key: &str, value: &str) -> Self {
        self.node.metadata.push((key.to_owned(), value.to_owned()));
        self
    }
}
