//! Jobs, stages and tasks as `SparkListenerJobStart` … `SparkListenerTaskEnd` log them.
//! In: one JSON line. Out: borrowed records whose fields carry Spark's names.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, SeqAccess, Visitor},
};

use super::{
    metrics::{ExecutorMetrics, TaskMetrics},
    text::{AccumulatorValue, Pairs, Text},
};

pub type Properties<'a> = Pairs<Text<'a>, Text<'a>>;

#[derive(Debug, Deserialize)]
pub struct JobStart<'a> {
    #[serde(rename = "Job ID")]
    pub job_id: i64,
    /// Epoch milliseconds; 0 in logs older than Spark 1.3.
    #[serde(rename = "Submission Time", default)]
    pub submission_time: i64,
    #[serde(borrow, rename = "Stage Infos", default)]
    pub stage_infos: Vec<StageInfo<'a>>,
    #[serde(rename = "Stage IDs", default)]
    pub stage_ids: Vec<i64>,
    #[serde(borrow, rename = "Properties", default)]
    pub properties: Option<Properties<'a>>,
}

impl<'a> JobStart<'a> {
    /// Before Spark 1.2 a job named its stages by their ids alone; Spark's reader makes stages of them.
    pub(super) fn with_stages(mut self) -> Self {
        if self.stage_infos.is_empty() {
            self.stage_infos = self.stage_ids.iter().map(|id| StageInfo::unknown(*id)).collect();
        }
        self
    }
}

#[derive(Debug, Deserialize)]
pub struct JobEnd<'a> {
    #[serde(rename = "Job ID")]
    pub job_id: i64,
    #[serde(rename = "Completion Time", default)]
    pub completion_time: i64,
    #[serde(borrow, rename = "Job Result")]
    pub result: JobResult<'a>,
}

#[derive(Debug, Deserialize)]
pub struct JobResult<'a> {
    #[serde(borrow, rename = "Result")]
    pub result: Text<'a>,
    #[serde(borrow, rename = "Exception", default)]
    pub exception: Option<Exception<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct Exception<'a> {
    #[serde(borrow, rename = "Message", default)]
    pub message: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct StageSubmitted<'a> {
    #[serde(borrow, rename = "Stage Info")]
    pub stage_info: StageInfo<'a>,
    #[serde(borrow, rename = "Properties", default)]
    pub properties: Option<Properties<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct StageCompleted<'a> {
    #[serde(borrow, rename = "Stage Info")]
    pub stage_info: StageInfo<'a>,
}

/// One attempt of a stage, as far as the scheduler knows it when the event is written.
#[derive(Debug, Default, Deserialize)]
pub struct StageInfo<'a> {
    #[serde(rename = "Stage ID")]
    pub stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt_id: i64,
    #[serde(borrow, rename = "Stage Name", default)]
    pub name: Text<'a>,
    #[serde(rename = "Number of Tasks", default)]
    pub num_tasks: i64,
    #[serde(borrow, rename = "RDD Info", default)]
    pub rdd_infos: Vec<RddInfo<'a>>,
    #[serde(rename = "Parent IDs", default)]
    pub parent_ids: Vec<i64>,
    #[serde(borrow, rename = "Details", default)]
    pub details: Text<'a>,
    #[serde(rename = "Submission Time", default)]
    pub submission_time: Option<i64>,
    #[serde(rename = "Completion Time", default)]
    pub completion_time: Option<i64>,
    #[serde(borrow, rename = "Failure Reason", default)]
    pub failure_reason: Option<Text<'a>>,
    #[serde(borrow, rename = "Accumulables", default)]
    pub accumulables: Accumulables<'a>,
    /// The default profile where the log is older than profiles.
    #[serde(rename = "Resource Profile Id", default)]
    pub resource_profile_id: i64,
    #[serde(rename = "Shuffle Push Enabled", default)]
    pub shuffle_push_enabled: bool,
    #[serde(rename = "Shuffle Push Mergers Count", default)]
    pub shuffle_push_mergers_count: i64,
}

impl StageInfo<'_> {
    fn unknown(stage_id: i64) -> Self {
        StageInfo { stage_id, name: "unknown".into(), details: "unknown".into(), ..StageInfo::default() }
    }
}

/// The operation that made an RDD; RDDs of one operation share it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Scope {
    pub id: String,
    pub name: String,
}

impl Scope {
    /// Reads the text that [`RddInfo::scope`] is.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

#[derive(Debug, Deserialize)]
pub struct RddInfo<'a> {
    #[serde(rename = "RDD ID")]
    pub id: i64,
    #[serde(borrow, rename = "Name", default)]
    pub name: Text<'a>,
    /// JSON text `{"id":…,"name":…}` of the operation scope the RDD belongs to.
    #[serde(borrow, rename = "Scope", default)]
    pub scope: Option<Text<'a>>,
    #[serde(borrow, rename = "Callsite", default)]
    pub callsite: Text<'a>,
    #[serde(rename = "Parent IDs", default)]
    pub parent_ids: Vec<i64>,
    #[serde(rename = "Storage Level", default)]
    pub storage_level: StorageLevel,
    #[serde(rename = "Barrier", default)]
    pub barrier: bool,
    #[serde(rename = "Number of Partitions", default)]
    pub num_partitions: i64,
}

/// Where the blocks of an RDD may live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct StorageLevel {
    #[serde(rename = "Use Disk", default)]
    pub use_disk: bool,
    #[serde(rename = "Use Memory", default)]
    pub use_memory: bool,
    #[serde(rename = "Use Off Heap", default)]
    pub use_off_heap: bool,
    #[serde(rename = "Deserialized", default)]
    pub deserialized: bool,
    #[serde(rename = "Replication", default)]
    pub replication: i64,
}

impl StorageLevel {
    /// Whether blocks of this level are stored at all.
    pub fn is_valid(&self) -> bool {
        (self.use_memory || self.use_disk) && self.replication > 0
    }
}

#[derive(Debug, Deserialize)]
pub struct TaskStart<'a> {
    #[serde(rename = "Stage ID")]
    pub stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub stage_attempt_id: i64,
    #[serde(borrow, rename = "Task Info")]
    pub task_info: TaskInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub struct TaskGettingResult<'a> {
    #[serde(borrow, rename = "Task Info")]
    pub task_info: TaskInfo<'a>,
}

#[derive(Debug, Deserialize)]
pub struct TaskEnd<'a> {
    #[serde(rename = "Stage ID")]
    pub stage_id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub stage_attempt_id: i64,
    #[serde(borrow, rename = "Task End Reason")]
    pub reason: TaskEndReason<'a>,
    #[serde(borrow, rename = "Task Info", default)]
    pub task_info: Option<TaskInfo<'a>>,
    #[serde(rename = "Task Executor Metrics", default)]
    pub executor_metrics: ExecutorMetrics,
    #[serde(rename = "Task Metrics", default)]
    pub metrics: Option<TaskMetrics>,
}

/// One task attempt as the scheduler tracks it. Times are epoch milliseconds, 0 where unset.
#[derive(Debug, Deserialize)]
pub struct TaskInfo<'a> {
    #[serde(rename = "Task ID")]
    pub task_id: i64,
    #[serde(rename = "Index")]
    pub index: i64,
    #[serde(rename = "Attempt", default = "one")]
    pub attempt: i64,
    #[serde(rename = "Partition ID", default = "unknown")]
    pub partition_id: i64,
    #[serde(rename = "Launch Time")]
    pub launch_time: i64,
    #[serde(borrow, rename = "Executor ID", default)]
    pub executor_id: Text<'a>,
    #[serde(borrow, rename = "Host", default)]
    pub host: Text<'a>,
    #[serde(borrow, rename = "Locality", default)]
    pub locality: Text<'a>,
    #[serde(rename = "Speculative", default)]
    pub speculative: bool,
    #[serde(rename = "Getting Result Time", default)]
    pub getting_result_time: i64,
    #[serde(rename = "Finish Time", default)]
    pub finish_time: i64,
    #[serde(rename = "Failed", default)]
    pub failed: bool,
    #[serde(rename = "Killed", default)]
    pub killed: bool,
    #[serde(borrow, rename = "Accumulables", default)]
    pub accumulables: Accumulables<'a>,
}

fn one() -> i64 {
    1
}

/// What Spark's reader takes for an id or a time that the log does not give.
pub(super) const UNKNOWN: i64 = -1;

pub(super) fn unknown() -> i64 {
    UNKNOWN
}

/// Why a task attempt ended; the fields beside `reason` are set for the reasons that have them.
#[derive(Debug, Default, Deserialize)]
pub struct TaskEndReason<'a> {
    #[serde(borrow, rename = "Reason", default)]
    pub reason: Text<'a>,
    #[serde(borrow, rename = "Class Name", default)]
    pub class_name: Text<'a>,
    #[serde(borrow, rename = "Description", default)]
    pub description: Text<'a>,
    #[serde(borrow, rename = "Stack Trace", default)]
    pub stack_trace: Vec<StackFrame<'a>>,
    #[serde(borrow, rename = "Full Stack Trace", default)]
    pub full_stack_trace: Option<Text<'a>>,
    #[serde(borrow, rename = "Kill Reason", default)]
    pub kill_reason: Option<Text<'a>>,
    #[serde(borrow, rename = "Block Manager Address", default)]
    pub block_manager_address: Option<BlockManagerId<'a>>,
    #[serde(rename = "Shuffle ID", default)]
    pub shuffle_id: i64,
    #[serde(rename = "Map ID", default)]
    pub map_id: i64,
    #[serde(rename = "Map Index", default)]
    pub map_index: Option<i64>,
    #[serde(rename = "Reduce ID", default)]
    pub reduce_id: i64,
    #[serde(borrow, rename = "Message", default)]
    pub message: Option<Text<'a>>,
    #[serde(borrow, rename = "Executor ID", default)]
    pub executor_id: Option<Text<'a>>,
    #[serde(rename = "Exit Caused By App", default)]
    pub exit_caused_by_app: Option<bool>,
    #[serde(borrow, rename = "Loss Reason", default)]
    pub loss_reason: Option<Text<'a>>,
    #[serde(rename = "Job ID", default)]
    pub job_id: Option<i64>,
    #[serde(rename = "Partition ID", default)]
    pub partition_id: Option<i64>,
    #[serde(rename = "Attempt Number", default)]
    pub attempt_number: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct StackFrame<'a> {
    #[serde(borrow, rename = "Declaring Class", default)]
    pub declaring_class: Text<'a>,
    #[serde(borrow, rename = "Method Name", default)]
    pub method_name: Text<'a>,
    #[serde(borrow, rename = "File Name", default)]
    pub file_name: Option<Text<'a>>,
    #[serde(rename = "Line Number", default)]
    pub line_number: i64,
}

impl fmt::Display for StackFrame<'_> {
    /// As `java.lang.StackTraceElement` prints itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", &*self.declaring_class, &*self.method_name)?;
        match &self.file_name {
            _ if self.line_number == -2 => f.write_str("(Native Method)"),
            Some(file) if self.line_number >= 0 => write!(f, "({}:{})", &**file, self.line_number),
            Some(file) => write!(f, "({})", &**file),
            None => f.write_str("(Unknown Source)"),
        }
    }
}

#[derive(Debug, Deserialize)]
pub struct BlockManagerId<'a> {
    #[serde(borrow, rename = "Executor ID", default)]
    pub executor_id: Text<'a>,
    #[serde(borrow, rename = "Host", default)]
    pub host: Text<'a>,
    #[serde(rename = "Port", default)]
    pub port: i64,
}

impl TaskEndReason<'_> {
    pub fn is_success(&self) -> bool {
        &*self.reason == "Success"
    }

    /// Killed, or denied to commit: Spark counts both as killed, not as failed.
    pub fn is_killed(&self) -> bool {
        matches!(&*self.reason, "TaskKilled" | "TaskCommitDenied")
    }

    /// The scheduler gives finished work of a lost executor back: metrics of the first run stay.
    pub fn is_resubmitted(&self) -> bool {
        &*self.reason == "Resubmitted"
    }

    /// The reason under which `killedTasksSummary` counts the attempt.
    pub fn kill_summary(&self) -> String {
        match &*self.reason {
            "TaskKilled" => self.kill_reason.as_deref().unwrap_or("unknown reason").to_owned(),
            _ => self.describe(),
        }
    }

    /// The `errorMessage` of the task; none for success.
    pub fn error_message(&self) -> Option<String> {
        match &*self.reason {
            "Success" => None,
            "TaskKilled" => Some(self.kill_summary()),
            _ => Some(self.describe()),
        }
    }

    fn describe(&self) -> String {
        match &*self.reason {
            "Resubmitted" => "Resubmitted (resubmitted due to lost executor)".to_owned(),
            "FetchFailed" => {
                let address = self.block_manager_address.as_ref().map_or_else(
                    || "null".to_owned(),
                    |a| format!("BlockManagerId({}, {}, {}, None)", &*a.executor_id, &*a.host, a.port),
                );
                let map_index = match self.map_index {
                    Some(i) if i != i64::from(i32::MIN) => i.to_string(),
                    _ => "Unknown".to_owned(),
                };
                let message = self.message.as_deref().unwrap_or("Unknown reason");
                format!(
                    "FetchFailed({address}, shuffleId={}, mapIndex={map_index}, mapId={}, reduceId={}, message=\n{message}\n)",
                    self.shuffle_id, self.map_id, self.reduce_id
                )
            }
            "ExceptionFailure" => match &self.full_stack_trace {
                Some(full) => full.to_string(),
                None => {
                    let frames: Vec<String> = self.stack_trace.iter().map(|f| format!("        {f}")).collect();
                    format!("{}: {}\n{}", &*self.class_name, &*self.description, frames.join("\n"))
                }
            },
            "TaskResultLost" => "TaskResultLost (result lost from block manager)".to_owned(),
            "TaskCommitDenied" => {
                let [job, partition, attempt] =
                    [self.job_id, self.partition_id, self.attempt_number].map(|id| id.unwrap_or(UNKNOWN));
                format!(
                    "TaskCommitDenied (Driver denied task commit) for job: {job}, partition: {partition}, attemptNumber: {attempt}"
                )
            }
            "ExecutorLostFailure" => {
                let by = if self.exit_caused_by_app.unwrap_or(true) {
                    "caused by one of the running tasks"
                } else {
                    "unrelated to the running tasks"
                };
                let why = self.loss_reason.as_ref().map(|r| format!(" Reason: {}", &**r));
                let executor = self.executor_id.as_deref().unwrap_or("Unknown");
                format!("ExecutorLostFailure (executor {executor} exited {by}){}", why.unwrap_or_default())
            }
            _ => "UnknownReason".to_owned(),
        }
    }
}

/// An accumulator's contribution to a task or a stage.
#[derive(Debug, Deserialize)]
pub struct Accumulable<'a> {
    #[serde(rename = "ID")]
    pub id: i64,
    #[serde(borrow, rename = "Name", default)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, rename = "Update", default)]
    pub update: Option<AccumulatorValue<'a>>,
    #[serde(borrow, rename = "Value", default)]
    pub value: Option<AccumulatorValue<'a>>,
    #[serde(rename = "Internal", default)]
    pub internal: bool,
    #[serde(borrow, rename = "Metadata", default)]
    pub metadata: Option<Text<'a>>,
}

impl Accumulable<'_> {
    /// Belongs to an operator of a SQL plan.
    pub fn is_sql(&self) -> bool {
        self.metadata.as_deref() == Some("sql")
    }
}

/// Accumulables without those that only repeat the task metrics (internal, not SQL): nothing
/// reads them, and they are most of a log's bytes.
#[derive(Debug, Default)]
pub struct Accumulables<'a> {
    pub kept: Vec<Accumulable<'a>>,
    /// How many there were: Spark's order of those of a stage depends on it.
    pub count: usize,
}

impl<'a> Accumulables<'a> {
    pub(super) fn keep(&mut self, accumulable: Accumulable<'a>) {
        self.count += 1;
        if !accumulable.internal || accumulable.is_sql() {
            self.kept.push(accumulable);
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Accumulables<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Accumulables<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of accumulables")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Accumulables::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                let mut out = Accumulables::default();
                while let Some(accumulable) = a.next_element()? {
                    out.keep(accumulable);
                }
                Ok(out)
            }
        }
        d.deserialize_any(V)
    }
}
