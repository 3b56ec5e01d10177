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
mod indexers;
mod judged;
mod list;
mod logs;
mod placed;
mod totals;

use std::path::Path;
use std::sync::{Arc, Mutex};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqlitePool, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, Transaction};

use crate::database::{Database, DatabaseError, Meaning, meaning};

pub use attempts::{ApplicationFilter, AttemptRow, AttemptSpan, AttemptStatus, Summary, Usage};
pub use commit::{Commit, Committed};
pub use containers::{ContainerRow, Found, Sum};
pub use fleet::{Batch, BatchFile, BatchState, Fleet, FleetFiles};
pub use groups::{Facet, Group};
pub use indexers::{IndexerRow, MAINTENANCE, Who, container_claim, log_claim};
pub use judged::FindingCounts;
pub use list::{ListFilter, ListPage, ListSort};
pub use logs::{KnownLog, LogProblem, LogRow, LogState, SourceRow, SourceScan};
pub use placed::Placing;
pub use totals::{Held, Kind, Over, Pulse, RECENT, Running, SourceLogs};

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("catalog: {}{}", .0, remedy(meaning(.0)))]
    Sql(#[from] sqlx::Error),
    #[error("{}{}", .0, remedy(of_opening(.0)))]
    Open(#[from] DatabaseError),
    #[error("catalog: {0}")]
    Stored(String),
}

/// What to do about a catalog in which something is not what was written.
const REMEDY: &str = ": stop Afterglow, delete catalog.db, catalog.db-wal and catalog.db-shm there, and start it again: \
                      the catalog is built anew from the logs";

fn remedy(meaning: Meaning) -> &'static str {
    if meaning == Meaning::Damaged { REMEDY } else { "" }
}

fn of_opening(e: &DatabaseError) -> Meaning {
    if matches!(e, DatabaseError::Damaged { .. }) { Meaning::Damaged } else { Meaning::Other }
}

static TABLES: Migrator = sqlx::migrate!("./migrations");

/// The catalog of one store.
#[derive(Clone)]
pub struct Catalog {
    database: Database,
    readers: SqlitePool,
    writer: SqlitePool,
    /// As far as they were read.
    groups: Arc<Mutex<groups::Groups>>,
    commits: Arc<commit::Queue>,
    fleet_files: Arc<fleet::ReadFiles>,
}

impl Catalog {
    /// Opens or creates the catalog in a file.
    ///
    /// # Errors
    /// [`CatalogError`], which says what to do about it.
    pub async fn open(file: &Path) -> Result<Self, CatalogError> {
        Ok(Catalog::of(Database::open(file, &TABLES, SqliteSynchronous::Normal).await?))
    }

    /// Opens a catalog that is there to read only, where nobody may write.
    ///
    /// # Errors
    /// [`CatalogError`], also if it is of an earlier release: its tables cannot be changed.
    pub async fn open_to_read(file: &Path) -> Result<Self, CatalogError> {
        Ok(Catalog::of(Database::open_to_read(file, &TABLES).await?))
    }

    /// Opens a catalog that another process has open, to read only.
    ///
    /// # Errors
    /// [`CatalogError`], which says what to do about it.
    pub async fn open_beside(file: &Path) -> Result<Self, CatalogError> {
        Ok(Catalog::of(Database::open_beside(file).await?))
    }

    fn of(database: Database) -> Self {
        let (readers, writer) = (database.readers.clone(), database.writer.clone());
        let (groups, commits, fleet_files) = (Arc::default(), Arc::default(), Arc::default());
        Catalog { database, readers, writer, groups, commits, fleet_files }
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// [`CatalogError`], which says why not.
    pub async fn look(&self) -> Result<(), CatalogError> {
        Ok(self.database.look().await?)
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
        self.database.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'_, Sqlite>, CatalogError> {
        Ok(self.database.begin().await?)
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
