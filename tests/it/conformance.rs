//! The cases of Spark's own `HistoryServerSuite`: its logs, its expected answers, of two versions.
//! They lie beside the repository; without them there is nothing to test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::rules::Rules;
use crate::server::{self, TestServer};
use crate::{logs, server::stdout, skip};

fn suite() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    if !place.is_dir() {
        skip::absent("Spark's own suite (tests/it/conformance.rs): no ../shared/conformance beside the repository");
        return None;
    }
    Some(place)
}

fn read(file: PathBuf) -> Value {
    let text = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// What the suite itself blanks, and where the logs lie.
fn of_suite() -> Vec<Value> {
    vec![json!({
        "json": r"\$.*\.(logSource(Name|FullPath)|lastUpdated(Epoch)?)", "op": "ignore",
        "why": "the suite blanks lastUpdated; the logs lie in another folder",
    })]
}

/// What 3.5.4 answered otherwise than 4.3.0.
fn of_3_5_4() -> Vec<Value> {
    let push = "corruptMergedBlockChunks|mergedFetchFallbackCount|(local|remote)Merged(BlocksFetched|ChunksFetched|BytesRead)|\
                mergedRemoteReqsDuration|remoteReqsDuration|shufflePushReadMetrics|shufflePushReadMetricsDist";
    let totals = "shuffle(CorruptMergedBlockChunks|MergedFetchFallbackCount|Merged(Local|Remote)(BlocksFetched|ChunksFetched|BytesRead)|\
                  MergedRemoteReqsDuration|RemoteReqsDuration)";
    vec![
        json!({"json": r"\$.*\.ConcurrentGC(Count|Time)", "op": "extra", "why": "4.x executor metrics"}),
        json!({
            "url": "^applications/app-20200706201101-0003/stages", "json": format!(r"\$.*\.({push}|{totals})(\..*)?"), "op": "ignore",
            "why": "push-based shuffle metrics under keys of before 3.4: 4.x does not read them",
        }),
    ]
}

fn conforms(version: &str, rules: Vec<Value>) {
    let Some(suite) = suite() else { return };
    let dir = logs::folder();
    let folder = |name: &str| suite.join(name).display().to_string();
    // The one of the SQL suite is not in the lists of the other.
    let sources = [format!("core={}", folder("spark-events")), format!("sql={}", folder("spark-events-sql"))];
    let ingested = server::ingest(dir.path(), &[&sources[0], &sources[1]]);
    assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
    assert!(stdout(&ingested).starts_with("19 applications, 1352 events, "), "{}", stdout(&ingested));
    let server = TestServer::history(dir.path());
    let rules = Rules::new(&rules, BTreeMap::new());
    let cases = read(suite.join("cases.json"));
    let cases = cases.as_array().expect("cases");
    assert_eq!(cases.len(), 60);
    let mut wrong = Vec::new();
    for case in cases {
        let (path, golden) = (case["path"].as_str().expect("a path"), case["golden"].as_str().expect("a file"));
        let cluster = if path.starts_with("applications/local-1596020211915") { "sql" } else { "core" };
        let expected = read(suite.join("expectations").join(version).join(golden));
        let got = server.json(&format!("/clusters/{cluster}/api/v1/{path}"));
        wrong.extend(
            rules.differences(path, &expected, &got).into_iter().map(|d| format!("{}: {path} {d}", case["name"])),
        );
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    assert!(rules.unused().is_empty(), "rules never used: {:#?}", rules.unused());
}

#[test]
fn answers_are_those_of_sparks_suite_4_3_0() {
    conforms("v4.3.0", of_suite());
}

#[test]
fn answers_are_those_of_sparks_suite_3_5_4() {
    conforms("v3.5.4", [of_suite(), of_3_5_4()].concat());
}
