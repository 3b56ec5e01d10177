//! Runs of the operator's own actions: proposed, decided by somebody, and what came of them. None runs twice.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::incidents::note;
use super::{Ledger, LedgerError, json, parsed};

const HOUR: i64 = 3_600_000;

/// A run of an action about an incident. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionRun {
    pub id: i64,
    pub incident: i64,
    pub action: String,
    /// `proposed`, `running`, `done`, `failed` or `refused`.
    pub state: String,
    pub dry_run: bool,
    /// Who decided.
    pub by: Option<String>,
    /// Why, as he said.
    pub comment: Option<String>,
    pub proposed_at: i64,
    pub decided_at: Option<i64>,
    pub ended_at: Option<i64>,
    /// What is or would be sent.
    pub request: serde_json::Value,
    pub reply: Option<String>,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    Done,
    /// There is no such proposal any more.
    Gone,
    /// It ran too often within the hour.
    TooOften,
}

const BEGUN: &str = "SELECT COUNT(*) FROM action_runs WHERE action = $1 AND decided_at > $2 AND state <> 'refused'";

fn run(r: &SqliteRow) -> Result<ActionRun, LedgerError> {
    let request: String = r.try_get("request")?;
    Ok(ActionRun {
        id: r.try_get("id")?,
        incident: r.try_get("incident")?,
        action: r.try_get("action")?,
        state: r.try_get("state")?,
        dry_run: r.try_get::<i64, _>("dry_run")? != 0,
        by: r.try_get("by")?,
        comment: r.try_get("comment")?,
        proposed_at: r.try_get("proposed_at")?,
        decided_at: r.try_get("decided_at")?,
        ended_at: r.try_get("ended_at")?,
        request: parsed("request", &request)?,
        reply: r.try_get("reply")?,
    })
}

impl Ledger {
    /// Incidents of a rule that fire since a time and for which an action was not proposed, oldest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn without_action(&self, rule: &str, action: &str, since: i64) -> Result<Vec<i64>, LedgerError> {
        let rows = sqlx::query(
            "SELECT id FROM incidents i WHERE state = 'firing' AND inhibited_by IS NULL AND fired_at >= $3 AND ($1 = '*' OR rule = $1)
                 AND NOT EXISTS (SELECT 1 FROM action_runs r WHERE r.incident = i.id AND r.action = $2)
             ORDER BY fired_at, id LIMIT 100",
        )
        .bind(rule)
        .bind(action)
        .bind(since)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok(r.try_get(0)?)).collect()
    }

    /// Proposes an action; its number, if it was not proposed before.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn propose(
        &self,
        incident: i64,
        action: &str,
        dry_run: bool,
        request: &serde_json::Value,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "INSERT INTO action_runs (incident, action, state, dry_run, proposed_at, request) VALUES ($1, $2, 'proposed', $3, $4, $5)
             ON CONFLICT (incident, action) DO NOTHING RETURNING id",
        )
        .bind(incident)
        .bind(action)
        .bind(i64::from(dry_run))
        .bind(now)
        .bind(json(request)?)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let dry = if dry_run { " (dry run)" } else { "" };
        note(&mut tx, incident, now, "action", None, &format!("proposed: {action}{dry}")).await?;
        tx.commit().await?;
        Ok(Some(row.try_get(0)?))
    }

    /// Decides about a proposal: it runs from now on, or never. No more than `per_hour` of an action begin within an hour.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing may run.
    pub async fn decide(
        &self,
        id: i64,
        by: &str,
        comment: &str,
        approved: bool,
        per_hour: u32,
        now: i64,
    ) -> Result<Decided, LedgerError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT incident, action FROM action_runs WHERE id = $1 AND state = 'proposed'")
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(Decided::Gone) };
        let (incident, action): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        if approved {
            let row = sqlx::query(BEGUN).bind(&action).bind(now - HOUR).fetch_one(&mut *tx).await?;
            if row.try_get::<i64, _>(0)? >= i64::from(per_hour) {
                return Ok(Decided::TooOften);
            }
        }
        sqlx::query("UPDATE action_runs SET state = $2, by = $3, decided_at = $4, comment = $5 WHERE id = $1")
            .bind(id)
            .bind(if approved { "running" } else { "refused" })
            .bind(by)
            .bind(now)
            .bind((!comment.is_empty()).then_some(comment))
            .execute(&mut *tx)
            .await?;
        let why = if comment.is_empty() { String::new() } else { format!(": {comment}") };
        let what = if approved { "approved" } else { "refused" };
        note(&mut tx, incident, now, "action", Some(by), &format!("{what}: {action}{why}")).await?;
        tx.commit().await?;
        Ok(Decided::Done)
    }

    /// Runs of an action that began within the hour.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn begun(&self, action: &str, now: i64) -> Result<i64, LedgerError> {
        let row = sqlx::query(BEGUN).bind(action).bind(now - HOUR).fetch_one(&self.readers).await?;
        Ok(row.try_get(0)?)
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn end_run(&self, id: i64, outcome: &Result<String, String>, now: i64) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        let (state, text) = match outcome {
            Ok(text) => ("done", text),
            Err(text) => ("failed", text),
        };
        let row = sqlx::query(
            "UPDATE action_runs SET state = $2, reply = $3, ended_at = $4 WHERE id = $1 RETURNING incident, action",
        )
        .bind(id)
        .bind(state)
        .bind(text)
        .bind(now)
        .fetch_one(&mut *tx)
        .await?;
        let action: String = row.try_get(1)?;
        note(&mut tx, row.try_get(0)?, now, "action", None, &format!("{state}: {action}: {text}")).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends runs that a process left behind which is no more: nobody knows what came of them, so they are not repeated.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn end_lost_runs(&self, before: i64) -> Result<u64, LedgerError> {
        let done = sqlx::query(
            "UPDATE action_runs SET state = 'failed', reply = 'the process ended before it knew what came of it'
             WHERE state = 'running' AND decided_at < $1",
        )
        .bind(before)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// The runs about an incident, oldest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn runs(&self, incident: i64) -> Result<Vec<ActionRun>, LedgerError> {
        let rows = sqlx::query("SELECT * FROM action_runs WHERE incident = $1 ORDER BY id")
            .bind(incident)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(run).collect()
    }
}
