//! Batches of the fleet tables: which attempts are in which file.
//!
//! A batch is named here before its files are written and confirmed after, so a crash in between
//! leaves a batch to be written again under the same names: nothing lost, nothing double.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};
use twox_hash::XxHash3_64;

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

/// A file of a written batch, as the catalog keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchFile {
    pub bytes: u64,
    pub crc: u32,
    /// The earliest and latest time in each column that has any, epoch milliseconds.
    pub times: BTreeMap<String, (i64, i64)>,
    /// Attempts of which it lacks rows, because they were damaged when it was written. Without rows there is no file, and 0 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<i64>,
}

/// The files of a written batch by table; a table without rows has none.
#[derive(Debug, Clone)]
pub struct FleetFiles {
    pub batch: Batch,
    pub files: Arc<BTreeMap<String, BatchFile>>,
}

/// Files of batches as they were read last, with the checksum of the text that they were read from.
pub type ReadFiles = Mutex<HashMap<i64, (u64, Arc<BTreeMap<String, BatchFile>>)>>;

/// See [`Catalog::fleet`].
#[derive(Debug, Clone)]
pub struct Fleet {
    pub files: Vec<FleetFiles>,
    pub attempts: Vec<AttemptRow>,
    /// Attempts that are in no file.
    pub open: usize,
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
            let Some(first) = first else { break };
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
        // Not within the transaction that found nothing: there is one writer.
        Ok(planned + self.merge_batches(size).await?)
    }

    /// Joins the small batches of a day and cluster once they are many: the old ones are left
    /// without attempts, and so without files. Those of a few attempts are joined first, and only
    /// with each other: else each of them would have all that was joined before written again.
    async fn merge_batches(&self, size: i64) -> Result<usize, CatalogError> {
        let few = self.merge_between(0, size / 8).await?;
        Ok(few + self.merge_between(size / 8, size / 2).await?)
    }

    /// Joins batches of a day and cluster that have at least `least` attempts and fewer than `below`.
    async fn merge_between(&self, least: i64, below: i64) -> Result<usize, CatalogError> {
        let small = "SELECT b.id, b.cluster, b.day FROM fleet_batches b JOIN attempts a ON a.fleet_batch = b.id
             WHERE b.state = 'written' GROUP BY b.id, b.cluster, b.day HAVING COUNT(*) >= $1 AND COUNT(*) < $2";
        let many = format!("SELECT cluster, day FROM ({small}) s GROUP BY cluster, day HAVING COUNT(*) >= $3");
        let groups = sqlx::query(sqlx::AssertSqlSafe(many)).bind(least).bind(below).bind(MANY);
        let groups = groups.fetch_all(&self.readers).await?;
        for group in &groups {
            let (cluster, day): (String, String) = (group.try_get(0)?, group.try_get(1)?);
            let mut tx = self.begin().await?;
            let of_day = format!("SELECT id FROM ({small}) s WHERE cluster = $3 AND day = $4 ORDER BY id LIMIT $5");
            let old = sqlx::query(sqlx::AssertSqlSafe(of_day))
                .bind(least)
                .bind(below)
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

    /// Notes that a batch's files are about to be written from what its attempts have now.
    pub async fn batch_begun(&self, batch: i64) -> Result<(), CatalogError> {
        sqlx::query("UPDATE fleet_batches SET state = 'writing' WHERE id = $1")
            .bind(batch)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Confirms that a batch's files are written, unless one of its attempts changed meanwhile; one
    /// without attempts is gone.
    pub async fn batch_written(
        &self,
        batch: i64,
        empty: bool,
        files: &BTreeMap<String, BatchFile>,
    ) -> Result<(), CatalogError> {
        if empty {
            sqlx::query("DELETE FROM fleet_batches WHERE id = $1").bind(batch).execute(&self.writer).await?;
            return Ok(());
        }
        let files = serde_json::to_string(files).map_err(|e| CatalogError::Stored(e.to_string()))?;
        sqlx::query("UPDATE fleet_batches SET state = 'written', files = $2 WHERE id = $1 AND state = 'writing'")
            .bind(batch)
            .bind(files)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Has batches written anew whose files turned out damaged.
    pub async fn batches_damaged(&self, batches: &[i64]) -> Result<(), CatalogError> {
        for batch in batches {
            sqlx::query("UPDATE fleet_batches SET state = 'stale' WHERE id = $1 AND state = 'written'")
                .bind(batch)
                .execute(&self.writer)
                .await?;
        }
        Ok(())
    }

    /// All that the fleet tables hold: the files of written batches, and the attempts that are in
    /// none of them, newest first, at most `limit`, with how many there are.
    pub async fn fleet(&self, viewer: &Viewer, limit: i64) -> Result<Fleet, CatalogError> {
        // In two halves, each of which an index answers: nearly all attempts are in a written batch.
        const OPEN: &str = "FROM (SELECT id, start_time FROM attempts WHERE fleet_batch IS NULL UNION ALL SELECT id, start_time FROM attempts
             WHERE fleet_batch IN (SELECT id FROM fleet_batches WHERE state <> 'written'))";
        // One transaction: a batch that is written in between would be missing or double.
        let mut tx = self.readers.begin().await?;
        let rows = sqlx::query(
            "SELECT id, day, cluster, files FROM fleet_batches WHERE state = 'written' ORDER BY day DESC, id DESC",
        )
        .fetch_all(&mut *tx)
        .await?;
        let files = self.files(&rows)?;
        let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) {OPEN}"));
        let open: i64 = sqlx::query(count).fetch_one(&mut *tx).await?.try_get(0)?;
        let ids = sqlx::AssertSqlSafe(format!("SELECT id {OPEN} ORDER BY start_time DESC LIMIT $1"));
        let ids = sqlx::query(ids).bind(limit).fetch_all(&mut *tx).await?;
        let ids = ids.iter().map(|r| r.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        drop(tx);
        let mut attempts = Vec::new();
        for some in ids.chunks(500) {
            attempts.extend(self.attempts(viewer, some).await?);
        }
        Ok(Fleet { files, attempts, open: open as usize })
    }
    /// The files that rows of batches name; most are as they were for the statement before, and not parsed again.
    fn files(&self, rows: &[SqliteRow]) -> Result<Vec<FleetFiles>, CatalogError> {
        let mut known = self.fleet_files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = HashMap::with_capacity(rows.len());
        let read = rows.iter().map(|r| {
            let batch = Batch { id: r.try_get("id")?, day: r.try_get("day")?, cluster: r.try_get("cluster")? };
            let text: &str = r.try_get("files")?;
            let checksum = XxHash3_64::oneshot(text.as_bytes());
            let files = match known.remove(&batch.id).filter(|(c, _)| *c == checksum) {
                Some((_, files)) => files,
                None => {
                    Arc::new(serde_json::from_str(text).map_err(|e| CatalogError::Stored(format!("fleet files: {e}")))?)
                }
            };
            now.insert(batch.id, (checksum, files.clone()));
            Ok(FleetFiles { batch, files })
        });
        let read = read.collect::<Result<Vec<_>, CatalogError>>()?;
        *known = now;
        Ok(read)
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
