//! A circuit breaker: after several failures in a row the service is left alone for a while, and then tried with one request. Pure:
//! the present is handed in.

use std::time::Duration;

/// When to stop asking, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures in a row; 0: no end.
    pub failures: u32,
    /// The first pause; each that follows at once is twice as long, up to 16 times.
    pub pause: Duration,
}

/// Closed, open until a time, or trying.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// Pauses in a row.
    pauses: u32,
    /// Epoch milliseconds.
    open_until: Option<i64>,
    trying: bool,
}

const DOUBLINGS: u32 = 4;

impl Breaker {
    /// Whether one may ask now. Of many that come after a pause, one may.
    pub fn may_ask(&mut self, now: i64) -> bool {
        match self.open_until {
            None => true,
            Some(until) if now < until || self.trying => false,
            Some(_) => {
                self.trying = true;
                true
            }
        }
    }

    /// Epoch milliseconds until which nobody is asked.
    pub fn open_until(&self) -> Option<i64> {
        self.open_until
    }

    pub fn worked(&mut self) {
        *self = Breaker::default();
    }

    /// Nothing was learned of the service.
    pub fn undecided(&mut self) {
        self.trying = false;
    }

    pub fn failed(&mut self, now: i64, patience: Patience) {
        self.failures = self.failures.saturating_add(1);
        let tried = std::mem::take(&mut self.trying);
        if patience.failures > 0 && (tried || self.failures >= patience.failures) {
            let factor = 1 << self.pauses.min(DOUBLINGS);
            let pause = i64::try_from(patience.pause.as_millis()).unwrap_or(i64::MAX).saturating_mul(factor);
            self.open_until = Some(now.saturating_add(pause));
            self.pauses += 1;
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_and_lets_one_try() {
        let patience = Patience { failures: 3, pause: Duration::from_secs(60) };
        let mut b = Breaker::default();
        for _ in 0..2 {
            assert!(b.may_ask(0));
            b.failed(0, patience);
        }
        assert!(b.may_ask(0));
        b.failed(0, patience);
        assert!(!b.may_ask(59_999));
        assert!(b.may_ask(60_000) && !b.may_ask(60_000));
        b.failed(60_000, patience);
        // Twice as long after the first.
        assert!(!b.may_ask(179_999) && b.may_ask(180_000));
        b.undecided();
        assert!(b.may_ask(180_000));
        b.worked();
        assert_eq!(b, Breaker::default());
    }
}
