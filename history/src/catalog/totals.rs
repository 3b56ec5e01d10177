//! Numbers about all attempts at once, for monitoring. Each comes from an index of its own, so that asking often costs
//! little however many attempts there are.

use std::collections::HashMap;

use sqlx::Row as _;

use super::groups::Sum;
use super::{Catalog, CatalogError};
use crate::viewer::Viewer;

/// Milliseconds in which what is over counts as over just now.
pub const RECENT: i64 = 3_600_000;

/// What attempts have in common that they are counted by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    pub cluster: String,
    /// Empty where none is known.
    pub queue: String,
    pub outcome: String,
}

/// Attempts that run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Running {
    pub attempts: i64,
    /// Executors that run tasks, as of each attempt's last event.
    pub executors: i64,
    pub cores: i64,
    pub failed_tasks: i64,
}

/// Attempts that were over within the last [`RECENT`] milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Over {
    pub attempts: i64,
    pub failed_tasks: i64,
    /// Sums over tasks, milliseconds and bytes, of the attempts for which all are known.
    pub run_time: i64,
    pub gc_time: i64,
    pub memory_spilled: i64,
    pub disk_spilled: i64,
}

/// Attempts that the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    pub attempts: i64,
    pub log_bytes: i64,
    pub store_bytes: i64,
    pub parts: i64,
}

/// What changes with every application that begins, goes on or ends.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    pub running: Vec<(Kind, Running)>,
    pub over: Vec<(Kind, Over)>,
    /// Number of the newest change of any attempt.
    pub sequence: i64,
    /// Fleet batches that must be written.
    pub open_batches: i64,
}

/// Logs of a source by what became of them.
#[derive(Debug, Clone, Default)]
pub struct SourceLogs {
    /// By state.
    pub states: Vec<(String, i64)>,
    /// Logs with which something is wrong.
    pub problems: i64,
}

macro_rules! sums {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Sum for $name {
            fn add(&mut self, other: Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)*
            }
        }
    )*};
}
sums! {
    Running { attempts, executors, cores, failed_tasks }
    Over { attempts, failed_tasks, run_time, gc_time, memory_spilled, disk_spilled }
    Held { attempts, log_bytes, store_bytes, parts }
}

const RUNNING: &str =
    "SELECT group_id, COUNT(*), COALESCE(SUM(executors), 0), COALESCE(SUM(cores), 0), SUM(failed_tasks)
    FROM attempts WHERE status = 'running' GROUP BY group_id";
const OVER: &str = "SELECT group_id, COUNT(*), SUM(failed_tasks),
        COALESCE(SUM(CASE WHEN gc_time IS NOT NULL THEN executor_time END), 0), COALESCE(SUM(gc_time), 0),
        COALESCE(SUM(memory_spilled), 0), COALESCE(SUM(disk_spilled), 0)
    FROM attempts WHERE over_time > $1 AND over_time <= $2 GROUP BY group_id";
const HELD: &str =
    "SELECT group_id, COUNT(*), SUM(log_size), SUM(store_size), SUM(part_count) FROM attempts GROUP BY group_id";

impl Catalog {
    /// What runs at `now` (epoch milliseconds), and what was over within the hour before.
    pub async fn pulse(&self, _viewer: &Viewer, now: i64) -> Result<Pulse, CatalogError> {
        let mut running = Vec::new();
        for r in sqlx::query(RUNNING).fetch_all(&self.readers).await? {
            let one = Running {
                attempts: r.try_get(1)?,
                executors: r.try_get(2)?,
                cores: r.try_get(3)?,
                failed_tasks: r.try_get(4)?,
            };
            running.push((r.try_get(0)?, one));
        }
        let mut over = Vec::new();
        for r in sqlx::query(OVER).bind(now - RECENT).bind(now).fetch_all(&self.readers).await? {
            let one = Over {
                attempts: r.try_get(1)?,
                failed_tasks: r.try_get(2)?,
                run_time: r.try_get(3)?,
                gc_time: r.try_get(4)?,
                memory_spilled: r.try_get(5)?,
                disk_spilled: r.try_get(6)?,
            };
            over.push((r.try_get(0)?, one));
        }
        let sequence = sqlx::query("SELECT COALESCE(MAX(sequence), 0) FROM attempts").fetch_one(&self.readers).await?;
        let open = sqlx::query("SELECT COUNT(*) FROM fleet_batches WHERE state <> 'written'");
        Ok(Pulse {
            running: self.by_kind(running).await?,
            over: self.by_kind(over).await?,
            sequence: sequence.try_get(0)?,
            open_batches: open.fetch_one(&self.readers).await?.try_get(0)?,
        })
    }

    /// All that the store holds.
    pub async fn held(&self, _viewer: &Viewer) -> Result<Vec<(Kind, Held)>, CatalogError> {
        let mut held = Vec::new();
        for r in sqlx::query(HELD).fetch_all(&self.readers).await? {
            let one = Held {
                attempts: r.try_get(1)?,
                log_bytes: r.try_get(2)?,
                store_bytes: r.try_get(3)?,
                parts: r.try_get(4)?,
            };
            held.push((r.try_get(0)?, one));
        }
        self.by_kind(held).await
    }

    /// Logs by source id.
    pub async fn source_logs(&self, _viewer: &Viewer) -> Result<HashMap<i64, SourceLogs>, CatalogError> {
        let mut all: HashMap<i64, SourceLogs> = HashMap::new();
        let states = "SELECT source_id, state, COUNT(*) FROM logs GROUP BY source_id, state";
        for r in sqlx::query(states).fetch_all(&self.readers).await? {
            all.entry(r.try_get(0)?).or_default().states.push((r.try_get(1)?, r.try_get(2)?));
        }
        let problems =
            "SELECT source_id, COUNT(*) FROM logs WHERE problem IS NOT NULL AND state <> 'no_log' GROUP BY source_id";
        for r in sqlx::query(problems).fetch_all(&self.readers).await? {
            all.entry(r.try_get(0)?).or_default().problems = r.try_get(1)?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_number_needs_a_row() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.db")).await.unwrap();
        let batches = "SELECT COUNT(*) FROM fleet_batches WHERE state <> 'written'";
        let states = "SELECT source_id, state, COUNT(*) FROM logs GROUP BY source_id, state";
        let problems =
            "SELECT source_id, COUNT(*) FROM logs WHERE problem IS NOT NULL AND state <> 'no_log' GROUP BY source_id";
        for (sql, index) in [
            (RUNNING, "attempts_running"),
            (OVER, "attempts_over"),
            (HELD, "attempts_totals"),
            (batches, "fleet_batches_open"),
            (states, "logs_states"),
            (problems, "logs_problems"),
        ] {
            let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let steps = plan.bind(0).bind(1).fetch_all(&catalog.readers).await.unwrap();
            let first: String = steps[0].try_get("detail").unwrap();
            assert!(first.contains(&format!("INDEX {index}")), "{sql}: {first}");
            // Problems are few, and long.
            assert!(first.contains(" COVERING ") || index == "logs_problems", "{sql}: {first}");
        }
    }
}
