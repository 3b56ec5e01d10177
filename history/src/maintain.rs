//! What keeps a store in order: fleet tables that follow the catalog, and retention.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;
use tracing::field::Empty;

use crate::catalog::{Catalog, CatalogError};
use crate::fleet::{self, FleetError, Judge};
use crate::store::{Store, StoreError};

/// What is removed, oldest first; nothing where nothing is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Retention {
    /// Attempts whose last event is older go.
    pub age: Option<Duration>,
    /// Attempts go until the store holds no more bytes.
    pub size: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum MaintainError {
    #[error(transparent)]
    Fleet(#[from] FleetError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One round: removes what retention says, brings the fleet tables up to date.
pub async fn round(
    store: &Arc<Store>,
    catalog: &Catalog,
    judge: &Arc<dyn Judge>,
    retention: Retention,
    now: i64,
) -> Result<(), MaintainError> {
    let span = tracing::info_span!(
        target: "otel",
        "maintenance round",
        otel.status_code = Empty,
        otel.status_description = Empty,
        afterglow.attempts.removed = Empty,
    );
    let done = async {
        let removed = expire(store, catalog, retention, now).await?;
        if removed > 0 {
            tracing::info!(attempts = removed, "removed by retention");
        }
        fleet::write(store, catalog, judge).await?;
        Ok(removed)
    };
    match done.instrument(span.clone()).await {
        Ok(removed) => {
            span.record("afterglow.attempts.removed", removed as i64);
            Ok(())
        }
        Err::<usize, MaintainError>(e) => {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", e.to_string());
            Err(e)
        }
    }
}

/// A part that nobody names is left alone for so long: its commit may be under way.
const LEFTOVER_AFTER: Duration = Duration::from_secs(3600);

/// Deletes parts that processes left behind when they were killed; gives how many.
pub async fn sweep(store: &Arc<Store>, catalog: &Catalog, now: i64) -> Result<usize, MaintainError> {
    // The store first: what is published later is younger than the limit.
    let before = now - LEFTOVER_AFTER.as_millis() as i64;
    let old: Vec<_> = store.parts().await?.into_iter().filter(|(_, written)| *written < before).collect();
    let named = catalog.named_parts().await?;
    let mut swept = 0;
    for (key, _) in old.iter().filter(|(key, _)| !named.contains(key.as_ref())) {
        store.delete(key).await?;
        swept += 1;
    }
    Ok(swept)
}

/// Removes what container logs told of applications that never came.
async fn expire_waiting(store: &Arc<Store>, catalog: &Catalog, before: i64) -> Result<(), MaintainError> {
    loop {
        let logs = catalog.waiting_containers(before).await?;
        if logs.is_empty() {
            return Ok(());
        }
        for part in catalog.expire_containers(&logs).await? {
            store.delete(&part).await?;
        }
    }
}

async fn expire(store: &Arc<Store>, catalog: &Catalog, retention: Retention, now: i64) -> Result<usize, MaintainError> {
    let before = retention.age.map(|age| now - age.as_millis() as i64);
    let bytes = retention.size.map(|s| i64::try_from(s).unwrap_or(i64::MAX));
    let mut removed = 0;
    if before.is_none() && bytes.is_none() {
        return Ok(removed);
    }
    if let Some(before) = before {
        expire_waiting(store, catalog, before).await?;
    }
    loop {
        let expired = catalog.expired(before, bytes).await?;
        if expired.is_empty() {
            return Ok(removed);
        }
        removed += expired.len();
        for attempt in expired {
            // First the catalog: what nobody names may be deleted, and not the other way round.
            let logs = catalog.container_logs(&attempt).await?;
            let found = catalog.expire_containers(&logs).await?;
            catalog.expire(&attempt).await?;
            for part in attempt.parts.iter().map(|p| &p.key).chain(&found) {
                store.delete(part).await?;
            }
        }
    }
}
