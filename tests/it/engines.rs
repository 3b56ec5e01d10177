//! The fleet tables' files as other engines read them: Spark and DuckDB, against our own SQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{self, TestServer, stderr, stdout};
use crate::{logs, skip};

/// What is asked of each table: rows, and something of each column that any engine can compute.
fn statement(table: &Value, map: impl Fn(&str) -> String) -> String {
    let columns = table["columns"].as_array().unwrap().iter().map(|c| {
        let (name, kind) = (c["name"].as_str().unwrap(), c["type"].as_str().unwrap());
        match kind {
            "bigint" => format!("cast(sum({name}) AS double)"),
            "double precision" => format!("sum({name})"),
            "map" => map(name),
            _ => format!("cast(count(DISTINCT {name}) AS double)"),
        }
    });
    let columns: Vec<String> = columns.collect();
    format!("SELECT cast(count(*) AS double), {} FROM {}", columns.join(", "), table["name"].as_str().unwrap())
}

/// A key that the maps of a table have.
fn key(column: &str) -> &'static str {
    if column == "custom_metrics" { "rocksdbPutCount" } else { "addBatch" }
}

/// Answers to one statement a line, each a JSON list.
fn ask(python: &Path, script: &str, store: &Path, statements: &[String]) -> Vec<Vec<Option<f64>>> {
    let mut command = Command::new(python);
    let out = command.args(["-c", script]).arg(store.join("fleet")).args(statements).output().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    stdout(&out).lines().filter(|l| l.starts_with('[')).map(|l| serde_json::from_str(l).unwrap()).collect()
}

const SPARK: &str = r#"
import json, os, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "2").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
for table in os.listdir(sys.argv[1]):
    spark.read.parquet(os.path.join(sys.argv[1], table)).createOrReplaceTempView(table)
for statement in sys.argv[2:]:
    print(json.dumps(list(spark.sql(statement).collect()[0])))
"#;

const DUCKDB: &str = r#"
import duckdb, json, os, sys
for table in os.listdir(sys.argv[1]):
    files = os.path.join(sys.argv[1], table, "*", "*", "*.parquet")
    duckdb.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
for statement in sys.argv[2:]:
    print(json.dumps(list(duckdb.sql(statement).fetchall()[0])))
"#;

#[test]
fn spark_and_duckdb_read_the_same_from_the_files() {
    let python: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let has = |module: &str| {
        let import = format!("import {module}");
        Command::new(&python).args(["-c", &import]).output().is_ok_and(|o| o.status.success())
    };
    if !has("pyspark") || !has("duckdb") {
        return skip::unprepared("Spark and DuckDB (tests/it/engines.rs): run tests/prepare.sh");
    }
    let dir = logs::folder();
    let store = dir.path().join("store");
    let cases = [("3.5.9", "streaming-rocksdb"), ("3.5.9", "exec-dynalloc"), ("4.3.0", "sql"), ("3.5.9", "fail-job")];
    let sources: Vec<_> =
        cases.iter().enumerate().map(|(i, (v, c))| format!("c{i}={}", logs::case(v, c).display())).collect();
    server::ingest(&store, &sources.iter().map(String::as_str).collect::<Vec<_>>());
    let server = TestServer::history(&store);
    let tables = server.json("/api/afterglow/v1/sql/tables");
    // Tasks are in no file, and pauses come with container logs only.
    let absent = ["tasks", "jvm_pauses"];
    let tables = tables.as_array().unwrap().iter().filter(|t| !absent.contains(&t["name"].as_str().unwrap()));
    let tables: Vec<_> = tables.collect();
    assert_eq!(tables.len(), std::fs::read_dir(store.join("fleet")).unwrap().count());
    let ours: Vec<Vec<Option<f64>>> = tables
        .iter()
        .map(|t| {
            let statement = statement(t, |c| format!("cast(sum({c}['{}']) AS double)", key(c)));
            let body = json!({ "query": statement }).to_string();
            let answer = server.client().send("POST", "/api/afterglow/v1/sql", body.as_bytes()).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            serde_json::from_value(answer["rows"][0].clone()).unwrap()
        })
        .collect();
    assert!(ours.iter().all(|row| row[0] > Some(0.0)), "a table without rows: {ours:?}");
    let by_name = |c: &str| format!("cast(sum({c}['{}']) AS double)", key(c));
    let statements: Vec<_> = tables.iter().map(|t| statement(t, by_name)).collect();
    for (engine, script) in [("Spark", SPARK), ("DuckDB", DUCKDB)] {
        let theirs = ask(&python, script, &store, &statements);
        assert_eq!(theirs.len(), ours.len(), "{engine}");
        for ((table, ours), theirs) in tables.iter().zip(&ours).zip(&theirs) {
            let names = table["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap());
            for ((name, a), b) in std::iter::once("rows").chain(names).zip(ours).zip(theirs) {
                let near = match (a, b) {
                    (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-9,
                    (a, b) => a == b,
                };
                assert!(near, "{engine}, {}.{name}: {b:?}, and ours is {a:?}", table["name"]);
            }
        }
    }
}
