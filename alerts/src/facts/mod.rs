//! What rules judge: an application attempt as the store has it, read once, with bounds on what is looked at closely.
//!
//! Entities are read whole. Tasks are read only of the stage attempts that could give rise to a finding, and only the columns
//! that tell; plans only of the SQL executions that took longest or failed.

mod commits;
mod containers;
mod cost;
#[cfg(test)]
pub(crate) mod made;
pub mod memory;
pub mod operators;
mod streams;
mod tasks;
pub mod words;

use std::collections::BTreeMap;

use afterglow_history::catalog::{AttemptRow, AttemptStatus};
use afterglow_history::insight::wall_clock::{WallClock, wall_clock};
use afterglow_history::state::{
    Application, Completeness, Executor, Job, MemoryHistory, Rdd, SqlExecution, SqlStatus, StageAttempt, StageKey,
    StorageHistory, Task,
};
use afterglow_history::store::{AttemptReader, StoreError};

use crate::conf::Conf;
pub use commits::{Commit, DeltaScan};
pub use containers::Container;
#[cfg(test)]
pub use streams::tests;
pub use streams::{Batch, Interval, Operator, OperatorTotals, Stream, Totals, Watermark};
pub use tasks::{Extreme, Group, Spread, TaskFacts};

/// SQL executions whose plans are read at most: those that failed, and the longest.
const PLANS: usize = 200;
/// Stage attempts that are read whole at most: those with the longest run time.
const WHOLE_STAGES: usize = 2_000;

/// An application attempt.
#[derive(Debug, Default)]
pub struct Facts {
    pub application: Application,
    /// Whether its log has an end.
    pub ended: bool,
    /// Its log has no end and has been quiet for long.
    pub lost: bool,
    pub completeness: Completeness,
    pub conf: Conf,
    /// Epoch milliseconds of the start, and of the end or the last event.
    pub start: i64,
    pub end: i64,
    pub jobs: BTreeMap<i64, Job>,
    /// The largest with call site, RDDs, accumulables and what each executor did; the others without.
    pub stages: BTreeMap<StageKey, StageAttempt>,
    /// Of stage attempts whose tasks were looked at.
    pub tasks: BTreeMap<StageKey, TaskFacts>,
    /// Of stage attempts whose tasks differ much from each other.
    pub spread: BTreeMap<StageKey, Spread>,
    /// The earliest failed tasks of stage attempts that have some.
    pub failed_tasks: BTreeMap<StageKey, Vec<Task>>,
    /// The driver among them.
    pub executors: BTreeMap<String, Executor>,
    /// Memory over time, by executor; of those that measure it.
    pub memory: BTreeMap<String, MemoryHistory>,
    pub rdds: BTreeMap<i64, Rdd>,
    /// What was stored over time; without a point if no block update was logged.
    pub storage: StorageHistory,
    /// Commits to Iceberg tables and scans of Delta tables, where a plugin logs them.
    pub commits: Vec<Commit>,
    pub delta: Vec<DeltaScan>,
    /// What logs of containers tell, those that stood still longest first; see [`Facts::with_containers`].
    pub containers: Vec<Container>,
    /// Without plan and metrics, unless [`Facts::plans`] has the id.
    pub sql: BTreeMap<i64, SqlExecution>,
    /// Whole.
    pub plans: BTreeMap<i64, SqlExecution>,
    /// Runs of streaming queries, in the order of `streaming/queries`.
    pub streams: Vec<Stream>,
    /// Where its time went.
    pub wall: WallClock,
}

impl Facts {
    /// Reads an attempt.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn read(row: &AttemptRow, reader: &AttemptReader) -> Result<Self, StoreError> {
        let (application, completeness) = reader.application().await?;
        let environment = reader.environment().await?;
        let executors = reader.lives().await?;
        let stages = stages(reader).await?;
        let sql = reader.sql_heads().await?;
        let foreign = reader.foreign().await?;
        let end = row.start_time.saturating_add(row.summary.duration);
        let conf = Conf::new(&row.spark_version, &environment);
        let over = row.status != AttemptStatus::Running;
        let of_tasks = tasks::read(reader, &stages).await?;
        Ok(Facts {
            streams: streams::read(reader, &conf, &sql, over).await?,
            conf,
            ended: row.status == AttemptStatus::Completed,
            lost: row.status == AttemptStatus::Lost,
            start: row.start_time,
            end,
            jobs: reader.jobs().await?,
            tasks: of_tasks.tasks,
            spread: of_tasks.spread,
            failed_tasks: of_tasks.failed,
            memory: reader.memory().await?,
            rdds: reader.rdds().await?,
            storage: reader.storage().await?,
            commits: commits::of_iceberg(&foreign),
            delta: commits::of_delta(&foreign),
            containers: Vec::new(),
            plans: plans(reader, &sql, end).await?,
            wall: wall_clock(row.start_time, end, &stages, &executors),
            application,
            completeness,
            stages,
            executors,
            sql,
        })
    }

    /// From start to end, milliseconds.
    pub fn duration(&self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }

    /// Executors without the driver.
    pub fn workers(&self) -> impl Iterator<Item = &Executor> {
        self.executors.values().filter(|e| e.id != "driver")
    }

    /// Whether driver and executors are one process, as in `local[*]`.
    pub fn is_local(&self) -> bool {
        self.conf.get("spark.master").is_some_and(|m| m == "local" || m.starts_with("local["))
    }

    /// What of the application's duration falls to a stage attempt, milliseconds.
    pub fn wall_of(&self, stage: StageKey) -> i64 {
        self.wall.stages.get(&stage).copied().unwrap_or_default() as i64
    }

    /// Cores of all that ran tasks times the time that they were there, milliseconds.
    pub fn core_time(&self) -> i64 {
        let present = |e: &Executor| {
            let (from, to) = (e.add_time.max(self.start), e.remove_time.unwrap_or(self.end).min(self.end));
            to.saturating_sub(from).max(0).saturating_mul(e.total_cores)
        };
        self.runners().map(present).fold(0, i64::saturating_add)
    }

    /// The executors that run tasks: the workers, or the driver of a local application.
    pub fn runners(&self) -> impl Iterator<Item = &Executor> {
        let local = self.is_local();
        self.executors.values().filter(move |e| (e.id == "driver") == local)
    }
}

/// All stage attempts; whole unless there are very many.
async fn stages(reader: &AttemptReader) -> Result<BTreeMap<StageKey, StageAttempt>, StoreError> {
    let mut stages = reader.stage_heads().await?;
    if stages.len() <= WHOLE_STAGES {
        return reader.stages().await;
    }
    let mut by_time: Vec<(i64, i64)> = stages.values().map(|s| (s.metrics.executor_run_time, s.stage_id)).collect();
    by_time.sort_unstable_by(|a, b| b.cmp(a));
    let largest = by_time.into_iter().take(WHOLE_STAGES).map(|(_, id)| id).collect();
    for whole in reader.stages_of(&largest).await? {
        stages.insert((whole.stage_id, whole.attempt_id), whole);
    }
    Ok(stages)
}

/// The SQL executions that are worth a look, whole.
async fn plans(
    reader: &AttemptReader,
    sql: &BTreeMap<i64, SqlExecution>,
    end: i64,
) -> Result<BTreeMap<i64, SqlExecution>, StoreError> {
    let took = |x: &SqlExecution| x.completion_time.unwrap_or(end).saturating_sub(x.submission_time);
    let mut all: Vec<(bool, i64, i64)> =
        sql.values().map(|x| (x.status() == SqlStatus::Failed, took(x), x.id)).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    let mut out = BTreeMap::new();
    if all.len() <= PLANS {
        out = reader.sql(i64::MIN..=i64::MAX).await?;
    } else {
        for (_, _, id) in all.into_iter().take(PLANS) {
            out.extend(reader.sql(id..=id).await?);
        }
    }
    Ok(out)
}
