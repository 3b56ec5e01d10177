//! The numbers of a progress report of Structured Streaming. What a report lacks is none; names of
//! custom metrics, durations and offsets are whatever Spark and its connectors made them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Deserializer;
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
    /// Of Spark 3.1 on, milliseconds.
    pub batch_duration: Number,
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
    pub num_shuffle_partitions: Number,
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
    /// -1 where the sink does not count.
    pub num_output_rows: Number,
}

impl Numbers<'_> {
    /// The number of that name, if it is one.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.iter().find(|(k, _)| &**k == name).and_then(|(_, v)| v.0)
    }
}

impl StateOperator<'_> {
    /// Bytes of memory. Spark reports 0 while RocksDB's memory is bounded, which is none of this operator's own.
    pub fn memory(&self) -> Option<f64> {
        let bounded = |bytes: f64| bytes == 0.0 && self.custom_metrics.iter().any(|(k, _)| k.starts_with("rocksdb"));
        self.memory_used_bytes.0.filter(|bytes| !bounded(*bytes))
    }

    /// Milliseconds to commit, the mean of the instances of the state store: what Spark reports is their sum.
    pub fn commit_time_per_instance(&self) -> Option<f64> {
        let instances = self.num_state_store_instances.0.filter(|n| *n > 0.0)?;
        Some(self.commit_time_ms.0? / instances)
    }

    /// Of RocksDB's commit time what went into copying files to the checkpoint location, 0 to 1.
    pub fn file_sync_share(&self) -> Option<f64> {
        let all = self.commit_time_ms.0.filter(|all| *all > 0.0)?;
        Some(self.custom_metrics.number("rocksdbCommitFileSyncLatencyMs")? / all)
    }

    /// Of RocksDB's reads of blocks those that its cache answered, 0 to 1.
    pub fn cache_hit_share(&self) -> Option<f64> {
        self.share("rocksdbReadBlockCacheHitCount", "rocksdbReadBlockCacheMissCount")
    }

    /// Of the files of RocksDB's snapshots those that were there already, 0 to 1.
    pub fn file_reuse_share(&self) -> Option<f64> {
        self.share("rocksdbFilesReused", "rocksdbFilesCopied")
    }

    fn share(&self, of: &str, and: &str) -> Option<f64> {
        let (of, and) = (self.custom_metrics.number(of)?, self.custom_metrics.number(and)?);
        (of + and > 0.0).then(|| of / (of + and))
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
    /// By its text: serde_json's own reading of a fraction may miss the last digit, and a rate is passed on as it is.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(d)?.get();
        let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
        Ok(Number(text.parse().ok().filter(|v: &f64| v.is_finite())))
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
    fn what_rocksdb_spent_its_time_on() {
        // Figures of a published report of Spark 3.5: see the derived ones in its text.
        let report = ProgressReport::read(
            r#"{"batchId":39,"durationMs":{"addBatch":648,"commitOffsets":39,"getBatch":0,"latestOffset":0,"queryPlanning":10,"triggerExecution":734,"walCommit":35},
               "stateOperators":[{"operatorName":"stateStoreSave","numRowsTotal":10,"commitTimeMs":3629,"memoryUsedBytes":174179,"numShufflePartitions":36,
               "numStateStoreInstances":36,"customMetrics":{"rocksdbCommitCheckpointLatency":533,"rocksdbCommitFileSyncLatencyMs":2991,"rocksdbCommitFlushLatency":44,
               "rocksdbFilesCopied":4,"rocksdbFilesReused":24,"rocksdbReadBlockCacheHitCount":8,"rocksdbReadBlockCacheMissCount":0,"rocksdbNewName":1}}],
               "sources":[{"description":"RateStreamV2","numInputRows":1,"processedRowsPerSecond":1.3623978201634879}],"sink":{"numOutputRows":10}}"#,
        )
        .unwrap();
        let o = &report.state_operators[0];
        let rounded = |v: Option<f64>| v.map(|v| (v * 1000.0).round() / 1000.0);
        assert_eq!(rounded(o.commit_time_per_instance()), Some(100.806));
        assert_eq!(rounded(o.file_sync_share()), Some(0.824));
        assert_eq!((o.cache_hit_share(), rounded(o.file_reuse_share())), (Some(1.0), Some(0.857)));
        assert_eq!((o.memory(), o.custom_metrics.number("rocksdbNewName")), (Some(174_179.0), Some(1.0)));
        assert_eq!(
            report.sources[0].processed_rows_per_second.0.map(|v| v.to_string()),
            Some("1.3623978201634879".into())
        );
        let phases: f64 =
            report.duration_ms.iter().filter(|(k, _)| &**k != "triggerExecution").filter_map(|(_, v)| v.0).sum();
        assert_eq!((phases, report.sink.num_output_rows.0), (732.0, Some(10.0)));
        // Bounded memory is nobody's own; without RocksDB nothing is known of its files.
        let bounded: StateOperator<'_> =
            serde_json::from_str(r#"{"memoryUsedBytes":0,"customMetrics":{"rocksdbGetCount":1}}"#).unwrap();
        let hdfs: StateOperator<'_> = serde_json::from_str(r#"{"memoryUsedBytes":0,"commitTimeMs":5}"#).unwrap();
        assert_eq!((bounded.memory(), hdfs.memory()), (None, Some(0.0)));
        assert_eq!(
            (hdfs.file_sync_share(), hdfs.cache_hit_share(), hdfs.commit_time_per_instance()),
            (None, None, None)
        );
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
