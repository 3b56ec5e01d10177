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

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use crate::catalog::{Catalog, CatalogError, Held, Kind};
use crate::indexer::Indexer;
use crate::query::Engine;
use crate::search::Search;
use crate::store::{Store, VERSION};
use crate::viewer::Viewer;
use counted::{Requests, Rounds, Sent};
use observed::Known;
use page::{Page, labels};

pub use page::Format;

/// An answer of the catalog is kept for so long,
const KEEP: Duration = Duration::from_secs(2);
/// and for so many times as long as it took: asking takes no more than a hundredth of the time, however large the catalog.
const TIMES: u32 = 100;
/// A catalog that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The parts of a process that can be asked; those that it has not are none.
pub struct Watched {
    pub role: &'static str,
    pub catalog: Catalog,
    pub store: Arc<Store>,
    pub indexer: Option<Arc<Indexer>>,
    pub search: Option<Arc<Search>>,
    pub query: Option<Arc<Engine>>,
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
    held: Kept<Vec<(Kind, Held)>>,
}

/// A value that is asked for again when it is old, with when that is.
struct Kept<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// The value. Those who ask at the same time ask once.
    async fn get(&self, ask: impl Future<Output = Result<T, CatalogError>>) -> Option<Arc<T>> {
        let mut kept = self.0.lock().await;
        let began = Instant::now();
        if let Some((_, value)) = kept.as_ref().filter(|(until, _)| began < *until) {
            return Some(value.clone());
        }
        let asked = match tokio::time::timeout(PATIENCE, ask).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err(format!("catalog: no answer within {} s", PATIENCE.as_secs())),
        };
        match asked {
            Ok(value) => {
                let value = Arc::new(value);
                *kept = Some((Instant::now() + KEEP.max(began.elapsed() * TIMES), value.clone()));
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
        let (known, held) = (Kept::default(), Kept::default());
        Arc::new(Telemetry { watched, requests, rounds, sent, counters, known, held })
    }

    /// Everything at `now` (epoch milliseconds).
    ///
    /// # Errors
    /// See [`Page::write`]. A catalog that does not answer is no error: what it knows is missing.
    pub async fn write(&self, format: Format, now: i64) -> Result<String, std::fmt::Error> {
        let w = &self.watched;
        let viewer = Viewer::everything();
        let known = self.known.get(async {
            let pulse = w.catalog.pulse(&viewer, now).await?;
            let sources = w.catalog.sources(&viewer).await?;
            Ok(Known { pulse, sources, logs: w.catalog.source_logs(&viewer).await? })
        });
        let known = known.await;
        let held = match known {
            Some(_) => self.held.get(w.catalog.held(&viewer)).await,
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
        page.gauge(names::CATALOG_UP, f64::from(u8::from(known.is_some() && held.is_some())));
        if let (Some(known), Some(held)) = (known, held) {
            observed::sources(&mut page, &known);
            observed::held(&mut page, &held);
            observed::pulse(&mut page, &known, &held);
            if let Some(search) = &w.search {
                observed::search(&mut page, search, &known);
            }
        }
        page.write(&self.counters, format)
    }
}
