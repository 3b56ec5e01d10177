//! SQL over the fleet tables: DataFusion, with bounds on time, memory and rows. It only reads.
//!
//! What is asked is what the store has now: files of batches, and, for attempts that run or ended
//! just now, rows made on the way. [`table`] scans both, [`tasks`] reads tasks out of the store, [`prune`] leaves out what cannot match;
//! [`kept`] are files that were read lately; [`lookups`] is what clients of PostgreSQL ask beside; [`ballista`] has a cluster do the work.
//! [`grammar`] makes PostgreSQL's dialect DataFusion's, with [`arrays`], [`parameters`] and the [`names`] of columns; [`times`] are
//! its functions with [`templates`].
//!
//! [`engine`] is what callers hold. It has statements answered by a [`worker`], in a process of its own that may be
//! killed: [`client`] is
//! this side of it, [`process`] the other, [`wire`] what goes between them. [`bounds`] and [`functions`] refuse what
//! would only end it.

pub(crate) mod arrays;
#[cfg_attr(not(feature = "ballista"), path = "no_ballista.rs")]
mod ballista;
mod bounds;
mod client;
mod engine;
mod functions;
mod grammar;
mod kept;
pub(crate) mod lookups;
mod map;
mod names;
pub mod output;
mod parameters;
pub mod process;
mod prune;
mod range;
mod still;
mod table;
mod tasks;
mod templates;
mod templates_read;
mod times;
mod wire;
mod worker;

use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use url::Url;

use crate::catalog::CatalogError;
use crate::fleet::schema::TABLES;
pub use client::Launch;
pub use engine::Engine;
pub use worker::Worker;

/// A table as people read about it: its name, what a row is, and its columns with type and meaning.
pub struct Described {
    pub name: &'static str,
    pub about: &'static str,
    pub columns: Vec<(&'static str, DataType, &'static str)>,
}

/// All tables.
pub fn tables() -> Vec<Described> {
    let date =
        (table::DATE, DataType::Date32, "The day on which the application started; leaves out files of other days.");
    let fleet = TABLES.into_iter().map(|name| {
        let columns = name.columns().map(|(name, kind, about)| (name, kind.arrow(), about));
        Described { name: name.text(), about: name.about(), columns: columns.chain([date.clone()]).collect() }
    });
    let tasks = tasks::columns().chain([date.clone()]).collect();
    fleet.chain([Described { name: tasks::NAME, about: tasks::ABOUT, columns: tasks }]).collect()
}

/// What statements may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A statement that takes longer is stopped.
    pub timeout: Duration,
    /// Memory of all statements together; what sorts and joins need beyond their share goes to disk, and a
    /// statement that cannot do so is stopped. Three eighths are for files of the tables that were read lately and
    /// for what they say of themselves.
    pub memory: u64,
    /// Rows that are given at most.
    pub rows: usize,
}

/// A Ballista cluster that runs statements; its executors open the store with credentials of their own.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its scheduler, as `host:port`.
    pub scheduler: String,
    /// Where the store lies: a folder (`file:///…`) that its machines have at the same path, or a place in an object store.
    pub store: Url,
}

/// Statements that run at once; others wait.
const AT_ONCE: usize = 4;

/// Why a statement has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// It is no SQL.
    #[error("{0}")]
    Syntax(String),
    /// The asker can mend it.
    #[error("{0}")]
    Statement(String),
    #[error(
        "the statement took longer than {} s ({}): ask for fewer days (date), fewer clusters or fewer columns",
        .0.as_secs_f64(), if *.1 { "its own timeout" } else { "sql.timeout" }
    )]
    /// After so long; whether the asker had set that.
    Timeout(Duration, bool),
    #[error("{AT_ONCE} other statements are running, for longer than this one could wait: ask again later")]
    Busy,
    /// The cluster that is to run it does not.
    #[error("{0}")]
    Cluster(String),
    #[error("{0}")]
    Internal(String),
}

/// What a statement is told that took more memory than there is.
const NEEDS_MORE: &str =
    "the statement needs more memory than all statements may take (sql.memory): ask for fewer columns, days or groups";

impl QueryError {
    /// What became of a task that did not end as it should: a panic of the engine is an answer, too.
    fn of_task(e: &tokio::task::JoinError) -> Self {
        let what = e.to_string();
        // Arrow's texts of one batch have at most 2 GiB.
        if what.contains("overflow") || what.contains("capacity") {
            return QueryError::Statement(NEEDS_MORE.into());
        }
        QueryError::Internal(format!("the statement could not be run: {what}"))
    }
}

impl From<CatalogError> for QueryError {
    fn from(e: CatalogError) -> Self {
        QueryError::Internal(e.to_string())
    }
}

impl From<DataFusionError> for QueryError {
    fn from(e: DataFusionError) -> Self {
        match e.find_root() {
            DataFusionError::ResourcesExhausted(what) => QueryError::Statement(format!("{NEEDS_MORE}; {what}")),
            DataFusionError::ObjectStore(e) => {
                QueryError::Internal(format!("a file of the fleet tables cannot be read: {e}"))
            }
            DataFusionError::Internal(what) => QueryError::Internal(what.clone()),
            DataFusionError::External(e) if let Some(QueryError::Cluster(what)) = e.downcast_ref() => {
                QueryError::Cluster(what.clone())
            }
            DataFusionError::SQL(e, _) => QueryError::Syntax(e.to_string()),
            DataFusionError::Plan(what) if what.contains(" not supported: ") => {
                QueryError::Statement(format!("only queries are answered (SELECT, WITH, EXPLAIN, SHOW): {what}"))
            }
            root => QueryError::Statement(root.strip_backtrace()),
        }
    }
}

/// What a statement gave.
#[derive(Debug)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// There are more rows than [`Limits::rows`].
    pub truncated: bool,
    /// What is missing, a sentence each.
    pub notes: Vec<String>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A statement, whose answer may have columns of any type.
    Sql(String),
    /// A statement of a text that PostgreSQL's clients sent, by its number, with the values of its parameters; maps are
    /// texts in its answer.
    Postgres { text: String, number: usize, values: Vec<ScalarValue> },
}

/// A statement of PostgreSQL's clients, as [`Engine::parse`] understands it.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub text: String,
    pub kind: Kind,
    /// What its answer has; empty if nobody asked for it.
    pub columns: SchemaRef,
    pub parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Asks for rows of the tables, or about them.
    Query,
    /// Says something about the client's session.
    Session,
    /// Anything else, by its first word.
    Other(String),
}

/// A parameter, in the order of their numbers.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub kind: Option<DataType>,
    /// PostgreSQL's number of its type.
    pub oid: u32,
}
