//! Lists a source and gives out its event logs while the listing still runs: the first of
//! 100,000 objects are indexed before the last is listed. A poll costs list calls only.

use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use crate::{
    container::Place,
    log::{EventLog, Grouper, Layout, Part},
    source::Source,
};

/// An object that is a container's log.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerLog {
    pub place: Place,
    /// The object, read as a log of one part.
    pub log: EventLog,
}

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

/// Lists `source` once, sending every container log of an application. What holds nothing, and what
/// has no application in its path, is passed by. Ends early, without error, when nobody listens.
pub async fn containers(source: &Source, found: &Sender<ContainerLog>) -> object_store::Result<Listed> {
    let root = (!source.root.as_ref().is_empty()).then_some(&source.root);
    let mut listing = source.store.list(root);
    let mut listed = Listed::default();
    while let Some(meta) = listing.next().await {
        let meta = meta?;
        listed.objects += 1;
        let full = meta.location.to_string();
        let key = full.strip_prefix(source.root.as_ref()).unwrap_or(&full).trim_start_matches('/').to_owned();
        // The application may be in the part of the path that the source names.
        let hidden = key.split('/').any(|part| part.starts_with(['.', '_']));
        let Some(place) = Place::of(&full).filter(|_| meta.size > 0 && !hidden) else {
            listed.passed_by += 1;
            continue;
        };
        let part = Part {
            index: 0,
            path: meta.location,
            size: meta.size,
            etag: meta.e_tag,
            modified: meta.last_modified.timestamp_millis(),
        };
        let log = EventLog {
            key,
            layout: Layout::Single,
            parts: vec![part],
            in_progress: false,
            missing: Vec::new(),
            compacted: false,
        };
        listed.logs += 1;
        if found.send(ContainerLog { place, log }).await.is_err() {
            return Ok(listed);
        }
    }
    Ok(listed)
}
