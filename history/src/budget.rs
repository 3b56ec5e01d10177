//! One budget of bytes for all requests together, and the few threads that compute for them.
//!
//! Who is about to hold much for a request takes it from the budget first, and gives it back by dropping what it got.
//! Where there is not enough, it waits a moment, and is then refused: better one answer of 503 than no process. There
//! is no queue: what needs little passes by what needs much.
//!
//! What the store decodes for a request is charged to it without being told which it is: the request's task knows.
//! Outside of requests nothing is charged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinError;
use tokio::time::Instant;

use crate::api::ApiError;

/// Time that a request waits for others to end.
pub const WAIT: Duration = Duration::from_secs(3);
/// Bytes that nobody counts.
const LITTLE: u64 = 64 << 10;

/// Why there is nothing to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error("other requests have all memory that requests may have (server.memory): ask again soon")]
    Now,
    #[error(
        "this answer takes about {} MiB, and all requests together may have {} MiB: ask for less of it, with length= \
         where there are pages, or raise server.memory",
        .0 >> 20, .1 >> 20
    )]
    Always(u64, u64),
}

/// The budget.
pub struct Budget {
    most: u64,
    used: Mutex<u64>,
    freed: Notify,
    threads: Semaphore,
}

/// Bytes that were taken; dropped, they are given back.
pub struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.with(|used| *used = used.saturating_sub(self.bytes));
        self.budget.freed.notify_waiters();
    }
}

impl Budget {
    pub fn new(bytes: u64) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Arc::new(Budget {
            most: bytes,
            used: Mutex::new(0),
            freed: Notify::new(),
            threads: Semaphore::new((cores / 2).max(1)),
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut u64) -> T) -> T {
        f(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Held> {
        self.with(|used| {
            let after = used.checked_add(bytes).filter(|after| *after <= self.most)?;
            *used = after;
            Some(())
        })?;
        Some(Held { budget: self.clone(), bytes })
    }

    /// Takes bytes, after a moment if there are not enough.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn take(self: &Arc<Self>, bytes: u64) -> Result<Held, Full> {
        self.take_within(bytes, WAIT).await
    }

    /// The same, for who has begun and cannot turn back.
    pub async fn take_within(self: &Arc<Self>, bytes: u64, wait: Duration) -> Result<Held, Full> {
        if bytes > self.most {
            return Err(Full::Always(bytes, self.most));
        }
        let until = Instant::now() + wait;
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(held) = self.try_take(bytes) {
                return Ok(held);
            }
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return Err(Full::Now);
            }
        }
    }

    /// Computes something that takes a while, on a thread that may be kept. There are few at a time, so that requests
    /// with little to do find a core; `work` must not wait for anything.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        let _turn = self.threads.acquire().await;
        tokio::task::spawn_blocking(work).await
    }
}

tokio::task_local! {
    static SPENDER: Arc<Spender>;
}

/// A request, with what it holds while its answer is made.
struct Spender {
    budget: Arc<Budget>,
    held: Mutex<Vec<Held>>,
}

/// Charges the request that this is done for, if it is done for one, until its answer is made.
///
/// # Errors
/// [`Full`].
pub async fn charge(bytes: u64) -> Result<(), Full> {
    let Ok(spender) = SPENDER.try_with(Arc::clone) else { return Ok(()) };
    if bytes > LITTLE {
        let held = spender.budget.take(bytes).await?;
        spender.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }
    Ok(())
}

/// Middleware: requests with what they bring, need and answer come out of the budget.
pub async fn spend(State(budget): State<Arc<Budget>>, request: Request, next: Next) -> Response {
    let brought = brought(&request);
    let _brought = match budget.take(brought).await {
        Ok(held) => held,
        Err(full) => return ApiError::from(full).into_response(),
    };
    let spender = Arc::new(Spender { budget: budget.clone(), held: Mutex::default() });
    let response = SPENDER.scope(spender, next.run(request)).await;
    let bytes = response.body().size_hint().exact().unwrap_or(0);
    if bytes <= LITTLE {
        return response;
    }
    match budget.take(bytes).await {
        Ok(held) => response.map(|body| Body::new(Sent { body, _held: held })),
        Err(full) => ApiError::from(full).into_response(),
    }
}

/// Bytes of a body that will be read whole: as many as it says, or as many as one may have.
fn brought(request: &Request) -> u64 {
    const MOST: u64 = 2 << 20;
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return MOST;
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or(0);
    if length > LITTLE { MOST.min(length) } else { 0 }
}

/// A whole answer that is being sent.
struct Sent {
    body: Body,
    _held: Held,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_dropped_is_there_again() {
        let budget = Budget::new(100);
        let held = budget.take(60).await.unwrap();
        let soon = Duration::from_millis(20);
        assert_eq!(budget.take_within(50, soon).await.err(), Some(Full::Now));
        // What needs little does not wait behind what needs much.
        let (much, little) =
            tokio::join!(budget.take_within(50, soon), async { budget.take_within(40, Duration::ZERO).await.is_ok() });
        assert_eq!((much.err(), little), (Some(Full::Now), true));
        let waits = tokio::spawn({
            let budget = budget.clone();
            async move { budget.take_within(100, Duration::from_secs(10)).await.is_ok() }
        });
        tokio::task::yield_now().await;
        drop(held);
        assert!(waits.await.unwrap());
        assert_eq!(budget.take(101).await.err(), Some(Full::Always(101, 100)));
    }

    #[tokio::test]
    async fn outside_of_requests_nothing_is_charged() {
        assert_eq!(charge(u64::MAX).await, Ok(()));
        let budget = Budget::new(1 << 20);
        let spender = Arc::new(Spender { budget: budget.clone(), held: Mutex::default() });
        let inside = SPENDER.scope(spender, async {
            charge(1 << 19).await.unwrap();
            (charge(1 << 30).await, budget.try_take(1 << 20).is_none())
        });
        assert_eq!(inside.await, (Err(Full::Always(1 << 30, 1 << 20)), true));
        assert!(budget.try_take(1 << 20).is_some());
    }
}
