//! What the overview of an application tells of others, and of what it uses.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::logs;
use crate::server::{TestServer, ingest, stdout};

const OURS: &str = "/api/afterglow/v1";

fn overview(server: &TestServer, app: &str) -> Value {
    server.json(&format!("{OURS}/clusters/default/applications/{app}/overview"))
}

/// A log with some events changed.
fn changed(log: &[u8], name: &str, change: impl Fn(&mut Value)) -> Vec<u8> {
    let lines = String::from_utf8(log.to_vec()).unwrap();
    let moved = lines.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if event["Event"] == name {
            change(&mut event);
            return event.to_string();
        }
        line.to_owned()
    });
    (moved.collect::<Vec<_>>().join("\n") + "\n").into_bytes()
}

/// A log whose application started so much later, in milliseconds.
fn later(log: &[u8], by: i64) -> Vec<u8> {
    changed(log, "SparkListenerApplicationStart", |event| {
        event["Timestamp"] = json!(event["Timestamp"].as_i64().unwrap() + by);
    })
}

#[test]
fn a_run_that_was_tried_again_is_linked_with_its_next_try() {
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&folder).unwrap();
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let whole: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    let lost = whole[..whole.len() / 2].concat();
    let id = |n: usize| format!("{app}{n}");
    let put = |n: usize, log: &[u8]| fs::write(folder.join(id(n)), logs::renamed(log, &app, &id(n))).unwrap();
    // Quiet for long enough to be lost.
    let quiet = |n: usize| {
        let file = fs::File::options().write(true).open(folder.join(id(n))).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)).unwrap();
    };
    const MINUTE: i64 = 60_000;
    put(1, &lost);
    quiet(1);
    put(2, &later(&log, 10 * MINUTE));
    // Too late, and after one that came to its end.
    put(3, &later(&log, 200 * MINUTE));
    let said = stdout(&ingest(&store, &[folder.to_str().unwrap()]));
    assert!(said.contains("3 applications"), "{said}");
    let server = TestServer::history(&store);
    let found = |n| {
        let all = overview(&server, &id(n));
        let other = |key: &str| all[key]["id"].as_str().map(str::to_owned);
        (other("retryOf"), other("retriedBy"))
    };
    assert_eq!(found(1), (None, Some(id(2))));
    assert_eq!(found(2), (Some(id(1)), None));
    assert_eq!(found(3), (None, None));
}

#[test]
fn runs_that_go_on_are_not_tried_again() {
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&folder).unwrap();
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let whole: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    let begun = whole[..whole.len() / 2].concat();
    // As notebooks are opened side by side.
    let id = |n: usize| format!("{app}{n}");
    for n in 1..4 {
        let log = later(&begun, n as i64 * 600_000);
        fs::write(folder.join(id(n)), logs::renamed(&log, &app, &id(n))).unwrap();
    }
    ingest(&store, &[folder.to_str().unwrap()]);
    let server = TestServer::history(&store);
    for n in 1..4 {
        let all = overview(&server, &id(n));
        assert_eq!(all["status"], "running");
        assert_eq!((&all["retryOf"], &all["retriedBy"]), (&Value::Null, &Value::Null), "{n}");
    }
}

#[test]
fn what_an_application_uses_is_named_with_the_setting_that_says_so() {
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&folder).unwrap();
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let run = "spark-0000000337okspsc913";
    let log = changed(&logs::renamed(&log, &app, run), "SparkListenerEnvironmentUpdate", |event| {
        let settings = &mut event["Spark Properties"];
        settings["spark.sql.catalog.lake"] = json!("org.apache.iceberg.spark.SparkCatalog");
        settings["spark.sql.catalog.lake.type"] = json!("glue");
        settings["spark.master"] = json!("k8s://https://10.0.0.1:443");
    });
    fs::write(folder.join(run), log).unwrap();
    ingest(&store, &[folder.to_str().unwrap()]);
    let server = TestServer::history(&store);
    let all = overview(&server, run);
    let uses = json!([
        { "kind": "resource-manager", "name": "Kubernetes", "setting": "spark.master" },
        { "kind": "table-format", "name": "Apache Iceberg", "setting": "spark.sql.catalog.lake" },
        { "kind": "catalog", "name": "AWS Glue", "detail": "lake", "setting": "spark.sql.catalog.lake" },
    ]);
    assert_eq!(all["uses"], uses);
    assert_eq!(all["jobRun"], json!({ "id": "0000000337okspsc913" }));
}
