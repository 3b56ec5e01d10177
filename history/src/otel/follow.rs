//! Exports attempts as they end, in the order in which the catalog learns of it, and remembers in the catalog which it did.
//!
//! An attempt is noted once everything about it was taken: a process that dies in between sends it again.

use std::time::Duration;

use super::export::{ExportError, Exporter, Patience};
use crate::catalog::{AttemptRow, Catalog, CatalogError};
use crate::viewer::Viewer;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Attempts looked up at once.
const SOME: i64 = 50;
/// Pause after the store or the catalog failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Prepares a run, before anything is indexed: the first time of all, what is over by now counts as exported.
///
/// # Errors
/// If the catalog cannot be written.
pub async fn prepare(catalog: &Catalog) -> Result<(), CatalogError> {
    catalog.forget_exported().await
}

/// Exports what ends, for ever. Needs [`prepare`].
pub async fn run(exporter: Exporter, catalog: Catalog) {
    let mut told = Told::default();
    loop {
        match round(&exporter, &catalog, Patience::Endless, &mut told).await {
            Ok(_) => tokio::time::sleep(PAUSE).await,
            Err(e) => {
                tracing::error!("otel: {e}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Exports what ended and was not exported yet; gives how many attempts. Those that are left when it fails are left for the next.
/// Needs [`prepare`].
///
/// # Errors
/// If catalog or store cannot be read, or the receiver stays away for longer than there is patience.
pub async fn once(exporter: &Exporter, catalog: &Catalog, patience: Duration) -> Result<usize, FollowError> {
    round(exporter, catalog, Patience::For(patience), &mut Told::default()).await
}

/// Notes on the receiver, each told once.
#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    fn note(&mut self, notes: Vec<String>) {
        for note in notes {
            if !self.0.contains(&note) && self.0.len() < 100 {
                tracing::warn!("otel: {note}");
                self.0.push(note);
            }
        }
    }
}

async fn round(
    exporter: &Exporter,
    catalog: &Catalog,
    patience: Patience,
    told: &mut Told,
) -> Result<usize, FollowError> {
    let mut done = 0;
    loop {
        // What changes from here on is above, and is for the next round.
        let newest = catalog.newest_change().await?;
        let some = catalog.to_export(SOME).await?;
        if some.is_empty() {
            catalog.exported_up_to(newest).await?;
            return Ok(done);
        }
        for row in some {
            done += usize::from(one(exporter, catalog, row, patience, told).await?);
        }
    }
}

/// Exports an attempt, as the catalog has it now; whether it was taken.
async fn one(
    exporter: &Exporter,
    catalog: &Catalog,
    row: AttemptRow,
    patience: Patience,
    told: &mut Told,
) -> Result<bool, FollowError> {
    let name = format!("{}/{}", row.cluster, row.app_id);
    match exporter.export(&row, patience).await {
        Ok(sent) => {
            tracing::debug!(trace = sent.trace, spans = sent.spans, "otel: exported {name}");
            told.note(sent.notes);
            catalog.note_exported(&row).await?;
            Ok(true)
        }
        Err(ExportError::Refused { address, signal, what }) => {
            tracing::warn!("otel: {address} refuses {signal} of {name}, which is not exported: {what}");
            catalog.note_exported(&row).await?;
            Ok(false)
        }
        Err(ExportError::Store(e)) => {
            // Its parts may have been replaced meanwhile, or it may be gone.
            let now = catalog.attempts(&Viewer::everything(), &[row.id]).await?.pop();
            match now {
                Some(now) if now.parts == row.parts && !e.is_damage() => Err(ExportError::Store(e).into()),
                // Damage is repaired from the log.
                Some(now) if now.parts == row.parts => {
                    tracing::warn!("otel: {name} is not exported before it is indexed anew: {e}");
                    catalog.exported_up_to(row.sequence).await?;
                    Ok(false)
                }
                _ => Ok(false),
            }
        }
        Err(e) => Err(e.into()),
    }
}
