//! Tasks: the events that make up nearly all of a log. A task is held while it runs, and leaves
//! as a row when it ends.

use afterglow_ingest::event::{TaskEnd, TaskGettingResult, TaskInfo, TaskStart};

use super::{Attempt, StageStatus, Task, TaskStatus, jobs::moving, metrics, metrics::plus};

impl Attempt {
    pub(super) fn task_start(&mut self, e: &TaskStart<'_>) {
        let info = &e.task_info;
        let key = (e.stage_id, e.stage_attempt_id);
        self.saw_time(info.launch_time);
        let task = self.task(key, info);
        let executor = task.executor_id.clone();
        self.live.tasks.insert(info.task_id, task);
        if let Some(live) = self.live.stages.get(&key) {
            if let Some(stage) = self.stages.get_mut(&key) {
                stage.active_tasks += 1;
                let first = stage.first_task_launched_time.get_or_insert(info.launch_time);
                *first = (*first).min(info.launch_time);
                match stage.locality.get_mut(&*info.locality) {
                    Some(n) => *n += 1,
                    None => drop(stage.locality.insert(info.locality.to_string(), 1)),
                }
                if info.speculative {
                    stage.speculation.tasks += 1;
                    stage.speculation.active += 1;
                }
                self.changed.stages.insert(key);
            }
            for id in &live.jobs {
                if let Some(job) = moving(&mut self.jobs, &mut self.live.ended, &mut self.changed.jobs, *id) {
                    job.active_tasks += 1;
                }
            }
        }
        if let Some(exec) = self.executor_mut(&executor) {
            exec.active_tasks += 1;
            exec.total_tasks += 1;
        }
    }

    pub(super) fn task_getting_result(&mut self, e: &TaskGettingResult<'_>) {
        if let Some(task) = self.live.tasks.get_mut(&e.task_info.task_id) {
            task.getting_result_time = e.task_info.getting_result_time;
            task.status = TaskStatus::GetResult;
        }
    }

    pub(super) fn task_end(&mut self, e: &TaskEnd<'_>) {
        let Some(info) = &e.task_info else { return };
        let key = (e.stage_id, e.stage_attempt_id);
        self.saw_time(info.finish_time);
        let started = self.live.tasks.remove(&info.task_id).is_some();
        let resubmitted = e.reason.is_resubmitted();
        if !started && !resubmitted {
            self.completeness.task_ends_without_start += 1;
        }
        // Work that a lost executor had done is given back without a new start: its row stands.
        let counts = started || !resubmitted;
        let duration = info.finish_time.wrapping_sub(info.launch_time).max(0);
        let (completed, killed) = (i64::from(e.reason.is_success()), i64::from(e.reason.is_killed()));
        let failed = 1 - completed - killed;
        let delta = e.metrics.as_ref().filter(|_| counts);
        let mut task = self.task(key, info);
        if let Some(live) = self.live.stages.get_mut(&key)
            && let Some(stage) = self.stages.get_mut(&key)
        {
            stage.active_tasks -= i64::from(started);
            stage.completed_tasks += completed;
            stage.failed_tasks += failed;
            stage.killed_tasks += killed;
            if completed > 0 && live.indices.insert(info.index) {
                stage.completed_indices += 1;
            }
            if counts && task.status == TaskStatus::Success {
                live.durations.add(duration);
            }
            let kill = (killed > 0).then(|| e.reason.kill_summary());
            if let Some(kill) = &kill {
                *stage.killed_summary.entry(kill.clone()).or_default() += 1;
            }
            if info.speculative {
                let s = &mut stage.speculation;
                s.active -= i64::from(started);
                s.completed += completed;
                s.failed += failed;
                s.killed += killed;
            }
            let summary = stage.executors.entry(task.executor_id.clone()).or_default();
            if !resubmitted {
                plus(&mut summary.task_time, duration);
            }
            summary.succeeded_tasks += completed;
            summary.failed_tasks += failed;
            summary.killed_tasks += killed;
            summary.peaks.raise(&e.executor_metrics);
            stage.peaks.raise(&e.executor_metrics);
            if counts {
                let time = if delta.is_some() { &mut stage.measured_time } else { &mut stage.unmeasured_time };
                *time = time.saturating_add(duration);
                if info.getting_result_time > 0 {
                    let fetch = info.finish_time.saturating_sub(info.getting_result_time).max(0);
                    stage.getting_result_time = stage.getting_result_time.saturating_add(fetch);
                }
            }
            if let Some(m) = delta {
                metrics::add(&mut stage.metrics, m);
                plus(&mut summary.input_bytes, m.input_bytes_read);
                plus(&mut summary.input_records, m.input_records_read);
                plus(&mut summary.output_bytes, m.output_bytes_written);
                plus(&mut summary.output_records, m.output_records_written);
                plus(&mut summary.shuffle_read, m.shuffle_local_bytes_read.wrapping_add(m.shuffle_remote_bytes_read));
                plus(&mut summary.shuffle_read_records, m.shuffle_records_read);
                plus(&mut summary.shuffle_write, m.shuffle_bytes_written);
                plus(&mut summary.shuffle_write_records, m.shuffle_records_written);
                plus(&mut summary.memory_bytes_spilled, m.memory_bytes_spilled);
                plus(&mut summary.disk_bytes_spilled, m.disk_bytes_spilled);
            }
            let over = stage.active_tasks == 0 && matches!(stage.status, StageStatus::Complete | StageStatus::Failed);
            self.changed.stages.insert(key);
            for id in &live.jobs {
                let Some(job) = moving(&mut self.jobs, &mut self.live.ended, &mut self.changed.jobs, *id) else {
                    continue;
                };
                job.active_tasks -= i64::from(started);
                job.completed_tasks += completed;
                job.failed_tasks += failed;
                job.killed_tasks += killed;
                if completed > 0 && self.live.job_indices.entry((*id, e.stage_id)).or_default().insert(info.index) {
                    job.completed_indices += 1;
                }
                if let Some(kill) = &kill {
                    *job.killed_summary.entry(kill.clone()).or_default() += 1;
                }
            }
            if over {
                for (id, job) in live.jobs.iter().filter_map(|id| Some((id, self.live.ended.get(id)?))) {
                    self.jobs.insert(*id, job.clone());
                    self.changed.jobs.insert(*id);
                }
                self.stage_is_over(key);
            }
        }
        if let Some(exec) = self.executor_mut(&info.executor_id) {
            exec.active_tasks -= i64::from(started);
            exec.completed_tasks += completed;
            exec.failed_tasks += failed;
            exec.peaks.raise(&e.executor_metrics);
            // A resubmitted task keeps the time and the metrics of its first attempt.
            if !resubmitted {
                plus(&mut exec.total_duration, duration);
            }
            if let Some(m) = e.metrics.as_ref().filter(|_| !resubmitted) {
                plus(&mut exec.total_gc_time, m.jvm_gc_time);
                plus(&mut exec.total_input_bytes, m.input_bytes_read);
                plus(
                    &mut exec.total_shuffle_read,
                    m.shuffle_local_bytes_read.wrapping_add(m.shuffle_remote_bytes_read),
                );
                plus(&mut exec.total_shuffle_write, m.shuffle_bytes_written);
            }
        }
        self.executor_read(&info.executor_id, info.finish_time, &e.executor_metrics);
        self.sql_task_end(e, info);
        if counts {
            task.metrics = e.metrics;
            task.error = e.reason.error_message().map(|m| self.redactor.text(&m).into_owned());
            self.rows.tasks.push(task);
        }
    }

    /// The row of a task as its info stands.
    fn task(&mut self, (stage_id, stage_attempt_id): (i64, i64), info: &TaskInfo<'_>) -> Task {
        let finished = info.finish_time != 0;
        Task {
            stage_id,
            stage_attempt_id,
            task_id: info.task_id,
            index: info.index,
            attempt: info.attempt,
            partition_id: info.partition_id,
            launch_time: info.launch_time,
            duration: finished.then(|| info.finish_time.wrapping_sub(info.launch_time)),
            getting_result_time: info.getting_result_time,
            status: match (finished, info.failed, info.killed) {
                (false, _, _) if info.getting_result_time != 0 => TaskStatus::GetResult,
                (false, _, _) => TaskStatus::Running,
                (true, true, _) => TaskStatus::Failed,
                (true, false, true) => TaskStatus::Killed,
                (true, false, false) => TaskStatus::Success,
            },
            speculative: info.speculative,
            executor_id: self.name(&info.executor_id),
            host: self.name(&info.host),
            locality: self.name(&info.locality),
            metrics: None,
            error: None,
            accumulables: self.accumulables(&info.accumulables.kept),
        }
    }
}
