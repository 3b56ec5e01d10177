//! What a connected client asks: queries go to the engine; what clients say about their session
//! (`SET`, `BEGIN` and the like) is answered as PostgreSQL would; the rest is refused.
//!
//! Nothing is planned here, and parsed only what the engine found to be about the session.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{DataType, IntervalUnit};
use async_trait::async_trait;
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::hooks::QueryHook as _;
use datafusion_postgres::hooks::set_show::SetShowHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse, Response};
use datafusion_postgres::pgwire::api::stmt::{QueryParser, StoredStatement};
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore, Type};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::{NoticeResponse, TransactionStatus};
use datafusion_postgres::pgwire::types::format::FormatOptions;
use futures::{Sink, SinkExt as _, stream};

use super::aside;
use crate::query::arrays::array;
use crate::query::{Answer, Ask, Engine, Kind, Parsed, QueryError};
use crate::viewer::Viewer;

/// Where [`SetShowHook`] keeps what a client says of its patience.
const STATEMENT_TIMEOUT: &str = "statement_timeout_ms";
/// Bytes that a statement about the session has at most.
const SHORT: usize = 4 << 10;

/// A statement that was prepared: the text that was sent, and what it is.
type Prepared = (String, Arc<Parsed>);

/// What all sessions have in common.
pub struct Shared {
    engine: Arc<Engine>,
    /// Knows no table: what clients say about their session needs none.
    bare: SessionContext,
    grammar: PostgresCompatibilityParser,
}

impl Shared {
    pub fn new(engine: Arc<Engine>) -> Self {
        Shared { engine, bare: SessionContext::new(), grammar: PostgresCompatibilityParser::new() }
    }
}

/// One connected client.
pub struct Session {
    shared: Arc<Shared>,
    viewer: Viewer,
}

impl Session {
    pub fn new(shared: Arc<Shared>, viewer: Viewer) -> Self {
        Session { shared, viewer }
    }

    async fn answer<C>(&self, client: &mut C, ask: Ask, format: &Format) -> PgWireResult<Response>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if aside::status(client) == TransactionStatus::Error {
            let what = "current transaction is aborted, commands are ignored until its end";
            return Err(error("25P02", what.into()));
        }
        let within = patience(client);
        let answer = self.shared.engine.query(&self.viewer, ask, within).await;
        if answer.is_err() {
            aside::forget_rollback(client);
        }
        let answer = answer.map_err(told)?;
        for note in &answer.notes {
            let fields = vec![(b'S', "NOTICE".to_owned()), (b'C', "00000".to_owned()), (b'M', note.clone())];
            client.send(PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields))).await?;
        }
        let options = Arc::new(FormatOptions::from_client_metadata(client.metadata()));
        rows(answer, format, options)
    }

    /// Answers what is no query.
    async fn beside<C>(&self, client: &mut C, parsed: &Parsed) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let what = match &parsed.kind {
            Kind::Other(word) => word.as_str(),
            _ if parsed.text.len() > SHORT => "a statement of this length",
            _ => parsed.text.split_whitespace().next().unwrap_or_default(),
        };
        if parsed.kind == Kind::Session && parsed.text.len() <= SHORT {
            let known = self.shared.grammar.parse(&parsed.text).map_err(|e| error("42601", e.to_string()))?;
            let known: Option<&Statement> = known.first();
            if let Some(statement) = known {
                if let Some(answer) = aside::answer(client, statement) {
                    return answer;
                }
                let bare = &self.shared.bare;
                if let Some(answer) = SetShowHook.handle_simple_query(statement, bare, client).await {
                    return answer;
                }
                if let Some(answer) = TransactionStatementHook.handle_simple_query(statement, bare, client).await {
                    return answer;
                }
            }
        }
        let remedy = "the tables can be read only (SELECT, WITH, EXPLAIN, SHOW)";
        Err(error("25006", format!("{what} is not answered: {remedy}")))
    }
}

/// What a client said of its patience.
fn patience(client: &(impl ClientInfo + ?Sized)) -> Option<Duration> {
    let patience = client.metadata().get(STATEMENT_TIMEOUT).and_then(|t| t.parse().ok());
    patience.filter(|ms| *ms > 0).map(Duration::from_millis)
}

fn rows(answer: Answer, format: &Format, options: Arc<FormatOptions>) -> PgWireResult<Response> {
    let fields = Arc::new(arrow_schema_to_pg_fields(&answer.schema, format, Some(options))?);
    let of = fields.clone();
    let rows = answer.batches.into_iter().flat_map(move |batch| encode_recordbatch(of.clone(), batch));
    Ok(Response::Query(QueryResponse::new(fields, stream::iter(rows))))
}

pub(super) fn error(code: &str, what: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".into(), code.into(), what)))
}

/// An error of the engine with PostgreSQL's code for it.
fn told(e: QueryError) -> PgWireError {
    let code = match &e {
        QueryError::Syntax(_) => "42601",
        QueryError::Statement(_) => "42000",
        QueryError::Timeout(..) => "57014",
        QueryError::Busy => "53300",
        QueryError::Cluster(_) => "58000",
        QueryError::Internal(_) => "XX000",
    };
    error(code, e.to_string())
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
        let parsed = self.shared.engine.parse(query, false, &[], patience(client)).await;
        if parsed.is_err() {
            aside::forget_rollback(client);
        }
        let parsed = parsed.map_err(told)?;
        for (number, statement) in parsed.iter().enumerate() {
            if statement.kind == Kind::Query {
                let ask = Ask::Postgres { text: query.to_owned(), number, values: Vec::new() };
                all.push(self.answer(client, ask, &Format::UnifiedText).await?);
            } else {
                let answer = self.beside(client, statement).await?;
                // What follows in the same text is told, too.
                match &answer {
                    Response::TransactionStart(_) => client.set_transaction_status(TransactionStatus::Transaction),
                    Response::TransactionEnd(_) => client.set_transaction_status(TransactionStatus::Idle),
                    _ => {}
                }
                all.push(answer);
            }
        }
        Ok(if all.is_empty() { vec![Response::EmptyQuery] } else { all })
    }
}

/// Has the engine say what statements answer and take.
pub struct Preparer(Arc<Shared>);

#[async_trait]
impl QueryParser for Preparer {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, client: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let types: Vec<_> = types.iter().map(|t| t.as_ref().map_or(0, Type::oid)).collect();
        let parsed = self.0.engine.parse(sql, true, &types, patience(client)).await.map_err(told)?;
        Ok(parsed.into_iter().next().map(|p| (sql.to_owned(), Arc::new(p))))
    }

    fn get_parameter_types(&self, (_, parsed): &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(parsed.parameters.iter().map(|p| Type::from_oid(p.oid).unwrap_or(Type::UNKNOWN)).collect())
    }

    fn get_result_schema(&self, (_, parsed): &Prepared, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        arrow_schema_to_pg_fields(&parsed.columns, format.unwrap_or(&Format::UnifiedText), None)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Session {
    type Statement = Prepared;
    type QueryParser = Preparer;

    fn query_parser(&self) -> Arc<Preparer> {
        Arc::new(Preparer(self.shared.clone()))
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Prepared>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let (text, parsed) = &portal.statement.statement;
        if parsed.kind != Kind::Query {
            return self.beside(client, parsed).await;
        }
        let ask = Ask::Postgres { text: text.clone(), number: 0, values: values(portal, parsed)? };
        self.answer(client, ask, &portal.result_column_format).await
    }
}

/// The values of a statement's parameters, in the order of their numbers.
fn values(portal: &Portal<Prepared>, parsed: &Parsed) -> PgWireResult<Vec<ScalarValue>> {
    let types: Vec<_> = parsed.parameters.iter().map(|p| p.kind.as_ref()).collect();
    let of = &portal.statement;
    let mut rest = Portal::<()>::default();
    rest.statement = Arc::new(StoredStatement::new(of.id.clone(), (), of.parameter_types.clone()));
    rest.parameter_format = portal.parameter_format.clone();
    rest.parameters.clone_from(&portal.parameters);
    let mut texts = Vec::new();
    for (i, value) in portal.parameters.iter().enumerate() {
        let given = portal.statement.parameter_types.get(i).cloned().flatten();
        let kind = types.get(i).copied().flatten();
        let Some(bytes) = value.as_ref().filter(|_| !portal.parameter_format.is_binary(i)) else { continue };
        let read = if let Some(element) = element(given.as_ref(), kind) {
            array(text(bytes)?, &element)
        } else if given == Some(Type::INTERVAL) || (given.is_none() && matches!(kind, Some(DataType::Interval(_)))) {
            // Units may be written out, which only this reads.
            let of = DataType::Interval(IntervalUnit::MonthDayNano);
            ScalarValue::try_from_string(text(bytes)?.to_owned(), &of).map_err(|e| e.to_string())
        } else {
            continue;
        };
        texts.push((i, read.map_err(|what| error("22P02", format!("${}: {what}", i + 1)))?));
        rest.parameters[i] = None;
    }
    let mut all: Vec<_> = match deserialize_parameters(&rest, &types)? {
        datafusion::common::ParamValues::List(all) => all.into_iter().map(|v| v.value).collect(),
        datafusion::common::ParamValues::Map(_) => return Err(error("08P01", "parameters have numbers here".into())),
    };
    texts.into_iter().for_each(|(i, value)| all[i] = value);
    Ok(all)
}

fn text(bytes: &[u8]) -> PgWireResult<&str> {
    std::str::from_utf8(bytes).map_err(|e| error("22021", e.to_string()))
}

/// The type of an array's elements: as its client says, or as the statement uses it.
fn element(given: Option<&Type>, kind: Option<&DataType>) -> Option<DataType> {
    match given {
        Some(given) if given.name().starts_with('_') => Some(match *given {
            Type::BOOL_ARRAY => DataType::Boolean,
            Type::INT2_ARRAY | Type::INT4_ARRAY | Type::INT8_ARRAY | Type::OID_ARRAY => DataType::Int64,
            Type::FLOAT4_ARRAY | Type::FLOAT8_ARRAY => DataType::Float64,
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY | Type::NAME_ARRAY => DataType::Utf8,
            _ => return None,
        }),
        Some(given) if !matches!(*given, Type::TEXT | Type::VARCHAR | Type::UNKNOWN) => None,
        _ => match kind {
            Some(DataType::List(element)) => Some(element.data_type().clone()),
            _ => None,
        },
    }
}
