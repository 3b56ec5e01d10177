//! Fetches the bytes of a log's parts in order, ahead of who decodes them.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _};
use tokio::sync::{mpsc, oneshot};

use super::Position;
use crate::{codec::Codec, log::Part};

/// Bytes fetched at a time.
const CHUNK: u64 = 1 << 20;

/// What a fetch gives, in order.
pub(super) enum Fetched {
    /// `head`: the first bytes of a part that is entered behind them.
    Begin {
        part: usize,
        from: Position,
        head: Option<Bytes>,
    },
    Bytes(Bytes),
    /// The part ends.
    End,
    /// All parts were sent. What ends without it was cut off.
    All,
    Failed(object_store::Error),
}

/// What the first request of an object gives.
enum First {
    /// The store has it in a file.
    File(File),
    Bytes(Bytes),
}

async fn first(store: &dyn ObjectStore, path: &Path, range: Range<u64>) -> Result<First, Error> {
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    match store.get_opts(path, options).await? {
        GetResult { payload: GetResultPayload::File(file, _), .. } => Ok(First::File(file)),
        result => Ok(First::Bytes(result.bytes().await?)),
    }
}

/// What a file has of a range; less if it is shorter than it was said to be.
fn read_piece(mut file: File, range: Range<u64>) -> io::Result<Bytes> {
    file.seek(SeekFrom::Start(range.start))?;
    let len = range.end.saturating_sub(range.start);
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(len).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Sends what a file has of a range, in order, and the end; whether somebody wanted it all. One thread reads all of it: memory that
/// it takes for a piece is used again for another.
fn send_file(mut file: File, range: Range<u64>, place: &str, tx: &mpsc::Sender<Fetched>) -> bool {
    let failed = |source: io::Error| {
        let _ = tx.blocking_send(Fetched::Failed(Error::Generic {
            store: "file",
            source: format!("{place}: {source}").into(),
        }));
        false
    };
    if let Err(e) = file.seek(SeekFrom::Start(range.start)) {
        return failed(e);
    }
    let mut left = range.end.saturating_sub(range.start);
    while left > 0 {
        let mut bytes = Vec::with_capacity(CHUNK.min(left) as usize);
        match Read::by_ref(&mut file).take(CHUNK.min(left)).read_to_end(&mut bytes) {
            // It is shorter than it was said to be.
            Ok(0) => break,
            Ok(n) => left = left.saturating_sub(n as u64),
            Err(e) => return failed(e),
        }
        if tx.blocking_send(Fetched::Bytes(bytes.into())).is_err() {
            return false;
        }
    }
    tx.blocking_send(Fetched::End).is_ok()
}

/// The same, off the threads of the runtime. What waits for its reader, which may wait for room, has a thread of its own: the runtime's
/// threads for what blocks are few, and readers take some.
async fn send_whole(file: File, range: Range<u64>, place: String, tx: &mpsc::Sender<Fetched>) -> bool {
    let cannot = |e: String| Fetched::Failed(Error::Generic { store: "file", source: e.into() });
    if range.end.saturating_sub(range.start) <= CHUNK {
        let read = tokio::task::spawn_blocking(move || read_piece(file, range)).await;
        let bytes = match read.unwrap_or_else(|e| Err(io::Error::other(e))) {
            Ok(bytes) => bytes,
            Err(e) => {
                let _ = tx.send(cannot(format!("{place}: {e}"))).await;
                return false;
            }
        };
        return (bytes.is_empty() || tx.send(Fetched::Bytes(bytes)).await.is_ok())
            && tx.send(Fetched::End).await.is_ok();
    }
    let (ended, end) = oneshot::channel();
    let thread = std::thread::Builder::new().name("fetch".into()).spawn({
        let tx = tx.clone();
        move || {
            let _ = ended.send(send_file(file, range, &place, &tx));
        }
    });
    match thread {
        Ok(_) => end.await.unwrap_or(false),
        Err(e) => {
            let _ = tx.send(cannot(e.to_string())).await;
            false
        }
    }
}

/// Sends the parts from position `from` on, which is in part `start`; the first part if there is none.
pub(super) async fn fetch(
    store: Arc<dyn ObjectStore>,
    parts: Vec<Part>,
    start: Option<usize>,
    from: Position,
    tx: mpsc::Sender<Fetched>,
) {
    for (i, part) in parts.iter().enumerate().skip(start.unwrap_or(0)) {
        let from = if Some(i) == start { from.clone() } else { Position::default() };
        let mut at = from.offset;
        // What stands at a position does not tell the codec: a line of text may begin like anything.
        let head = if at > 0 && part.size > 0 {
            match store.get_range(&part.path, 0..part.size.min(Codec::MAGIC_LEN as u64)).await {
                Ok(head) => Some(head),
                Err(e) => return drop(tx.send(Fetched::Failed(e)).await),
            }
        } else {
            None
        };
        if tx.send(Fetched::Begin { part: i, from, head }).await.is_err() {
            return;
        }
        if at >= part.size {
            if tx.send(Fetched::End).await.is_err() {
                return;
            }
            continue;
        }
        let chunk = |at: u64| at..part.size.min(at + CHUNK);
        let mut got = match first(&*store, &part.path, chunk(at)).await {
            Ok(First::File(file)) => {
                if send_whole(file, at..part.size, part.path.to_string(), &tx).await {
                    continue;
                }
                return;
            }
            Ok(First::Bytes(bytes)) => Ok(bytes),
            Err(e) => Err(e),
        };
        loop {
            match got {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => {
                    at += bytes.len() as u64;
                    if tx.send(Fetched::Bytes(bytes)).await.is_err() {
                        return;
                    }
                }
                Err(e) => return drop(tx.send(Fetched::Failed(e)).await),
            }
            if at >= part.size {
                break;
            }
            got = store.get_range(&part.path, chunk(at)).await;
        }
        if tx.send(Fetched::End).await.is_err() {
            return;
        }
    }
    // Who does not listen has all it wanted.
    let _ = tx.send(Fetched::All).await;
}
