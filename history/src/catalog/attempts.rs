//! Attempts and the list of applications made of them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use object_store::path::Path;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, Transaction};

use super::groups::Group;
use super::list::severity;
use super::{Catalog, CatalogError, judged, next};
use crate::date::date;
use crate::insight::outcome::Status;
use crate::store::noted_key;
use crate::store::reader::PartRef;
use crate::viewer::Viewer;

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptStatus {
    Running,
    Completed,
    /// Its log has no end and has been quiet for the configured time.
    Lost,
}

impl AttemptStatus {
    pub fn text(self) -> &'static str {
        match self {
            AttemptStatus::Running => "running",
            AttemptStatus::Completed => "completed",
            AttemptStatus::Lost => "lost",
        }
    }

    fn of(text: &str) -> Self {
        match text {
            "completed" => AttemptStatus::Completed,
            "lost" => AttemptStatus::Lost,
            _ => AttemptStatus::Running,
        }
    }
}

/// An attempt as the catalog knows it.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// 0 until saved.
    pub id: i64,
    pub cluster: String,
    pub app_id: String,
    pub attempt_id: Option<String>,
    pub source_id: i64,
    pub log_key: String,
    pub name: String,
    pub user: String,
    pub spark_version: String,
    pub start_time: i64,
    /// -1 until the application ended.
    pub end_time: i64,
    pub last_event_time: i64,
    pub last_updated: i64,
    pub exit_code: Option<i64>,
    pub status: AttemptStatus,
    pub log_size: i64,
    pub events: i64,
    pub format: i64,
    pub generation: i64,
    /// From oldest to newest.
    pub parts: Vec<PartRef>,
    pub labels: BTreeMap<String, String>,
    /// Fingerprint of the rules that gave it cluster and labels.
    pub placed_by: String,
    pub damaged: bool,
    /// JSON, as the REST answers show it.
    pub completeness: String,
    pub search_text: String,
    pub sequence: i64,
    pub summary: Summary,
}

/// What lists show of an attempt beside its identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Empty where none is known.
    pub queue: String,
    /// The attempt's status, where "completed" is told from "failed".
    pub outcome: String,
    /// Milliseconds to the end, or to the last event of an attempt without one.
    pub duration: i64,
    pub tasks: i64,
    pub failed_tasks: i64,
    /// Sum of the run times of tasks, milliseconds.
    pub executor_time: i64,
    /// A line that says why it failed.
    pub error: Option<String>,
    /// None for an attempt that was indexed before it was kept.
    pub usage: Option<Usage>,
}

/// What an attempt takes of its cluster, as of its last event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sum over tasks, milliseconds.
    pub gc_time: i64,
    /// Sums over tasks, bytes.
    pub memory_spilled: i64,
    pub disk_spilled: i64,
    /// Executors that run tasks, and their cores.
    pub executors: i64,
    pub cores: i64,
}

/// Which applications a list shows; bounds are inclusive epoch milliseconds.
#[derive(Debug, Clone, Default)]
pub struct ApplicationFilter {
    pub cluster: Option<String>,
    pub completed: bool,
    pub running: bool,
    pub min_start: Option<i64>,
    pub max_start: Option<i64>,
    pub min_end: Option<i64>,
    pub max_end: Option<i64>,
    /// The present, against which a bound on the end of running applications is held.
    pub now: i64,
    pub offset: i64,
    pub limit: Option<i64>,
}

/// See [`Catalog::spans`].
#[derive(Debug, Clone)]
pub struct AttemptSpan {
    pub id: i64,
    pub cluster: String,
    pub app_id: String,
    pub name: String,
    pub user: String,
    /// Epoch milliseconds.
    pub start_time: i64,
    /// The last time that its log tells of.
    pub last_time: i64,
    pub ended: bool,
    /// Task attempts.
    pub tasks: i64,
}

pub(super) const COLUMNS: &str = "id, cluster, app_id, attempt_id, source_id, log_key, name, user_name, spark_version, start_time, end_time,
    last_event_time, last_updated, exit_code, status, log_size, events, format, generation, parts, labels, damaged, completeness, sequence,
    queue, outcome, duration, tasks, failed_tasks, executor_time, error, gc_time, memory_spilled, disk_spilled, executors, cores, placed_by";

pub(super) fn attempt(r: &SqliteRow) -> Result<AttemptRow, CatalogError> {
    let text = |c: &str| r.try_get::<String, _>(c);
    let attempt_id = text("attempt_id")?;
    let parts: Vec<(String, u64)> =
        serde_json::from_str(&text("parts")?).map_err(|e| CatalogError::Stored(format!("parts: {e}")))?;
    Ok(AttemptRow {
        id: r.try_get("id")?,
        cluster: text("cluster")?,
        app_id: text("app_id")?,
        attempt_id: (!attempt_id.is_empty()).then_some(attempt_id),
        source_id: r.try_get("source_id")?,
        log_key: text("log_key")?,
        name: text("name")?,
        user: text("user_name")?,
        spark_version: text("spark_version")?,
        start_time: r.try_get("start_time")?,
        end_time: r.try_get("end_time")?,
        last_event_time: r.try_get("last_event_time")?,
        last_updated: r.try_get("last_updated")?,
        exit_code: r.try_get("exit_code")?,
        status: AttemptStatus::of(&text("status")?),
        log_size: r.try_get("log_size")?,
        events: r.try_get("events")?,
        format: r.try_get("format")?,
        generation: r.try_get("generation")?,
        parts: parts.into_iter().map(|(k, size)| PartRef { key: noted_key(&k), size }).collect(),
        labels: serde_json::from_str(&text("labels")?).unwrap_or_default(),
        placed_by: text("placed_by")?,
        damaged: r.try_get::<i64, _>("damaged")? != 0,
        completeness: text("completeness")?,
        search_text: String::new(),
        sequence: r.try_get("sequence")?,
        summary: Summary {
            queue: text("queue")?,
            outcome: text("outcome")?,
            duration: r.try_get("duration")?,
            tasks: r.try_get("tasks")?,
            failed_tasks: r.try_get("failed_tasks")?,
            executor_time: r.try_get("executor_time")?,
            error: r.try_get("error")?,
            usage: usage(r)?,
        },
    })
}

fn usage(r: &SqliteRow) -> Result<Option<Usage>, sqlx::Error> {
    let Some(gc_time) = r.try_get("gc_time")? else { return Ok(None) };
    Ok(Some(Usage {
        gc_time,
        memory_spilled: r.try_get("memory_spilled")?,
        disk_spilled: r.try_get("disk_spilled")?,
        executors: r.try_get("executors")?,
        cores: r.try_get("cores")?,
    }))
}

impl AttemptRow {
    pub(super) fn group(&self, outcome: &str) -> Group {
        Group {
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            queue: self.summary.queue.clone(),
            outcome: outcome.to_owned(),
            version: self.spark_version.clone(),
            labels: self.labels.clone(),
        }
    }

    /// The log that the catalog has this attempt from, if it has it.
    pub(super) async fn owner(&self, tx: &mut Transaction<'_, Sqlite>) -> Result<Option<(i64, String)>, CatalogError> {
        let row = sqlx::query(
            "SELECT source_id, log_key FROM attempts WHERE cluster = $1 AND app_id = $2 AND attempt_id = $3",
        )
        .bind(&self.cluster)
        .bind(&self.app_id)
        .bind(self.attempt_id.as_deref().unwrap_or_default())
        .fetch_optional(&mut **tx)
        .await?;
        row.map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).transpose()
    }

    /// The cluster in which its log has this attempt already.
    pub(super) async fn was_in(&self, tx: &mut Transaction<'_, Sqlite>) -> Result<Option<String>, CatalogError> {
        let row = sqlx::query(
            "SELECT cluster FROM attempts WHERE source_id = $1 AND log_key = $2 AND app_id = $3 AND attempt_id = $4",
        );
        let row = row.bind(self.source_id).bind(&self.log_key).bind(&self.app_id);
        let row = row.bind(self.attempt_id.as_deref().unwrap_or_default()).fetch_optional(&mut **tx).await?;
        Ok(row.map(|r| r.try_get(0)).transpose()?)
    }

    /// Inserts or replaces the attempt; gives the parts that it had and has no more.
    pub(super) async fn save(&self, tx: &mut Transaction<'_, Sqlite>) -> Result<Vec<Path>, CatalogError> {
        // A log that is read anew may turn out to be of another application.
        let old = sqlx::query("SELECT id, cluster, app_id, attempt_id, parts, fleet_batch FROM attempts WHERE source_id = $1 AND log_key = $2")
            .bind(self.source_id)
            .bind(&self.log_key)
            .fetch_optional(&mut **tx)
            .await?;
        let mut unused = Vec::new();
        let mut id = None;
        if let Some(r) = old {
            let had: Vec<(String, u64)> = serde_json::from_str(&r.try_get::<String, _>("parts")?).unwrap_or_default();
            let has = |k: &str| self.parts.iter().any(|p| p.key.as_ref() == k);
            unused = had.into_iter().filter(|(k, _)| !has(k)).map(|(k, _)| noted_key(&k)).collect();
            id = Some(r.try_get::<i64, _>("id")?);
            if let Some(batch) = r.try_get::<Option<i64>, _>("fleet_batch")? {
                sqlx::query("UPDATE fleet_batches SET state = 'stale' WHERE id = $1")
                    .bind(batch)
                    .execute(&mut **tx)
                    .await?;
            }
            let (cluster, app): (String, String) = (r.try_get("cluster")?, r.try_get("app_id")?);
            sqlx::query("DELETE FROM attempts WHERE id = $1").bind(id).execute(&mut **tx).await?;
            if (&cluster, &app) != (&self.cluster, &self.app_id) {
                summarize(tx, &cluster, &app).await?;
            }
        }
        let id = match id {
            Some(id) => id,
            None => next(tx, "attempt").await?,
        };
        let sequence = next(tx, "sequence").await?;
        let group = self.group(&self.summary.outcome).id(tx).await?;
        let parts: Vec<(&str, u64)> = self.parts.iter().map(|p| (p.key.as_ref(), p.size)).collect();
        let size: u64 = self.parts.iter().map(|p| p.size).sum();
        let usage = self.summary.usage;
        let json = |v: Result<String, serde_json::Error>| v.map_err(|e| CatalogError::Stored(e.to_string()));
        let insert = format!(
            "INSERT INTO attempts (id, cluster, app_id, attempt_id, source_id, log_key, name, user_name, spark_version, start_time,
                 end_time, last_event_time, last_updated, exit_code, status, log_size, events, format, generation, parts, store_size,
                 labels, damaged, completeness, search_text, sequence, day, queue, outcome, duration, tasks, failed_tasks, executor_time,
                 error, group_id, severity, over_time, part_count, gc_time, memory_spilled, disk_spilled, executors, cores, placed_by, findings)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
                 $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, {})",
            judged::order()
        );
        sqlx::query(sqlx::AssertSqlSafe(insert))
            .bind(id)
            .bind(&self.cluster)
            .bind(&self.app_id)
            .bind(self.attempt_id.as_deref().unwrap_or_default())
            .bind(self.source_id)
            .bind(&self.log_key)
            .bind(&self.name)
            .bind(&self.user)
            .bind(&self.spark_version)
            .bind(self.start_time)
            .bind(self.end_time)
            .bind(self.last_event_time)
            .bind(self.last_updated)
            .bind(self.exit_code)
            .bind(self.status.text())
            .bind(self.log_size)
            .bind(self.events)
            .bind(self.format)
            .bind(self.generation)
            .bind(json(serde_json::to_string(&parts))?)
            .bind(size as i64)
            .bind(json(serde_json::to_string(&self.labels))?)
            .bind(i64::from(self.damaged))
            .bind(&self.completeness)
            .bind(&self.search_text)
            .bind(sequence)
            .bind(&date(self.start_time)[..10])
            .bind(&self.summary.queue)
            .bind(&self.summary.outcome)
            .bind(self.summary.duration)
            .bind(self.summary.tasks)
            .bind(self.summary.failed_tasks)
            .bind(self.summary.executor_time)
            .bind(&self.summary.error)
            .bind(group)
            .bind(severity(&self.summary.outcome))
            .bind((self.status == AttemptStatus::Completed).then_some(self.end_time))
            .bind(self.parts.len() as i64)
            .bind(usage.map(|u| u.gc_time))
            .bind(usage.map(|u| u.memory_spilled))
            .bind(usage.map(|u| u.disk_spilled))
            .bind(usage.map(|u| u.executors))
            .bind(usage.map(|u| u.cores))
            .bind(&self.placed_by)
            .execute(&mut **tx)
            .await?;
        summarize(tx, &self.cluster, &self.app_id).await?;
        Ok(unused)
    }
}

/// Brings an application's row up to its attempts.
pub(super) async fn summarize(tx: &mut Transaction<'_, Sqlite>, cluster: &str, app: &str) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM applications WHERE cluster = $1 AND app_id = $2")
        .bind(cluster)
        .bind(app)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO applications (cluster, app_id, end_time, completed, first_start, last_start, first_end, last_end)
         SELECT cluster, app_id, end_time, CASE WHEN status = 'completed' THEN 1 ELSE 0 END,
             MIN(start_time) OVER (), MAX(start_time) OVER (), MIN(end_time) OVER (), MAX(end_time) OVER ()
         FROM attempts WHERE cluster = $1 AND app_id = $2
         ORDER BY start_time DESC, length(attempt_id) DESC, attempt_id DESC LIMIT 1",
    )
    .bind(cluster)
    .bind(app)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Catalog {
    /// Applications in the order of Spark's list (end of the newest attempt, latest first, those
    /// without an end last), each with its attempts, newest first.
    pub async fn applications(
        &self,
        viewer: &Viewer,
        filter: &ApplicationFilter,
    ) -> Result<Vec<Vec<AttemptRow>>, CatalogError> {
        let mut q: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT cluster, app_id FROM applications p WHERE 1 = 1");
        if let Some(cluster) = &filter.cluster {
            q.push(" AND p.cluster = ").push_bind(cluster);
        }
        match (filter.completed, filter.running) {
            (true, true) => {}
            (true, false) => drop(q.push(" AND p.completed = 1")),
            (false, true) => drop(q.push(" AND p.completed = 0")),
            (false, false) => return Ok(Vec::new()),
        }
        let bounds = [filter.min_start, filter.max_start, filter.min_end, filter.max_end];
        if bounds.iter().any(Option::is_some) {
            let from = [filter.min_start, filter.min_end].map(|t| t.unwrap_or(i64::MIN));
            let to = [filter.max_start, filter.max_end].map(|t| t.unwrap_or(i64::MAX));
            // One attempt must lie within all bounds. Most applications are ruled out by their own row.
            q.push(" AND p.last_start >= ").push_bind(from[0]).push(" AND p.first_start <= ").push_bind(to[0]);
            let past = filter.max_end.is_some_and(|end| end <= filter.now);
            q.push(" AND (").push(if past { "0 = 1" } else { "p.completed = 0" });
            q.push(" OR (p.completed = 1 AND p.last_end >= ").push_bind(from[1]);
            q.push(" AND p.first_end <= ").push_bind(to[1]);
            q.push(
                ")) AND (p.first_start = p.last_start AND p.first_end = p.last_end OR EXISTS (SELECT 1 FROM attempts a",
            );
            q.push(" WHERE a.cluster = p.cluster AND a.app_id = p.app_id AND a.start_time >= ").push_bind(from[0]);
            q.push(" AND a.start_time <= ").push_bind(to[0]);
            q.push(" AND (p.completed = 0 OR (a.end_time >= ").push_bind(from[1]);
            q.push(" AND a.end_time <= ").push_bind(to[1]).push("))))");
        }
        q.push(" ORDER BY p.end_time DESC, p.app_id DESC, p.cluster LIMIT ")
            .push_bind(filter.limit.unwrap_or(i64::MAX));
        q.push(" OFFSET ").push_bind(filter.offset);
        let keys: Vec<(String, String)> = q
            .build()
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(|r| Ok((r.try_get(0)?, r.try_get(1)?)))
            .collect::<Result<_, CatalogError>>()?;
        let mut out = Vec::with_capacity(keys.len());
        for page in keys.chunks(400) {
            let mut q: QueryBuilder<Sqlite> =
                QueryBuilder::new(format!("SELECT {COLUMNS} FROM attempts WHERE (cluster, app_id) IN (VALUES "));
            for (i, (cluster, app)) in page.iter().enumerate() {
                q.push(if i == 0 { "(" } else { ", (" }).push_bind(cluster).push(", ").push_bind(app).push(")");
            }
            q.push(") ORDER BY start_time DESC, length(attempt_id) DESC, attempt_id DESC");
            let mut found: BTreeMap<(String, String), Vec<AttemptRow>> = BTreeMap::new();
            for r in q.build().fetch_all(&self.readers).await? {
                let a = attempt(&r)?;
                if viewer.may_see(&a.cluster, &a.user) {
                    found.entry((a.cluster.clone(), a.app_id.clone())).or_default().push(a);
                }
            }
            out.extend(page.iter().filter_map(|key| found.remove(key)));
        }
        Ok(out)
    }

    /// Attempts of an application id, of one cluster or of all that have it; newest first.
    pub async fn application(
        &self,
        viewer: &Viewer,
        cluster: Option<&str>,
        app: &str,
    ) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempts WHERE app_id = $1 AND ($2 IS NULL OR cluster = $2) ORDER BY cluster, start_time DESC, length(attempt_id) DESC, attempt_id DESC"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(app).bind(cluster).fetch_all(&self.readers).await?;
        let mut all = rows.iter().map(attempt).collect::<Result<Vec<_>, _>>()?;
        all.retain(|a| viewer.may_see(&a.cluster, &a.user));
        Ok(all)
    }

    /// The attempt that was read from a log. For the indexer, which sees everything.
    pub async fn attempt_of_log(&self, source: i64, log_key: &str) -> Result<Option<AttemptRow>, CatalogError> {
        let sql = format!("SELECT {COLUMNS} FROM attempts WHERE source_id = $1 AND log_key = $2");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(source).bind(log_key).fetch_optional(&self.readers).await?;
        row.as_ref().map(attempt).transpose()
    }

    /// Attempts changed since `sequence`, oldest change first, with their search text.
    pub async fn changed_since(&self, sequence: i64, limit: i64) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!("SELECT {COLUMNS}, search_text FROM attempts WHERE sequence > $1 ORDER BY sequence LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(sequence).bind(limit).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|r| {
                let search_text = r.try_get("search_text")?;
                Ok(AttemptRow { search_text, ..attempt(r)? })
            })
            .collect()
    }

    /// Attempts by their catalog ids, in no order.
    pub async fn attempts(&self, viewer: &Viewer, ids: &[i64]) -> Result<Vec<AttemptRow>, CatalogError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut q: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} FROM attempts WHERE id IN ("));
        let mut list = q.separated(", ");
        for id in ids {
            list.push_bind(id);
        }
        q.push(")");
        let mut all = q.build().fetch_all(&self.readers).await?.iter().map(attempt).collect::<Result<Vec<_>, _>>()?;
        all.retain(|a| viewer.may_see(&a.cluster, &a.user));
        Ok(all)
    }

    /// When each attempt ran, and whose it is: what tells which of them a question is about. Only those of some clusters or
    /// application ids, where they are given.
    pub async fn spans(
        &self,
        viewer: &Viewer,
        clusters: Option<&[String]>,
        apps: Option<&[String]>,
    ) -> Result<Vec<AttemptSpan>, CatalogError> {
        let mut q = QueryBuilder::<Sqlite>::new(
            "SELECT id, cluster, app_id, name, user_name, start_time, last_event_time, end_time, status, tasks FROM attempts WHERE true",
        );
        for (column, values) in [("cluster", clusters), ("app_id", apps)] {
            let Some(values) = values else { continue };
            let values = serde_json::to_string(values).map_err(|e| CatalogError::Stored(e.to_string()))?;
            q.push(format!(" AND {column} IN (SELECT value FROM json_each(")).push_bind(values).push("))");
        }
        let rows = q.build().fetch_all(&self.readers).await?;
        let span = |r: &sqlx::sqlite::SqliteRow| {
            let (last, end): (i64, i64) = (r.try_get("last_event_time")?, r.try_get("end_time")?);
            Ok(AttemptSpan {
                id: r.try_get("id")?,
                cluster: r.try_get("cluster")?,
                app_id: r.try_get("app_id")?,
                name: r.try_get("name")?,
                user: r.try_get("user_name")?,
                start_time: r.try_get("start_time")?,
                last_time: last.max(end),
                ended: r.try_get::<String, _>("status")? != "running",
                tasks: r.try_get("tasks")?,
            })
        };
        let mut all = rows.iter().map(span).collect::<Result<Vec<_>, CatalogError>>()?;
        all.retain(|a| viewer.may_see(&a.cluster, &a.user));
        Ok(all)
    }

    /// Keys of every part that is named: all others are leftovers.
    pub async fn named_parts(&self) -> Result<HashSet<String>, CatalogError> {
        let rows = sqlx::query("SELECT parts FROM attempts").fetch_all(&self.readers).await?;
        let mut all = HashSet::new();
        for row in &rows {
            let parts: Vec<(String, u64)> = serde_json::from_str(&row.try_get::<String, _>(0)?).unwrap_or_default();
            all.extend(parts.into_iter().map(|(key, _)| key));
        }
        let rows =
            sqlx::query("SELECT part FROM container_logs WHERE part IS NOT NULL").fetch_all(&self.readers).await?;
        for row in &rows {
            all.insert(row.try_get(0)?);
        }
        Ok(all)
    }

    /// Ids of all attempts: what a search index may still hold and must not.
    pub async fn attempt_ids(&self) -> Result<Vec<i64>, CatalogError> {
        let rows = sqlx::query("SELECT id FROM attempts").fetch_all(&self.readers).await?;
        rows.iter().map(|r| Ok(r.try_get(0)?)).collect()
    }

    /// Attempts that are over and ended before `time`, or, oldest first, as many as exceed
    /// `bytes` of store: what retention removes.
    pub async fn expired(&self, time: Option<i64>, bytes: Option<i64>) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT *, SUM(store_size) OVER (ORDER BY last_event_time DESC, id DESC) AS held FROM attempts) a
             WHERE status <> 'running' AND (last_event_time < $1 OR held > $2) ORDER BY last_event_time LIMIT 1000"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(time.unwrap_or(i64::MIN))
            .bind(bytes.unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(attempt).collect()
    }

    /// How many attempts [`Catalog::expired`] has in all, and of how many.
    pub async fn expiring(&self, time: Option<i64>, bytes: Option<i64>) -> Result<(i64, i64), CatalogError> {
        let row = sqlx::query(
            "SELECT COUNT(CASE WHEN status <> 'running' AND (last_event_time < $1 OR held > $2) THEN 1 END), COUNT(*)
             FROM (SELECT status, last_event_time, SUM(store_size) OVER (ORDER BY last_event_time DESC, id DESC) AS held FROM attempts) a",
        )
        .bind(time.unwrap_or(i64::MIN))
        .bind(bytes.unwrap_or(i64::MAX))
        .fetch_one(&self.readers)
        .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// Removes an attempt and has its log not read again.
    pub async fn expire(&self, a: &AttemptRow) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE fleet_batches SET state = 'stale' WHERE id = (SELECT fleet_batch FROM attempts WHERE id = $1)",
        )
        .bind(a.id)
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM attempts WHERE id = $1").bind(a.id).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM judged WHERE attempt = $1").bind(a.id).execute(&mut *tx).await?;
        sqlx::query("UPDATE logs SET state = 'expired', revision = revision + 1 WHERE source_id = $1 AND log_key = $2")
            .bind(a.source_id)
            .bind(&a.log_key)
            .execute(&mut *tx)
            .await?;
        summarize(&mut tx, &a.cluster, &a.app_id).await?;
        next(&mut tx, "removals").await?;
        tx.commit().await?;
        Ok(())
    }

    /// Marks attempts as lost whose log has been quiet for so long at `now` (epoch milliseconds); gives how many.
    pub async fn mark_lost(&self, now: i64, quiet: Duration) -> Result<u64, CatalogError> {
        let before = now - i64::try_from(quiet.as_millis()).unwrap_or(i64::MAX);
        let mut tx = self.begin().await?;
        let quiet = format!("SELECT {COLUMNS} FROM attempts WHERE status = 'running' AND last_updated < $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(quiet)).bind(before).fetch_all(&mut *tx).await?;
        let (lost, unknown) = (AttemptStatus::Lost.text(), Status::Unknown.text());
        for r in &rows {
            let a = attempt(r)?;
            // Where the beginning is missing, too, that there is no end says nothing.
            let outcome = if a.summary.outcome == unknown { unknown } else { lost };
            let group = a.group(outcome).id(&mut tx).await?;
            let sequence = next(&mut tx, "sequence").await?;
            sqlx::query("UPDATE attempts SET status = $2, outcome = $7, group_id = $3, sequence = $4, severity = $5, over_time = $6 WHERE id = $1")
                .bind(a.id)
                .bind(lost)
                .bind(group)
                .bind(sequence)
                .bind(severity(outcome))
                .bind(now)
                .bind(outcome)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(rows.len() as u64)
    }

    /// Applications, clusters and events in the catalog.
    pub async fn totals(&self, _viewer: &Viewer) -> Result<(i64, i64), CatalogError> {
        let row =
            sqlx::query("SELECT COUNT(*), COUNT(DISTINCT cluster) FROM applications").fetch_one(&self.readers).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// How often attempts were removed: a follower that counted less must look for them.
    pub async fn removals(&self) -> Result<i64, CatalogError> {
        let row =
            sqlx::query("SELECT value FROM counters WHERE name = 'removals'").fetch_optional(&self.readers).await?;
        Ok(row.map(|r| r.try_get(0)).transpose()?.unwrap_or(0))
    }
}
