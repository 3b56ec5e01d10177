//! Where attempts belong that are here already: they are placed anew when the rules of their source change.

use sqlx::Row as _;

use super::attempts::{COLUMNS, attempt, summarize};
use super::containers::touch;
use super::{AttemptRow, Catalog, CatalogError, next};
use crate::placement::Placed;

impl Catalog {
    /// The fingerprint of the rules that a source's attempts were placed by; empty if they never were.
    pub async fn placed_by(&self, source: i64) -> Result<String, CatalogError> {
        let row =
            sqlx::query("SELECT placed_by FROM sources WHERE id = $1").bind(source).fetch_one(&self.readers).await?;
        Ok(row.try_get(0)?)
    }

    /// Remembers that all of a source's attempts are where these rules place them.
    pub async fn all_placed(&self, source: i64, rules: &str) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let update = sqlx::query("UPDATE sources SET placed_by = $2 WHERE id = $1").bind(source).bind(rules);
        update.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Attempts of a source with ids above one, by id.
    pub async fn attempts_of_source(
        &self,
        source: i64,
        above: i64,
        limit: i64,
    ) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!("SELECT {COLUMNS} FROM attempts WHERE source_id = $1 AND id > $2 ORDER BY id LIMIT $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(source).bind(above).bind(limit);
        rows.fetch_all(&self.readers).await?.iter().map(attempt).collect()
    }

    /// Places an attempt anew, unless it has changed since it was read: who changed it has placed it. False if another
    /// log's attempt is there already, and this one stays where it is.
    pub async fn place(&self, a: &AttemptRow, to: &Placed, queue: &str) -> Result<bool, CatalogError> {
        if a.cluster == to.cluster && a.labels == to.labels && a.summary.queue == queue {
            return Ok(true);
        }
        let mut tx = self.begin().await?;
        let now = sqlx::query("SELECT sequence, fleet_batch FROM attempts WHERE id = $1");
        let now = now.bind(a.id).fetch_optional(&mut *tx).await?;
        let Some(now) = now.filter(|r| r.try_get::<i64, _>(0).is_ok_and(|s| s == a.sequence)) else { return Ok(true) };
        let mut row = a.clone();
        (row.cluster, row.labels) = (to.cluster.clone(), to.labels.clone());
        queue.clone_into(&mut row.summary.queue);
        if a.cluster != to.cluster && row.owner(&mut tx).await?.is_some() {
            return Ok(false);
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
            "UPDATE attempts SET cluster = $2, labels = $3, queue = $4, group_id = $5, sequence = $6, fleet_batch = NULL WHERE id = $1",
        )
        .bind(a.id)
        .bind(&row.cluster)
        .bind(labels)
        .bind(queue)
        .bind(group)
        .bind(sequence)
        .execute(&mut *tx)
        .await?;
        summarize(&mut tx, &a.cluster, &a.app_id).await?;
        summarize(&mut tx, &row.cluster, &row.app_id).await?;
        tx.commit().await?;
        Ok(true)
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
    use crate::catalog::{ListFilter, ListPage, ListSort};
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
        let to = Placed { cluster: "b".into(), labels: BTreeMap::from([("team".into(), "x".into())]), rule: None };
        let all = catalog.attempts_of_source(1, 0, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        assert!(catalog.place(&all[0], &to, "q").await.unwrap());
        assert!(!catalog.place(&all[1], &to, "q").await.unwrap(), "app-2 of the other source is there");
        // One that was changed meanwhile is left alone.
        assert!(catalog.place(&all[0], &Placed { cluster: "z".into(), ..to.clone() }, "q").await.unwrap());
        let page = ListPage { sort: ListSort::StartTime, descending: true, offset: 0, length: 9 };
        let filter =
            ListFilter { labels: BTreeMap::from([("team".into(), vec!["x".into()])]), ..ListFilter::default() };
        let (found, _) = catalog.list(&Viewer::everything(), &filter, page).await.unwrap();
        let found: Vec<_> =
            found.iter().map(|a| (a.cluster.as_str(), a.app_id.as_str(), a.summary.queue.as_str())).collect();
        assert_eq!(found, [("b", "app-1", "q")]);
        assert_eq!(catalog.totals(&Viewer::everything()).await.unwrap(), (3, 2), "app-1 in b, app-2 in both");
    }
}
