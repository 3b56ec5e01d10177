//! The list of attempts: filtered, in any order, a page at a time, and counted by what they have
//! in common. Every attempt belongs to a group, a combination of all that filters ask for, so
//! that filters look at groups, and pages and counts only into indexes.

use std::collections::{BTreeMap, HashMap};

use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::groups::{Counts, Facet};
use super::{AttemptRow, AttemptStatus, Catalog, CatalogError};
use crate::viewer::Viewer;

/// Which attempts a list shows: of each filter any of the values, all where there are none.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub clusters: Vec<String>,
    pub users: Vec<String>,
    pub queues: Vec<String>,
    pub outcomes: Vec<String>,
    pub versions: Vec<String>,
    /// Severest findings: `critical`, `warning`, `info`, or `none` where nothing was found.
    pub findings: Vec<String>,
    /// By label any of the values; an attempt must have one for each label.
    pub labels: BTreeMap<String, Vec<String>>,
    /// Bounds of the start, inclusive epoch milliseconds.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Only attempts with these catalog ids; best ascending.
    pub ids: Option<Vec<i64>>,
}

/// How a query comes to the attempts that a filter lets through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From what the filter says to the attempts.
    Seek,
    /// Through all attempts in some order, looking at each.
    Check,
}

/// So few matches are sought and sorted rather than met in order.
const FEW: usize = 500;

/// What attempts are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListSort {
    StartTime,
    EndTime,
    Duration,
    Name,
    Id,
    Cluster,
    User,
    Queue,
    /// By how bad it is: completed and unknown, running, lost and killed, failed.
    Outcome,
    Version,
    LogSize,
    Tasks,
    FailedTasks,
    ExecutorTime,
    /// By how bad they are; what was not judged is before what has none.
    Findings,
}

/// How bad an outcome is, by its name.
pub(super) fn severity(outcome: &str) -> i64 {
    match outcome {
        "failed" => 3,
        "lost" | "killed" => 2,
        "running" => 1,
        _ => 0,
    }
}

impl ListSort {
    fn column(self) -> &'static str {
        match self {
            ListSort::StartTime => "start_time",
            ListSort::EndTime => "end_time",
            ListSort::Duration => "duration",
            ListSort::Name => "name",
            ListSort::Id => "app_id",
            ListSort::Cluster => "cluster",
            ListSort::User => "user_name",
            ListSort::Queue => "queue",
            ListSort::Outcome => "severity",
            ListSort::Version => "spark_version",
            ListSort::LogSize => "log_size",
            ListSort::Tasks => "tasks",
            ListSort::FailedTasks => "failed_tasks",
            ListSort::ExecutorTime => "executor_time",
            ListSort::Findings => "findings",
        }
    }
}

/// A page of the list. Equal rows: the latest start first; the other way round if descending.
#[derive(Debug, Clone, Copy)]
pub struct ListPage {
    pub sort: ListSort,
    pub descending: bool,
    pub offset: i64,
    pub length: i64,
}

impl ListFilter {
    /// Whether any filter looks at groups.
    fn is_grouped(&self) -> bool {
        let lists = [&self.clusters, &self.users, &self.queues, &self.outcomes, &self.versions];
        lists.iter().any(|l| !l.is_empty()) || !self.labels.is_empty()
    }

    /// Appends the filter as conditions; `grouped`: with those that look at groups.
    fn push(&self, q: &mut QueryBuilder<Sqlite>, way: Way, grouped: bool) {
        // The sign keeps the planner off a column's index.
        let column = |name: &str, seek: bool| format!(" AND {}{name}", if seek { "" } else { "+" });
        let seek = way == Way::Seek;
        if let Some(from) = self.from {
            q.push(column("start_time", seek)).push(" >= ").push_bind(from);
        }
        if let Some(to) = self.to {
            q.push(column("start_time", seek)).push(" <= ").push_bind(to);
        }
        if let Some(ids) = &self.ids {
            // Written out: there may be more than a statement can bind.
            let texts: Vec<String> = ids.iter().map(i64::to_string).collect();
            q.push(column("id", ids.len() <= FEW)).push(" IN (").push(texts.join(",")).push(")");
        }
        if grouped && !self.findings.is_empty() {
            self.push_findings(q, seek);
        }
        if grouped && self.is_grouped() {
            q.push(column("group_id", seek)).push(" IN (SELECT g.id FROM attempt_groups g WHERE 1 = 1");
            let lists = [
                ("cluster", &self.clusters),
                ("user_name", &self.users),
                ("queue", &self.queues),
                ("outcome", &self.outcomes),
                ("spark_version", &self.versions),
            ];
            for (column, values) in lists.into_iter().filter(|(_, v)| !v.is_empty()) {
                q.push(" AND g.").push(column);
                one_of(q, values);
            }
            for (label, values) in &self.labels {
                q.push(" AND g.id IN (SELECT l.group_id FROM group_labels l WHERE l.label = ").push_bind(label.clone());
                q.push(" AND l.value");
                one_of(q, values);
                q.push(")");
            }
            q.push(")");
        }
    }

    /// Appends that the severest finding is one of those asked for.
    fn push_findings(&self, q: &mut QueryBuilder<Sqlite>, seek: bool) {
        let column = if seek { " AND id" } else { " AND +id" };
        q.push(column).push(" IN (SELECT j.attempt FROM judged j WHERE j.worst");
        one_of(q, &self.findings);
        q.push(")");
    }
}

fn one_of(q: &mut QueryBuilder<Sqlite>, values: &[String]) {
    q.push(" IN (");
    let mut list = q.separated(", ");
    for v in values {
        list.push_bind(v.clone());
    }
    q.push(")");
}

/// What asks for the attempts of a page, in order.
fn page_of(select: &str, filter: &ListFilter, way: Way, page: ListPage) -> QueryBuilder<Sqlite> {
    let mut q = QueryBuilder::new(format!("{select} WHERE 1 = 1"));
    filter.push(&mut q, way, true);
    let (way, back) = if page.descending { (" DESC", " ASC") } else { (" ASC", " DESC") };
    q.push(" ORDER BY ");
    if page.sort == ListSort::StartTime {
        q.push("start_time").push(way).push(", id").push(way);
    } else {
        q.push(page.sort.column()).push(way).push(", start_time").push(back).push(", id").push(back);
    }
    q.push(" LIMIT ").push_bind(page.length).push(" OFFSET ").push_bind(page.offset);
    q
}

/// A restart comes this soon after the driver's last word, milliseconds.
const RESTARTED_WITHIN: i64 = 3_600_000;

/// The run that one tries again, and the one that tries it again. That drivers came to no end is said in a way that finds its index.
const TRIED: &str = "SELECT id FROM attempts WHERE cluster = $1 AND user_name = $2 AND name = $3 AND app_id <> $4 AND labels = $5
    AND outcome = 'lost' AND end_time < 0 AND last_event_time BETWEEN $6 - $7 AND $6 ORDER BY last_event_time DESC LIMIT 1";
const TRIED_BY: &str =
    "SELECT id FROM attempts WHERE cluster = $1 AND user_name = $2 AND name = $3 AND app_id <> $4 AND labels = $5
    AND start_time BETWEEN $6 AND $6 + $7 ORDER BY start_time LIMIT 1";

impl Catalog {
    /// A page of the list, with the number of all that the filter lets through.
    pub async fn list(
        &self,
        viewer: &Viewer,
        filter: &ListFilter,
        page: ListPage,
    ) -> Result<(Vec<AttemptRow>, i64), CatalogError> {
        let mut q = QueryBuilder::new("SELECT COUNT(*) FROM attempts WHERE 1 = 1");
        filter.push(&mut q, Way::Seek, true);
        let total: i64 = q.build().fetch_one(&self.readers).await?.try_get(0)?;
        let way = if total <= FEW as i64 { Way::Seek } else { Way::Check };
        let mut q = page_of("SELECT id FROM attempts", filter, way, page);
        let rows = q.build().fetch_all(&self.readers).await?;
        let ids = rows.iter().map(|r| r.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        let mut found: HashMap<i64, AttemptRow> = HashMap::new();
        for some in ids.chunks(1000) {
            found.extend(self.attempts(viewer, some).await?.into_iter().map(|a| (a.id, a)));
        }
        Ok((ids.iter().filter_map(|id| found.remove(id)).collect(), total))
    }

    /// How often each value of what attempts are filtered by occurs among those that all other
    /// filters let through; most frequent first.
    pub async fn facets(&self, _viewer: &Viewer, filter: &ListFilter) -> Result<Vec<(Facet, Counts)>, CatalogError> {
        let mut q = QueryBuilder::new("SELECT group_id, COUNT(*) FROM attempts WHERE 1 = 1");
        filter.push(&mut q, Way::Seek, false);
        if !filter.findings.is_empty() {
            filter.push_findings(&mut q, true);
        }
        q.push(" GROUP BY group_id");
        let counts = q.build().fetch_all(&self.readers).await?;
        let counts: Vec<(i64, i64)> =
            counts.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect::<Result<_, CatalogError>>()?;
        let mut all = self.count_facets(filter, &counts).await?;
        all.push((Facet::Findings, self.count_findings(filter).await?));
        Ok(all)
    }

    /// How many attempts have which severest finding, among those that all other filters let through.
    async fn count_findings(&self, filter: &ListFilter) -> Result<Counts, CatalogError> {
        let filter = ListFilter { findings: Vec::new(), ..filter.clone() };
        let mut q = QueryBuilder::new("SELECT worst, COUNT(*) FROM judged");
        if filter.is_grouped() || filter.from.is_some() || filter.to.is_some() || filter.ids.is_some() {
            q.push(" WHERE attempt IN (SELECT id FROM attempts WHERE 1 = 1");
            filter.push(&mut q, Way::Seek, true);
            q.push(")");
        }
        q.push(" GROUP BY worst ORDER BY CASE worst WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 WHEN 'info' THEN 2 ELSE 3 END");
        let rows = q.build().fetch_all(&self.readers).await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect()
    }

    /// Attempts of the same name, user and cluster that started before `time`, latest first.
    pub async fn earlier_runs(
        &self,
        viewer: &Viewer,
        of: &AttemptRow,
        limit: i64,
    ) -> Result<Vec<AttemptRow>, CatalogError> {
        let rows = sqlx::query(
            "SELECT id FROM attempts WHERE cluster = $1 AND user_name = $2 AND name = $3 AND start_time < $4 AND app_id <> $5
             ORDER BY start_time DESC LIMIT $6",
        )
        .bind(&of.cluster)
        .bind(&of.user)
        .bind(&of.name)
        .bind(of.start_time)
        .bind(&of.app_id)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let ids = rows.iter().map(|r| r.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        let mut all = self.attempts(viewer, &ids).await?;
        all.sort_by_key(|a| std::cmp::Reverse((a.start_time, a.id)));
        Ok(all)
    }

    /// The run that this one tries again, and the one that tries this one again: of the same name, user and labels, and begun within an hour
    /// after the last word of a driver that is lost. One that is only quiet may still run, as notebooks do that are open side by side.
    pub async fn tries(
        &self,
        viewer: &Viewer,
        of: &AttemptRow,
    ) -> Result<(Option<AttemptRow>, Option<AttemptRow>), CatalogError> {
        let is_lost = of.end_time < 0 && of.summary.outcome == AttemptStatus::Lost.text();
        let by = if is_lost { self.tried(viewer, of, TRIED_BY, of.last_event_time).await? } else { None };
        Ok((self.tried(viewer, of, TRIED, of.start_time).await?, by))
    }

    async fn tried(
        &self,
        viewer: &Viewer,
        of: &AttemptRow,
        sql: &'static str,
        at: i64,
    ) -> Result<Option<AttemptRow>, CatalogError> {
        let labels = serde_json::to_string(&of.labels).map_err(|e| CatalogError::Stored(e.to_string()))?;
        let row = sqlx::query(sql)
            .bind(&of.cluster)
            .bind(&of.user)
            .bind(&of.name)
            .bind(&of.app_id)
            .bind(labels)
            .bind(at)
            .bind(RESTARTED_WITHIN)
            .fetch_optional(&self.readers)
            .await?;
        match row {
            Some(row) => Ok(self.attempts(viewer, &[row.try_get(0)?]).await?.pop()),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SORTS: [ListSort; 15] = [
        ListSort::StartTime,
        ListSort::EndTime,
        ListSort::Duration,
        ListSort::Name,
        ListSort::Id,
        ListSort::Cluster,
        ListSort::User,
        ListSort::Queue,
        ListSort::Outcome,
        ListSort::Version,
        ListSort::LogSize,
        ListSort::Tasks,
        ListSort::FailedTasks,
        ListSort::ExecutorTime,
        ListSort::Findings,
    ];

    #[tokio::test]
    async fn no_order_looks_into_rows_or_sorts_them() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.db")).await.unwrap();
        let filters = [
            ListFilter::default(),
            ListFilter { outcomes: vec!["failed".into()], from: Some(5), ..ListFilter::default() },
        ];
        for (sort, descending) in SORTS.into_iter().flat_map(|s| [(s, false), (s, true)]) {
            for filter in &filters {
                let page = ListPage { sort, descending, offset: 10, length: 10 };
                let mut q = page_of("EXPLAIN QUERY PLAN SELECT id FROM attempts", filter, Way::Check, page);
                let steps = q.build().fetch_all(&catalog.readers).await.unwrap();
                let steps: Vec<String> = steps.iter().map(|r| r.try_get("detail").unwrap()).collect();
                assert!(
                    steps[0].starts_with("SCAN attempts USING COVERING INDEX attempts_list_"),
                    "{sort:?}: {steps:?}"
                );
                assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{sort:?}: {steps:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_was_tried_again_is_found_by_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.db")).await.unwrap();
        let asked = [
            (TRIED, "attempts_lost (cluster=? AND user_name=? AND name=? AND last_event_time>? AND last_event_time<?)"),
            (TRIED_BY, "attempts_by_name (cluster=? AND user_name=? AND name=? AND start_time>? AND start_time<?)"),
        ];
        for (sql, index) in asked {
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let mut q = sqlx::query(sqlx::AssertSqlSafe(plan));
            for _ in 0..5 {
                q = q.bind("x");
            }
            let steps = q.bind(1).bind(1).fetch_all(&catalog.readers).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|r| r.try_get("detail").unwrap()).collect();
            assert_eq!(steps, [format!("SEARCH attempts USING INDEX {index}")]);
        }
    }
}
