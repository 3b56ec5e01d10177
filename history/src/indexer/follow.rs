//! States of attempts whose logs still grow, kept in memory between two readings so that going
//! on costs the new bytes only. Bounded: the least recently read are dropped, and read back from
//! the store when their log grows.

use std::sync::{Mutex, PoisonError};

use crate::catalog::AttemptRow;
use crate::state::Attempt;

/// A state with what was read into it.
pub struct LiveAttempt {
    pub attempt: Attempt,
    pub next_progress: i64,
    /// Of the catalog row it belongs to: another generation or part means that it is outdated.
    pub generation: i64,
    pub parts: usize,
}

/// A state costs about so many bytes for each entity.
const ENTITY: u64 = 4 << 10;

pub struct LiveAttempts {
    limit: u64,
    /// By source and log key; the least recently used first.
    held: Mutex<Vec<((i64, String), LiveAttempt)>>,
}

impl LiveAttempts {
    pub fn new(limit: u64) -> Self {
        LiveAttempts { limit, held: Mutex::new(Vec::new()) }
    }

    /// How many are held, and the bytes that they take (an estimate).
    pub fn held(&self) -> (usize, u64) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (held.len(), held.iter().map(|(_, l)| estimate(&l.attempt)).sum())
    }

    /// Takes out the state of a log, if it is the one that `row` was written from.
    pub fn take(&self, source: i64, key: &str, row: &AttemptRow) -> Option<LiveAttempt> {
        let mut held = self.held.lock().ok()?;
        let at = held.iter().position(|((s, k), _)| *s == source && k == key)?;
        let (_, live) = held.remove(at);
        (live.generation == row.generation && live.parts == row.parts.len()).then_some(live)
    }

    pub fn put(&self, source: i64, key: &str, live: LiveAttempt) {
        let Ok(mut held) = self.held.lock() else { return };
        held.retain(|((s, k), _)| !(*s == source && k == key));
        held.push(((source, key.to_owned()), live));
        let mut total: u64 = held.iter().map(|(_, l)| estimate(&l.attempt)).sum();
        while total > self.limit && !held.is_empty() {
            let (_, dropped) = held.remove(0);
            total -= estimate(&dropped.attempt);
        }
    }
}

fn estimate(a: &Attempt) -> u64 {
    let entities =
        a.jobs.len() + a.stages.len() + a.executors.len() + 8 * a.sql.len() + a.live.tasks.len() + a.operations.len();
    (entities as u64 + 16) * ENTITY
}
