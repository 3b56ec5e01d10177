//! Quantiles over the tasks (`taskSummary`, `withSummaries`) and over the executors of a stage
//! attempt. The quantiles of tasks are picked by the caller; those of executors here.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::state::metrics::EXECUTOR_METRIC_NAMES;
use crate::state::{ExecutorStageSummary, StageAttempt};
use crate::store::segment::Metric;

/// Numbers that serialise as Jackson's doubles: what is no number becomes a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubles(pub Vec<f64>);

impl Serialize for Doubles {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|v| Double(*v)))
    }
}

struct Double(f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            v if v.is_finite() => s.serialize_f64(v),
            v if v.is_nan() => s.serialize_str("NaN"),
            v if v > 0.0 => s.serialize_str("Infinity"),
            _ => s.serialize_str("-Infinity"),
        }
    }
}

/// The place of a quantile among `count` sorted values; none among no values. There is no
/// interpolation.
pub fn quantile_index(quantile: f64, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(((quantile * count as f64) as usize).min(last))
}

/// Declares the quantities of a task: some computed, most one metric or the sum of two.
macro_rules! quantities {
    (
        computed { $($computed:ident),* $(,)? }
        metrics { $($name:ident: $metric:ident $(+ $more:ident)?),* $(,)? }
    ) => {
        /// A quantity of a task that has a distribution.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TaskQuantity {
            $($computed,)*
            $($name,)*
        }

        impl TaskQuantity {
            pub const ALL: &[TaskQuantity] = &[$(TaskQuantity::$computed,)* $(TaskQuantity::$name,)*];

            /// The stored columns that add up to the quantity; none for those that are computed.
            pub fn columns(self) -> &'static [Metric] {
                match self {
                    $(TaskQuantity::$computed => &[],)*
                    $(TaskQuantity::$name => &[Metric::$metric $(, Metric::$more)?],)*
                }
            }
        }
    };
}

quantities! {
    computed {
        Duration,
        GettingResultTime,
        SchedulerDelay,
    }
    metrics {
        ExecutorDeserializeTime: executor_deserialize_time,
        ExecutorDeserializeCpuTime: executor_deserialize_cpu_time,
        ExecutorRunTime: executor_run_time,
        ExecutorCpuTime: executor_cpu_time,
        ResultSize: result_size,
        JvmGcTime: jvm_gc_time,
        ResultSerializationTime: result_serialization_time,
        PeakExecutionMemory: peak_execution_memory,
        MemoryBytesSpilled: memory_bytes_spilled,
        DiskBytesSpilled: disk_bytes_spilled,
        InputBytesRead: input_bytes_read,
        InputRecordsRead: input_records_read,
        OutputBytesWritten: output_bytes_written,
        OutputRecordsWritten: output_records_written,
        ShuffleReadBytes: shuffle_local_bytes_read + shuffle_remote_bytes_read,
        ShuffleReadRecords: shuffle_records_read,
        ShuffleRemoteBlocksFetched: shuffle_remote_blocks_fetched,
        ShuffleLocalBlocksFetched: shuffle_local_blocks_fetched,
        ShuffleFetchWaitTime: shuffle_fetch_wait_time,
        ShuffleRemoteBytesRead: shuffle_remote_bytes_read,
        ShuffleRemoteBytesReadToDisk: shuffle_remote_bytes_read_to_disk,
        ShuffleTotalBlocksFetched: shuffle_local_blocks_fetched + shuffle_remote_blocks_fetched,
        ShuffleRemoteReqsDuration: shuffle_remote_reqs_duration,
        ShuffleCorruptMergedBlockChunks: shuffle_corrupt_merged_block_chunks,
        ShuffleMergedFetchFallbackCount: shuffle_merged_fetch_fallback_count,
        ShuffleMergedRemoteBlocksFetched: shuffle_merged_remote_blocks_fetched,
        ShuffleMergedLocalBlocksFetched: shuffle_merged_local_blocks_fetched,
        ShuffleMergedRemoteChunksFetched: shuffle_merged_remote_chunks_fetched,
        ShuffleMergedLocalChunksFetched: shuffle_merged_local_chunks_fetched,
        ShuffleMergedRemoteBytesRead: shuffle_merged_remote_bytes_read,
        ShuffleMergedLocalBytesRead: shuffle_merged_local_bytes_read,
        ShuffleMergedRemoteReqsDuration: shuffle_merged_remote_reqs_duration,
        ShuffleWriteBytes: shuffle_bytes_written,
        ShuffleWriteRecords: shuffle_records_written,
        ShuffleWriteTime: shuffle_write_time,
    }
}

/// Declares a block of distributions and the quantity behind each of its fields.
macro_rules! block {
    ($name:ident { $($field:ident: $quantity:ident),* $(,)? } $({ $nest:ident: $inner:ident })?) => {
        /// Distributions of the metrics of the same name.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(pub $field: Doubles,)*
            $(pub $nest: $inner,)?
        }

        impl $name {
            fn new(pick: &mut dyn FnMut(TaskQuantity) -> Vec<f64>) -> Self {
                $name { $($field: Doubles(pick(TaskQuantity::$quantity)),)* $($nest: $inner::new(pick),)? }
            }
        }
    };
}

block! {
    InputMetricDistributions {
        bytes_read: InputBytesRead,
        records_read: InputRecordsRead,
    }
}
block! {
    OutputMetricDistributions {
        bytes_written: OutputBytesWritten,
        records_written: OutputRecordsWritten,
    }
}
block! {
    ShuffleReadMetricDistributions {
        read_bytes: ShuffleReadBytes,
        read_records: ShuffleReadRecords,
        remote_blocks_fetched: ShuffleRemoteBlocksFetched,
        local_blocks_fetched: ShuffleLocalBlocksFetched,
        fetch_wait_time: ShuffleFetchWaitTime,
        remote_bytes_read: ShuffleRemoteBytesRead,
        remote_bytes_read_to_disk: ShuffleRemoteBytesReadToDisk,
        total_blocks_fetched: ShuffleTotalBlocksFetched,
        remote_reqs_duration: ShuffleRemoteReqsDuration,
    } { shuffle_push_read_metrics_dist: ShufflePushReadMetricDistributions }
}
block! {
    ShufflePushReadMetricDistributions {
        corrupt_merged_block_chunks: ShuffleCorruptMergedBlockChunks,
        merged_fetch_fallback_count: ShuffleMergedFetchFallbackCount,
        remote_merged_blocks_fetched: ShuffleMergedRemoteBlocksFetched,
        local_merged_blocks_fetched: ShuffleMergedLocalBlocksFetched,
        remote_merged_chunks_fetched: ShuffleMergedRemoteChunksFetched,
        local_merged_chunks_fetched: ShuffleMergedLocalChunksFetched,
        remote_merged_bytes_read: ShuffleMergedRemoteBytesRead,
        local_merged_bytes_read: ShuffleMergedLocalBytesRead,
        remote_merged_reqs_duration: ShuffleMergedRemoteReqsDuration,
    }
}
block! {
    ShuffleWriteMetricDistributions {
        write_bytes: ShuffleWriteBytes,
        write_records: ShuffleWriteRecords,
        write_time: ShuffleWriteTime,
    }
}

/// The quantiles of every quantity over the tasks of a stage attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskMetricDistributions {
    pub quantiles: Doubles,
    pub duration: Doubles,
    pub executor_deserialize_time: Doubles,
    pub executor_deserialize_cpu_time: Doubles,
    pub executor_run_time: Doubles,
    pub executor_cpu_time: Doubles,
    pub result_size: Doubles,
    pub jvm_gc_time: Doubles,
    pub result_serialization_time: Doubles,
    pub getting_result_time: Doubles,
    pub scheduler_delay: Doubles,
    pub peak_execution_memory: Doubles,
    pub memory_bytes_spilled: Doubles,
    pub disk_bytes_spilled: Doubles,
    pub input_metrics: InputMetricDistributions,
    pub output_metrics: OutputMetricDistributions,
    pub shuffle_read_metrics: ShuffleReadMetricDistributions,
    pub shuffle_write_metrics: ShuffleWriteMetricDistributions,
}

impl TaskMetricDistributions {
    /// `quantiles`, sorted, and for each quantity what `pick` finds at them.
    pub fn new(quantiles: Vec<f64>, pick: &mut dyn FnMut(TaskQuantity) -> Vec<f64>) -> Self {
        let mut at = |quantity| Doubles(pick(quantity));
        TaskMetricDistributions {
            quantiles: Doubles(quantiles),
            duration: at(TaskQuantity::Duration),
            executor_deserialize_time: at(TaskQuantity::ExecutorDeserializeTime),
            executor_deserialize_cpu_time: at(TaskQuantity::ExecutorDeserializeCpuTime),
            executor_run_time: at(TaskQuantity::ExecutorRunTime),
            executor_cpu_time: at(TaskQuantity::ExecutorCpuTime),
            result_size: at(TaskQuantity::ResultSize),
            jvm_gc_time: at(TaskQuantity::JvmGcTime),
            result_serialization_time: at(TaskQuantity::ResultSerializationTime),
            getting_result_time: at(TaskQuantity::GettingResultTime),
            scheduler_delay: at(TaskQuantity::SchedulerDelay),
            peak_execution_memory: at(TaskQuantity::PeakExecutionMemory),
            memory_bytes_spilled: at(TaskQuantity::MemoryBytesSpilled),
            disk_bytes_spilled: at(TaskQuantity::DiskBytesSpilled),
            input_metrics: InputMetricDistributions::new(pick),
            output_metrics: OutputMetricDistributions::new(pick),
            shuffle_read_metrics: ShuffleReadMetricDistributions::new(pick),
            shuffle_write_metrics: ShuffleWriteMetricDistributions::new(pick),
        }
    }
}

/// Declares the distributions over executors: each field is one of the summary's.
macro_rules! executor_distributions {
    ($($field:ident),* $(,)?) => {
        /// The quantiles of what each executor of a stage attempt did.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct ExecutorMetricsDistributions {
            pub quantiles: Doubles,
            $(pub $field: Doubles,)*
            pub peak_memory_metrics: ExecutorPeakMetricsDistributions,
        }

        /// The distributions over the executors of a stage attempt; none if it had none.
        pub fn executor_distributions(stage: &StageAttempt, quantiles: &[f64]) -> Option<ExecutorMetricsDistributions> {
            if stage.executors.is_empty() {
                return None;
            }
            let mut quantiles = quantiles.to_vec();
            quantiles.sort_by(f64::total_cmp);
            let of = |value: fn(&ExecutorStageSummary) -> i64| {
                Doubles(at_quantiles(stage.executors.values().map(value).collect(), &quantiles))
            };
            Some(ExecutorMetricsDistributions {
                $($field: of(|e| e.$field),)*
                peak_memory_metrics: ExecutorPeakMetricsDistributions::new(stage, &quantiles),
                quantiles: Doubles(quantiles),
            })
        }
    };
}

executor_distributions! {
    task_time,
    failed_tasks,
    succeeded_tasks,
    killed_tasks,
    input_bytes,
    input_records,
    output_bytes,
    output_records,
    shuffle_read,
    shuffle_read_records,
    shuffle_write,
    shuffle_write_records,
    memory_bytes_spilled,
    disk_bytes_spilled,
}

/// The quantiles of each executor metric over the executors that reported any: an object under
/// Spark's names.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorPeakMetricsDistributions(Vec<Doubles>);

impl ExecutorPeakMetricsDistributions {
    fn new(stage: &StageAttempt, quantiles: &[f64]) -> Self {
        let peaks: Vec<[i64; 23]> = stage.executors.values().filter_map(|e| e.peaks.0).collect();
        let of = |metric: usize| Doubles(at_quantiles(peaks.iter().map(|p| p[metric]).collect(), quantiles));
        ExecutorPeakMetricsDistributions((0..EXECUTOR_METRIC_NAMES.len()).map(of).collect())
    }
}

impl Serialize for ExecutorPeakMetricsDistributions {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (name, values) in EXECUTOR_METRIC_NAMES.iter().zip(&self.0) {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

/// The values at each quantile; 0 where there are no values.
fn at_quantiles(mut values: Vec<i64>, quantiles: &[f64]) -> Vec<f64> {
    values.sort_unstable();
    quantiles.iter().map(|q| quantile_index(*q, values.len()).map_or(0.0, |at| values[at] as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::metrics::Peaks;

    #[test]
    fn quantiles_are_values() {
        let values = vec![30, 10, 20, 40];
        assert_eq!(
            at_quantiles(values, &[-1.0, 0.0, 0.25, 0.5, 0.99, 1.0, 7.0]),
            [10.0, 10.0, 20.0, 30.0, 40.0, 40.0, 40.0]
        );
        assert_eq!(at_quantiles(vec![], &[0.0, 1.0]), [0.0, 0.0]);
        assert_eq!(quantile_index(f64::NAN, 3), Some(0));
    }

    #[test]
    fn what_is_no_number_is_text() {
        let json = serde_json::to_string(&Doubles(vec![5.0, f64::NAN, f64::INFINITY, 1_324_251_000.0])).unwrap();
        assert_eq!(json, r#"[5.0,"NaN","Infinity",1324251000.0]"#);
    }

    #[test]
    fn an_executor_without_readings_is_not_among_the_peaks() {
        let mut stage = StageAttempt::default();
        assert_eq!(executor_distributions(&stage, &[0.5]), None);
        let busy =
            ExecutorStageSummary { task_time: 7, peaks: Peaks(Some([3; 23])), ..ExecutorStageSummary::default() };
        stage.executors.insert("1".into(), busy);
        stage.executors.insert("2".into(), ExecutorStageSummary::default());
        let json = serde_json::to_value(executor_distributions(&stage, &[1.0, 0.0])).unwrap();
        assert_eq!(json["quantiles"], serde_json::json!([0.0, 1.0]));
        assert_eq!(json["taskTime"], serde_json::json!([0.0, 7.0]));
        assert_eq!(json["peakMemoryMetrics"]["TotalGCTime"], serde_json::json!([3.0, 3.0]));
    }
}
