//! Sessions and operations of Spark Connect and of the Thrift server.
//! Both servers log the same life under different names; one record per step serves both.

use serde::Deserialize;

use super::text::Text;

/// `Session{Started,Closed}` of Connect, `Session{Created,Closed}` of the Thrift server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionEvent<'a> {
    #[serde(borrow, default)]
    pub session_id: Text<'a>,
    #[serde(borrow, default, alias = "userName")]
    pub user_id: Text<'a>,
    /// Epoch milliseconds.
    #[serde(default, alias = "startTime", alias = "finishTime")]
    pub event_time: i64,
}

/// `Operation*` of either server. `job_tag` ties a Connect operation to its jobs and SQL
/// executions; the Thrift server has the id alone and ties by job group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationEvent<'a> {
    #[serde(borrow, default)]
    pub job_tag: Text<'a>,
    #[serde(borrow, default, alias = "id")]
    pub operation_id: Text<'a>,
    #[serde(default, alias = "startTime", alias = "finishTime", alias = "closeTime")]
    pub event_time: i64,
    #[serde(borrow, default)]
    pub session_id: Text<'a>,
    #[serde(borrow, default)]
    pub user_id: Text<'a>,
    #[serde(borrow, default)]
    pub user_name: Text<'a>,
    #[serde(borrow, default, alias = "statement")]
    pub statement_text: Text<'a>,
    #[serde(borrow, default, alias = "groupId")]
    pub group_id: Text<'a>,
    #[serde(borrow, default)]
    pub spark_session_tags: Vec<Text<'a>>,
    #[serde(borrow, default, alias = "errorMsg")]
    pub error_message: Text<'a>,
}

/// The step of an operation's life that an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationStep {
    Started,
    Compiled,
    Ready,
    Finished,
    Failed,
    Canceled,
    TimedOut,
    Closed,
}

/// Which server a session or operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Connect,
    Thrift,
}
