//! Metrics of a task attempt and peaks of an executor, flat, under Spark's names.
//! In: the nested JSON of `Task Metrics` and `Executor Metrics`. Out: plain counters.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::cursor::{Cursor, key};

/// Metrics of one task attempt. Times are milliseconds and sizes bytes unless the name says
/// otherwise; `*_cpu_time` and `shuffle_write_time` are nanoseconds, as Spark measures them.
/// Metrics that a version does not write are 0, as Spark's own reader takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskMetrics {
    pub executor_deserialize_time: i64,
    pub executor_deserialize_cpu_time: i64,
    pub executor_run_time: i64,
    pub executor_cpu_time: i64,
    pub result_size: i64,
    pub jvm_gc_time: i64,
    pub result_serialization_time: i64,
    pub memory_bytes_spilled: i64,
    pub disk_bytes_spilled: i64,
    pub peak_execution_memory: i64,
    pub peak_on_heap_execution_memory: i64,
    pub peak_off_heap_execution_memory: i64,
    pub input_bytes_read: i64,
    pub input_records_read: i64,
    pub output_bytes_written: i64,
    pub output_records_written: i64,
    pub shuffle_remote_blocks_fetched: i64,
    pub shuffle_local_blocks_fetched: i64,
    pub shuffle_fetch_wait_time: i64,
    pub shuffle_remote_bytes_read: i64,
    pub shuffle_remote_bytes_read_to_disk: i64,
    pub shuffle_local_bytes_read: i64,
    pub shuffle_records_read: i64,
    pub shuffle_remote_reqs_duration: i64,
    pub shuffle_corrupt_merged_block_chunks: i64,
    pub shuffle_merged_fetch_fallback_count: i64,
    pub shuffle_merged_remote_blocks_fetched: i64,
    pub shuffle_merged_local_blocks_fetched: i64,
    pub shuffle_merged_remote_chunks_fetched: i64,
    pub shuffle_merged_local_chunks_fetched: i64,
    pub shuffle_merged_remote_bytes_read: i64,
    pub shuffle_merged_local_bytes_read: i64,
    pub shuffle_merged_remote_reqs_duration: i64,
    pub shuffle_bytes_written: i64,
    pub shuffle_write_time: i64,
    pub shuffle_records_written: i64,
}

/// Reads one JSON object, giving each named counter to its field and skipping other keys.
/// A key that opens a nested object names the reader for it. The keys are in Spark's order.
macro_rules! counters {
    ($name:ident, { $($key:literal => $field:ident),* $(,)? }, { $($nest:literal => $sub:ident),* $(,)? } $(, empty $empty:literal)?) => {
        struct $name<'m>(&'m mut TaskMetrics);
        impl $name<'_> {
            /// The object as Spark itself writes it, some keys perhaps left out.
            fn in_order(self, c: &mut Cursor<'_>) -> Option<()> {
                c.eat("{")?;
                $(if let Some(n) = c.optional(key!($key), Cursor::int)? {
                    self.0.$field = n;
                })*
                $(c.optional(key!($nest), |c| $sub(self.0).in_order(c))?;)*
                $(c.optional(key!($empty), |c| c.eat("[]"))?;)?
                c.eat("}")
            }
        }
        impl<'de> serde::de::DeserializeSeed<'de> for $name<'_> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                d.deserialize_any(self)
            }
        }
        impl<'de> Visitor<'de> for $name<'_> {
            type Value = ();
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("task metrics")
            }
            fn visit_unit<E>(self) -> Result<(), E> { Ok(()) }
            #[allow(unused_mut, reason = "not every object nests")]
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<(), A::Error> {
                while let Some(key) = a.next_key::<super::text::Text<'de>>()? {
                    match &*key {
                        $($key => self.0.$field = a.next_value::<Counter>()?.0,)*
                        $($nest => a.next_value_seed($sub(self.0))?,)*
                        _ => { a.next_value::<IgnoredAny>()?; }
                    }
                }
                Ok(())
            }
        }
    };
}

/// A whole number; `null` reads as 0.
struct Counter(i64);

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Counter;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, v: i64) -> Result<Counter, E> {
                Ok(Counter(v))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Counter, E> {
                Ok(Counter(i64::try_from(v).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Counter, E> {
                Ok(Counter(v as i64))
            }
            fn visit_unit<E>(self) -> Result<Counter, E> {
                Ok(Counter(0))
            }
        }
        d.deserialize_any(V)
    }
}

counters!(Top, {
    "Executor Deserialize Time" => executor_deserialize_time,
    "Executor Deserialize CPU Time" => executor_deserialize_cpu_time,
    "Executor Run Time" => executor_run_time,
    "Executor CPU Time" => executor_cpu_time,
    "Peak Execution Memory" => peak_execution_memory,
    "Peak On Heap Execution Memory" => peak_on_heap_execution_memory,
    "Peak Off Heap Execution Memory" => peak_off_heap_execution_memory,
    "Result Size" => result_size,
    "JVM GC Time" => jvm_gc_time,
    "Result Serialization Time" => result_serialization_time,
    "Memory Bytes Spilled" => memory_bytes_spilled,
    "Disk Bytes Spilled" => disk_bytes_spilled,
}, {
    "Shuffle Read Metrics" => ShuffleRead,
    "Shuffle Write Metrics" => ShuffleWrite,
    "Input Metrics" => Input,
    "Output Metrics" => Output,
}, empty "Updated Blocks");
counters!(ShuffleRead, {
    "Remote Blocks Fetched" => shuffle_remote_blocks_fetched,
    "Local Blocks Fetched" => shuffle_local_blocks_fetched,
    "Fetch Wait Time" => shuffle_fetch_wait_time,
    "Remote Bytes Read" => shuffle_remote_bytes_read,
    "Remote Bytes Read To Disk" => shuffle_remote_bytes_read_to_disk,
    "Local Bytes Read" => shuffle_local_bytes_read,
    "Total Records Read" => shuffle_records_read,
    "Remote Requests Duration" => shuffle_remote_reqs_duration,
}, { "Push Based Shuffle" => PushRead });
counters!(PushRead, {
    "Corrupt Merged Block Chunks" => shuffle_corrupt_merged_block_chunks,
    "Merged Fetch Fallback Count" => shuffle_merged_fetch_fallback_count,
    "Merged Remote Blocks Fetched" => shuffle_merged_remote_blocks_fetched,
    "Merged Local Blocks Fetched" => shuffle_merged_local_blocks_fetched,
    "Merged Remote Chunks Fetched" => shuffle_merged_remote_chunks_fetched,
    "Merged Local Chunks Fetched" => shuffle_merged_local_chunks_fetched,
    "Merged Remote Bytes Read" => shuffle_merged_remote_bytes_read,
    "Merged Local Bytes Read" => shuffle_merged_local_bytes_read,
    "Merged Remote Requests Duration" => shuffle_merged_remote_reqs_duration,
}, {});
counters!(ShuffleWrite, {
    "Shuffle Bytes Written" => shuffle_bytes_written,
    "Shuffle Write Time" => shuffle_write_time,
    "Shuffle Records Written" => shuffle_records_written,
}, {});
counters!(Input, { "Bytes Read" => input_bytes_read, "Records Read" => input_records_read }, {});
counters!(Output, { "Bytes Written" => output_bytes_written, "Records Written" => output_records_written }, {});

impl TaskMetrics {
    pub(super) fn in_order(c: &mut Cursor<'_>) -> Option<Self> {
        let mut m = TaskMetrics::default();
        Top(&mut m).in_order(c)?;
        Some(m)
    }
}

impl<'de> Deserialize<'de> for TaskMetrics {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut m = TaskMetrics::default();
        d.deserialize_any(Top(&mut m))?;
        Ok(m)
    }
}

/// Declares the names of the executor metrics in Spark's order, and reads them in it.
macro_rules! executor_metrics {
    ($($name:literal),* $(,)?) => {
        /// Names of the executor metrics, in Spark 4.3's order; the index is the place in [`ExecutorMetrics`].
        pub const EXECUTOR_METRIC_NAMES: [&str; 23] = [$($name),*];

        impl ExecutorMetrics {
            pub(super) fn in_order(c: &mut Cursor<'_>) -> Option<Self> {
                let mut all = Self::default();
                let mut places = all.0.iter_mut();
                c.eat("{")?;
                $(
                    let place = places.next()?;
                    if let Some(n) = c.optional(key!($name), Cursor::int)? {
                        *place = n;
                    }
                )*
                c.eat("}")?;
                Some(all)
            }
        }
    };
}

executor_metrics![
    "JVMHeapMemory",
    "JVMOffHeapMemory",
    "OnHeapExecutionMemory",
    "OffHeapExecutionMemory",
    "OnHeapStorageMemory",
    "OffHeapStorageMemory",
    "OnHeapUnifiedMemory",
    "OffHeapUnifiedMemory",
    "DirectPoolMemory",
    "MappedPoolMemory",
    "ProcessTreeJVMVMemory",
    "ProcessTreeJVMRSSMemory",
    "ProcessTreePythonVMemory",
    "ProcessTreePythonRSSMemory",
    "ProcessTreeOtherVMemory",
    "ProcessTreeOtherRSSMemory",
    "MinorGCCount",
    "MinorGCTime",
    "MajorGCCount",
    "MajorGCTime",
    "TotalGCTime",
    "ConcurrentGCCount",
    "ConcurrentGCTime",
];

/// One reading of an executor's memory (bytes) and garbage collection (counts, milliseconds);
/// the order is that of [`EXECUTOR_METRIC_NAMES`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExecutorMetrics(pub [i64; 23]);

impl<'de> Deserialize<'de> for ExecutorMetrics {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = ExecutorMetrics;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("executor metrics")
            }
            fn visit_unit<E>(self) -> Result<ExecutorMetrics, E> {
                Ok(ExecutorMetrics::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<ExecutorMetrics, A::Error> {
                let mut out = ExecutorMetrics::default();
                let mut expected = 0; // Spark writes them in our order: look there first
                while let Some(key) = a.next_key::<super::text::Text<'de>>()? {
                    let at = if EXECUTOR_METRIC_NAMES.get(expected) == Some(&&*key) {
                        Some(expected)
                    } else {
                        EXECUTOR_METRIC_NAMES.iter().position(|n| *n == &*key)
                    };
                    let Some(i) = at else {
                        a.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    out.0[i] = a.next_value::<Counter>()?.0;
                    expected = i + 1;
                }
                Ok(out)
            }
        }
        d.deserialize_any(V)
    }
}
