//! The memory of an executor over time, as the executor said when its tasks ended.

use afterglow_ingest::event::ExecutorMetrics;
use afterglow_ingest::event::metrics::EXECUTOR_METRIC_NAMES;

use super::history::{History, Point};

pub type MemoryHistory = History<MemoryPoint>;

/// The highest readings of a step, bytes; 0 where Spark does not measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryPoint {
    /// Where the step begins, epoch milliseconds.
    pub time: i64,
    pub heap: i64,
    pub off_heap: i64,
    /// Execution and storage memory on and off the heap.
    pub unified: i64,
    /// Resident memory of JVM, Python and other processes.
    pub jvm_rss: i64,
    pub python_rss: i64,
    pub other_rss: i64,
    /// Milliseconds of garbage collection since the executor started.
    pub gc_time: i64,
}

/// Where a metric is in a reading.
const fn place(name: &str) -> usize {
    let mut at = 0;
    while at < EXECUTOR_METRIC_NAMES.len() {
        if same(EXECUTOR_METRIC_NAMES[at].as_bytes(), name.as_bytes()) {
            break;
        }
        at += 1;
    }
    at
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

impl MemoryPoint {
    fn of(reading: &ExecutorMetrics) -> Self {
        let at = |place: usize| reading.0[place].max(0);
        MemoryPoint {
            time: 0,
            heap: at(const { place("JVMHeapMemory") }),
            off_heap: at(const { place("JVMOffHeapMemory") }),
            unified: at(const { place("OnHeapUnifiedMemory") })
                .saturating_add(at(const { place("OffHeapUnifiedMemory") })),
            jvm_rss: at(const { place("ProcessTreeJVMRSSMemory") }),
            python_rss: at(const { place("ProcessTreePythonRSSMemory") }),
            other_rss: at(const { place("ProcessTreeOtherRSSMemory") }),
            gc_time: at(const { place("TotalGCTime") }),
        }
    }
}

impl Point for MemoryPoint {
    const MOST: usize = 120;
    const STEP: i64 = 10_000;

    fn time(&self) -> i64 {
        self.time
    }

    fn followed_by(self, time: i64) -> Self {
        MemoryPoint { time, ..MemoryPoint::default() }
    }

    fn joined(self, later: Self, time: i64) -> Self {
        MemoryPoint {
            time,
            heap: self.heap.max(later.heap),
            off_heap: self.off_heap.max(later.off_heap),
            unified: self.unified.max(later.unified),
            jvm_rss: self.jvm_rss.max(later.jvm_rss),
            python_rss: self.python_rss.max(later.python_rss),
            other_rss: self.other_rss.max(later.other_rss),
            gc_time: self.gc_time.max(later.gc_time),
        }
    }
}

impl MemoryHistory {
    /// Takes in what an executor read between the last time and this. One who was lost first, or does not measure, read nothing.
    pub fn take(&mut self, time: i64, reading: &ExecutorMetrics) {
        let new = MemoryPoint::of(reading);
        if new != MemoryPoint::default() {
            let point = self.at(time);
            *point = point.joined(new, point.time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_found_by_their_names() {
        let mut reading = ExecutorMetrics::default();
        for (i, v) in reading.0.iter_mut().enumerate() {
            *v = 1 << i;
        }
        let mut history = MemoryHistory::default();
        history.take(25_000, &ExecutorMetrics::default());
        assert_eq!(history.points, []);
        history.take(25_000, &reading);
        reading.0[0] = -1;
        history.take(24_000, &reading);
        let unified = (1 << 6) + (1 << 7);
        let (jvm_rss, python_rss, other_rss) = (1 << 11, 1 << 13, 1 << 15);
        let all = MemoryPoint {
            time: 20_000,
            heap: 1,
            off_heap: 2,
            unified,
            jvm_rss,
            python_rss,
            other_rss,
            gc_time: 1 << 20,
        };
        assert_eq!(history.points, [all]);
    }

    #[test]
    fn is_bounded_and_loses_no_peak() {
        let mut history = MemoryHistory::default();
        let mut reading = ExecutorMetrics::default();
        for n in 0..10_000i64 {
            reading.0[0] = n * 7919 % 10_007 + 1;
            history.take(n * 9_000, &reading);
        }
        assert!(history.points.len() <= MemoryPoint::MOST);
        assert_eq!(history.points.iter().map(|p| p.heap).max(), (0..10_000).map(|n| n * 7919 % 10_007 + 1).max());
    }
}
