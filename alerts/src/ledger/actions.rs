//! What people do to incidents.

use sqlx::Row as _;

use super::incidents::{note, resolve};
use super::{Ledger, LedgerError};

/// Something that somebody does to an incident. Texts may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Acknowledge { by: String, comment: String },
    Unacknowledge { by: String },
    Assign { to: String, by: String },
    Comment { by: String, text: String },
    Resolve { by: String, comment: String },
}

impl Ledger {
    /// Does it, and notes it; whether there is such an incident.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn act(&self, id: i64, action: &Action, now: i64) -> Result<bool, LedgerError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT state FROM incidents WHERE id = $1").bind(id).fetch_optional(&mut *tx).await?;
        let Some(row) = row else { return Ok(false) };
        let over = row.try_get::<String, _>(0)? == "resolved";
        let set = |column: &str| format!("UPDATE incidents SET {column} = $2 WHERE id = $1");
        match action {
            Action::Acknowledge { by, comment } => {
                let sql = sqlx::AssertSqlSafe(set("acknowledged_by"));
                sqlx::query(sql).bind(id).bind(by).execute(&mut *tx).await?;
                note(&mut tx, id, now, "acknowledged", Some(by), comment).await?;
            }
            Action::Unacknowledge { by } => {
                let sql = sqlx::AssertSqlSafe(set("acknowledged_by"));
                sqlx::query(sql).bind(id).bind(None::<String>).execute(&mut *tx).await?;
                note(&mut tx, id, now, "unacknowledged", Some(by), "").await?;
            }
            Action::Assign { to, by } => {
                let sql = sqlx::AssertSqlSafe(set("assigned_to"));
                sqlx::query(sql).bind(id).bind((!to.is_empty()).then_some(to)).execute(&mut *tx).await?;
                note(&mut tx, id, now, "assigned", Some(by), to).await?;
            }
            Action::Comment { by, text } => note(&mut tx, id, now, "comment", Some(by), text).await?,
            Action::Resolve { by, comment } if !over => resolve(&mut tx, id, now, Some(by), comment).await?,
            Action::Resolve { .. } => {}
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Adds a line to an incident's timeline that is nobody's: what other parts of the process did about it.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn note(&self, incident: i64, at: i64, kind: &str, text: &str) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        note(&mut tx, incident, at, kind, None, text).await?;
        tx.commit().await?;
        Ok(())
    }
}
