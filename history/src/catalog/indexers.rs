//! Processes that index into the store, and what each of them claims, so that no two do the same work.
//!
//! A claim only saves work. What keeps numbers right is that a commit names the revision it began from ([`super::Commit`]).

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::{Catalog, CatalogError, next};
use crate::date::date;
use crate::viewer::Viewer;

/// Who a process is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// What it was started as: `serve`, `ingest`.
    pub role: String,
    pub host: String,
    pub pid: i64,
    /// Tells processes of one machine apart for ever; empty where nobody can tell.
    pub birth: String,
}

/// A process that indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexerRow {
    /// Grows: later ones have greater ones.
    pub id: i64,
    pub who: Who,
    /// Epoch milliseconds.
    pub since: i64,
    /// When it counts as gone, unless it says before that it is there.
    pub expires: i64,
    /// What it claims at the moment.
    pub claims: i64,
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` on {} (pid {})", self.role, self.host, self.pid)
    }
}

impl std::fmt::Display for IndexerRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, since {}", self.who, date(self.since))
    }
}

/// What is claimed of a log.
pub fn log_claim(source: i64, key: &str) -> String {
    format!("log {source} {key}")
}

/// What is claimed of a container's log.
pub fn container_claim(source: i64, key: &str) -> String {
    format!("container log {source} {key}")
}

/// Retention, fleet tables and leftovers.
pub const MAINTENANCE: &str = "maintenance";

/// Rows of processes that have been silent for so long, milliseconds, are removed.
const SWEPT_AFTER: i64 = 3_600_000;

const COLUMNS: &str = "i.id, i.role, i.host, i.pid, i.birth, i.since, i.expires";

fn indexer(r: &SqliteRow) -> Result<IndexerRow, sqlx::Error> {
    let who = Who { role: r.try_get(1)?, host: r.try_get(2)?, pid: r.try_get(3)?, birth: r.try_get(4)? };
    Ok(IndexerRow { id: r.try_get(0)?, who, since: r.try_get(5)?, expires: r.try_get(6)?, claims: 0 })
}

impl Catalog {
    /// Enters a process; gives its id.
    pub async fn join(&self, who: &Who, now: i64, expires: i64) -> Result<i64, CatalogError> {
        let mut tx = self.begin().await?;
        let id = next(&mut tx, "indexer").await?;
        enter(&mut tx, id, who, now, expires).await?;
        let silent = now.saturating_sub(SWEPT_AFTER);
        sqlx::query("DELETE FROM indexers WHERE expires < $1").bind(silent).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM claims WHERE indexer NOT IN (SELECT id FROM indexers)").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The process is still there.
    pub async fn still_there(&self, id: i64, who: &Who, since: i64, expires: i64) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        enter(&mut tx, id, who, since, expires).await?;
        Ok(tx.commit().await?)
    }

    /// The process ends, and claims nothing any more.
    pub async fn leave(&self, id: i64) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM claims WHERE indexer = $1").bind(id).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM indexers WHERE id = $1").bind(id).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Processes that index, as far as they have said so lately.
    pub async fn indexers(&self, _viewer: &Viewer, now: i64) -> Result<Vec<IndexerRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS}, (SELECT COUNT(*) FROM claims c WHERE c.indexer = i.id) FROM indexers i WHERE i.expires > $1 ORDER BY i.id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now).fetch_all(&self.readers).await?;
        rows.iter().map(|r| Ok(IndexerRow { claims: r.try_get(7)?, ..indexer(r)? })).collect()
    }

    /// Claims what nobody has; of the others gives who has them. `is_gone` knows of processes that ended without a word.
    pub async fn claim(
        &self,
        id: i64,
        names: &[String],
        now: i64,
        is_gone: impl Fn(&Who) -> bool,
    ) -> Result<Vec<Option<IndexerRow>>, CatalogError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let mut held = Vec::with_capacity(names.len());
        let holder = format!(
            "SELECT {COLUMNS} FROM claims c JOIN indexers i ON i.id = c.indexer WHERE c.name = $1 AND i.id <> $2"
        );
        for name in names {
            let row =
                sqlx::query(sqlx::AssertSqlSafe(holder.as_str())).bind(name).bind(id).fetch_optional(&mut *tx).await?;
            let holder = row.as_ref().map(indexer).transpose()?;
            let holder = holder.filter(|h| h.expires > now && !is_gone(&h.who));
            if holder.is_none() {
                sqlx::query(
                    "INSERT INTO claims (name, indexer, since) VALUES ($1, $2, $3)
                     ON CONFLICT (name) DO UPDATE SET indexer = $2, since = $3",
                )
                .bind(name)
                .bind(id)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            }
            held.push(holder);
        }
        tx.commit().await?;
        Ok(held)
    }

    /// Gives up claims; those that others have by now stay theirs.
    pub async fn release(&self, id: i64, names: &[String]) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        for name in names {
            release(&mut tx, id, name).await?;
        }
        Ok(tx.commit().await?)
    }
}

async fn enter(
    tx: &mut Transaction<'_, Sqlite>,
    id: i64,
    who: &Who,
    since: i64,
    expires: i64,
) -> Result<(), CatalogError> {
    // One that was silent for long may have been removed.
    sqlx::query(
        "INSERT INTO indexers (id, role, host, pid, birth, since, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET expires = $7",
    )
    .bind(id)
    .bind(&who.role)
    .bind(&who.host)
    .bind(who.pid)
    .bind(&who.birth)
    .bind(since)
    .bind(expires)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives up a claim, inside a transaction.
pub(super) async fn release(tx: &mut Transaction<'_, Sqlite>, id: i64, name: &str) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM claims WHERE name = $1 AND indexer = $2").bind(name).bind(id).execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(pid: i64) -> Who {
        Who { role: "ingest".into(), host: "h".into(), pid, birth: String::new() }
    }

    #[tokio::test]
    async fn what_one_claims_is_free_when_it_leaves_is_silent_or_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        let a = catalog.join(&who(1), 0, 15_000).await.unwrap();
        let b = catalog.join(&who(2), 100, 15_100).await.unwrap();
        assert!(b > a);
        let names: Vec<String> = ["x", "y"].map(|k| log_claim(1, k)).into();
        let there = |_: &Who| false;
        let holders =
            |held: Vec<Option<IndexerRow>>| held.into_iter().map(|h| h.map(|h| h.who.pid)).collect::<Vec<_>>();
        assert_eq!(holders(catalog.claim(a, &names, 0, there).await.unwrap()), [None, None]);
        // Its own stay its own.
        assert_eq!(holders(catalog.claim(a, &names, 0, there).await.unwrap()), [None, None]);
        assert_eq!(holders(catalog.claim(b, &names, 200, there).await.unwrap()), [Some(1), Some(1)]);
        // Who has none gives none up.
        catalog.release(b, &names).await.unwrap();
        catalog.release(a, &names[..1]).await.unwrap();
        assert_eq!(holders(catalog.claim(b, &names, 200, there).await.unwrap()), [None, Some(1)]);
        // Silent for long enough; then it says that it is there.
        assert_eq!(holders(catalog.claim(b, &names[1..], 15_000, there).await.unwrap()), [None]);
        catalog.still_there(a, &who(1), 0, 40_000).await.unwrap();
        assert_eq!(holders(catalog.claim(a, &names, 15_050, there).await.unwrap()), [Some(2), Some(2)]);
        // Killed, as those on its machine see.
        assert_eq!(holders(catalog.claim(a, &names[..1], 15_050, |w| w.pid == 2).await.unwrap()), [None]);
        catalog.leave(b).await.unwrap();
        assert_eq!(holders(catalog.claim(a, &names, 15_060, there).await.unwrap()), [None, None]);
        let all = catalog.indexers(&Viewer::everything(), 15_060).await.unwrap();
        assert_eq!(all.iter().map(|i| (i.who.pid, i.since, i.claims)).collect::<Vec<_>>(), [(1, 0, 2)]);
        // A new one finds what nobody has any more.
        catalog.join(&who(3), 10_000_000, 10_015_000).await.unwrap();
        assert_eq!(catalog.indexers(&Viewer::everything(), 0).await.unwrap().len(), 1);
    }
}
