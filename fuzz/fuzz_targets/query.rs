//! Paths and queries asked of the real router, over a store of a few real applications: no answer is a failure but
//! those that the History Server gives, too, and what says that it is JSON is JSON.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use afterglow_fuzz::{redactor, runtime, seeds};
use afterglow_history::api::{Api, SPARK_VERSION, router};
use afterglow_history::catalog::Catalog;
use afterglow_history::indexer::{Indexer, IndexerConfig};
use afterglow_history::search::Search;
use afterglow_history::store::Store;
use afterglow_ingest::Source;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use libfuzzer_sys::fuzz_target;
use object_store::memory::InMemory;
use object_store::path::Path;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// No answer is so large.
const LARGE: usize = 64 << 20;

struct Served {
    router: Router,
    /// Paths of attempts.
    bases: Vec<String>,
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
    let wanted =
        ["3.5.9/codec-none", "3.5.9/exec-lost", "3.5.9/sql", "3.5.9/storage", "4.3.0/connect", "4.3.0/fail-job"];
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
    let api = Api { store, catalog, search: Arc::new(search), sources: Arc::default(), spark_version: SPARK_VERSION };
    let mut served = Served { router: router(api), bases: Vec::new(), _folder: folder };
    let (_, _, list) = ask(&served.router, "/clusters/a/api/v1/applications").await.expect("a URL");
    let list: serde_json::Value = serde_json::from_slice(&list).expect("JSON");
    for app in list.as_array().expect("applications") {
        let id = app["id"].as_str().expect("an id");
        served.bases.push(format!("/clusters/a/api/v1/applications/{id}"));
    }
    assert!(served.bases.len() >= 6, "{:?}", served.bases);
    served
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
        seeds::plant("query", || urls(&served.bases));
    },
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else { return };
        // What stands for a base is short, so that chance keeps it.
        let Served { router, bases, .. } = served();
        let url = match text.as_bytes() {
            [b'~', n, ..] if n.is_ascii_digit() => {
                let base = &bases[usize::from(n - b'0') % bases.len()];
                let base = if n % 2 == 0 { base.clone() } else { base.replace("/clusters/a", "") };
                base + &text[2..]
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

fn urls(bases: &[String]) -> Vec<Vec<u8>> {
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
    let others = [
        "api/v1/version",
        "api/v1/applications?status=completed&minDate=2015-02-10&maxDate=2030-02-03T16:42:40.000GMT&limit=2",
        "api/v1/applications?minEndDate=2015-02-10T01:02:03.004GMT-8:30&maxEndDate=2030-01-01&offset=1&length=1&cluster=b",
        "api/afterglow/v1/search?q=count+AND+(job+OR+-sql)&cluster=a&user=root&status=completed&offset=0&limit=5",
        "api/afterglow/v1/search?q=%22a+b%22~2&limit=1",
        "api/afterglow/v1/search?q=text:[a+TO+z}+row:1+ended:%3E5+te*",
        "api/afterglow/v1/sources",
        "?offset=1",
        "healthz",
        "readyz",
    ];
    let first = bases.first().map(|b| b.trim_start_matches("/clusters/a/api/v1").to_owned()).unwrap_or_default();
    let ours = ["completeness", "streaming/queries?length=1", "streaming/progress?runId=x", "events?offset=1&length=1"]
        .map(|p| format!("api/afterglow/v1/clusters/a{first}/{p}").into_bytes());
    let of_bases = (0..6).flat_map(|n| below.map(|p| format!("~{n}{p}").into_bytes()));
    of_bases.chain(others.map(|p| p.as_bytes().to_vec())).chain(ours).collect()
}
