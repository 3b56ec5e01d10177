//! `jobs/timeline`: when jobs and stages ran.

use std::collections::BTreeSet;

use axum::response::Response;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::target::Target;
use crate::api::wire::{job_status, stage_status};
use crate::state::{Job, StageAttempt};

#[derive(Serialize)]
struct Timeline {
    jobs: Vec<ShownJob>,
    stages: Vec<ShownStage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownJob {
    id: i64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    submit_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    stages: Vec<i64>,
    skipped_stages: BTreeSet<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<i64>,
}

impl ShownJob {
    fn new(j: Job) -> Self {
        ShownJob {
            id: j.id,
            name: j.name,
            description: j.description,
            status: job_status(j.status),
            submit_time: j.submission_time,
            end_time: j.completion_time,
            stages: j.stage_ids,
            skipped_stages: j.skipped_stages,
            sql: j.sql_execution_id,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownStage {
    stage: i64,
    attempt: i64,
    name: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    submit_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_task_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    tasks: i64,
    failed_tasks: i64,
    parents: Vec<i64>,
    jobs: BTreeSet<i64>,
}

impl ShownStage {
    fn new(s: StageAttempt) -> Self {
        ShownStage {
            stage: s.stage_id,
            attempt: s.attempt_id,
            name: s.name,
            status: stage_status(s.status),
            submit_time: s.submission_time,
            first_task_time: s.first_task_launched_time,
            end_time: s.completion_time,
            tasks: s.num_tasks,
            failed_tasks: s.failed_tasks,
            parents: s.parent_ids,
            jobs: s.job_ids,
        }
    }
}

pub async fn timeline(target: Target) -> Result<Response, ApiError> {
    let jobs = target.reader.jobs().await?.into_values().map(ShownJob::new).collect();
    let stages = target.reader.stage_heads().await?.into_values().map(ShownStage::new).collect();
    target.json(&Timeline { jobs, stages })
}
