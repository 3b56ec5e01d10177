//! Jobs and stages: what starts, what completes, what is skipped, and who counts it.

use std::collections::{BTreeMap, BTreeSet};

use afterglow_ingest::event::{Accumulable, JobEnd, JobStart, StageCompleted, StageInfo, StageSubmitted};

use crate::order;

use super::metrics::plus;
use super::{AccumulableValue, Attempt, Job, JobStatus, Level, Rdd, RddNode, StageAttempt, StageKey, StageStatus};

const DEFAULT_POOL: &str = "default";

impl Attempt {
    pub(super) fn job_start(&mut self, e: &JobStart<'_>) {
        self.saw_time(e.submission_time);
        let property = |key: &str| e.properties.as_ref().and_then(|p| p.value(key)).map(|v| v.to_string());
        let last = e.stage_infos.iter().max_by_key(|s| s.stage_id);
        let mut tags: Vec<String> = property("spark.job.tags")
            .map(|t| t.split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect())
            .unwrap_or_default();
        tags.sort();
        let stage_ids = if e.stage_ids.is_empty() {
            e.stage_infos.iter().map(|s| s.stage_id).collect()
        } else {
            e.stage_ids.clone()
        };
        let sql_execution_id = property("spark.sql.execution.id").and_then(|v| v.parse().ok());
        let new = e.stage_infos.iter().filter(|s| s.completion_time.is_none());
        let job = Job {
            id: e.job_id,
            name: last.map(|s| self.redactor.text(&s.name).into_owned()).unwrap_or_default(),
            description: property("spark.job.description").map(|d| self.redactor.text(&d).into_owned()),
            submission_time: (e.submission_time > 0).then_some(e.submission_time),
            stage_ids,
            job_group: property("spark.jobGroup.id").map(|g| self.redactor.text(&g).into_owned()),
            job_tags: tags,
            sql_execution_id,
            // May be too many: stages whose output exists already are skipped later.
            num_tasks: new.fold(0i64, |sum, s| sum.wrapping_add(s.num_tasks)),
            ..Job::default()
        };
        self.operation_job(&job);
        self.jobs.insert(e.job_id, job);
        self.live.ended.remove(&e.job_id);
        self.live.jobs.insert(e.job_id);
        self.changed.jobs.insert(e.job_id);
        for info in &e.stage_infos {
            let key = (info.stage_id, info.attempt_id);
            if self.stages.contains_key(&key) && !self.live.stages.contains_key(&key) {
                self.live.shadows.insert(key);
                continue;
            }
            self.update_stage(info);
            self.live.stages.entry(key).or_default().jobs.push(e.job_id);
            if let Some(stage) = self.stages.get_mut(&key) {
                stage.job_ids.insert(e.job_id);
            }
        }
        self.sql_job_start(e, sql_execution_id);
    }

    pub(super) fn job_end(&mut self, e: &JobEnd<'_>) {
        self.saw_time(e.completion_time);
        let succeeded = &*e.result.result == "JobSucceeded";
        let status = if succeeded { JobStatus::Succeeded } else { JobStatus::Failed };
        self.sql_job_end(e.job_id, status);
        if !self.live.jobs.remove(&e.job_id) {
            return;
        }
        let Some(mut job) = self.jobs.remove(&e.job_id) else { return };
        let pending: Vec<StageKey> = self
            .live
            .stages
            .keys()
            .filter(|k| job.stage_ids.contains(&k.0))
            .filter(|k| self.stages.get(*k).is_some_and(|s| s.status == StageStatus::Pending))
            .copied()
            .collect();
        for key in pending {
            if let Some(stage) = self.stages.get_mut(&key) {
                stage.status = StageStatus::Skipped;
                skip(&mut job, stage);
                self.changed.stages.insert(key);
            }
            self.live.stages.remove(&key);
        }
        self.live.shadows.retain(|key| {
            let listed = job.stage_ids.contains(&key.0);
            if listed && let Some(stage) = self.stages.get(key) {
                skip(&mut job, stage);
            }
            !listed
        });
        job.status = status;
        job.error = e.result.exception.as_ref().map(|x| self.redactor.text(&x.message).into_owned());
        job.completion_time = (e.completion_time > 0).then_some(e.completion_time);
        self.changed.jobs.insert(job.id);
        if self.live.stages.values().any(|s| s.jobs.contains(&job.id)) {
            self.live.ended.insert(job.id, job.clone());
        }
        self.jobs.insert(job.id, job);
    }

    pub(super) fn stage_submitted(&mut self, e: &StageSubmitted<'_>) {
        let info = &e.stage_info;
        let key = (info.stage_id, info.attempt_id);
        self.saw_time(info.submission_time.unwrap_or(0));
        self.live.shadows.remove(&key);
        self.update_stage(info);
        let jobs: Vec<i64> = self
            .live
            .jobs
            .iter()
            .filter(|id| self.jobs.get(id).is_some_and(|j| j.stage_ids.contains(&info.stage_id)))
            .copied()
            .collect();
        let property = |key: &str| e.properties.as_ref().and_then(|p| p.value(key)).map(|v| v.to_string());
        let description = property("spark.job.description").map(|d| self.redactor.text(&d).into_owned());
        if let Some(stage) = self.stages.get_mut(&key) {
            stage.status = StageStatus::Active;
            stage.scheduling_pool = property("spark.scheduler.pool").unwrap_or_else(|| DEFAULT_POOL.to_owned());
            stage.description = description;
            stage.job_ids = jobs.iter().copied().collect();
        }
        for id in &jobs {
            if let Some(job) = self.jobs.get_mut(id) {
                job.completed_stages.remove(&info.stage_id);
                job.active_stages += 1;
                self.changed.jobs.insert(*id);
            }
        }
        self.live.stages.entry(key).or_default().jobs = jobs;
        for rdd in info.rdd_infos.iter().filter(|r| r.storage_level.is_valid()) {
            let level = &rdd.storage_level;
            self.rdds.entry(rdd.id).or_insert_with(|| Rdd {
                id: rdd.id,
                name: self.redactor.text(&rdd.name).into_owned(),
                num_partitions: rdd.num_partitions,
                level: Level {
                    disk: level.use_disk,
                    memory: level.use_memory,
                    off_heap: level.use_off_heap,
                    deserialized: level.deserialized,
                    replication: level.replication,
                },
                ..Rdd::default()
            });
            self.changed.rdds.insert(rdd.id);
        }
        self.sql_stage_submitted(info.stage_id, info.attempt_id);
    }

    pub(super) fn stage_completed(&mut self, e: &StageCompleted<'_>) {
        let info = &e.stage_info;
        let key = (info.stage_id, info.attempt_id);
        self.saw_time(info.completion_time.unwrap_or(0));
        if !self.live.stages.contains_key(&key) {
            return;
        }
        self.update_stage(info);
        let Some(stage) = self.stages.get_mut(&key) else { return };
        // Old logs have stages without a submission time in their start event: whether one was
        // skipped shows only here.
        stage.status = match (&info.failure_reason, info.submission_time) {
            (Some(_), _) => StageStatus::Failed,
            (None, Some(_)) => StageStatus::Complete,
            (None, None) => StageStatus::Skipped,
        };
        let (status, done) = (stage.status, stage.active_tasks == 0);
        let Some(live) = self.live.stages.get_mut(&key) else { return };
        let (jobs, excluded) = (live.jobs.clone(), std::mem::take(&mut live.excluded_executors));
        for id in jobs {
            let Some(job) = moving(&mut self.jobs, &mut self.live.ended, &mut self.changed.jobs, id) else { continue };
            match status {
                StageStatus::Complete => {
                    job.completed_stages.insert(info.stage_id);
                }
                StageStatus::Skipped => {
                    job.skipped_stages.insert(info.stage_id);
                    plus(&mut job.skipped_tasks, info.num_tasks);
                }
                _ => job.failed_stages += 1,
            }
            job.active_stages -= 1;
        }
        for id in excluded {
            if let Some(exec) = self.executor_mut(&id) {
                exec.excluded_in_stages.remove(&info.stage_id);
            }
        }
        if done {
            self.stage_is_over(key);
        }
    }

    /// Creates the stage attempt if it is new, and takes over what the scheduler says of it.
    fn update_stage(&mut self, info: &StageInfo<'_>) {
        let key = (info.stage_id, info.attempt_id);
        self.live.stages.entry(key).or_default();
        let mut accumulables = self.accumulables(&info.accumulables.kept);
        // Spark keeps them in a hash map, with those that are not kept here.
        accumulables.sort_by_key(|a| order::table_position_of(a.id, info.accumulables.count));
        let failure = info.failure_reason.as_ref().map(|r| self.redactor.text(r).into_owned());
        let stage = self.stages.entry(key).or_insert_with(|| StageAttempt {
            stage_id: info.stage_id,
            attempt_id: info.attempt_id,
            scheduling_pool: DEFAULT_POOL.to_owned(),
            ..StageAttempt::default()
        });
        if stage.name != *info.name {
            stage.name = self.redactor.text(&info.name).into_owned();
        }
        if stage.details != *info.details {
            stage.details = self.redactor.text(&info.details).into_owned();
        }
        stage.num_tasks = info.num_tasks;
        stage.submission_time = info.submission_time;
        stage.completion_time = info.completion_time;
        stage.failure_reason = failure;
        stage.parent_ids.clone_from(&info.parent_ids);
        stage.accumulables = accumulables;
        stage.resource_profile_id = info.resource_profile_id;
        stage.shuffle_push_enabled = info.shuffle_push_enabled;
        stage.shuffle_mergers = info.shuffle_push_mergers_count;
        if stage.rdds.len() != info.rdd_infos.len() || stage.rdds.iter().zip(&info.rdd_infos).any(|(a, b)| a.id != b.id)
        {
            stage.rdds = info
                .rdd_infos
                .iter()
                .map(|r| RddNode {
                    id: r.id,
                    name: self.redactor.text(&r.name).into_owned(),
                    scope: r.scope.as_ref().map(|s| s.to_string()),
                    callsite: self.redactor.text(&r.callsite).into_owned(),
                    parent_ids: r.parent_ids.clone(),
                    barrier: r.barrier,
                    cached: r.storage_level.is_valid(),
                })
                .collect();
        }
        self.changed.stages.insert(key);
    }

    /// User accumulators: internal ones and those of SQL show in other places.
    pub(super) fn accumulables(&self, all: &[Accumulable<'_>]) -> Vec<AccumulableValue> {
        all.iter()
            .filter(|a| !a.internal && !a.is_sql())
            .map(|a| AccumulableValue {
                id: a.id,
                name: a.name.as_ref().map(|n| n.to_string()),
                update: a.update.as_ref().map(|v| v.to_text()),
                value: a.value.as_ref().map(|v| v.to_text()),
            })
            .collect()
    }
}

/// A job that an event moves: one that has ended as it would be by now, which does not show yet.
pub(super) fn moving<'a>(
    jobs: &'a mut BTreeMap<i64, Job>,
    ended: &'a mut BTreeMap<i64, Job>,
    changed: &mut BTreeSet<i64>,
    id: i64,
) -> Option<&'a mut Job> {
    if let Some(job) = ended.get_mut(&id) {
        return Some(job);
    }
    if !changed.contains(&id) {
        changed.insert(id);
    }
    jobs.get_mut(&id)
}

fn skip(job: &mut Job, stage: &StageAttempt) {
    job.skipped_stages.insert(stage.stage_id);
    plus(&mut job.skipped_tasks, stage.num_tasks);
}
