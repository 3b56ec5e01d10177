//! Where the operator's rules stand, kept over a restart.

use sqlx::Row as _;

use super::{Ledger, LedgerError, json, parsed};
use crate::custom::{Held, Labels};

impl Ledger {
    /// What was kept of a rule; nothing of one that is new.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn rule(&self, name: &str) -> Result<Vec<(Labels, Held)>, LedgerError> {
        let row = sqlx::query("SELECT held FROM rule_states WHERE rule = $1").bind(name);
        let Some(row) = row.fetch_optional(&self.readers).await? else { return Ok(Vec::new()) };
        let held: String = row.try_get(0)?;
        parsed("held", &held)
    }

    /// Keeps where a rule stands.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn note_rule(&self, name: &str, held: &[(Labels, Held)]) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO rule_states (rule, held) VALUES ($1, $2)
             ON CONFLICT (rule) DO UPDATE SET held = excluded.held WHERE held <> excluded.held",
        )
        .bind(name)
        .bind(json(&held)?)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}
