//! Sums of task metrics and peaks of executor metrics.

use afterglow_ingest::event::ExecutorMetrics;
pub use afterglow_ingest::event::{EXECUTOR_METRIC_NAMES, TaskMetrics};

/// Applies a macro to the name of every task metric, in the order of the stored columns.
#[macro_export]
macro_rules! for_each_task_metric {
    ($m:ident) => {
        $m! {
            executor_deserialize_time, executor_deserialize_cpu_time, executor_run_time, executor_cpu_time,
            result_size, jvm_gc_time, result_serialization_time, memory_bytes_spilled, disk_bytes_spilled,
            peak_execution_memory, peak_on_heap_execution_memory, peak_off_heap_execution_memory,
            input_bytes_read, input_records_read, output_bytes_written, output_records_written,
            shuffle_remote_blocks_fetched, shuffle_local_blocks_fetched, shuffle_fetch_wait_time,
            shuffle_remote_bytes_read, shuffle_remote_bytes_read_to_disk, shuffle_local_bytes_read,
            shuffle_records_read, shuffle_remote_reqs_duration, shuffle_corrupt_merged_block_chunks,
            shuffle_merged_fetch_fallback_count, shuffle_merged_remote_blocks_fetched,
            shuffle_merged_local_blocks_fetched, shuffle_merged_remote_chunks_fetched,
            shuffle_merged_local_chunks_fetched, shuffle_merged_remote_bytes_read,
            shuffle_merged_local_bytes_read, shuffle_merged_remote_reqs_duration,
            shuffle_bytes_written, shuffle_write_time, shuffle_records_written
        }
    };
}

/// Adds to a sum of what a log says; sums wrap, as the JVM's do.
pub(super) fn plus(sum: &mut i64, value: i64) {
    *sum = sum.wrapping_add(value);
}

macro_rules! add_all {
    ($($field:ident),*) => {
        /// Adds every metric of `delta` to `sum`; sums wrap, as the JVM's do.
        pub fn add(sum: &mut TaskMetrics, delta: &TaskMetrics) {
            $(sum.$field = sum.$field.wrapping_add(delta.$field);)*
        }
    };
}
for_each_task_metric!(add_all);

/// The highest value seen of each executor metric; none until the first reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peaks(pub Option<[i64; 23]>);

impl Peaks {
    /// Takes a reading in. One that begins with -1 was never taken: the executor was lost first.
    pub fn raise(&mut self, reading: &ExecutorMetrics) {
        if reading.0[0] < 0 && self.0.is_none() {
            return;
        }
        match &mut self.0 {
            None => self.0 = Some(reading.0.map(|v| v.max(0))),
            Some(peaks) => {
                for (peak, value) in peaks.iter_mut().zip(reading.0) {
                    *peak = (*peak).max(value);
                }
            }
        }
    }

    /// The peak of one metric by Spark's name, bytes or milliseconds; none until a reading.
    pub fn get(&self, name: &str) -> Option<i64> {
        let at = EXECUTOR_METRIC_NAMES.iter().position(|n| *n == name)?;
        self.0.map(|p| p[at])
    }
}
