//! Lists a source and gives out its event logs while the listing still runs: the first of
//! 100,000 objects are indexed before the last is listed. A poll costs list calls only.

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::{ObjectMeta, ObjectStoreExt as _, path::Path};
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;

use crate::{
    container::Place,
    folder::{self, Found, Odd},
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub objects: u64,
    /// Those that hold anything: in S3 an empty object often marks a folder.
    pub logs: u64,
    /// Objects whose names say that they are no logs, and what is odd.
    pub passed_by: u64,
    /// The first that have no name of an object, or cannot be looked at.
    pub odd: Vec<Odd>,
}

/// Odd files of a source that are named.
const NAMED: usize = 100;
/// Files found by a walk that may wait to be looked at.
const AHEAD: usize = 1024;

impl Listed {
    /// What is to be looked at of something that was found.
    fn object(&mut self, found: Found) -> Option<ObjectMeta> {
        self.objects += 1;
        match found {
            Found::Object(meta) => Some(meta),
            Found::Odd(odd) => {
                self.passed_by += 1;
                if self.odd.len() < NAMED {
                    self.odd.push(odd);
                }
                None
            }
        }
    }
}

/// Everything below a source.
fn listing(source: &Source) -> BoxStream<'static, object_store::Result<Found>> {
    let Some(root) = source.folder.clone() else {
        let root = (!source.root.as_ref().is_empty()).then_some(&source.root);
        return source.store.list(root).map(|meta| meta.map(Found::Object)).boxed();
    };
    let (tx, rx) = mpsc::channel(AHEAD);
    let (done, walked) = oneshot::channel();
    // It waits for those who read the logs, so it takes none of the threads that they need.
    let walk = move || {
        let _ = done.send(folder::walk(&root, &tx).map_err(|e| format!("{}: {e}", root.display())));
    };
    let started = std::thread::Builder::new().name("list".into()).spawn(walk);
    let found = stream::unfold(rx, |mut rx| async move { rx.recv().await.map(|found| (Ok(found), rx)) });
    // How it ended is known when all was taken.
    let ended = stream::once(async move {
        let failed = match (started, walked.await) {
            (Err(e), _) => e.to_string(),
            (Ok(_), Ok(Ok(()))) => return None,
            (Ok(_), Ok(Err(e))) => e,
            (Ok(_), Err(_)) => "the listing was cut off".to_owned(),
        };
        Some(Err(object_store::Error::Generic { store: "folder", source: failed.into() }))
    });
    found.chain(ended.filter_map(std::future::ready)).boxed()
}

/// The first object of a source, if it holds any: whether it answers.
pub async fn first(source: &Source) -> Option<object_store::Result<Path>> {
    let mut listing = listing(source);
    while let Some(found) = listing.next().await {
        match found {
            Ok(Found::Object(meta)) => return Some(Ok(meta.location)),
            Ok(Found::Odd(_)) => {}
            Err(e) => return Some(Err(e)),
        }
    }
    None
}

/// Lists `source` once, sending every log found. Ends early, without error, when nobody listens.
pub async fn scan(source: &Source, found: &Sender<EventLog>) -> object_store::Result<Listed> {
    let mut listing = listing(source);
    let mut grouper = Grouper::new(&source.root);
    let mut listed = Listed::default();
    while let Some(found_one) = listing.next().await {
        let Some(meta) = listed.object(found_one?) else { continue };
        for log in grouper.push(meta) {
            listed.logs += u64::from(log.size() > 0);
            if found.send(log).await.is_err() {
                return Ok(listed);
            }
        }
    }
    let mut one = None;
    if listed.objects == 0
        && !source.root.as_ref().is_empty()
        && let Ok(meta) = source.store.head(&source.root).await
    {
        // The source names an object, not what is below a folder.
        listed.objects = 1;
        let above = source.root.parts().count().saturating_sub(1);
        grouper = Grouper::new(&source.root.parts().take(above).collect());
        one = Some(grouper.push(meta));
    }
    let (rest, passed_by) = grouper.finish();
    listed.passed_by += passed_by;
    for log in one.into_iter().flatten().chain(rest) {
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
    let mut listing = listing(source);
    let mut listed = Listed::default();
    while let Some(found_one) = listing.next().await {
        let Some(meta) = listed.object(found_one?) else { continue };
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
