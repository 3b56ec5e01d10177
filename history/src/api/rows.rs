//! Long answers: rows are written as they are read, and sent as the client takes them. No more than a few pieces of an
//! answer are in memory, however long it is. One that fits into the first piece is sent whole, with its length.
//!
//! What goes wrong before the first piece is an error like any other; later it ends the connection, so that no client
//! takes half an answer for a whole one.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::StreamExt as _;
use serde::Serialize;
use tokio::sync::mpsc;

use super::error::ApiError;

/// Bytes that are sent together.
const PIECE: usize = 128 << 10;

/// Elements that are made together, where making one is some work.
pub const TOGETHER: usize = 256;
/// About what an answer has in memory while it is sent.
pub const MEMORY: u64 = 2 << 20;

/// Why an answer ends before its end.
pub enum Ended {
    /// Nobody waits for it any more.
    Gone,
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for Ended {
    fn from(e: E) -> Self {
        Ended::Failed(e.into())
    }
}

/// A piece, and whether it is the last.
type Sent = Result<(Vec<u8>, bool), ApiError>;

/// An answer while it is written.
pub struct Rows {
    to: mpsc::Sender<Sent>,
    piece: Vec<u8>,
    /// Whether a row of the list that was begun last stands already.
    follows: bool,
    /// Whether a piece was sent.
    begun: bool,
}

impl Rows {
    /// Writes what is no row: what stands before, behind and between lists.
    pub async fn text(&mut self, text: &[u8]) -> Result<(), Ended> {
        self.piece.extend_from_slice(text);
        self.send_full().await
    }

    /// Begins a list, or an object.
    pub async fn begin(&mut self, with: &[u8]) -> Result<(), Ended> {
        self.follows = false;
        self.text(with).await
    }

    /// Writes an element of the list.
    pub async fn row(&mut self, value: &impl Serialize) -> Result<(), Ended> {
        self.comma();
        serde_json::to_writer(&mut self.piece, value).map_err(|e| ApiError::Internal(e.to_string()))?;
        self.send_full().await
    }

    /// Writes elements that are JSON already, with commas between them.
    pub async fn rows(&mut self, elements: &[u8]) -> Result<(), Ended> {
        if elements.is_empty() {
            return Ok(());
        }
        self.comma();
        self.text(elements).await
    }

    /// Ends an object within a list: what follows is the list's next element.
    pub async fn end_row(&mut self, with: &[u8]) -> Result<(), Ended> {
        self.follows = true;
        self.text(with).await
    }

    /// Writes the comma before an element that is written in parts.
    pub fn comma(&mut self) {
        if std::mem::replace(&mut self.follows, true) {
            self.piece.push(b',');
        }
    }

    /// Whether it is too late for an error.
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    async fn send_full(&mut self) -> Result<(), Ended> {
        if self.piece.len() < PIECE {
            return Ok(());
        }
        let next = Vec::with_capacity(PIECE);
        self.send(next, false).await
    }

    async fn send(&mut self, next: Vec<u8>, last: bool) -> Result<(), Ended> {
        self.begun = true;
        let piece = std::mem::replace(&mut self.piece, next);
        self.to.send(Ok((piece, last))).await.map_err(|_| Ended::Gone)
    }
}

/// The answer that `write` writes.
pub async fn answer<F>(write: impl FnOnce(Rows) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Rows, Ended>> + Send + 'static,
{
    let (to, mut from) = mpsc::channel::<Sent>(1);
    let written = write(Rows { to: to.clone(), piece: Vec::new(), follows: false, begun: false });
    tokio::spawn(async move {
        // Who is told of an error is gone in the worst case.
        match written.await {
            Ok(mut rows) => drop(rows.send(Vec::new(), true).await),
            Err(Ended::Gone) => {}
            Err(Ended::Failed(e)) => drop(to.send(Err(e)).await),
        }
    });
    let body = match from.recv().await {
        None => return Err(ApiError::Internal("an answer was not written to its end".into())),
        Some(Err(e)) => return Err(e),
        Some(Ok((whole, true))) => Body::from(whole),
        Some(Ok((first, false))) => Body::from_stream(pieces(first, from)),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn pieces(first: Vec<u8>, rest: mpsc::Receiver<Sent>) -> impl futures::Stream<Item = io::Result<Bytes>> {
    let state = (Some(Ok((first, false))), rest, false);
    let pieces = futures::stream::unfold(state, |(first, mut rest, ended)| async move {
        if ended {
            return None;
        }
        let next = match first {
            Some(first) => Some(first),
            None => rest.recv().await,
        };
        let (item, ended) = match next {
            Some(Ok((piece, last))) => (Ok(Bytes::from(piece)), last),
            Some(Err(e)) => {
                tracing::error!("an answer was cut off: {e:?}");
                (Err(io::Error::other("the answer cannot be read to its end")), true)
            }
            None => (Err(io::Error::other("the answer was not written to its end")), true),
        };
        Some((item, (None, rest, ended)))
    });
    // What compresses it asks on after its end.
    pieces.fuse()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    /// Numbers in a list, as an answer.
    async fn numbers(count: u32, fail: bool) -> Result<Response, ApiError> {
        answer(move |mut rows| async move {
            rows.begin(b"[").await?;
            for n in 0..count {
                rows.row(&n).await?;
            }
            if fail {
                return Err(ApiError::bad("no more").into());
            }
            rows.text(b"]").await?;
            Ok(rows)
        })
        .await
    }

    #[tokio::test]
    async fn long_and_short_answers_are_what_one_would_write_at_once() {
        for count in [0, 1, 2, 1000, 100_000] {
            let response = numbers(count, false).await.unwrap();
            let whole = axum::body::HttpBody::size_hint(response.body()).exact().is_some();
            assert_eq!(whole, count <= 1000, "{count}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, serde_json::to_vec(&(0..count).collect::<Vec<_>>()).unwrap(), "{count}");
        }
    }

    #[tokio::test]
    async fn an_answer_has_one_end_however_often_it_is_asked() {
        let mut pieces = std::pin::pin!(numbers(100_000, false).await.unwrap().into_body().into_data_stream());
        while pieces.next().await.is_some() {}
        assert!(pieces.next().await.is_none());
    }

    #[tokio::test]
    async fn half_an_answer_is_an_error() {
        assert!(matches!(numbers(10, true).await, Err(ApiError::Text(..))));
        let response = numbers(100_000, true).await.unwrap();
        assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
    }
}
