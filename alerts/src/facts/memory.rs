//! How much memory an executor asks for, by kind, as settings have it; and the most that executors used.

use std::collections::BTreeSet;

use afterglow_history::state::Executor;

use super::Facts;
use crate::conf::Conf;
use crate::finding::{Evidence, Source, Value};

const MIB: i64 = 1 << 20;
/// What Spark takes where nothing is set: heap, and least overhead.
const HEAP: i64 = 1024 * MIB;
const LEAST_OVERHEAD: i64 = 384 * MIB;
/// Overhead by heap where nothing is set.
const OVERHEAD: f64 = 0.10;

/// Bytes of an executor's container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub heap: i64,
    pub off_heap: i64,
    pub python: i64,
    pub overhead: i64,
}

impl Asked {
    pub fn of(conf: &Conf) -> Self {
        let heap = conf.bytes("spark.executor.memory", MIB).unwrap_or(HEAP);
        let off_heap =
            conf.bytes("spark.memory.offHeap.size", 1).filter(|_| conf.flag("spark.memory.offHeap.enabled", false));
        let set = ["spark.executor.memoryOverhead", "spark.yarn.executor.memoryOverhead"];
        let set = set.iter().find_map(|key| conf.bytes(key, MIB));
        let factor = ["spark.executor.memoryOverheadFactor", "spark.kubernetes.memoryOverheadFactor"];
        let factor =
            factor.iter().find(|key| conf.get(key).is_some()).map_or(OVERHEAD, |key| conf.decimal(key, OVERHEAD));
        let least = conf.bytes("spark.executor.minMemoryOverhead", MIB).unwrap_or(LEAST_OVERHEAD);
        Asked {
            heap,
            off_heap: off_heap.unwrap_or(0),
            python: conf.bytes("spark.executor.pyspark.memory", MIB).unwrap_or(0),
            overhead: set.unwrap_or_else(|| ((heap as f64 * factor) as i64).max(least)),
        }
    }

    pub fn total(&self) -> i64 {
        self.heap.saturating_add(self.off_heap).saturating_add(self.python).saturating_add(self.overhead)
    }
}

/// Resident memory of an executor at its peak, bytes: of the JVM, of Python, of other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    pub jvm: i64,
    pub python: i64,
    pub other: i64,
}

impl Resident {
    /// None where the process tree was not measured. Peaks of the three may be of different moments: the sum is an upper bound.
    pub fn of(e: &Executor) -> Option<Self> {
        let peak = |name| e.peaks.get(name).unwrap_or(0).max(0);
        let jvm = peak("ProcessTreeJVMRSSMemory");
        let (python, other) = (peak("ProcessTreePythonRSSMemory"), peak("ProcessTreeOtherRSSMemory"));
        (jvm > 0).then_some(Resident { jvm, python, other })
    }

    pub fn total(&self) -> i64 {
        self.jvm.saturating_add(self.python).saturating_add(self.other)
    }
}

/// The peak of heap that an executor measured, bytes; none where it did not.
pub fn heap_peak(e: &Executor) -> Option<i64> {
    e.peaks.get("JVMHeapMemory").filter(|peak| *peak > 0)
}

impl Facts {
    /// Executors that have the memory that settings say: those of the default profile, in processes of their own.
    pub fn plain_workers(&self) -> impl Iterator<Item = &Executor> {
        let local = self.is_local();
        self.workers().filter(move |e| e.resource_profile_id == 0 && !local)
    }

    /// Whether a cluster manager ends executors that use more memory than they asked for.
    pub fn is_contained(&self) -> bool {
        self.conf.get("spark.master").is_some_and(|m| m.starts_with("yarn") || m.starts_with("k8s"))
    }

    /// A peak of an executor as evidence.
    pub fn peak(&self, name: &'static str, e: &Executor, metric: &str) -> Option<Evidence> {
        let value = e.peaks.get(metric)?;
        if e.past {
            return Some(Evidence::derived(name, Value::Bytes(value)));
        }
        // As many as Spark lists: of an executor that came more than once, one.
        let ids: BTreeSet<&str> = self.executors.values().map(|e| e.id.as_str()).collect();
        let at = ids.iter().position(|id| **id == e.id)?;
        let pointer = format!("/{at}/peakMemoryMetrics/{metric}");
        Some(Evidence::new(name, Value::Bytes(value), Source::spark("allexecutors", pointer)))
    }

    /// Whether something was to be cached, and the log was not to tell what became of it.
    pub fn cached_unseen(&self) -> bool {
        let cached = || self.stages.values().flat_map(|s| &s.rdds).any(|r| r.cached) || !self.rdds.is_empty();
        let told = self.conf.flag("spark.eventLog.logBlockUpdates.enabled", false)
            || !self.storage.points.is_empty()
            || self.rdds.values().any(|r| r.memory_used > 0 || r.disk_used > 0);
        !told && cached()
    }

    /// Milliseconds that an executor was there.
    pub fn lifetime(&self, e: &Executor) -> i64 {
        let (from, to) = (e.add_time.max(self.start), e.remove_time.unwrap_or(self.end).min(self.end));
        to.saturating_sub(from).max(0)
    }
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::Environment;

    use super::*;

    fn conf(properties: &[(&str, &str)]) -> Conf {
        let spark_properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Conf::new("3.5.1", &Environment { spark_properties, ..Environment::default() })
    }

    #[test]
    fn kinds_of_memory_and_their_defaults() {
        let asked = |p: &[(&str, &str)]| {
            let a = Asked::of(&conf(p));
            [a.heap, a.off_heap, a.python, a.overhead].map(|b| b / MIB)
        };
        assert_eq!(asked(&[]), [1024, 0, 0, 384]);
        assert_eq!(asked(&[("spark.executor.memory", "20g")]), [20_480, 0, 0, 2048]);
        assert_eq!(
            asked(&[("spark.executor.memory", "8g"), ("spark.executor.memoryOverhead", "4g")]),
            [8192, 0, 0, 4096]
        );
        assert_eq!(
            asked(&[("spark.executor.memory", "10g"), ("spark.executor.memoryOverheadFactor", "0.1875")]),
            [10_240, 0, 0, 1920]
        );
        let off = [
            ("spark.memory.offHeap.enabled", "true"),
            ("spark.memory.offHeap.size", "64m"),
            ("spark.executor.pyspark.memory", "512"),
        ];
        assert_eq!(asked(&off), [1024, 64, 512, 384]);
        assert_eq!(
            asked(&[("spark.memory.offHeap.size", "64m")]),
            [1024, 0, 0, 384],
            "off-heap memory that is not in use"
        );
    }
}
