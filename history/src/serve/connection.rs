//! What is known of one connection while it is open, and the limits of time on its bytes.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

/// A connection that is open.
pub struct Open {
    /// Requests that came and whose answers were not yet given to the system.
    requests: AtomicUsize,
    /// Whether bytes of an answer wait for the client to take some.
    writing: AtomicBool,
    /// Since when there was no request.
    since: Mutex<Instant>,
    close: Notify,
}

impl Default for Open {
    fn default() -> Self {
        Open {
            requests: AtomicUsize::new(0),
            writing: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
            close: Notify::new(),
        }
    }
}

impl Open {
    /// Since when there is no request; none if there is one.
    pub fn idle_since(&self) -> Option<Instant> {
        let busy = self.requests.load(Ordering::Acquire) > 0 || self.writing.load(Ordering::Acquire);
        (!busy).then(|| *self.since.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks it to close as soon as it has no request.
    pub fn close(&self) {
        self.close.notify_one();
    }

    /// When it was asked to.
    pub async fn closed(&self) {
        self.close.notified().await;
    }

    /// Notes a request, until what is given is dropped.
    pub fn busy(open: &Arc<Open>) -> Busy {
        open.requests.fetch_add(1, Ordering::AcqRel);
        Busy(open.clone())
    }
}

/// A request that is being answered.
pub struct Busy(Arc<Open>);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The bytes of a connection: a client that takes none of an answer for too long is an error.
pub struct Watched<T> {
    io: T,
    timeout: Duration,
    /// Runs while bytes wait to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
    open: Arc<Open>,
}

impl<T> Watched<T> {
    pub fn new(io: T, timeout: Duration, open: Arc<Open>) -> Self {
        Watched { io, timeout, waiting: None, open }
    }

    /// What became of bytes that were to be written.
    fn noted<N>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<N>>) -> Poll<io::Result<N>> {
        if result.is_ready() {
            self.waiting = None;
            self.open.writing.store(false, Ordering::Release);
            return result;
        }
        self.open.writing.store(true, Ordering::Release);
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        match waiting.as_mut().poll(cx) {
            Poll::Ready(()) => {
                self.open.writing.store(false, Ordering::Release);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Read + Unpin> Read for Watched<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl<T: Write + Unpin> Write for Watched<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write(cx, buf);
        this.noted(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.noted(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// A request's body that must have come within a time.
pub struct Late {
    body: Incoming,
    timeout: Duration,
    left: Option<Pin<Box<Sleep>>>,
}

impl Late {
    pub fn new(body: Incoming, timeout: Duration) -> Self {
        Late { body, timeout, left: None }
    }
}

impl HttpBody for Late {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|f| f.map_err(Into::into)));
        }
        let timeout = this.timeout;
        let left = this.left.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        left.as_mut().poll(cx).map(|()| Some(Err("the body of the request did not come in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, while which is sent the connection is busy.
pub struct Answer {
    body: Body,
    _busy: Busy,
}

impl Answer {
    pub fn new(body: Body, busy: Busy) -> Self {
        Answer { body, _busy: busy }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
