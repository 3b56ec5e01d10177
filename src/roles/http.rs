//! The HTTP server over an open store, and what keeps a store in order while it is served.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use afterglow_alerts::api::incidents::{self, Alerts};
use afterglow_alerts::api::remediation::{self, Remedies};
use afterglow_alerts::api::without;
use afterglow_history::api::{Api, SPARK_VERSION, SourceAccess, metrics, router};
use afterglow_history::budget::Budget;
use afterglow_history::catalog::Catalog;
use afterglow_history::health::{Health, Part as Of};
use afterglow_history::indexer::Indexer;
use afterglow_history::otel::own::traced;
use afterglow_history::postgres::{PostgresError, Server};
use afterglow_history::query::Engine;
use afterglow_history::search::Search;
use afterglow_history::serve::{self as server, Limits, files, guard::Guard};
use afterglow_history::store::Store;
use afterglow_history::telemetry::{Part, Telemetry, Watched};
use afterglow_ingest::{SourceKind, source};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Opened, asked_to_stop, engine::engine, remote_write, watched};
use crate::config::postgres::Address;
use crate::config::{self, Config};

/// Pause between two looks at what changed in the catalog.
const FOLLOW: Duration = Duration::from_secs(1);

/// Connections at once where there is nothing but metrics.
const SCRAPERS: usize = 64;

/// What a process that serves has beside its store.
pub struct Serving {
    search: Arc<Search>,
    pub query: Arc<Engine>,
    pub telemetry: Arc<Telemetry>,
}

impl Serving {
    /// `indexer` is that of a process that also indexes, `others` are what is watched beside it.
    pub fn open(
        config: &Config,
        opened: &Opened,
        role: &'static str,
        indexer: Option<Arc<Indexer>>,
        others: Vec<Arc<dyn Part>>,
    ) -> Result<Serving, String> {
        let search = Arc::new(Search::open(&opened.dir.join("search")).map_err(|e| e.to_string())?);
        let query = engine(config, opened)?;
        let (with_search, with_query) = (Some(search.clone()), Some(query.clone()));
        let watched =
            Watched { indexer, search: with_search, query: with_query, others, ..watched(config, opened, role) };
        Ok(Serving { search, query, telemetry: Telemetry::new(watched) })
    }
}

/// Serves `/metrics`, and nothing else, for ever.
async fn serve_metrics(config: &config::Server, listen: SocketAddr, telemetry: Arc<Telemetry>) -> Result<(), String> {
    let listener = bind("metrics.listen", listen, "").await?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    tracing::info!("metrics on http://{address}/metrics");
    let router = Guard::new(address, &config.hosts, &[]).before(metrics::router(telemetry));
    let limits = Limits { connections: SCRAPERS, ..limits(config) };
    server::serve(listener, router, limits, std::future::pending()).await;
    Ok(())
}

/// What clients may use up.
fn limits(config: &config::Server) -> Limits {
    Limits { connections: files::connections(config.connections, files::raise()), timeout: config.timeout.0 }
}

/// Serves and sends metrics, as far as the settings say where. What does not work stops nothing else.
pub async fn tell(config: Config, telemetry: Arc<Telemetry>) {
    let listen = config.metrics.listen;
    let serving = async {
        match listen {
            Some(listen) => serve_metrics(&config.server, listen, telemetry.clone()).await,
            None => Ok(()),
        }
    };
    let (served, sent) = tokio::join!(serving, remote_write(&config, telemetry.clone(), listen));
    for e in [served, sent].into_iter().filter_map(Result::err) {
        tracing::error!("{e}");
    }
}

async fn bind(key: &str, address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|e| format!("{key}: {address}: {e}: stop what listens there, or choose another{flag}"))
}

/// Serves until asked to stop; what is about incidents, if there is a ledger.
pub async fn serve(
    config: &Config,
    opened: &Opened,
    serving: Serving,
    alerting: Option<(Alerts, Remedies)>,
) -> Result<(), String> {
    let Serving { search, query, telemetry } = serving;
    let sources: BTreeMap<_, _> = config
        .source
        .iter()
        .filter(|s| s.kind == SourceKind::EventLogs)
        .filter_map(|s| {
            let url = source::normalize(&s.url).ok()?;
            Some((source::shown(&url), SourceAccess { url: url.to_string(), options: s.options.clone() }))
        })
        .collect();
    let api = Api {
        store: opened.store.clone(),
        catalog: opened.catalog.clone(),
        search: search.clone(),
        query: query.clone(),
        telemetry: telemetry.clone(),
        budget: Budget::new(config.server.memory.0),
        downloads: Arc::new(Semaphore::new(config.server.downloads.min(Semaphore::MAX_PERMITS))),
        sources: Arc::new(sources),
        spark_version: SPARK_VERSION,
    };
    let listener = bind("server.listen", config.server.listen, " with --listen").await?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let postgres = postgres(config, &query).await?;
    let (stop, ended) = (asked_to_stop(), query.clone());
    let stop = async move {
        stop.await;
        // Who waits for a statement waits for nothing else.
        ended.end();
    };
    tracing::info!("serving on http://{address}");
    if !afterglow_ui::is_built() {
        tracing::info!("built without the web UI: see README.md, or use the API");
    }
    let findings = afterglow_alerts::api::router(afterglow_alerts::api::Settings {
        court: opened.court.clone(),
        prices: config.cost.prices(),
    });
    let findings = match alerting {
        Some((alerts, remedies)) => findings.merge(incidents::router(alerts)).merge(remediation::router(remedies)),
        None => {
            let why = opened.health.trouble(&[Of::Alerting]).map(|t| t.what).unwrap_or_default();
            findings.merge(without::router(&why))
        }
    };
    let pages = router(api, findings).merge(afterglow_ui::router());
    let guarded = Guard::new(address, &config.server.hosts, &incidents::SIGNED).before(pages);
    let pages = traced(metrics::counted(guarded, telemetry.clone()));
    let (settings, sent) = (config.clone(), telemetry);
    let sending = tokio::spawn(async move {
        if let Err(e) = remote_write(&settings, sent, Some(address)).await {
            tracing::error!("{e}");
        }
    });
    let following = tokio::spawn(follow(search, opened.catalog.clone(), opened.store.clone(), opened.health.clone()));
    server::serve(listener, pages, limits(&config.server), stop).await;
    following.abort();
    // The catalog is closed next: what still asks it would take that for trouble.
    let _ = following.await;
    drop(postgres);
    sending.abort();
    query.close().await;
    Ok(())
}

/// Takes connections of the PostgreSQL protocol until what it gives is dropped.
async fn postgres(config: &Config, engine: &Arc<Engine>) -> Result<JoinSet<()>, String> {
    let mut serving = JoinSet::new();
    let Address::At(address) = config.postgres.listen else { return Ok(serving) };
    let users = config.postgres.users()?;
    match Server::bind(address, engine.clone(), users, config.postgres.tls()).await {
        Ok(server) => {
            let address = server.address().map_err(|e| e.to_string())?;
            tracing::info!("PostgreSQL protocol on {address}: psql -h {} -p {}", address.ip(), address.port());
            serving.spawn(server.serve());
        }
        // Nobody asked for it, so nobody need miss it.
        Err(e @ PostgresError::Listen { .. }) if config.postgres.listen == Address::default() => {
            tracing::warn!("no PostgreSQL protocol: {e}");
        }
        Err(e) => return Err(format!("postgres: {e}")),
    }
    Ok(serving)
}

/// Keeps the search index up to the catalog, and has damaged attempts rebuilt.
async fn follow(search: Arc<Search>, catalog: Catalog, store: Arc<Store>, health: Health) {
    loop {
        health.note(Of::Search, &search.follow(&catalog).await);
        let damaged = store.take_damaged();
        if !damaged.is_empty() {
            tracing::warn!(objects = damaged.len(), "damaged objects in the store: their logs will be read again");
            if let Err(e) = catalog.request_rebuild(&damaged).await {
                tracing::error!("{e}");
            }
        }
        tokio::time::sleep(FOLLOW).await;
    }
}
