//! Statements over a store in which bytes are not what was written: an answer is the same, or says what it lacks. And over logs whose
//! times no calendar has.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::logs;
use crate::server::{self, TestServer, eventually};

const SQL: &str = "/api/afterglow/v1/sql";

fn ask(server: &TestServer, accept: &'static str, statement: &str) -> (u16, String) {
    let mut client = server.client();
    client.accept = accept;
    let response = client.send("POST", SQL, json!({ "query": statement }).to_string().as_bytes()).unwrap();
    (response.status, response.text())
}

/// Rows and notes.
fn answer(server: &TestServer, statement: &str) -> (Value, Vec<String>) {
    let (status, text) = ask(server, "", statement);
    assert_eq!(status, 200, "{statement}: {text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    (answer["rows"].clone(), serde_json::from_value(answer["notes"].clone()).unwrap())
}

fn below(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(below(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found
}

/// Flips all bits of some bytes of a file.
fn flip(file: &Path, range: std::ops::Range<usize>) {
    let mut bytes = fs::read(file).unwrap();
    bytes[range].iter_mut().for_each(|b| *b = !*b);
    fs::write(file, bytes).unwrap();
}

fn store(dir: &Path) -> PathBuf {
    let store = dir.join("store");
    let cases =
        [logs::case("3.5.9", "sql"), logs::case("4.3.0", "streaming-rocksdb"), logs::case("3.5.9", "many-jobs")];
    let sources: Vec<String> = cases.iter().enumerate().map(|(i, c)| format!("c{i}={}", c.display())).collect();
    server::ingest(&store, &sources.iter().map(String::as_str).collect::<Vec<_>>());
    store
}

const STATEMENTS: [&str; 4] = [
    "SELECT cluster, count(*), sum(executor_run_time_ms), max(completion_time) FROM stages GROUP BY 1 ORDER BY 1",
    "SELECT * FROM applications ORDER BY app_id",
    "SELECT cluster, count(*), sum(duration_ms) FROM jobs GROUP BY 1 ORDER BY 1",
    "SELECT a.app_id, count(*) FROM applications a JOIN executor_samples s ON a.app_id = s.app_id GROUP BY 1 ORDER BY 1",
];

#[test]
fn files_of_the_tables_that_are_damaged_change_no_answer() {
    let dir = logs::folder();
    let store = store(dir.path());
    let before: Vec<_> = {
        let server = TestServer::history(&store);
        STATEMENTS.map(|s| answer(&server, s)).to_vec()
    };
    assert!(before.iter().all(|(rows, notes)| rows.as_array().unwrap().len() >= 3 && notes.is_empty()), "{before:?}");
    let files = below(&store.join("fleet"), ".parquet");
    assert!(files.len() > 10, "{files:?}");
    let whole: Vec<Vec<u8>> = files.iter().map(|f| fs::read(f).unwrap()).collect();
    // Data pages, one bit in the middle, the end, nothing at all, and no file.
    let damages: [fn(&Path, usize); 5] = [
        |file, n| flip(file, 4..n - 8),
        |file, n| flip(file, n / 3..n / 3 + 1),
        |file, n| fs::write(file, &fs::read(file).unwrap()[..n - 9]).unwrap(),
        |file, _| fs::write(file, b"").unwrap(),
        |file, _| fs::remove_file(file).unwrap(),
    ];
    for (i, damage) in damages.iter().enumerate() {
        for (file, bytes) in files.iter().zip(&whole) {
            fs::write(file, bytes).unwrap();
            damage(file, bytes.len());
        }
        let server = TestServer::history(&store);
        for (statement, (rows, _)) in STATEMENTS.iter().zip(&before) {
            let (now, notes) = answer(&server, statement);
            assert_eq!(&now, rows, "{i} {statement}");
            // Batches that are known to be bad are read from the store from then on.
            assert!(i > 0 || notes.len() <= 1 && notes.iter().all(|n| n.contains("written anew")), "{notes:?}");
        }
        drop(server);
        // What was noted is written anew by who keeps the store in order.
        if i == 0 {
            assert_ne!(fs::read(&files[0]).unwrap().len(), 0);
            let server = TestServer::serve(&store).start();
            eventually("files are written anew", 90, || {
                let good = files.iter().zip(&whole).filter(|(f, w)| fs::read(f).is_ok_and(|now| now == **w)).count();
                (good == files.len()).then_some(())
            });
            for (statement, expected) in STATEMENTS.iter().zip(&before) {
                assert_eq!(&answer(&server, statement), expected);
            }
        }
    }
}

/// The bytes of a part before its directory, of which the end of the file says where it is.
fn blocks(part: &Path) -> std::ops::Range<usize> {
    let bytes = fs::read(part).unwrap();
    let end = &bytes[bytes.len() - 24..];
    assert_eq!(&end[18..], b"AGLOW\0");
    8..u64::from_le_bytes(end[..8].try_into().unwrap()) as usize
}

#[test]
fn applications_that_are_damaged_are_named() {
    let dir = logs::folder();
    let store = store(dir.path());
    let all = "SELECT count(*) FROM tasks";
    let whole = answer(&TestServer::history(&store), all).0[0][0].as_i64().unwrap();
    let server = TestServer::history(&store);
    let app = server.json("/clusters/c0/api/v1/applications")[0]["id"].as_str().unwrap().to_owned();
    let of = format!("SELECT count(*) FROM tasks WHERE app_id = '{app}'");
    let lost = answer(&server, &of).0[0][0].as_i64().unwrap();
    assert!(lost > 0 && lost < whole);
    drop(server);
    let parts = below(&store, "");
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|p| p.to_string_lossy().contains(&app) && !p.to_string_lossy().contains("/fleet/"))
        .collect();
    assert!(!parts.is_empty());
    parts.iter().for_each(|part| flip(part, blocks(part)));
    // And the file of the table with it.
    below(&store.join("fleet/stages"), ".parquet").iter().for_each(|f| flip(f, 4..100));
    let server = TestServer::history(&store);
    let (rows, notes) = answer(&server, all);
    assert_eq!(rows, json!([[whole - lost]]));
    let [note] = &notes[..] else { panic!("{notes:?}") };
    assert!(
        note.starts_with("1 application attempts are damaged in the store and left out")
            && note.ends_with(&format!("c0/{app}")),
        "{note}"
    );
    let (rows, notes) = answer(&server, "SELECT count(DISTINCT app_id) FROM stages");
    assert_eq!(rows, json!([[2]]));
    assert!(
        notes.iter().any(|n| n.contains(&app))
            && notes.iter().any(|n| n.contains("3 files of the tables are damaged (stages)")),
        "{notes:?}"
    );
    // Others are whole, and nothing is said of them.
    let (_, notes) = answer(&server, "SELECT count(*) FROM tasks WHERE cluster = 'c1'");
    assert_eq!(notes, [""; 0]);
    let (status, _) = ask(&server, "text/csv", all);
    assert_eq!(status, 200);
}

#[test]
fn times_that_no_calendar_has_are_null_and_spoil_nothing() {
    let dir = logs::folder();
    let (source, store) = (dir.path().join("logs"), dir.path().join("store"));
    fs::create_dir(&source).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    fs::write(source.join(&app), &log).unwrap();
    let text = String::from_utf8(log.clone()).unwrap();
    let odd = format!("{app}9");
    let far = regex::Regex::new(
        r#""(Submission Time|Completion Time|Launch Time|Finish Time|Timestamp|timestamp|time)":\d+"#,
    )
    .unwrap();
    let text = far.replace_all(&text, r#""$1":9000000000000000000"#);
    fs::write(source.join(&odd), logs::renamed(text.as_bytes(), &app, &odd)).unwrap();
    server::ingest(&store, &[source.to_str().unwrap()]);
    let server = TestServer::history(&store);
    for table in [
        "applications",
        "jobs",
        "stages",
        "executors",
        "tasks",
        "sql_executions",
        "application_samples",
        "executor_samples",
    ] {
        let (rows, _) = answer(&server, &format!("SELECT * FROM {table}"));
        assert!(rows.is_array(), "{table}");
        for accept in ["text/csv", "application/vnd.apache.arrow.stream"] {
            assert_eq!(ask(&server, accept, &format!("SELECT * FROM {table}")).0, 200, "{table} {accept}");
        }
    }
    let (rows, _) = answer(
        &server,
        "SELECT app_id, date_trunc('hour', start_time) IS NULL, start_time IS NULL FROM applications ORDER BY 1",
    );
    assert_eq!(rows, json!([[app, false, false], [odd, true, true]]));
    for (column, table) in [("submission_time", "stages"), ("launch_time", "tasks"), ("start_time", "applications")] {
        let (rows, _) =
            answer(&server, &format!("SELECT date_trunc('day', {column}) AS day, count(*) FROM {table} GROUP BY 1"));
        assert_eq!(rows.as_array().unwrap().len(), 2, "{table}: {rows}");
    }
    // What a statement computes may lie there, too.
    let (rows, notes) = answer(&server, "SELECT to_timestamp_millis(9000000000000000000) AS t, 1");
    assert_eq!((rows, notes.len()), (json!([[null, 1]]), 1));
    let (status, text) = ask(&server, "", "SELECT [to_timestamp_millis(9000000000000000000)]");
    assert!(status == 400 || serde_json::from_str::<Value>(&text).is_ok(), "{status} {text}");
}
