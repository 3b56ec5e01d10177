//! Groups: what attempts have in common that lists filter by. There are far fewer than attempts,
//! and they never change, so those once read are kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use sqlx::{Row as _, Sqlite, Transaction};

use super::list::ListFilter;
use super::{Catalog, CatalogError, Kind, next};

/// A combination of all that lists filter by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    pub cluster: String,
    pub user: String,
    /// Empty where none is known.
    pub queue: String,
    pub outcome: String,
    pub version: String,
    pub labels: BTreeMap<String, String>,
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
    /// The severest finding; see [`super::FindingCounts::worst`]. No part of a group: it changes with the rules.
    Findings,
}

const FACETS: [Facet; 6] = [Facet::Cluster, Facet::User, Facet::Queue, Facet::Outcome, Facet::Version, Facet::Label];

/// Values of a facet with how often they occur.
pub type Counts = Vec<(String, i64)>;

/// Groups as numbers: every value of every facet has one.
#[derive(Debug, Default)]
pub struct Groups {
    values: Vec<(Facet, String)>,
    numbers: HashMap<(u8, String), u32>,
    /// By group id the numbers of its values.
    groups: HashMap<i64, Vec<u32>>,
}

impl Groups {
    fn add(&mut self, id: i64, group: Group) {
        let Group { cluster, user, queue, outcome, version, labels } = group;
        let labels = labels.into_iter().map(|(label, value)| (Facet::Label, labelled(&label, &value)));
        let values = [
            (Facet::Cluster, cluster),
            (Facet::User, user),
            (Facet::Queue, queue),
            (Facet::Outcome, outcome),
            (Facet::Version, version),
        ];
        let numbers = values.into_iter().filter(|(_, v)| !v.is_empty()).chain(labels).map(|(facet, value)| {
            *self.numbers.entry((facet as u8, value)).or_insert_with_key(|(_, value)| {
                self.values.push((facet, value.clone()));
                self.values.len() as u32 - 1
            })
        });
        let numbers = numbers.collect();
        self.groups.insert(id, numbers);
    }

    /// Cluster, queue and outcome of a group.
    fn kind(&self, id: i64) -> Kind {
        let mut kind = Kind::default();
        for number in self.groups.get(&id).into_iter().flatten() {
            match &self.values[*number as usize] {
                (Facet::Cluster, value) => kind.cluster.clone_from(value),
                (Facet::Queue, value) => kind.queue.clone_from(value),
                (Facet::Outcome, value) => kind.outcome.clone_from(value),
                _ => {}
            }
        }
        kind
    }

    /// The values that each filter lets through, as numbers, with the facet it is of.
    fn wanted(&self, filter: &ListFilter) -> Vec<(Facet, Vec<u32>)> {
        let number = |facet: Facet, value: String| self.numbers.get(&(facet as u8, value)).copied();
        let lists = [
            (Facet::Cluster, &filter.clusters),
            (Facet::User, &filter.users),
            (Facet::Queue, &filter.queues),
            (Facet::Outcome, &filter.outcomes),
            (Facet::Version, &filter.versions),
        ];
        let of_lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
        let of_lists =
            of_lists.map(|(facet, values)| (facet, values.iter().filter_map(|v| number(facet, v.clone())).collect()));
        let of_labels = filter.labels.iter().map(|(label, values)| {
            let values = values.iter().filter_map(|v| number(Facet::Label, labelled(label, v)));
            (Facet::Label, values.collect())
        });
        of_lists.chain(of_labels).collect()
    }

    /// How often each value of each facet occurs, most frequent first. `counts` are attempts by
    /// group; those that a filter keeps out count for the facet of that filter alone.
    fn count(&self, filter: &ListFilter, counts: &[(i64, i64)]) -> Vec<(Facet, Counts)> {
        let wanted = self.wanted(filter);
        let mut sums = vec![0i64; self.values.len()];
        for (group, n) in counts {
            let Some(values) = self.groups.get(group) else { continue };
            let mut missed = wanted.iter().filter(|(_, wanted)| !values.iter().any(|v| wanted.contains(v)));
            let first = missed.next().map(|(facet, _)| *facet);
            if first.is_some() && missed.any(|(facet, _)| Some(*facet) != first) {
                continue;
            }
            for v in values.iter().filter(|v| first.is_none_or(|facet| self.values[**v as usize].0 == facet)) {
                sums[*v as usize] += n;
            }
        }
        let of = |facet: Facet| {
            let values = self.values.iter().zip(&sums).filter(|((f, _), n)| *f == facet && **n > 0);
            let mut all: Counts = values.map(|((_, value), n)| (value.clone(), *n)).collect();
            all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            (facet, all)
        };
        FACETS.into_iter().map(of).collect()
    }
}

fn labelled(label: &str, value: &str) -> String {
    format!("{label}={value}")
}

/// What is added up, one of each group of attempts.
pub(super) trait Sum: Default {
    fn add(&mut self, other: Self);
}

impl Catalog {
    /// Adds up what belongs to groups of one cluster, queue and outcome.
    pub(super) async fn by_kind<T: Sum>(&self, of_groups: Vec<(i64, T)>) -> Result<Vec<(Kind, T)>, CatalogError> {
        self.know(of_groups.iter().map(|(id, _)| *id)).await?;
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums: BTreeMap<Kind, T> = BTreeMap::new();
        for (id, value) in of_groups {
            sums.entry(known.kind(id)).or_default().add(value);
        }
        Ok(sums.into_iter().collect())
    }

    /// Reads groups that were not read yet.
    async fn know(&self, mut ids: impl Iterator<Item = i64>) -> Result<(), CatalogError> {
        let above = {
            let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            let newest = known.groups.keys().max().copied().unwrap_or(i64::MIN);
            ids.any(|id| !known.groups.contains_key(&id)).then_some(newest)
        };
        match above {
            Some(above) => self.read_groups(above).await,
            None => Ok(()),
        }
    }

    /// Counts the values of every facet over attempts by group. See [`Groups::count`].
    pub(super) async fn count_facets(
        &self,
        filter: &ListFilter,
        counts: &[(i64, i64)],
    ) -> Result<Vec<(Facet, Counts)>, CatalogError> {
        self.know(counts.iter().map(|(id, _)| *id)).await?;
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.count(filter, counts))
    }

    /// Reads groups with higher ids: they are numbered as they are committed.
    async fn read_groups(&self, above: i64) -> Result<(), CatalogError> {
        let sql =
            "SELECT id, cluster, user_name, queue, outcome, spark_version, labels FROM attempt_groups WHERE id > $1";
        let rows = sqlx::query(sql).bind(above).fetch_all(&self.readers).await?;
        let mut known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for r in rows {
            let labels: String = r.try_get(6)?;
            let group = Group {
                cluster: r.try_get(1)?,
                user: r.try_get(2)?,
                queue: r.try_get(3)?,
                outcome: r.try_get(4)?,
                version: r.try_get(5)?,
                labels: serde_json::from_str(&labels).unwrap_or_default(),
            };
            known.add(r.try_get(0)?, group);
        }
        Ok(())
    }
}

impl Group {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn group(cluster: &str, outcome: &str, labels: &[(&str, &str)]) -> Group {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Group { cluster: cluster.to_owned(), outcome: outcome.to_owned(), labels, ..Group::default() }
    }

    fn shown(counts: &[(Facet, Counts)], facet: Facet) -> String {
        let of = counts.iter().find(|(f, _)| *f == facet).unwrap();
        of.1.iter().map(|(v, n)| format!("{v} {n}")).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_facet_is_counted_without_its_own_filter() {
        let mut all = Groups::default();
        all.add(1, group("a", "failed", &[("team", "x"), ("env", "prod")]));
        all.add(2, group("a", "completed", &[("team", "x")]));
        all.add(3, group("b", "failed", &[("team", "y"), ("env", "prod")]));
        let counts = [(1, 10), (2, 20), (3, 5), (9, 1000)];
        let none = all.count(&ListFilter::default(), &counts);
        assert_eq!(shown(&none, Facet::Cluster), "a 30, b 5");
        assert_eq!(shown(&none, Facet::Outcome), "completed 20, failed 15");
        assert_eq!(shown(&none, Facet::Label), "team=x 30, env=prod 15, team=y 5");
        assert_eq!(shown(&none, Facet::Queue), "");
        let failed =
            ListFilter { outcomes: vec!["failed".into()], clusters: vec!["a".into()], ..ListFilter::default() };
        let failed = all.count(&failed, &counts);
        assert_eq!(shown(&failed, Facet::Outcome), "completed 20, failed 10");
        assert_eq!(shown(&failed, Facet::Cluster), "a 10, b 5");
        assert_eq!(shown(&failed, Facet::Label), "env=prod 10, team=x 10");
        let labels = BTreeMap::from([("team".into(), vec!["y".into()]), ("env".into(), vec!["test".into()])]);
        let labelled = all.count(&ListFilter { labels, ..ListFilter::default() }, &counts);
        assert_eq!(shown(&labelled, Facet::Cluster), "");
        assert_eq!(shown(&labelled, Facet::Label), "team=x 30, env=prod 15, team=y 5");
    }
}
