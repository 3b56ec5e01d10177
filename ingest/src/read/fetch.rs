//! Fetches the bytes of a log's parts in order, ahead of who decodes them.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::mpsc;

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
    End,
    Failed(object_store::Error),
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
        while at < part.size {
            let to = part.size.min(at + CHUNK);
            let message = match store.get_range(&part.path, at..to).await {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => {
                    at += bytes.len() as u64;
                    Fetched::Bytes(bytes)
                }
                Err(e) => Fetched::Failed(e),
            };
            let failed = matches!(message, Fetched::Failed(_));
            if tx.send(message).await.is_err() || failed {
                return;
            }
        }
        if tx.send(Fetched::End).await.is_err() {
            return;
        }
    }
}
