//! The PostgreSQL protocol over the fleet tables: how Grafana, psql and BI tools ask.
//!
//! A client is told what a PostgreSQL server would tell it, but every query goes through
//! [`crate::query::Engine`], with its bounds and its viewer.

mod aside;
mod login;
mod session;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use datafusion_postgres::pgwire::api::auth::StartupHandler;
use datafusion_postgres::pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::{ConnectionManager, PgWireServerHandlers};
use datafusion_postgres::pgwire::tokio::process_socket;
use datafusion_postgres::pgwire::tokio::tokio_rustls::TlsAcceptor;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::crypto::ring;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::pki_types::pem::PemObject as _;
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use datafusion_postgres::pgwire::tokio::tokio_rustls::rustls::{self, ServerConfig};
use futures::FutureExt as _;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::query::Engine;
use crate::viewer::Viewer;
use login::Login;
pub use login::Users;
use session::{Session, Shared};

/// Connections at once; more are refused.
const CONNECTIONS: usize = 100;
/// Clients that are about to start, beside; of more the oldest go.
const STARTING: usize = 100;
/// They have started within so long.
const START: Duration = Duration::from_secs(10);
/// How often it is looked whether a client hung up while it waits for an answer.
const LOOK: Duration = Duration::from_millis(500);

/// Where the certificate and its key lie, PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("{}: {what}: name a file in PEM format", file.display())]
    Pem { file: PathBuf, what: String },
    #[error("certificate and key do not fit: {0}")]
    Tls(#[from] rustls::Error),
    #[error("{address}: {source}: stop what listens there, or choose another with postgres.listen (`off` for none)")]
    Listen { address: SocketAddr, source: std::io::Error },
}

impl TlsFiles {
    /// Whether they are a certificate and its key.
    ///
    /// # Errors
    /// [`PostgresError`], which says what is wrong with them.
    pub fn check(&self) -> Result<(), PostgresError> {
        acceptor(self).map(drop)
    }
}

/// A server that is ready to take connections.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    users: Arc<Users>,
    tls: Option<Tls>,
}

impl Server {
    /// # Errors
    /// [`PostgresError`] if the address is taken or the files are not what they should be.
    pub async fn bind(
        address: SocketAddr,
        engine: Arc<Engine>,
        users: Users,
        tls: Option<TlsFiles>,
    ) -> Result<Server, PostgresError> {
        let tls = tls.map(Tls::open).transpose()?;
        // What clients look up takes a moment to prepare: the first of them shall not wait for it.
        let preparing = engine.clone();
        tokio::spawn(async move { drop(preparing.parse("SELECT 1", true, &[], None).await) });
        let listener = TcpListener::bind(address).await.map_err(|source| PostgresError::Listen { address, source })?;
        Ok(Server { listener, shared: Arc::new(Shared::new(engine)), users: Arc::new(users), tls })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes connections until it is dropped, which ends them.
    pub async fn serve(self) {
        let manager = Arc::new(ConnectionManager::new());
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut starting: VecDeque<(AbortHandle, watch::Receiver<bool>)> = VecDeque::new();
        loop {
            let socket = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let (socket, peer) = match socket {
                Ok(accepted) => accepted,
                Err(e) => {
                    // Out of file descriptors, mostly: that passes.
                    tracing::warn!("PostgreSQL protocol: {e}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            if room.available_permits() == 0 {
                tracing::warn!("PostgreSQL protocol: {peer} is refused: there are {CONNECTIONS} connections");
            }
            starting.retain(|(task, started)| !task.is_finished() && !*started.borrow());
            if starting.len() >= STARTING
                && let Some((oldest, _)) = starting.pop_front()
            {
                oldest.abort();
            }
            let connection = self.connection(&manager, &room);
            let (started, tls) = (connection.login.started(), self.tls.as_ref().map(Tls::acceptor));
            starting.push_back((connections.spawn(talk(socket, tls, connection)), started));
        }
    }

    fn connection(&self, manager: &Arc<ConnectionManager>, room: &Arc<Semaphore>) -> Connection {
        let viewer = Viewer::everything();
        Connection {
            login: Arc::new(Login::new(self.users.clone(), self.tls.is_some(), manager.clone(), room.clone())),
            session: Arc::new(Session::new(self.shared.clone(), viewer)),
            manager: manager.clone(),
        }
    }
}

async fn talk(socket: TcpStream, tls: Option<TlsAcceptor>, connection: Connection) {
    let _ = socket.set_nodelay(true);
    let started = connection.login.started();
    let ended = match twice(socket) {
        Ok((socket, watched)) => tokio::select! {
            ended = process_socket(socket, tls, connection) => ended,
            () = left(&watched, started) => Ok(()),
        },
        Err(e) => Err(e),
    };
    if let Err(e) = ended {
        tracing::debug!("PostgreSQL protocol: {e}");
    }
}

/// A socket, and another hold of it.
fn twice(socket: TcpStream) -> std::io::Result<(TcpStream, TcpStream)> {
    let socket = socket.into_std()?;
    let watched = socket.try_clone()?;
    Ok((TcpStream::from_std(socket)?, TcpStream::from_std(watched)?))
}

/// Ends when a client has not started in time, or hung up: while it is answered nobody reads what it sends.
async fn left(socket: &TcpStream, mut started: watch::Receiver<bool>) {
    if !matches!(tokio::time::timeout(START, started.wait_for(|s| *s)).await, Ok(Ok(_))) {
        return;
    }
    loop {
        tokio::time::sleep(LOOK).await;
        let closed = socket.ready(Interest::READABLE).now_or_never();
        if closed.is_some_and(|ready| ready.is_ok_and(|r| r.is_read_closed())) {
            return;
        }
    }
}

/// Who answers what on one connection.
struct Connection {
    login: Arc<Login>,
    session: Arc<Session>,
    manager: Arc<ConnectionManager>,
}

impl PgWireServerHandlers for Connection {
    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        self.login.clone()
    }

    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        self.session.clone()
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        self.session.clone()
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::new(DefaultCancelHandler::new(self.manager.clone()))
    }
}

/// Encryption, with a certificate that may be replaced while the server runs.
struct Tls {
    files: TlsFiles,
    now: Mutex<(Option<SystemTime>, TlsAcceptor)>,
}

impl Tls {
    fn open(files: TlsFiles) -> Result<Tls, PostgresError> {
        let now = Mutex::new((changed(&files), acceptor(&files)?));
        Ok(Tls { files, now })
    }

    /// With the certificate as it is now; one that cannot be read does not replace the last.
    fn acceptor(&self) -> TlsAcceptor {
        let mut now = self.now.lock().unwrap_or_else(|e| e.into_inner());
        let written = changed(&self.files);
        if written != now.0 {
            match acceptor(&self.files) {
                Ok(new) => now.1 = new,
                Err(e) => tracing::warn!("postgres.certificate: {e}; the last one stays in use"),
            }
            now.0 = written;
        }
        now.1.clone()
    }
}

/// When certificate or key were written last.
fn changed(files: &TlsFiles) -> Option<SystemTime> {
    let written = |file: &Path| std::fs::metadata(file).and_then(|m| m.modified()).ok();
    written(&files.certificate).max(written(&files.key))
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, PostgresError> {
    let fail = |file: &Path, what: String| PostgresError::Pem { file: file.to_owned(), what };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|all| all.collect::<Result<Vec<_>, _>>())
        .map_err(|e| fail(&files.certificate, e.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| fail(&files.key, e.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
