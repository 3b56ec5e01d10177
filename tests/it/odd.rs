//! One odd file costs itself only: names that no object may have, circles of links, ids too long to be stored, lines that are
//! as long as memory.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use crate::follow::is_completed;
use crate::logs;
use crate::server::{self, TestServer, eventually, stdout};

fn problems(store: &Path) -> Vec<(String, String)> {
    let server = TestServer::history(store);
    let all = server.json("/api/afterglow/v1/sources/problems");
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    all["problems"].as_array().unwrap().iter().map(|p| (text(&p["log"]), text(&p["problem"]))).collect()
}

#[test]
fn files_with_odd_names_are_named_and_hide_no_log() {
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir_all(folder.join("sub")).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let names = [format!("{app}1"), format!("sub/{app}2"), format!("{app}3 with%20space #1a")];
    for (n, name) in names.iter().enumerate() {
        fs::write(folder.join(name), logs::renamed(&log, &app, &format!("{app}{n}"))).unwrap();
    }
    for name in [&b"new\nline"[..], b"tab\there", b"\x1b[31mred", b"not\xFFutf8"] {
        fs::write(folder.join(OsStr::from_bytes(name)), &log).unwrap();
    }
    symlink("circle", folder.join("circle")).unwrap();
    symlink(&folder, folder.join("sub/again")).unwrap();
    let once = server::ingest(&store, &[folder.to_str().unwrap()]);
    let said = stdout(&once);
    assert_eq!(once.status.code(), Some(0), "{said}");
    assert!(said.contains("3 applications") && said.contains("6 objects passed by"), "{said}");
    assert!(said.contains("new\\nline: passed by: its name has characters") && !said.contains('\x1b'), "{said}");
    let mut expected = ["\\u{1b}[31mred", "circle", "new\\nline", "not\\xFFutf8", "sub/again", "tab\\there"];
    expected.sort_unstable();
    let named: Vec<String> = problems(&store).into_iter().map(|(log, _)| log).collect();
    assert_eq!(named, expected);
    let server = TestServer::history(&store);
    assert_eq!(server.json("/api/v1/applications").as_array().unwrap().len(), 3);
    let source = &server.json("/api/afterglow/v1/sources")[0];
    assert_eq!((&source["healthy"], &source["passedBy"], &source["problem"]), (&json!(true), &json!(6), &json!(null)));
    drop(server);
    // What was renamed is not named any more.
    for name in [&b"new\nline"[..], b"tab\there", b"\x1b[31mred", b"not\xFFutf8", b"circle", b"sub/again"] {
        fs::remove_file(folder.join(OsStr::from_bytes(name))).unwrap();
    }
    server::ingest(&store, &[folder.to_str().unwrap()]);
    assert!(problems(&store).is_empty());
}

#[test]
fn ids_that_no_store_takes_are_told_once_and_not_read_again() {
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&folder).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    fs::write(folder.join("long"), logs::renamed(&log, &app, &"x".repeat(300))).unwrap();
    fs::write(folder.join(&app), &log).unwrap();
    let once = server::ingest(&store, &[folder.to_str().unwrap()]);
    let said = stdout(&once);
    assert_eq!(once.status.code(), Some(3), "{said}");
    assert!(said.contains("1 applications") && said.contains("has 300 bytes where a store takes"), "{said}");
    let all = problems(&store);
    let [(name, problem)] = &all[..] else { panic!("one problem: {all:?}") };
    assert!(name == "long" && problem.contains("application id \"xxx"), "{problem}");
    let again = stdout(&server::ingest(&store, &[folder.to_str().unwrap()]));
    assert!(again.contains("0 events") && again.contains("2 logs unchanged"), "{again}");
}

#[test]
fn long_lines_of_many_logs_share_one_budget() {
    const LINE: usize = 16 << 20;
    const LOGS: usize = 20;
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&folder).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let id = |n: usize| format!("{app}{n}");
    for n in 0..LOGS {
        let log = logs::renamed(&log, &app, &id(n));
        let end = log[..log.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
        // Small as a file, so that all are read at the same time.
        let file = fs::File::create(folder.join(id(n))).unwrap();
        let mut file = zstd::Encoder::new(file, 1).unwrap().auto_finish();
        file.write_all(&log[..end]).unwrap();
        file.write_all(br#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":77,"description":"d","details":"","physicalPlanDescription":""#).unwrap();
        file.write_all(&b"Scan x\\n".repeat(LINE / 8)).unwrap();
        file.write_all(br#"","sparkPlanInfo":{"nodeName":"n","simpleString":"s","children":[],"metadata":{},"metrics":[]},"time":1}"#).unwrap();
        file.write_all(b"\n").unwrap();
        file.write_all(&log[end..]).unwrap();
    }
    // As little as may be: one at a time goes beyond it.
    let serve = TestServer::serve(&store).logs(folder.to_str().unwrap()).env("AFTERGLOW_INGEST__MEMORY", "1MiB");
    let server = serve.start();
    for n in 0..LOGS {
        eventually(&format!("log {n}"), 60, || is_completed(&server, &id(n)));
    }
    let most = server.most_memory() >> 20;
    // 550 where it holds, 900 without a budget.
    assert!(most < 720, "{most} MiB");
    let plan = server.json(&format!("/api/v1/applications/{}/sql/77?planDescription=true", id(LOGS - 1)));
    assert_eq!(plan["planDescription"].as_str().map(str::len), Some(LINE / 8 * 7));
}
