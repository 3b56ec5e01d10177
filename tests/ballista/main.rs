//! SQL on a Ballista cluster says what it says here: the same statements, asked of a server that runs them itself and of one that has a
//! scheduler and two executors run them. Built and run by `make test BALLISTA=1`, as DataFusion is built anew for it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod cluster;
#[path = "../it/http.rs"]
mod http;
#[path = "../it/logs.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod logs;
#[path = "../it/moto.rs"]
#[expect(dead_code, reason = "as above")]
mod moto;
#[path = "../it/server.rs"]
#[expect(dead_code, reason = "as above")]
mod server;
#[path = "../it/skip.rs"]
mod skip;
mod statements;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use cluster::Cluster;
use server::{Builder, TestServer, afterglow, eventually, stderr, stdout};
use statements::{HERE, LARGE, SAME};

const SQL: &str = "/api/afterglow/v1/sql";

fn ask(server: &TestServer, statement: &str) -> (u16, String) {
    let response = server.client().send("POST", SQL, json!({ "query": statement }).to_string().as_bytes()).unwrap();
    (response.status, response.text())
}

/// The whole answer: columns, rows and notes.
fn answer(server: &TestServer, statement: &str) -> Value {
    let (status, text) = ask(server, statement);
    assert_eq!(status, 200, "{statement}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The rows of a statement over the PostgreSQL protocol.
fn postgres(server: &TestServer, statement: &str) -> Vec<Vec<Option<String>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let at = server.postgres();
        let settings = format!("host={} port={} user=tests dbname=afterglow", at.ip(), at.port());
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
        tokio::spawn(connection);
        let messages = client.simple_query(statement).await.unwrap();
        let rows = messages.iter().filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()),
            _ => None,
        });
        rows.collect()
    })
}

fn plan(server: &TestServer, statement: &str) -> String {
    answer(server, &format!("EXPLAIN {statement}"))["rows"].to_string()
}

/// Answers are compared, however busy the machine is.
fn patient(builder: Builder) -> Builder {
    builder.env("AFTERGLOW_SQL__TIMEOUT", "5m")
}

/// Ends servers of one store, which would each find files of the other.
fn end(servers: [TestServer; 2]) {
    servers.into_iter().for_each(TestServer::kill);
}

/// Real logs of many kinds, on two clusters, and what containers wrote.
fn ingest(store: &str, dir: &Path) {
    let mut args = vec!["ingest".to_owned(), "--once".into(), "--store".into(), store.into()];
    for (version, cases) in [
        ("3.5.9", ["sql", "fail-job", "streaming-rocksdb", "skew"]),
        ("4.3.0", ["spill", "exec-lost", "users", "profiles"]),
    ] {
        for case in cases {
            args.extend(["--logs".into(), format!("spark-{}={}", &version[..1], logs::case(version, case).display())]);
        }
    }
    let pauses = logs::containers("4.3.0");
    args.extend(["--logs".into(), format!("gc={}", pauses.join("events").display())]);
    args.extend(["--container-logs".into(), format!("gc={}", pauses.join("containers").display())]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = afterglow(&args);
    let out = command.envs(cluster::s3_environment()).env("AFTERGLOW_STORE__DIR", dir).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", stdout(&out), stderr(&out));
}

/// Every table, row by row, and every statement, of both.
fn same_answers(here: &TestServer, there: &TestServer) {
    let tables = here.json(&format!("{SQL}/tables"));
    for table in tables.as_array().unwrap() {
        let table = table["name"].as_str().unwrap();
        let statement = format!("SELECT * FROM {table}");
        let sorted = |server: &TestServer| {
            let mut answer = answer(server, &statement);
            answer["rows"].as_array_mut().unwrap().sort_by_cached_key(Value::to_string);
            answer
        };
        let (expected, got) = (sorted(here), sorted(there));
        assert!(!expected["rows"].as_array().unwrap().is_empty(), "{table} is empty");
        assert_eq!(got, expected, "{table}");
        assert_eq!(
            answer(there, &format!("SELECT count(*) FROM {table}")),
            answer(here, &format!("SELECT count(*) FROM {table}"))
        );
        assert_eq!(plan(there, &statement).contains("ClusterExec"), table != "tasks", "{table}");
    }
    for statement in SAME {
        let expected = answer(here, statement);
        assert!(!expected["rows"].as_array().unwrap().is_empty(), "{statement}");
        assert_eq!(expected["notes"], json!([]), "{statement}");
        assert_eq!(answer(there, statement), expected, "{statement}\n{}", plan(there, statement));
        assert!(plan(there, statement).contains("ClusterExec: ballista://"), "{statement}\n{}", plan(there, statement));
    }
    for (statement, note) in HERE {
        let (mut expected, got) = (answer(here, statement), answer(there, statement));
        if !note.is_empty() {
            expected["notes"] = json!([note]);
        }
        assert_eq!(got, expected, "{statement}");
        assert!(statement.starts_with("SHOW") || !plan(there, statement).contains("ClusterExec"), "{statement}");
    }
}

#[test]
fn a_cluster_answers_as_this_process_does() {
    let dir = logs::folder();
    let store = dir.path().join("a store");
    ingest(store.to_str().unwrap(), &store);
    let cluster = Cluster::start(2);

    // One that runs: its rows are in no file.
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let running = dir.path().join("running");
    fs::create_dir(&running).unwrap();
    let half = log[..log.len() / 2].iter().rposition(|b| *b == b'\n').unwrap();
    fs::write(running.join(format!("{app}.inprogress")), &log[..=half]).unwrap();
    let builder = TestServer::serve(&store).logs(&format!("live={}", running.display()));
    let there = patient(builder)
        .env("AFTERGLOW_SQL__ENGINE", &cluster.url())
        .env("AFTERGLOW_POSTGRES__LISTEN", "127.0.0.1:0")
        .start();
    let is_running = "SELECT app_id FROM applications WHERE status = 'running'";
    eventually("the running one", 20, || (answer(&there, is_running)["rows"] == json!([[app]])).then_some(()));
    let here = patient(TestServer::role("history", &store)).env("AFTERGLOW_POSTGRES__LISTEN", "127.0.0.1:0").start();
    same_answers(&here, &there);
    let (mut expected, large) = (answer(&here, LARGE.0), answer(&there, LARGE.0));
    expected["notes"] = json!([LARGE.1]);
    assert_eq!(large, expected);
    // Both kinds of rows are in one plan, and what cannot match is in none.
    let both = plan(&there, "SELECT app_name FROM applications");
    assert!(both.contains("Shipped") && both.contains(".parquet"), "{both}");
    let neither = plan(&there, "SELECT name FROM stages WHERE cluster = 'spark-3' AND app_name <> 'x'");
    assert!(neither.contains("cluster=spark-3") && !neither.contains("cluster=spark-4"), "{neither}");

    // The other ways in.
    let (count, store) = ("SELECT count(*) AS n FROM stages WHERE cluster = 'spark-4'", store.to_str().unwrap());
    let args = ["sql", count, "--format", "csv", "--store", store];
    let out = afterglow(&args).env("AFTERGLOW_SQL__ENGINE", cluster.url()).output().unwrap();
    let expected = answer(&here, count)["rows"][0][0].as_i64().unwrap();
    assert_eq!((stdout(&out), stderr(&out)), (format!("n\n{expected}\n"), String::new()));

    let maps = "SELECT batch_id, custom_metrics, timestamp FROM state_operator_metrics ORDER BY run_id, batch_id, operator_index, timestamp";
    let expected = postgres(&here, maps);
    assert!(expected.len() > 10 && expected[0][1].as_deref().is_some_and(|m| m.starts_with('{')), "{expected:?}");
    assert_eq!(postgres(&there, maps), expected);

    // Without the cluster, what needs it says so; all else goes on.
    let url = cluster.url();
    drop(cluster);
    let (status, text) = ask(&there, count);
    assert_eq!(status, 502, "{text}");
    assert!(text.contains(&format!("scheduler at {url} cannot be reached")) && text.contains("sql.engine"), "{text}");
    assert_eq!(answer(&there, "SELECT count(*) FROM tasks"), answer(&here, "SELECT count(*) FROM tasks"));
    assert_eq!(there.get("/api/v1/applications").status, 200);
    let out = afterglow(&args).env("AFTERGLOW_SQL__ENGINE", url).output().unwrap();
    assert!(out.status.code() == Some(1) && stderr(&out).contains("cannot be reached"), "{}", stderr(&out));
    end([here, there]);
}

#[test]
fn statements_have_bounds_and_are_cancelled() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    ingest(store.to_str().unwrap(), &store);
    let cluster = Cluster::start(1);
    let builder = TestServer::role("history", &store).env("AFTERGLOW_SQL__ENGINE", &cluster.url());
    let server = builder.env("AFTERGLOW_SQL__TIMEOUT", "8s").env("AFTERGLOW_SQL__ROWS", "10").start();
    let cut = answer(&server, "SELECT * FROM jobs");
    assert_eq!((&cut["truncated"], cut["rows"].as_array().unwrap().len()), (&json!(true), 10));
    assert_eq!(cut["notes"], json!(["only the first 10 rows are given (sql.rows)"]));
    for (statement, status, says) in [
        ("DROP TABLE applications", 400, "only queries are answered"),
        ("SELECT nonsense FROM jobs", 400, "No field named nonsense"),
        ("SELECT * FROM '/etc/passwd'", 400, "not found"),
        ("SELECT sum(tasks / (stage_id - stage_id)) FROM stages", 502, "DivideByZero"),
        (
            "SELECT count(*) FROM executor_samples a CROSS JOIN executor_samples b CROSS JOIN executor_samples c
             CROSS JOIN executor_samples d CROSS JOIN executor_samples e WHERE a.step_ms + b.step_ms + c.step_ms + d.step_ms = e.step_ms",
            408,
            "sql.timeout",
        ),
    ] {
        let (answered, text) = ask(&server, statement);
        assert!(answered == status && text.contains(says), "{statement}: {answered} {text}");
    }
    // The executor has one core: it is free again.
    eventually("the cluster", 30, || (ask(&server, "SELECT count(*) FROM applications").0 == 200).then_some(()));
}

#[test]
fn a_store_in_s3_is_read_by_executors_themselves() {
    if moto::Bucket::create("ballista").is_none() {
        return;
    }
    let dir = logs::folder();
    let store = dir.path().join("store");
    ingest("s3://ballista/some/place", &store);
    let cluster = Cluster::start(2);
    let start = |engine: &str| {
        let builder = TestServer::role("history", &store).objects("s3://ballista/some/place");
        let builder = patient(builder);
        let builder = cluster::s3_environment().into_iter().fold(builder, |b, (name, value)| b.env(name, &value));
        builder.env("AFTERGLOW_SQL__ENGINE", engine).start()
    };
    let (here, there) = (start("datafusion"), start(&cluster.url()));
    for statement in ["SELECT cluster, count(*), sum(tasks) FROM jobs GROUP BY 1 ORDER BY 1", SAME[0]] {
        assert_eq!(answer(&there, statement), answer(&here, statement), "{statement}");
        assert!(plan(&there, statement).contains("ClusterExec"), "{statement}");
    }
    end([here, there]);
}
