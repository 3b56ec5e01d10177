//! Logs of containers: which were read, what was found in them, and of which attempt they are.
//!
//! They are joined to attempts when somebody asks: a log waits for its application, and survives that
//! an attempt is read anew.

use std::collections::HashMap;
use std::sync::Arc;

use afterglow_ingest::container::{Place, Role, Summary, Totals};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::{AttemptRow, Catalog, CatalogError, next};
use crate::store::reader::PartRef;
use crate::store::{AttemptReader, Store, VERSION, noted_key};

/// A container's log, as it was read.
#[derive(Debug, Clone)]
pub struct ContainerRow {
    pub source_id: i64,
    pub log_key: String,
    /// Changes whenever the object does.
    pub version: String,
    pub cluster: String,
    pub place: Place,
    /// When the object was written, epoch milliseconds.
    pub modified: i64,
    /// Where pauses and progress reports are; none if there are none.
    pub part: Option<PartRef>,
    /// Pauses and progress reports in the part.
    pub pauses: i64,
    pub reports: i64,
    pub found: Found,
    pub problem: Option<String>,
    /// Removed by retention, and not read again.
    pub expired: bool,
}

/// How often and how long something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sum {
    pub count: u64,
    /// Microseconds.
    pub total_us: i64,
    pub longest_us: i64,
}

impl From<Totals> for Sum {
    fn from(t: Totals) -> Self {
        Sum { count: t.count, total_us: t.total_us, longest_us: t.longest_us }
    }
}

impl Sum {
    /// Takes in what another log has of the same.
    pub fn add(&mut self, other: Sum) {
        self.count += other.count;
        self.total_us = self.total_us.saturating_add(other.total_us);
        self.longest_us = self.longest_us.max(other.longest_us);
    }
}

/// What a log came to, as the catalog keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// Epoch milliseconds.
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    pub collector: Option<String>,
    /// Microseconds that the garbage collector's lines span.
    pub uptime_us: Option<i64>,
    pub gc: Sum,
    pub monitor: Sum,
    pub concurrent_cycles: u64,
    pub stalls: Sum,
    pub warnings: Vec<String>,
}

impl From<Summary> for Found {
    fn from(s: Summary) -> Self {
        Found {
            first_time: s.first_time,
            last_time: s.last_time,
            collector: s.collector,
            uptime_us: s.uptime_us,
            gc: s.gc.into(),
            monitor: s.monitor.into(),
            concurrent_cycles: s.concurrent_cycles,
            stalls: s.stalls.into(),
            warnings: s.warnings,
        }
    }
}

/// An attempt, as far as logs are joined to it.
struct Span {
    attempt_id: String,
    /// When it was over, as far as that is known; epoch milliseconds.
    end: i64,
}

/// Which of an application's attempts, in the order of their start, a log is of: the one that YARN
/// names; else the first that was not over when the log began, because a container may be there before
/// its application; else the last.
fn attempt_of(yarn: Option<i64>, first_time: Option<i64>, attempts: &[Span]) -> Option<usize> {
    let named = yarn.and_then(|n| attempts.iter().position(|a| a.attempt_id == n.to_string()));
    let running = || first_time.and_then(|t| attempts.iter().position(|a| t <= a.end));
    named.or_else(running).or(attempts.len().checked_sub(1))
}

const COLUMNS: &str =
    "source_id, log_key, version, cluster, app_id, yarn_attempt, container, role, executor_id, stream,
    modified, part, part_size, pauses, reports, found, problem, expired";

fn row(r: &SqliteRow) -> Result<ContainerRow, CatalogError> {
    let role: String = r.try_get("role")?;
    let part: Option<String> = r.try_get("part")?;
    let size: i64 = r.try_get("part_size")?;
    let found: String = r.try_get("found")?;
    Ok(ContainerRow {
        source_id: r.try_get("source_id")?,
        log_key: r.try_get("log_key")?,
        version: r.try_get("version")?,
        cluster: r.try_get("cluster")?,
        place: Place {
            app_id: r.try_get("app_id")?,
            attempt: r.try_get("yarn_attempt")?,
            container: r.try_get("container")?,
            role: role_of(&role),
            executor_id: r.try_get("executor_id")?,
            stream: r.try_get("stream")?,
        },
        modified: r.try_get("modified")?,
        part: part.map(|key| PartRef { key: noted_key(&key), size: size as u64 }),
        pauses: r.try_get("pauses")?,
        reports: r.try_get("reports")?,
        found: serde_json::from_str(&found).map_err(|e| CatalogError::Stored(format!("found: {e}")))?,
        problem: r.try_get("problem")?,
        expired: r.try_get::<i64, _>("expired")? != 0,
    })
}

fn role_text(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Driver) => "driver",
        Some(Role::Executor) => "executor",
        None => "",
    }
}

fn role_of(text: &str) -> Option<Role> {
    match text {
        "driver" => Some(Role::Driver),
        "executor" => Some(Role::Executor),
        _ => None,
    }
}

impl AttemptRow {
    /// Reads it, with the progress reports that only these logs of its containers have.
    pub fn reader(&self, store: &Arc<Store>, logs: &[ContainerRow]) -> AttemptReader {
        let reports = logs.iter().filter(|c| c.reports > 0).filter_map(|c| c.part.clone()).collect();
        AttemptReader::new(store.clone(), self.parts.clone()).with_reports(reports)
    }
}

impl Catalog {
    /// Versions of the container logs of a source, by key; none of one that is not to be read again.
    pub async fn container_versions(&self, source: i64) -> Result<HashMap<String, Option<String>>, CatalogError> {
        let rows = sqlx::query("SELECT log_key, version, expired FROM container_logs WHERE source_id = $1")
            .bind(source)
            .fetch_all(&self.readers)
            .await?;
        let versions = rows.iter().map(|r| {
            let expired = r.try_get::<i64, _>(2)? != 0;
            let version: String = r.try_get(1)?;
            Ok((r.try_get(0)?, (!expired).then_some(version)))
        });
        versions.collect()
    }

    /// Commits what was found in a log, its part published; gives the part that it had before. The
    /// attempts of its application count as changed.
    pub async fn commit_container(&self, c: &ContainerRow) -> Result<Option<Path>, CatalogError> {
        let found = serde_json::to_string(&c.found).map_err(|e| CatalogError::Stored(e.to_string()))?;
        let mut tx = self.begin().await?;
        let old = sqlx::query("SELECT part, found FROM container_logs WHERE source_id = $1 AND log_key = $2")
            .bind(c.source_id)
            .bind(&c.log_key)
            .fetch_optional(&mut *tx)
            .await?;
        let (old_part, old_found): (Option<String>, Option<String>) = match &old {
            Some(r) => (r.try_get(0)?, Some(r.try_get(1)?)),
            None => (None, None),
        };
        sqlx::query(
            "INSERT INTO container_logs (source_id, log_key, version, format, cluster, app_id, yarn_attempt, container, role, executor_id,
                 stream, modified, first_time, part, part_size, pauses, reports, found, problem)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
             ON CONFLICT (source_id, log_key) DO UPDATE SET version = $3, format = $4, cluster = $5, app_id = $6, yarn_attempt = $7,
                 container = $8, role = $9, executor_id = $10, stream = $11, modified = $12, first_time = $13, part = $14,
                 part_size = $15, pauses = $16, reports = $17, found = $18, problem = $19, expired = 0",
        )
        .bind(c.source_id)
        .bind(&c.log_key)
        .bind(&c.version)
        .bind(i64::from(VERSION))
        .bind(&c.cluster)
        .bind(&c.place.app_id)
        .bind(c.place.attempt)
        .bind(&c.place.container)
        .bind(role_text(c.place.role))
        .bind(&c.place.executor_id)
        .bind(&c.place.stream)
        .bind(c.modified)
        .bind(c.found.first_time)
        .bind(c.part.as_ref().map(|p| p.key.as_ref()))
        .bind(c.part.as_ref().map_or(0, |p| p.size as i64))
        .bind(c.pauses)
        .bind(c.reports)
        .bind(&found)
        .bind(&c.problem)
        .execute(&mut *tx)
        .await?;
        if c.part.is_some() || old_part.is_some() || old_found.is_some_and(|f| f != found) {
            touch(&mut tx, &c.cluster, &c.place.app_id).await?;
        }
        tx.commit().await?;
        Ok(old_part.map(Path::from))
    }

    /// Container logs of an attempt, by container and key.
    pub async fn container_logs(&self, a: &AttemptRow) -> Result<Vec<ContainerRow>, CatalogError> {
        self.containers_of(a, "").await
    }

    /// Parts with progress reports of an attempt's queries, out of its container logs.
    pub async fn report_parts(&self, a: &AttemptRow) -> Result<Vec<PartRef>, CatalogError> {
        let found = self.containers_of(a, "AND reports > 0").await?;
        Ok(found.into_iter().filter_map(|c| c.part).collect())
    }

    async fn containers_of(&self, a: &AttemptRow, which: &str) -> Result<Vec<ContainerRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM container_logs WHERE cluster IN ($1, '*') AND app_id = $2 AND expired = 0 AND format = $3 {which}
             ORDER BY container, log_key, source_id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&a.cluster)
            .bind(&a.app_id)
            .bind(i64::from(VERSION))
            .fetch_all(&self.readers)
            .await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let attempts = self.spans_of(&a.cluster, &a.app_id).await?;
        let own = a.attempt_id.as_deref().unwrap_or_default();
        let mut found = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        found.retain(|c| {
            let at = attempt_of(c.place.attempt, c.found.first_time, &attempts);
            at.is_some_and(|at| attempts[at].attempt_id == own)
        });
        Ok(found)
    }

    /// The attempts of an application, in the order of their start.
    async fn spans_of(&self, cluster: &str, app: &str) -> Result<Vec<Span>, CatalogError> {
        let rows = sqlx::query(
            "SELECT attempt_id, CASE WHEN end_time > last_event_time THEN end_time ELSE last_event_time END
             FROM attempts WHERE cluster = $1 AND app_id = $2 ORDER BY start_time, length(attempt_id), attempt_id",
        )
        .bind(cluster)
        .bind(app)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok(Span { attempt_id: r.try_get(0)?, end: r.try_get(1)? })).collect()
    }

    /// Has a removed attempt's container logs not read again; gives their parts.
    pub async fn expire_containers(&self, logs: &[ContainerRow]) -> Result<Vec<Path>, CatalogError> {
        let mut tx = self.begin().await?;
        for c in logs {
            sqlx::query(
                "UPDATE container_logs SET expired = 1, part = NULL, part_size = 0, pauses = 0, reports = 0, found = '{}'
                 WHERE source_id = $1 AND log_key = $2",
            )
            .bind(c.source_id)
            .bind(&c.log_key)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(logs.iter().filter_map(|c| c.part.as_ref()).map(|p| p.key.clone()).collect())
    }

    /// Container logs whose application never came, written before `time`: at most 1000.
    pub async fn waiting_containers(&self, before: i64) -> Result<Vec<ContainerRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM container_logs c WHERE expired = 0 AND modified < $1 AND NOT EXISTS
             (SELECT 1 FROM attempts a WHERE c.cluster IN (a.cluster, '*') AND a.app_id = c.app_id) LIMIT 1000"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).fetch_all(&self.readers).await?;
        rows.iter().map(row).collect()
    }
}

/// Has everybody look again at the attempts of an application: followers, and who writes fleet tables.
pub(super) async fn touch(tx: &mut Transaction<'_, Sqlite>, cluster: &str, app: &str) -> Result<(), CatalogError> {
    let attempts = sqlx::query("SELECT id, fleet_batch FROM attempts WHERE $1 IN (cluster, '*') AND app_id = $2")
        .bind(cluster)
        .bind(app)
        .fetch_all(&mut **tx)
        .await?;
    for r in &attempts {
        let (id, batch): (i64, Option<i64>) = (r.try_get(0)?, r.try_get(1)?);
        let sequence = next(tx, "sequence").await?;
        sqlx::query("UPDATE attempts SET sequence = $2 WHERE id = $1")
            .bind(id)
            .bind(sequence)
            .execute(&mut **tx)
            .await?;
        if let Some(batch) = batch {
            sqlx::query("UPDATE fleet_batches SET state = 'stale' WHERE id = $1")
                .bind(batch)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_go_to_the_attempt_that_ran_when_they_began() {
        let attempts = [("1", 100), ("2", 200)].map(|(id, end)| Span { attempt_id: id.into(), end });
        for (yarn, first_time, attempt) in [
            (Some(2), Some(50), Some(1)),
            // YARN's number is Spark's in cluster mode only.
            (Some(7), Some(150), Some(1)),
            // The driver's log begins before the application.
            (None, Some(0), Some(0)),
            (None, Some(100), Some(0)),
            (None, Some(101), Some(1)),
            (None, Some(900), Some(1)),
            (None, None, Some(1)),
        ] {
            assert_eq!(attempt_of(yarn, first_time, &attempts), attempt, "{yarn:?} {first_time:?}");
        }
        assert_eq!(attempt_of(Some(1), Some(1), &[]), None);
    }
}
