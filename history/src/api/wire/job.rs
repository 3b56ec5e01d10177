//! `JobData`: a job as `jobs` and `jobs/<id>` answer it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Date;
use crate::state::{Job, JobStatus};

/// A job; what has not happened yet is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobData {
    pub job_id: i64,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission_time: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Date>,
    pub stage_ids: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_group: Option<String>,
    pub job_tags: Vec<String>,
    pub status: &'static str,
    pub num_tasks: i64,
    pub num_active_tasks: i64,
    pub num_completed_tasks: i64,
    pub num_skipped_tasks: i64,
    pub num_failed_tasks: i64,
    pub num_killed_tasks: i64,
    pub num_completed_indices: i64,
    pub num_active_stages: i64,
    pub num_completed_stages: usize,
    pub num_skipped_stages: usize,
    pub num_failed_stages: i64,
    /// Killed tasks by reason.
    pub killed_tasks_summary: BTreeMap<String, i64>,
}

impl JobData {
    pub fn new(job: &Job) -> Self {
        JobData {
            job_id: job.id,
            name: job.name.clone(),
            description: job.description.clone(),
            submission_time: job.submission_time.map(Date),
            completion_time: job.completion_time.map(Date),
            stage_ids: job.stage_ids.clone(),
            job_group: job.job_group.clone(),
            job_tags: job.job_tags.clone(),
            status: job_status(job.status),
            num_tasks: job.num_tasks,
            num_active_tasks: job.active_tasks,
            num_completed_tasks: job.completed_tasks,
            num_skipped_tasks: job.skipped_tasks,
            num_failed_tasks: job.failed_tasks,
            num_killed_tasks: job.killed_tasks,
            num_completed_indices: job.completed_indices,
            num_active_stages: job.active_stages,
            num_completed_stages: job.completed_stages.len(),
            num_skipped_stages: job.skipped_stages.len(),
            num_failed_stages: job.failed_stages,
            killed_tasks_summary: job.killed_summary.clone(),
        }
    }
}

/// Spark's name of a job's status; a job that is not known to run or to have ended is `UNKNOWN`
/// to Spark, which history never has.
pub fn job_status(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Running => "RUNNING",
        JobStatus::Succeeded => "SUCCEEDED",
        JobStatus::Failed => "FAILED",
    }
}
