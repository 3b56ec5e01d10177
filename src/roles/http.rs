//! The HTTP server over an open store, and what keeps a store in order while it is served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use afterglow_history::api::{Api, SPARK_VERSION, SourceAccess, router};
use afterglow_history::catalog::Catalog;
use afterglow_history::search::Search;
use afterglow_history::store::Store;
use afterglow_ingest::{SourceKind, source};

use super::{Opened, asked_to_stop, engine};
use crate::config::Config;

/// Pause between two looks at what changed in the catalog.
const FOLLOW: Duration = Duration::from_secs(1);

/// Serves until asked to stop.
pub async fn serve(config: &Config, opened: &Opened) -> Result<(), String> {
    let search = Search::open(&opened.dir.join("search")).map_err(|e| e.to_string())?;
    let search = Arc::new(search);
    let sources: BTreeMap<_, _> = config
        .source
        .iter()
        .filter(|s| s.kind == SourceKind::EventLogs)
        .filter_map(|s| {
            let url = source::normalize(&s.url).ok()?;
            Some((source::shown(&url), SourceAccess { url: url.to_string(), options: s.options.clone() }))
        })
        .collect();
    let query = engine(config, opened)?;
    let api = Api {
        store: opened.store.clone(),
        catalog: opened.catalog.clone(),
        search: search.clone(),
        query: query.clone(),
        sources: Arc::new(sources),
        spark_version: SPARK_VERSION,
    };
    let listener = tokio::net::TcpListener::bind(config.server.listen).await.map_err(|e| {
        format!(
            "server.listen: {}: {e}: stop what listens there, or choose another with --listen",
            config.server.listen
        )
    })?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let stop = asked_to_stop();
    tracing::info!("serving on http://{address}");
    if !afterglow_ui::is_built() {
        tracing::info!("built without the web UI: see README.md, or use the API");
    }
    let pages = router(api).merge(afterglow_ui::router());
    let following = tokio::spawn(follow(search, opened.catalog.clone(), opened.store.clone()));
    let served = axum::serve(listener, pages).with_graceful_shutdown(stop).await;
    following.abort();
    query.close();
    served.map_err(|e| e.to_string())
}

/// Keeps the search index up to the catalog, and has damaged attempts rebuilt.
async fn follow(search: Arc<Search>, catalog: Catalog, store: Arc<Store>) {
    loop {
        if let Err(e) = search.follow(&catalog).await {
            tracing::warn!("{e}");
        }
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
