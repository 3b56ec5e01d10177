//! What can be saved of a ledger that is damaged: rows are read from both ends of every table, as far as they can be, into a new file
//! that takes its place. The damaged one stays beside it.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::{Ledger, LedgerError};

/// Rows that are taken at once; fewer, where they cannot be read.
const STEP: i64 = 1 << 14;

/// What was saved.
#[derive(Debug)]
pub struct Recovered {
    /// Where the damaged file is now.
    pub kept: PathBuf,
    /// Rows of each table, and whether all that it had were read.
    pub tables: Vec<(String, u64, bool)>,
}

/// Puts in the place of a ledger one that has of its rows what can be read. Nobody may have it open.
///
/// # Errors
/// If there is none, or the new one cannot be made; then the old one is where it was.
pub async fn recover(file: &Path) -> Result<Recovered, LedgerError> {
    let io = |path: &Path, e: std::io::Error| LedgerError::Stored(format!("{}: {e}", path.display()));
    std::fs::metadata(file).map_err(|e| io(file, e))?;
    let new = with_end(file, ".new");
    remove(&new);
    Ledger::open(&new).await?.close().await;
    // A copy: to read the file may be to write it, if there is a log beside it.
    let kept = (0..).map(|n| with_end(file, &format!(".damaged-{n}"))).find(|f| !f.exists()).unwrap_or_default();
    for end in ["", "-wal"] {
        let (from, to) = (with_end(file, end), with_end(&kept, end));
        if from.exists() {
            std::fs::copy(&from, &to).map_err(|e| io(&to, e))?;
        }
    }
    let copy = with_end(file, ".copy");
    remove(&copy);
    for end in ["", "-wal"] {
        let (from, to) = (with_end(&kept, end), with_end(&copy, end));
        if from.exists() {
            std::fs::copy(&from, &to).map_err(|e| io(&to, e))?;
        }
    }
    let tables = save(&copy, &new).await;
    remove(&copy);
    let tables = tables?;
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(with_end(file, end));
    }
    std::fs::rename(&new, file).map_err(|e| io(file, e))?;
    Ok(Recovered { kept, tables })
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn remove(file: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(with_end(file, end));
    }
}

/// Copies what can be read of `old` into the tables of `new`.
async fn save(old: &Path, new: &Path) -> Result<Vec<(String, u64, bool)>, LedgerError> {
    let mut c = SqliteConnectOptions::new().filename(new).foreign_keys(false).connect().await?;
    let names = sqlx::query(
        r"SELECT name, wr FROM pragma_table_list
          WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\_sqlx%' ESCAPE '\'
          ORDER BY name",
    );
    let names = names.fetch_all(&mut c).await?;
    let names = names.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?)));
    let names = names.collect::<Result<Vec<(String, bool)>, sqlx::Error>>()?;
    let attached = sqlx::query("ATTACH DATABASE $1 AS old").bind(old.display().to_string()).execute(&mut c).await;
    let mut tables = Vec::new();
    for (table, without_rowid) in names {
        let whole = match &attached {
            Ok(_) => rows(&mut c, &table, without_rowid).await,
            Err(_) => false,
        };
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("SELECT count(*) FROM main.{table}")));
        tables.push((table, count.fetch_one(&mut c).await?.unsigned_abs(), whole));
    }
    c.close().await?;
    Ok(tables)
}

/// Copies the rows of a table; whether that were all.
async fn rows(c: &mut SqliteConnection, table: &str, without_rowid: bool) -> bool {
    let new = columns(c, &format!("pragma_table_info('{table}', 'main')")).await;
    let old = columns(c, &format!("pragma_table_info('{table}', 'old')")).await;
    let (Ok(new), Ok(old)) = (new, old) else { return false };
    let both: Vec<String> = new.into_iter().filter(|name| old.contains(name)).map(|n| format!("\"{n}\"")).collect();
    if both.is_empty() {
        return false;
    }
    let key = if without_rowid {
        columns(c, &format!("pragma_table_info('{table}', 'main') WHERE pk > 0 ORDER BY pk")).await.unwrap_or_default()
    } else {
        vec!["rowid".to_owned()]
    };
    for direction in ["ASC", "DESC"] {
        let order: Vec<String> = key.iter().map(|k| format!("{k} {direction}")).collect();
        if from_one_end(c, table, &both.join(", "), &order.join(", ")).await {
            return true;
        }
    }
    false
}

/// Names of columns.
async fn columns(c: &mut SqliteConnection, of: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT name FROM {of}"))).fetch_all(c).await
}

/// Copies rows in this order until one cannot be read; whether there was none such.
async fn from_one_end(c: &mut SqliteConnection, table: &str, columns: &str, order: &str) -> bool {
    let (mut offset, mut step) = (0, STEP);
    loop {
        let some = format!("FROM old.{table} ORDER BY {order} LIMIT {step} OFFSET {offset}");
        let copy = format!("INSERT OR IGNORE INTO main.{table} ({columns}) SELECT {columns} {some}");
        let count = format!("SELECT count(*) FROM (SELECT {columns} {some})");
        let copied = sqlx::query(AssertSqlSafe(copy)).execute(&mut *c).await;
        let there = sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).fetch_one(&mut *c).await;
        match (copied, there) {
            (Ok(_), Ok(n)) if n < step => return true,
            (Ok(_), Ok(_)) => offset += step,
            _ if step == 1 => return false,
            _ => step /= 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn positions(file: &Path) -> i64 {
        let ledger = Ledger::open(file).await.unwrap();
        let n = sqlx::query_scalar("SELECT count(*) FROM positions").fetch_one(&ledger.readers).await.unwrap();
        ledger.close().await;
        n
    }

    #[tokio::test]
    async fn what_lies_around_a_damaged_page_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.db");
        let ledger = Ledger::open(&file).await.unwrap();
        let mut tx = ledger.begin().await.unwrap();
        for n in 0..3_000 {
            let insert = sqlx::query("INSERT INTO positions (name, value) VALUES ($1, $2)");
            insert.bind(format!("follower-{n:05}-{}", "x".repeat(40))).bind(n).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        ledger.close().await;
        // A page in the middle of those rows: of the table, not of its index.
        let mut bytes = std::fs::read(&file).unwrap();
        let of_table = |page: &&mut [u8]| page[0] == 0x0d && page.windows(14).any(|w| w == b"follower-01500");
        bytes.chunks_mut(4096).find(of_table).unwrap().fill(0xff);
        std::fs::write(&file, bytes).unwrap();
        let told = recover(&file).await.unwrap();
        let (_, saved, whole) = told.tables.iter().find(|(name, ..)| name == "positions").unwrap();
        assert!((2_800..3_000).contains(saved) && !whole, "{told:?}");
        assert!(told.tables.iter().filter(|(name, ..)| name != "positions").all(|(.., whole)| *whole), "{told:?}");
        assert_eq!(positions(&file).await, i64::try_from(*saved).unwrap());
        assert!(told.kept.ends_with("alerts.db.damaged-0") && told.kept.exists());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "the new one and the damaged one");
    }

    #[tokio::test]
    async fn what_is_no_database_is_replaced_by_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.db");
        std::fs::write(&file, [7; 20_000]).unwrap();
        assert!(Ledger::open(&file).await.err().unwrap().to_string().contains("`afterglow alerts recover`"));
        let told = recover(&file).await.unwrap();
        assert!(told.tables.iter().all(|(_, rows, whole)| *rows == 0 && !whole), "{told:?}");
        assert_eq!(positions(&file).await, 0);
    }
}
