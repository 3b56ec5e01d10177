//! Listings as object stores give them: in pages, slowly, with errors between them. What is indexed meanwhile, and what is not lost.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use afterglow_history::catalog::{Catalog, SourceRow};
use afterglow_history::indexer::{Indexer, IndexerConfig};
use afterglow_history::redact::{Redactor, SPARK_DEFAULT};
use afterglow_history::store::Store;
use afterglow_history::viewer::Viewer;
use afterglow_ingest::{Source, SourceKind};
use futures::FutureExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::watch;

use crate::answers;
use crate::follow;
use crate::logs;
use crate::paged::{Call, Paged, failure};
use crate::server::{self, TestServer};

/// Time in which what is awaited must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// An indexer over a store in a folder, and one source.
struct Index {
    catalog: Catalog,
    indexer: Arc<Indexer>,
    source: Source,
}

impl Index {
    async fn over(folder: &FilePath, objects: Arc<dyn ObjectStore>) -> Index {
        fs::create_dir_all(folder).unwrap();
        let kept = LocalFileSystem::new_with_prefix(folder).unwrap();
        let store = Store::new(Arc::new(kept), Path::default(), &folder.join("tmp"), 16 << 20).unwrap();
        let catalog = Catalog::open(&folder.join("catalog.db")).await.unwrap();
        let redactor = Arc::new(Redactor::new(SPARK_DEFAULT).unwrap());
        let indexer = Indexer::new(Arc::new(store), catalog.clone(), redactor, IndexerConfig::default());
        let (cluster, url) = ("lab".to_owned(), "memory:///events".to_owned());
        let (kind, labels, root) = (SourceKind::EventLogs, BTreeMap::new(), Path::from("events"));
        let source = Source { cluster, kind, url, labels, store: objects, root, folder: None };
        Index { catalog, indexer, source }
    }

    /// One poll, and how it went.
    async fn poll(&self) -> SourceRow {
        self.indexer.once(std::slice::from_ref(&self.source)).await.unwrap();
        self.catalog.sources(&Viewer::everything()).await.unwrap().remove(0)
    }

    async fn applications(&self) -> i64 {
        self.catalog.totals(&Viewer::everything()).await.unwrap().0
    }

    fn events(&self) -> u64 {
        self.indexer.progress.counts().events
    }
}

/// Puts the files of a folder, at any depth, below a prefix.
async fn put_folder(store: &dyn ObjectStore, folder: &FilePath, prefix: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let place = prefix.clone().join(entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            Box::pin(put_folder(store, &entry.path(), &place)).await;
        } else {
            store.put(&place, fs::read(entry.path()).unwrap().into()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_between_pages_and_inside_logs_lose_and_double_nothing() {
    let dir = logs::folder();
    let (folder, whole, store) = (dir.path().join("logs"), dir.path().join("whole"), dir.path().join("store"));
    for case in ["users", "sql", "rolling-zstd", "codec-none", "misc"] {
        logs::lay(&logs::case("3.5.9", case), &folder, &|_| true);
    }
    let undisturbed = Paged::new(1000, |_| futures::future::ok(()).boxed());
    put_folder(&undisturbed.objects, &folder, &Path::from("events")).await;
    let undisturbed = Index::over(&whole, Arc::new(undisturbed)).await;
    let expected = undisturbed.poll().await;
    assert_eq!((expected.problem, expected.logs), (None, 8));
    let events = undisturbed.events();
    undisturbed.catalog.close().await;

    // Every listing comes one page further than the one before, and every log is first read up to its second chunk only.
    let torn: Mutex<HashSet<Path>> = Mutex::default();
    let failed = Arc::new(AtomicUsize::new(0));
    let failures = failed.clone();
    let faulty = Arc::new(Paged::new(3, move |call| {
        let fails = match call {
            Call::Page { listing, page } => page > listing,
            Call::Read { path, from } => from > 0 && torn.lock().unwrap().insert(path),
        };
        failures.fetch_add(usize::from(fails), Relaxed);
        async move { if fails { Err(failure()) } else { Ok(()) } }.boxed()
    }));
    put_folder(&faulty.objects, &folder, &Path::from("events")).await;
    let index = Index::over(&store, faulty.clone()).await;
    let (mut polls, mut seen) = (Vec::new(), 0);
    let last = loop {
        let row = index.poll().await;
        let applications = index.applications().await;
        assert!(applications >= seen, "{applications} applications after {seen}");
        seen = applications;
        let Some(problem) = row.problem else { break row };
        assert!(problem.contains("the test wants it so"), "{problem}");
        polls.push(problem);
        assert!(polls.len() < 20, "{polls:#?}");
    };
    assert!(polls.len() >= 3, "listings broke off: {polls:#?}");
    assert!(failed.load(Relaxed) > polls.len(), "logs broke off, too");
    assert_eq!((last.objects, last.logs, last.passed_by), (expected.objects, expected.logs, expected.passed_by));
    assert_eq!(index.events(), events, "each event counts once");
    assert_eq!(server::scratch(&store), [""; 0]);
    let reads = faulty.reads.load(Relaxed);
    assert_eq!(index.poll().await.problem, None);
    assert_eq!(faulty.reads.load(Relaxed), reads, "nothing is read again");
    index.catalog.close().await;

    let (whole, store) = (TestServer::history(&whole), TestServer::history(&store));
    let list = whole.json("/api/v1/applications");
    assert_eq!(list.as_array().unwrap().len(), 8);
    for app in list.as_array().unwrap().iter().filter_map(|a| a["id"].as_str()) {
        answers::assert_equal(app, &answers::all(&whole, app), &answers::all(&store, app));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_what_was_appended_loses_and_doubles_nothing() {
    let dir = logs::folder();
    let (app, log) = logs::plain("3.5.9", "sql");
    let failing = Arc::new(AtomicUsize::new(0));
    let left = failing.clone();
    let faulty = Arc::new(Paged::new(1000, move |call| {
        // Not at once, but in the second chunk of what is new.
        let inside = matches!(call, Call::Read { from, .. } if from > 1_200_000);
        let fails = inside && left.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok();
        async move { if fails { Err(failure()) } else { Ok(()) } }.boxed()
    }));
    let index = Index::over(dir.path(), faulty.clone()).await;
    let place = |name: &str| Path::from(format!("events/{app}{name}"));
    for (bytes, errors) in [(50_000, 0), (300_000, 0), (log.len(), 2)] {
        faulty.objects.put(&place(".inprogress"), log[..bytes].to_vec().into()).await.unwrap();
        failing.store(errors, Relaxed);
        for _ in 0..errors {
            let problem = index.poll().await.problem.unwrap();
            assert!(problem.starts_with(&format!("a log cannot be read: {app}: ")), "{problem}");
        }
        assert_eq!(index.poll().await.problem, None);
    }
    assert_eq!(failing.load(Relaxed), 0, "the errors were met");
    faulty.objects.rename(&place(".inprogress"), &place("")).await.unwrap();
    assert_eq!(index.poll().await.problem, None);
    index.catalog.close().await;
    answers::assert_equal(&app, &follow::at_once(&app, &log), &answers::all(&TestServer::history(dir.path()), &app));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_renamed_between_listing_and_reading_is_no_problem() {
    let dir = logs::folder();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let renamed = Arc::new(AtomicUsize::new(0));
    let times = renamed.clone();
    let store = Arc::new(Paged::new(1000, move |call| {
        let open = matches!(&call, Call::Read { path, .. } if path.as_ref().ends_with(".inprogress"));
        times.fetch_add(usize::from(open), Relaxed);
        async move {
            let Call::Read { path, .. } = call else { return Ok(()) };
            let source = "renamed".into();
            if open { Err(object_store::Error::NotFound { path: path.to_string(), source }) } else { Ok(()) }
        }
        .boxed()
    }));
    let index = Index::over(dir.path(), store.clone()).await;
    let place = |name: &str| Path::from(format!("events/{app}{name}"));
    store.objects.put(&place(".inprogress"), log.clone().into()).await.unwrap();
    let row = index.poll().await;
    assert_eq!((row.problem, row.logs, index.applications().await), (None, 1, 0));
    assert_eq!(renamed.load(Relaxed), 1);
    store.objects.rename(&place(".inprogress"), &place("")).await.unwrap();
    assert_eq!((index.poll().await.problem, index.applications().await), (None, 1));
    index.catalog.close().await;
}

/// The smallest log there is.
fn smallest(id: &str) -> String {
    format!(
        "{{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"4.3.0\"}}\n\
         {{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"a\",\"App ID\":\"{id}\",\"Timestamp\":1,\"User\":\"u\"}}\n\
         {{\"Event\":\"SparkListenerApplicationEnd\",\"Timestamp\":2}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_100_000_objects_are_indexed_before_the_last_are_listed() {
    const OBJECTS: usize = 100_000;
    const PAGE: usize = 1000;
    /// Logs with content on the first and the second page; the last object is one, too.
    const EARLY: usize = 50;
    let dir = logs::folder();
    let (open, released) = watch::channel(2);
    let asked = Arc::new(AtomicUsize::new(0));
    let pages = asked.clone();
    let store = Arc::new(Paged::new(PAGE, move |call| {
        let mut released = released.clone();
        if let Call::Page { page, .. } = call {
            pages.fetch_max(page, Relaxed);
        }
        async move {
            let Call::Page { page, .. } = call else { return Ok(()) };
            released.wait_for(|pages| page < *pages).await.map(drop).map_err(|_| failure())
        }
        .boxed()
    }));
    for i in 0..OBJECTS {
        let id = format!("app-20261121000000-{i:06}");
        let filled = i % PAGE < EARLY && i < 2 * PAGE || i == OBJECTS - 1;
        let log = if filled { smallest(&id) } else { String::new() };
        store.objects.put(&Path::from(format!("events/{id}")), log.into()).await.unwrap();
    }
    let index = Arc::new(Index::over(dir.path(), store.clone()).await);
    let polling = tokio::spawn({
        let index = index.clone();
        async move { index.poll().await }
    });
    let early = async {
        while index.applications().await < 2 * EARLY as i64 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, early).await.expect("the applications of the first pages are indexed");
    assert!(asked.load(Relaxed) <= 2 && !polling.is_finished(), "98 pages were not listed yet");
    open.send(OBJECTS / PAGE).unwrap();
    let row = tokio::time::timeout(PATIENCE, polling).await.expect("the listing ends").unwrap();
    assert_eq!((row.problem, row.objects, row.logs), (None, OBJECTS as i64, 2 * EARLY as i64 + 1));
    assert_eq!(index.applications().await, 2 * EARLY as i64 + 1);
    assert_eq!(store.reads.load(Relaxed), 2 * EARLY + 1, "each log is read once");
    for poll in 1..=2 {
        assert_eq!(index.poll().await.problem, None);
        assert_eq!(store.listings.load(Relaxed), 1 + poll);
        assert_eq!(store.reads.load(Relaxed), 2 * EARLY + 1, "nothing is read again, and no object asked for");
    }
    index.catalog.close().await;
}
