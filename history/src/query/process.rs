//! The process that answers statements: it is asked over its standard input and answers over its standard output, until
//! its parent closes
//! them or ends. Whatever a statement does to it, its parent starts another.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::AbortHandle;

use super::still::Still;
use super::wire::{self, Asked, Told};
use super::{QueryError, Worker};
use crate::viewer::Viewer;

/// The way back; each message is written whole.
type Out = Arc<tokio::sync::Mutex<Sender>>;

/// Statements that run, by their numbers.
type Running = Arc<Mutex<HashMap<u64, AbortHandle>>>;

/// What became of a statement.
enum Done {
    /// The last message, after rows, and its body.
    Told(Vec<Vec<u8>>, Told, Vec<u8>),
    Cancelled,
}

/// Answers until nobody asks any more. `open` makes of what the parent says first what answers.
///
/// # Errors
/// If the standard streams are no pipes, or the parent says what it should not.
pub async fn serve<F>(open: impl FnOnce(serde_json::Value) -> F) -> io::Result<()>
where
    F: Future<Output = Result<Arc<Worker>, String>>,
{
    let mut from = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let out = Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    let out: Out = Arc::new(tokio::sync::Mutex::new(out));
    let Some((Asked::Open(settings), _)) = wire::receive(&mut from).await? else { return Err(odd()) };
    let worker = match open(settings).await {
        Ok(worker) => worker,
        Err(e) => return tell(&out, &Told::Unfit(e), &[]).await,
    };
    let ended = answer(&worker, &mut from, &out).await;
    worker.close();
    ended
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "asked before it was told what to open, or told it twice")
}

/// Answers what is asked until the parent asks no more.
async fn answer(worker: &Arc<Worker>, from: &mut Receiver, out: &Out) -> io::Result<()> {
    tell(out, &Told::Ready, &[]).await?;
    let running = Running::default();
    while let Some((asked, body)) = wire::receive::<Asked>(from).await? {
        match asked {
            Asked::Open(_) => return Err(odd()),
            Asked::Cancel { id } => match lock(&running).get(&id) {
                Some(task) => task.abort(),
                // It ended meanwhile, and what it came to is under way.
                None => continue,
            },
            Asked::Run { id, postgres, text } => {
                let at = worker.clone();
                let work = |still: Arc<Still>| async move { run(&at, &still, id, postgres, text, &body).await };
                begin(worker, &running, out, id, work);
            }
            Asked::Parse { id, planned, types } => {
                let at = worker.clone();
                begin(worker, &running, out, id, |_| async move { parse(&at, id, planned, &types, &body).await });
            }
        }
    }
    Ok(())
}

fn lock(running: &Running) -> std::sync::MutexGuard<'_, HashMap<u64, AbortHandle>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tell(out: &Out, told: &Told, body: &[u8]) -> io::Result<()> {
    wire::send(&mut *out.lock().await, told, body).await
}

/// Runs a statement on the worker's threads, and tells what became of it from here.
fn begin<F>(worker: &Arc<Worker>, running: &Running, out: &Out, id: u64, work: impl FnOnce(Arc<Still>) -> F)
where
    F: Future<Output = Result<Done, QueryError>> + Send + 'static,
{
    let still = Arc::new(Still::default());
    let task = worker.handle().map(|handle| handle.spawn(work(still.clone())));
    if let Ok(task) = &task {
        lock(running).insert(id, task.abort_handle());
    }
    let (worker, running, out) = (worker.clone(), running.clone(), out.clone());
    tokio::spawn(async move {
        let done = match task {
            Err(e) => Err(e),
            Ok(task) => match task.await {
                Ok(done) => done,
                Err(e) if e.is_cancelled() => Ok(Done::Cancelled),
                Err(e) => Err(QueryError::of_task(&e)),
            },
        };
        lock(&running).remove(&id);
        let sent = match done {
            Ok(Done::Told(rows, told, body)) => send(&out, id, rows, told, body).await,
            Ok(Done::Cancelled) => Ok(()),
            Err(e) => {
                let damage = worker.take_damage();
                tell(&out, &Told::Failed { id, error: e.into(), damage }, &[]).await
            }
        };
        still.over().await;
        let sent = match sent {
            Ok(()) => tell(&out, &Told::Gone { id }, &[]).await,
            failed => failed,
        };
        // The parent is gone, which ends this process.
        if let Err(e) = sent {
            tracing::debug!("an answer that nobody takes: {e}");
        }
    });
}

async fn send(out: &Out, id: u64, rows: Vec<Vec<u8>>, told: Told, body: Vec<u8>) -> io::Result<()> {
    for piece in rows {
        tell(out, &Told::Rows { id }, &piece).await?;
    }
    tell(out, &told, &body).await
}

async fn run(
    worker: &Arc<Worker>,
    still: &Still,
    id: u64,
    postgres: Option<usize>,
    text: usize,
    body: &[u8],
) -> Result<Done, QueryError> {
    // There is one kind of viewer; when there are more, who asks has to come with the statement.
    let answer = worker.run(&Viewer::everything(), wire::ask(postgres, text, body)?, still).await?;
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &answer.schema)?;
    let mut pieces = Vec::new();
    for batch in answer.batches {
        writer.write(&batch)?;
        pieces.push(std::mem::take(writer.get_mut()));
    }
    pieces.push(writer.into_inner()?);
    let told = Told::Ended { id, truncated: answer.truncated, notes: answer.notes, damage: worker.take_damage() };
    Ok(Done::Told(pieces, told, Vec::new()))
}

async fn parse(worker: &Arc<Worker>, id: u64, planned: bool, types: &[u32], body: &[u8]) -> Result<Done, QueryError> {
    let text = std::str::from_utf8(body).map_err(|e| QueryError::Syntax(e.to_string()))?;
    let (all, body) = wire::statements(&worker.parse(text, planned, types).await?)?;
    Ok(Done::Told(Vec::new(), Told::Parsed { id, all, damage: worker.take_damage() }, body))
}
