//! Sources and logs: what was scanned, what was read, and what is wrong with it.

use std::collections::{BTreeSet, HashMap};

use afterglow_ingest::{Position, SourceKind, read::Tail, scan::Listed};
use object_store::path::Path;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::attempts::{self, AttemptRow};
use super::{Catalog, CatalogError, next};
use crate::viewer::Viewer;

/// What became of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// Read to its end.
    Indexed,
    /// Read as far as it goes; more may come.
    Live,
    /// Of an attempt that another log already tells of.
    Duplicate,
    /// Not an event log.
    NoLog,
    /// An event log that could not be indexed.
    Failed,
    /// Removed by retention; not to be read again.
    Expired,
}

impl LogState {
    const ALL: [(LogState, &str); 6] = [
        (LogState::Indexed, "indexed"),
        (LogState::Live, "live"),
        (LogState::Duplicate, "duplicate"),
        (LogState::NoLog, "no_log"),
        (LogState::Failed, "failed"),
        (LogState::Expired, "expired"),
    ];

    pub fn text(self) -> &'static str {
        Self::ALL.iter().find(|(s, _)| *s == self).map_or("", |(_, t)| t)
    }

    fn of(text: &str) -> LogState {
        Self::ALL.iter().find(|(_, t)| *t == text).map_or(LogState::Failed, |(s, _)| *s)
    }
}

/// A log, as far as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    pub version: String,
    pub state: LogState,
    pub problem: Option<String>,
    pub position: Position,
    /// File names of the parts up to the position's.
    pub consumed: Vec<String>,
}

/// What is known of a log at one moment.
#[derive(Debug, Clone)]
pub struct KnownLog {
    /// With its revision, which any change makes another.
    pub log: Option<(LogRow, i64)>,
    pub attempt: Option<AttemptRow>,
}

const COLUMNS: &str =
    "version, state, problem, position_part, position_offset, position_skip, consumed, tail_end, tail_len, tail_sum";

fn log_row(r: &SqliteRow) -> Result<LogRow, CatalogError> {
    let number = |column| Ok::<u64, sqlx::Error>(r.try_get::<i64, _>(column)?.cast_unsigned());
    let (state, consumed): (String, String) = (r.try_get("state")?, r.try_get("consumed")?);
    Ok(LogRow {
        version: r.try_get("version")?,
        state: LogState::of(&state),
        problem: r.try_get("problem")?,
        position: Position {
            part: r.try_get("position_part")?,
            offset: number("position_offset")?,
            skip: number("position_skip")?,
            tail: Tail { end: number("tail_end")?, len: number("tail_len")?, sum: number("tail_sum")? },
        },
        consumed: serde_json::from_str(&consumed).unwrap_or_default(),
    })
}

/// A source with what its last scan found.
#[derive(Debug, Clone)]
pub struct SourceRow {
    pub id: i64,
    pub cluster: String,
    pub url: String,
    /// What it holds, as settings write it.
    pub kind: String,
    pub last_scan: Option<i64>,
    pub last_success: Option<i64>,
    pub problem: Option<String>,
    pub objects: i64,
    pub logs: i64,
    pub passed_by: i64,
}

/// What is wrong with a log.
#[derive(Debug, Clone)]
pub struct LogProblem {
    pub cluster: String,
    /// URL of the source.
    pub source: String,
    pub log: String,
    pub problem: String,
    /// What could be read of it, or what it is about: an application's id, and its attempt where that is known and has a name.
    pub app_id: Option<String>,
    pub attempt_id: Option<String>,
}

/// How a scan went.
#[derive(Debug, Clone, Default)]
pub struct SourceScan {
    pub time: i64,
    /// What a whole listing found; none if there was no end of it.
    pub listed: Option<Listed>,
    /// Why not all could be listed and read.
    pub problem: Option<String>,
}

impl Catalog {
    /// The id of a source, registering it if it is new. One at the same address is this one, renamed, unless its cluster is
    /// of `others`, who are at that address, too.
    pub async fn source(
        &self,
        cluster: &str,
        url: &str,
        kind: SourceKind,
        others: &[&str],
    ) -> Result<i64, CatalogError> {
        let mut tx = self.begin().await?;
        let found = sqlx::query(
            "SELECT id, cluster FROM sources WHERE url = $1 AND kind = $2 ORDER BY cluster = $3 DESC, last_scan DESC",
        );
        let found = found.bind(url).bind(kind.text()).bind(cluster).fetch_all(&mut *tx).await?;
        for row in found {
            let (id, was): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            if was == cluster {
                return Ok(id);
            }
            if !others.contains(&was.as_str()) {
                let renamed = sqlx::query("UPDATE sources SET cluster = $2 WHERE id = $1").bind(id).bind(cluster);
                renamed.execute(&mut *tx).await?;
                tx.commit().await?;
                return Ok(id);
            }
        }
        let id = next(&mut tx, "source").await?;
        sqlx::query("INSERT INTO sources (id, cluster, url, kind) VALUES ($1, $2, $3, $4)")
            .bind(id)
            .bind(cluster)
            .bind(url)
            .bind(kind.text())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Notes how a scan went.
    pub async fn scanned(&self, source: i64, scan: &SourceScan) -> Result<(), CatalogError> {
        let sql = if scan.listed.is_some() {
            "UPDATE sources SET last_scan = $2, problem = $3, last_success = $2, objects = $4, logs = $5, passed_by = $6 WHERE id = $1"
        } else {
            "UPDATE sources SET last_scan = $2, problem = $3 WHERE id = $1"
        };
        let whole = scan.listed.is_some();
        let listed = scan.listed.clone().unwrap_or_default();
        let mut tx = self.begin().await?;
        if whole {
            sqlx::query("DELETE FROM odd_names WHERE source_id = $1").bind(source).execute(&mut *tx).await?;
        }
        for odd in &listed.odd {
            // Two names may be shown as the same.
            sqlx::query("INSERT INTO odd_names (source_id, name, problem) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(source)
                .bind(&odd.name)
                .bind(&odd.why)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query(sql)
            .bind(source)
            .bind(scan.time)
            .bind(&scan.problem)
            .bind(listed.objects as i64)
            .bind(listed.logs as i64)
            .bind(listed.passed_by as i64)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// All sources with their health.
    pub async fn sources(&self, _viewer: &Viewer) -> Result<Vec<SourceRow>, CatalogError> {
        let rows = sqlx::query(
            "SELECT id, cluster, url, last_scan, last_success, problem, objects, logs, passed_by, kind FROM sources ORDER BY cluster, url, kind",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|r| {
                Ok(SourceRow {
                    id: r.try_get(0)?,
                    cluster: r.try_get(1)?,
                    url: r.try_get(2)?,
                    last_scan: r.try_get(3)?,
                    last_success: r.try_get(4)?,
                    problem: r.try_get(5)?,
                    objects: r.try_get(6)?,
                    logs: r.try_get(7)?,
                    passed_by: r.try_get(8)?,
                    kind: r.try_get(9)?,
                })
            })
            .collect()
    }

    /// Every log of a source, by key.
    pub async fn logs(&self, source: i64) -> Result<HashMap<String, LogRow>, CatalogError> {
        let sql = format!("SELECT log_key, {COLUMNS} FROM logs WHERE source_id = $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(source).fetch_all(&self.readers).await?;
        rows.iter().map(|r| Ok((r.try_get("log_key")?, log_row(r)?))).collect()
    }

    /// What is known of one log and of the attempt that was read from it, both as of the same moment.
    pub async fn known_log(&self, source: i64, key: &str) -> Result<KnownLog, CatalogError> {
        let mut tx = self.readers.begin().await?;
        let sql = format!("SELECT revision, {COLUMNS} FROM logs WHERE source_id = $1 AND log_key = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(source).bind(key).fetch_optional(&mut *tx).await?;
        let log = row.map(|r| Ok::<_, CatalogError>((log_row(&r)?, r.try_get("revision")?))).transpose()?;
        let sql = format!("SELECT {} FROM attempts WHERE source_id = $1 AND log_key = $2", attempts::COLUMNS);
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(source).bind(key).fetch_optional(&mut *tx).await?;
        let attempt = row.as_ref().map(attempts::attempt).transpose()?;
        Ok(KnownLog { log, attempt })
    }

    /// How many logs of all sources are in each state, and the problems of those that failed.
    pub async fn log_problems(&self, _viewer: &Viewer, limit: i64) -> Result<Vec<(i64, String, String)>, CatalogError> {
        let rows = sqlx::query(
            "SELECT source_id, log_key, problem FROM logs WHERE problem IS NOT NULL AND state <> 'no_log' ORDER BY source_id, log_key LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?, r.try_get(2)?))).collect()
    }

    /// Logs with problems, a page of them, with the number of all.
    pub async fn problems(
        &self,
        _viewer: &Viewer,
        offset: i64,
        limit: i64,
    ) -> Result<(i64, Vec<LogProblem>), CatalogError> {
        const ALL: &str = "(SELECT source_id, log_key, problem, NULL AS app_id FROM logs WHERE problem IS NOT NULL AND state <> 'no_log'
             UNION ALL SELECT source_id, log_key, problem, app_id FROM container_logs WHERE problem IS NOT NULL AND expired = 0
             UNION ALL SELECT source_id, name, problem, NULL FROM odd_names)";
        let count = format!("SELECT COUNT(*) FROM {ALL} l");
        let total = sqlx::query(sqlx::AssertSqlSafe(count)).fetch_one(&self.readers).await?.try_get(0)?;
        let page = format!(
            "SELECT s.cluster, s.url, l.log_key, l.problem,
                 COALESCE(a.app_id, (SELECT app_id FROM attempts WHERE s.cluster IN (cluster, '*') AND app_id = l.app_id LIMIT 1)), a.attempt_id
             FROM {ALL} l JOIN sources s ON s.id = l.source_id
             LEFT JOIN attempts a ON a.id = (SELECT MIN(id) FROM attempts WHERE source_id = l.source_id AND log_key = l.log_key)
             ORDER BY s.cluster, s.url, l.log_key LIMIT $1 OFFSET $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(page)).bind(limit).bind(offset).fetch_all(&self.readers).await?;
        let problems = rows.iter().map(|r| {
            let attempt: Option<String> = r.try_get(5)?;
            Ok(LogProblem {
                cluster: r.try_get(0)?,
                source: r.try_get(1)?,
                log: r.try_get(2)?,
                problem: r.try_get(3)?,
                app_id: r.try_get(4)?,
                attempt_id: attempt.filter(|a| !a.is_empty()),
            })
        });
        Ok((total, problems.collect::<Result<_, CatalogError>>()?))
    }

    /// Has every attempt of another format, and those that turned out damaged, read again.
    pub async fn forget_other_formats(&self, format: u16) -> Result<u64, CatalogError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE logs SET version = '', revision = revision + 1 WHERE EXISTS (SELECT 1 FROM attempts a
             WHERE a.source_id = logs.source_id AND a.log_key = logs.log_key AND a.format <> $1)",
        )
        .bind(i64::from(format))
        .execute(&mut *tx)
        .await?;
        let containers = sqlx::query("UPDATE container_logs SET version = '' WHERE format <> $1")
            .bind(i64::from(format))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected() + containers.rows_affected())
    }

    /// Has the attempts read again from their logs whose parts are these, because they are damaged.
    pub async fn request_rebuild(&self, parts: &BTreeSet<Path>) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        for part in parts {
            sqlx::query("UPDATE container_logs SET version = '' WHERE part = $1")
                .bind(part.as_ref())
                .execute(&mut *tx)
                .await?;
            let name = serde_json::to_string(part.as_ref()).unwrap_or_default();
            let row = sqlx::query(
                "UPDATE attempts SET format = -1 WHERE parts LIKE '%' || $1 || '%' RETURNING source_id, log_key",
            )
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(row) = row {
                sqlx::query(
                    "UPDATE logs SET version = '', revision = revision + 1 WHERE source_id = $1 AND log_key = $2",
                )
                .bind(row.try_get::<i64, _>(0)?)
                .bind(row.try_get::<String, _>(1)?)
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
