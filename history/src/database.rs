//! SQLite files, for catalog and ledger alike: how one is opened, by one process at a time as far as its tables are made; connections
//! that a failure left unusable are not used again; and what an error means to somebody who has to mend it.
//!
//! Invariant: this knows no table.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, Transaction};

/// A writer of another process is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Another process that makes the tables is waited for so long, and looked after so often.
const TURN: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);
/// Connections that read at once.
const READERS: u32 = 4;

/// Why a database cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// What is in the file is no database, or not what was written.
    #[error("{} is damaged: {what}", file.display())]
    Damaged { file: PathBuf, what: String },
    #[error("{} is not writable: {what}: give this user the right to write there, or name another folder with store.dir", file.display())]
    NotWritable { file: PathBuf, what: String },
    #[error("{} was removed or replaced while it was in use: what is written now is lost; restart this process", .0.display())]
    Gone(PathBuf),
    #[error("{}: another process has been making its tables for {} s: stop it, or wait", .0.display(), TURN.as_secs())]
    Busy(PathBuf),
    #[error("{}: {what}", file.display())]
    Failed { file: PathBuf, what: String },
}

impl DatabaseError {
    /// What an error of SQLite means for a file.
    pub fn of(file: &Path, e: &sqlx::Error) -> Self {
        let (file, what) = (file.to_owned(), e.to_string());
        match meaning(e) {
            Meaning::Damaged => DatabaseError::Damaged { file, what },
            Meaning::NotWritable => DatabaseError::NotWritable { file, what },
            Meaning::Other => DatabaseError::Failed { file, what },
        }
    }
}

/// What an error of SQLite is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Damaged,
    NotWritable,
    Other,
}

/// What an error is about, by SQLite's code (the lowest byte of the extended one).
pub fn meaning(e: &sqlx::Error) -> Meaning {
    let code = e.as_database_error().and_then(|e| e.code()).and_then(|c| c.parse::<i64>().ok());
    match code.map(|c| c & 0xff) {
        // SQLITE_CORRUPT and SQLITE_NOTADB
        Some(11 | 26) => Meaning::Damaged,
        // SQLITE_PERM, SQLITE_READONLY and SQLITE_CANTOPEN
        Some(3 | 8 | 14) => Meaning::NotWritable,
        _ => Meaning::Other,
    }
}

/// A file that is open.
#[derive(Debug, Clone)]
pub struct Database {
    pub readers: SqlitePool,
    /// SQLite takes one writer at a time; waiting for a turn here costs less than being refused.
    pub writer: SqlitePool,
    file: PathBuf,
    /// Which file it was that was opened; its name may come to mean another, or none.
    identity: Option<(u64, u64)>,
}

impl Database {
    /// Opens or creates a file and makes its tables.
    ///
    /// # Errors
    /// [`DatabaseError`], which says what to do.
    pub async fn open(file: &Path, tables: &Migrator, synchronous: SqliteSynchronous) -> Result<Self, DatabaseError> {
        writable(file)?;
        let fail = |e: sqlx::Error| DatabaseError::of(file, &e);
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(PATIENCE);
        // sqlx has no lock of its own for SQLite: two processes on a new store would both make the tables.
        let turn = turn(file).await?;
        let writer = pool(1).connect_with(options.clone()).await.map_err(fail)?;
        tables.run(&writer).await.map_err(|e| match e {
            MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => fail(e),
            other => DatabaseError::Failed { file: file.to_owned(), what: other.to_string() },
        })?;
        drop(turn);
        let readers = pool(READERS).connect_with(options.read_only(true)).await.map_err(fail)?;
        Ok(Database { readers, writer, file: file.to_owned(), identity: identity(file) })
    }

    /// Opens a file that is there, to read only: nothing is written beside it, either, so it may lie where nobody can write.
    ///
    /// # Errors
    /// [`DatabaseError`], also where what was written last is in a log beside it that cannot be read so.
    pub async fn open_to_read(file: &Path, tables: &Migrator) -> Result<Self, DatabaseError> {
        let beside = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            std::fs::metadata(PathBuf::from(name)).map_or(0, |m| m.len())
        };
        let mut options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(PATIENCE);
        if beside("-wal") == 0 {
            options = options.immutable(true);
        } else if beside("-shm") == 0 {
            let what = "what was written last lies in a log beside it, which is read where one may write only: \
                        copy the folder elsewhere, and name the copy";
            return Err(DatabaseError::Failed { file: file.to_owned(), what: what.to_owned() });
        }
        let fail = |e: sqlx::Error| DatabaseError::of(file, &e);
        let readers = pool(READERS).connect_with(options).await.map_err(fail)?;
        let made: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&readers).await.map_err(fail)?;
        if made < tables.iter().map(|t| t.version).max() {
            let what = "is of an earlier release: open it once where it can be written";
            return Err(DatabaseError::Failed { file: file.to_owned(), what: what.to_owned() });
        }
        Ok(Database { writer: readers.clone(), readers, file: file.to_owned(), identity: identity(file) })
    }

    /// Opens a file that another process has open, to read only.
    ///
    /// # Errors
    /// [`DatabaseError`], which says what to do.
    pub async fn open_beside(file: &Path) -> Result<Self, DatabaseError> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(PATIENCE);
        let readers = pool(READERS).connect_with(options).await.map_err(|e| DatabaseError::of(file, &e))?;
        Ok(Database { writer: readers.clone(), readers, file: file.to_owned(), identity: identity(file) })
    }

    /// Begins to write. A write that follows a read must not find that another process wrote in between.
    ///
    /// # Errors
    /// If the writer cannot be had.
    pub async fn begin(&self) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Whether it can be written: the file is the one that was opened, and a page of it can be replaced by itself.
    ///
    /// # Errors
    /// [`DatabaseError`], which says why not.
    pub async fn look(&self) -> Result<(), DatabaseError> {
        if self.identity.is_some() && identity(&self.file) != self.identity {
            return Err(DatabaseError::Gone(self.file.clone()));
        }
        let write = sqlx::query("PRAGMA user_version = 0").execute(&self.writer);
        match tokio::time::timeout(PATIENCE, write).await {
            Ok(done) => done.map(drop).map_err(|e| DatabaseError::of(&self.file, &e)),
            Err(_) => {
                let what = format!("cannot be written: no answer within {} s", PATIENCE.as_secs());
                Err(DatabaseError::Failed { file: self.file.clone(), what })
            }
        }
    }

    /// Closes all connections; what was committed is in the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Connections of which none is used again that is still inside of a transaction. SQLite ends a transaction by itself where a disk is
/// full or broken; the ROLLBACK of sqlx then fails, and leaves its connection counting one that is not there.
fn pool(most: u32) -> SqlitePoolOptions {
    // Who writes waits for a turn; that is no news.
    let options = SqlitePoolOptions::new().max_connections(most).acquire_slow_threshold(Duration::from_secs(30));
    options.after_release(|connection: &mut SqliteConnection, _| {
        Box::pin(async move {
            // A rollback that was asked for before is done when this is.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Whether one may write where a file is to be: SQLite only says that it cannot open it.
fn writable(file: &Path) -> Result<(), DatabaseError> {
    let no = |e: std::io::Error| DatabaseError::NotWritable { file: file.to_owned(), what: e.to_string() };
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = folder.join(format!(".writable-{}", std::process::id()));
    std::fs::write(&probe, "").map_err(no)?;
    let _ = std::fs::remove_file(&probe);
    match std::fs::OpenOptions::new().append(true).open(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(no(e)),
        _ => Ok(()),
    }
}

fn identity(file: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(file).ok().map(|m| (m.dev(), m.ino()))
}

/// The turn of this process to make tables in a folder, until what it gives is dropped. A file system that has no locks gives none.
async fn turn(file: &Path) -> Result<Option<std::fs::File>, DatabaseError> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = std::fs::File::open(folder) else { return Ok(None) };
    for _ in 0..TURN.as_millis() / LOOK.as_millis() {
        match folder.try_lock() {
            Ok(()) => return Ok(Some(folder)),
            Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
            Err(std::fs::TryLockError::Error(_)) => return Ok(None),
        }
    }
    Err(DatabaseError::Busy(file.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open(file: &Path) -> Database {
        let tables = Migrator::DEFAULT;
        let db = Database::open(file, &tables, SqliteSynchronous::Normal).await.unwrap();
        sqlx::query("CREATE TABLE IF NOT EXISTS t (x BLOB)").execute(&db.writer).await.unwrap();
        db
    }

    async fn rows(db: &Database) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&db.readers).await.unwrap()
    }

    /// Writes 64 KiB in a transaction.
    async fn write(db: &Database) -> Result<(), sqlx::Error> {
        let mut tx = db.begin().await?;
        sqlx::query("INSERT INTO t VALUES (zeroblob(65536))").execute(&mut *tx).await?;
        tx.commit().await
    }

    #[tokio::test]
    async fn a_full_disk_fails_what_is_written_and_nothing_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder.path().join("a.db")).await;
        sqlx::query("PRAGMA max_page_count = 10").execute(&db.writer).await.unwrap();
        let full = write(&db).await.unwrap_err();
        assert_eq!(full.as_database_error().unwrap().code().unwrap(), "13", "{full}");
        // Room is made.
        sqlx::query("PRAGMA max_page_count = 100000").execute(&db.writer).await.unwrap();
        for _ in 0..3 {
            write(&db).await.unwrap();
        }
        assert_eq!(rows(&db).await, 3);
        db.look().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_taken_away_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let db = open(&file).await;
        db.look().await.unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(db.look().await, Err(DatabaseError::Gone(_))));
        std::fs::write(&file, "").unwrap();
        assert!(matches!(db.look().await, Err(DatabaseError::Gone(_))), "another file of that name");
    }

    #[tokio::test]
    async fn what_is_no_database_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let tables = Migrator::DEFAULT;
        let file = folder.path().join("a.db");
        std::fs::write(&file, [7; 8192]).unwrap();
        let e = Database::open(&file, &tables, SqliteSynchronous::Normal).await.unwrap_err();
        assert!(matches!(e, DatabaseError::Damaged { .. }), "{e}");
        // One that ends early.
        let whole = folder.path().join("b.db");
        let db = open(&whole).await;
        write(&db).await.unwrap();
        db.close().await;
        let bytes = std::fs::read(&whole).unwrap();
        std::fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
        let e = Database::open(&whole, &tables, SqliteSynchronous::Normal).await.unwrap_err();
        assert!(matches!(e, DatabaseError::Damaged { .. }), "{e}");
        // A folder that is none.
        let e = Database::open(&folder.path().join("none/c.db"), &tables, SqliteSynchronous::Normal).await.unwrap_err();
        assert!(e.to_string().contains("c.db is not writable: No such file"), "{e}");
    }

    #[tokio::test]
    async fn what_was_closed_can_be_read_where_nobody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let db = open(&file).await;
        write(&db).await.unwrap();
        db.close().await;
        let before = std::fs::read_dir(folder.path()).unwrap().count();
        let reading = Database::open_to_read(&file, &Migrator::DEFAULT).await.unwrap();
        assert_eq!(rows(&reading).await, 1);
        assert!(write(&reading).await.is_err());
        reading.close().await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "nothing was made beside it");
    }
}
