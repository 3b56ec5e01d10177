//! Fleet tables as other engines find them, and retention.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use crate::logs;
use crate::server::{self, TestServer, afterglow, stdout};

/// Parquet files of a table below a store.
fn files(store: &Path, table: &str) -> Vec<PathBuf> {
    let entries = |p: PathBuf| fs::read_dir(p).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let days = entries(store.join("fleet").join(table));
    days.into_iter().flat_map(entries).flat_map(entries).collect()
}

/// Rows of each table, and the sum of the stages' run times.
fn read(store: &Path) -> (BTreeMap<&'static str, i64>, i64) {
    let (mut rows, mut run_time) = (BTreeMap::new(), 0);
    for table in ["applications", "jobs", "stages", "executors", "sql_executions", "streaming_progress"] {
        for file in files(store, table) {
            let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
            *rows.entry(table).or_default() += reader.metadata().file_metadata().num_rows();
            if table == "stages" {
                let schema = reader.metadata().file_metadata().schema_descr();
                let at = schema.columns().iter().position(|c| c.name() == "executor_run_time_ms").unwrap();
                run_time += reader.get_row_iter(None).unwrap().map(|r| r.unwrap().get_long(at).unwrap()).sum::<i64>();
            }
        }
    }
    (rows, run_time)
}

#[test]
fn fleet_tables_hold_what_the_answers_say_and_nothing_twice() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let (app, _) = logs::plain("3.5.9", "streaming-rocksdb");
    let source = logs::case("3.5.9", "streaming-rocksdb");
    let ingested = server::ingest(&store, &[source.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
    let (rows, run_time) = read(&store);
    let server = TestServer::history(&store);
    let list = |path: &str| server.json(&format!("/api/v1/applications/{app}/{path}")).as_array().unwrap().clone();
    let stages = list("stages");
    let ours = server.json(&format!("/api/afterglow/v1/applications/{app}/streaming/progress"));
    let expected = BTreeMap::from([
        ("applications", 1),
        ("jobs", list("jobs").len() as i64),
        ("stages", stages.len() as i64),
        ("executors", list("allexecutors").len() as i64),
        ("sql_executions", list("sql?details=false&planDescription=false").len() as i64),
        ("streaming_progress", ours.as_array().unwrap().len() as i64),
    ]);
    assert_eq!(rows, expected);
    assert_eq!(run_time, stages.iter().map(|s| s["executorRunTime"].as_i64().unwrap()).sum::<i64>());
    // Written once, however often one asks.
    server::ingest(&store, &[source.to_str().unwrap()]);
    assert_eq!(read(&store).0, expected);
}

#[test]
fn files_of_a_few_applications_are_joined() {
    let dir = logs::folder();
    let (store, source) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&source).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let mut rounds = Vec::new();
    for n in 0..9 {
        let name = format!("{app}{n}");
        fs::write(source.join(&name), logs::renamed(&log, &app, &name)).unwrap();
        server::ingest(&store, &[source.to_str().unwrap()]);
        rounds.push((files(&store, "applications").len(), read(&store).0["applications"]));
    }
    // The eighth is written with seven others there; the round after it finds eight, and makes one of them.
    assert_eq!(rounds, [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (2, 9)]);
    let server = TestServer::history(&store);
    assert_eq!(server.json("/api/v1/applications").as_array().unwrap().len(), 9);
}

#[test]
fn retention_removes_attempts_their_objects_and_their_rows() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let source = logs::case("3.5.9", "users");
    let ingest = || {
        let (store, logs) = (store.to_str().unwrap(), source.to_str().unwrap());
        let mut command = afterglow(&["ingest", "--once", "--store", store, "--logs", logs]);
        command.env("AFTERGLOW_RETENTION__SIZE", "1B").output().unwrap()
    };
    server::ingest(&store, &[source.to_str().unwrap()]);
    let before = read(&store).0["applications"];
    assert_eq!(before, 4);
    let out = ingest();
    assert_eq!(out.status.code(), Some(0), "{}", stdout(&out));
    assert_eq!(crate::restart::objects(&store).len(), 0);
    assert_eq!(read(&store).0, BTreeMap::new());
    assert_eq!(TestServer::history(&store).json("/api/v1/applications"), serde_json::json!([]));
    // What was removed is not read again.
    assert!(stdout(&ingest()).contains("0 applications, 0 events"), "read again");
}

#[test]
fn retention_stops_before_it_empties_a_store() {
    let dir = logs::folder();
    let (store, source) = (dir.path().join("store"), dir.path().join("logs"));
    fs::create_dir(&source).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    for n in 0..21 {
        let name = format!("{app}{n}");
        fs::write(source.join(&name), logs::renamed(&log, &app, &name)).unwrap();
    }
    let ingest = |set: &[(&str, &str)]| {
        let (store, logs) = (store.to_str().unwrap(), source.to_str().unwrap());
        let mut command = afterglow(&["ingest", "--once", "--store", store, "--logs", logs]);
        command.envs(set.iter().copied()).output().unwrap()
    };
    let count = || crate::restart::objects(&store).len();
    assert_eq!(ingest(&[]).status.code(), Some(0));
    for (value, said) in [
        (("AFTERGLOW_RETENTION__AGE", "200000000000d"), "longer than a hundred years"),
        (("AFTERGLOW_RETENTION__AGE", "0s"), "retention.age: 0 would remove everything"),
        (("AFTERGLOW_RETENTION__SIZE", "0"), "retention.size: 0 would remove everything"),
        (("AFTERGLOW_RETENTION__AGE", "1ms"), "would remove 21 of 21 attempts at once"),
    ] {
        let out = ingest(&[value]);
        let text = crate::server::stderr(&out);
        assert!(out.status.code() == Some(1) && text.contains(said), "{value:?}: {text}");
        assert_eq!(count(), 21, "{value:?}");
    }
    let meant = ingest(&[("AFTERGLOW_RETENTION__AGE", "1ms"), ("AFTERGLOW_RETENTION__MOST", "1")]);
    assert_eq!((meant.status.code(), count()), (Some(0), 0), "{}", crate::server::stderr(&meant));
}
