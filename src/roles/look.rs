//! Whether the process can do its work: looks at what it writes to every few seconds, and has tasks that end tell of it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use afterglow_alerts::ledger::Ledger;
use afterglow_history::health::{Health, Part};
use futures::FutureExt as _;

use super::Opened;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks for ever at catalog, disk and, if it is there, the ledger.
pub async fn run(opened: Opened, ledger: Option<Ledger>) {
    let Opened { store, catalog, health, .. } = opened;
    loop {
        health.note(Part::Catalog, &catalog.look().await);
        let on_disk = store.clone();
        if let Ok(room) = tokio::task::spawn_blocking(move || on_disk.room()).await {
            health.note(Part::Disk, &room);
        }
        if let Some(ledger) = &ledger {
            health.note(Part::Ledger, &ledger.look().await);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Does for ever what a part has to do; if that ends, the part is said to fail.
pub async fn kept(health: Health, part: Part, work: impl Future<Output = ()>) {
    let what = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(()) => "ended: restart this process",
        Err(_) => "ended by a fault of ours, see the log: restart this process",
    };
    health.fails(part, what);
}
