//! How long to wait before the next try: twice as long each time, up to a bound, and of that a random part, so that those who failed
//! together do not come back together.

use std::time::Duration;

/// When tries are made again, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
    /// Tries in all.
    pub attempts: i64,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(300), attempts: 20 }
    }
}

impl Backoff {
    /// The most that is waited after so many tries that failed.
    pub fn bound(&self, failed: i64) -> Duration {
        let doublings = u32::try_from(failed.saturating_sub(1).clamp(0, 30)).unwrap_or(30);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// How long to wait after so many tries that failed: full jitter, `random` being from 0 to 1.
    pub fn wait(&self, failed: i64, random: f64) -> Duration {
        self.bound(failed).mul_f64(random.clamp(0.0, 1.0))
    }

    /// Whether there is another try after so many that failed.
    pub fn goes_on(&self, failed: i64) -> bool {
        failed < self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_bound() {
        let b = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60), attempts: 3 };
        let seconds: Vec<u64> = (1..=8).map(|n| b.bound(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(b.bound(i64::MAX), b.longest);
        assert_eq!(
            (b.wait(4, 0.0), b.wait(4, 0.5), b.wait(4, 1.0)),
            (Duration::ZERO, Duration::from_secs(4), Duration::from_secs(8))
        );
        assert!(b.goes_on(2) && !b.goes_on(3));
    }
}
