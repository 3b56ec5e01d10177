//! Facts made by hand, for the tests of rules.

use std::collections::BTreeMap;

use afterglow_history::insight::wall_clock::wall_clock;
use afterglow_history::state::{
    Environment, Executor, Job, JobStatus, StageAttempt, StageKey, StageStatus, Task, TaskStatus, TaskTimes,
    metrics::TaskMetrics,
};

use super::Facts;
use crate::conf::Conf;
use crate::finding::{Advice, Finding};
use crate::rules::{Limits, Rule, Verdict};

/// An application on executors of four cores each, which ended.
pub fn cluster(executors: i64, duration: i64, version: &str, properties: &[(&str, &str)]) -> Facts {
    let mut all = vec![("spark.master", "yarn")];
    all.extend(properties);
    let spark_properties = all.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut facts = Facts {
        ended: true,
        end: duration,
        conf: Conf::new(version, &Environment { spark_properties, ..Environment::default() }),
        ..Facts::default()
    };
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

impl Facts {
    /// Puts a stage attempt in.
    pub fn with(mut self, stage: StageAttempt) -> Self {
        self.stages.insert((stage.stage_id, stage.attempt_id), stage);
        self.wall = wall_clock(self.start, self.end, &self.stages, &self.executors);
        self
    }

    pub fn judged(&self, rule: &Rule) -> Verdict {
        let mut verdict = Verdict::default();
        (rule.judge)(self, &Limits::default(), &mut verdict);
        verdict
    }

    /// What a rule finds.
    pub fn found(&self, rule: &Rule) -> Vec<Finding> {
        self.judged(rule).findings
    }
}

/// The settings that a finding advises, with what it suggests.
pub fn settings(finding: &Finding) -> BTreeMap<&'static str, String> {
    let set = |a: &Advice| match a {
        Advice::Set(s) => Some((s.key, s.suggested.clone())),
        Advice::Do(_) => None,
    };
    finding.advice.iter().filter_map(set).collect()
}
