//! `stages`: lists, attempts, details and summaries.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::tasks::{distributions, show};
use super::wire::{StageData, executor_distributions, executor_summaries, speculation_summary};
use crate::state::{Executor, StageAttempt, TaskStatus};
use crate::store::tasks::TaskFilter;

/// What a request wants shown of each stage.
struct View {
    details: bool,
    summaries: bool,
    quantiles: Vec<f64>,
    task_statuses: Vec<TaskStatus>,
}

const QUANTILES: &str = "0.0,0.25,0.5,0.75,1.0";

impl View {
    fn of(query: &Query, details: bool) -> Result<View, ApiError> {
        Ok(View {
            details: query.flag("details", details),
            summaries: query.flag("withSummaries", false),
            quantiles: query.quantiles(QUANTILES)?,
            task_statuses: query.task_statuses("taskStatus")?,
        })
    }

    async fn show(
        &self,
        target: &Target,
        executors: &BTreeMap<String, Executor>,
        stage: &StageAttempt,
    ) -> Result<StageData, ApiError> {
        let mut data = StageData::new(stage);
        if !self.details && !self.summaries {
            return Ok(data);
        }
        let tasks = Arc::new(target.tasks((stage.stage_id, stage.attempt_id)).await?);
        if self.details {
            let filter = TaskFilter { statuses: self.task_statuses.clone(), ..TaskFilter::default() };
            let of = tasks.clone();
            // Whole stages may be asked for: nothing that other requests should wait for.
            let wanted = tokio::task::spawn_blocking(move || of.all(filter)).await?;
            let shown = wanted.iter().map(|t| (t.task_id.to_string(), show(t, executors, target.last_word())));
            data.tasks = Some(shown.collect());
            data.executor_summary = Some(executor_summaries(stage));
            data.speculation_summary = speculation_summary(stage);
        }
        if self.summaries {
            let quantiles = self.quantiles.clone();
            data.task_metrics_distributions =
                tokio::task::spawn_blocking(move || distributions(&tasks, &quantiles)).await?;
            data.executor_metrics_distributions = executor_distributions(stage, &self.quantiles);
        }
        Ok(data)
    }

    /// With details, a list keeps only stages that have tasks of the wanted kinds.
    fn keeps(&self, s: &StageAttempt) -> bool {
        let has = |status: &TaskStatus| match status {
            TaskStatus::Failed => s.failed_tasks > 0,
            TaskStatus::Killed => s.killed_tasks > 0,
            TaskStatus::Running => s.active_tasks > 0,
            TaskStatus::Success => s.completed_tasks > 0,
            _ => {
                let begun = [s.failed_tasks, s.killed_tasks, s.active_tasks, s.completed_tasks];
                begun.into_iter().fold(s.num_tasks, i64::wrapping_sub) > 0
            }
        };
        !self.details || self.task_statuses.is_empty() || self.task_statuses.iter().any(has)
    }
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let statuses = query.stage_statuses()?;
    let view = View::of(&query, false)?;
    let executors = if view.details { target.reader.executors().await? } else { BTreeMap::new() };
    let stages = target.reader.stages().await?;
    let shown =
        stages.into_values().rev().filter(|s| (statuses.is_empty() || statuses.contains(&s.status)) && view.keeps(s));
    let mut out = Vec::new();
    for stage in query.slice(shown.collect())? {
        out.push(view.show(&target, &executors, &stage).await?);
    }
    target.json(&out)
}

pub async fn attempts(target: Target, query: Query) -> Result<Response, ApiError> {
    let id = target.number("stage")?;
    let view = View::of(&query, true)?;
    let stages = target.reader.stage(id).await?;
    if stages.is_empty() {
        return Err(ApiError::not_found(format!("unknown stage: {id}")));
    }
    let executors = target.reader.executors().await?;
    let mut out = Vec::new();
    for stage in &stages {
        out.push(view.show(&target, &executors, stage).await?);
    }
    target.json(&out)
}

pub async fn one(target: Target, query: Query) -> Result<Response, ApiError> {
    let (id, attempt) = (target.number("stage")?, target.number("stage_attempt")?);
    let view = View::of(&query, true)?;
    let stages = target.reader.stage(id).await?;
    let Some(stage) = stages.iter().find(|s| s.attempt_id == attempt) else {
        let found: Vec<String> = stages.iter().map(|s| s.attempt_id.to_string()).collect();
        return Err(ApiError::not_found(match found.is_empty() {
            true => format!("unknown stage: {id}"),
            false => format!("unknown attempt for stage {id}.  Found attempts: [{}]", found.join(",")),
        }));
    };
    let executors = target.reader.executors().await?;
    target.json(&view.show(&target, &executors, stage).await?)
}
