//! How long the tasks of a stage take, counted while it runs: their longest and their median,
//! without holding a number for each task.

use std::collections::BTreeMap;

use super::TaskTimes;

/// Leading bits of a duration that are told apart.
const BITS: u32 = 14;

/// Durations with how often each occurs, milliseconds. Those of up to 16 seconds are exact, longer ones
/// are cut to their leading 14 bits, so that there are never more than some hundred thousand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Durations {
    pub(crate) longest: i64,
    pub(crate) counts: BTreeMap<i64, i64>,
}

fn cut(duration: i64) -> i64 {
    let shift = (i64::BITS - duration.leading_zeros()).saturating_sub(BITS);
    duration >> shift << shift
}

impl Durations {
    /// Takes in one, from 0 on.
    pub fn add(&mut self, duration: i64) {
        let duration = duration.max(0);
        self.longest = self.longest.max(duration);
        *self.counts.entry(cut(duration)).or_default() += 1;
    }

    /// What they come to: the median stands where Spark's quantile of one half stands.
    pub fn times(&self) -> Option<TaskTimes> {
        let tasks = self.counts.values().copied().fold(0, i64::saturating_add);
        let mut below = 0i64;
        let median = self.counts.iter().find_map(|(duration, n)| {
            below = below.saturating_add(*n);
            (below > tasks / 2).then_some(*duration)
        })?;
        Some(TaskTimes { tasks, median, longest: self.longest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(Durations::default().times(), None);
    }

    proptest! {
        #[test]
        fn is_near_what_sorting_gives(mut all in prop::collection::vec(prop_oneof![0i64..100, 0i64..100_000, any::<i64>()], 1..300)) {
            let mut durations = Durations::default();
            all.iter().for_each(|d| durations.add(*d));
            all.iter_mut().for_each(|d| *d = (*d).max(0));
            all.sort_unstable();
            let (median, times) = (all[all.len() / 2], durations.times().unwrap());
            prop_assert_eq!((times.tasks, times.longest), (all.len() as i64, all[all.len() - 1]));
            let error = median - times.median;
            prop_assert!((0..=median / 8192).contains(&error), "{} for {median}", times.median);
            prop_assert!(median >= 16_384 || error == 0);
        }
    }
}
