//! Structured Streaming, as `org.apache.spark.sql.streaming.StreamingQueryListener$*Event`.
//! A progress report is kept as the JSON Spark wrote: its custom metrics differ by version,
//! state store and source, and every one of them may matter to somebody.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::text::Text;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryStarted<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub run_id: Text<'a>,
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    /// ISO 8601, UTC.
    #[serde(borrow, default)]
    pub timestamp: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub struct QueryProgress<'a> {
    #[serde(borrow)]
    pub progress: &'a RawValue,
}

/// What the state needs of a progress report; the rest stays in its JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressHead<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub run_id: Text<'a>,
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub timestamp: Text<'a>,
    #[serde(default)]
    pub batch_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryIdle<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub run_id: Text<'a>,
    #[serde(borrow, default)]
    pub timestamp: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryTerminated<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub run_id: Text<'a>,
    #[serde(borrow, default)]
    pub exception: Option<Text<'a>>,
}
