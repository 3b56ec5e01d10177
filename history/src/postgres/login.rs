//! Who may connect: anybody where no users are named, otherwise who proves to know a password
//! (SCRAM-SHA-256), encrypted if there is a certificate and the client is on another machine.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::noop::NoopStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{
    SCRAM_ITERATIONS, ScramAuth, gen_salted_password, random_nonce,
};
use datafusion_postgres::pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
};
use datafusion_postgres::pgwire::api::{ClientInfo, ConnectionManager, PgWireConnectionState};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::Sink;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Passwords by user; without any, everybody may connect.
#[derive(Clone, Default)]
pub struct Users(pub BTreeMap<String, String>);

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[derive(Debug)]
struct Passwords(Arc<Users>);

#[async_trait]
impl AuthSource for Passwords {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let salt = random_nonce().into_bytes();
        let known = login.user().and_then(|u| self.0.0.get(u)).cloned();
        // Who is not known learns no more than who errs.
        let password = known.unwrap_or_else(random_nonce);
        let hash = tokio::task::spawn_blocking(move || {
            let hash = gen_salted_password(&password, &salt, SCRAM_ITERATIONS);
            Password::new(Some(salt), hash)
        });
        hash.await.map_err(|e| PgWireError::ApiError(Box::new(e)))
    }
}

/// Lets everybody in.
struct Open(Arc<ConnectionManager>);

#[async_trait]
impl NoopStartupHandler for Open {
    fn connection_manager(&self) -> Option<Arc<ConnectionManager>> {
        Some(self.0.clone())
    }
}

enum Way {
    Open(Open),
    Password(Box<SASLAuthStartupHandler<DefaultServerParameterProvider>>),
}

/// The start of one connection.
pub struct Login {
    way: Way,
    has_tls: bool,
    /// Places of connections that have started: who is not in yet takes none.
    places: Arc<Semaphore>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    started: watch::Sender<bool>,
}

impl Login {
    pub fn new(users: Arc<Users>, has_tls: bool, manager: Arc<ConnectionManager>, places: Arc<Semaphore>) -> Self {
        let way = if users.0.is_empty() {
            Way::Open(Open(manager))
        } else {
            let mut told = DefaultServerParameterProvider::default();
            (told.is_superuser, told.default_transaction_read_only) = (false, true);
            let scram = ScramAuth::new(Arc::new(Passwords(users)));
            let handler = SASLAuthStartupHandler::new(Arc::new(told)).with_scram(scram);
            Way::Password(Box::new(handler.with_connection_manager(manager)))
        };
        Login { way, has_tls, places, place: Mutex::default(), started: watch::Sender::new(false) }
    }

    /// Becomes true when the client is in.
    pub fn started(&self) -> watch::Receiver<bool> {
        self.started.subscribe()
    }

    fn refused(code: &str, what: &str) -> PgWireError {
        PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".into(), code.into(), what.into())))
    }
}

#[async_trait]
impl StartupHandler for Login {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if self.has_tls && !client.is_secure() && !client.socket_addr().ip().is_loopback() {
            let what = "connections from other machines must be encrypted: set sslmode=require";
            return Err(Login::refused("28000", what));
        }
        let full = || Login::refused("53300", "sorry, too many clients already: close connections that are not used");
        if self.places.available_permits() == 0 {
            return Err(full());
        }
        match &self.way {
            Way::Open(open) => open.on_startup(client, message).await,
            Way::Password(password) => password.on_startup(client, message).await,
        }?;
        if matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            let place = self.places.clone().try_acquire_owned().map_err(|_| full())?;
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
            self.started.send_replace(true);
        }
        Ok(())
    }
}
