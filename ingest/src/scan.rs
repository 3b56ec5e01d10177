//! Lists a source and gives out its event logs while the listing still runs: the first of
//! 100,000 objects are indexed before the last is listed. A poll costs list calls only.

use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use crate::{
    log::{EventLog, Grouper},
    source::Source,
};

/// What a finished listing saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    pub objects: u64,
    /// Those that hold anything: in S3 an empty object often marks a folder.
    pub logs: u64,
    /// Objects whose names say that they are no logs.
    pub passed_by: u64,
}

/// Lists `source` once, sending every log found. Ends early, without error, when nobody listens.
pub async fn scan(source: &Source, found: &Sender<EventLog>) -> object_store::Result<Listed> {
    let root = (!source.root.as_ref().is_empty()).then_some(&source.root);
    let mut listing = source.store.list(root);
    let mut grouper = Grouper::new(&source.root);
    let mut listed = Listed::default();
    while let Some(meta) = listing.next().await {
        listed.objects += 1;
        for log in grouper.push(meta?) {
            listed.logs += u64::from(log.size() > 0);
            if found.send(log).await.is_err() {
                return Ok(listed);
            }
        }
    }
    let (rest, passed_by) = grouper.finish();
    listed.passed_by = passed_by;
    for log in rest {
        listed.logs += u64::from(log.size() > 0);
        if found.send(log).await.is_err() {
            return Ok(listed);
        }
    }
    Ok(listed)
}
