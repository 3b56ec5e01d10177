//! The nouns of an application attempt, as plain data. Times are epoch milliseconds, `None`
//! where the log gives none; sizes are bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{
    durations::Durations,
    metrics::{Peaks, TaskMetrics},
    sets::IndexSet,
};

pub type Pairs = Vec<(String, String)>;

/// What the log says of the application as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Application {
    pub id: String,
    pub attempt_id: Option<String>,
    pub name: String,
    pub user: String,
    pub spark_version: String,
    pub start_time: Option<i64>,
    /// Set by the ApplicationEnd event alone: a renamed log without it is not completed.
    pub end_time: Option<i64>,
    pub exit_code: Option<i64>,
    /// Time of the newest event that carries one: how far an unfinished application got.
    pub last_event_time: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    pub java_version: Option<String>,
    pub java_home: Option<String>,
    pub scala_version: Option<String>,
    pub spark_properties: Pairs,
    pub hadoop_properties: Pairs,
    pub system_properties: Pairs,
    pub metrics_properties: Pairs,
    pub classpath_entries: Pairs,
    pub resource_profiles: Vec<ResourceProfile>,
}

fn of<'a>(pairs: &'a Pairs, key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

impl Environment {
    pub fn spark_property(&self, key: &str) -> Option<&str> {
        of(&self.spark_properties, key)
    }

    pub fn system_property(&self, key: &str) -> Option<&str> {
        of(&self.system_properties, key)
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceProfile {
    pub id: i64,
    pub executor_resources: Vec<ExecutorResource>,
    pub task_resources: Vec<TaskResource>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutorResource {
    pub key: String,
    pub name: String,
    pub amount: i64,
    pub discovery_script: String,
    pub vendor: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskResource {
    pub key: String,
    pub name: String,
    pub amount: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JobStatus {
    #[default]
    Running,
    Succeeded,
    Failed,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Job {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub submission_time: Option<i64>,
    pub completion_time: Option<i64>,
    pub stage_ids: Vec<i64>,
    pub job_group: Option<String>,
    pub job_tags: Vec<String>,
    pub sql_execution_id: Option<i64>,
    pub status: JobStatus,
    /// Why the job failed, first line and stack, as the scheduler reports it.
    pub error: Option<String>,
    pub num_tasks: i64,
    pub active_tasks: i64,
    pub completed_tasks: i64,
    pub failed_tasks: i64,
    pub killed_tasks: i64,
    pub skipped_tasks: i64,
    /// Distinct (stage, index) pairs that succeeded.
    pub completed_indices: i64,
    pub active_stages: i64,
    pub completed_stages: BTreeSet<i64>,
    pub skipped_stages: BTreeSet<i64>,
    pub failed_stages: i64,
    pub killed_summary: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StageStatus {
    Active,
    Complete,
    Failed,
    #[default]
    Pending,
    Skipped,
}

/// One attempt of a stage: what Spark's REST calls `StageData`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageAttempt {
    pub stage_id: i64,
    pub attempt_id: i64,
    pub status: StageStatus,
    pub name: String,
    pub description: Option<String>,
    pub details: String,
    pub scheduling_pool: String,
    pub num_tasks: i64,
    pub active_tasks: i64,
    pub completed_tasks: i64,
    pub failed_tasks: i64,
    pub killed_tasks: i64,
    pub completed_indices: i64,
    pub submission_time: Option<i64>,
    pub first_task_launched_time: Option<i64>,
    pub completion_time: Option<i64>,
    pub failure_reason: Option<String>,
    pub metrics: TaskMetrics,
    /// Milliseconds from launch to finish, summed up over ended tasks that reported metrics.
    pub measured_time: i64,
    /// The same over those that did not.
    pub unmeasured_time: i64,
    /// Milliseconds in which the driver fetched results of tasks.
    pub getting_result_time: i64,
    /// Of the tasks that succeeded so far; none if there is none.
    pub task_times: Option<TaskTimes>,
    pub rdds: Vec<RddNode>,
    pub parent_ids: Vec<i64>,
    pub job_ids: BTreeSet<i64>,
    pub accumulables: Vec<AccumulableValue>,
    pub locality: BTreeMap<String, i64>,
    pub executors: BTreeMap<Arc<str>, ExecutorStageSummary>,
    pub speculation: Speculation,
    pub killed_summary: BTreeMap<String, i64>,
    pub resource_profile_id: i64,
    pub peaks: Peaks,
    pub shuffle_push_enabled: bool,
    pub shuffle_mergers: i64,
}

/// How long the successful tasks of a stage attempt took, milliseconds from launch to finish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskTimes {
    pub tasks: i64,
    /// As [`Durations`] has it: less than one part in 8,000 too small.
    pub median: i64,
    pub longest: i64,
}

impl StageAttempt {
    /// Attempts of tasks that were launched.
    pub fn tasks(&self) -> i64 {
        self.active_tasks + self.completed_tasks + self.failed_tasks + self.killed_tasks
    }
}

/// An RDD in a stage, with what the DAG picture needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RddNode {
    pub id: i64,
    pub name: String,
    pub scope: Option<String>,
    pub callsite: String,
    pub parent_ids: Vec<i64>,
    pub barrier: bool,
    pub cached: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AccumulableValue {
    pub id: i64,
    pub name: Option<String>,
    pub update: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speculation {
    pub tasks: i64,
    pub active: i64,
    pub completed: i64,
    pub failed: i64,
    pub killed: i64,
}

/// What one executor did for one stage attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutorStageSummary {
    /// Sum of task durations, milliseconds.
    pub task_time: i64,
    pub failed_tasks: i64,
    pub succeeded_tasks: i64,
    pub killed_tasks: i64,
    pub input_bytes: i64,
    pub input_records: i64,
    pub output_bytes: i64,
    pub output_records: i64,
    pub shuffle_read: i64,
    pub shuffle_read_records: i64,
    pub shuffle_write: i64,
    pub shuffle_write_records: i64,
    pub memory_bytes_spilled: i64,
    pub disk_bytes_spilled: i64,
    pub excluded: bool,
    pub peaks: Peaks,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Executor {
    pub id: String,
    pub host_port: Option<String>,
    pub host: Option<String>,
    pub active: bool,
    pub total_cores: i64,
    pub max_tasks: i64,
    pub add_time: i64,
    pub remove_time: Option<i64>,
    pub remove_reason: Option<String>,
    pub rdd_blocks: i64,
    pub memory_used: i64,
    pub disk_used: i64,
    pub max_memory: i64,
    /// Storage memory by kind; none where the log does not report it.
    pub memory: Option<StorageMemory>,
    pub total_tasks: i64,
    pub active_tasks: i64,
    pub completed_tasks: i64,
    pub failed_tasks: i64,
    /// Sum of task durations, milliseconds.
    pub total_duration: i64,
    pub total_gc_time: i64,
    pub total_input_bytes: i64,
    pub total_shuffle_read: i64,
    pub total_shuffle_write: i64,
    pub excluded: bool,
    pub excluded_in_stages: BTreeSet<i64>,
    pub logs: Pairs,
    pub attributes: Pairs,
    pub resources: Vec<(String, Vec<String>)>,
    pub resource_profile_id: i64,
    pub peaks: Peaks,
    /// What it was before it registered again under its id, after it was removed; the oldest first.
    pub earlier: Vec<Executor>,
    /// It is one of those.
    pub past: bool,
}

impl Executor {
    /// Whether nobody started it: what remains where the block manager of an executor that was removed
    /// registers once more, as one does whose heartbeats were late.
    pub fn is_ghost(&self) -> bool {
        self.total_cores == 0 && self.total_tasks == 0 && !self.earlier.is_empty()
    }

    /// What it was before, and what it is, as far as it worked: one for each time that it came.
    pub fn lives(&self) -> impl Iterator<Item = &Executor> {
        self.earlier.iter().chain((!self.is_ghost()).then_some(self))
    }

    /// The host without its port.
    pub fn hostname(&self) -> &str {
        match (&self.host, &self.host_port) {
            (Some(h), _) => h,
            (None, Some(hp)) => hp.rsplit_once(':').map_or(hp.as_str(), |(h, _)| h),
            (None, None) => "",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageMemory {
    pub total_on_heap: i64,
    pub total_off_heap: i64,
    pub used_on_heap: i64,
    pub used_off_heap: i64,
}

/// A process beside driver and executors, e.g. YARN's application master.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    pub id: String,
    pub host_port: String,
    pub cores: i64,
    pub add_time: i64,
    pub logs: Pairs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    pub disk: bool,
    pub memory: bool,
    pub off_heap: bool,
    pub deserialized: bool,
    pub replication: i64,
}

/// A persisted RDD and where its blocks are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rdd {
    pub id: i64,
    pub name: String,
    pub num_partitions: i64,
    pub level: Level,
    pub memory_used: i64,
    pub disk_used: i64,
    /// In the order in which they were stored first.
    pub partitions: Vec<RddPartition>,
    pub distributions: BTreeMap<String, RddDistribution>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RddPartition {
    pub block: String,
    pub memory_used: i64,
    pub disk_used: i64,
    pub executors: Vec<String>,
}

/// What one executor holds of an RDD, with the executor's free memory when that last changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RddDistribution {
    pub address: String,
    pub memory_used: i64,
    pub disk_used: i64,
    pub on_heap_used: i64,
    pub off_heap_used: i64,
    pub memory_remaining: i64,
    pub on_heap_remaining: Option<i64>,
    pub off_heap_remaining: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SqlExecution {
    pub id: i64,
    pub root_id: i64,
    pub description: String,
    /// The call site, one frame a line.
    pub details: String,
    pub plan_description: String,
    pub submission_time: i64,
    pub completion_time: Option<i64>,
    /// Empty for success; none where the log (before Spark 3.4) does not say.
    pub error: Option<String>,
    pub query_id: Option<String>,
    pub modified_configs: Pairs,
    pub jobs: BTreeMap<i64, JobStatus>,
    pub stages: BTreeSet<i64>,
    pub plan: PlanGraph,
    /// The plan before adaptive execution changed it, without metrics.
    pub initial_plan: Option<PlanGraph>,
    /// By accumulator id. Only what a task or the driver reported.
    pub metrics: BTreeMap<i64, SqlMetric>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlStatus {
    Running,
    Completed,
    Failed,
}

impl SqlExecution {
    pub fn status(&self) -> SqlStatus {
        match (&self.error, self.completion_time) {
            (Some(e), _) if e.is_empty() => SqlStatus::Completed,
            (Some(_), _) => SqlStatus::Failed,
            (None, None) => SqlStatus::Running,
            (None, Some(_)) if self.jobs.values().any(|s| *s == JobStatus::Failed) => SqlStatus::Failed,
            (None, Some(_)) => SqlStatus::Completed,
        }
    }
}

/// A physical plan as Spark's SQL page draws it: nodes by id, edges from child to parent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanGraph {
    pub nodes: Vec<PlanNode>,
    pub edges: Vec<(i64, i64)>,
}

/// What plans are compared by.
#[derive(PartialEq)]
struct Essence<'g> {
    /// Names, and what they are told to do.
    operators: Vec<(&'g str, String)>,
    /// Between places among the operators.
    edges: Vec<(usize, usize)>,
}

impl PlanGraph {
    /// The graph without what only an executed plan has.
    pub fn drawn(self) -> Self {
        let nodes = self.nodes.into_iter().map(|n| PlanNode { metadata: Vec::new(), metrics: Vec::new(), ..n });
        PlanGraph { nodes: nodes.collect(), edges: self.edges }
    }

    /// Whether the same operators are put together in the same way. What is compiled together does not count, which
    /// Spark decides last, nor do the numbers that it gives plans while it works on them.
    pub fn looks_like(&self, other: &PlanGraph) -> bool {
        self.essence() == other.essence()
    }

    /// Operators with what they are told to do, and edges by their places among them.
    fn essence(&self) -> Essence<'_> {
        let operators: Vec<&PlanNode> =
            self.nodes.iter().filter(|n| !n.name.starts_with("WholeStageCodegen")).collect();
        let places: HashMap<i64, usize> = operators.iter().enumerate().map(|(at, n)| (n.id, at)).collect();
        let edge = |(from, to): &(i64, i64)| Some((*places.get(from)?, *places.get(to)?));
        let said = |n: &&PlanNode| {
            let told = n.description.replace("isFinalPlan=true", "isFinalPlan=false");
            let mut parts = told.split("plan_id=");
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |told, rest| told + rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        };
        let nodes = operators.iter().map(|n| (n.name.trim(), said(n)));
        Essence { operators: nodes.collect(), edges: self.edges.iter().filter_map(edge).collect() }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanNode {
    pub id: i64,
    pub name: String,
    pub description: String,
    /// The WholeStageCodegen node around it.
    pub cluster: Option<i64>,
    pub metadata: Pairs,
    pub metrics: Vec<PlanMetric>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanMetric {
    pub name: String,
    pub accumulator_id: i64,
    pub kind: String,
}

/// What the tasks and the driver reported for one plan metric, over all its values. Which values
/// count depends on the kind: all for a sum, those above 0 for an average, those from 0 else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SqlMetric {
    pub kind: String,
    pub values: i64,
    pub sum: i64,
    pub min: i64,
    pub median: i64,
    pub max: i64,
    /// (stage, attempt, task) of the highest value; none if the driver reported it.
    pub max_at: Option<(i64, i64, i64)>,
    /// Stages whose tasks reported it, with the sum of what is above 0.
    pub stages: Vec<(i64, i64)>,
}

/// A run of a Structured Streaming query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamingQuery {
    pub id: String,
    pub run_id: String,
    pub name: Option<String>,
    /// As Spark writes them: ISO 8601, UTC.
    pub start_timestamp: String,
    pub last_timestamp: String,
    pub last_batch_id: Option<i64>,
    pub progress_reports: i64,
    pub idle_reports: i64,
    pub terminated: bool,
    pub exception: Option<String>,
}

/// Which server a session or operation belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerKind {
    #[default]
    Connect,
    Thrift,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Session {
    pub server: ServerKind,
    pub session_id: String,
    pub user_id: String,
    pub start_time: i64,
    pub finish_time: Option<i64>,
    pub total_executions: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OperationState {
    #[default]
    Started,
    Compiled,
    Ready,
    Finished,
    Failed,
    Canceled,
    TimedOut,
    Closed,
}

/// One statement of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operation {
    pub server: ServerKind,
    /// Ties jobs and SQL executions to the operation; the id, where there is none.
    pub job_tag: String,
    pub operation_id: String,
    pub session_id: String,
    pub user_id: String,
    pub statement: String,
    pub state: OperationState,
    pub start_time: i64,
    pub finish_time: Option<i64>,
    pub close_time: Option<i64>,
    pub detail: String,
    pub session_tags: Vec<String>,
    pub job_ids: Vec<i64>,
    pub sql_ids: Vec<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TaskStatus {
    #[default]
    Unknown,
    Running,
    GetResult,
    Success,
    Failed,
    Killed,
}

impl TaskStatus {
    /// Spark's name of it.
    pub fn name(self) -> &'static str {
        match self {
            TaskStatus::Unknown => "UNKNOWN",
            TaskStatus::Running => "RUNNING",
            TaskStatus::GetResult => "GET RESULT",
            TaskStatus::Success => "SUCCESS",
            TaskStatus::Failed => "FAILED",
            TaskStatus::Killed => "KILLED",
        }
    }
}

/// One task attempt: what Spark's REST calls `TaskData`. The unit of the task store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Task {
    pub stage_id: i64,
    pub stage_attempt_id: i64,
    pub task_id: i64,
    pub index: i64,
    pub attempt: i64,
    pub partition_id: i64,
    pub launch_time: i64,
    /// Milliseconds from launch to finish; for a running task none.
    pub duration: Option<i64>,
    /// Epoch milliseconds at which the driver began to fetch the result; 0 if it did not.
    pub getting_result_time: i64,
    pub status: TaskStatus,
    pub speculative: bool,
    pub executor_id: Arc<str>,
    pub host: Arc<str>,
    pub locality: Arc<str>,
    pub metrics: Option<TaskMetrics>,
    pub error: Option<String>,
    pub accumulables: Vec<AccumulableValue>,
}

/// A progress report of a streaming query; a row that leaves the state as it is made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    pub query_id: String,
    pub run_id: String,
    pub name: Option<String>,
    pub batch_id: i64,
    pub timestamp: String,
    /// The report as Spark wrote it.
    pub json: String,
}

/// What is missing or doubtful in what the log gave. All zero: nothing known to be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completeness {
    /// Lines that were no event.
    pub damaged_lines: i64,
    /// Events that were kept, with a character that was no text replaced.
    pub mended_lines: i64,
    /// The first damage, with its place and why.
    pub first_damage: Option<String>,
    /// Bytes that did not decode.
    pub damaged_blocks: i64,
    /// The log ends inside a line or a compressed block.
    pub torn_tail: bool,
    /// Rolling parts that are not there, by index.
    pub missing_parts: Vec<i64>,
    /// Spark's own compaction removed events of finished work.
    pub compacted: bool,
    /// No ApplicationStart event: id and name come from the log's own name.
    pub no_start: bool,
    pub task_ends_without_start: i64,
    /// Tasks that had started and not ended when the application ended.
    pub tasks_without_end: i64,
    pub jobs_without_end: i64,
    /// Classes nobody here reads, with their number.
    pub unknown_events: BTreeMap<String, i64>,
}

impl Completeness {
    /// Whether numbers derived from this log may lack something.
    pub fn is_damaged(&self) -> bool {
        self.damaged_lines > 0
            || self.damaged_blocks > 0
            || self.torn_tail
            || self.no_start
            || !self.missing_parts.is_empty()
    }
}

/// An event of another writer that is kept as it is, for those who know it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForeignEvent {
    pub class: String,
    pub json: String,
}

/// What the fold must remember of live stages beside what they show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveStage {
    pub jobs: Vec<i64>,
    pub indices: IndexSet,
    pub excluded_executors: BTreeSet<String>,
    /// Of the tasks that succeeded.
    pub durations: Durations,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(nodes: &[(&str, &str, Option<i64>)], edges: &[(i64, i64)]) -> PlanGraph {
        let node = |(id, (name, description, cluster)): (i64, &(&str, &str, Option<i64>))| PlanNode {
            id,
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            cluster: *cluster,
            ..PlanNode::default()
        };
        PlanGraph { nodes: (0..).zip(nodes).map(node).collect(), edges: edges.to_vec() }
    }

    #[test]
    fn plans_look_alike_whatever_is_compiled_together() {
        let first = plan(
            &[
                ("AdaptiveSparkPlan", "AdaptiveSparkPlan isFinalPlan=false", None),
                ("SortMergeJoin", "SortMergeJoin [a#1L], [b#2L], Inner", None),
                ("Exchange", "Exchange hashpartitioning(a#1L, 8), [plan_id=15]", None),
            ],
            &[(1, 0), (2, 1)],
        );
        let compiled = |join: &str, description: &str, edges: &[(i64, i64)]| {
            let nodes = [
                ("AdaptiveSparkPlan", "AdaptiveSparkPlan isFinalPlan=true", None),
                ("WholeStageCodegen (1)", "WholeStageCodegen (1)", None),
                (join, description, Some(1)),
                ("Exchange", "Exchange hashpartitioning(a#1L, 8), [plan_id=120]", None),
            ];
            plan(&nodes, edges)
        };
        let (name, told) = ("SortMergeJoin", "SortMergeJoin [a#1L], [b#2L], Inner");
        assert!(first.looks_like(&compiled(name, told, &[(2, 0), (3, 2)])));
        assert!(!first.looks_like(&compiled("BroadcastHashJoin", told, &[(2, 0), (3, 2)])));
        assert!(!first.looks_like(&compiled(name, "SortMergeJoin [b#2L], [a#1L], Inner", &[(2, 0), (3, 2)])));
        assert!(!first.looks_like(&compiled(name, told, &[(2, 0), (3, 0)])));
        assert!(!first.looks_like(&PlanGraph::default()));
    }
}
