//! The HTTP server: takes connections, as many as it may have, and answers them with a router.
//!
//! In: a listener, a router, [`Limits`]. A client has so long for the head of a request and for its body, may leave an
//! answer lying for so long, and may keep a connection without a request for so long; then it is closed. Where there
//! are as many connections as there may be, the one that was idle longest goes; if none is, new ones wait in the
//! system's queue. [`guard`] says who is answered at all, [`files`] how many descriptors there are.
//!
//! It must not know what is answered, and nothing of it may wait on a thread.

mod connection;
pub mod files;
pub mod guard;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use connection::{Answer, Late, Open, Watched};

/// Bytes of a request's head, and of an answer that wait for the system to take them.
const HEAD: usize = 64 << 10;
/// Pause when the system has no connection to give.
const PAUSE: Duration = Duration::from_millis(500);
/// The least pause between two connections that are closed to make room.
const ROOM: Duration = Duration::from_millis(10);

/// What clients may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// See the module.
    pub timeout: Duration,
}

/// The connections that are open, by the order in which they came.
#[derive(Default)]
struct Connections(Mutex<BTreeMap<u64, Arc<Open>>>);

impl Connections {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<u64, Arc<Open>>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the one that was idle longest to close.
    fn make_room(&self) {
        let longest =
            self.with(|all| all.values().filter_map(|o| Some((o.idle_since()?, o.clone()))).min_by_key(|i| i.0));
        if let Some((_, open)) = longest {
            open.close();
        }
    }
}

/// Answers until `stop`, then ends the requests that it is at.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = Arc::new(Connections::default());
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    let mut number = 0u64;
    loop {
        let accepted = async {
            let place = place(&places, &connections).await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        match (accepted, place) {
            (Ok((stream, _)), Some(place)) => {
                number += 1;
                let open = Arc::new(Open::default());
                connections.with(|all| all.insert(number, open.clone()));
                let (router, stopped, connections) = (router.clone(), stopped.clone(), connections.clone());
                tokio::spawn(async move {
                    connection(stream, router, limits.timeout, &open, stopped).await;
                    connections.with(|all| all.remove(&number));
                    drop::<OwnedSemaphorePermit>(place);
                });
            }
            // The client was gone before it was looked at.
            (Err(e), _) if is_of_one(&e) => {}
            (Err(e), _) => {
                tracing::error!("no connection taken: {e}");
                tokio::time::sleep(PAUSE).await;
            }
            (Ok(_), None) => break,
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    drop(stopped);
    let ended = tokio::time::timeout(limits.timeout, stopping.closed()).await;
    if ended.is_err() {
        tracing::warn!("requests were cut off: they did not end within {} s", limits.timeout.as_secs());
    }
}

/// A place for one more connection; others are closed for it. None only if there never will be one.
async fn place(places: &Arc<Semaphore>, connections: &Connections) -> Option<OwnedSemaphorePermit> {
    loop {
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Some(place);
        }
        connections.make_room();
        if let Ok(place) = tokio::time::timeout(ROOM, places.clone().acquire_owned()).await {
            return place.ok();
        }
    }
}

/// Whether an error is about the one connection that would have been taken.
fn is_of_one(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(e.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of a connection, to its end.
async fn connection(
    stream: TcpStream,
    router: Router,
    timeout: Duration,
    open: &Arc<Open>,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are written whole or in large pieces: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let io = Watched::new(TokioIo::new(stream), timeout, open.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let (router, busy) = (router.clone(), Open::busy(open));
        async move {
            let request = request.map(|body| Body::new(Late::new(body, timeout)));
            let Ok(response): Result<Response<Body>, Infallible> = TowerToHyperService::new(router).call(request).await;
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, busy)))
        }
    });
    let answered = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(HEAD)
        .serve_connection(io, service);
    let mut answered = pin!(answered);
    loop {
        let ending = tokio::select! {
            // What goes wrong on a connection is its client's affair.
            _ = answered.as_mut() => return,
            () = open.closed() => false,
            _ = stopped.wait_for(|s| *s) => true,
        };
        // The one thread of this task is here and not in a request: what is idle now stays so until it is dropped.
        if open.idle_since().is_some() {
            return;
        }
        answered.as_mut().graceful_shutdown();
        if ending {
            let _ = answered.await;
            return;
        }
    }
}
