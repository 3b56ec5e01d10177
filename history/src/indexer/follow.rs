//! States of attempts whose logs still grow, kept in memory between two readings so that going
//! on costs the new bytes only. Bounded: the least recently read are dropped, and read back from
//! the store when their log grows.

use std::sync::{Mutex, PoisonError};

use crate::catalog::AttemptRow;
use crate::state::Attempt;
use crate::store::reader::PartRef;

/// A state with what was read into it.
pub struct LiveAttempt {
    pub attempt: Attempt,
    pub next_progress: i64,
    /// What the catalog knew of the log when the state was put here. If it knows anything else by now, another process
    /// has read on, or somebody wants the log read again: then the state is worth nothing.
    pub revision: i64,
    pub generation: i64,
    pub parts: Vec<PartRef>,
}

/// A state costs about so many bytes for each entity.
const ENTITY: u64 = 4 << 10;

pub struct LiveAttempts {
    limit: u64,
    /// The least recently used first.
    held: Mutex<Vec<Held>>,
}

struct Held {
    source: i64,
    key: String,
    live: LiveAttempt,
    /// That it takes (an estimate).
    bytes: u64,
}

impl LiveAttempts {
    pub fn new(limit: u64) -> Self {
        LiveAttempts { limit, held: Mutex::new(Vec::new()) }
    }

    /// How many are held, and the bytes that they take (an estimate).
    pub fn held(&self) -> (usize, u64) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (held.len(), held.iter().map(|h| h.bytes).sum())
    }

    /// Takes out the state of a log, if it is the one that `row` was written from.
    pub fn take(&self, source: i64, key: &str, row: &AttemptRow, revision: i64) -> Option<LiveAttempt> {
        let mut held = self.held.lock().ok()?;
        let at = held.iter().position(|h| h.source == source && h.key == key)?;
        let live = held.remove(at).live;
        let same = live.revision == revision && live.generation == row.generation && live.parts == row.parts;
        same.then_some(live)
    }

    pub fn put(&self, source: i64, key: &str, live: LiveAttempt) {
        let bytes = estimate(&live.attempt);
        let Ok(mut held) = self.held.lock() else { return };
        held.retain(|h| !(h.source == source && h.key == key));
        held.push(Held { source, key: key.to_owned(), live, bytes });
        let mut total: u64 = held.iter().map(|h| h.bytes).sum();
        while total > self.limit && !held.is_empty() {
            total -= held.remove(0).bytes;
        }
    }
}

fn estimate(a: &Attempt) -> u64 {
    let entities =
        a.jobs.len() + a.stages.len() + a.executors.len() + 8 * a.sql.len() + a.live.tasks.len() + a.operations.len();
    // Plans are texts of any length; other entities have short ones.
    let plans: usize = a.sql.values().map(|x| x.plan_description.len() + x.details.len() + x.description.len()).sum();
    (entities as u64 + 16) * ENTITY + plans as u64
}
