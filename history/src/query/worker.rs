//! What answers statements: DataFusion over the tables, on threads of its own.
//!
//! It has no bound on time and counts only some of its memory; [`super::process`] runs it where both can be enforced.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::common::config::Dialect;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::sqlparser::ast::{CloseCursor, Statement};
use datafusion_postgres::arrow_pg::datatypes::into_pg_type;
use datafusion_postgres::pgwire::api::stmt::QueryParser as _;
use datafusion_postgres::{DfSessionService, Parser};
use futures::StreamExt as _;
use tokio::runtime::{Handle, Runtime};

use super::ballista::Remote;
use super::grammar::Grammar;
use super::kept::Kept;
use super::names::{self, Names};
use super::still::Still;
use super::table::{Files, FleetTable, Fresh, Snapshot};
use super::tasks::{self, Tasks};
use super::wire::Damage;
use super::{
    AT_ONCE, Answer, Ask, Cluster, Kind, Limits, Parameter, Parsed, QueryError, bounds, functions, lookups, map,
    parameters, range, times,
};
use crate::catalog::Catalog;
use crate::fleet::Judge;
use crate::fleet::schema::TABLES;
use crate::store::Store;
use crate::viewer::Viewer;

/// What the database is called.
const CATALOG: &str = "afterglow";
/// Stack of its threads, of which only what is used takes memory: plans are walked, copied and dropped recursively.
const STACK: usize = 64 << 20;
/// Attempts that are in no file yet and whose rows are made for a statement, newest first.
const FRESH: i64 = 2000;
/// Bytes that spilled statements may take on disk.
const SPILL: u64 = 8 << 30;
/// Memory under which DataFusion sorts nothing.
const LEAST: u64 = 16 << 20;

/// Answers statements about one store.
pub struct Worker {
    store: Arc<Store>,
    catalog: Catalog,
    limits: Limits,
    /// The tables; what is in them comes with each statement.
    tables: SessionContext,
    /// The same, with what clients of PostgreSQL look up beside.
    postgres: OnceLock<Postgres>,
    env: Arc<RuntimeEnv>,
    fresh: Arc<Fresh>,
    kept: Arc<Kept>,
    /// Who runs statements, if not this process.
    remote: Option<Arc<Remote>>,
    /// Folder of what does not fit in memory.
    spilled: PathBuf,
    /// Threads of its own: a join that gives none of them back for long must not stop others.
    runtime: Option<Runtime>,
}

/// What clients of PostgreSQL ask with.
struct Postgres {
    tables: SessionContext,
    grammar: Grammar,
    parser: Arc<Parser>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The folder of what the statements of a process have on disk.
pub(super) fn spilled(scratch: &Path, process: u32) -> PathBuf {
    scratch.join(format!("sql-{process}"))
}

impl Worker {
    /// `judge` finds what the table `findings` has; `scratch` is a local folder for what does not fit in memory;
    /// `cluster`
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
        let spilled = spilled(scratch, std::process::id());
        std::fs::create_dir_all(&spilled).map_err(|e| QueryError::Internal(format!("{}: {e}", spilled.display())))?;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![spilled.clone()]))
            .with_max_temp_directory_size(SPILL);
        let bytes = |b: u64| usize::try_from(b).unwrap_or(usize::MAX);
        let pool = (limits.memory / 8 * 5).max(limits.memory.min(LEAST));
        let env = RuntimeEnvBuilder::new()
            .with_memory_limit(bytes(pool), 1.0)
            .with_metadata_cache_limit(bytes(limits.memory / 32))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        match &remote {
            None => {
                env.register_object_store(Files::here().store.as_ref(), store.objects());
            }
            Some(remote) => remote.register(&env, store.objects()),
        }
        let fresh = Arc::new(Fresh::new(store.clone(), catalog.clone(), judge, limits.memory / 8));
        let kept = Arc::new(Kept::new(limits.memory / 4, limits.memory / 32 * 3));
        let tables = context(&env, &store, &catalog, &fresh, &kept, remote.as_ref(), limits.memory / 4)?;
        // For each statement as many as it may use at once, so that one which keeps its threads keeps no other from
        // running.
        let threads = AT_ONCE * std::thread::available_parallelism().map_or(2, usize::from);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.enable_all().worker_threads(threads).thread_name("sql").thread_stack_size(STACK);
        let runtime = builder.build().map_err(|e| QueryError::Internal(format!("cannot start its threads: {e}")))?;
        let (postgres, runtime) = (OnceLock::new(), Some(runtime));
        Ok(Arc::new(Worker { store, catalog, limits, tables, postgres, fresh, kept, env, remote, spilled, runtime }))
    }

    /// Its threads.
    pub(super) fn handle(&self) -> Result<Handle, QueryError> {
        let runtime = self.runtime.as_ref().map(|r| r.handle().clone());
        runtime.ok_or_else(|| QueryError::Internal("the engine has ended".into()))
    }

    /// What was found damaged since this was asked last.
    pub(super) fn take_damage(&self) -> Damage {
        let objects = self.store.take_damaged().into_iter().map(Into::into).collect();
        Damage { objects, batches: self.kept.take_bad() }
    }

    /// Removes what statements have on disk; nothing is to be asked any more.
    pub fn close(&self) {
        let _ = std::fs::remove_dir_all(&self.spilled);
    }

    fn postgres(&self) -> Result<&Postgres, QueryError> {
        if let Some(made) = self.postgres.get() {
            return Ok(made);
        }
        let tables = context(
            &self.env,
            &self.store,
            &self.catalog,
            &self.fresh,
            &self.kept,
            self.remote.as_ref(),
            self.limits.memory / 4,
        )?;
        lookups::prepare(&tables, CATALOG)?;
        let parser = DfSessionService::new_with_hooks(Arc::new(tables.clone()), Vec::new());
        use datafusion_postgres::pgwire::api::query::ExtendedQueryHandler as _;
        let made = Postgres { tables, grammar: Grammar::new(), parser: parser.query_parser() };
        Ok(self.postgres.get_or_init(|| made))
    }

    /// The statements of a text in PostgreSQL's dialect; `planned` says of the first what it answers and takes, its
    /// client having given `types`.
    ///
    /// # Errors
    /// If it is none, or the first does not fit the tables.
    pub async fn parse(&self, text: &str, planned: bool, types: &[u32]) -> Result<Vec<Parsed>, QueryError> {
        let given: Vec<_> = types.iter().map(|oid| parameters::given(*oid)).collect();
        let mut all = Vec::new();
        for (i, mut statement) in self.statements(text)?.into_iter().enumerate() {
            if i == 0 {
                parameters::typed(&mut statement, &given);
            }
            all.push(self.understand(statement, planned && i == 0).await?);
        }
        Ok(all)
    }

    fn statements(&self, text: &str) -> Result<Vec<Statement>, QueryError> {
        bounds::check(text)?;
        self.postgres()?.grammar.parse(text).map_err(|e| QueryError::Syntax(e.to_string()))
    }

    async fn understand(&self, statement: Statement, planned: bool) -> Result<Parsed, QueryError> {
        let text = statement.to_string();
        let none: SchemaRef = Arc::new(Schema::empty());
        let kind = match kind(&statement) {
            Kind::Query if planned => {
                let plan = self.plan(statement.clone()).await?;
                let found = parameters::inferred(&plan)?;
                let mut types: Vec<_> = plan.get_parameter_types()?.into_iter().collect();
                types.sort_by_key(|(name, _)| name.trim_start_matches('$').parse::<usize>().unwrap_or(usize::MAX));
                let columns = Names::of(&statement).on(&Arc::new(plan.schema().as_arrow().clone()));
                let known = self.postgres()?.parser.get_parameter_types(&(text.clone(), Some((statement, plan))));
                let known = known.map_err(|e| QueryError::Statement(e.to_string()))?;
                let mut parameters = Vec::new();
                for ((name, kind), of) in types.into_iter().zip(known) {
                    parameters.push(match found.get(&name) {
                        Some(found) if kind.is_none() => {
                            let of = into_pg_type(found).map_err(|e| QueryError::Statement(e.to_string()))?;
                            Parameter { kind: Some(found.clone()), oid: of.oid() }
                        }
                        _ => Parameter { kind, oid: of.oid() },
                    });
                }
                return Ok(Parsed { text, kind: Kind::Query, columns, parameters });
            }
            kind => kind,
        };
        let shown = |name: &str| Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]));
        let columns = match &statement {
            Statement::ShowVariable { variable } => shown(&lookups::shown(variable)),
            Statement::ShowStatus { .. } | Statement::ShowCatalogs { .. } => shown("show"),
            _ => none,
        };
        Ok(Parsed { text, kind, columns, parameters: Vec::new() })
    }

    /// What a statement in PostgreSQL's dialect means.
    async fn plan(&self, statement: Statement) -> Result<LogicalPlan, QueryError> {
        let (plan, _) = planned(&self.postgres()?.tables, statement).await?;
        only_reads(&plan)?;
        Ok(map::as_texts(plan)?)
    }

    /// Answers one statement: a query, `EXPLAIN`, `SHOW TABLES` or `SHOW COLUMNS`.
    ///
    /// # Errors
    /// [`QueryError::Statement`] if it is no such statement, does not fit the tables, or needs too much memory.
    pub async fn run(&self, viewer: &Viewer, ask: Ask, still: &Still) -> Result<Answer, QueryError> {
        let before = self.kept.spoiled();
        match self.once(viewer, ask.clone(), still).await {
            // A file that was good turned out damaged on the way: now that is known.
            Err(_) if self.kept.spoiled() != before => self.once(viewer, ask, still).await,
            done => done,
        }
    }

    async fn once(&self, viewer: &Viewer, ask: Ask, still: &Still) -> Result<Answer, QueryError> {
        let tables = match ask {
            Ask::Sql(_) => &self.tables,
            Ask::Postgres { .. } => &self.postgres()?.tables,
        };
        let (context, snapshot, mut notes) = self.now(tables, viewer).await?;
        let (plan, names) = match ask {
            Ask::Sql(text) => {
                bounds::check(&text)?;
                sql(&context, &text).await?
            }
            Ask::Postgres { text, number, values } => {
                let statement = self.statements(&text)?.into_iter().nth(number);
                let mut statement = statement.ok_or_else(|| QueryError::Internal("a statement is missing".into()))?;
                parameters::typed(&mut statement, &values.iter().map(|v| Some(v.data_type())).collect::<Vec<_>>());
                let names = Names::of(&statement);
                let plan = self.plan(statement).await?;
                (plan.replace_params_with_values(&ParamValues::from(values))?, Some(names))
            }
        };
        only_reads(&plan)?;
        let logical = plan.clone();
        let frame = context.execute_logical_plan(plan).await?;
        let task = Arc::new(frame.task_ctx().with_runtime(still.environment(&self.env)));
        let plan = frame.create_physical_plan().await?;
        let mut stream = execute_stream(plan.clone(), task)?;
        let mut schema = range::nullable(&stream.schema());
        if let Some(names) = names {
            schema = names.on(&names::given_back(&logical, &schema));
        }
        let mut out_of_range = 0;
        let (mut batches, mut rows, mut bytes, mut truncated) = (Vec::new(), 0, 0, false);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            bytes += batch.get_array_memory_size() as u64;
            if bytes > self.limits.memory / 2 {
                let what = "the answer is larger than half of what all statements may take (sql.memory)";
                return Err(QueryError::Statement(format!("{what}: ask for fewer rows or columns")));
            }
            let room = self.limits.rows - rows;
            truncated = batch.num_rows() > room;
            let batch = if truncated { batch.slice(0, room) } else { batch };
            rows += batch.num_rows();
            let (batch, out) = range::within(&schema, &batch)?;
            out_of_range += out;
            batches.push(batch);
            if truncated {
                notes.push(format!("only the first {} rows are given (sql.rows)", self.limits.rows));
                break;
            }
        }
        if out_of_range > 0 {
            notes.push(format!("{out_of_range} times are null: they lie where no calendar reaches"));
        }
        notes.extend(snapshot.notes());
        notes.extend(self.remote.as_ref().and_then(|remote| remote.note(&plan)));
        Ok(Answer { schema, batches, truncated, notes })
    }

    /// The tables as the viewer may see them now, and what they lack.
    async fn now(
        &self,
        tables: &SessionContext,
        viewer: &Viewer,
    ) -> Result<(SessionContext, Arc<Snapshot>, Vec<String>), QueryError> {
        let fleet = self.catalog.fleet(viewer, FRESH).await?;
        let mut notes = Vec::new();
        if fleet.open > fleet.attempts.len() {
            let n = fleet.open - fleet.attempts.len();
            notes.push(format!(
                "{n} applications were indexed just now and are not in the tables yet: ask again in a minute"
            ));
        }
        let mut state = tables.state();
        let snapshot = Arc::new(Snapshot::new(viewer.clone(), fleet));
        state.config_mut().set_extension(snapshot.clone());
        Ok((SessionContext::new_with_state(state), snapshot, notes))
    }
}

/// What a statement means, with names of ours where its own are not unique; whether it has such.
async fn planned(context: &SessionContext, statement: Statement) -> Result<(LogicalPlan, bool), QueryError> {
    use datafusion::sql::parser::Statement as Parsed;
    let state = context.state();
    match state.statement_to_plan(Parsed::Statement(Box::new(statement.clone()))).await {
        Err(e) if names::are_the_fault(&e) => match names::made_unique(&statement) {
            Some(unique) => match state.statement_to_plan(Parsed::Statement(Box::new(unique))).await {
                Ok(plan) => Ok((plan, true)),
                // Something else is wrong with it, and what it was told first is about its own names.
                Err(_) => Err(e.into()),
            },
            None => Err(e.into()),
        },
        plan => Ok((plan?, false)),
    }
}

/// What a statement in DataFusion's own words means; its names, if they are to be given back.
async fn sql(context: &SessionContext, text: &str) -> Result<(LogicalPlan, Option<Names>), QueryError> {
    use datafusion::sql::parser::Statement as Parsed;
    let state = context.state();
    match state.sql_to_statement(text, &Dialect::PostgreSQL)? {
        Parsed::Statement(statement) => {
            let names = Names::written(&statement);
            let (plan, renamed) = planned(context, *statement).await?;
            Ok((plan, renamed.then_some(names)))
        }
        other => Ok((state.statement_to_plan(other).await?, None)),
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
    most: u64,
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
    let mut context = SessionContext::new_with_state(match remote {
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
    datafusion_functions_json::register_all(&mut context)?;
    functions::bound(&context, most);
    times::prepare(&context);
    Ok(context)
}

fn only_reads(plan: &LogicalPlan) -> Result<(), QueryError> {
    let only_read = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    Ok(only_read.verify_plan(plan)?)
}

/// What a statement of PostgreSQL's clients is about.
fn kind(statement: &Statement) -> Kind {
    use Statement as S;
    match statement {
        S::Query(_) | S::Explain { .. } | S::ExplainTable { .. } | S::ShowTables { .. } | S::ShowColumns { .. } => {
            Kind::Query
        }
        S::Set(_)
        | S::ShowVariable { .. }
        | S::ShowStatus { .. }
        | S::ShowCatalogs { .. }
        | S::StartTransaction { .. }
        | S::Commit { .. }
        | S::Rollback { .. }
        | S::Savepoint { .. }
        | S::ReleaseSavepoint { .. }
        | S::Discard { .. }
        | S::Close { cursor: CloseCursor::All }
        | S::UNLISTEN { .. }
        | S::Reset(_) => Kind::Session,
        other => Kind::Other(other.to_string().split_whitespace().next().unwrap_or_default().to_owned()),
    }
}
