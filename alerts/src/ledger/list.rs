//! Incidents as they are searched and shown. Every read is for a viewer.

use std::collections::BTreeSet;

use afterglow_history::viewer::Viewer;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::incidents::{COLUMNS, incident};
use super::{Ledger, LedgerError};
use crate::incident::Incident;

/// Which incidents are wanted; empty lists and none let all through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub states: Vec<String>,
    pub rules: Vec<String>,
    pub clusters: Vec<String>,
    pub severities: Vec<String>,
    pub app_name: Option<String>,
    /// A text in summary, rule, application id or name.
    pub text: Option<String>,
    /// Bounds on the start, epoch milliseconds, inclusive.
    pub from: Option<i64>,
    pub to: Option<i64>,
}

/// A line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Epoch milliseconds.
    pub at: i64,
    pub kind: String,
    /// None: Afterglow itself.
    pub by: Option<String>,
    pub text: String,
}

impl Ledger {
    /// A page of incidents, the latest start first, and how many there are.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn incidents(
        &self,
        viewer: &Viewer,
        filter: &Filter,
        offset: i64,
        length: i64,
    ) -> Result<(i64, Vec<Incident>), LedgerError> {
        let hidden = self.hidden(viewer).await?;
        let mut count = query("COUNT(*)", filter, &hidden);
        let total = count.build().fetch_one(&self.readers).await?.try_get(0)?;
        let mut page = query(COLUMNS, filter, &hidden);
        page.push(" ORDER BY started_at DESC, id DESC LIMIT ").push_bind(length).push(" OFFSET ").push_bind(offset);
        let rows = page.build().fetch_all(&self.readers).await?;
        Ok((total, rows.iter().map(incident).collect::<Result<_, _>>()?))
    }

    /// An incident, if there is one that the viewer may see.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn incident(&self, viewer: &Viewer, id: i64) -> Result<Option<Incident>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM incidents WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.readers).await?;
        let found = row.as_ref().map(incident).transpose()?;
        Ok(found.filter(|i| may_see(viewer, &i.cluster, &i.owner)))
    }

    /// An incident's timeline, oldest first. Whoever asks has seen the incident.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn events(&self, incident: i64) -> Result<Vec<Event>, LedgerError> {
        let rows = sqlx::query("SELECT at, kind, by, text FROM events WHERE incident = $1 ORDER BY id")
            .bind(incident)
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|r| Ok(Event { at: r.try_get(0)?, kind: r.try_get(1)?, by: r.try_get(2)?, text: r.try_get(3)? }))
            .collect()
    }

    /// Clusters and owners that the viewer may not see. There are far fewer than incidents.
    pub(super) async fn hidden(&self, viewer: &Viewer) -> Result<BTreeSet<(String, String)>, LedgerError> {
        let rows = sqlx::query("SELECT DISTINCT cluster, owner FROM incidents").fetch_all(&self.readers).await?;
        let mut hidden = BTreeSet::new();
        for r in &rows {
            let (cluster, owner): (String, String) = (r.try_get(0)?, r.try_get(1)?);
            if !may_see(viewer, &cluster, &owner) {
                hidden.insert((cluster, owner));
            }
        }
        Ok(hidden)
    }
}

/// What is nobody's is seen by those who see all of its cluster.
pub fn may_see(viewer: &Viewer, cluster: &str, owner: &str) -> bool {
    if owner.is_empty() { viewer.may_see_all_of(cluster) } else { viewer.may_see(cluster, owner) }
}

fn query<'q>(what: &str, filter: &'q Filter, hidden: &'q BTreeSet<(String, String)>) -> QueryBuilder<Sqlite> {
    let mut q: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {what} FROM incidents WHERE 1 = 1"));
    let lists = [
        ("state", &filter.states),
        ("rule", &filter.rules),
        ("cluster", &filter.clusters),
        ("severity", &filter.severities),
    ];
    for (column, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
        q.push(format!(" AND {column} IN ("));
        let mut list = q.separated(", ");
        for value in values {
            list.push_bind(value.clone());
        }
        q.push(")");
    }
    if let Some(name) = &filter.app_name {
        q.push(" AND app_name = ").push_bind(name.clone());
    }
    if let Some(text) = filter.text.as_ref().filter(|t| !t.is_empty()) {
        let like = format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        q.push(" AND (");
        for (i, column) in ["summary", "rule", "app_id", "app_name"].into_iter().enumerate() {
            q.push(if i == 0 { "" } else { " OR " })
                .push(column)
                .push(" LIKE ")
                .push_bind(like.clone())
                .push(" ESCAPE '\\'");
        }
        q.push(")");
    }
    for (bound, value) in [(">=", filter.from), ("<=", filter.to)] {
        if let Some(value) = value {
            q.push(format!(" AND started_at {bound} ")).push_bind(value);
        }
    }
    for (cluster, owner) in hidden {
        q.push(" AND NOT (cluster = ").push_bind(cluster.clone());
        q.push(" AND owner = ").push_bind(owner.clone()).push(")");
    }
    q
}
