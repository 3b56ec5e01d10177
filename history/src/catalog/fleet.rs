//! Batches of the fleet tables: which attempts are in which file.
//!
//! A batch is named here before its files are written and confirmed after, so a crash in between
//! leaves a batch to be written again under the same names: nothing lost, nothing double.

use sqlx::{Row as _, Sqlite, Transaction};

use super::{AttemptRow, Catalog, CatalogError, next};
use crate::viewer::Viewer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Named; its files may be there or not.
    Writing,
    /// Its files are what its attempts say.
    Written,
    /// An attempt in it changed or went: to be written again.
    Stale,
}

/// Small batches of a day and cluster that are joined when they are so many.
const MANY: i64 = 8;

/// Attempts of one day and cluster whose rows share files.
#[derive(Debug, Clone)]
pub struct Batch {
    pub id: i64,
    /// yyyy-mm-dd, UTC, of the attempts' start.
    pub day: String,
    pub cluster: String,
}

impl Catalog {
    /// Puts finished attempts that are in no batch into new ones, at most `size` in each.
    pub async fn plan_batches(&self, size: i64) -> Result<usize, CatalogError> {
        let mut planned = 0;
        loop {
            let mut tx = self.begin().await?;
            let first = sqlx::query(
                "SELECT cluster, day FROM attempts WHERE fleet_batch IS NULL AND status <> 'running' LIMIT 1",
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(first) = first else { return Ok(planned + self.merge_batches(size).await?) };
            let (cluster, day): (String, String) = (first.try_get(0)?, first.try_get(1)?);
            let id = new_batch(&mut tx, &day, &cluster).await?;
            sqlx::query(
                "UPDATE attempts SET fleet_batch = $1 WHERE id IN (SELECT id FROM attempts WHERE fleet_batch IS NULL AND status <> 'running'
                 AND cluster = $2 AND day = $3 LIMIT $4)",
            )
            .bind(id)
            .bind(&cluster)
            .bind(&day)
            .bind(size)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            planned += 1;
        }
    }

    /// Joins the small batches of a day and cluster once they are many: the old ones are left
    /// without attempts, and so without files.
    async fn merge_batches(&self, size: i64) -> Result<usize, CatalogError> {
        let small = "SELECT b.id, b.cluster, b.day FROM fleet_batches b JOIN attempts a ON a.fleet_batch = b.id
             WHERE b.state = 'written' GROUP BY b.id, b.cluster, b.day HAVING COUNT(*) < $1";
        let many = format!("SELECT cluster, day FROM ({small}) s GROUP BY cluster, day HAVING COUNT(*) >= $2");
        let groups = sqlx::query(sqlx::AssertSqlSafe(many)).bind(size / 2).bind(MANY).fetch_all(&self.readers).await?;
        for group in &groups {
            let (cluster, day): (String, String) = (group.try_get(0)?, group.try_get(1)?);
            let mut tx = self.begin().await?;
            let of_day = format!("SELECT id FROM ({small}) s WHERE cluster = $2 AND day = $3 ORDER BY id LIMIT $4");
            let old = sqlx::query(sqlx::AssertSqlSafe(of_day))
                .bind(size / 2)
                .bind(&cluster)
                .bind(&day)
                .bind(MANY)
                .fetch_all(&mut *tx)
                .await?;
            let id = new_batch(&mut tx, &day, &cluster).await?;
            for row in old {
                let batch: i64 = row.try_get(0)?;
                sqlx::query("UPDATE attempts SET fleet_batch = $1 WHERE fleet_batch = $2")
                    .bind(id)
                    .bind(batch)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("UPDATE fleet_batches SET state = 'stale' WHERE id = $1")
                    .bind(batch)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
        }
        Ok(groups.len())
    }

    /// Batches that must be written (again), those that lost their attempts first.
    pub async fn open_batches(&self) -> Result<Vec<Batch>, CatalogError> {
        let rows = sqlx::query("SELECT id, day, cluster FROM fleet_batches WHERE state <> 'written' ORDER BY id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|r| Ok(Batch { id: r.try_get(0)?, day: r.try_get(1)?, cluster: r.try_get(2)? })).collect()
    }

    /// The attempts of a batch.
    pub async fn batch_attempts(&self, batch: i64) -> Result<Vec<AttemptRow>, CatalogError> {
        let rows = sqlx::query("SELECT id FROM attempts WHERE fleet_batch = $1 ORDER BY id")
            .bind(batch)
            .fetch_all(&self.readers)
            .await?;
        let ids = rows.iter().map(|r| r.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        let mut all = Vec::new();
        for some in ids.chunks(500) {
            all.extend(self.attempts(&Viewer::everything(), some).await?);
        }
        all.sort_by_key(|a| a.id);
        Ok(all)
    }

    /// Confirms that a batch's files are written; one without attempts is gone.
    pub async fn batch_written(&self, batch: i64, empty: bool) -> Result<(), CatalogError> {
        let sql = if empty {
            "DELETE FROM fleet_batches WHERE id = $1"
        } else {
            "UPDATE fleet_batches SET state = 'written' WHERE id = $1"
        };
        sqlx::query(sql).bind(batch).execute(&self.writer).await?;
        Ok(())
    }
}

/// Names a batch that is to be written.
async fn new_batch(tx: &mut Transaction<'_, Sqlite>, day: &str, cluster: &str) -> Result<i64, CatalogError> {
    let id = next(tx, "batch").await?;
    sqlx::query("INSERT INTO fleet_batches (id, day, cluster, state) VALUES ($1, $2, $3, 'writing')")
        .bind(id)
        .bind(day)
        .bind(cluster)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}
