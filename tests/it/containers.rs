//! Container logs: whose they are, what they tell, and that nothing is told twice or lost.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::logs;
use crate::moto::Bucket;
use crate::s3;
use crate::server::{self, TestServer, afterglow, eventually, stdout};

const OURS: &str = "/api/afterglow/v1";

/// The application of each version's logs, and by container the collector's log as counted and summed by other means:
/// pauses, their sum, the longest and the span in microseconds, concurrent cycles.
const APPLICATIONS: [(&str, &str, [i64; 5], [i64; 5]); 2] = [
    ("4.3.0", "app-20261121104200-0000", [66, 551_641, 39_548, 24_482_000, 15], [31, 245_746, 23_526, 19_556_000, 10]),
    ("3.5.9", "app-20261121104223-0000", [38, 403_746, 60_574, 24_265_000, 14], [53, 581_825, 46_314, 21_127_000, 21]),
];

/// `ingest --once` of both kinds; either may be empty.
fn ingest(store: &Path, events: &str, containers: &str) -> std::process::Output {
    let mut command = afterglow(&["ingest", "--once", "--store", store.to_str().unwrap()]);
    for (flag, place) in [("--logs", events), ("--container-logs", containers)] {
        if !place.is_empty() {
            command.args([flag, place]);
        }
    }
    command.output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Objects of container logs in a store.
fn objects(store: &Path) -> BTreeSet<PathBuf> {
    let entries = |p: PathBuf| fs::read_dir(p).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    entries(store.join("containers")).into_iter().flat_map(entries).flat_map(entries).collect()
}

fn sql(server: &TestServer, statement: &str) -> Value {
    let body = json!({ "query": statement }).to_string();
    let response = server.client().send("POST", &format!("{OURS}/sql"), body.as_bytes()).unwrap();
    assert_eq!(response.status, 200, "{statement}: {}", response.text());
    serde_json::from_str::<Value>(&response.text()).unwrap()["rows"].clone()
}

fn millis(us: i64) -> f64 {
    us as f64 / 1000.0
}

#[test]
fn what_real_drivers_and_executors_wrote() {
    for (version, app, driver, executor) in APPLICATIONS {
        let dir = logs::folder();
        let store = dir.path().join("store");
        let all = logs::containers(version);
        let ingested = ingest(&store, text(&all.join("events")), text(&all.join("containers")));
        assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
        let pauses = driver[0] + executor[0];
        let told = format!("4 container logs: {pauses} pauses, 11 progress reports\n1 applications, ");
        assert!(stdout(&ingested).starts_with(&told), "{}", stdout(&ingested));
        let server = TestServer::history(&store);
        let base = format!("{OURS}/applications/{app}");
        let answer = server.json(&format!("{base}/pauses"));
        assert_eq!((&answer["known"], &answer["total"]), (&json!(true), &json!(2)));
        let containers = answer["containers"].as_array().unwrap();
        let mut expected = [("driver", "driver", None, driver), ("0", "executor", Some("0"), executor)];
        expected.sort_by_key(|e| -e.3[1]);
        for (shown, (name, role, id, [count, total, longest, span, cycles])) in containers.iter().zip(expected) {
            assert_eq!((&shown["container"], &shown["role"]), (&json!(name), &json!(role)));
            assert_eq!((shown["executor"].as_str(), &shown["collector"]), (id, &json!("G1")));
            let numbers = json!({"count": count, "total": millis(total), "longest": millis(longest)});
            assert_eq!((&shown["pauses"], &shown["concurrentCycles"]), (&numbers, &json!(cycles)), "{name}");
            assert_eq!(shown["uptime"].as_f64(), Some(millis(span)));
            let share = (total as f64 / span as f64 * 1e6).round() / 1e6;
            assert_eq!(shown["share"].as_f64(), Some(share));
            let keys = ["stderr", "stdout"].map(|s| json!({"stream": s, "key": format!("{app}/{name}/{s}")}));
            assert_eq!((&shown["logs"], &shown["warnings"]), (&json!(keys), &json!([])));
            assert!(shown["host"].is_string() && shown["monitor"].is_null(), "{shown}");
        }
        // The driver's decorations have no dates, the executor's have.
        let of = |name: &str| server.json(&format!("{base}/pauses?container={name}&offset=2&length=3"));
        for (name, count, dated) in [("driver", driver[0], false), ("0", executor[0], true)] {
            let page = of(name);
            assert_eq!((&page["total"], page["pauses"].as_array().unwrap().len()), (&json!(count), 3));
            assert!(
                page["pauses"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|p| p["time"].is_i64() == dated && p["uptime"].is_number())
            );
        }
        assert_eq!(server.get(&format!("{base}/pauses?container=x")).status, 404);
        let by_role =
            "SELECT role, executor_id, kind, collector, count(*), round(sum(duration_ms), 3), count(time), count(host)
             FROM jvm_pauses GROUP BY 1, 2, 3, 4 ORDER BY 1";
        let row = |role: &str, id: Option<&str>, [count, total, ..]: [i64; 5], dated: i64| {
            json!([role, id, "gc", "G1", count, millis(total), dated, count])
        };
        let rows = [row("driver", None, driver, 0), row("executor", Some("0"), executor, executor[0])];
        assert_eq!(sql(&server, by_role), json!(rows));
        // What the driver logged of its query, the event log has, too.
        assert_eq!(
            sql(&server, "SELECT count(*), count(DISTINCT batch_id) FROM streaming_progress"),
            json!([[11, 11]])
        );
    }
}

/// Spark 4 rounds rates in the driver's log to a decimal.
fn same(what: &str, got: &Value, wanted: &Value, rounded: bool) {
    if !rounded {
        return assert_eq!(got, wanted, "{what}");
    }
    let numbers = |v: &Value| v.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect::<Vec<_>>();
    for (a, b) in numbers(got).into_iter().zip(numbers(wanted)) {
        assert!((a - b).abs() <= 0.05 + 1e-9, "{what}: {a}, expected {b}");
    }
}

/// An event log without some events.
fn without(log: &Path, to: &Path, left_out: impl Fn(usize, &str) -> bool) {
    let all = fs::read_to_string(log).unwrap();
    let kept = all.lines().enumerate().filter(|(i, line)| !left_out(*i, line)).map(|(_, line)| format!("{line}\n"));
    fs::create_dir_all(to).unwrap();
    fs::write(to.join(log.file_name().unwrap()), kept.collect::<String>()).unwrap();
}

#[test]
fn progress_that_the_event_log_lacks_is_the_drivers() {
    for (version, app, ..) in APPLICATIONS {
        let dir = logs::folder();
        let all = logs::containers(version);
        let log = all.join("events").join(app);
        let (containers, base) = (all.join("containers"), format!("{OURS}/applications/{app}"));
        let store = |name: &str| dir.path().join(name).join("store");
        assert_eq!(ingest(&store("whole"), text(&all.join("events")), "").status.code(), Some(0));
        let whole = TestServer::history(&store("whole"));
        let queries = whole.json(&format!("{base}/streaming/queries"));
        let run = queries[0]["runId"].as_str().unwrap().to_owned();
        let series = |s: &TestServer| s.json(&format!("{base}/streaming/queries/{run}/series?points=1000"));
        let reports = |s: &TestServer| {
            let all = s.json(&format!("{base}/streaming/progress"));
            all.as_array().unwrap().iter().map(|r| r["batchId"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        let expected: Vec<i64> = (0..11).collect();
        assert_eq!(reports(&whole), expected);
        let progress = |line: &str| line.contains("QueryProgressEvent");
        let third = |i: usize, line: &str| progress(line) && i.is_multiple_of(3);
        let streaming = |_: usize, line: &str| line.contains("StreamingQueryListener");
        type LeftOut<'f> = &'f dyn Fn(usize, &str) -> bool;
        let every: [(&str, LeftOut<'_>); 3] =
            [("third", &third), ("reports", &|_, line| progress(line)), ("streaming", &streaming)];
        for (name, left_out) in every {
            let events = dir.path().join(name).join("events");
            without(&log, &events, left_out);
            let ingested = ingest(&store(name), text(&events), text(&containers));
            assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
            let server = TestServer::history(&store(name));
            assert_eq!(reports(&server), expected, "{version} {name}");
            let (got, wanted) = (series(&server), series(&whole));
            for (key, value) in wanted.as_object().unwrap() {
                same(key, &got[key], value, version == "4.3.0" && key.ends_with("Rate"));
            }
            for (offset, length) in [(0, 3), (4, 5), (9, 9), (11, 1)] {
                let page =
                    server.json(&format!("{base}/streaming/progress?runId={run}&offset={offset}&length={length}"));
                let batches: Vec<i64> =
                    page.as_array().unwrap().iter().map(|r| r["batchId"].as_i64().unwrap()).collect();
                assert_eq!(batches, expected[offset..(offset + length).min(11)]);
            }
            let one = server.json(&format!("{base}/streaming/progress?batch=5"));
            assert_eq!((one.as_array().unwrap().len(), &one[0]["batchId"]), (1, &json!(5)));
            let mut now = server.json(&format!("{base}/streaming/queries"));
            if name == "streaming" {
                // When it began is then the time of its first batch.
                now[0]["startTimestamp"] = queries[0]["startTimestamp"].clone();
            }
            assert_eq!(now, queries, "{version} {name}");
            // Spark 3's driver does not log how long a batch took.
            let duration = if version == "4.3.0" { ", batch_duration_ms" } else { "" };
            let columns = format!("batch_id, \"timestamp\", input_rows, state_rows, query_name{duration}");
            let rows = |s: &TestServer| sql(s, &format!("SELECT {columns} FROM streaming_progress ORDER BY 1"));
            assert_eq!(rows(&server), rows(&whole), "{version} {name}");
        }
    }
}

#[test]
fn logs_wait_for_their_application_and_outlive_that_it_is_read_again() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let (_, app, driver, executor) = APPLICATIONS[0];
    let all = logs::containers("4.3.0");
    let [events, containers] = ["events", "containers"].map(|f| dir.path().join(f));
    fs::create_dir_all(&events).unwrap();
    let place = containers.join(app).join("driver");
    fs::create_dir_all(&place).unwrap();
    let log = fs::read(all.join("containers").join(app).join("driver/stdout")).unwrap();
    fs::write(place.join("stdout"), &log[..log.len() / 2]).unwrap();
    let index = || {
        let done = ingest(&store, text(&events), text(&containers));
        assert_eq!(done.status.code(), Some(0), "{}", stdout(&done));
        stdout(&done)
    };
    let counts = || {
        let server = TestServer::history(&store);
        let shown = server.json(&format!("{OURS}/applications/{app}/pauses"));
        let rows = sql(&server, "SELECT count(*) FROM jvm_pauses");
        let of = |c: &Value| c["pauses"]["count"].as_i64();
        (shown["containers"].as_array().unwrap().iter().map(of).collect::<Vec<_>>(), rows[0][0].as_i64().unwrap())
    };
    // The driver's log is there first, as far as it goes.
    assert!(index().starts_with("1 container logs: "));
    let first = objects(&store);
    assert_eq!(first.len(), 1);
    fs::copy(all.join("events").join(app), events.join(app)).unwrap();
    assert!(index().starts_with("1 applications, "), "the container's log is not read again");
    assert_eq!(objects(&store), first);
    let (before, rows) = counts();
    assert!(before.len() == 1 && before[0] > Some(0) && before[0] < Some(driver[0]), "{before:?}");
    assert_eq!(Some(rows), before[0]);
    // It is replaced by the whole log, packed.
    fs::write(place.join("stdout"), zstd::encode_all(&log[..], 1).unwrap()).unwrap();
    index();
    assert_eq!((objects(&store).len(), objects(&store).is_disjoint(&first)), (1, true));
    assert_eq!(counts(), (vec![Some(driver[0])], driver[0]));
    // The event log changes: the attempt is read anew.
    let changed = fs::read_to_string(events.join(app)).unwrap().replace("container logs", "another name!!");
    fs::write(events.join(app), changed).unwrap();
    assert!(index().starts_with("1 applications, "));
    assert_eq!(counts(), (vec![Some(driver[0])], driver[0]));
    // Another container; its rows are in the fleet's files, too.
    fs::create_dir(containers.join(app).join("0")).unwrap();
    fs::copy(all.join("containers").join(app).join("0/stdout"), containers.join(app).join("0/stdout")).unwrap();
    index();
    assert_eq!(counts(), (vec![Some(driver[0]), Some(executor[0])], driver[0] + executor[0]));
    // Retention takes them with the attempt, and for good.
    let expire = |size: &str| {
        let mut command = afterglow(&["ingest", "--once", "--store", text(&store), "--logs", text(&events)]);
        command.args(["--container-logs", text(&containers)]).env("AFTERGLOW_RETENTION__SIZE", size).output().unwrap()
    };
    assert_eq!(expire("1B").status.code(), Some(0));
    assert_eq!(objects(&store), BTreeSet::new());
    assert!(stdout(&expire("1B")).starts_with("0 applications, 0 events"), "read again");
    assert_eq!(sql(&TestServer::history(&store), "SELECT count(*) FROM jvm_pauses"), json!([[0]]));
}

#[test]
fn a_server_follows_container_logs_and_mends_what_was_damaged() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let (_, app, driver, executor) = APPLICATIONS[0];
    let all = logs::containers("4.3.0");
    let shared = dir.path().join("shared");
    // One place for all: neither kind takes the other's for its own.
    for kind in ["events", "containers"] {
        logs::lay(&all.join(kind), &shared.join(kind), &|_| true);
    }
    let serve = || TestServer::serve(&store).logs(text(&shared)).env("AFTERGLOW_CONTAINER_LOGS", text(&shared)).start();
    let pauses = |s: &TestServer| {
        let shown = s.try_json(&format!("{OURS}/applications/{app}/pauses?container=0"))?;
        let all = shown["pauses"].as_array()?.len() as i64;
        (all == executor[0]).then_some(shown)
    };
    let server = serve();
    let whole = eventually("the executor's pauses", 30, || pauses(&server));
    eventually("the driver's pauses", 30, || {
        let shown = server.try_json(&format!("{OURS}/applications/{app}/pauses"))?;
        let of = |name| shown["containers"].as_array()?.iter().find(|c| c["container"] == name).cloned();
        (of("driver")?["pauses"]["count"] == driver[0]).then_some(())
    });
    let sources = server.json(&format!("{OURS}/sources"));
    let kinds: Vec<_> =
        sources.as_array().unwrap().iter().map(|s| (s["kind"].as_str().unwrap(), s["healthy"].clone())).collect();
    assert_eq!(kinds, [("container-logs", json!(true)), ("event-logs", json!(true))]);
    assert_eq!(server.json("/api/v1/applications").as_array().unwrap().len(), 1);
    assert_eq!(server.json(&format!("{OURS}/sources/problems"))["total"], json!(0));
    server.kill();
    let named = objects(&store);
    for object in &named {
        fs::write(object, b"nothing of ours").unwrap();
    }
    let server = serve();
    let again = eventually("the logs are read again", 30, || pauses(&server));
    assert_eq!(again, whole);
    eventually("what was damaged is gone", 10, || {
        (objects(&store).intersection(&named).count() < named.len()).then_some(())
    });
}

#[test]
fn damage_and_strangers_are_told() {
    let dir = logs::folder();
    let (store, containers) = (dir.path().join("store"), dir.path().join("containers"));
    let place = containers.join("application_1430917381535_0003/container_1430917381535_0003_01_000002");
    fs::create_dir_all(&place).unwrap();
    let text_of = "[1.0s][info][gc] GC(0) Pause Remark 1M->1M(2M) 1.500ms\n".repeat(1000);
    let packed = zstd::encode_all(text_of.as_bytes(), 1).unwrap();
    fs::write(place.join("stdout.zst"), &packed[..packed.len() / 2]).unwrap();
    fs::write(place.join("stderr"), "25/04/18 07:52:27 INFO X: Streaming query made progress: {\"id\": 1\n").unwrap();
    fs::write(place.join("directory.info"), "ls").unwrap();
    fs::create_dir_all(containers.join("steps/s-1")).unwrap();
    fs::write(containers.join("steps/s-1/stderr"), "INFO Client: Submitted application").unwrap();
    let done = ingest(&store, "", text(&containers));
    assert_eq!(done.status.code(), Some(3), "{}", stdout(&done));
    let told = stdout(&done);
    assert!(
        told.contains("stdout.zst: stdout.zst") && told.contains("stderr: 1 progress reports are cut off"),
        "{told}"
    );
    assert!(told.contains("2 objects passed by, 2 damaged, 0 failed"), "{told}");
    let server = TestServer::history(&store);
    let problems = server.json(&format!("{OURS}/sources/problems"));
    assert_eq!(problems["total"], json!(2));
    assert_eq!(server::run(&["sql", "--store", text(&store), "SELECT * FROM jvm_pauses"]).status.code(), Some(0));
}

/// An event log of the real application under another id, and perhaps of an attempt.
fn event_log(id: &str, attempt: Option<&str>) -> Vec<u8> {
    let (_, app, ..) = APPLICATIONS[0];
    let log = fs::read_to_string(logs::containers("4.3.0").join("events").join(app)).unwrap();
    let named = format!("\"App ID\":\"{app}\"");
    assert!(log.contains(&named));
    let attempt = attempt.map(|a| format!(",\"App Attempt ID\":\"{a}\"")).unwrap_or_default();
    log.replace(&named, &format!("{named}{attempt}")).replace(app, id).into_bytes()
}

#[test]
fn attempts_on_yarn_have_the_containers_that_yarn_names_after_them() {
    let dir = logs::folder();
    let [events, containers, store] = ["events", "containers", "store"].map(|f| dir.path().join(f));
    let (_, app, driver, executor) = APPLICATIONS[0];
    let id = "application_1430917381535_0003";
    fs::create_dir(&events).unwrap();
    for attempt in ["1", "2"] {
        fs::write(events.join(format!("{id}_{attempt}")), event_log(id, Some(attempt))).unwrap();
    }
    let all = logs::containers("4.3.0").join("containers").join(app);
    for (container, from) in [("01_000002", "driver"), ("02_000001", "0")] {
        let place = containers.join(id).join(format!("container_e17_1430917381535_0003_{container}"));
        logs::lay(&all.join(from), &place, &|name| name == "stdout");
    }
    let done = ingest(&store, text(&events), text(&containers));
    assert_eq!(done.status.code(), Some(0), "{}", stdout(&done));
    let server = TestServer::history(&store);
    for (attempt, container, count) in [("1", "01_000002", driver[0]), ("2", "02_000001", executor[0])] {
        let shown = server.json(&format!("{OURS}/applications/{id}/{attempt}/pauses"));
        let name = format!("container_e17_1430917381535_0003_{container}");
        assert_eq!(shown["total"], json!(1), "{shown}");
        assert_eq!(
            (&shown["containers"][0]["container"], &shown["containers"][0]["pauses"]["count"]),
            (&json!(name), &json!(count))
        );
        // Neither the path nor this event log tells what it was.
        assert_eq!(
            (&shown["containers"][0]["role"], &shown["containers"][0]["executor"]),
            (&Value::Null, &Value::Null)
        );
    }
    let by_attempt = "SELECT attempt_id, count(*) FROM jvm_pauses GROUP BY 1 ORDER BY 1";
    assert_eq!(sql(&server, by_attempt), json!([["1", driver[0]], ["2", executor[0]]]));
}

/// As EMR on EKS has them in S3, in one bucket.
#[test]
fn container_logs_in_s3() {
    let Some(proxy) = s3::s3() else { return };
    let Some(mut bucket) = Bucket::create("container-logs") else { return };
    let dir = logs::folder();
    let (_, app, driver, executor) = APPLICATIONS[0];
    let id = "spark-000000030abcdef1234";
    bucket.put(&format!("spark/events/{id}"), &event_log(id, None));
    let gzip = |bytes: Vec<u8>| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&bytes).unwrap();
        packed.finish().unwrap()
    };
    let all = logs::containers("4.3.0").join("containers").join(app);
    for (pod, from) in [(format!("{id}-driver"), "driver"), ("etl-6a1b2c-exec-0".to_owned(), "0")] {
        for stream in ["stdout", "stderr"] {
            let key = format!("logs/vc/jobs/000000030abcdef1234/containers/{id}/{pod}/{stream}.gz");
            bucket.put(&key, &gzip(fs::read(all.join(from).join(stream)).unwrap()));
        }
    }
    let server = TestServer::serve(dir.path())
        .logs("eks=s3://container-logs/spark/events/")
        .env("AFTERGLOW_CONTAINER_LOGS", "eks=s3a://container-logs/logs")
        .with(&proxy)
        .start();
    let path = format!("{OURS}/clusters/eks/applications/{id}/pauses");
    let shown = eventually("both pods", 30, || server.try_json(&path).filter(|s| s["total"] == 2));
    let whole = eventually("the whole of them", 30, || {
        let shown = server.try_json(&path)?;
        let logs =
            shown["containers"].as_array()?.iter().map(|c| c["logs"].as_array().map_or(0, Vec::len)).sum::<usize>();
        (logs == 4).then_some(shown)
    });
    let of = |at: usize| {
        let c = &whole["containers"][at];
        json!([c["container"], c["role"], c["executor"], c["pauses"]["count"], c["pauses"]["total"]])
    };
    assert_eq!(of(0), json!([format!("{id}-driver"), "driver", null, driver[0], millis(driver[1])]), "{shown}");
    assert_eq!(of(1), json!(["etl-6a1b2c-exec-0", "executor", "0", executor[0], millis(executor[1])]), "{shown}");
}
