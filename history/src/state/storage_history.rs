//! What was stored in all executors over time.

use super::history::{History, Point};

pub type StorageHistory = History<StoragePoint>;

/// What there was at the end of a step, and what was driven out in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoragePoint {
    /// Where the step begins, epoch milliseconds.
    pub time: i64,
    /// Bytes.
    pub memory: i64,
    pub disk: i64,
    /// Blocks of RDDs that left the memory of an executor, to its disk or altogether, and their bytes.
    pub evicted: i64,
    pub evicted_bytes: i64,
}

impl Point for StoragePoint {
    const MOST: usize = 1000;
    const STEP: i64 = 1000;

    fn time(&self) -> i64 {
        self.time
    }

    fn followed_by(self, time: i64) -> Self {
        StoragePoint { time, evicted: 0, evicted_bytes: 0, ..self }
    }

    fn joined(self, later: Self, time: i64) -> Self {
        StoragePoint {
            time,
            evicted: self.evicted.saturating_add(later.evicted),
            evicted_bytes: self.evicted_bytes.saturating_add(later.evicted_bytes),
            ..later
        }
    }
}

impl StorageHistory {
    /// Takes in what is stored at a time.
    pub fn set(&mut self, time: i64, memory: i64, disk: i64) {
        let point = self.at(time);
        (point.memory, point.disk) = (memory, disk);
    }

    /// Takes in a block that left memory.
    pub fn evict(&mut self, time: i64, bytes: i64) {
        let point = self.at(time);
        point.evicted = point.evicted.saturating_add(1);
        point.evicted_bytes = point.evicted_bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_bounded_and_loses_no_eviction(gaps in prop::collection::vec(prop_oneof![0i64..3000, 0i64..1_000_000, Just(i64::MAX / 4)], 1..3000)) {
            let mut all = StorageHistory::default();
            let mut time = 0i64;
            for (n, gap) in (1..).zip(&gaps) {
                time = time.saturating_add(*gap);
                all.set(time, n, 2 * n);
                all.evict(time, 10);
            }
            let n = gaps.len() as i64;
            prop_assert!(all.points.len() <= StoragePoint::MOST && all.points.is_sorted_by(|a, b| a.time < b.time));
            prop_assert_eq!(all.points.iter().map(|p| p.evicted).sum::<i64>(), n);
            prop_assert_eq!(all.points.iter().map(|p| p.evicted_bytes).sum::<i64>(), 10 * n);
            let last = all.points[all.points.len() - 1];
            prop_assert_eq!((last.memory, last.disk), (n, 2 * n));
            prop_assert!(last.time <= time && all.is_one_step(last.time, time));
        }
    }
}
