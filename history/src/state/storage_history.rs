//! What was stored in all executors over time, a point for each step in which it changed. Steps grow longer where
//! there would be too many.

/// Points at most.
const MOST: usize = 1000;
/// Length of steps at first, milliseconds.
const STEP: i64 = 1000;

/// Points in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct StorageHistory {
    /// Milliseconds; steps begin at its multiples.
    pub step: i64,
    pub points: Vec<StoragePoint>,
}

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

impl Default for StorageHistory {
    fn default() -> Self {
        StorageHistory { step: STEP, points: Vec::new() }
    }
}

impl StorageHistory {
    fn begin(&self, time: i64) -> i64 {
        let step = self.step.max(1);
        time.div_euclid(step).saturating_mul(step)
    }

    /// Whether both times are in one step.
    pub fn is_one_step(&self, a: i64, b: i64) -> bool {
        self.begin(a) == self.begin(b)
    }

    /// The point of a time, which is not before that of the last point.
    fn at(&mut self, time: i64) -> &mut StoragePoint {
        let before = self.points.last().copied().unwrap_or_default();
        if self.points.is_empty() || self.begin(time) > before.time {
            let new = StoragePoint { time: self.begin(time), evicted: 0, evicted_bytes: 0, ..before };
            self.points.push(new);
        }
        while self.points.len() > MOST {
            self.coarsen();
        }
        let last = self.points.len() - 1;
        &mut self.points[last]
    }

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

    /// Makes one step of two.
    fn coarsen(&mut self) {
        self.step = self.step.max(1).saturating_mul(2);
        let mut joined: Vec<StoragePoint> = Vec::with_capacity(MOST);
        for p in std::mem::take(&mut self.points) {
            let time = self.begin(p.time);
            match joined.last_mut() {
                Some(last) if last.time >= time => {
                    *last = StoragePoint {
                        time: last.time,
                        evicted: last.evicted.saturating_add(p.evicted),
                        evicted_bytes: last.evicted_bytes.saturating_add(p.evicted_bytes),
                        ..p
                    }
                }
                _ => joined.push(StoragePoint { time, ..p }),
            }
        }
        self.points = joined;
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
            prop_assert!(all.points.len() <= MOST && all.points.is_sorted_by(|a, b| a.time < b.time));
            prop_assert_eq!(all.points.iter().map(|p| p.evicted).sum::<i64>(), n);
            prop_assert_eq!(all.points.iter().map(|p| p.evicted_bytes).sum::<i64>(), 10 * n);
            let last = all.points[all.points.len() - 1];
            prop_assert_eq!((last.memory, last.disk), (n, 2 * n));
            prop_assert!(last.time <= time && all.is_one_step(last.time, time));
        }
    }
}
