//! What a connected client asks: queries go to the engine; what clients say about their session
//! (`SET`, `BEGIN` and the like) is answered as PostgreSQL would; the rest is refused.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::hooks::set_show::SetShowHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::hooks::{HookClient, QueryHook};
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{QueryResponse, Response};
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::{NoticeResponse, TransactionStatus};
use datafusion_postgres::pgwire::types::format::FormatOptions;
use datafusion_postgres::{DfSessionService, Parser};
use futures::{Sink, SinkExt as _, stream};

use crate::query::{Answer, Ask, Engine, QueryError};
use crate::viewer::Viewer;

/// Where [`SetShowHook`] keeps what a client says of its patience.
const STATEMENT_TIMEOUT: &str = "statement_timeout_ms";

/// What was parsed: its text, and what it means.
type Parsed = (String, Option<(Statement, LogicalPlan)>);

/// One connected client.
pub struct Session {
    engine: Arc<Engine>,
    viewer: Viewer,
    /// Answers what is no query.
    beside: DfSessionService,
    grammar: PostgresCompatibilityParser,
}

impl Session {
    /// # Errors
    /// If what clients look up cannot be prepared.
    pub fn new(engine: Arc<Engine>, viewer: Viewer) -> Result<Self, QueryError> {
        let context = Arc::new(engine.postgres()?.clone());
        let hooks: Vec<Arc<dyn QueryHook>> =
            vec![Arc::new(SetShowHook), Arc::new(TransactionStatementHook), Arc::new(OnlyQueries(engine.clone()))];
        let beside = DfSessionService::new_with_hooks(context, hooks);
        Ok(Session { engine, viewer, beside, grammar: PostgresCompatibilityParser::new() })
    }

    async fn answer<C>(&self, client: &mut C, ask: Ask, format: &Format) -> PgWireResult<Response>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if client.transaction_status() == TransactionStatus::Error {
            let what = "current transaction is aborted, commands are ignored until its end";
            return Err(error("25P02", what.into()));
        }
        let patience = client.metadata().get(STATEMENT_TIMEOUT).and_then(|t| t.parse().ok());
        let within = patience.filter(|ms| *ms > 0).map(Duration::from_millis);
        let answer = self.engine.query(&self.viewer, ask, within).await.map_err(told)?;
        for note in &answer.notes {
            let fields = vec![(b'S', "NOTICE".to_owned()), (b'C', "00000".to_owned()), (b'M', note.clone())];
            client.send(PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields))).await?;
        }
        let options = Arc::new(FormatOptions::from_client_metadata(client.metadata()));
        rows(answer, format, options)
    }
}

fn rows(answer: Answer, format: &Format, options: Arc<FormatOptions>) -> PgWireResult<Response> {
    let fields = Arc::new(arrow_schema_to_pg_fields(&answer.schema, format, Some(options))?);
    let of = fields.clone();
    let rows = answer.batches.into_iter().flat_map(move |batch| encode_recordbatch(of.clone(), batch));
    Ok(Response::Query(QueryResponse::new(fields, stream::iter(rows))))
}

fn error(code: &str, what: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".into(), code.into(), what)))
}

/// An error of the engine with PostgreSQL's code for it.
fn told(e: QueryError) -> PgWireError {
    let code = match &e {
        QueryError::Statement(_) => "42000",
        QueryError::Timeout(_) => "57014",
        QueryError::Busy => "53300",
        QueryError::Cluster(_) => "58000",
        QueryError::Internal(_) => "XX000",
    };
    error(code, e.to_string())
}

/// Whether a statement asks for rows of the tables, or about them.
fn is_query(statement: &Statement) -> bool {
    use Statement::{Explain, ExplainTable, Query, ShowColumns, ShowTables};
    matches!(statement, Query(_) | Explain { .. } | ExplainTable { .. } | ShowTables { .. } | ShowColumns { .. })
}

#[async_trait]
impl SimpleQueryHandler for Session {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut all = Vec::new();
        for statement in self.grammar.parse(query).map_err(|e| error("42601", e.to_string()))? {
            if is_query(&statement) {
                let plan = self.engine.plan(statement).await.map_err(told)?;
                let ask = Ask::Plan(Box::new(plan), ParamValues::List(Vec::new()));
                all.push(self.answer(client, ask, &Format::UnifiedText).await?);
            } else {
                all.extend(SimpleQueryHandler::do_query(&self.beside, client, &statement.to_string()).await?);
            }
        }
        Ok(if all.is_empty() { vec![Response::EmptyQuery] } else { all })
    }
}

#[async_trait]
impl ExtendedQueryHandler for Session {
    type Statement = Parsed;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        self.beside.query_parser()
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Parsed>, max_rows: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Parsed>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match &portal.statement.statement {
            (_, Some((statement, plan))) if is_query(statement) => {
                let ask = Ask::Plan(Box::new(plan.clone()), values(portal, plan)?);
                self.answer(client, ask, &portal.result_column_format).await
            }
            _ => ExtendedQueryHandler::do_query(&self.beside, client, portal, max_rows).await,
        }
    }
}

/// The values of a statement's parameters, in the order of their numbers.
fn values(portal: &Portal<Parsed>, plan: &LogicalPlan) -> PgWireResult<ParamValues> {
    let types = plan.get_parameter_types().map_err(|e| told(e.into()))?;
    let mut types: Vec<_> = types.into_iter().collect();
    types.sort_by_key(|(name, _)| name.trim_start_matches('$').parse::<usize>().unwrap_or(usize::MAX));
    let types: Vec<_> = types.iter().map(|(_, kind)| kind.as_ref()).collect();
    deserialize_parameters(portal, &types)
}

/// Plans queries by the engine, and refuses everything that no one before has answered.
struct OnlyQueries(Arc<Engine>);

#[async_trait]
impl QueryHook for OnlyQueries {
    async fn handle_simple_query(
        &self,
        statement: &Statement,
        _: &SessionContext,
        _: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        let what = statement.to_string();
        let what = what.split_whitespace().next().unwrap_or_default().to_owned();
        let remedy = "the tables can be read only (SELECT, WITH, EXPLAIN, SHOW)";
        Some(Err(error("25006", format!("{what} is not answered: {remedy}"))))
    }

    async fn handle_extended_parse_query(
        &self,
        statement: &Statement,
        _: &SessionContext,
        _: &(dyn ClientInfo + Send + Sync),
    ) -> Option<PgWireResult<LogicalPlan>> {
        Some(if is_query(statement) {
            self.0.plan(statement.clone()).await.map_err(told)
        } else {
            // It is refused when it is run.
            LogicalPlanBuilder::empty(false).build().map_err(|e| told(e.into()))
        })
    }

    async fn handle_extended_query(
        &self,
        statement: &Statement,
        _: &LogicalPlan,
        _: &ParamValues,
        context: &SessionContext,
        client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        self.handle_simple_query(statement, context, client).await
    }
}
