//! SQL over the fleet tables: it says what REST says, whether an application is in a file or runs, and
//! nothing that is asked does harm.

use std::fs;

use serde_json::{Value, json};

use crate::logs;
use crate::server::{self, TestServer, eventually, stderr, stdout};

const SQL: &str = "/api/afterglow/v1/sql";

fn ask(server: &TestServer, accept: &'static str, statement: &str) -> (u16, String) {
    let mut client = server.client();
    client.accept = accept;
    let body = json!({ "query": statement }).to_string();
    let response = client.send("POST", SQL, body.as_bytes()).unwrap();
    (response.status, response.text())
}

fn rows(server: &TestServer, statement: &str) -> Vec<Vec<Value>> {
    let (status, text) = ask(server, "", statement);
    assert_eq!(status, 200, "{statement}: {text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["truncated"], &answer["notes"]), (&json!(false), &json!([])), "{statement}");
    serde_json::from_value(answer["rows"].clone()).unwrap()
}

/// The one row of a statement.
fn row(server: &TestServer, statement: &str) -> Vec<Value> {
    let mut all = rows(server, statement);
    assert_eq!(all.len(), 1, "{statement}");
    all.remove(0)
}

fn int(v: &Value) -> i64 {
    v.as_i64().unwrap_or_else(|| panic!("no number: {v}"))
}

/// Every table's rows of an application against the answers of REST about it.
fn same_as_rest(server: &TestServer, app: &str) {
    let list = |path: &str| server.json(&format!("/api/v1/applications/{app}/{path}")).as_array().unwrap().clone();
    let sum = |of: &[Value], key: &str| of.iter().map(|v| int(&v[key])).sum::<i64>();
    let with = |of: &[Value], key: &str, wanted: &str| of.iter().filter(|v| v[key] == wanted).count();
    // A sum of nothing is null.
    let or_zero = |v: Value| if v.is_null() { json!(0) } else { v };
    let of_app = |columns: &str, table: &str| {
        let row = row(server, &format!("SELECT {columns} FROM {table} WHERE app_id = '{app}'"));
        row.into_iter().map(or_zero).collect::<Vec<_>>()
    };
    let stages = list("stages");
    assert_eq!(
        of_app(
            "count(*), sum(executor_run_time_ms), sum(input_bytes), sum(shuffle_write_bytes), sum(jvm_gc_time_ms),
             count(*) FILTER (WHERE status = 'COMPLETE')",
            "stages"
        ),
        [
            json!(stages.len()),
            json!(sum(&stages, "executorRunTime")),
            json!(sum(&stages, "inputBytes")),
            json!(sum(&stages, "shuffleWriteBytes")),
            json!(sum(&stages, "jvmGcTime")),
            json!(with(&stages, "status", "COMPLETE")),
        ]
    );
    let jobs = list("jobs");
    assert_eq!(
        of_app("count(*), sum(tasks), count(*) FILTER (WHERE status = 'FAILED')", "jobs"),
        [json!(jobs.len()), json!(sum(&jobs, "numTasks")), json!(with(&jobs, "status", "FAILED"))]
    );
    let executors = list("allexecutors");
    // Of the driver REST says how long the application took.
    let workers: Vec<Value> = executors.iter().filter(|e| e["id"] != "driver").cloned().collect();
    assert_eq!(
        of_app(
            "count(*), sum(cores), sum(task_time_ms) FILTER (WHERE executor_id <> 'driver'), sum(tasks)",
            "executors"
        ),
        [
            json!(executors.len()),
            json!(sum(&executors, "totalCores")),
            json!(sum(&workers, "totalDuration")),
            json!(sum(&executors, "totalTasks")),
        ]
    );
    let sql = list("sql?details=false&planDescription=false&length=10000");
    assert_eq!(
        of_app("count(*), count(*) FILTER (WHERE status = 'COMPLETED')", "sql_executions"),
        [json!(sql.len()), json!(with(&sql, "status", "COMPLETED"))]
    );
    let reports = server.json(&format!("/api/afterglow/v1/applications/{app}/streaming/progress?length=10000"));
    let reports = reports.as_array().unwrap();
    let read = |r: &Value| r["sources"].as_array().unwrap().iter().map(|s| int(&s["numInputRows"])).sum::<i64>();
    assert_eq!(
        of_app("count(*), sum(input_rows)", "streaming_progress"),
        [json!(reports.len()), json!(reports.iter().map(read).sum::<i64>())]
    );
    let overview = server.json(&format!("/api/afterglow/v1/applications/{app}/overview"));
    assert_eq!(
        of_app(
            "cluster, app_name, user_name, status, duration_ms, executor_run_time_ms, tasks, executors, to_unixtime(start_time)",
            "applications"
        ),
        [
            overview["cluster"].clone(),
            overview["name"].clone(),
            overview["user"].clone(),
            overview["status"].clone(),
            overview["duration"].clone(),
            overview["totals"]["runTime"].clone(),
            overview["counts"]["tasks"].clone(),
            overview["counts"]["executors"].clone(),
            json!(int(&overview["startTime"]) / 1000),
        ]
    );
}

#[test]
fn tables_say_what_rest_says_of_finished_and_of_running_applications() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let folders = ["sql", "fail-job", "exec-lost", "streaming-rocksdb"];
    let folders = folders.map(|case| format!("ended={}", logs::case("3.5.9", case).display()));
    let out = server::ingest(&store, &folders.each_ref().map(String::as_str));
    assert!(stdout(&out).contains("4 applications"), "{}", stdout(&out));

    // One that runs: half of its log is there.
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let running = dir.path().join("running");
    fs::create_dir(&running).unwrap();
    let half = log[..log.len() / 2].iter().rposition(|b| *b == b'\n').unwrap();
    let file = running.join(format!("{app}.inprogress"));
    fs::write(&file, &log[..=half]).unwrap();
    let server = TestServer::serve(&store).logs(&format!("live={}", running.display())).start();
    eventually("the running one", 20, || {
        (rows(&server, "SELECT 1 FROM applications WHERE status = 'running'").len() == 1).then_some(())
    });
    for finished in rows(&server, "SELECT app_id FROM applications WHERE status <> 'running'") {
        same_as_rest(&server, finished[0].as_str().unwrap());
    }
    same_as_rest(&server, &app);
    let clusters = "SELECT cluster, count(*) FROM applications GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&server, clusters), [[json!("ended"), json!(4)], [json!("live"), json!(1)]]);

    // It goes on, and ends.
    fs::write(&file, &log).unwrap();
    fs::rename(&file, running.join(&app)).unwrap();
    eventually("its end", 20, || {
        (rows(&server, "SELECT 1 FROM applications WHERE status = 'running'").is_empty()).then_some(())
    });
    same_as_rest(&server, &app);

    // What cannot match is not looked at; what can is.
    let day = row(&server, &format!("SELECT date, start_time FROM applications WHERE app_id = '{app}'"));
    let (day, start) = (day[0].as_str().unwrap().to_owned(), day[1].as_str().unwrap().to_owned());
    let count = |of: &str| int(&row(&server, &format!("SELECT count(*) FROM applications WHERE {of}"))[0]);
    let ended = "cluster = 'ended'";
    for (of, wanted) in [
        (format!("date = '{day}' AND cluster = 'live'"), 1),
        (format!("start_time = '{start}'"), 1),
        (format!("start_time < '{start}' AND cluster = 'live'"), 0),
        (format!("end_time > '2000-01-01T00:00:00Z' AND {ended}"), 4),
        (format!("end_time > now() + INTERVAL '1 day' AND {ended}"), 0),
        (format!("date < '2000-01-01' OR {ended}"), 4),
        ("cluster IN ('nowhere', 'live')".to_owned(), 1),
        ("cluster LIKE 'e%' AND NOT damaged".to_owned(), 4),
    ] {
        assert_eq!(count(&of), wanted, "{of}");
    }
    let plan = ask(&server, "", "EXPLAIN SELECT name FROM stages WHERE cluster = 'ended' AND date < '2000-01-01'").1;
    assert!(!plan.contains("parquet"), "{plan}");
    let plan = ask(&server, "", "EXPLAIN SELECT name FROM stages WHERE cluster = 'ended'").1;
    assert!(plan.contains("cluster=ended") && !plan.contains("cluster=live"), "{plan}");
}

#[test]
fn an_answer_comes_as_json_csv_arrow_or_a_table() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    server::ingest(&store, &[logs::case("4.3.0", "fail-job").to_str().unwrap()]);
    let server = TestServer::history(&store);
    let info = &server.json("/api/v1/applications")[0];
    let app = info["id"].as_str().unwrap().to_owned();
    let start = info["attempts"][0]["startTime"].as_str().unwrap().replace("GMT", "Z");
    let statement =
        "SELECT app_id, start_time, exit_code IS NULL AS unknown, attempt_id, 0.5 AS half FROM applications";

    let (status, text) = ask(&server, "", statement);
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["rows"], json!([[app, start, false, null, 0.5]]));
    let columns = answer["columns"].as_array().unwrap().iter().map(|c| format!("{} {}", c["name"], c["type"]));
    assert_eq!(
        columns.collect::<Vec<_>>().join(", ").replace('"', ""),
        "app_id text, start_time timestamptz, unknown boolean, attempt_id text, half double precision"
    );
    let (status, csv) = ask(&server, "text/csv", statement);
    assert_eq!((status, csv), (200, format!("app_id,start_time,unknown,attempt_id,half\n{app},{start},false,,0.5\n")));
    // A name that some dialects want for themselves.
    let named = rows(&server, "SELECT app_id, cluster, attempt_id FROM applications");
    assert_eq!(named, [[json!(app), json!("default"), Value::Null]]);
    let (status, csv) = ask(&server, "text/csv", &format!("{statement} WHERE false"));
    assert_eq!((status, csv.as_str()), (200, "app_id,start_time,unknown,attempt_id,half\n"));
    let (status, arrow) = ask(&server, "application/vnd.apache.arrow.stream", statement);
    assert!(status == 200 && arrow.contains(&app), "{arrow}");
    assert_eq!(ask(&server, "image/png", statement).0, 406);

    let cli = |statement: &str, format: &str| {
        server::run(&["sql", statement, "--format", format, "--store", store.to_str().unwrap()])
    };
    let out = cli(statement, "csv");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert_eq!(stdout(&out), format!("app_id,start_time,unknown,attempt_id,half\n{app},{start},false,,0.5\n"));
    let out = cli("SELECT app_id FROM applications", "table");
    assert!(stdout(&out).contains(&format!("| {app} |")), "{}", stdout(&out));
    let out = cli("SELECT nonsense FROM applications", "json");
    assert!(out.status.code() == Some(1) && stderr(&out).contains("No field named nonsense"), "{}", stderr(&out));
    let nowhere = dir.path().join("nowhere");
    let out = server::run(&["sql", "SELECT 1", "--store", nowhere.to_str().unwrap()]);
    assert!(out.status.code() == Some(1) && stderr(&out).contains("index logs first"), "{}", stderr(&out));
    assert!(!nowhere.exists());
}

#[test]
fn a_statement_only_reads_and_has_bounds() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    server::ingest(&store, &[logs::case("3.5.9", "sql").to_str().unwrap()]);
    let builder = TestServer::role("history", &store).env("AFTERGLOW_SQL__ROWS", "10");
    let server = builder.env("AFTERGLOW_SQL__MEMORY", "16MiB").env("AFTERGLOW_SQL__TIMEOUT", "4s").start();
    let file = dir.path().join("out.csv");
    let copy = format!("COPY applications TO '{}'", file.display());
    let external = format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{}'", dir.path().display());
    for (statement, status, says) in [
        ("DROP TABLE applications", 400, "only queries are answered"),
        ("INSERT INTO applications SELECT * FROM applications", 400, "only queries are answered"),
        ("UPDATE applications SET app_name = 'x'", 400, "only queries are answered"),
        ("SET datafusion.execution.target_partitions = 1000", 400, "only queries are answered"),
        (&copy, 400, "only queries are answered"),
        (&external, 400, "only queries are answered"),
        ("SELECT * FROM '/etc/passwd'", 400, "not found"),
        ("SELECT 1; SELECT 2", 400, "single"),
        ("SELECT nonsense FROM jobs", 400, "No field named nonsense"),
        ("SELEC 1", 400, "SELEC"),
        ("", 400, ""),
        (&format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)), 400, ""),
        ("SELECT array_agg(v) FROM generate_series(1, 20000000) AS t(v)", 400, "sql.memory"),
        (
            "SELECT count(*) FROM generate_series(1, 1000000) a(x) CROSS JOIN generate_series(1, 1000000) b(y) WHERE x * y = 7",
            408,
            "sql.timeout",
        ),
    ] {
        let shown = &statement[..statement.len().min(80)];
        let (answered, text) = ask(&server, "", statement);
        assert_eq!(answered, status, "{shown}: {}", &text[..text.len().min(300)]);
        assert!(text.contains(says), "{shown}: {}", &text[..text.len().min(300)]);
    }
    assert!(!file.exists());
    let (status, text) = ask(&server, "", "SELECT v FROM generate_series(1, 1000) AS t(v)");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["truncated"]), (200, &json!(true)));
    assert_eq!(answer["rows"], json!((1..=10).map(|v| [v]).collect::<Vec<_>>()));
    assert_eq!(answer["notes"], json!(["only the first 10 rows are given (sql.rows)"]));
    let mut client = server.client();
    for body in [&b""[..], b"{", b"{}", b"SELECT 1", b"\xff\xfe", b"{\"query\": 1}"] {
        assert_eq!(client.send("POST", SQL, body).unwrap().status, 400, "{body:?}");
    }
    assert_eq!(row(&server, "SELECT count(*) FROM applications"), [json!(1)]);
}

/// What is said over time comes to what is said at the end.
fn samples_sum_up(server: &TestServer, app: &str) {
    let executors = server.json(&format!("/api/v1/applications/{app}/allexecutors"));
    let timeline = server.json(&format!("/api/afterglow/v1/applications/{app}/executors/timeline"));
    for e in executors.as_array().unwrap() {
        let id = e["id"].as_str().unwrap();
        let of = |columns: &str| {
            row(
                server,
                &format!("SELECT {columns} FROM executor_samples WHERE app_id = '{app}' AND executor_id = '{id}'"),
            )
        };
        // Of the driver of a cluster there is none: it runs no tasks.
        if of("count(*)") == [json!(0)] {
            assert_eq!((id, &e["totalTasks"]), ("driver", &json!(0)));
            continue;
        }
        let shown = timeline["executors"].as_array().unwrap().iter().find(|t| t["id"] == id).unwrap();
        let sums = "sum(ended_tasks), sum(failed_tasks), sum(task_time_ms), sum(gc_time_ms), sum(input_bytes),
            sum(shuffle_read_bytes), sum(shuffle_write_bytes)";
        let said = ["completedTasks", "failedTasks", "totalInputBytes", "totalShuffleRead", "totalShuffleWrite"];
        let said = said.map(|k| int(&e[k]));
        // Of the garbage collection of a driver REST tells that outside of tasks, too.
        let gc = format!("SELECT gc_time_ms FROM executors WHERE app_id = '{app}' AND executor_id = '{id}'");
        let gc = int(&row(server, &gc)[0]);
        let expected = [said[0] + said[1], said[1], int(&shown["busyTime"]), gc, said[2], said[3], said[4]];
        assert_eq!(of(sums), expected.map(|n| json!(n)), "{app} {id}");
        let peaks = &e["peakMemoryMetrics"];
        let heap = of("max(jvm_heap_bytes)").remove(0);
        if let Some(peak) = peaks["JVMHeapMemory"].as_i64().filter(|p| *p > 0 && id != "driver") {
            assert_eq!(int(&heap), peak, "{app} {id}");
        }
    }
}

/// The table of tasks against REST's answers about each stage, and its sums against those of the stages.
fn tasks_are_those_of_the_stages(server: &TestServer, app: &str) {
    for stage in server.json(&format!("/api/v1/applications/{app}/stages")).as_array().unwrap() {
        let (id, attempt) = (&stage["stageId"], &stage["attemptId"]);
        let path = format!("/api/v1/applications/{app}/stages/{id}/{attempt}/taskList?length=10000&sortBy=ID");
        let expected: Vec<Value> = match server.get(&path).status {
            // No task of a skipped stage ever was.
            404 => Vec::new(),
            _ => server.json(&path).as_array().unwrap().clone(),
        };
        let told = rows(
            server,
            &format!(
                "SELECT task_id, task_index, attempt, partition_id, executor_id, host, locality, status, speculative, error,
                     duration_ms, executor_run_time_ms, input_bytes, shuffle_read_bytes, shuffle_write_bytes
                 FROM tasks WHERE app_id = '{app}' AND stage_id = {id} AND stage_attempt_id = {attempt} ORDER BY task_id"
            ),
        );
        let expected: Vec<Vec<Value>> = expected
            .iter()
            .map(|t| {
                let m = &t["taskMetrics"];
                let read = &m["shuffleReadMetrics"];
                let read = read["localBytesRead"].as_i64().zip(read["remoteBytesRead"].as_i64());
                vec![
                    t["taskId"].clone(),
                    t["index"].clone(),
                    t["attempt"].clone(),
                    t["partitionId"].clone(),
                    t["executorId"].clone(),
                    t["host"].clone(),
                    t["taskLocality"].clone(),
                    t["status"].clone(),
                    t["speculative"].clone(),
                    t["errorMessage"].clone(),
                    t["duration"].clone(),
                    m["executorRunTime"].clone(),
                    m["inputMetrics"]["bytesRead"].clone(),
                    read.map_or(Value::Null, |(l, r)| json!(l + r)),
                    m["shuffleWriteMetrics"]["bytesWritten"].clone(),
                ]
            })
            .collect();
        assert_eq!(told, expected, "{app} {id} {attempt}");
    }
    let of = |table: &str| {
        row(
            server,
            &format!("SELECT sum(executor_run_time_ms), sum(jvm_gc_time_ms) FROM {table} WHERE app_id = '{app}'"),
        )
    };
    assert_eq!(of("tasks"), of("stages"), "{app}");
    let near = |column: &str| {
        let statement = format!(
            "SELECT count(*) FROM tasks t JOIN applications a ON t.app_id = a.app_id WHERE t.app_id = '{app}'
             AND NOT ({column} BETWEEN a.start_time AND a.last_event_time)"
        );
        row(server, &statement)
    };
    assert_eq!((near("t.launch_time"), near("t.finish_time")), (vec![json!(0)], vec![json!(0)]), "{app}");
}

#[test]
fn series_come_to_what_entities_say() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let cases = [("3.5.9", "streaming-rocksdb"), ("3.5.9", "exec-dynalloc"), ("4.3.0", "sql")];
    let sources: Vec<_> = cases.iter().map(|(v, c)| logs::case(v, c).display().to_string()).collect();
    server::ingest(&store, &sources.iter().map(String::as_str).collect::<Vec<_>>());
    let server = TestServer::history(&store);
    let apps = rows(&server, "SELECT app_id, duration_ms FROM applications");
    assert!(apps.len() >= 3, "{apps:?}");
    for app in &apps {
        let id = app[0].as_str().unwrap();
        samples_sum_up(&server, id);
        tasks_are_those_of_the_stages(&server, id);
        let of =
            |columns: &str, table: &str| row(&server, &format!("SELECT {columns} FROM {table} WHERE app_id = '{id}'"));
        // Steps of 10 seconds cover the application, and tasks run in them as long as executors say.
        let [steps, step, running] =
            &of("count(*), max(step_ms), sum(running_tasks * step_ms)", "application_samples")[..]
        else {
            panic!()
        };
        assert_eq!(step, &json!(10_000));
        assert!((int(steps) - int(&app[1]) / 10_000).abs() <= 2, "{id}: {steps} steps of {} ms", app[1]);
        let busy = of("sum(task_time_ms)", "executor_samples").remove(0);
        let busy = busy.as_f64().unwrap_or(0.0);
        assert!((running.as_f64().unwrap() - busy).abs() < 1.0 + busy / 1000.0, "{id}: {running} {busy}");
    }
    // What operators say sums up to what reports say; every custom metric is there by its name.
    let reports = "SELECT count(*), sum(state_rows), sum(state_rows_updated) FROM streaming_progress WHERE state_rows IS NOT NULL";
    let operators = "SELECT count(DISTINCT run_id || ' ' || batch_id || ' ' || timestamp), sum(rows), sum(rows_updated)
        FROM state_operator_metrics";
    assert_eq!(row(&server, reports), row(&server, operators));
    let app = row(&server, "SELECT DISTINCT app_id FROM state_operator_metrics");
    let progress = server
        .json(&format!("/api/afterglow/v1/applications/{}/streaming/progress?length=10000", app[0].as_str().unwrap()));
    let mut operators = 0;
    for report in progress.as_array().unwrap() {
        for (i, operator) in report["stateOperators"].as_array().unwrap().iter().enumerate() {
            let statement = format!(
                "SELECT custom_metrics, commit_time_ms, rocksdb_sst_file_bytes, instances FROM state_operator_metrics
                 WHERE run_id = '{}' AND batch_id = {} AND operator_index = {i} AND timestamp = '{}'",
                report["runId"].as_str().unwrap(),
                report["batchId"],
                report["timestamp"].as_str().unwrap()
            );
            let told = row(&server, &statement);
            assert_eq!(told[0], operator["customMetrics"], "{statement}");
            assert_eq!(
                told[1..],
                [
                    operator["commitTimeMs"].clone(),
                    operator["customMetrics"]["rocksdbSstFileSize"].clone(),
                    operator["numStateStoreInstances"].clone(),
                ]
            );
            operators += 1;
        }
    }
    assert!(operators > 10, "{operators}");
    let phases = row(
        &server,
        "SELECT phase_durations_ms['addBatch'], phase_durations_ms FROM streaming_progress WHERE batch_id = 1 LIMIT 1",
    );
    assert_eq!(phases[0], phases[1]["addBatch"]);
    // CSV has no maps.
    let (status, csv) = ask(&server, "text/csv", "SELECT custom_metrics FROM state_operator_metrics LIMIT 1");
    assert!(status == 200 && csv.contains("\"\"rocksdbGetCount\"\":"), "{csv}");
}

#[test]
fn the_documentation_names_every_column() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    server::ingest(&store, &[logs::case("3.5.9", "sql").to_str().unwrap()]);
    let server = TestServer::history(&store);
    let documented = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sql.md")).unwrap();
    let mut expected = String::from("## Tables\n");
    for table in server.json(&format!("{SQL}/tables")).as_array().unwrap() {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        expected += &format!(
            "\n### {}\n\n{}\n\n| column | type | meaning |\n|---|---|---|\n",
            text(&table["name"]),
            text(&table["about"])
        );
        for c in table["columns"].as_array().unwrap() {
            expected += &format!("| `{}` | {} | {} |\n", text(&c["name"]), text(&c["type"]), text(&c["about"]));
        }
        let of =
            format!("SELECT column_name FROM information_schema.columns WHERE table_name = '{}'", text(&table["name"]));
        assert_eq!(rows(&server, &of).len(), table["columns"].as_array().unwrap().len());
    }
    let at = documented.find("## Tables\n").unwrap();
    let differs = documented[at..].lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(differs.is_none() && documented[at..].len() == expected.len(), "docs/sql.md: {differs:?}");
}
