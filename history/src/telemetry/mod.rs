//! What the process tells of itself and of all applications, for those who watch over it: counters that its parts keep, and
//! numbers that are asked for when somebody looks.
//!
//! Invariant: no label names an application, a user, a host or a path; what a label can be is bounded by settings and code.
//! Invariant: nothing is counted here. Parts count what they do, and are asked.

pub mod counted;
pub mod names;
mod observed;
mod page;
mod process;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use crate::catalog::{Catalog, CatalogError};
use crate::health::{self, Health, Trouble};
use crate::indexer::Indexer;
use crate::query::Engine;
use crate::search::Search;
use crate::store::{Store, VERSION};
use crate::viewer::Viewer;
use counted::{Requests, Rounds, Sent};
use observed::{Known, Sums};

pub use page::{Format, Labels, Page, labels};

/// An answer of the catalog is kept for so long,
const KEEP: Duration = Duration::from_secs(2);
/// and for so many times as long as it took: asking takes no more than a hundredth of the time, however large the catalog.
const TIMES: u32 = 100;
/// A catalog that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A part of the process that this crate does not know. Its names are in [`names`] all the same.
#[async_trait]
pub trait Part: Send + Sync {
    /// Hands in what it counts as it happens.
    fn register(&self, registry: &mut Registry);

    /// Puts on a page what it is asked for at `now`, epoch milliseconds. What it cannot say is missing.
    async fn put(&self, page: &mut Page, now: i64);
}

/// The parts of a process that can be asked; those that it has not are none.
pub struct Watched {
    pub role: &'static str,
    pub catalog: Catalog,
    pub store: Arc<Store>,
    pub indexer: Option<Arc<Indexer>>,
    pub search: Option<Arc<Search>>,
    pub query: Option<Arc<Engine>>,
    pub others: Vec<Arc<dyn Part>>,
    /// Where its parts say that they fail.
    pub health: Health,
    /// Bytes that attempts may take in the store.
    pub store_limit: Option<u64>,
}

/// Answers who looks.
pub struct Telemetry {
    watched: Watched,
    pub requests: Requests,
    pub rounds: Rounds,
    pub sent: Sent,
    /// Counters that live as long as the process.
    counters: Registry,
    known: Kept<Known>,
    sums: Kept<Sums>,
}

/// A value that is asked for again when it is old.
struct Kept<T> {
    /// With when it is old.
    value: std::sync::Mutex<Option<(Instant, Arc<T>)>>,
    turn: Mutex<()>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept { value: Default::default(), turn: Mutex::default() }
    }
}

impl<T> Kept<T> {
    /// The value there is, and whether it is old.
    fn last(&self) -> Option<(Arc<T>, bool)> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        value.as_ref().map(|(until, value)| (value.clone(), Instant::now() >= *until))
    }

    /// A value that is not old. Those who ask at the same time ask once.
    async fn get(&self, ask: impl Future<Output = Result<T, CatalogError>>) -> Option<Arc<T>> {
        let _turn = self.turn.lock().await;
        if let Some((value, false)) = self.last() {
            return Some(value);
        }
        let began = Instant::now();
        let asked = match tokio::time::timeout(PATIENCE, ask).await {
            Ok(asked) => asked.map_err(|e| e.to_string()),
            Err(_) => Err(format!("catalog: no answer within {} s", PATIENCE.as_secs())),
        };
        match asked {
            Ok(value) => {
                let value = Arc::new(value);
                let until = Instant::now() + KEEP.max(began.elapsed() * TIMES);
                *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some((until, value.clone()));
                Some(value)
            }
            Err(e) => {
                tracing::warn!("metrics: {e}");
                None
            }
        }
    }
}

impl Telemetry {
    pub fn new(watched: Watched) -> Arc<Self> {
        let mut counters = Registry::default();
        let (requests, rounds, sent) = (Requests::default(), Rounds::default(), Sent::default());
        requests.register(&mut counters);
        rounds.register(&mut counters);
        sent.register(&mut counters);
        if let Some(query) = &watched.query {
            query.statements.register(&mut counters);
        }
        watched.others.iter().for_each(|part| part.register(&mut counters));
        let (known, sums) = (Kept::default(), Kept::default());
        Arc::new(Telemetry { watched, requests, rounds, sent, counters, known, sums })
    }

    /// What keeps the process from its work, a line each; nothing, if it is ready. It costs a look at one row.
    pub async fn troubles(&self) -> Vec<String> {
        let shown = |t: Trouble| format!("{}: {} (for {} s)", t.part.name(), t.what, t.since.elapsed().as_secs());
        let mut all: Vec<String> = self.watched.health.troubles().into_iter().map(shown).collect();
        match tokio::time::timeout(PATIENCE, self.watched.catalog.removals()).await {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => all.push(e.to_string()),
            Err(_) => all.push(format!("catalog: no answer within {} s", PATIENCE.as_secs())),
        }
        all
    }

    /// What keeps this process from reading any source, if it is one that does.
    pub fn indexing_trouble(&self) -> Option<Trouble> {
        let parts = [health::Part::Disk, health::Part::Catalog, health::Part::Indexing];
        self.watched.indexer.as_ref().and_then(|_| self.watched.health.trouble(&parts))
    }

    /// Everything at `now` (epoch milliseconds).
    ///
    /// # Errors
    /// See [`Page::write`]. A catalog that does not answer is no error: what it knows is missing.
    pub async fn write(self: &Arc<Self>, format: Format, now: i64) -> Result<String, std::fmt::Error> {
        let w = &self.watched;
        let viewer = Viewer::everything();
        let known = self.known.get(async {
            let pulse = w.catalog.pulse(&viewer, now).await?;
            Ok(Known { pulse, sources: w.catalog.sources(&viewer).await? })
        });
        let known = known.await;
        let sums = match known {
            Some(_) => self.sums().await,
            None => None,
        };
        let mut page = Page::default();
        let format_version = VERSION.to_string();
        let build = [("version", env!("CARGO_PKG_VERSION")), ("role", w.role), ("store_format", &format_version)];
        page.gauges(names::BUILD_INFO, [(labels(build), 1.0)]);
        process::put(&mut page);
        if let Some(indexer) = &w.indexer {
            observed::indexer(&mut page, indexer, now);
        }
        observed::store(&mut page, &w.store, w.store_limit);
        for part in &w.others {
            part.put(&mut page, now).await;
        }
        page.gauge(names::CATALOG_UP, f64::from(u8::from(known.is_some() && sums.is_some())));
        if let (Some(known), Some(sums)) = (known, sums) {
            observed::sources(&mut page, &known, &sums);
            observed::held(&mut page, &sums.held);
            observed::pulse(&mut page, &known, &sums.held);
            if let Some(search) = &w.search {
                observed::search(&mut page, search, &known);
            }
        }
        page.write(&self.counters, format)
    }

    /// What is summed over everything that the catalog has. Nobody waits for it who can have that of the look before; it is asked
    /// for meanwhile.
    async fn sums(self: &Arc<Self>) -> Option<Arc<Sums>> {
        let ask = |me: Arc<Self>| async move {
            let (catalog, viewer) = (&me.watched.catalog, Viewer::everything());
            let sums =
                async { Ok(Sums { held: catalog.held(&viewer).await?, logs: catalog.source_logs(&viewer).await? }) };
            me.sums.get(sums).await
        };
        match self.sums.last() {
            Some((last, old)) => {
                if old {
                    tokio::spawn(ask(self.clone()));
                }
                Some(last)
            }
            None => ask(self.clone()).await,
        }
    }
}
