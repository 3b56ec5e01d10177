//! Time passing: pending incidents fire, groups are told of, what was not seen for long is over.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Ledger, LedgerError};
use crate::route::flush::{Moment, decide};
use crate::settings::Settings;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause after the ledger failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Groups of one transaction.
const GROUPS: i64 = 100;
/// Looks between two clearings: about ten minutes.
const CLEAR_EVERY: u64 = 1_200;

/// Does so for ever; `now` is the present, epoch milliseconds.
pub async fn run(settings: Arc<Settings>, ledger: Ledger, now: fn() -> i64) {
    for round in 0u64.. {
        let cleared = if round.is_multiple_of(CLEAR_EVERY) { clear(&settings, &ledger, now()).await } else { Ok(()) };
        match cleared.and(tick(&settings, &ledger, now()).await.map(drop)) {
            Ok(()) => tokio::time::sleep(PAUSE).await,
            Err(e) => {
                tracing::error!("alerts: {e}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// What is due at `now`; gives how many groups were looked at.
///
/// # Errors
/// If the ledger cannot be read or written.
pub async fn tick(settings: &Settings, ledger: &Ledger, now: i64) -> Result<usize, LedgerError> {
    while ledger.fire_due(now, &|labels| settings.tree.place(labels)).await? > 0 {}
    let mut looked_at = 0;
    while ledger.any_group_due(now).await? {
        let (quiet, firing) = (ledger.quiet(now).await?, ledger.firing().await?);
        let destinations = |receiver: &str| settings.destinations(receiver);
        let moment = Moment {
            now,
            tree: &settings.tree,
            quiet: &quiet,
            firing: &firing,
            destinations: &destinations,
            url: &settings.url,
        };
        let groups = ledger.flush(now, GROUPS, &|group, members| decide(&moment, group, members)).await?;
        if groups == 0 {
            break;
        }
        looked_at += groups;
    }
    Ok(looked_at)
}

async fn clear(settings: &Settings, ledger: &Ledger, now: i64) -> Result<(), LedgerError> {
    let before = |d: Duration| now.saturating_sub(i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    ledger.resolve_unseen(before(settings.resolve_after), now).await?;
    ledger.forget_sent(before(settings.keep)).await.map(drop)
}
