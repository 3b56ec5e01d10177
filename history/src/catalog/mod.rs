//! The catalog: which sources there are, how far each log was read, and which attempts the store
//! holds. SQLite here; the SQL is kept to what PostgreSQL also speaks.
//!
//! Invariant: a log's position changes only in the transaction that also names the parts which
//! hold everything before it.

mod attempts;
mod commit;
mod containers;
mod exports;
mod fleet;
mod groups;
mod judged;
mod list;
mod logs;
mod totals;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, Transaction};

pub use attempts::{ApplicationFilter, AttemptRow, AttemptSpan, AttemptStatus, Summary, Usage};
pub use commit::Commit;
pub use containers::{ContainerRow, Found, Sum};
pub use fleet::{Batch, BatchFile, BatchState, Fleet, FleetFiles};
pub use groups::{Facet, Group};
pub use judged::FindingCounts;
pub use list::{ListFilter, ListPage, ListSort};
pub use logs::{LogProblem, LogRow, LogState, SourceRow, SourceScan};
pub use totals::{Held, Kind, Over, Pulse, RECENT, Running, SourceLogs};

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("catalog: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("catalog: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("catalog: {0}")]
    Stored(String),
}

/// The catalog of one store.
#[derive(Clone)]
pub struct Catalog {
    readers: SqlitePool,
    /// SQLite takes one writer at a time; waiting for a turn here costs less than being refused.
    writer: SqlitePool,
    /// As far as they were read.
    groups: Arc<Mutex<groups::Groups>>,
    commits: Arc<commit::Queue>,
    fleet_files: Arc<fleet::ReadFiles>,
}

impl Catalog {
    /// Opens or creates the catalog in a file.
    pub async fn open(file: &Path) -> Result<Self, CatalogError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(30));
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("./migrations").run(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(Catalog { readers, writer, groups: Arc::default(), commits: Arc::default(), fleet_files: Arc::default() })
    }

    /// Remembers how far a follower has come. It never goes back.
    async fn counted_up_to(&self, name: &str, sequence: i64) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO counters (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE counters.value < excluded.value",
        )
        .bind(name)
        .bind(sequence)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Closes all connections; what was committed is in the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'_, Sqlite>, CatalogError> {
        // A write that follows a read must not find that another process wrote in between.
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// The next value of a counter, inside a transaction.
async fn next(tx: &mut Transaction<'_, Sqlite>, counter: &str) -> Result<i64, CatalogError> {
    let row = sqlx::query(
        "INSERT INTO counters (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value",
    )
    .bind(counter)
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.try_get(0)?)
}
