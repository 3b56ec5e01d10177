//! `stages`: lists, attempts, details and summaries.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::rows::{Ended, Rows, TOGETHER};
use super::target::Target;
use super::tasks::{distributions, show};
use super::wire::{StageData, executor_distributions, executor_summaries, speculation_summary};
use crate::state::{Executor, StageAttempt, Task, TaskStatus};
use crate::store::merge::Way;
use crate::store::tasks::TaskFilter;

/// What a request wants shown of each stage.
struct View {
    details: bool,
    summaries: bool,
    quantiles: Vec<f64>,
    task_statuses: Vec<TaskStatus>,
}

/// Bytes of a task while tasks are put in the order of their ids.
const PLACED: u64 = 16;

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

    /// Writes a stage attempt. Of its tasks, of which there may be millions, only some are in memory.
    async fn write(
        &self,
        rows: &mut Rows,
        target: &Target,
        executors: &Arc<BTreeMap<String, Executor>>,
        stage: &StageAttempt,
    ) -> Result<(), Ended> {
        let mut data = StageData::new(stage);
        if !self.details && !self.summaries {
            return rows.row(&data).await;
        }
        let (tasks, _held) = target.hold_tasks((stage.stage_id, stage.attempt_id), PLACED, rows).await?;
        let tasks = Arc::new(tasks);
        if self.details {
            data.tasks = Some(BTreeMap::new());
            data.executor_summary = Some(executor_summaries(stage));
            data.speculation_summary = speculation_summary(stage);
        }
        if self.summaries {
            let (of, quantiles) = (tasks.clone(), self.quantiles.clone());
            data.task_metrics_distributions =
                target.compute(tasks.len(), move || distributions(&of, &quantiles)).await?;
            data.executor_metrics_distributions = executor_distributions(stage, &self.quantiles);
        }
        let Some([before, after]) = data.around_tasks()? else { return rows.row(&data).await };
        rows.comma();
        rows.begin(&before).await?;
        let filter = TaskFilter { statuses: self.task_statuses.clone(), ..TaskFilter::default() };
        let of = tasks.clone();
        let order = target.compute(tasks.len(), move || of.rows_by_text(&filter)).await?;
        let now = target.last_word();
        for some in order.chunks(TOGETHER) {
            let (of, executors, some) = (tasks.clone(), executors.clone(), some.to_vec());
            rows.rows(&target.compute(order.len(), move || by_id(&of.fetch(&some), &executors, now)).await??).await?;
        }
        rows.end_row(&after).await
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

/// Tasks by their ids, as the members of an object.
fn by_id(tasks: &[Task], executors: &BTreeMap<String, Executor>, now: i64) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(tasks.len() << 11);
    for task in tasks {
        if !out.is_empty() {
            out.push(b',');
        }
        serde_json::to_writer(&mut out, &task.task_id.to_string())?;
        out.push(b':');
        serde_json::to_writer(&mut out, &show(task, executors, now))?;
    }
    Ok(out)
}

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let statuses = query.stage_statuses()?;
    let view = View::of(&query, false)?;
    let mut part = query.part()?;
    let executors = Arc::new(if view.details { target.reader.executors().await? } else { BTreeMap::new() });
    let mut stages = target.reader.stages_in_order(Way::Backwards).await?;
    target
        .rows(|target, mut rows| async move {
            let wanted = |s: &StageAttempt| (statuses.is_empty() || statuses.contains(&s.status)) && view.keeps(s);
            rows.begin(b"[").await?;
            while !part.is_over()
                && let Some((key, stage)) = stages.next_head(wanted).await?
            {
                if part.takes() {
                    let stage = stages.whole(key, stage).await?;
                    view.write(&mut rows, &target, &executors, &stage).await?;
                }
            }
            rows.text(b"]").await?;
            Ok(rows)
        })
        .await
}

pub async fn attempts(target: Target, query: Query) -> Result<Response, ApiError> {
    let id = target.number("stage")?;
    let view = View::of(&query, true)?;
    let stages = target.reader.stage(id).await?;
    if stages.is_empty() {
        return Err(ApiError::not_found(format!("unknown stage: {id}")));
    }
    let executors = Arc::new(target.reader.executors().await?);
    target
        .rows(|target, mut rows| async move {
            rows.begin(b"[").await?;
            for stage in &stages {
                view.write(&mut rows, &target, &executors, stage).await?;
            }
            rows.text(b"]").await?;
            Ok(rows)
        })
        .await
}

pub async fn one(target: Target, query: Query) -> Result<Response, ApiError> {
    let (id, attempt) = (target.number("stage")?, target.number("stage_attempt")?);
    let view = View::of(&query, true)?;
    let mut stages = target.reader.stage(id).await?;
    let Some(at) = stages.iter().position(|s| s.attempt_id == attempt) else {
        let found: Vec<String> = stages.iter().map(|s| s.attempt_id.to_string()).collect();
        return Err(ApiError::not_found(match found.is_empty() {
            true => format!("unknown stage: {id}"),
            false => format!("unknown attempt for stage {id}.  Found attempts: [{}]", found.join(",")),
        }));
    };
    let stage = stages.swap_remove(at);
    let executors = Arc::new(target.reader.executors().await?);
    target
        .rows(|target, mut rows| async move {
            view.write(&mut rows, &target, &executors, &stage).await?;
            Ok(rows)
        })
        .await
}
