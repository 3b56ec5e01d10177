//! Paths and queries asked of the real router, over a store of a few real applications: no answer is a failure but
//! those that the History Server gives, too, and what says that it is JSON is JSON.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use afterglow_alerts::{api as findings, fleet};
use afterglow_fuzz::{redactor, runtime, seeds};
use afterglow_history::api::{Api, SPARK_VERSION, router};
use afterglow_history::budget::Budget;
use afterglow_history::catalog::Catalog;
use afterglow_history::indexer::{Indexer, IndexerConfig};
use afterglow_history::query::{Engine, Limits, Worker};
use afterglow_history::search::Search;
use afterglow_history::store::Store;
use afterglow_history::telemetry::{Telemetry, Watched};
use afterglow_ingest::Source;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use libfuzzer_sys::fuzz_target;
use object_store::memory::InMemory;
use object_store::path::Path;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

/// No answer is so large.
const LARGE: usize = 64 << 20;

struct Served {
    router: Router,
    /// Ids of applications.
    apps: Vec<String>,
    /// Runs of streaming queries, with the place of their application.
    runs: Vec<(usize, String)>,
    _folder: TempDir,
}

fn served() -> &'static Served {
    static ONE: OnceLock<Served> = OnceLock::new();
    ONE.get_or_init(|| runtime().block_on(serve()))
}

async fn serve() -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).expect("a folder");
    let wanted = [
        "3.5.9/codec-none",
        "3.5.9/exec-lost",
        "3.5.9/sql",
        "3.5.9/storage",
        "3.5.9/streaming-hdfs",
        "4.3.0/connect",
        "4.3.0/fail-job",
    ];
    for (name, bytes) in seeds::files(|case| wanted.contains(&case)) {
        let name = name.rsplit('/').next().unwrap_or_default();
        if !name.starts_with("appstatus") {
            std::fs::write(logs.join(name.trim_start_matches("events_1_")), bytes).expect("a log");
        }
    }
    let store =
        Store::new(Arc::new(InMemory::new()), Path::default(), &folder.path().join("tmp"), 8 << 20).expect("a store");
    let store = Arc::new(store);
    let catalog = Catalog::open(&folder.path().join("catalog.db")).await.expect("a catalog");
    let config = IndexerConfig { workers: 1, ..IndexerConfig::default() };
    let indexer = Indexer::new(store.clone(), catalog.clone(), redactor(), config);
    // In two clusters, so that some ids need one.
    for cluster in ["a", "b"] {
        let place = logs.display().to_string();
        let source = Source::open(cluster, &place, BTreeMap::new(), &BTreeMap::new()).await.expect("a folder");
        indexer.once(&[source]).await.expect("a catalog");
    }
    let search = Search::open(&folder.path().join("search")).expect("an index");
    search.follow(&catalog).await.expect("an index");
    let limits = Limits { timeout: Duration::from_secs(5), memory: 64 << 20, rows: 1000 };
    let judge = fleet::table(Default::default());
    let worker = Worker::new(store.clone(), catalog.clone(), judge, limits, folder.path(), None).expect("a worker");
    let query = Engine::here(worker, limits, store.clone(), catalog.clone());
    let search = Arc::new(search);
    let watched = Watched {
        role: "history",
        catalog: catalog.clone(),
        store: store.clone(),
        indexer: None,
        search: Some(search.clone()),
        query: Some(query.clone()),
        others: Vec::new(),
        health: Default::default(),
        store_limit: None,
    };
    let telemetry = Telemetry::new(watched);
    let (budget, downloads) = (Budget::new(256 << 20), Arc::new(Semaphore::new(1)));
    let sources = Arc::default();
    let api =
        Api { store, catalog, search, query, telemetry, budget, downloads, sources, spark_version: SPARK_VERSION };
    let findings = findings::router(findings::Settings::default());
    let mut served = Served { router: router(api, findings), apps: Vec::new(), runs: Vec::new(), _folder: folder };
    let apps = values(&served.router, "/clusters/a/api/v1/applications", "id").await;
    for (i, app) in apps.iter().enumerate() {
        let runs = format!("{}/streaming/queries", base(app, true, true));
        served.runs.extend(values(&served.router, &runs, "runId").await.into_iter().map(|run| (i, run)));
    }
    served.apps = apps;
    assert!(served.apps.len() >= 7 && !served.runs.is_empty(), "{:?}", served.apps);
    served
}

/// What the rows of a list have under a key.
async fn values(router: &Router, url: &str, key: &str) -> Vec<String> {
    let (_, _, body) = ask(router, url).await.expect("a URL");
    let list: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    list.as_array().expect("a list").iter().map(|row| row[key].as_str().expect("a text").to_owned()).collect()
}

/// Where an application is in Spark's API or in ours, with or without its cluster.
fn base(app: &str, ours: bool, cluster: bool) -> String {
    match (ours, cluster) {
        (false, false) => format!("/api/v1/applications/{app}"),
        (false, true) => format!("/clusters/a/api/v1/applications/{app}"),
        (true, false) => format!("/api/afterglow/v1/applications/{app}"),
        (true, true) => format!("/api/afterglow/v1/clusters/a/applications/{app}"),
    }
}

/// Status, type and body of an answer; none if no URL has this form.
async fn ask(router: &Router, url: &str) -> Option<(u16, String, Vec<u8>)> {
    let request = Request::get(url).body(Body::empty()).ok()?;
    let response = router.clone().oneshot(request).await.unwrap_or_else(|e| match e {});
    let status = response.status().as_u16();
    let kind =
        response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let body = to_bytes(response.into_body(), LARGE).await.expect("a body that ends");
    Some((status, kind, body.to_vec()))
}

/// Answers of 500 and above that are the History Server's own: what its handlers throw when a page of tasks or a
/// thread dump is asked for without what it takes, and that there are no thread dumps.
fn is_sparks_own(path: &str, status: u16, kind: &str, body: &[u8]) -> bool {
    match status {
        500 => {
            kind.starts_with("text/html") && ["taskList", "taskTable", "threads"].iter().any(|end| path.ends_with(end))
        }
        503 => path.ends_with("threads") && body.starts_with(b"Thread dumps not available"),
        _ => false,
    }
}

fuzz_target!(
    init: {
        let served = served();
        seeds::plant("query", || urls(served));
    },
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else { return };
        // What stands for a base is short, so that chance keeps it.
        let Served { router, apps, .. } = served();
        let url = match text.as_bytes() {
            [api @ (b'~' | b'^'), n, ..] if n.is_ascii_lowercase() => {
                let n = usize::from(n - b'a');
                base(&apps[n % apps.len()], *api == b'^', n < apps.len()) + &text[2..]
            }
            _ => format!("/{}", text.trim_start_matches('/')),
        };
        let Some((status, kind, body)) = runtime().block_on(ask(router, &url)) else { return };
        let path = url.split(['?', '#']).next().unwrap_or_default();
        assert!(status < 500 || is_sparks_own(path, status, &kind, &body), "{status}: {}", String::from_utf8_lossy(&body));
        // A date that is none is answered by words under the type of JSON.
        let words = status == 400 && body.starts_with(b"Couldn't parse date: ");
        if kind.starts_with("application/json") && !words {
            let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&body);
            assert!(parsed.is_ok(), "no JSON: {}", String::from_utf8_lossy(&body));
        }
    }
);

/// Seeds: `~` and a letter stand for an application in Spark's API, `^` and a letter for one in ours.
fn urls(served: &Served) -> Vec<Vec<u8>> {
    let below = [
        "",
        "/jobs?status=succeeded&offset=1&length=2",
        "/jobs/0",
        "/stages?status=complete&details=true&taskStatus=SUCCESS&offset=0&length=3",
        "/stages?withSummaries=true&quantiles=0.1,0.5,1.0",
        "/stages/0?details=false",
        "/stages/0/0?withSummaries=true&quantiles=0,1",
        "/stages/0/0/taskSummary?quantiles=0.01,0.5,0.99",
        "/stages/0/0/taskList?sortBy=-RUNTIME&offset=1&length=5&status=SUCCESS",
        "/stages/0/0/taskTable?numTasks=4&start=0&length=2&columnNameToSort=Duration&order[0][dir]=desc&search[value]=a",
        "/executors?offset=0&length=1",
        "/allexecutors",
        "/executors/driver/threads",
        "/threads?taskId=1&executorId=driver",
        "/environment",
        "/storage/rdd?length=1",
        "/storage/rdd/1",
        "/sql?details=true&planDescription=false&offset=0&length=2",
        "/sql/0?details=false",
        "/sql/sqlTable?draw=1&start=0&length=5&status=COMPLETED&groupSubExecution=true&order[0][column]=1&columns[1][name]=duration&search[value]=count",
        "/connect/sessions",
        "/connect/sessions/x?userId=c3BhcmtVc2Vy",
        "/connect/operations?length=1",
        "/connect/operations/detail?jobTag=x",
        "/streaming/batches/1/operations/2",
        "/logs",
    ];
    let ours = [
        "/overview",
        "/completeness",
        "/events?offset=1&length=1",
        "/executors/timeline?points=9",
        "/jobs/timeline",
        "/stages/0/0/tasks?sort=-duration&status=success&q=driver&executor=1&offset=1&length=3",
        "/stages?status=complete&q=at&pool=default&sort=-skew&offset=1&length=2",
        "/stages/0/0/executors?offset=0&length=2",
        "/stages/0/0/quantiles",
        "/stages/0/0/histogram?of=duration&bins=5",
        "/stages/0/0/scatter?x=inputSize&y=duration&points=5",
        "/stages/0/0/timeline?length=5",
        "/stages/0/0/graph",
        "/sql?status=completed&q=count&sort=-duration&offset=1&length=2",
        "/sql/0/graph",
        "/streaming/queries",
        "/streaming/progress?runId=x&batch=1&offset=1&length=1",
        "/storage/timeline",
        "/findings",
        "/findings/not-known",
        "/pauses?offset=1&length=2",
    ];
    let others = [
        "api/v1/version",
        "api/v1/applications?status=completed&minDate=2015-02-10&maxDate=2030-02-03T16:42:40.000GMT&limit=2",
        "api/v1/applications?minEndDate=2015-02-10T01:02:03.004GMT-8:30&maxEndDate=2030-01-01&offset=1&length=1&cluster=b",
        "api/afterglow/v1/search?q=count+AND+(job+OR+-sql)&cluster=a&user=root&status=completed&offset=0&limit=5",
        "api/afterglow/v1/search?q=%22a+b%22~2&limit=1",
        "api/afterglow/v1/search?q=text:[a+TO+z}+row:1+ended:%3E5+te*",
        "api/afterglow/v1/applications?q=sql&cluster=a&user=root&queue=x&status=completed&version=3.5.9&label=k%3Dv&sort=-duration&length=2",
        "api/afterglow/v1/applications?from=1795220781168&to=1895220781168&offset=1&sort=name",
        "api/afterglow/v1/applications/facets?cluster=a&q=count&status=failed",
        "api/afterglow/v1/settings/defaults?version=3.4.1",
        "api/afterglow/v1/rules",
        "api/afterglow/v1/rules/task-skew",
        "api/afterglow/v1/sql/tables",
        "api/afterglow/v1/sources",
        "api/afterglow/v1/sources/problems?offset=0&length=3",
        "healthz",
        "readyz",
    ];
    let letters = || ('a'..='z').take(served.apps.len() + 2);
    let series = served.runs.iter().map(|(n, run)| {
        let letter = char::from(b'a' + *n as u8);
        format!("^{letter}/streaming/queries/{run}/series?points=5&from=0&to=1795219300000")
    });
    let all = letters().flat_map(|n| below.map(|p| format!("~{n}{p}")));
    let all = all.chain(letters().flat_map(|n| ours.map(|p| format!("^{n}{p}"))));
    all.chain(series).chain(others.map(str::to_owned)).map(String::into_bytes).collect()
}
