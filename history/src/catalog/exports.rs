//! Which attempts were exported as traces.

use sqlx::Row as _;

use super::attempts::{COLUMNS, attempt};
use super::{AttemptRow, Catalog, CatalogError};

impl Catalog {
    /// The number of the newest change of an attempt.
    pub async fn newest_change(&self) -> Result<i64, CatalogError> {
        let row =
            sqlx::query("SELECT value FROM counters WHERE name = 'sequence'").fetch_optional(&self.readers).await?;
        Ok(row.map(|r| r.try_get(0)).transpose()?.unwrap_or(0))
    }

    /// Attempts that are over and were not exported as they are, oldest change first.
    pub async fn to_export(&self, limit: i64) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempts a WHERE sequence > COALESCE((SELECT value FROM counters WHERE name = 'exported'), 0)
                 AND status <> 'running' AND NOT EXISTS
                 (SELECT 1 FROM exported e WHERE e.attempt = a.id AND e.status = a.status AND e.end_time = a.end_time)
             ORDER BY sequence LIMIT $1"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(attempt).collect()
    }

    /// Remembers that an attempt was exported as it is.
    pub async fn note_exported(&self, a: &AttemptRow) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO exported (attempt, status, end_time) VALUES ($1, $2, $3)
             ON CONFLICT (attempt) DO UPDATE SET status = excluded.status, end_time = excluded.end_time",
        )
        .bind(a.id)
        .bind(a.status.text())
        .bind(a.end_time)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Remembers that no change up to this one is to be looked at again.
    pub async fn exported_up_to(&self, sequence: i64) -> Result<(), CatalogError> {
        self.counted_up_to("exported", sequence).await
    }

    /// Forgets attempts that are no more. The first time of all, those that are over count as exported: they did not end just now.
    pub async fn forget_exported(&self) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM exported WHERE attempt NOT IN (SELECT id FROM attempts)").execute(&mut *tx).await?;
        sqlx::query(
            "INSERT INTO counters (name, value)
             SELECT 'exported', COALESCE((SELECT value FROM counters WHERE name = 'sequence'), 0)
             WHERE NOT EXISTS (SELECT 1 FROM counters WHERE name = 'exported')",
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
