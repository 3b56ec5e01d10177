//! What keeps a store in order: fleet tables that follow the catalog, and retention.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;
use tracing::field::Empty;

use crate::catalog::{Catalog, CatalogError};
use crate::fleet::{self, FleetError, Judge};
use crate::store::{Store, StoreError};

/// What is removed, oldest first; nothing where nothing is set.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Attempts whose last event is older go.
    pub age: Option<Duration>,
    /// Attempts go until the store holds no more bytes.
    pub size: Option<u64>,
    /// The share of all attempts that one round may remove, 1 for all: a setting that was mistyped must not empty the store.
    pub most: f64,
}

/// Attempts of which any number may go at once.
const HANDFUL: i64 = 20;

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    Attempts(usize),
    /// Nothing, because it would have been more than [`Retention::most`]: what to do about it.
    TooMany(String),
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

impl Default for Retention {
    fn default() -> Self {
        Retention { age: None, size: None, most: 0.5 }
    }
}

/// One round: removes what retention says, brings the fleet tables up to date.
pub async fn round(
    store: &Arc<Store>,
    catalog: &Catalog,
    judge: &Arc<dyn Judge>,
    retention: Retention,
    now: i64,
) -> Result<Removed, MaintainError> {
    let span = tracing::info_span!(
        target: "otel",
        "maintenance round",
        otel.status_code = Empty,
        otel.status_description = Empty,
        afterglow.attempts.removed = Empty,
    );
    let done = async {
        let removed = expire(store, catalog, retention, now).await?;
        match &removed {
            Removed::Attempts(0) => {}
            Removed::Attempts(n) => tracing::info!(attempts = n, "removed by retention"),
            Removed::TooMany(why) => tracing::error!("{why}"),
        }
        fleet::write(store, catalog, judge).await?;
        Ok(removed)
    };
    match done.instrument(span.clone()).await {
        Ok(removed) => {
            match &removed {
                Removed::Attempts(n) => {
                    span.record("afterglow.attempts.removed", *n as i64);
                }
                Removed::TooMany(why) => {
                    span.record("otel.status_code", "ERROR");
                    span.record("otel.status_description", why.as_str());
                }
            }
            Ok(removed)
        }
        Err::<_, MaintainError>(e) => {
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
    let limit = before(now, LEFTOVER_AFTER);
    let old: Vec<_> = store.parts().await?.into_iter().filter(|(_, written)| *written < limit).collect();
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

/// What was over at this time is to go; an age that goes back beyond all time keeps everything.
fn before(now: i64, age: Duration) -> i64 {
    i64::try_from(age.as_millis()).ok().and_then(|age| now.checked_sub(age)).unwrap_or(i64::MIN)
}

/// Why not so many of all attempts go at once, if they do not.
fn too_many(expiring: i64, all: i64, most: f64) -> Option<String> {
    let share = expiring as f64 / all.max(1) as f64;
    (all > HANDFUL && share > most).then(|| {
        format!(
            "retention would remove {expiring} of {all} attempts at once, more than retention.most ({most}) allows: nothing was removed. \
             Correct retention.age or retention.size, or set retention.most = 1 if that is meant"
        )
    })
}

async fn expire(
    store: &Arc<Store>,
    catalog: &Catalog,
    retention: Retention,
    now: i64,
) -> Result<Removed, MaintainError> {
    let before = retention.age.map(|age| before(now, age));
    let bytes = retention.size.map(|s| i64::try_from(s).unwrap_or(i64::MAX));
    let mut removed = 0;
    if before.is_none() && bytes.is_none() {
        return Ok(Removed::Attempts(removed));
    }
    let (expiring, all) = catalog.expiring(before, bytes).await?;
    if let Some(why) = too_many(expiring, all, retention.most) {
        return Ok(Removed::TooMany(why));
    }
    if let Some(before) = before {
        expire_waiting(store, catalog, before).await?;
    }
    loop {
        let expired = catalog.expired(before, bytes).await?;
        if expired.is_empty() {
            return Ok(Removed::Attempts(removed));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_without_an_end_keep_everything() {
        let now = 1_800_000_000_000;
        assert_eq!(before(now, Duration::from_secs(90 * 86_400)), now - 7_776_000_000);
        for age in [Duration::MAX, Duration::from_secs(200_000_000_000 * 86_400), Duration::from_secs(u64::MAX)] {
            assert!(before(now, age) < 0, "{age:?}");
        }
    }

    #[test]
    fn more_than_a_share_is_said_and_a_handful_is_not() {
        assert_eq!(too_many(20, 20, 0.5), None);
        assert_eq!(too_many(50, 100, 0.5), None);
        let said = too_many(51, 100, 0.5).unwrap();
        assert!(said.contains("51 of 100 attempts") && said.contains("retention.most = 1"), "{said}");
        assert_eq!(too_many(100, 100, 1.0), None);
        assert_eq!(too_many(0, 0, 0.0), None);
        assert!(too_many(1, 21, 0.0).is_some());
    }
}
