//! How many incidents are open and how the outbox stands: what metrics show.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::{Ledger, LedgerError};
use crate::counted::{OTHER, SEVERITIES};

/// All of it at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Open incidents by state and severity, zeros included.
    pub incidents: BTreeMap<(&'static str, &'static str), i64>,
    /// Messages that wait, and that were given up.
    pub waiting: i64,
    pub dead: i64,
    /// When the oldest of those that wait was written, epoch milliseconds.
    pub oldest: Option<i64>,
}

const OPEN: &str = "SELECT state, severity, COUNT(*) FROM incidents WHERE state <> 'resolved' GROUP BY state, severity";
const WAITING: &str = "SELECT COUNT(*) FROM deliveries WHERE state = 'waiting'";
const DEAD: &str = "SELECT COUNT(*) FROM deliveries WHERE state = 'dead'";
const OLDEST: &str = "SELECT created_at FROM deliveries WHERE state = 'waiting' ORDER BY id LIMIT 1";

impl Ledger {
    /// How it stands.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn standing(&self) -> Result<Standing, LedgerError> {
        let mut out = Standing::default();
        for state in ["pending", "firing"] {
            for severity in SEVERITIES.into_iter().chain([OTHER]) {
                out.incidents.insert((state, severity), 0);
            }
        }
        for r in sqlx::query(OPEN).fetch_all(&self.readers).await? {
            let (state, severity, n): (String, String, i64) = (r.try_get(0)?, r.try_get(1)?, r.try_get(2)?);
            let state = if state == "pending" { "pending" } else { "firing" };
            let severity = SEVERITIES.into_iter().find(|s| *s == severity).unwrap_or(OTHER);
            *out.incidents.entry((state, severity)).or_default() += n;
        }
        out.waiting = sqlx::query(WAITING).fetch_one(&self.readers).await?.try_get(0)?;
        out.dead = sqlx::query(DEAD).fetch_one(&self.readers).await?.try_get(0)?;
        let oldest = sqlx::query(OLDEST).fetch_optional(&self.readers).await?;
        out.oldest = oldest.map(|r| r.try_get(0)).transpose()?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_read_from_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("alerts.db")).await.unwrap();
        for sql in [OPEN, WAITING, DEAD, OLDEST] {
            let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            for step in plan.fetch_all(&ledger.readers).await.unwrap() {
                let step: String = step.try_get("detail").unwrap();
                assert!(step.contains("USING") && step.contains("INDEX") && !step.contains("TEMP"), "{sql}: {step}");
            }
        }
        let standing = ledger.standing().await.unwrap();
        assert_eq!((standing.incidents.len(), standing.waiting, standing.dead, standing.oldest), (8, 0, 0, None));
    }
}
