//! The numbers of a progress report of Structured Streaming. What a report lacks is none; names of
//! custom metrics, durations and offsets are whatever Spark and its connectors made them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A progress report as numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProgressReport {
    pub batch_id: i64,
    /// ISO 8601, UTC.
    pub timestamp: String,
    pub duration_ms: Numbers,
    pub event_time: BTreeMap<String, Value>,
    pub state_operators: Vec<StateOperator>,
    pub sources: Vec<SourceProgress>,
    pub sink: SinkProgress,
}

impl ProgressReport {
    /// Reads the JSON of a report, as Spark wrote it.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// ISO 8601, UTC.
    pub fn watermark(&self) -> Option<&str> {
        self.event_time.get("watermark")?.as_str()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateOperator {
    pub operator_name: String,
    pub num_rows_total: Number,
    pub num_rows_updated: Number,
    pub num_rows_removed: Number,
    pub num_rows_dropped_by_watermark: Number,
    pub all_updates_time_ms: Number,
    pub all_removals_time_ms: Number,
    pub commit_time_ms: Number,
    pub memory_used_bytes: Number,
    pub custom_metrics: Numbers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceProgress {
    pub description: String,
    pub num_input_rows: Number,
    pub input_rows_per_second: Number,
    pub processed_rows_per_second: Number,
    end_offset: Value,
    latest_offset: Value,
    pub metrics: Numbers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SinkProgress {
    pub description: Option<String>,
}

impl SourceProgress {
    /// Offsets that were there and were not read, over all partitions; where the report has no
    /// offsets by partition, what it says of the partition that is furthest behind.
    pub fn lag(&self) -> Option<f64> {
        let by_partition = || {
            let (read, there) = (partitions(&self.end_offset)?, partitions(&self.latest_offset)?);
            let behind = there.iter().map(|(partition, latest)| {
                let end = read.get(partition).copied().unwrap_or(0.0);
                (latest - end).max(0.0)
            });
            Some(behind.sum())
        };
        by_partition()
            .or_else(|| ["maxOffsetsBehindLatest", "avgOffsetsBehindLatest"].iter().find_map(|k| self.metrics.get(k)))
    }
}

/// Offsets as `{"topic":{"partition":offset}}`, perhaps in a text, by topic and partition.
fn partitions(offsets: &Value) -> Option<BTreeMap<(String, String), f64>> {
    let parsed: Value;
    let offsets = match offsets {
        Value::String(text) => {
            parsed = serde_json::from_str(text).ok()?;
            &parsed
        }
        other => other,
    };
    let mut all = BTreeMap::new();
    for (topic, partitions) in offsets.as_object()? {
        for (partition, offset) in partitions.as_object()? {
            all.insert((topic.clone(), partition.clone()), offset.as_f64()?);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// A number, written as one or as a text; none for everything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(from = "Value")]
pub struct Number(pub Option<f64>);

impl From<Value> for Number {
    fn from(v: Value) -> Self {
        let number = match v {
            Value::Number(n) => n.as_f64(),
            Value::String(s) => s.parse().ok(),
            _ => None,
        };
        Number(number.filter(|n: &f64| n.is_finite()))
    }
}

/// Numbers by name; names without one are left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Value")]
pub struct Numbers(pub BTreeMap<String, f64>);

impl Numbers {
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

impl From<Value> for Numbers {
    fn from(all: Value) -> Self {
        let Value::Object(all) = all else { return Numbers::default() };
        Numbers(all.into_iter().filter_map(|(k, v)| Some((k, Number::from(v).0?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: &str) -> SourceProgress {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn lag_of_offsets_by_partition_or_of_metrics() {
        let cases = [
            (r#"{"endOffset":{"t":{"0":5,"1":7}},"latestOffset":{"t":{"0":9,"1":7,"2":3}}}"#, Some(7.0)),
            (
                r#"{"endOffset":"{\"t\":{\"0\":5}}","latestOffset":"{\"t\":{\"0\":9}}","metrics":{"maxOffsetsBehindLatest":"1"}}"#,
                Some(4.0),
            ),
            (r#"{"endOffset":"5","latestOffset":"6","metrics":{"maxOffsetsBehindLatest":"12"}}"#, Some(12.0)),
            (r#"{"endOffset":"5","latestOffset":"6","metrics":{}}"#, None),
            (r#"{"endOffset":{"t":{"0":9}},"latestOffset":{"t":{"0":5}}}"#, Some(0.0)),
            (r#"{"endOffset":null,"latestOffset":null,"metrics":{"avgOffsetsBehindLatest":"0.5"}}"#, Some(0.5)),
        ];
        for (json, lag) in cases {
            assert_eq!(source(json).lag(), lag, "{json}");
        }
    }

    #[test]
    fn odd_reports_lack_what_is_odd() {
        let report = ProgressReport::read(
            r#"{"batchId":3,"durationMs":{"a":1,"b":"x"},"sources":[{"inputRowsPerSecond":"NaN"}],"new":{}}"#,
        )
        .unwrap();
        assert_eq!((report.batch_id, report.duration_ms.get("a"), report.duration_ms.get("b")), (3, Some(1.0), None));
        assert_eq!((report.sources[0].input_rows_per_second, report.watermark()), (Number(None), None));
        assert!(ProgressReport::read("{").is_none());
    }
}
