//! The ledger: incidents and what happened to them, mutes and silences, and the outbox. SQLite, in a file of its own beside the catalog,
//! because it cannot be built again from logs, as the catalog can.
//!
//! Invariant: a message is in the outbox by the transaction that notes its incidents as told.
//! Invariant: no SQL of alerts outside this module.

mod actions;
mod advice;
mod groups;
mod incidents;
mod list;
mod outbox;
mod quiet;
mod recover;
mod remediation;
mod retention;
mod rules;
mod runs;
mod standing;
mod words;

use std::path::Path;

use afterglow_history::database::{Database, DatabaseError, Meaning, meaning};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqlitePool, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, Transaction};

pub use actions::Action;
pub use advice::{Counts, Feedback, RuleRecord, Sought};
pub use groups::{Flush, Group, Member, Membership};
pub use incidents::{Place, Seen};
pub use list::{Event, Filter, may_see};
pub use outbox::{Delivery, DeliveryState, Outcome, Taken};
pub use recover::{Recovered, recover};
pub use remediation::{Asking, Call, Remediation, Settled};
pub use runs::{ActionRun, Decided};
pub use standing::Standing;

use crate::counted::Counted;

/// The ledger's file, beside the catalog's.
pub const FILE: &str = "alerts.db";

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("ledger: {}{}", .0, remedy(meaning(.0)))]
    Sql(#[from] sqlx::Error),
    #[error("{}{}", .0, remedy(of_opening(.0)))]
    Open(#[from] DatabaseError),
    #[error("ledger: {0}")]
    Stored(String),
}

/// What to do about a ledger in which something is not what was written.
const REMEDY: &str = ": stop Afterglow, and save what can be read with `afterglow alerts recover`";

fn remedy(meaning: Meaning) -> &'static str {
    if meaning == Meaning::Damaged { REMEDY } else { "" }
}

fn of_opening(e: &DatabaseError) -> Meaning {
    if matches!(e, DatabaseError::Damaged { .. }) { Meaning::Damaged } else { Meaning::Other }
}

static TABLES: Migrator = sqlx::migrate!("./migrations");

/// The ledger of one store. Several processes may have it open.
#[derive(Clone)]
pub struct Ledger {
    database: Database,
    pub(crate) readers: SqlitePool,
    pub(crate) writer: SqlitePool,
    /// What goes through here is counted here.
    pub counted: Counted,
}

impl LedgerError {
    /// Whether the file is not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            LedgerError::Sql(e) => meaning(e) == Meaning::Damaged,
            LedgerError::Open(e) => of_opening(e) == Meaning::Damaged,
            LedgerError::Stored(_) => false,
        }
    }
}

impl Ledger {
    /// Opens or creates the ledger in a file.
    ///
    /// # Errors
    /// If the file cannot be opened or is of a later release.
    pub async fn open(file: &Path) -> Result<Self, LedgerError> {
        // What is lost with the power is lost for ever here.
        let database = Database::open(file, &TABLES, SqliteSynchronous::Full).await?;
        let (readers, writer) = (database.readers.clone(), database.writer.clone());
        Ok(Ledger { database, readers, writer, counted: Counted::default() })
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// [`LedgerError`], which says why not.
    pub async fn look(&self) -> Result<(), LedgerError> {
        Ok(self.database.look().await?)
    }

    /// Closes all connections; what was committed is in the file.
    pub async fn close(&self) {
        self.database.close().await;
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'_, Sqlite>, LedgerError> {
        Ok(self.database.begin().await?)
    }

    /// How far a follower has read; none before its first time.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn position(&self, name: &str) -> Result<Option<i64>, LedgerError> {
        let row =
            sqlx::query("SELECT value FROM positions WHERE name = $1").bind(name).fetch_optional(&self.readers).await?;
        Ok(row.map(|r| r.try_get(0)).transpose()?)
    }

    /// Remembers how far a follower has read. It never goes back.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn note_position(&self, name: &str, value: i64) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO positions (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE positions.value < excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

/// A value as JSON text. What is written so has no form that JSON lacks.
fn json(value: &impl serde::Serialize) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|e| LedgerError::Stored(e.to_string()))
}

/// The same of what is passed on.
fn exact(what: &str, text: &str) -> Result<serde_json::Value, LedgerError> {
    crate::exact::read(text).map_err(|e| LedgerError::Stored(format!("{what}: {e}")))
}

/// What JSON text says.
fn parsed<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|e| LedgerError::Stored(format!("{what}: {e}")))
}
