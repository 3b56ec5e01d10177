//! Where attempts belong that are here already: they are placed anew when the rules of their source change.

use sqlx::Row as _;

use super::attempts::{COLUMNS, attempt, summarize};
use super::containers::touch;
use super::{AttemptRow, Catalog, CatalogError, next};
use crate::placement::Placed;

/// What became of an attempt that was to be placed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// It is where it belongs, and was before.
    There,
    Moved,
    /// The attempt of another log is there; it stays where it is.
    Taken,
    /// It has changed since it was read.
    Changed,
}

impl Catalog {
    /// The fingerprint of the rules that a source's logs were last placed by; empty if they never were.
    pub async fn placed_by(&self, source: i64) -> Result<String, CatalogError> {
        let row = sqlx::query("SELECT placed_by FROM sources WHERE id = $1").bind(source);
        Ok(row.fetch_one(&self.readers).await?.try_get(0)?)
    }

    /// Remembers by which rules a source's logs are placed from now on. Logs that other rules left out, because they told of
    /// the same attempt as others, are read again.
    pub async fn place_by(&self, source: i64, rules: &str) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let update = sqlx::query("UPDATE sources SET placed_by = $2 WHERE id = $1").bind(source).bind(rules);
        update.execute(&mut *tx).await?;
        let again =
            "UPDATE logs SET version = '', revision = revision + 1 WHERE source_id = $1 AND state = 'duplicate'";
        sqlx::query(again).bind(source).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Attempts of a source with ids above one that were placed by other rules, by id.
    pub async fn placed_otherwise(
        &self,
        source: i64,
        rules: &str,
        above: i64,
        limit: i64,
    ) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempts WHERE source_id = $1 AND id > $2 AND placed_by <> $3 ORDER BY id LIMIT $4"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(source).bind(above).bind(rules).bind(limit);
        rows.fetch_all(&self.readers).await?.iter().map(attempt).collect()
    }

    /// Places an attempt anew, unless it has changed since it was read.
    pub async fn place(&self, a: &AttemptRow, to: &Placed, queue: &str) -> Result<Placing, CatalogError> {
        let mut tx = self.begin().await?;
        let now = sqlx::query("SELECT sequence, fleet_batch FROM attempts WHERE id = $1");
        let now = now.bind(a.id).fetch_optional(&mut *tx).await?;
        let Some(now) = now.filter(|r| r.try_get::<i64, _>(0).is_ok_and(|s| s == a.sequence)) else {
            return Ok(Placing::Changed);
        };
        if a.cluster == to.cluster && a.labels == to.labels && a.summary.queue == queue {
            let there = sqlx::query("UPDATE attempts SET placed_by = $2 WHERE id = $1").bind(a.id).bind(&to.by);
            there.execute(&mut *tx).await?;
            tx.commit().await?;
            return Ok(Placing::There);
        }
        let mut row = a.clone();
        (row.cluster, row.labels) = (to.cluster.clone(), to.labels.clone());
        queue.clone_into(&mut row.summary.queue);
        if a.cluster != to.cluster && row.owner(&mut tx).await?.is_some() {
            return Ok(Placing::Taken);
        }
        let group = row.group(&row.summary.outcome).id(&mut tx).await?;
        let sequence = next(&mut tx, "sequence").await?;
        let labels = serde_json::to_string(&row.labels).map_err(|e| CatalogError::Stored(e.to_string()))?;
        // Its files have it where it was.
        if let Some(batch) = now.try_get::<Option<i64>, _>(1)? {
            let stale = sqlx::query("UPDATE fleet_batches SET state = 'stale' WHERE id = $1").bind(batch);
            stale.execute(&mut *tx).await?;
        }
        sqlx::query(
            "UPDATE attempts SET cluster = $2, labels = $3, queue = $4, group_id = $5, sequence = $6, fleet_batch = NULL, placed_by = $7
             WHERE id = $1",
        )
        .bind(a.id)
        .bind(&row.cluster)
        .bind(labels)
        .bind(queue)
        .bind(group)
        .bind(sequence)
        .bind(&to.by)
        .execute(&mut *tx)
        .await?;
        summarize(&mut tx, &a.cluster, &a.app_id).await?;
        summarize(&mut tx, &row.cluster, &row.app_id).await?;
        tx.commit().await?;
        Ok(Placing::Moved)
    }

    /// Container logs of a source: key, application and cluster.
    pub async fn containers_of_source(&self, source: i64) -> Result<Vec<(String, String, String)>, CatalogError> {
        let rows = sqlx::query("SELECT log_key, app_id, cluster FROM container_logs WHERE source_id = $1").bind(source);
        let rows = rows.fetch_all(&self.readers).await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?, r.try_get(2)?))).collect()
    }

    /// Moves a container's log to another cluster; attempts that lose or gain it count as changed.
    pub async fn place_container(
        &self,
        source: i64,
        key: &str,
        app: &str,
        from: &str,
        to: &str,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let update = sqlx::query("UPDATE container_logs SET cluster = $3 WHERE source_id = $1 AND log_key = $2");
        update.bind(source).bind(key).bind(to).execute(&mut *tx).await?;
        touch(&mut tx, from, app).await?;
        touch(&mut tx, to, app).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use afterglow_ingest::SourceKind;

    use super::*;
    use crate::catalog::{Committed, ListFilter, ListPage, ListSort};
    use crate::viewer::Viewer;

    #[tokio::test]
    async fn a_source_that_gets_another_cluster_keeps_its_logs() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        let of = async |cluster, url, others: &[&str]| {
            catalog.source(cluster, url, SourceKind::EventLogs, others).await.unwrap()
        };
        let first = of("a", "file:///x", &["a"]).await;
        assert_eq!(of("b", "file:///x", &["b"]).await, first, "renamed");
        assert_ne!(of("c", "file:///x", &["b", "c"]).await, first, "another place of the same address");
        assert_eq!(of("b", "file:///x", &["b", "c"]).await, first);
        assert_ne!(of("b", "file:///y", &["b"]).await, first);
    }

    #[tokio::test]
    async fn attempts_move_unless_somebody_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        for (source, cluster, app) in [(1, "a", "app-1"), (1, "a", "app-2"), (2, "b", "app-2")] {
            let mut commit = crate::catalog::commit::tests::commit(source, app);
            commit.attempt.as_mut().unwrap().cluster = cluster.into();
            catalog.commit(commit).await.unwrap();
        }
        let to = Placed {
            cluster: "b".into(),
            labels: BTreeMap::from([("team".into(), "x".into())]),
            rule: None,
            by: "r1".into(),
        };
        let all = catalog.placed_otherwise(1, "r1", 0, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        let place = async |a, to: &Placed| catalog.place(a, to, "q").await.unwrap();
        assert_eq!(place(&all[0], &to).await, Placing::Moved);
        assert_eq!(place(&all[1], &to).await, Placing::Taken, "app-2 of the other source is there");
        assert_eq!(place(&all[0], &Placed { cluster: "z".into(), ..to.clone() }).await, Placing::Changed);
        let left = catalog.placed_otherwise(1, "r1", 0, 10).await.unwrap();
        assert_eq!(left.iter().map(|a| a.app_id.as_str()).collect::<Vec<_>>(), ["app-2"]);
        let page = ListPage { sort: ListSort::StartTime, descending: true, offset: 0, length: 9 };
        let filter =
            ListFilter { labels: BTreeMap::from([("team".into(), vec!["x".into()])]), ..ListFilter::default() };
        let (found, _) = catalog.list(&Viewer::everything(), &filter, page).await.unwrap();
        let found: Vec<_> =
            found.iter().map(|a| (a.cluster.as_str(), a.app_id.as_str(), a.summary.queue.as_str())).collect();
        assert_eq!(found, [("b", "app-1", "q")]);
        assert_eq!(catalog.totals(&Viewer::everything()).await.unwrap(), (3, 2), "app-1 in b, app-2 in both");
    }

    #[tokio::test]
    async fn one_that_stays_goes_on_and_keeps_its_parts() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        let part = |n: i64| crate::store::reader::PartRef { key: format!("attempts/{n}").into(), size: 1 };
        let commit = async |source, cluster: &str, base, parts: &[i64]| {
            let mut commit = crate::catalog::commit::tests::commit(source, "app-1");
            commit.base = base;
            let attempt = commit.attempt.as_mut().unwrap();
            (attempt.cluster, attempt.parts) = (cluster.into(), parts.iter().map(|n| part(*n)).collect());
            catalog.commit(commit).await.unwrap()
        };
        commit(1, "dev", None, &[1]).await;
        commit(2, "prod", None, &[2]).await;
        // Its log grows while rules would have it in prod.
        let grown = commit(1, "prod", Some(1), &[1, 3]).await;
        assert_eq!(grown, Committed::Done { revision: 2, unused: Vec::new() });
        let stays = catalog.attempt_of_log(1, "app-1").await.unwrap().unwrap();
        assert_eq!((stays.cluster.as_str(), stays.parts.len()), ("dev", 2));
        assert!(stays.placed_by.is_empty(), "so that it is tried again");
        // One that has no place is left out, and read again under other rules.
        let left_out = commit(3, "prod", None, &[4]).await;
        assert_eq!(left_out, Committed::Done { revision: 1, unused: vec![part(4).key] });
        catalog.place_by(3, "r2").await.unwrap();
        assert!(catalog.logs(3).await.unwrap()["app-1"].version.is_empty());
    }
}
