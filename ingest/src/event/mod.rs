//! Spark's JSON dialect: one line of an event log in, one typed [`Event`] out. This is the only
//! module that knows the names and shapes Spark 2.x to 4.3 write.
//!
//! Parsing borrows from the line. An unknown event class is an [`Event::Unknown`] to be counted,
//! an unknown field is skipped; a line that is no event is a [`LineError`], and costs that line.

pub mod application;
mod cursor;
mod mended;
pub mod metrics;
pub mod progress;
pub mod scheduler;
pub mod server;
pub mod sql;
pub mod streaming;
mod task_line;
mod text;

pub use application::*;
pub use mended::mended;
pub use metrics::{EXECUTOR_METRIC_NAMES, ExecutorMetrics, TaskMetrics};
pub use progress::ProgressReport;
pub use scheduler::*;
pub use server::*;
pub use sql::*;
pub use streaming::*;
pub use text::{AccumulatorValue, Pairs, Text};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

/// The text every event line of Spark's own writer starts with.
const HEAD: &[u8] = b"{\"Event\":\"";
const SCHEDULER: &str = "org.apache.spark.scheduler.";
const SQL_UI: &str = "org.apache.spark.sql.execution.ui.";
const STREAMING: &str = "org.apache.spark.sql.streaming.StreamingQueryListener$";
const CONNECT: &str = "org.apache.spark.sql.connect.service.SparkListenerConnect";
const THRIFT: &str = "org.apache.spark.sql.hive.thriftserver.ui.SparkListenerThriftServer";

/// Deepest nesting a line may have. Spark's own reader stops at 1000; a plan of that depth
/// needs about two levels of JSON a node.
const MAX_DEPTH: usize = 2000;
/// Nesting up to which serde_json's own guard lets a line pass.
const PLAIN_DEPTH: usize = 120;

/// One event of a log.
#[derive(Debug)]
pub enum Event<'a> {
    LogStart(LogStart<'a>),
    ApplicationStart(ApplicationStart<'a>),
    ApplicationEnd(ApplicationEnd),
    EnvironmentUpdate(EnvironmentUpdate<'a>),
    ResourceProfileAdded(ResourceProfileAdded<'a>),
    BlockManagerAdded(BlockManagerAdded<'a>),
    ExecutorAdded(ExecutorAdded<'a>),
    ExecutorRemoved(ExecutorRemoved<'a>),
    /// An executor is excluded (`true`) from the application or let back in.
    ExecutorExclusion(Exclusion<'a>, bool),
    NodeExclusion(Exclusion<'a>, bool),
    ExecutorExcludedForStage(Exclusion<'a>),
    NodeExcludedForStage(Exclusion<'a>),
    ExecutorMetricsUpdate(ExecutorMetricsUpdate<'a>),
    StageExecutorMetrics(StageExecutorMetrics<'a>),
    UnpersistRdd(UnpersistRdd),
    BlockUpdated(BlockUpdated<'a>),
    MiscellaneousProcessAdded(MiscellaneousProcessAdded<'a>),
    JobStart(JobStart<'a>),
    JobEnd(JobEnd<'a>),
    StageSubmitted(StageSubmitted<'a>),
    StageCompleted(StageCompleted<'a>),
    TaskStart(TaskStart<'a>),
    TaskGettingResult(TaskGettingResult<'a>),
    TaskEnd(Box<TaskEnd<'a>>),
    SqlExecutionStart(Box<SqlExecutionStart<'a>>),
    SqlExecutionEnd(SqlExecutionEnd<'a>),
    SqlAdaptiveExecutionUpdate(SqlAdaptiveExecutionUpdate<'a>),
    SqlAdaptiveMetricUpdates(SqlAdaptiveMetricUpdates<'a>),
    DriverAccumUpdates(DriverAccumUpdates),
    QueryStarted(QueryStarted<'a>),
    QueryProgress(ProgressHead<'a>, &'a str),
    QueryIdle(QueryIdle<'a>),
    QueryTerminated(QueryTerminated<'a>),
    SessionStarted(Server, SessionEvent<'a>),
    SessionClosed(Server, SessionEvent<'a>),
    Operation(Server, OperationStep, OperationEvent<'a>),
    /// A class that Spark writes and whose content no answer needs.
    Ignored,
    /// A class of another writer or a newer Spark, with the whole line. DataFlint's and
    /// Databricks' events arrive here and are kept by those who know them.
    Unknown(Text<'a>, &'a str),
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("not UTF-8")]
    Utf8,
    #[error("no \"Event\" field")]
    NoName,
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("{0}")]
    Json(String),
    /// JSON, but not of the event's fields.
    #[error("{0}")]
    Shape(String),
}

/// A progress report as the event that Spark logs for it. `report` is the report's JSON alone.
pub fn progress(report: &str) -> Result<Event<'_>, LineError> {
    Ok(Event::QueryProgress(json(report)?, report))
}

/// Parses one line, without its line end.
pub fn parse(line: &[u8]) -> Result<Event<'_>, LineError> {
    match line.strip_prefix(HEAD).and_then(|rest| Some((rest, memchr::memchr(b'"', rest)?))) {
        Some((rest, end)) => match &rest[..end] {
            b"SparkListenerTaskEnd" if let Some(e) = task_line::task_end(line) => Ok(Event::TaskEnd(Box::new(e))),
            b"SparkListenerTaskStart" if let Some(e) = task_line::task_start(line) => Ok(Event::TaskStart(e)),
            name => {
                let text = std::str::from_utf8(line).map_err(|_| LineError::Utf8)?;
                let name = std::str::from_utf8(name).map_err(|_| LineError::Utf8)?;
                if name.contains('\\') { parse_any_order(text) } else { parse_named(name.into(), text) }
            }
        },
        None => parse_any_order(std::str::from_utf8(line).map_err(|_| LineError::Utf8)?),
    }
}

/// Other writers may put `Event` elsewhere in the object.
fn parse_any_order(line: &str) -> Result<Event<'_>, LineError> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow, rename = "Event")]
        event: Option<Text<'a>>,
    }
    let named: Named<'_> = json(line)?;
    match named.event {
        Some(name) => parse_named(name, line),
        None => Err(LineError::NoName),
    }
}

/// Of the classes beside the scheduler's, older Sparks wrote others under the same names: Spark 2.0's
/// streaming has none of today's fields. What is whole JSON and not of our fields is nobody's damage.
fn parse_named<'a>(name: Text<'a>, line: &'a str) -> Result<Event<'a>, LineError> {
    let foreign = [SQL_UI, STREAMING, CONNECT, THRIFT].iter().any(|package| name.starts_with(package));
    match parse_known(name.clone(), line) {
        Err(LineError::Shape(_)) if foreign && json::<IgnoredAny>(line).is_ok() => Ok(Event::Unknown(name, line)),
        parsed => parsed,
    }
}

fn parse_known<'a>(name: Text<'a>, line: &'a str) -> Result<Event<'a>, LineError> {
    if let Some(class) = name.strip_prefix(SQL_UI) {
        return match class {
            "SparkListenerSQLExecutionStart" => Ok(Event::SqlExecutionStart(Box::new(json(line)?))),
            "SparkListenerSQLExecutionEnd" => json(line).map(Event::SqlExecutionEnd),
            "SparkListenerSQLAdaptiveExecutionUpdate" => json(line).map(Event::SqlAdaptiveExecutionUpdate),
            "SparkListenerSQLAdaptiveSQLMetricUpdates" => json(line).map(Event::SqlAdaptiveMetricUpdates),
            "SparkListenerDriverAccumUpdates" => json(line).map(Event::DriverAccumUpdates),
            _ => Ok(Event::Unknown(name, line)),
        };
    }
    if let Some(class) = name.strip_prefix(STREAMING) {
        return match class {
            "QueryStartedEvent" => json(line).map(Event::QueryStarted),
            "QueryProgressEvent" => {
                let raw = json::<QueryProgress<'_>>(line)?.progress.get();
                Ok(Event::QueryProgress(json(raw)?, raw))
            }
            "QueryIdleEvent" => json(line).map(Event::QueryIdle),
            "QueryTerminatedEvent" => json(line).map(Event::QueryTerminated),
            _ => Ok(Event::Unknown(name, line)),
        };
    }
    if let Some(class) = name.strip_prefix(CONNECT) {
        return server_event(Server::Connect, class, line).unwrap_or(Ok(Event::Unknown(name, line)));
    }
    if let Some(class) = name.strip_prefix(THRIFT) {
        return server_event(Server::Thrift, class, line).unwrap_or(Ok(Event::Unknown(name, line)));
    }
    if name.starts_with("org.apache.spark.sql.catalyst.catalog.") || name.starts_with("org.apache.spark.ml.") {
        return Ok(Event::Ignored);
    }
    match name.strip_prefix(SCHEDULER).unwrap_or(&name) {
        "SparkListenerTaskEnd" => Ok(Event::TaskEnd(Box::new(json(line)?))),
        "SparkListenerTaskStart" => json(line).map(Event::TaskStart),
        "SparkListenerTaskGettingResult" => json(line).map(Event::TaskGettingResult),
        "SparkListenerJobStart" => json(line).map(|e: JobStart<'_>| Event::JobStart(e.with_stages())),
        "SparkListenerJobEnd" => json(line).map(Event::JobEnd),
        "SparkListenerStageSubmitted" => json(line).map(Event::StageSubmitted),
        "SparkListenerStageCompleted" => json(line).map(Event::StageCompleted),
        "SparkListenerStageExecutorMetrics" => json(line).map(Event::StageExecutorMetrics),
        "SparkListenerExecutorMetricsUpdate" => json(line).map(Event::ExecutorMetricsUpdate),
        "SparkListenerBlockUpdated" => json(line).map(Event::BlockUpdated),
        "SparkListenerUnpersistRDD" => json(line).map(Event::UnpersistRdd),
        "SparkListenerBlockManagerAdded" => json(line).map(Event::BlockManagerAdded),
        "SparkListenerBlockManagerRemoved" => Ok(Event::Ignored),
        "SparkListenerExecutorAdded" => json(line).map(Event::ExecutorAdded),
        "SparkListenerExecutorRemoved" => json(line).map(Event::ExecutorRemoved),
        "SparkListenerExecutorBlacklisted" | "SparkListenerExecutorExcluded" => {
            Ok(Event::ExecutorExclusion(json(line)?, true))
        }
        "SparkListenerExecutorUnblacklisted" | "SparkListenerExecutorUnexcluded" => {
            Ok(Event::ExecutorExclusion(json(line)?, false))
        }
        "SparkListenerNodeBlacklisted" | "SparkListenerNodeExcluded" => Ok(Event::NodeExclusion(json(line)?, true)),
        "SparkListenerNodeUnblacklisted" | "SparkListenerNodeUnexcluded" => {
            Ok(Event::NodeExclusion(json(line)?, false))
        }
        "SparkListenerExecutorBlacklistedForStage" | "SparkListenerExecutorExcludedForStage" => {
            json(line).map(Event::ExecutorExcludedForStage)
        }
        "SparkListenerNodeBlacklistedForStage" | "SparkListenerNodeExcludedForStage" => {
            json(line).map(Event::NodeExcludedForStage)
        }
        "SparkListenerMiscellaneousProcessAdded" => json(line).map(Event::MiscellaneousProcessAdded),
        "SparkListenerSpeculativeTaskSubmitted"
        | "SparkListenerUnschedulableTaskSetAdded"
        | "SparkListenerUnschedulableTaskSetRemoved" => Ok(Event::Ignored),
        "SparkListenerResourceProfileAdded" => json(line).map(Event::ResourceProfileAdded),
        "SparkListenerEnvironmentUpdate" => json(line).map(Event::EnvironmentUpdate),
        "SparkListenerLogStart" => json(line).map(Event::LogStart),
        "SparkListenerApplicationStart" => json(line).map(Event::ApplicationStart),
        "SparkListenerApplicationEnd" => json(line).map(Event::ApplicationEnd),
        _ => Ok(Event::Unknown(name, line)),
    }
}

fn server_event<'a>(server: Server, class: &str, line: &'a str) -> Option<Result<Event<'a>, LineError>> {
    let step = match class {
        "SessionStarted" | "SessionCreated" => return Some(json(line).map(|e| Event::SessionStarted(server, e))),
        "SessionClosed" => return Some(json(line).map(|e| Event::SessionClosed(server, e))),
        "ServiceStarted" | "ServiceEnd" => return Some(Ok(Event::Ignored)),
        "OperationStarted" | "OperationStart" => OperationStep::Started,
        "OperationAnalyzed" | "OperationParsed" => OperationStep::Compiled,
        "OperationReadyForExecution" => OperationStep::Ready,
        "OperationFinished" | "OperationFinish" => OperationStep::Finished,
        "OperationFailed" | "OperationError" => OperationStep::Failed,
        "OperationCanceled" => OperationStep::Canceled,
        "OperationTimeout" => OperationStep::TimedOut,
        "OperationClosed" => OperationStep::Closed,
        _ => return None,
    };
    Some(json(line).map(|e| Event::Operation(server, step, e)))
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, LineError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let depth = depth(text.as_bytes());
    if depth > MAX_DEPTH {
        return Err(LineError::Depth);
    }
    if depth > PLAIN_DEPTH {
        // Checked above; a deep plan is no attack. Callers give parsing threads stack for it.
        reader.disable_recursion_limit();
    }
    T::deserialize(&mut reader).and_then(|v| reader.end().map(|()| v)).map_err(|e| match e.classify() {
        Category::Data => LineError::Shape(first_line(e)),
        _ => LineError::Json(first_line(e)),
    })
}

/// How deep objects and lists nest in a JSON text, strings not counted.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut i) = (0usize, 0usize, 0usize);
    while i < text.len() {
        match text[i] {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                i += 1;
                while let Some(at) = memchr::memchr2(b'"', b'\\', &text[i..]) {
                    i += at;
                    if text[i] == b'"' {
                        break;
                    }
                    i += 2;
                    if i > text.len() {
                        return deepest;
                    }
                }
            }
            _ => {}
        }
        i += 1;
    }
    deepest
}

fn first_line(e: impl std::fmt::Display) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TASK_END: &str = r#"{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ShuffleMapTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":6,"Index":6,"Attempt":0,"Partition ID":6,"Launch Time":1642039496427,"Executor ID":"driver","Host":"h\u00e9","Locality":"PROCESS_LOCAL","Speculative":false,"Getting Result Time":0,"Finish Time":1642039496888,"Failed":false,"Killed":false,"Accumulables":[{"ID":36,"Name":"number of output rows","Update":"12","Value":"12","Internal":true,"Count Failed Values":true,"Metadata":"sql"},{"ID":74,"Name":"internal.metrics.executorRunTime","Update":277,"Value":277,"Internal":true,"Count Failed Values":true},{"ID":9,"Name":"mine","Update":"a","Value":"[a]","Internal":false}]},"Task Executor Metrics":{"JVMHeapMemory":319351248,"NewMetric":7,"TotalGCTime":473},"Task Metrics":{"Executor Run Time":158,"Shuffle Read Metrics":{"Local Bytes Read":5},"Input Metrics":{"Records Read":12},"Updated Blocks":[]}}"#;

    fn plan(depth: usize) -> String {
        let node =
            |inner: String| format!(r#"{{"nodeName":"Project","simpleString":"p","children":[{inner}],"metrics":[]}}"#);
        (0..depth).fold(String::new(), |inner, _| node(inner))
    }

    fn execution(depth: usize) -> String {
        let class = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart";
        format!(r#"{{"Event":"{class}","executionId":1,"sparkPlanInfo":{}}}"#, plan(depth))
    }

    #[test]
    fn a_task_end_is_read_in_any_order_of_its_keys() {
        let reordered = format!(
            "{{{},\"Event\":\"SparkListenerTaskEnd\"}}",
            &TASK_END[31..TASK_END.len() - 1].trim_start_matches(',')
        );
        for line in [TASK_END, &reordered] {
            let Event::TaskEnd(e) = parse(line.as_bytes()).unwrap() else { panic!("another event") };
            let info = e.task_info.unwrap();
            assert_eq!((info.task_id, &*info.host, info.finish_time), (6, "hé", 1_642_039_496_888));
            // What only repeats the task metrics is left out.
            assert_eq!(info.accumulables.kept.iter().map(|a| a.id).collect::<Vec<_>>(), [36, 9]);
            let metrics = e.metrics.unwrap();
            assert_eq!(
                (metrics.executor_run_time, metrics.shuffle_local_bytes_read, metrics.input_records_read),
                (158, 5, 12)
            );
            assert_eq!(
                (e.executor_metrics.0[0], e.executor_metrics.0[20], e.executor_metrics.0[21]),
                (319_351_248, 473, 0)
            );
        }
    }

    #[test]
    fn deep_plans_are_read_and_endless_ones_refused() {
        let deep = std::thread::Builder::new().stack_size(64 << 20).spawn(|| {
            let line = execution(900);
            assert!(matches!(parse(line.as_bytes()), Ok(Event::SqlExecutionStart(_))));
            assert!(matches!(parse(execution(3000).as_bytes()), Err(LineError::Depth)));
        });
        deep.unwrap().join().unwrap();
    }

    #[test]
    fn what_nobody_knows_is_named() {
        let Ok(Event::Unknown(class, line)) = parse(br#"{"Event":"com.example.Future","x":1}"#) else {
            panic!("known")
        };
        assert_eq!((&*class, line), ("com.example.Future", r#"{"Event":"com.example.Future","x":1}"#));
        assert!(matches!(parse(b"{\"x\":1}"), Err(LineError::NoName)));
        assert!(parse(b"").is_err() && parse(b"not json").is_err() && parse(&[0xFF, 0xFE]).is_err());
    }

    proptest! {
        #[test]
        fn hostile_lines_are_errors_not_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
            for text in [TASK_END.to_owned(), execution(3)] {
                let mut line = text.into_bytes();
                let i = at.index(line.len());
                line[i] = byte;
                let _ = parse(&line);
                line.truncate(cut.index(line.len()));
                let _ = parse(&line);
            }
            let _ = parse(&noise);
            let mut headed = HEAD.to_vec();
            headed.extend(noise);
            let _ = parse(&headed);
        }
    }
}
