//! Logs with what real ones seldom have, `tests/reports`: every answer as a History Server gives it, and what we say
//! beyond that.

use std::path::Path;

use serde_json::{Value, json};

use crate::archive::Archive;
use crate::golden::Golden;
use crate::logs;
use crate::server::{self, TestServer, stdout};

/// Logs that the History Server does not list: text that is no UTF-8, and a dated part alone.
const NOT_LISTED: [&str; 2] = ["application_1790000000000_0025", "0921-c2"];

/// All logs but those, read at once, or some lines of each before the rest is there.
fn served(dir: &Path, grown: bool) -> TestServer {
    let (flat, store) = (dir.join("logs"), dir.join("store"));
    std::fs::create_dir_all(&flat).expect("a folder");
    let all = std::fs::read_dir(logs::reports()).expect("logs").flatten().map(|f| f.path());
    let all: Vec<_> = all.filter(|p| p.file_name().is_some_and(|n| NOT_LISTED.iter().all(|not| n != *not))).collect();
    for of_whole in if grown { &[0.35, 0.6, 0.85, 1.0][..] } else { &[1.0][..] } {
        for log in &all {
            let whole = std::fs::read(log).expect("a log");
            let at = (whole.len() as f64 * of_whole) as usize;
            let end = whole[..at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            std::fs::write(flat.join(log.file_name().expect("a name")), &whole[..end]).expect("a log");
        }
        // Exit code 0: events of Spark 2.0, and half a character, are no damage.
        let ingested = server::ingest(&store, &[&format!("c={}", flat.display())]);
        assert_eq!(ingested.status.code(), Some(0), "{of_whole}: {}", stdout(&ingested));
    }
    TestServer::history(&store)
}

fn spark(server: &TestServer, app: &str, path: &str) -> Value {
    server.json(&format!("/api/v1/applications/{app}/{path}"))
}

fn ours(server: &TestServer, app: &str, path: &str) -> Value {
    server.json(&format!("/api/afterglow/v1/applications/{app}/{path}"))
}

#[test]
fn odd_logs_are_answered_as_the_history_server_does() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let rules = std::fs::read_to_string(reports.join("deliberate.json")).expect("rules");
    let rules: Vec<Value> = serde_json::from_str(&rules).expect("rules");
    let golden = Golden::of("4.3.0", Archive::read(&reports.join("4.3.0.tar.zst")), &rules);
    assert!(golden.archive.index.len() > 1_500);
    for grown in [false, true] {
        let dir = logs::folder();
        let server = served(dir.path(), grown);
        golden.holds(&server);
        beyond(&server);
    }
}

/// What the History Server lacks, or has otherwise on purpose.
fn beyond(server: &TestServer) {
    let app = "app-20260101000000-0001";
    assert_eq!(spark(server, app, "sql"), json!([]), "an execution that the log does not start is none");
    assert_eq!(server.get(&format!("/api/v1/applications/{app}/sql/26")).status, 404);
    let app = "application_1790000000000_0051";
    assert_eq!(spark(server, app, "sql/0")["description"], "INSERT INTO t VALUES ('\u{fffd}')");
    assert_eq!(spark(server, app, "jobs/0")["description"], "load \u{fffd}");
    assert_eq!(ours(server, app, "completeness"), json!({"mendedLines": 3}));
    let app = "application_1790000000000_0014";
    let unknown = &ours(server, app, "completeness")["unknownEvents"];
    assert_eq!(unknown.as_object().map(|all| all.values().filter_map(Value::as_i64).sum()), Some(8), "{unknown}");
    let app = "application_1790000000000_0102";
    assert_eq!(spark(server, app, "stages/2")[0]["status"], "COMPLETE", "skipped later, and done all the same");

    let app = "local-1796066978047";
    let overview = ours(server, app, "overview");
    assert_eq!((&overview["status"], &overview["error"]), (&json!("completed"), &Value::Null));
    assert_eq!(spark(server, app, "jobs/1")["status"], "FAILED");
    let findings = ours(server, app, "findings");
    let critical = findings.as_array().map(|all| all.iter().filter(|f| f["severity"] == "critical").count());
    assert_eq!(critical, Some(0), "{findings}");

    first_lives(server);
}

/// An executor's first life stays, whatever registers under its id when it is gone.
fn first_lives(server: &TestServer) {
    let app = "application_1790000000000_0042";
    let timeline = ours(server, app, "executors/timeline");
    let lives = |id: &str| {
        let all = timeline["executors"].as_array().expect("executors").iter();
        all.filter(|e| e["id"] == id).cloned().collect::<Vec<Value>>()
    };
    let [first] = &lives("1")[..] else { panic!("{timeline}") };
    assert_eq!((&first["cores"], &first["removeTime"]), (&json!(4), &json!(1_790_000_003_500i64)), "{first}");
    let findings = ours(server, app, "findings").to_string();
    assert!(findings.contains("\"executor-lost\""), "{findings}");
    let parts = ours(server, app, "overview")["wallClock"]["parts"].clone();
    let waiting = parts.as_array().expect("parts").iter().find(|p| p["name"] == "waitingForExecutors");
    assert_eq!(waiting.map_or(0, |p| p["time"].as_i64().expect("a time")), 0, "tasks ran from the beginning: {parts}");
    // Twice with cores: both lives.
    let timeline = ours(server, "application_1790000000000_0105", "executors/timeline");
    let of = |id: &str| {
        let all = timeline["executors"].as_array().expect("executors").iter();
        all.filter(|e| e["id"] == id).map(|e| e["cores"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!((of("1"), of("2"), of("3")), (vec![json!(2), json!(4)], vec![json!(2)], vec![json!(2)]));
}

#[test]
fn what_the_history_server_does_not_list_is_judged() {
    let dir = logs::folder();
    let (flat, store) = (dir.path().join("logs"), dir.path().join("store"));
    logs::lay(&logs::reports(), &flat, &|name| NOT_LISTED.contains(&name));
    let ingested = server::ingest(&store, &[&format!("c={}", flat.display())]);
    // The beginning is missing: that is told.
    assert_eq!(ingested.status.code(), Some(3), "{}", stdout(&ingested));
    let server = TestServer::history(&store);
    let app = "application_1790000000000_0025";
    let failed = spark(&server, app, "stages/0/0/taskList?status=failed");
    assert!(failed[0]["errorMessage"].as_str().is_some_and(|e| e.contains("Tabelle K\u{fffd}nde fehlt")), "{failed}");
    assert_eq!(ours(&server, app, "completeness"), json!({"mendedLines": 1}));
    let overview = ours(&server, "0921-c2", "overview");
    assert_eq!((&overview["status"], &overview["counts"]["tasks"]), (&json!("unknown"), &json!(2)), "{overview}");
    assert_eq!(ours(&server, "0921-c2", "completeness")["noApplicationStart"], true);
}

#[test]
fn a_source_may_be_one_log() {
    let dir = logs::folder();
    let (flat, store) = (dir.path().join("logs"), dir.path().join("store"));
    logs::lay(&logs::reports(), &flat, &|name| !NOT_LISTED.contains(&name));
    let log = flat.join("application_1790000000000_0042");
    let ingested = server::ingest(&store, &[&format!("c={}", log.display())]);
    assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
    let listed = TestServer::history(&store).json("/api/v1/applications");
    let ids: Vec<&Value> = listed.as_array().expect("a list").iter().map(|a| &a["id"]).collect();
    assert_eq!(ids, [&json!("application_1790000000000_0042")]);
}
