//! Sessions and operations of Spark Connect, as `connect/sessions` and `connect/operations`
//! answer them. Times are epoch milliseconds, 0 for what has not happened.

use serde::Serialize;

use crate::state::{Operation, OperationState, Session};

/// A session of a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionData {
    pub session_id: String,
    pub user_id: String,
    pub start_timestamp: i64,
    pub finish_timestamp: i64,
    pub total_execution: i64,
    /// Milliseconds from start to finish; of an open session to now.
    pub total_time: i64,
}

impl SessionData {
    pub fn new(session: &Session, now_ms: i64) -> Self {
        SessionData {
            session_id: session.session_id.clone(),
            user_id: session.user_id.clone(),
            start_timestamp: session.start_time,
            finish_timestamp: session.finish_time.unwrap_or(0),
            total_execution: session.total_executions,
            total_time: session.finish_time.unwrap_or(now_ms).wrapping_sub(session.start_time),
        }
    }
}

/// An operation of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionData {
    pub job_tag: String,
    pub operation_id: String,
    pub session_id: String,
    pub user_id: String,
    pub statement: String,
    pub state: &'static str,
    pub start_timestamp: i64,
    pub finish_timestamp: i64,
    pub close_timestamp: i64,
    /// Milliseconds from start to close; of an open operation to now.
    pub duration: i64,
    /// Milliseconds from start to finish; of a running operation to now.
    pub execution_time: i64,
    pub spark_session_tags: Vec<String>,
    pub job_ids: Vec<String>,
    pub sql_exec_ids: Vec<String>,
    pub detail: String,
}

impl ExecutionData {
    pub fn new(operation: &Operation, now_ms: i64) -> Self {
        let since_start = |end: Option<i64>| end.unwrap_or(now_ms).wrapping_sub(operation.start_time);
        let mut session_tags = operation.session_tags.clone();
        session_tags.sort();
        ExecutionData {
            job_tag: operation.job_tag.clone(),
            operation_id: operation.operation_id.clone(),
            session_id: operation.session_id.clone(),
            user_id: operation.user_id.clone(),
            statement: operation.statement.clone(),
            state: operation_state(operation.state),
            start_timestamp: operation.start_time,
            finish_timestamp: operation.finish_time.unwrap_or(0),
            close_timestamp: operation.close_time.unwrap_or(0),
            duration: since_start(operation.close_time),
            execution_time: since_start(operation.finish_time),
            spark_session_tags: session_tags,
            job_ids: sorted(&operation.job_ids),
            sql_exec_ids: sorted(&operation.sql_ids),
            detail: operation.detail.clone(),
        }
    }
}

/// Numbers as texts, in the order of the numbers.
fn sorted(ids: &[i64]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.iter().map(i64::to_string).collect()
}

/// Spark's name of an operation's state; only the Thrift server knows a timeout.
pub fn operation_state(state: OperationState) -> &'static str {
    match state {
        OperationState::Started => "STARTED",
        OperationState::Compiled => "COMPILED",
        OperationState::Ready => "READY",
        OperationState::Finished => "FINISHED",
        OperationState::Failed => "FAILED",
        OperationState::Canceled => "CANCELED",
        OperationState::TimedOut => "TIMEDOUT",
        OperationState::Closed => "CLOSED",
    }
}
