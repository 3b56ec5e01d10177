//! SQL over the fleet tables: DataFusion, with bounds on time, memory and rows. It only reads.
//!
//! What is asked is what the store has now: files of batches, and, for attempts that run or ended
//! just now, rows made on the way. [`table`] scans both, [`tasks`] reads tasks out of the store, [`prune`] leaves out what cannot match;
//! [`kept`] are files that were read lately; [`lookups`] is what clients of PostgreSQL ask beside; [`ballista`] has a cluster do the work.

#[cfg_attr(not(feature = "ballista"), path = "no_ballista.rs")]
mod ballista;
mod kept;
mod lookups;
mod map;
pub mod output;
mod prune;
mod table;
mod tasks;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::common::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::sqlparser::ast::Statement;
use futures::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument as _;
use tracing::field::Empty;
use url::Url;

use crate::catalog::{Catalog, CatalogError};
use crate::fleet::Judge;
use crate::fleet::schema::TABLES;
use crate::store::Store;
use crate::telemetry::counted::Statements;
use crate::viewer::Viewer;
use ballista::Remote;
use kept::Kept;
use table::{Files, FleetTable, Fresh, Snapshot};
use tasks::Tasks;

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
    /// Memory of all statements together; what sorts and joins need beyond it goes to disk, and a
    /// statement that cannot do so is stopped. Half of it is used beside, for files of the tables that were read lately and
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

/// What the database is called.
const CATALOG: &str = "afterglow";
/// Statements that run at once; others wait.
const AT_ONCE: usize = 4;
/// Stack of its threads: plans are walked recursively.
const STACK: usize = 16 << 20;
/// Attempts that are in no file yet and whose rows are made for a statement, newest first.
const FRESH: i64 = 2000;
/// Bytes that spilled statements may take on disk.
const SPILL: u64 = 8 << 30;

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The asker can mend it.
    #[error("{0}")]
    Statement(String),
    #[error(
        "the statement took longer than {} s (sql.timeout): ask for fewer days (date), fewer clusters or fewer columns",
        .0.as_secs()
    )]
    Timeout(Duration),
    #[error("{AT_ONCE} other statements are running, for longer than this one could wait: ask again later")]
    Busy,
    /// The cluster that is to run it does not.
    #[error("{0}")]
    Cluster(String),
    #[error("{0}")]
    Internal(String),
}

impl From<CatalogError> for QueryError {
    fn from(e: CatalogError) -> Self {
        QueryError::Internal(e.to_string())
    }
}

impl From<DataFusionError> for QueryError {
    fn from(e: DataFusionError) -> Self {
        match e.find_root() {
            DataFusionError::ResourcesExhausted(what) => QueryError::Statement(format!(
                "the statement needs more memory than all statements may take (sql.memory): ask for fewer columns, days or groups; {what}"
            )),
            DataFusionError::ObjectStore(e) => {
                QueryError::Internal(format!("a file of the fleet tables cannot be read: {e}"))
            }
            DataFusionError::Internal(what) => QueryError::Internal(what.clone()),
            DataFusionError::External(e) if let Some(QueryError::Cluster(what)) = e.downcast_ref() => {
                QueryError::Cluster(what.clone())
            }
            DataFusionError::SQL(e, _) => QueryError::Statement(e.to_string()),
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
    /// What [`Engine::plan`] made of a statement, and the values of its parameters.
    Plan(Box<LogicalPlan>, ParamValues),
}

/// Answers statements about one store.
pub struct Engine {
    store: Arc<Store>,
    catalog: Catalog,
    limits: Limits,
    /// The tables; what is in them comes with each statement.
    tables: SessionContext,
    /// The same, with what clients of PostgreSQL look up beside.
    postgres: OnceLock<SessionContext>,
    env: Arc<RuntimeEnv>,
    fresh: Arc<Fresh>,
    kept: Arc<Kept>,
    /// Who runs statements, if not this process.
    remote: Option<Arc<Remote>>,
    permits: Arc<Semaphore>,
    /// How statements ended.
    pub statements: Statements,
    /// Folder of what does not fit in memory.
    spilled: PathBuf,
    /// Threads of its own: a join that gives none of them back for long must not stop those who serve pages.
    runtime: Option<Runtime>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// `judge` finds what the table `findings` has; `scratch` is a local folder for what does not fit in memory; `cluster`
    /// runs statements in place of this process.
    ///
    /// # Errors
    /// If the folder cannot be used, or this build knows no clusters.
    pub fn new(
        store: Arc<Store>,
        catalog: Catalog,
        judge: Arc<dyn Judge>,
        limits: Limits,
        scratch: &Path,
        cluster: Option<&Cluster>,
    ) -> Result<Arc<Self>, QueryError> {
        let remote = cluster.map(Remote::new).transpose()?.map(Arc::new);
        let spilled = scratch.join(format!("sql-{}", std::process::id()));
        std::fs::create_dir_all(&spilled).map_err(|e| QueryError::Internal(format!("{}: {e}", spilled.display())))?;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![spilled.clone()]))
            .with_max_temp_directory_size(SPILL);
        let env = RuntimeEnvBuilder::new()
            .with_memory_limit(usize::try_from(limits.memory).unwrap_or(usize::MAX), 1.0)
            .with_metadata_cache_limit(usize::try_from(limits.memory / 4).unwrap_or(usize::MAX))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        match &remote {
            None => {
                env.register_object_store(Files::here().store.as_ref(), store.objects());
            }
            Some(remote) => remote.register(&env, store.objects()),
        }
        let fresh = Arc::new(Fresh::new(store.clone(), catalog.clone(), judge));
        let kept = Arc::new(Kept::new(limits.memory / 4));
        let tables = context(&env, &store, &catalog, &fresh, &kept, remote.as_ref())?;
        // For each statement as many as it may use at once, so that one which keeps its threads keeps no other from running.
        let threads = AT_ONCE * std::thread::available_parallelism().map_or(2, usize::from);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.enable_all().worker_threads(threads).thread_name("sql").thread_stack_size(STACK);
        let runtime = builder.build().map_err(|e| QueryError::Internal(format!("cannot start its threads: {e}")))?;
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let statements = Statements::default();
        Ok(Arc::new(Engine {
            store,
            catalog,
            limits,
            tables,
            postgres: OnceLock::new(),
            fresh,
            kept,
            env,
            remote,
            permits,
            statements,
            spilled,
            runtime: Some(runtime),
        }))
    }

    /// Answers one statement: a query, `EXPLAIN`, `SHOW TABLES` or `SHOW COLUMNS`; the asker may be content with less
    /// time than there is.
    ///
    /// # Errors
    /// [`QueryError::Statement`] if it is no such statement, does not fit the tables, or needs too
    /// much memory; [`QueryError::Timeout`] if it takes too long.
    pub async fn query(
        self: &Arc<Self>,
        viewer: &Viewer,
        ask: Ask,
        within: Option<Duration>,
    ) -> Result<Answer, QueryError> {
        let began = Instant::now();
        // Without the statement: it has values in it.
        let span = tracing::info_span!(
            target: "otel",
            "sql statement",
            otel.status_code = Empty,
            db.system.name = "datafusion",
            db.response.returned_rows = Empty,
            "error.type" = Empty,
        );
        let answer = self.answer(viewer, ask, within).instrument(span.clone()).await;
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(QueryError::Statement(_)) => "refused",
            Err(QueryError::Timeout(_)) => "timeout",
            Err(QueryError::Busy) => "busy",
            Err(QueryError::Cluster(_) | QueryError::Internal(_)) => "failed",
        };
        match &answer {
            Ok(a) => {
                let rows: usize = a.batches.iter().map(RecordBatch::num_rows).sum();
                span.record("db.response.returned_rows", rows as i64);
            }
            Err(_) => {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", outcome);
            }
        }
        self.statements.ended(outcome, began.elapsed());
        answer
    }

    async fn answer(
        self: &Arc<Self>,
        viewer: &Viewer,
        ask: Ask,
        within: Option<Duration>,
    ) -> Result<Answer, QueryError> {
        let timeout = within.map_or(self.limits.timeout, |w| w.min(self.limits.timeout));
        let runtime = self.runtime.as_ref().ok_or_else(|| QueryError::Internal("the engine has ended".into()))?;
        let permit = tokio::time::timeout(timeout, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| QueryError::Busy)?;
        let (me, viewer) = (self.clone(), viewer.clone());
        // Aborted when it is dropped; a panic of the engine is an answer, too.
        let mut task = JoinSet::new();
        let run = async move {
            let _permit = permit;
            me.run(&viewer, ask).await
        };
        task.spawn_on(run, runtime.handle());
        match tokio::time::timeout(timeout, task.join_next()).await {
            Ok(Some(Ok(answer))) => answer,
            Ok(Some(Err(e))) => Err(QueryError::Internal(format!("the statement could not be run: {e}"))),
            Ok(None) => Err(QueryError::Internal("the statement was not run".into())),
            Err(_) => Err(QueryError::Timeout(timeout)),
        }
    }

    /// Removes what statements have on disk; nothing is to be asked any more.
    pub fn close(&self) {
        let _ = std::fs::remove_dir_all(&self.spilled);
    }

    /// What a statement in PostgreSQL's dialect means, to be asked for later; maps are texts in its answer.
    pub async fn plan(&self, statement: Statement) -> Result<LogicalPlan, QueryError> {
        let statement = datafusion::sql::parser::Statement::Statement(Box::new(statement));
        let plan = self.postgres()?.state().statement_to_plan(statement).await?;
        only_reads(&plan)?;
        Ok(map::as_texts(plan)?)
    }

    /// The tables and what clients of PostgreSQL look up.
    pub fn postgres(&self) -> Result<&SessionContext, QueryError> {
        if let Some(made) = self.postgres.get() {
            return Ok(made);
        }
        let made = context(&self.env, &self.store, &self.catalog, &self.fresh, &self.kept, self.remote.as_ref())?;
        lookups::prepare(&made, CATALOG)?;
        Ok(self.postgres.get_or_init(|| made))
    }

    async fn run(&self, viewer: &Viewer, ask: Ask) -> Result<Answer, QueryError> {
        let tables = if matches!(ask, Ask::Sql(_)) { &self.tables } else { self.postgres()? };
        let (context, mut notes) = self.now(tables, viewer).await?;
        let plan = match ask {
            Ask::Sql(text) => context.state().create_logical_plan(&text).await?,
            Ask::Plan(plan, values) => plan.replace_params_with_values(&values)?,
        };
        only_reads(&plan)?;
        let frame = context.execute_logical_plan(plan).await?;
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let mut stream = execute_stream(plan.clone(), task)?;
        let schema = stream.schema();
        let (mut batches, mut rows, mut bytes, mut truncated) = (Vec::new(), 0, 0, false);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            bytes += batch.get_array_memory_size() as u64;
            if bytes > self.limits.memory {
                let what = "the answer is larger than what all statements may take (sql.memory)";
                return Err(QueryError::Statement(format!("{what}: ask for fewer rows or columns")));
            }
            let room = self.limits.rows - rows;
            truncated = batch.num_rows() > room;
            let batch = if truncated { batch.slice(0, room) } else { batch };
            rows += batch.num_rows();
            batches.push(batch);
            if truncated {
                notes.push(format!("only the first {} rows are given (sql.rows)", self.limits.rows));
                break;
            }
        }
        notes.extend(self.remote.as_ref().and_then(|remote| remote.note(&plan)));
        Ok(Answer { schema, batches, truncated, notes })
    }

    /// The tables as the viewer may see them now, and what they lack.
    async fn now(&self, tables: &SessionContext, viewer: &Viewer) -> Result<(SessionContext, Vec<String>), QueryError> {
        let fleet = self.catalog.fleet(viewer, FRESH).await?;
        let mut notes = Vec::new();
        if fleet.open > fleet.attempts.len() {
            let n = fleet.open - fleet.attempts.len();
            notes.push(format!(
                "{n} applications were indexed just now and are not in the tables yet: ask again in a minute"
            ));
        }
        let mut state = tables.state();
        state.config_mut().set_extension(Arc::new(Snapshot { viewer: viewer.clone(), fleet }));
        Ok((SessionContext::new_with_state(state), notes))
    }
}

/// A session that knows the tables. What they hold comes with each statement.
fn context(
    env: &Arc<RuntimeEnv>,
    store: &Arc<Store>,
    catalog: &Catalog,
    fresh: &Arc<Fresh>,
    kept: &Arc<Kept>,
    remote: Option<&Arc<Remote>>,
) -> Result<SessionContext, QueryError> {
    let mut config =
        SessionConfig::new().with_information_schema(true).with_default_catalog_and_schema(CATALOG, "public");
    // One dialect by every way in; in the generic one `app_id, cluster` ends at the comma, for CLUSTER BY.
    config.options_mut().sql_parser.dialect = Dialect::PostgreSQL;
    // What one partition has found of a minimum or maximum keeps rows from others that these need: tests/sql/agree.py finds it.
    config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    let config = match remote {
        Some(remote) => remote.configure(config),
        None => config,
    };
    let state = SessionStateBuilder::new_with_default_features().with_config(config).with_runtime_env(env.clone());
    let state = state.build();
    let context = SessionContext::new_with_state(match remote {
        Some(remote) => remote.prepare(state),
        None => state,
    });
    let files = remote.map_or_else(Files::here, |r| r.files());
    for name in TABLES {
        let table = FleetTable::new(name, store.clone(), fresh.clone(), kept.clone(), files.clone());
        context.register_table(name.text(), Arc::new(table))?;
    }
    context.register_table(tasks::NAME, Arc::new(Tasks::new(store.clone(), catalog.clone())))?;
    context.register_udf(map::to_json());
    Ok(context)
}

fn only_reads(plan: &LogicalPlan) -> Result<(), QueryError> {
    let only_read = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    Ok(only_read.verify_plan(plan)?)
}
