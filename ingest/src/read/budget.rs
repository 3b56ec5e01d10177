//! One budget of bytes for the long lines of all readers. A line of 200 MiB takes several times its length while it is
//! put together, parsed and stored; several at once must not add up without an end.
//!
//! Who wants more than is left waits. So that nobody waits for ever, one reader at a time may go beyond the budget: it ends,
//! gives back what it has, and the next goes on.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes from which on a line counts.
pub(super) const COUNTED: usize = 1 << 20;
/// Bytes from which on a line counts until its log is done: what it tells is in memory for so long.
const KEPT: usize = 16 << 20;
/// What a line takes at most, in its length: its bytes, what is made of them, and what is stored.
const TIMES: u64 = 4;

/// Bytes that long lines of all readers may take together.
#[derive(Debug)]
pub struct LineBudget {
    limit: u64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// By reader.
    taken: HashMap<u64, u64>,
    /// The reader that goes beyond the limit.
    beyond: Option<u64>,
}

impl State {
    fn total(&self) -> u64 {
        self.taken.values().fold(0, |sum, n| sum.saturating_add(*n))
    }
}

impl LineBudget {
    pub fn new(limit: u64) -> Arc<LineBudget> {
        Arc::new(LineBudget { limit, state: Mutex::default(), freed: Condvar::new() })
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> u64 {
        self.lock().total()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room, or nobody else goes beyond it.
    fn take(&self, reader: u64, bytes: u64) {
        let mut state = self.lock();
        loop {
            let fits = state.total().saturating_add(bytes) <= self.limit;
            if fits || state.beyond.is_none_or(|r| r == reader) {
                if !fits {
                    state.beyond = Some(reader);
                }
                *state.taken.entry(reader).or_default() += bytes;
                return;
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// `bytes`: all that the reader has, if none.
    fn give_back(&self, reader: u64, bytes: Option<u64>) {
        let mut state = self.lock();
        match (bytes, state.taken.get_mut(&reader)) {
            (Some(bytes), Some(taken)) => *taken = taken.saturating_sub(bytes),
            _ => drop(state.taken.remove(&reader)),
        }
        let done = bytes.is_none() || state.total() <= self.limit;
        if done && state.beyond == Some(reader) {
            state.beyond = None;
        }
        self.freed.notify_all();
    }
}

/// What one reader takes of the budget; all of it is given back when the log is done.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<LineBudget>,
    reader: u64,
}

impl Share {
    pub(super) fn new(budget: Arc<LineBudget>) -> Arc<Share> {
        let reader = {
            let mut state = budget.lock();
            state.next += 1;
            state.next
        };
        Arc::new(Share { budget, reader })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.give_back(self.reader, None);
    }
}

/// A long line, while it is in memory.
#[derive(Debug)]
pub(super) struct LongLine {
    share: Arc<Share>,
    counted: u64,
    kept: bool,
}

impl LongLine {
    pub(super) fn new(share: Arc<Share>) -> LongLine {
        LongLine { share, counted: 0, kept: false }
    }

    /// It has so many bytes now. Blocks while others have what it needs.
    pub(super) fn grow(&mut self, len: usize) {
        let want = TIMES * len as u64;
        if want > self.counted {
            self.share.budget.take(self.share.reader, want - self.counted);
            self.counted = want;
        }
    }

    /// It is whole, and goes to who parses it.
    pub(super) fn whole(mut self) -> LongLine {
        self.kept = self.counted >= TIMES * KEPT as u64;
        self
    }
}

impl Drop for LongLine {
    fn drop(&mut self) {
        if !self.kept {
            self.share.budget.give_back(self.share.reader, Some(self.counted));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    #[test]
    fn one_reader_goes_beyond_and_the_others_wait() {
        let budget = LineBudget::new(100 << 20);
        let (most, done) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let share = Share::new(budget.clone());
                    for line in [64 << 20, 3 << 20] {
                        let mut long = LongLine::new(share.clone());
                        for len in (0..=line).step_by(1 << 20) {
                            long.grow(len);
                            most.fetch_max(budget.taken(), SeqCst);
                        }
                        drop(long.whole());
                    }
                    done.fetch_add(1, SeqCst);
                });
            }
        });
        assert_eq!((done.load(SeqCst), budget.taken()), (8, 0));
        // The line of one, kept while the other is read, beside what is for all.
        let one = TIMES * ((64 + 3) << 20);
        assert!(most.load(SeqCst) <= (100 << 20) + one, "{most:?}");
    }

    #[test]
    fn a_line_of_some_megabytes_counts_while_it_is_parsed_and_a_longer_one_until_its_log_is_done() {
        let budget = LineBudget::new(1 << 30);
        let share = Share::new(budget.clone());
        for (len, after) in [(2 << 20, 0), (32 << 20, TIMES * (32 << 20))] {
            let mut line = LongLine::new(share.clone());
            line.grow(len);
            let line = line.whole();
            assert_eq!(budget.taken(), TIMES * len as u64);
            drop(line);
            assert_eq!(budget.taken(), after);
        }
        // One that turned out longer than may be.
        let mut dropped = LongLine::new(share.clone());
        dropped.grow(40 << 20);
        drop(dropped);
        assert_eq!(budget.taken(), TIMES * (32 << 20));
        drop(share);
        assert_eq!(budget.taken(), 0);
    }
}
