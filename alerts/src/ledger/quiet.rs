//! Mutes and silences in the ledger.

use sqlx::Row as _;

use super::{Ledger, LedgerError, json, parsed};
use crate::incident::matcher::Matcher;
use crate::incident::quiet::{Mute, Quiet, Silence};

impl Ledger {
    /// All mutes and silences that were not removed and are not over.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn quiet(&self, now: i64) -> Result<Quiet, LedgerError> {
        let mutes = sqlx::query(
            "SELECT id, rule, app_name, until, reason, by, created_at FROM mutes
             WHERE removed_at IS NULL AND (until IS NULL OR until > $1) ORDER BY id DESC",
        )
        .bind(now)
        .fetch_all(&self.readers)
        .await?;
        let silences = sqlx::query(
            "SELECT id, matchers, until, reason, by, created_at FROM silences
             WHERE removed_at IS NULL AND until > $1 ORDER BY id DESC",
        )
        .bind(now)
        .fetch_all(&self.readers)
        .await?;
        let mut quiet = Quiet::default();
        for r in &mutes {
            quiet.mutes.push(Mute {
                id: r.try_get("id")?,
                rule: r.try_get("rule")?,
                app_name: r.try_get("app_name")?,
                until: r.try_get("until")?,
                reason: r.try_get("reason")?,
                by: r.try_get("by")?,
                created_at: r.try_get("created_at")?,
            });
        }
        for r in &silences {
            let texts: Vec<String> = parsed("matchers", &r.try_get::<String, _>("matchers")?)?;
            quiet.silences.push(Silence {
                id: r.try_get("id")?,
                matchers: Matcher::all(&texts).map_err(LedgerError::Stored)?,
                texts,
                until: r.try_get("until")?,
                reason: r.try_get("reason")?,
                by: r.try_get("by")?,
                created_at: r.try_get("created_at")?,
            });
        }
        Ok(quiet)
    }

    /// Keeps a mute; gives its id. That which it has is not looked at.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn mute(&self, m: &Mute) -> Result<i64, LedgerError> {
        let done = sqlx::query(
            "INSERT INTO mutes (rule, app_name, until, reason, by, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&m.rule)
        .bind(&m.app_name)
        .bind(m.until)
        .bind(&m.reason)
        .bind(&m.by)
        .bind(m.created_at)
        .execute(&self.writer)
        .await?;
        Ok(done.last_insert_rowid())
    }

    /// Keeps a silence; gives its id. That which it has is not looked at.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn silence(&self, s: &Silence) -> Result<i64, LedgerError> {
        let done =
            sqlx::query("INSERT INTO silences (matchers, until, reason, by, created_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(json(&s.texts)?)
                .bind(s.until)
                .bind(&s.reason)
                .bind(&s.by)
                .bind(s.created_at)
                .execute(&self.writer)
                .await?;
        Ok(done.last_insert_rowid())
    }

    /// Ends a mute; whether there was one.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn unmute(&self, id: i64, now: i64) -> Result<bool, LedgerError> {
        self.remove("UPDATE mutes SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL", id, now).await
    }

    /// Ends a silence; whether there was one.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn unsilence(&self, id: i64, now: i64) -> Result<bool, LedgerError> {
        self.remove("UPDATE silences SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL", id, now).await
    }

    async fn remove(&self, sql: &'static str, id: i64, now: i64) -> Result<bool, LedgerError> {
        Ok(sqlx::query(sql).bind(id).bind(now).execute(&self.writer).await?.rows_affected() > 0)
    }
}
