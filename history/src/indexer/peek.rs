//! What a source's rules make of some of its logs, without indexing them.

use std::sync::Arc;

use afterglow_ingest::{EventLog, LogReader, Position, Source, event, scan};
use tokio::sync::mpsc;

use super::identity;
use crate::placement::{Placed, Placement, Told};
use crate::redact::Redactor;
use crate::state::Attempt;

/// Blocks of a log in which it should have said whose it is: its settings come with its first events.
const BLOCKS: usize = 8;

/// A log, and where its application belongs.
pub struct Peeked {
    pub log: String,
    /// The application's id and its place; or why there is none.
    pub placed: Result<(String, Placed), String>,
}

/// Looks at the beginnings of the first logs that a listing of the source finds.
pub async fn peek(source: &Source, placement: &Arc<Placement>, redactor: &Arc<Redactor>, most: usize) -> Vec<Peeked> {
    let (tx, mut found) = mpsc::channel(most.max(1));
    let listing = tokio::spawn({
        let source = source.clone();
        async move { scan::scan(&source, &tx).await }
    });
    let mut out = Vec::new();
    while let Some(log) = if out.len() < most { found.recv().await } else { None } {
        let (placement, redactor, store) = (placement.clone(), redactor.clone(), source.store.clone());
        let name = log.key.clone();
        let looked = tokio::task::spawn_blocking(move || {
            look(LogReader::open(store, &log, &Position::default(), true), &log, &placement, redactor)
        });
        let placed = looked.await.unwrap_or_else(|e| Err(format!("cannot be read: {e}")));
        out.push(Peeked { log: name, placed });
    }
    listing.abort();
    out
}

fn look(
    mut reader: LogReader,
    log: &EventLog,
    placement: &Placement,
    redactor: Arc<Redactor>,
) -> Result<(String, Placed), String> {
    let mut attempt = Attempt::new(redactor);
    for _ in 0..BLOCKS {
        let block = reader.next_block().map_err(|e| afterglow_ingest::source::explain(&e))?;
        let Some(block) = block else { break };
        for event in block.lines().filter_map(|line| event::parse(line).ok()) {
            attempt.apply(&event);
        }
        if attempt.is_application() && !attempt.environment.spark_properties.is_empty() {
            break;
        }
    }
    if !attempt.is_application() {
        attempt.application.id = identity::of(log).ok_or("does not say whose it is")?.0;
    }
    let told = Told { application: &attempt.application, environment: &attempt.environment, path: &log.key };
    Ok((attempt.application.id.clone(), placement.place(&told)))
}
