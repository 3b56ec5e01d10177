//! The state of one application attempt: a pure, synchronous, infallible fold of events. No
//! clock, no IO, no serialisation. The same events in any chunking give the same state.
//!
//! In: [`Event`]s in the order of the log. Out: the entities as plain public data; rows that only
//! grow in number (tasks, streaming progress) are handed out through [`Attempt::take_rows`] as
//! they are made; [`Changed`] says which entities moved since the store last asked.

mod application;
pub mod durations;
mod entities;
mod executors;
mod history;
mod jobs;
mod memory_history;
pub mod metrics;
mod plan;
mod servers;
pub(crate) mod sets;
pub(crate) mod sql;
mod storage;
mod storage_history;
mod streaming;
mod tasks;
pub mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use afterglow_ingest::event::Event;

pub use entities::*;
pub use executors::lives;
pub use history::{History, Point};
pub use memory_history::{MemoryHistory, MemoryPoint};
pub use sql::SqlLive;
pub use storage_history::{StorageHistory, StoragePoint};

use crate::redact::Redactor;

/// Foreign events kept for one attempt; more are only counted.
const MAX_FOREIGN: usize = 1000;

pub type StageKey = (i64, i64);

/// An application attempt as far as its log has been read.
pub struct Attempt {
    redactor: Arc<Redactor>,
    pub application: Application,
    pub environment: Environment,
    pub completeness: Completeness,
    pub jobs: BTreeMap<i64, Job>,
    pub stages: BTreeMap<StageKey, StageAttempt>,
    pub executors: BTreeMap<String, Executor>,
    /// By executor; of one that measures nothing there is none.
    pub memory: BTreeMap<String, MemoryHistory>,
    pub processes: BTreeMap<String, Process>,
    pub rdds: BTreeMap<i64, Rdd>,
    pub sql: BTreeMap<i64, SqlExecution>,
    /// By run id.
    pub queries: BTreeMap<String, StreamingQuery>,
    pub sessions: BTreeMap<String, Session>,
    pub operations: BTreeMap<String, Operation>,
    pub foreign: Vec<ForeignEvent>,
    /// From block updates; empty without them.
    pub storage: StorageHistory,
    /// Whether what is stored changed since it was put there.
    storage_moved: bool,
    pub live: Live,
    pub changed: Changed,
    /// SQL executions whose plans have not been masked yet: those of adaptive execution change often.
    unmasked: BTreeSet<i64>,
    rows: Rows,
    /// Texts that nearly every row repeats, stored once.
    names: HashSet<Arc<str>>,
}

/// What the fold must remember beside the entities, to go on; small when nothing runs.
#[derive(Debug, Default)]
pub struct Live {
    pub jobs: BTreeSet<i64>,
    /// Jobs that have ended and have stages at work: what these still do moves them, and shows when such a
    /// stage is over, not before.
    pub ended: BTreeMap<i64, Job>,
    pub stages: HashMap<StageKey, LiveStage>,
    /// Finished stages that a later job lists again: the first job to end that lists one counts it as skipped.
    pub shadows: BTreeSet<StageKey>,
    pub executors: BTreeSet<String>,
    /// Indices that succeeded, by (job, stage): attempts of a stage share them.
    pub job_indices: HashMap<(i64, i64), sets::IndexSet>,
    pub tasks: HashMap<i64, Task>,
    pub cpus_per_task: Option<i64>,
    pub sql: SqlLive,
}

/// Which entities changed since [`Attempt::take_changed`].
#[derive(Debug, Default)]
pub struct Changed {
    pub jobs: BTreeSet<i64>,
    pub stages: BTreeSet<StageKey>,
    pub executors: BTreeSet<String>,
    pub memory: BTreeSet<String>,
    pub processes: BTreeSet<String>,
    pub rdds: BTreeSet<i64>,
    pub sql: BTreeSet<i64>,
    pub queries: BTreeSet<String>,
    pub sessions: BTreeSet<String>,
    pub operations: BTreeSet<String>,
    pub environment: bool,
    pub storage: bool,
}

/// Rows made since they were last taken.
#[derive(Debug, Default)]
pub struct Rows {
    pub tasks: Vec<Task>,
    pub progress: Vec<Progress>,
}

impl Attempt {
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Attempt {
            redactor,
            application: Application::default(),
            environment: Environment::default(),
            completeness: Completeness::default(),
            jobs: BTreeMap::new(),
            stages: BTreeMap::new(),
            executors: BTreeMap::new(),
            memory: BTreeMap::new(),
            processes: BTreeMap::new(),
            rdds: BTreeMap::new(),
            sql: BTreeMap::new(),
            queries: BTreeMap::new(),
            sessions: BTreeMap::new(),
            operations: BTreeMap::new(),
            foreign: Vec::new(),
            storage: StorageHistory::default(),
            storage_moved: false,
            live: Live::default(),
            changed: Changed::default(),
            unmasked: BTreeSet::new(),
            rows: Rows::default(),
            names: HashSet::new(),
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event<'_>) {
        match event {
            Event::TaskStart(e) => self.task_start(e),
            Event::TaskEnd(e) => self.task_end(e),
            Event::TaskGettingResult(e) => self.task_getting_result(e),
            Event::JobStart(e) => self.job_start(e),
            Event::JobEnd(e) => self.job_end(e),
            Event::StageSubmitted(e) => self.stage_submitted(e),
            Event::StageCompleted(e) => self.stage_completed(e),
            Event::LogStart(e) => self.application.spark_version = e.spark_version.to_string(),
            Event::ApplicationStart(e) => self.application_start(e),
            Event::ApplicationEnd(e) => {
                self.application.end_time = Some(e.time);
                self.application.exit_code = e.exit_code;
                self.saw_time(e.time);
            }
            Event::EnvironmentUpdate(e) => self.environment_update(e),
            Event::ResourceProfileAdded(e) => self.resource_profile_added(e),
            Event::BlockManagerAdded(e) => self.block_manager_added(e),
            Event::ExecutorAdded(e) => self.executor_added(e),
            Event::ExecutorRemoved(e) => self.executor_removed(e),
            Event::ExecutorExclusion(e, excluded) => self.executor_exclusion(&e.executor_id, *excluded),
            Event::NodeExclusion(e, excluded) => self.node_exclusion(&e.host_id, *excluded),
            Event::ExecutorExcludedForStage(e) => self.executor_excluded_for_stage(e),
            Event::NodeExcludedForStage(e) => self.node_excluded_for_stage(e),
            Event::ExecutorMetricsUpdate(e) => self.executor_metrics_update(e),
            Event::StageExecutorMetrics(e) => self.stage_executor_metrics(e),
            Event::UnpersistRdd(e) => self.unpersist_rdd(e.rdd_id),
            Event::BlockUpdated(e) => self.block_updated(&e.info),
            Event::MiscellaneousProcessAdded(e) => self.process_added(e),
            Event::SqlExecutionStart(e) => self.sql_execution_start(e),
            Event::SqlExecutionEnd(e) => self.sql_execution_end(e),
            Event::SqlAdaptiveExecutionUpdate(e) => self.sql_adaptive_update(e),
            Event::SqlAdaptiveMetricUpdates(e) => self.sql_adaptive_metrics(e),
            Event::DriverAccumUpdates(e) => self.driver_accum_updates(e),
            Event::QueryStarted(e) => self.query_started(e),
            Event::QueryProgress(e, json) => self.query_progress(e, json),
            Event::QueryIdle(e) => self.query_idle(e),
            Event::QueryTerminated(e) => self.query_terminated(e),
            Event::SessionStarted(server, e) => self.session_started(*server, e),
            Event::SessionClosed(_, e) => self.session_closed(e),
            Event::Operation(server, step, e) => self.operation(*server, *step, e),
            Event::Ignored => {}
            Event::Unknown(class, line) => {
                *self.completeness.unknown_events.entry(class.to_string()).or_default() += 1;
                if self.foreign.len() < MAX_FOREIGN {
                    let json = self.redactor.text(line).into_owned();
                    self.foreign.push(ForeignEvent { class: class.to_string(), json });
                }
            }
        }
    }

    /// Hands out the rows made since the last call.
    pub fn take_rows(&mut self) -> Rows {
        std::mem::take(&mut self.rows)
    }

    /// Task rows waiting to be taken: what bounds the memory of a reader.
    pub fn waiting_tasks(&self) -> usize {
        self.rows.tasks.len()
    }

    /// Hands out what changed since the last call, with the metrics of running SQL executions
    /// brought up to date.
    pub fn take_changed(&mut self) -> Changed {
        self.mask_plans();
        self.settle_sql();
        self.settle_storage();
        for key in &self.changed.stages {
            if let (Some(stage), Some(live)) = (self.stages.get_mut(key), self.live.stages.get(key)) {
                settle(stage, live);
            }
        }
        let Live { jobs, ended, stages, job_indices, .. } = &mut self.live;
        ended.retain(|job, _| stages.values().any(|s| s.jobs.contains(job)));
        job_indices.retain(|(job, _), _| jobs.contains(job) || ended.contains_key(job));
        std::mem::take(&mut self.changed)
    }

    /// What ends with the application: work that never ended is part of the completeness note.
    pub fn close(&mut self) {
        self.completeness.tasks_without_end = self.live.tasks.len() as i64;
        self.completeness.jobs_without_end = self.live.jobs.len() as i64;
    }

    /// Whether the log named an application: without that event it is no application's log.
    pub fn is_application(&self) -> bool {
        !self.application.id.is_empty()
    }

    /// Ends what is remembered of a stage attempt, which takes over what it came to.
    fn stage_is_over(&mut self, key: StageKey) {
        if let (Some(live), Some(stage)) = (self.live.stages.remove(&key), self.stages.get_mut(&key)) {
            settle(stage, &live);
        }
    }

    fn saw_time(&mut self, time: i64) {
        if time > 0 {
            if self.storage_moved && !self.storage.is_one_step(self.last_time().max(time), self.last_time()) {
                self.settle_storage();
            }
            let last = self.application.last_event_time.get_or_insert(time);
            *last = (*last).max(time);
        }
    }

    fn name(&mut self, text: &str) -> Arc<str> {
        match self.names.get(text) {
            Some(name) => name.clone(),
            None => {
                let name: Arc<str> = text.into();
                // Executor and host names of one application: few, unless the log is hostile.
                if self.names.len() < 1 << 16 {
                    self.names.insert(name.clone());
                }
                name
            }
        }
    }
}

fn settle(stage: &mut StageAttempt, live: &LiveStage) {
    stage.task_times = live.durations.times().or(stage.task_times);
}

/// Copies pairs out of a line.
fn owned(pairs: &[(afterglow_ingest::event::Text<'_>, afterglow_ingest::event::Text<'_>)]) -> Pairs {
    pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}
