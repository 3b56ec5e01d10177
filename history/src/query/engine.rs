//! What callers ask statements of: few at once, each with its bound on time, counted and traced. The work is done by a
//! [`Worker`] in a
//! process of its own.
//!
//! Invariant: whatever a statement does, the next one is answered, and nothing but statements waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamDecoder;
use datafusion::arrow::buffer::Buffer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::client::{Child, Launch, Lost, Reply};
use super::still::Still;
use super::wire::{self, Asked, Damage, Told};
use super::{AT_ONCE, Answer, Ask, Limits, NEEDS_MORE, Parsed, QueryError, Worker};
use crate::catalog::Catalog;
use crate::store::Store;
use crate::telemetry::counted::Statements;
use crate::viewer::Viewer;

/// Bytes of a statement's text at most.
const TEXT: usize = 1 << 20;

/// Whether a statement waits for its turn.
type Waiting = AtomicBool;

enum Way {
    /// In this process, which only its bounds protect.
    Here(Arc<Worker>),
    Apart(Child),
}

/// Answers statements about one store.
pub struct Engine {
    way: Way,
    timeout: Duration,
    permits: Arc<Semaphore>,
    /// Where damage is noted.
    store: Arc<Store>,
    catalog: Catalog,
    /// How statements ended.
    pub statements: Statements,
}

impl Engine {
    fn new(way: Way, limits: Limits, store: Arc<Store>, catalog: Catalog) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let (timeout, statements) = (limits.timeout, Statements::default());
        Arc::new(Engine { way, timeout, permits, store, catalog, statements })
    }

    /// Has statements answered in this process, where nothing bounds what a statement takes while it is planned: for
    /// tests.
    pub fn here(worker: Arc<Worker>, limits: Limits, store: Arc<Store>, catalog: Catalog) -> Arc<Self> {
        Engine::new(Way::Here(worker), limits, store, catalog)
    }

    /// Has statements answered in a process of its own, which is started and, should it end, started again. Inside a
    /// runtime.
    pub fn apart(launch: Launch, limits: Limits, store: Arc<Store>, catalog: Catalog) -> Arc<Self> {
        Engine::new(Way::Apart(Child::start(launch, limits.memory)), limits, store, catalog)
    }

    /// Answers one statement: a query, `EXPLAIN`, `SHOW TABLES` or `SHOW COLUMNS`; the asker may be content with less
    /// time than there is. Who waits no longer has cancelled it.
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
            Err(QueryError::Syntax(_) | QueryError::Statement(_)) => "refused",
            Err(QueryError::Timeout(..)) => "timeout",
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

    /// The statements of a text that a client of PostgreSQL sent; `planned` says of the first what it answers and
    /// takes, where `types` are PostgreSQL's numbers of the types that the client gave.
    ///
    /// # Errors
    /// As [`Engine::query`], and [`QueryError::Syntax`] if it is none.
    pub async fn parse(
        self: &Arc<Self>,
        text: &str,
        planned: bool,
        types: &[u32],
        within: Option<Duration>,
    ) -> Result<Vec<Parsed>, QueryError> {
        let (timeout, own) = self.timeout(within);
        short(text)?;
        let waiting = Waiting::default();
        let parsed = async {
            match &self.way {
                Way::Here(worker) => {
                    let (at, text, types) = (worker.clone(), text.to_owned(), types.to_vec());
                    let permit = self.permit(1, &waiting).await?;
                    here(worker, permit, async move { at.parse(&text, planned, &types).await }).await
                }
                Way::Apart(child) => {
                    let types = types.to_vec();
                    let head = move |id| Asked::Parse { id, planned, types: types.clone() };
                    let reply = self.ask(child, &waiting, head, text.as_bytes().to_vec()).await?;
                    match reply.told {
                        Told::Parsed { all, .. } => Ok(wire::parsed(all, &reply.body)?),
                        other => Err(odd(&other)),
                    }
                }
            }
        };
        in_time(timeout, own, &waiting, parsed).await
    }

    fn timeout(&self, within: Option<Duration>) -> (Duration, bool) {
        match within.filter(|w| *w < self.timeout) {
            Some(own) => (own, true),
            None => (self.timeout, false),
        }
    }

    async fn answer(
        self: &Arc<Self>,
        viewer: &Viewer,
        ask: Ask,
        within: Option<Duration>,
    ) -> Result<Answer, QueryError> {
        let (timeout, own) = self.timeout(within);
        short(match &ask {
            Ask::Sql(text) | Ask::Postgres { text, .. } => text,
        })?;
        let waiting = Waiting::default();
        let answered = async {
            match &self.way {
                Way::Here(worker) => {
                    let (at, viewer) = (worker.clone(), viewer.clone());
                    let permit = self.permit(1, &waiting).await?;
                    let answer =
                        here(worker, permit, async move { at.run(&viewer, ask, &Still::default()).await }).await;
                    self.note(Damage { objects: Vec::new(), ..worker.take_damage() }).await;
                    answer
                }
                Way::Apart(child) => {
                    let (head, body) = wire::asked(&ask)?;
                    rows(self.ask(child, &waiting, head, body).await?)
                }
            }
        };
        in_time(timeout, own, &waiting, answered).await
    }

    async fn permit(&self, n: u32, waiting: &Waiting) -> Result<OwnedSemaphorePermit, QueryError> {
        waiting.store(true, Ordering::Relaxed);
        let permit = self.permits.clone().acquire_many_owned(n).await;
        waiting.store(false, Ordering::Relaxed);
        permit.map_err(|_| QueryError::Internal("the engine has ended".into()))
    }

    /// Asks the other process. What ran beside a statement that ended it is asked once more, alone: so it is known
    /// which one it was.
    async fn ask(
        &self,
        child: &Child,
        waiting: &Waiting,
        head: impl Fn(u64) -> Asked + Clone,
        body: Vec<u8>,
    ) -> Result<Reply, QueryError> {
        let mut permit = self.permit(1, waiting).await?;
        let mut again = false;
        loop {
            let reply = match child.ask(head.clone(), body.clone(), permit).await {
                Ok(reply) => reply,
                Err(Lost::Beside | Lost::Died(_)) if !again => {
                    again = true;
                    permit = self.permit(AT_ONCE as u32, waiting).await?;
                    continue;
                }
                Err(Lost::Beside) => return Err(QueryError::Busy),
                Err(Lost::Died(how)) => {
                    let what = format!("the statement cannot be answered, the process that tried to {how}");
                    return Err(QueryError::Statement(format!("{what}: write it shorter and less nested")));
                }
                Err(Lost::Memory) => return Err(QueryError::Statement(NEEDS_MORE.into())),
                Err(Lost::Ending) => return Err(QueryError::Internal("this server is ending".into())),
                Err(Lost::Unfit(what)) => return Err(QueryError::Internal(what)),
            };
            match &reply.told {
                Told::Ended { damage, .. } | Told::Parsed { damage, .. } | Told::Failed { damage, .. } => {
                    self.note(damage.clone()).await;
                }
                _ => {}
            }
            return match reply.told {
                Told::Failed { error, .. } => Err(error.into()),
                _ => Ok(reply),
            };
        }
    }

    /// Has what is damaged made anew.
    async fn note(&self, damage: Damage) {
        let Damage { objects, batches } = damage;
        self.store.note_damaged(objects.into_iter().map(Into::into));
        if !batches.is_empty()
            && let Err(e) = self.catalog.batches_damaged(&batches).await
        {
            tracing::warn!("files of the fleet tables are damaged, and are not written anew: {e}");
        }
    }

    /// Tells who waits that nothing is answered any more.
    pub fn end(&self) {
        if let Way::Apart(child) = &self.way {
            child.end();
        }
    }

    /// Ends, and removes what statements have on disk.
    pub async fn close(&self) {
        match &self.way {
            Way::Here(worker) => worker.close(),
            Way::Apart(child) => child.ended().await,
        }
    }
}

/// Refuses what is longer than any statement.
fn short(text: &str) -> Result<(), QueryError> {
    if text.len() <= TEXT {
        return Ok(());
    }
    let what = format!("the statement has {} bytes, and may have {TEXT}", text.len());
    Err(QueryError::Statement(format!("{what}: ask for less at once")))
}

/// What takes longer is dropped, and so cancelled. Who is `waiting` for its turn then is told so.
async fn in_time<T>(
    timeout: Duration,
    own: bool,
    waiting: &Waiting,
    work: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, QueryError> {
    match tokio::time::timeout(timeout, work).await {
        Ok(done) => done,
        Err(_) if waiting.load(Ordering::Relaxed) => Err(QueryError::Busy),
        Err(_) => Err(QueryError::Timeout(timeout, own)),
    }
}

/// Runs on the worker's threads; aborted when it is dropped.
async fn here<T: Send + 'static>(
    worker: &Arc<Worker>,
    permit: OwnedSemaphorePermit,
    work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
) -> Result<T, QueryError> {
    let mut task = JoinSet::new();
    let run = async move {
        let _permit = permit;
        work.await
    };
    task.spawn_on(run, &worker.handle()?);
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(e)) => Err(QueryError::of_task(&e)),
        None => Err(QueryError::Internal("the statement was not run".into())),
    }
}

fn odd(told: &Told) -> QueryError {
    QueryError::Internal(format!("an answer of another kind: {told:?}"))
}

/// The rows of an answer.
fn rows(reply: Reply) -> Result<Answer, QueryError> {
    let Told::Ended { truncated, notes, .. } = reply.told else { return Err(odd(&reply.told)) };
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    for piece in reply.rows {
        let mut buffer = Buffer::from_vec(piece);
        while !buffer.is_empty() {
            batches.extend(decoder.decode(&mut buffer)?);
        }
    }
    let schema = decoder.schema().ok_or_else(|| QueryError::Internal("an answer without columns".into()))?;
    Ok(Answer { schema, batches, truncated, notes })
}
