//! Whether the parts of the process do their work. Who fails says so here and why, and takes it back when it works again; `/readyz` and
//! Sources tell it.
//!
//! Invariant: nothing is found out here, and nothing waits for it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A part of the process, as `/readyz` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The catalog can be written.
    Catalog,
    /// The folder of catalog and scratch files has room.
    Disk,
    /// Sources are read.
    Indexing,
    /// The ledger can be written.
    Ledger,
    /// Incidents are noted and told.
    Alerting,
    /// The search index follows the catalog.
    Search,
    /// Statements are answered.
    Sql,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Catalog => "catalog",
            Part::Disk => "disk",
            Part::Indexing => "indexing",
            Part::Ledger => "ledger",
            Part::Alerting => "alerting",
            Part::Search => "search",
            Part::Sql => "sql",
        }
    }
}

/// What is wrong with a part.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub part: Part,
    /// Why, and what to do about it.
    pub what: String,
    /// When it began.
    pub since: Instant,
}

/// All troubles of a process. Its clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<Part, Trouble>>>);

impl Health {
    /// A part does not do its work. It is logged when it begins, and when the reason changes.
    pub fn fails(&self, part: Part, what: impl Display) {
        let what = what.to_string();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match all.get(&part) {
            Some(known) if known.what == what => return,
            Some(known) => known.since,
            None => Instant::now(),
        };
        tracing::error!("not ready: {}: {what}", part.name());
        all.insert(part, Trouble { part, what, since });
    }

    /// A part does its work, maybe again.
    pub fn works(&self, part: Part) {
        let gone = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&part);
        if let Some(trouble) = gone {
            tracing::info!("{} works again after {} s", part.name(), trouble.since.elapsed().as_secs());
        }
    }

    /// What became of a part's last work.
    pub fn note<T, E: Display>(&self, part: Part, done: &Result<T, E>) {
        match done {
            Ok(_) => self.works(part),
            Err(e) => self.fails(part, e),
        }
    }

    /// What is wrong now.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What is wrong with one of these parts, the first of them first.
    pub fn trouble(&self, parts: &[Part]) -> Option<Trouble> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().find_map(|part| all.get(part).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_stays_until_it_is_taken_back() {
        let health = Health::default();
        let told =
            |h: &Health| h.troubles().iter().map(|t| format!("{}: {}", t.part.name(), t.what)).collect::<Vec<_>>();
        health.works(Part::Catalog);
        assert!(health.troubles().is_empty());
        health.fails(Part::Disk, "full");
        health.clone().fails(Part::Catalog, "full");
        let since = health.trouble(&[Part::Disk]).unwrap().since;
        health.fails(Part::Disk, "fuller");
        assert_eq!(told(&health), ["catalog: full", "disk: fuller"]);
        assert_eq!(health.trouble(&[Part::Sql, Part::Disk]).unwrap().since, since, "it goes on");
        health.note(Part::Disk, &Ok::<_, String>(()));
        health.note(Part::Catalog, &Err::<(), _>("still"));
        assert_eq!(told(&health), ["catalog: still"]);
    }
}
