//! The list of attempts: filtered, in any order, a page at a time, and counted by what they have
//! in common. Every attempt belongs to a group, a combination of all that filters ask for, so
//! that filters look at groups, and pages and counts only into indexes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::{QueryBuilder, Row as _, Sqlite, Transaction};

use super::{AttemptRow, Catalog, CatalogError, next};
use crate::viewer::Viewer;

/// Which attempts a list shows: of each filter any of the values, all where there are none.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub clusters: Vec<String>,
    pub users: Vec<String>,
    pub queues: Vec<String>,
    pub outcomes: Vec<String>,
    pub versions: Vec<String>,
    /// By label any of the values; an attempt must have one for each label.
    pub labels: BTreeMap<String, Vec<String>>,
    /// Bounds of the start, inclusive epoch milliseconds.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Only attempts with these catalog ids.
    pub ids: Option<Vec<i64>>,
}

/// How a query filters by groups.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByGroup {
    Not,
    /// Goes from the groups to their attempts.
    Seek,
    /// Goes through the attempts in order, and looks at the group of each.
    Check,
}

/// Matches of which so few are sorted rather than met in order.
const FEW: i64 = 500;

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
    Outcome,
    Version,
    LogSize,
    Tasks,
    FailedTasks,
    ExecutorTime,
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
            ListSort::Outcome => "outcome",
            ListSort::Version => "spark_version",
            ListSort::LogSize => "log_size",
            ListSort::Tasks => "tasks",
            ListSort::FailedTasks => "failed_tasks",
            ListSort::ExecutorTime => "executor_time",
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

/// What the attempts of a group have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    pub cluster: String,
    pub user: String,
    pub queue: String,
    pub outcome: String,
    pub version: String,
    pub labels: BTreeMap<String, String>,
}

/// Groups by id. They never change, so those once read are kept.
pub(super) type Groups = Arc<HashMap<i64, Arc<Group>>>;

impl ListFilter {
    /// Whether any filter looks at groups.
    fn is_grouped(&self) -> bool {
        let lists = [&self.clusters, &self.users, &self.queues, &self.outcomes, &self.versions];
        lists.iter().any(|l| !l.is_empty()) || !self.labels.is_empty()
    }

    fn push(&self, q: &mut QueryBuilder<Sqlite>, groups: ByGroup) {
        if let Some(from) = self.from {
            q.push(" AND start_time >= ").push_bind(from);
        }
        if let Some(to) = self.to {
            q.push(" AND start_time <= ").push_bind(to);
        }
        if let Some(ids) = &self.ids {
            // Written out: there may be more than a statement can bind.
            let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
            q.push(" AND id IN (").push(ids.join(",")).push(")");
        }
        if groups != ByGroup::Not && self.is_grouped() {
            // The sign keeps the planner off the index of groups.
            q.push(if groups == ByGroup::Check { " AND +group_id" } else { " AND group_id" });
            q.push(" IN (SELECT g.id FROM attempt_groups g WHERE 1 = 1");
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
}

fn one_of(q: &mut QueryBuilder<Sqlite>, values: &[String]) {
    q.push(" IN (");
    let mut list = q.separated(", ");
    for v in values {
        list.push_bind(v.clone());
    }
    q.push(")");
}

impl Catalog {
    /// A page of the list, with the number of all that the filter lets through.
    pub async fn list(
        &self,
        viewer: &Viewer,
        filter: &ListFilter,
        page: ListPage,
    ) -> Result<(Vec<AttemptRow>, i64), CatalogError> {
        let mut q = QueryBuilder::new("SELECT COUNT(*) FROM attempts WHERE 1 = 1");
        filter.push(&mut q, ByGroup::Seek);
        let total: i64 = q.build().fetch_one(&self.readers).await?.try_get(0)?;
        let mut q = QueryBuilder::new("SELECT id FROM attempts WHERE 1 = 1");
        filter.push(&mut q, if total <= FEW { ByGroup::Seek } else { ByGroup::Check });
        let (way, back) = if page.descending { (" DESC", " ASC") } else { (" ASC", " DESC") };
        q.push(" ORDER BY ");
        if page.sort == ListSort::StartTime {
            q.push("start_time").push(way).push(", id").push(way);
        } else {
            q.push(page.sort.column()).push(way).push(", start_time").push(back).push(", id").push(back);
        }
        q.push(" LIMIT ").push_bind(page.length).push(" OFFSET ").push_bind(page.offset);
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
    pub async fn facets(
        &self,
        _viewer: &Viewer,
        filter: &ListFilter,
    ) -> Result<Vec<(Facet, Vec<(String, i64)>)>, CatalogError> {
        let groups = self.grouped(filter).await?;
        let facets = Facet::ALL.iter().map(|facet| {
            let mut counts: HashMap<std::borrow::Cow<'_, str>, i64> = HashMap::new();
            for (group, n) in groups.iter().filter(|(g, _)| g.passes(filter, Some(*facet))) {
                let mut add = |value| *counts.entry(value).or_default() += n;
                match facet.value(group) {
                    Some(value) => add(value.into()),
                    None => group.labels.iter().for_each(|(k, v)| add(format!("{k}={v}").into())),
                }
            }
            let mut all: Vec<(String, i64)> =
                counts.into_iter().filter(|(v, _)| !v.is_empty()).map(|(v, n)| (v.into_owned(), n)).collect();
            all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            (*facet, all)
        });
        Ok(facets.collect())
    }

    /// Groups with how many of their attempts lie within the filter's times and ids.
    async fn grouped(&self, filter: &ListFilter) -> Result<Vec<(Arc<Group>, i64)>, CatalogError> {
        let mut q = QueryBuilder::new("SELECT group_id, COUNT(*) FROM attempts WHERE 1 = 1");
        filter.push(&mut q, ByGroup::Not);
        q.push(" GROUP BY group_id");
        let counts = q.build().fetch_all(&self.readers).await?;
        let counts: Vec<(i64, i64)> =
            counts.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect::<Result<_, CatalogError>>()?;
        let mut known = self.groups_known();
        if counts.iter().any(|(id, _)| !known.contains_key(id)) {
            known = self.read_groups().await?;
        }
        Ok(counts.into_iter().filter_map(|(id, n)| Some((known.get(&id)?.clone(), n))).collect())
    }

    fn groups_known(&self) -> Groups {
        self.groups.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    async fn read_groups(&self) -> Result<Groups, CatalogError> {
        let rows =
            sqlx::query("SELECT id, cluster, user_name, queue, outcome, spark_version, labels FROM attempt_groups")
                .fetch_all(&self.readers)
                .await?;
        let all = rows
            .iter()
            .map(|r| {
                let labels: String = r.try_get(6)?;
                let group = Group {
                    cluster: r.try_get(1)?,
                    user: r.try_get(2)?,
                    queue: r.try_get(3)?,
                    outcome: r.try_get(4)?,
                    version: r.try_get(5)?,
                    labels: serde_json::from_str(&labels).unwrap_or_default(),
                };
                Ok((r.try_get(0)?, Arc::new(group)))
            })
            .collect::<Result<HashMap<i64, Arc<Group>>, CatalogError>>()?;
        let all = Arc::new(all);
        *self.groups.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = all.clone();
        Ok(all)
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
}

/// What lists are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facet {
    Cluster,
    User,
    Queue,
    Outcome,
    Version,
    Label,
}

impl Facet {
    const ALL: [Facet; 6] = [Facet::Cluster, Facet::User, Facet::Queue, Facet::Outcome, Facet::Version, Facet::Label];

    /// The group's value; none for labels, of which it has several.
    fn value(self, g: &Group) -> Option<&str> {
        match self {
            Facet::Cluster => Some(&g.cluster),
            Facet::User => Some(&g.user),
            Facet::Queue => Some(&g.queue),
            Facet::Outcome => Some(&g.outcome),
            Facet::Version => Some(&g.version),
            Facet::Label => None,
        }
    }
}

impl Group {
    /// Whether all filters but that of a facet let the group through.
    fn passes(&self, filter: &ListFilter, but: Option<Facet>) -> bool {
        let lists = [
            (Facet::Cluster, &filter.clusters),
            (Facet::User, &filter.users),
            (Facet::Queue, &filter.queues),
            (Facet::Outcome, &filter.outcomes),
            (Facet::Version, &filter.versions),
        ];
        let fits = |facet: Facet, wanted: &[String]| {
            but == Some(facet) || wanted.is_empty() || facet.value(self).is_some_and(|v| wanted.iter().any(|w| w == v))
        };
        let labelled = |(label, values): (&String, &Vec<String>)| {
            self.labels.get(label).is_some_and(|v| values.iter().any(|w| w == v))
        };
        lists.into_iter().all(|(facet, wanted)| fits(facet, wanted))
            && (but == Some(Facet::Label) || filter.labels.iter().all(labelled))
    }

    /// The group's id, new or known.
    pub(super) async fn id(&self, tx: &mut Transaction<'_, Sqlite>) -> Result<i64, CatalogError> {
        let labels = serde_json::to_string(&self.labels).map_err(|e| CatalogError::Stored(e.to_string()))?;
        let found = sqlx::query(
            "SELECT id FROM attempt_groups WHERE cluster = $1 AND user_name = $2 AND queue = $3 AND outcome = $4
             AND spark_version = $5 AND labels = $6",
        )
        .bind(&self.cluster)
        .bind(&self.user)
        .bind(&self.queue)
        .bind(&self.outcome)
        .bind(&self.version)
        .bind(&labels)
        .fetch_optional(&mut **tx)
        .await?;
        if let Some(row) = found {
            return Ok(row.try_get(0)?);
        }
        let id = next(tx, "group").await?;
        sqlx::query(
            "INSERT INTO attempt_groups (id, cluster, user_name, queue, outcome, spark_version, labels)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(&self.cluster)
        .bind(&self.user)
        .bind(&self.queue)
        .bind(&self.outcome)
        .bind(&self.version)
        .bind(&labels)
        .execute(&mut **tx)
        .await?;
        for (label, value) in &self.labels {
            sqlx::query("INSERT INTO group_labels (group_id, label, value) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(label)
                .bind(value)
                .execute(&mut **tx)
                .await?;
        }
        Ok(id)
    }
}
