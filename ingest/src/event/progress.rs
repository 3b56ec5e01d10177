//! The numbers of a progress report of Structured Streaming. What a report lacks is none; names of
//! custom metrics, durations and offsets are whatever Spark and its connectors made them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::text::{Pairs, Text};

/// Numbers by name, in the order of the report.
pub type Numbers<'a> = Pairs<Text<'a>, Number>;

/// A progress report as numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProgressReport<'a> {
    pub batch_id: i64,
    /// ISO 8601, UTC.
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    #[serde(borrow)]
    pub duration_ms: Numbers<'a>,
    #[serde(borrow)]
    event_time: Pairs<Text<'a>, Text<'a>>,
    #[serde(borrow)]
    pub state_operators: Vec<StateOperator<'a>>,
    #[serde(borrow)]
    pub sources: Vec<SourceProgress<'a>>,
    #[serde(borrow)]
    pub sink: SinkProgress<'a>,
}

impl<'a> ProgressReport<'a> {
    /// Reads the JSON of a report, as Spark wrote it.
    pub fn read(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// ISO 8601, UTC.
    pub fn watermark(&self) -> Option<&str> {
        self.event_time.value("watermark").map(|t| &**t)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateOperator<'a> {
    #[serde(borrow)]
    pub operator_name: Text<'a>,
    pub num_rows_total: Number,
    pub num_rows_updated: Number,
    pub num_rows_removed: Number,
    pub num_rows_dropped_by_watermark: Number,
    pub all_updates_time_ms: Number,
    pub all_removals_time_ms: Number,
    pub commit_time_ms: Number,
    pub memory_used_bytes: Number,
    /// Of Spark 3.1 on.
    pub num_state_store_instances: Number,
    #[serde(borrow)]
    pub custom_metrics: Numbers<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceProgress<'a> {
    #[serde(borrow)]
    pub description: Text<'a>,
    pub num_input_rows: Number,
    pub input_rows_per_second: Number,
    pub processed_rows_per_second: Number,
    #[serde(borrow)]
    end_offset: Option<&'a RawValue>,
    #[serde(borrow)]
    latest_offset: Option<&'a RawValue>,
    #[serde(borrow)]
    pub metrics: Numbers<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SinkProgress<'a> {
    #[serde(borrow)]
    pub description: Option<Text<'a>>,
}

impl Numbers<'_> {
    /// The number of that name, if it is one.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.iter().find(|(k, _)| &**k == name).and_then(|(_, v)| v.0)
    }
}

impl SourceProgress<'_> {
    /// Offsets that were there and were not read, over all partitions; where the report has no
    /// offsets by partition, what it says of the partition that is furthest behind.
    pub fn lag(&self) -> Option<f64> {
        let by_partition = || {
            let (read, there) = (partitions(self.end_offset?)?, partitions(self.latest_offset?)?);
            let behind = there.iter().map(|(partition, latest)| {
                let end = read.get(partition).copied().unwrap_or(0.0);
                (latest - end).max(0.0)
            });
            Some(behind.sum())
        };
        by_partition().or_else(|| {
            ["maxOffsetsBehindLatest", "avgOffsetsBehindLatest"].iter().find_map(|k| self.metrics.number(k))
        })
    }
}

/// Offsets as `{"topic":{"partition":offset}}`, perhaps in a text, by topic and partition.
fn partitions(offsets: &RawValue) -> Option<BTreeMap<(String, String), f64>> {
    let offsets: Value = match serde_json::from_str(offsets.get()).ok()? {
        Value::String(text) => serde_json::from_str(&text).ok()?,
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
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Number(pub Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, v: i64) -> Result<Number, E> {
                Ok(Number(Some(v as f64)))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Number, E> {
                Ok(Number(Some(v as f64)))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Number, E> {
                Ok(Number(Some(v).filter(|v| v.is_finite())))
            }
            fn visit_str<E>(self, v: &str) -> Result<Number, E> {
                Ok(Number(v.parse().ok().filter(|v: &f64| v.is_finite())))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Number, A::Error> {
                while a.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Number, A::Error> {
                while a.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
        }
        d.deserialize_any(V)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: &str) -> SourceProgress<'_> {
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
        assert_eq!(
            (report.batch_id, report.duration_ms.number("a"), report.duration_ms.number("b")),
            (3, Some(1.0), None)
        );
        assert_eq!((report.sources[0].input_rows_per_second, report.watermark()), (Number(None), None));
        assert!(ProgressReport::read("{").is_none());
    }
}
