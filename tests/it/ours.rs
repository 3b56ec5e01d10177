//! Our own API over real logs: held against what `/api/v1` says of them, and against itself.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::logs;
use crate::server::{self, TestServer, eventually};

const OURS: &str = "/api/afterglow/v1";

/// A server over the logs of some cases, each a cluster of its own.
fn serve(store: &Path, cases: &[(&str, &str)]) -> TestServer {
    let all: Vec<String> = cases
        .iter()
        .map(|(version, case)| format!("{case}-{version}={}", logs::case(version, case).display()))
        .collect();
    let ingested = server::ingest(store, &all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ingested.status.code(), Some(0), "{}", server::stdout(&ingested));
    TestServer::history(store)
}

fn array(v: &Value) -> &Vec<Value> {
    v.as_array().unwrap_or_else(|| panic!("no list: {v}"))
}

fn int(v: &Value) -> i64 {
    v.as_i64().unwrap_or_else(|| panic!("no whole number: {v}"))
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_else(|| panic!("no text: {v}"))
}

/// Every attempt that is listed.
fn applications(server: &TestServer, query: &str) -> Vec<Value> {
    array(&server.json(&format!("{OURS}/applications?length=10000&{query}"))["applications"]).clone()
}

/// The path of an attempt, in our API and Spark's.
fn path(app: &Value) -> String {
    let attempt = app["attemptId"].as_str().map(|a| format!("/{a}")).unwrap_or_default();
    format!("applications/{}{attempt}", text(&app["id"]))
}

fn ours(server: &TestServer, app: &Value, what: &str) -> Value {
    server.json(&format!("{OURS}/clusters/{}/{}/{what}", text(&app["cluster"]), path(app)))
}

fn sparks(server: &TestServer, app: &Value, what: &str) -> Value {
    server.json(&format!("/clusters/{}/api/v1/{}/{what}", text(&app["cluster"]), path(app)))
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x.as_f64().partial_cmp(&y.as_f64()).unwrap(),
        (Value::String(x), Value::String(y)) => x.cmp(y),
        // What is not there counts as least.
        (x, y) => x.is_null().cmp(&y.is_null()).reverse(),
    }
}

/// Checks that values are in order.
fn assert_sorted(what: &str, values: &[Value], descending: bool) {
    let wrong = if descending { Ordering::Less } else { Ordering::Greater };
    for pair in values.windows(2) {
        assert_ne!(compare(&pair[0], &pair[1]), wrong, "{what}: {} before {}", pair[0], pair[1]);
    }
}

const LISTED: [(&str, &str); 7] = [
    ("4.3.0", "users"),
    ("3.5.9", "users"),
    ("4.3.0", "fail-job"),
    ("3.5.9", "codec-none"),
    ("4.3.0", "codec-none"),
    ("3.5.9", "exec-lost"),
    ("4.3.0", "fail-killed"),
];

#[test]
fn the_list_of_attempts() {
    let dir = logs::folder();
    let server = serve(&dir.path().join("store"), &LISTED);
    let all = applications(&server, "");
    let listed: BTreeSet<String> = all.iter().map(|a| text(&a["id"]).to_owned()).collect();
    let sparks_list = server.json("/api/v1/applications");
    let expected: BTreeSet<String> = array(&sparks_list).iter().map(|a| text(&a["id"]).to_owned()).collect();
    assert_eq!((listed, all.len()), (expected, 13));
    every_order(&server, &all);
    filters(&server, &all);
    rows_are_what_sparks_api_says(&server, &all);
}

fn every_order(server: &TestServer, all: &[Value]) {
    let columns = [
        ("startTime", "startTime"),
        ("endTime", "endTime"),
        ("duration", "duration"),
        ("name", "name"),
        ("id", "id"),
        ("cluster", "cluster"),
        ("user", "user"),
        ("queue", "queue"),
        ("status", "status"),
        ("version", "sparkVersion"),
        ("logSize", "logSize"),
        ("tasks", "tasks"),
        ("failedTasks", "failedTasks"),
        ("executorTime", "executorTime"),
    ];
    let key = |a: &Value| format!("{}/{}/{}", a["cluster"], a["id"], a["attemptId"]);
    let keys: BTreeSet<String> = all.iter().map(key).collect();
    for (sort, field) in columns {
        for descending in [false, true] {
            let sort = format!("{}{sort}", if descending { "-" } else { "" });
            let rows = applications(server, &format!("sort={sort}"));
            let value = |r: &Value| if field == "status" { severity(&r[field]) } else { r[field].clone() };
            assert_sorted(&sort, &rows.iter().map(value).collect::<Vec<_>>(), descending);
            assert_eq!(rows.iter().map(key).collect::<BTreeSet<_>>(), keys, "{sort}");
            let mut paged = Vec::new();
            for offset in (0..rows.len()).step_by(4) {
                let page = server.json(&format!("{OURS}/applications?sort={sort}&offset={offset}&length=4"));
                assert_eq!(page["total"], json!(rows.len()));
                paged.extend(array(&page["applications"]).clone());
            }
            assert_eq!(paged, rows, "{sort}: pages");
        }
    }
    assert_eq!(applications(server, ""), applications(server, "sort=-startTime"));
    let refused = server.get(&format!("{OURS}/applications?sort=colour"));
    assert_eq!((refused.status, refused.header("content-type")), (400, Some("application/json")));
    assert_eq!(refused.text(), r#"{"error":"sort=colour: there is no such column"}"#);
}

/// The place of a status of an application, the worst last.
fn severity(status: &Value) -> Value {
    let worse = [&["completed", "unknown"][..], &["running"], &["lost", "killed"], &["failed"]];
    json!(worse.iter().position(|s| s.contains(&text(status))).expect("a status"))
}

fn filters(server: &TestServer, all: &[Value]) {
    let facets = server.json(&format!("{OURS}/applications/facets"));
    let fields = [
        ("cluster", "cluster"),
        ("user", "user"),
        ("queue", "queue"),
        ("status", "status"),
        ("version", "sparkVersion"),
    ];
    let counted = |rows: &[Value], field: &str| {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        rows.iter().filter_map(|r| r[field].as_str()).for_each(|v| *counts.entry(v.to_owned()).or_default() += 1);
        counts
    };
    let facet = |facets: &Value, name: &str| -> BTreeMap<String, i64> {
        array(&facets[name]).iter().map(|f| (text(&f["value"]).to_owned(), int(&f["count"]))).collect()
    };
    for (name, field) in fields {
        let counts = counted(all, field);
        assert_eq!(facet(&facets, name), counts, "{name}");
        let order: Vec<Value> = array(&facets[name]).iter().map(|f| f["count"].clone()).collect();
        assert_sorted(name, &order, true);
        for (value, n) in &counts {
            let rows = applications(server, &format!("{name}={value}"));
            assert_eq!(rows.len() as i64, *n, "{name}={value}");
            assert!(rows.iter().all(|r| r[field] == json!(value)), "{name}={value}");
            // Its own facet is not narrowed down by a filter, all others are.
            let narrowed = server.json(&format!("{OURS}/applications/facets?{name}={value}"));
            for (other, other_field) in fields {
                let expected = if other == name { counts.clone() } else { counted(&rows, other_field) };
                assert_eq!(facet(&narrowed, other), expected, "{other} of {name}={value}");
            }
        }
    }
    assert_eq!(facet(&facets, "queue").into_keys().collect::<Vec<_>>(), ["adhoc", "etl", "ml"]);
    let of_two = applications(server, "user=alice&user=bob&version=4.3.0");
    assert_eq!(
        of_two.len(),
        all.iter().filter(|a| ["alice", "bob"].contains(&text(&a["user"])) && a["sparkVersion"] == "4.3.0").count()
    );
    let start = |a: &Value| int(&a["startTime"]);
    let middle = start(&all[all.len() / 2]);
    let (since, until) =
        (applications(server, &format!("from={middle}")), applications(server, &format!("to={middle}")));
    assert!(since.iter().all(|a| start(a) >= middle) && until.iter().all(|a| start(a) <= middle));
    assert_eq!(since.len() + until.len(), all.len() + 1);
    // The words of a search, joined with the other filters.
    let found = server::eventually("the search index holds all", 20, || {
        let found = server.json(&format!("{OURS}/search?q=killed&limit=100"));
        (found["total"].as_i64() > Some(0) && server.json(&format!("{OURS}/search"))["total"] == all.len())
            .then_some(found)
    });
    let ids = |rows: &[Value]| rows.iter().map(|a| text(&a["id"]).to_owned()).collect::<BTreeSet<_>>();
    let by_words = applications(server, "q=killed");
    assert_eq!(ids(&by_words), ids(array(&found["applications"])));
    assert!(!by_words.is_empty());
    let both = applications(server, "q=killed&version=4.3.0");
    assert_eq!(both.len(), by_words.iter().filter(|a| a["sparkVersion"] == "4.3.0").count());
    assert_eq!(applications(server, "q=nosuchword"), Vec::<Value>::new());
    assert_eq!(ids(&applications(server, "q=kill")), ids(&by_words), "a word that is being typed");
}

fn rows_are_what_sparks_api_says(server: &TestServer, all: &[Value]) {
    for app in all {
        let stages = sparks(server, app, "stages");
        let sum = |field: &str| array(&stages).iter().map(|s| int(&s[field])).sum::<i64>();
        let tasks = sum("numActiveTasks") + sum("numCompleteTasks") + sum("numFailedTasks") + sum("numKilledTasks");
        let expected = [tasks, sum("numFailedTasks"), sum("executorRunTime")];
        assert_eq!(["tasks", "failedTasks", "executorTime"].map(|f| int(&app[f])), expected, "{}", app["id"]);
        let jobs = sparks(server, app, "jobs");
        let info = &server.json(&format!(
            "/clusters/{}/api/v1/applications/{}",
            text(&app["cluster"]),
            text(&app["id"])
        ))["attempts"][0];
        match app["status"].as_str() {
            Some("running" | "lost") => assert_eq!(info["completed"], json!(false)),
            status => {
                assert_eq!((&info["completed"], int(&info["duration"])), (&json!(true), int(&app["duration"])));
                let last = jobs.as_array().and_then(|j| j.first()).map(|j| j["status"] == "FAILED");
                let bad = matches!(status, Some("failed" | "killed"));
                assert!(bad || last != Some(true), "{}", app["id"]);
                assert_eq!(bad, app["error"].is_string());
            }
        }
    }
    let failed: Vec<&Value> = all.iter().filter(|a| a["status"] == "failed").collect();
    let errors: Vec<&str> = failed.iter().map(|a| text(&a["error"])).collect();
    assert_eq!(errors, ["ZeroDivisionError: division by zero"; 2], "of both versions' users");
    for app in failed {
        let error = &ours(server, app, "overview")["error"];
        let jobs = sparks(server, app, "jobs");
        let place = &error["where"];
        assert_eq!(place["job"], array(&jobs)[0]["jobId"]);
        let stage = sparks(server, app, &format!("stages/{}/{}?details=false", place["stage"], place["attempt"]));
        assert_eq!((&stage["status"], &stage["failureReason"]), (&json!("FAILED"), &error["text"]));
    }
}

#[test]
fn one_application() {
    let dir = logs::folder();
    let cases = [
        ("4.3.0", "sql"),
        ("3.5.9", "sql"),
        ("4.3.0", "fail-job"),
        ("3.5.9", "exec-dynalloc"),
        ("4.3.0", "exec-lost"),
        ("4.3.0", "skew"),
        ("4.3.0", "exec-speculation"),
    ];
    let server = serve(&dir.path().join("store"), &cases);
    for app in &applications(&server, "sort=startTime") {
        overview(&server, app);
        executors(&server, app);
        tasks(&server, app);
        sql_list(&server, app);
        plans(&server, app);
        jobs(&server, app);
        stages(&server, app);
        stage_list(&server, app);
        executors_of_stages(&server, app);
    }
}

fn overview(server: &TestServer, app: &Value) {
    let overview = ours(server, app, "overview");
    for field in [
        "cluster",
        "id",
        "name",
        "user",
        "status",
        "startTime",
        "endTime",
        "duration",
        "sparkVersion",
        "logSize",
        "labels",
    ] {
        assert_eq!(overview[field], app[field], "{field}");
    }
    let count = |what: &str, fits: &dyn Fn(&Value) -> bool| {
        array(&sparks(server, app, what)).iter().filter(|x| fits(x)).count()
    };
    let status = |wanted: &'static str| move |x: &Value| x["status"] == wanted;
    let stages = sparks(server, app, "stages");
    let sum = |field: &str| array(&stages).iter().map(|s| int(&s[field])).sum::<i64>();
    let worker = |e: &Value| e["id"] != "driver";
    let expected = json!({
        "jobs": count("jobs", &|_| true), "failedJobs": count("jobs", &status("FAILED")),
        "stages": count("stages", &|_| true), "failedStages": count("stages", &status("FAILED")), "skippedStages": count("stages", &status("SKIPPED")),
        "tasks": sum("numCompleteTasks") + sum("numFailedTasks") + sum("numKilledTasks") + sum("numActiveTasks"),
        "failedTasks": sum("numFailedTasks"), "killedTasks": sum("numKilledTasks"),
        "sql": count("sql", &|_| true), "failedSql": count("sql", &status("FAILED")),
        "executors": count("allexecutors", &worker), "removedExecutors": count("allexecutors", &|e| worker(e) && e["isActive"] == false),
        "queries": 0,
    });
    assert_eq!(overview["counts"], expected, "{}", app["id"]);
    let expected = json!({
        "inputBytes": sum("inputBytes"), "outputBytes": sum("outputBytes"), "shuffleReadBytes": sum("shuffleReadBytes"),
        "shuffleWriteBytes": sum("shuffleWriteBytes"), "memorySpilled": sum("memoryBytesSpilled"), "diskSpilled": sum("diskBytesSpilled"),
        "runTime": sum("executorRunTime"), "cpuTime": sum("executorCpuTime") / 1_000_000, "gcTime": sum("jvmGcTime"),
    });
    assert_eq!(overview["totals"], expected, "{}", app["id"]);
    let wall = &overview["wallClock"];
    let parts = array(&wall["parts"]);
    assert_eq!(parts.iter().map(|p| int(&p["time"])).sum::<i64>(), int(&app["duration"]), "{wall}");
    assert_eq!(wall["total"], app["duration"]);
    assert!(parts.iter().all(|p| int(&p["time"]) >= 0), "{wall}");
    assert!((parts.iter().map(|p| p["share"].as_f64().unwrap()).sum::<f64>() - 1.0).abs() < 1e-9);
    let of = |name: &str| parts.iter().find(|p| p["name"] == name).map(|p| int(&p["time"])).unwrap();
    if text(&app["id"]).starts_with("local-") {
        assert_eq!(of("waitingForExecutors"), 0, "{wall}");
    }
    assert!(of("driver") > 0 && of("compute") > 0, "{wall}");
    let shares: f64 = array(&overview["slowestStages"]).iter().map(|s| s["share"].as_f64().unwrap()).sum();
    assert!(shares <= 1.0 - of("driver") as f64 / int(&wall["total"]) as f64 + 1e-9, "{wall}");
    for (list, of) in [("slowestSql", "duration"), ("slowestStages", "duration")] {
        assert_sorted(list, &array(&overview[list]).iter().map(|x| x[of].clone()).collect::<Vec<_>>(), true);
    }
    assert_eq!(overview["error"]["line"], app["error"]);
}

fn executors(server: &TestServer, app: &Value) {
    let timeline = ours(server, app, "executors/timeline?points=50");
    let (start, end) = (int(&timeline["start"]), int(&timeline["end"]));
    assert_eq!((start, end - start), (int(&app["startTime"]), int(&app["duration"])));
    let mut all = sparks(server, app, "allexecutors");
    let shown = array(&timeline["executors"]);
    assert_eq!(shown.len(), array(&all).len());
    assert_eq!(shown[0]["id"], "driver");
    for e in shown {
        let same = all.as_array_mut().unwrap().iter().find(|x| x["id"] == e["id"]).expect("the executor");
        assert_eq!(
            (&e["cores"], &e["maxMemory"], e.get("reason")),
            (&same["totalCores"], &same["maxMemory"], same.get("removeReason"))
        );
        if e["id"] != "driver" {
            assert_eq!((&e["busyTime"], &e["gcTime"]), (&same["totalDuration"], &same["totalGCTime"]));
        }
        let class = match e["reason"].as_str() {
            None => Value::Null,
            Some(r) if r.contains("137") => json!("killed"),
            Some("Executor killed by driver.") => json!("idle"),
            Some(other) => panic!("{other}"),
        };
        assert_eq!(e["class"], class);
    }
    // What all tasks took is what runs on average over the whole time.
    let stages = sparks(server, app, "stages?details=true");
    let spans = array(&stages).iter().flat_map(|s| s["tasks"].as_object().into_iter().flat_map(|t| t.values()));
    let took: i64 = spans.map(|t| t["duration"].as_i64().unwrap_or(0)).sum();
    let series = &timeline["series"];
    let points = array(&series["runningTasks"]);
    assert_eq!((points.len(), array(&series["time"]).len(), series["time"][0].clone()), (50, 50, json!(start)));
    let step = (end - start) as f64 / 50.0;
    let ran: f64 = points.iter().map(|p| p.as_f64().unwrap() * step).sum();
    assert!((ran - took as f64).abs() <= took as f64 * 0.01 + 1.0, "{ran} {took}");
    // What ended tasks say, in the steps in which they ran; Spark's list has the numbers task by task.
    for (name, metric) in [("runTime", "executorRunTime"), ("gcTime", "jvmGcTime")] {
        let tasks = array(&stages).iter().flat_map(|s| s["tasks"].as_object().into_iter().flat_map(|t| t.values()));
        let said = tasks.map(|t| {
            let spent = t.pointer(&format!("/taskMetrics/{metric}")).and_then(Value::as_i64).unwrap_or(0);
            spent.min(t["duration"].as_i64().unwrap_or(0))
        });
        let said: i64 = said.sum();
        let spent: f64 = array(&series[name]).iter().map(|p| p.as_f64().unwrap()).sum();
        assert!((spent - said as f64).abs() <= 1.0, "{name}: {spent} {said}");
    }
    for (i, share) in array(&series["gcShare"]).iter().enumerate() {
        let of = |name: &str| series[name][i].as_f64().unwrap();
        match share.as_f64() {
            None => assert!(of("runTime") < 1.0),
            Some(share) => assert!((share * of("runTime") - of("gcTime")).abs() < 0.01 + of("runTime") / 10_000.0),
        }
    }
    let most = array(&series["executors"]).iter().map(|p| p.as_f64().unwrap()).fold(0.0, f64::max);
    let workers = if shown.len() == 1 { 1 } else { shown.len() - 1 };
    assert!(most > 0.5 && most <= workers as f64, "{most} of {workers}");
}

/// Numbers of our rows of stages with what they are called in Spark's.
const STAGE_NUMBERS: [(&str, &str); 15] = [
    ("tasks", "numTasks"),
    ("failedTasks", "numFailedTasks"),
    ("killedTasks", "numKilledTasks"),
    ("inputBytes", "inputBytes"),
    ("inputRecords", "inputRecords"),
    ("outputBytes", "outputBytes"),
    ("outputRecords", "outputRecords"),
    ("shuffleReadBytes", "shuffleReadBytes"),
    ("shuffleReadRecords", "shuffleReadRecords"),
    ("shuffleWriteBytes", "shuffleWriteBytes"),
    ("shuffleWriteRecords", "shuffleWriteRecords"),
    ("memorySpilled", "memoryBytesSpilled"),
    ("diskSpilled", "diskBytesSpilled"),
    ("runTime", "executorRunTime"),
    ("gcTime", "jvmGcTime"),
];

fn stage_list(server: &TestServer, app: &Value) {
    let expected = sparks(server, app, "stages");
    let expected = array(&expected);
    let all = ours(server, app, "stages?length=100000");
    assert_eq!((&all["total"], &all["filtered"]), (&json!(expected.len()), &json!(expected.len())));
    let rows = array(&all["stages"]);
    // Spark's list has the latest first, too.
    assert_eq!(rows.len(), expected.len());
    for (row, same) in rows.iter().zip(expected) {
        for (field, of) in [("stage", "stageId"), ("attempt", "attemptId"), ("name", "name"), ("status", "status")] {
            assert_eq!(row[field], same[of], "{field}");
        }
        for (field, of) in [("activeTasks", "numActiveTasks"), ("completedTasks", "numCompleteTasks")] {
            assert_eq!(row[field], same[of], "{field}");
        }
        for (field, of) in STAGE_NUMBERS {
            assert_eq!(row[field], same[of], "{field}");
        }
        assert_eq!((row.get("description"), &row["pool"]), (same.get("description"), &same["schedulingPool"]));
        assert_eq!(int(&row["cpuTime"]), int(&same["executorCpuTime"]) / 1_000_000);
        let times = ["submissionTime", "firstTaskLaunchedTime", "completionTime"].map(|f| same.get(f).map(millis));
        assert_eq!(["submitTime", "firstTaskTime", "endTime"].map(|f| row[f].as_i64()), times);
        // What runs is measured up to the log's last event.
        let end = times[2].or((same["status"] == "ACTIVE").then(|| int(&app["lastEventTime"])));
        let took = times[0].zip(end).map(|(from, to)| to - from).filter(|_| same["status"] != "SKIPPED");
        assert_eq!(row["duration"].as_i64(), took);
        assert_eq!(row["error"].is_string(), same["failureReason"].is_string());
        assert!(!array(&row["jobs"]).is_empty());
        skew(server, app, row);
    }
    for (field, _) in STAGE_NUMBERS.iter().chain([&("duration", ""), &("cpuTime", "")]) {
        assert_eq!(
            all["most"][field],
            json!(rows.iter().filter_map(|r| r[field].as_i64()).max().unwrap_or(0)),
            "{field}"
        );
    }
    let key = |r: &Value| (int(&r["stage"]), int(&r["attempt"]));
    let keys: BTreeSet<(i64, i64)> = rows.iter().map(key).collect();
    let urgency =
        |s: &Value| ["SKIPPED", "COMPLETE", "PENDING", "ACTIVE", "FAILED"].iter().position(|u| u == s).unwrap();
    let columns = STAGE_NUMBERS.iter().map(|(field, _)| *field);
    for column in
        columns.chain(["id", "name", "status", "pool", "submitTime", "duration", "skew", "cpuTime", "gcShare"])
    {
        for descending in [false, true] {
            let sort = format!("{}{column}", if descending { "-" } else { "" });
            let sorted = ours(server, app, &format!("stages?length=100000&sort={sort}"));
            let sorted = array(&sorted["stages"]);
            let value = |r: &Value| match column {
                "id" => json!(int(&r["stage"]) * 1000 + int(&r["attempt"])),
                "name" => json!(r["description"].as_str().unwrap_or(text(&r["name"])).to_lowercase()),
                "status" => json!(urgency(&r["status"])),
                "gcShare" => match (int(&r["gcTime"]), int(&r["runTime"])) {
                    (gc, run) if run > 0 && gc <= run => json!(gc as f64 / run as f64),
                    _ => Value::Null,
                },
                field => r[field].clone(),
            };
            assert_sorted(&sort, &sorted.iter().map(value).collect::<Vec<_>>(), descending);
            assert_eq!(sorted.iter().map(key).collect::<BTreeSet<_>>(), keys);
            let page = ours(server, app, &format!("stages?offset=1&length=2&sort={sort}"));
            assert_eq!(array(&page["stages"]), &sorted[1.min(sorted.len())..3.min(sorted.len())], "{sort}");
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|r| *counts.entry(text(&r["status"])).or_default() += 1);
    assert_eq!(all["statuses"], json!(counts));
    for status in ["ACTIVE", "pending", "failed", "COMPLETE", "SKIPPED"] {
        let found = ours(server, app, &format!("stages?status={status}"));
        let expected = counts.get(status.to_uppercase().as_str()).copied().unwrap_or(0);
        assert_eq!((&found["filtered"], &found["statuses"]), (&json!(expected), &all["statuses"]), "{status}");
        assert!(array(&found["stages"]).iter().all(|r| text(&r["status"]).eq_ignore_ascii_case(status)));
    }
    let words = text(&rows[0]["name"]).split(' ').next().unwrap().to_uppercase();
    let found = ours(
        server,
        app,
        &format!(
            "stages?length=100000&q={words}%20%20at&status=complete&status=failed&status=skipped&status=active&status=pending"
        ),
    );
    let fitting = expected.iter().filter(|s| {
        let texts = ["name", "description", "failureReason"].map(|f| s[f].as_str().unwrap_or_default().to_lowercase());
        [words.to_lowercase().as_str(), "at"].iter().all(|w| texts.iter().any(|t| t.contains(w)))
    });
    assert_eq!(int(&found["filtered"]) as usize, fitting.count());
    assert_eq!(int(&found["filtered"]), found["statuses"].as_object().unwrap().values().map(int).sum::<i64>());
    assert_eq!(ours(server, app, "stages?q=nosuchword")["stages"], json!([]));
    assert_eq!(ours(server, app, "stages?pool=nosuchpool")["filtered"], json!(0));
}

/// A row of a stage against its tasks.
fn skew(server: &TestServer, app: &Value, row: &Value) {
    let why = if row["status"] == "SKIPPED" {
        Some("skipped")
    } else {
        let tasks = sparks(server, app, &format!("stages/{}/{}/taskList?length=100000", row["stage"], row["attempt"]));
        let successful = array(&tasks).iter().filter(|t| t["status"] == "SUCCESS");
        let mut times: Vec<i64> = successful.map(|t| int(&t["duration"])).collect();
        times.sort_unstable();
        let (median, longest) = (times.get(times.len() / 2).copied(), times.last().copied());
        assert_eq!(row["longestTask"].as_i64(), longest);
        let error = median.unwrap_or(0) - row["medianTask"].as_i64().unwrap_or(0);
        assert!(median.is_some() == row["medianTask"].is_i64() && error >= 0 && error <= median.unwrap_or(0) / 8192);
        match (times.len(), median.zip(longest)) {
            (0, _) if array(&tasks).is_empty() => Some("notStarted"),
            (0, _) => Some("noneSucceeded"),
            (1, _) => Some("oneTask"),
            (_, Some((0, _))) => Some("noTime"),
            (_, Some((median, longest))) => {
                let ratio = row["skew"].as_f64().expect("a ratio");
                assert!((ratio * median as f64 / longest as f64 - 1.0).abs() < 0.001, "{row}");
                None
            }
            (_, None) => unreachable!(),
        }
    };
    assert_eq!(row["skewUnknown"].as_str(), why, "{row}");
    assert!(row.get("skew").is_some() && row["skew"].is_null() == why.is_some(), "{row}");
}

fn executors_of_stages(server: &TestServer, app: &Value) {
    let known = sparks(server, app, "allexecutors");
    for stage in array(&sparks(server, app, "stages")) {
        let base = format!("stages/{}/{}", stage["stageId"], stage["attemptId"]);
        let expected = sparks(server, app, &format!("{base}?details=true"));
        let got = ours(server, app, &format!("{base}/executors"));
        let speculation = expected.get("speculationSummary").map(|s| {
            json!({
                "tasks": s["numTasks"], "activeTasks": s["numActiveTasks"], "completedTasks": s["numCompletedTasks"],
                "failedTasks": s["numFailedTasks"], "killedTasks": s["numKilledTasks"],
            })
        });
        assert_eq!(got.get("speculation"), speculation.as_ref(), "{base}");
        let expected = expected["executorSummary"].as_object().unwrap();
        assert_eq!((&got["total"], array(&got["executors"]).len()), (&json!(expected.len()), expected.len()), "{base}");
        let times: Vec<Value> = array(&got["executors"]).iter().map(|e| e["taskTime"].clone()).collect();
        assert_sorted(&base, &times, true);
        for e in array(&got["executors"]) {
            let same = &expected[text(&e["id"])];
            for (field, of) in [
                ("taskTime", "taskTime"),
                ("succeededTasks", "succeededTasks"),
                ("failedTasks", "failedTasks"),
                ("killedTasks", "killedTasks"),
                ("inputBytes", "inputBytes"),
                ("inputRecords", "inputRecords"),
                ("outputBytes", "outputBytes"),
                ("outputRecords", "outputRecords"),
                ("shuffleReadBytes", "shuffleRead"),
                ("shuffleReadRecords", "shuffleReadRecords"),
                ("shuffleWriteBytes", "shuffleWrite"),
                ("shuffleWriteRecords", "shuffleWriteRecords"),
                ("memorySpilled", "memoryBytesSpilled"),
                ("diskSpilled", "diskBytesSpilled"),
                ("excluded", "isExcludedForStage"),
            ] {
                assert_eq!(e[field], same[of], "{base} {field}");
            }
            let of = array(&known).iter().find(|x| x["id"] == e["id"]).expect("the executor");
            assert_eq!((&e["hostPort"], &e["logs"]), (&of["hostPort"], &of["executorLogs"]));
            assert!(text(&of["hostPort"]).starts_with(text(&e["host"])));
        }
        let first = ours(server, app, &format!("{base}/executors?length=1"));
        assert_eq!(array(&first["executors"]).first(), array(&got["executors"]).first());
        if stage["status"] != "SKIPPED" {
            quantiles(server, app, &base);
        }
    }
    for what in ["executors", "quantiles"] {
        let missing = server.get(&format!("{OURS}/{}/stages/999999/0/{what}", path(app)));
        let said = r#"{"error":"there is no stage 999999 with an attempt 0"}"#;
        assert_eq!((missing.status, missing.text().as_str()), (404, said));
    }
}

fn quantiles(server: &TestServer, app: &Value, stage: &str) {
    let tasks = sparks(server, app, &format!("{stage}/taskList?length=100000"));
    let successful: Vec<&Value> = array(&tasks).iter().filter(|t| t["status"] == "SUCCESS").collect();
    let got = ours(server, app, &format!("{stage}/quantiles"));
    assert_eq!(got["tasks"], json!(successful.len()));
    assert_eq!(got["quantiles"], json!([0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]));
    let metrics = array(&got["metrics"]);
    assert_eq!(metrics.len(), if successful.is_empty() { 0 } else { 31 });
    let columns: BTreeMap<&str, Field> = task_columns().into_iter().collect();
    let mut compared = 0;
    for m in metrics {
        // What the tasks themselves do not say is held against the histogram of the same number.
        let shape = ours(server, app, &format!("{stage}/histogram?of={}", text(&m["name"])));
        let (least, most) = (&m["values"][0], &m["values"][7]);
        assert_eq!((&shape["unit"], &shape["min"], &shape["max"]), (&m["unit"], least, most), "{stage} {m}");
        assert_eq!(m.get("maxAt").is_some(), least != most, "{m}");
        let Some(of) = columns.get(text(&m["name"])) else { continue };
        compared += 1;
        let mut values: Vec<i64> = successful.iter().map(|t| int(&of(t))).collect();
        for (at, end) in [("minAt", least), ("maxAt", most)] {
            if let Some(at) = m.get(at) {
                let task = successful.iter().find(|t| t["taskId"] == at["task"]).expect("a task that succeeded");
                assert_eq!((&of(task), &task["index"], &task["executorId"]), (end, &at["index"], &at["executor"]));
            }
        }
        values.sort_unstable();
        let quantile = |q: f64| values[((q * values.len() as f64) as usize).min(values.len() - 1)];
        let expected: Vec<i64> = array(&got["quantiles"]).iter().map(|q| quantile(q.as_f64().unwrap())).collect();
        assert_eq!(m["values"], json!(expected), "{stage} {}", m["name"]);
    }
    assert!(successful.is_empty() || compared == 11, "{compared}");
    if successful.len() != array(&tasks).len() || successful.is_empty() {
        return;
    }
    // Where all tasks succeeded, Spark's own quantiles are the same.
    let sparks = sparks(server, app, &format!("{stage}/taskSummary?quantiles=0,0.05,0.25,0.5,0.75,0.95,0.99,1"));
    for (name, of) in [
        ("duration", "/duration"),
        ("schedulerDelay", "/schedulerDelay"),
        ("runTime", "/executorRunTime"),
        ("cpuTime", "/executorCpuTime"),
        ("deserializeCpuTime", "/executorDeserializeCpuTime"),
        ("peakMemory", "/peakExecutionMemory"),
        ("resultSize", "/resultSize"),
        ("shuffleRead", "/shuffleReadMetrics/readBytes"),
        ("shuffleRemoteBlocks", "/shuffleReadMetrics/remoteBlocksFetched"),
        ("fetchWaitTime", "/shuffleReadMetrics/fetchWaitTime"),
        ("shuffleWriteTime", "/shuffleWriteMetrics/writeTime"),
    ] {
        let ours = metrics.iter().find(|m| m["name"] == name).expect("a metric");
        let numbers = |v: &Value| array(v).iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers(&ours["values"]), numbers(sparks.pointer(of).expect(of)), "{stage} {name}");
    }
}

/// A value of a task.
type Field = fn(&Value) -> Value;

/// Columns of tasks with what they are in Spark's task.
fn task_columns() -> Vec<(&'static str, Field)> {
    fn metric(t: &Value, path: &str) -> Value {
        json!(t.pointer(&format!("/taskMetrics/{path}")).and_then(Value::as_i64).unwrap_or(0))
    }
    vec![
        ("index", |t| t["index"].clone()),
        ("taskId", |t| t["taskId"].clone()),
        ("attempt", |t| t["attempt"].clone()),
        ("launchTime", |t| t["launchTime"].clone()),
        ("duration", |t| json!(t["duration"].as_i64().unwrap_or(0))),
        ("executorId", |t| json!(t["executorId"].as_str().and_then(|e| e.parse::<i64>().ok()).unwrap_or(i64::MAX))),
        ("host", |t| t["host"].clone()),
        ("status", |t| t["status"].clone()),
        ("locality", |t| t["taskLocality"].clone()),
        ("schedulerDelay", |t| t["schedulerDelay"].clone()),
        ("gcTime", |t| metric(t, "jvmGcTime")),
        ("runTime", |t| metric(t, "executorRunTime")),
        ("inputSize", |t| metric(t, "inputMetrics/bytesRead")),
        ("outputSize", |t| metric(t, "outputMetrics/bytesWritten")),
        ("shuffleRead", |t| {
            json!(
                int(&metric(t, "shuffleReadMetrics/localBytesRead"))
                    + int(&metric(t, "shuffleReadMetrics/remoteBytesRead"))
            )
        }),
        ("shuffleWrite", |t| metric(t, "shuffleWriteMetrics/bytesWritten")),
        ("memorySpilled", |t| metric(t, "memoryBytesSpilled")),
        ("diskSpilled", |t| metric(t, "diskBytesSpilled")),
        ("peakMemory", |t| metric(t, "peakExecutionMemory")),
    ]
}

fn tasks(server: &TestServer, app: &Value) {
    let stages = sparks(server, app, "stages");
    for stage in array(&stages).iter().filter(|s| s["status"] != "SKIPPED") {
        let base = format!("stages/{}/{}", stage["stageId"], stage["attemptId"]);
        let mut expected = sparks(server, app, &format!("{base}/taskList?length=10000"));
        let expected = expected.as_array_mut().unwrap();
        let by_index = |t: &Value| (int(&t["index"]), int(&t["taskId"]));
        expected.sort_by_key(by_index);
        let all = ours(server, app, &format!("{base}/tasks?length=10000"));
        assert_eq!((&all["total"], &all["filtered"]), (&json!(expected.len()), &json!(expected.len())));
        assert_eq!(array(&all["tasks"]), expected, "{base}");
        for (column, value) in task_columns() {
            for descending in [false, true] {
                let sort = format!("{}{column}", if descending { "-" } else { "" });
                let sorted = ours(server, app, &format!("{base}/tasks?length=10000&sort={sort}"));
                let sorted = array(&sorted["tasks"]);
                assert_sorted(&sort, &sorted.iter().map(value).collect::<Vec<_>>(), descending);
                let page = ours(server, app, &format!("{base}/tasks?offset=1&length=2&sort={sort}"));
                assert_eq!(array(&page["tasks"]), &sorted[1.min(sorted.len())..3.min(sorted.len())]);
            }
        }
        let found = |query: &str| ours(server, app, &format!("{base}/tasks?length=10000&{query}"));
        for status in ["SUCCESS", "FAILED", "KILLED"] {
            let fitting: Vec<Value> = expected.iter().filter(|t| t["status"] == status).cloned().collect();
            assert_eq!(array(&found(&format!("status={status}"))["tasks"]), &fitting);
            assert_eq!(found(&format!("q={}", status.to_lowercase()))["filtered"], json!(fitting.len()));
        }
        let first = text(&expected[0]["executorId"]).to_owned();
        let fitting = expected.iter().filter(|t| t["executorId"] == json!(first)).count();
        assert_eq!(found(&format!("executor={first}"))["filtered"], json!(fitting));
        let failed = expected
            .iter()
            .filter(|t| t["errorMessage"].as_str().is_some_and(|e| e.to_lowercase().contains("exception")))
            .count();
        assert_eq!(found("q=Exception")["filtered"], json!(failed), "{base}");
        assert_eq!(found(&format!("q={}", expected[0]["taskId"]))["filtered"].as_i64().map(|n| n > 0), Some(true));
    }
    for stage in array(&stages).iter().filter(|s| s["status"] != "SKIPPED") {
        shapes(server, app, &format!("stages/{}/{}", stage["stageId"], stage["attemptId"]));
    }
    let missing = server.get(&format!("{OURS}/{}/stages/999999/0/tasks", path(app)));
    assert_eq!(
        (missing.status, missing.text()),
        (404, r#"{"error":"there is no stage 999999 with an attempt 0"}"#.to_owned())
    );
}

fn sql_list(server: &TestServer, app: &Value) {
    let expected = sparks(server, app, "sql?details=false&planDescription=false&length=10000");
    let all = ours(server, app, "sql?length=10000&sort=id");
    assert_eq!(all["total"], json!(array(&expected).len()));
    for (x, same) in array(&all["sql"]).iter().zip(array(&expected)) {
        for (field, of) in [
            ("id", "id"),
            ("status", "status"),
            ("description", "description"),
            ("duration", "duration"),
            ("rootId", "rootExecutionId"),
        ] {
            assert_eq!(x[field], same[of], "{field}");
        }
        assert_eq!(int(&x["failedJobs"]) as usize, array(&same["failedJobIds"]).len());
        let jobs: usize =
            ["runningJobIds", "successJobIds", "failedJobIds"].iter().map(|f| array(&same[f]).len()).sum();
        assert_eq!(array(&x["jobs"]).len(), jobs);
        let error = same["errorMessage"].as_str().filter(|e| !e.is_empty());
        assert_eq!(x["error"].is_string(), error.is_some());
    }
    for column in ["id", "description", "status", "submitTime", "duration"] {
        for descending in [false, true] {
            let sorted =
                ours(server, app, &format!("sql?length=10000&sort={}{column}", if descending { "-" } else { "" }));
            assert_sorted(
                column,
                &array(&sorted["sql"]).iter().map(|x| x[column].clone()).collect::<Vec<_>>(),
                descending,
            );
            assert_eq!(sorted["total"], all["total"]);
        }
    }
    let failed = array(&expected).iter().filter(|x| x["status"] == "FAILED").count();
    assert_eq!(ours(server, app, "sql?status=failed")["total"], json!(failed));
}

/// What a plan's operators do and how they are put together, whatever is compiled together.
fn essence(plan: &Value) -> Value {
    let operators = array(&plan["nodes"]).iter().filter(|n| !text(&n["name"]).starts_with("WholeStageCodegen"));
    let operators: Vec<&Value> = operators.collect();
    let place = |id: &Value| operators.iter().position(|n| n["id"] == *id);
    let numbers = regex::Regex::new("plan_id=[0-9]+|isFinalPlan=(true|false)").unwrap();
    let told = |n: &&Value| json!([n["name"], numbers.replace_all(text(&n["description"]), "")]);
    let edges = array(&plan["edges"]).iter().map(|e| (place(&e["from"]), place(&e["to"])));
    json!([operators.iter().map(told).collect::<Vec<_>>(), edges.collect::<Vec<_>>()])
}

fn plans(server: &TestServer, app: &Value) {
    let mut changed = 0;
    for same in array(&sparks(server, app, "sql?length=10000")) {
        let graph = ours(server, app, &format!("sql/{}/graph", same["id"]));
        let nodes = array(&graph["nodes"]);
        assert_eq!(nodes.len(), array(&same["nodes"]).len());
        assert_eq!(graph["planDescription"], same["planDescription"]);
        let edges: Vec<Value> =
            array(&same["edges"]).iter().map(|e| json!({"from": e["fromId"], "to": e["toId"]})).collect();
        assert_eq!(array(&graph["edges"]), &edges);
        let of_stages: i64 = array(&graph["stages"]).iter().map(|s| int(&s["runTime"])).sum();
        let stages: BTreeSet<i64> = array(&graph["stages"]).iter().map(|s| int(&s["stage"])).collect();
        let (mut time, mut share) = (0, 0.0);
        for node in nodes {
            let same = array(&same["nodes"]).iter().find(|n| n["nodeId"] == node["id"]).expect("the node");
            assert_eq!((&node["name"], &node["description"]), (&same["nodeName"], &same["desc"]));
            let shown: Vec<Value> = array(&node["metrics"])
                .iter()
                .filter(|m| m["text"].is_string())
                .map(|m| json!({"name": m["name"], "value": m["text"]}))
                .collect();
            assert_eq!(json!(shown), same["metrics"], "{}", node["name"]);
            assert!(array(&node["stages"]).iter().all(|s| stages.contains(&int(s))), "{node}");
            if !text(&node["name"]).starts_with("WholeStageCodegen") {
                time += node["time"].as_i64().unwrap_or(0);
                share += node["share"].as_f64().unwrap_or(0.0);
            }
        }
        assert!(time <= of_stages + nodes.len() as i64 && share <= 1.0 + 1e-9, "{time} of {of_stages}: {share}");
        if let Some(initial) = graph.get("initial") {
            changed += 1;
            assert_ne!(array(&initial["nodes"]).len(), 0);
            assert_ne!(essence(initial), essence(&graph), "{}", graph["description"]);
            assert!(
                array(&initial["nodes"]).iter().any(|n| text(&n["description"]).contains("isFinalPlan=false")),
                "{initial}"
            );
        }
    }
    if text(&app["cluster"]).starts_with("sql-") {
        assert!(
            (4..array(&sparks(server, app, "sql?length=10000")).len()).contains(&changed),
            "{changed} plans were changed while they ran"
        );
    }
}

fn shapes(server: &TestServer, app: &Value, stage: &str) {
    let tasks = sparks(server, app, &format!("{stage}/taskList?length=10000"));
    let columns: BTreeMap<&str, Field> = task_columns().into_iter().collect();
    let successful: Vec<&Value> = array(&tasks).iter().filter(|t| t["status"] == "SUCCESS").collect();
    for of in ["duration", "runTime", "gcTime", "schedulerDelay", "shuffleRead", "shuffleWrite", "peakMemory"] {
        let values: Vec<i64> = successful.iter().map(|t| int(&columns[of](t))).collect();
        let shown = ours(server, app, &format!("{stage}/histogram?of={of}&bins=7"));
        assert_eq!((&shown["of"], &shown["count"]), (&json!(of), &json!(values.len())), "{stage}");
        assert_eq!(
            (shown["min"].as_i64(), shown["max"].as_i64()),
            (values.iter().min().copied(), values.iter().max().copied())
        );
        let bins = array(&shown["bins"]);
        assert!(bins.len() <= 7 && bins.is_empty() == values.is_empty());
        for bin in bins {
            let inside = values.iter().filter(|v| (int(&bin["from"])..int(&bin["to"])).contains(v)).count();
            assert_eq!(int(&bin["count"]), inside as i64, "{stage} {of} {bin}");
        }
    }
    let all = ours(server, app, &format!("{stage}/scatter?x=runTime"));
    assert_eq!(
        (&all["total"], array(&all["points"]).len(), &all["y"]),
        (&json!(array(&tasks).len()), array(&tasks).len(), &json!("duration"))
    );
    for p in array(&all["points"]) {
        let task = array(&tasks).iter().find(|t| t["taskId"] == p["task"]).expect("the task");
        let expected = json!({
            "x": columns["runTime"](task), "y": columns["duration"](task), "task": task["taskId"], "index": task["index"],
            "status": task["status"], "executor": task["executorId"],
        });
        assert_eq!(p, &expected);
    }
    let few = ours(server, app, &format!("{stage}/scatter?x=runTime&points=5"));
    let least = |points: &Value, axis: &str| array(points).iter().map(|p| int(&p[axis])).min();
    let most = |points: &Value, axis: &str| array(points).iter().map(|p| int(&p[axis])).max();
    assert!(array(&few["points"]).len() <= 5);
    for axis in ["x", "y"] {
        assert_eq!(
            (least(&few["points"], axis), most(&few["points"], axis)),
            (least(&all["points"], axis), most(&all["points"], axis))
        );
    }
}

fn millis(date: &Value) -> i64 {
    let text = text(date).trim_end_matches("GMT");
    let (day, time) = text.split_once('T').expect("a date");
    let numbers = |t: &str| t.split([':', '.', '-']).map(|n| n.parse::<i64>().unwrap()).collect::<Vec<_>>();
    let (d, t) = (numbers(day), numbers(time));
    // The logs are of one month.
    assert_eq!((d[0], d[1]), (2026, 11));
    1_793_491_200_000 + (d[2] - 1) * 86_400_000 + ((t[0] * 60 + t[1]) * 60 + t[2]) * 1000 + t[3]
}

fn jobs(server: &TestServer, app: &Value) {
    let timeline = ours(server, app, "jobs/timeline");
    let expected = sparks(server, app, "jobs");
    assert_eq!(array(&timeline["jobs"]).len(), array(&expected).len());
    for (job, same) in array(&timeline["jobs"]).iter().zip(array(&expected).iter().rev()) {
        assert_eq!((&job["id"], &job["status"], &job["stages"]), (&same["jobId"], &same["status"], &same["stageIds"]));
        assert_eq!(
            (int(&job["submitTime"]), int(&job["endTime"])),
            (millis(&same["submissionTime"]), millis(&same["completionTime"]))
        );
        assert_eq!(array(&job["skippedStages"]).len() as i64, int(&same["numSkippedStages"]));
    }
    let expected = sparks(server, app, "stages");
    assert_eq!(array(&timeline["stages"]).len(), array(&expected).len());
    for (stage, same) in array(&timeline["stages"]).iter().zip(array(&expected).iter().rev()) {
        assert_eq!(
            (&stage["stage"], &stage["attempt"], &stage["name"]),
            (&same["stageId"], &same["attemptId"], &same["name"])
        );
        assert_eq!(
            (&stage["status"], &stage["tasks"], &stage["failedTasks"]),
            (&same["status"], &same["numTasks"], &same["numFailedTasks"])
        );
        let times = ["submissionTime", "firstTaskLaunchedTime", "completionTime"].map(|f| same.get(f).map(millis));
        assert_eq!(["submitTime", "firstTaskTime", "endTime"].map(|f| stage[f].as_i64()), times);
        assert!(!array(&stage["jobs"]).is_empty());
    }
}

fn stages(server: &TestServer, app: &Value) {
    for stage in array(&sparks(server, app, "stages")) {
        let base = format!("stages/{}/{}", stage["stageId"], stage["attemptId"]);
        let graph = ours(server, app, &format!("{base}/graph"));
        let rdds: BTreeSet<i64> =
            array(&graph["operators"]).iter().flat_map(|o| array(&o["rdds"])).map(|r| int(&r["id"])).collect();
        assert_eq!(rdds, array(&stage["rddIds"]).iter().map(int).collect::<BTreeSet<_>>());
        for edge in array(&graph["edges"]) {
            assert!(rdds.contains(&int(&edge["from"])) && rdds.contains(&int(&edge["to"])), "{edge}");
        }
        // Every RDD of a stage leads to its last one.
        assert!(array(&graph["edges"]).len() + 1 >= rdds.len(), "{graph}");
        if stage["status"] == "SKIPPED" {
            continue;
        }
        let tasks = sparks(server, app, &format!("{base}/taskList?length=10000"));
        let tasks: BTreeMap<i64, &Value> = array(&tasks).iter().map(|t| (int(&t["taskId"]), t)).collect();
        let timeline = ours(server, app, &format!("{base}/timeline"));
        assert_eq!(int(&timeline["total"]), tasks.len() as i64);
        let (mut seen, mut executors) = (BTreeSet::new(), BTreeSet::new());
        for lane in array(&timeline["lanes"]) {
            assert!(executors.insert(text(&lane["executor"]).to_owned()));
            for bar in array(&lane["tasks"]) {
                let task = tasks[&int(&bar["task"])];
                assert!(seen.insert(int(&bar["task"])));
                let (launch, took) = (millis(&task["launchTime"]), task["duration"].as_i64().unwrap_or(0));
                assert_eq!(
                    (&lane["executor"], &bar["status"], &bar["index"]),
                    (&task["executorId"], &task["status"], &task["index"])
                );
                assert_eq!((int(&bar["launch"]), int(&bar["finish"])), (launch, launch + took));
                assert!(int(&timeline["start"]) <= launch && launch + took <= int(&timeline["end"]));
                let of = |phase: &str| int(&bar["phases"][phase]);
                let metric =
                    |path: &str| task.pointer(&format!("/taskMetrics/{path}")).and_then(Value::as_i64).unwrap_or(0);
                let (gc, read) = (metric("jvmGcTime"), metric("shuffleReadMetrics/fetchWaitTime"));
                let write = metric("shuffleWriteMetrics/writeTime") / 1_000_000;
                assert_eq!((of("gc"), of("shuffleRead"), of("shuffleWrite")), (gc, read, write));
                assert_eq!(of("compute"), (metric("executorRunTime") - gc - read - write).max(0));
                assert_eq!(
                    (of("deserialize"), of("schedulerDelay")),
                    (metric("executorDeserializeTime"), int(&task["schedulerDelay"]))
                );
            }
        }
        assert_eq!(seen.len(), tasks.len());
        let few = ours(server, app, &format!("{base}/timeline?length=2"));
        let shown: usize = array(&few["lanes"]).iter().map(|l| array(&l["tasks"]).len()).sum();
        assert_eq!((array(&few["lanes"]).len(), &few["total"]), (executors.len(), &timeline["total"]));
        assert!(shown <= 2.max(executors.len()));
    }
}

#[test]
fn streaming() {
    let dir = logs::folder();
    let server = serve(&dir.path().join("store"), &[("4.3.0", "streaming-rocksdb"), ("3.5.9", "streaming-hdfs")]);
    for app in &applications(&server, "") {
        let all = ours(&server, app, "streaming/progress?length=100000");
        let all = array(&all);
        assert!(all.len() > 20);
        let mut paged = Vec::new();
        for offset in (0..all.len()).step_by(7) {
            paged.extend(array(&ours(&server, app, &format!("streaming/progress?offset={offset}&length=7"))).clone());
        }
        assert_eq!(&paged, all);
        let queries = ours(&server, app, "streaming/queries");
        assert_eq!(ours(&server, app, "overview")["counts"]["queries"], json!(array(&queries).len()));
        let mut reports = 0;
        for query in array(&queries) {
            let run = text(&query["runId"]);
            let of_run: Vec<&Value> = all.iter().filter(|p| p["runId"] == run).collect();
            reports += of_run.len();
            assert_eq!(query["progressReports"], json!(of_run.len()));
            let page = ours(&server, app, &format!("streaming/progress?runId={run}&offset=1&length=2"));
            assert_eq!(
                array(&page).iter().collect::<Vec<_>>(),
                of_run.iter().skip(1).take(2).copied().collect::<Vec<_>>()
            );
            series(&server, app, query, &of_run);
            parts_of_a_run(&server, app, run, &of_run);
        }
        assert_eq!(reports, all.len());
        let missing = server.get(&format!("{OURS}/{}/streaming/queries/none/series", path(app)));
        assert_eq!(missing.text(), r#"{"error":"there is no run none of a streaming query"}"#);
    }
}

/// One batch, and what was triggered between two times.
fn parts_of_a_run(server: &TestServer, app: &Value, run: &str, reports: &[&Value]) {
    for batch in reports.iter().map(|r| &r["batchId"]).chain([&json!(-1), &json!(1_000_000)]) {
        let found = ours(server, app, &format!("streaming/progress?runId={run}&batch={batch}"));
        let same: Vec<&Value> = reports.iter().filter(|r| r["batchId"] == *batch).copied().collect();
        assert_eq!(array(&found).iter().collect::<Vec<_>>(), same, "{batch}");
        let second = ours(server, app, &format!("streaming/progress?runId={run}&batch={batch}&offset=1"));
        assert_eq!(array(&second).len(), same.len().saturating_sub(1));
    }
    let time = |r: &Value| millis(&json!(text(&r["timestamp"]).trim_end_matches('Z')));
    let times: Vec<i64> = reports.iter().map(|r| time(r)).collect();
    let (first, last) = (times[0], times[times.len() - 1]);
    let middle = times[times.len() / 2];
    let bounds = [(None, None), (Some(middle), None), (None, Some(middle)), (Some(first + 1), Some(last - 1))];
    for (from, to) in bounds.into_iter().chain([(Some(last + 1), None), (Some(last), Some(first - 1))]) {
        let bound = |name: &str, at: Option<i64>| at.map(|at| format!("&{name}={at}")).unwrap_or_default();
        let part = format!("streaming/queries/{run}/series?points=100000{}{}", bound("from", from), bound("to", to));
        let series = ours(server, app, &part);
        let within = |t: &&i64| from.is_none_or(|f| **t >= f) && to.is_none_or(|to| **t <= to);
        let expected: Vec<i64> = times.iter().filter(within).copied().collect();
        assert_eq!(series["time"], json!(expected), "{part}");
        assert_eq!((&series["batches"], &series["points"]), (&json!(expected.len()), &json!(expected.len())));
        assert_eq!(array(&series["inputRows"]).len(), expected.len());
    }
    let refused = server.get(&format!("{OURS}/{}/streaming/queries/{run}/series?from=noon", path(app)));
    assert_eq!((refused.status, refused.text().as_str()), (400, r#"{"error":"from=noon is not a number"}"#));
}

fn series(server: &TestServer, app: &Value, query: &Value, reports: &[&Value]) {
    let series = ours(server, app, &format!("streaming/queries/{}/series", text(&query["runId"])));
    assert_eq!(
        (&series["id"], &series["runId"], series.get("name")),
        (&query["id"], &query["runId"], query.get("name"))
    );
    assert_eq!((&series["batches"], &series["points"]), (&json!(reports.len()), &json!(reports.len())));
    let same = |what: &str, column: &Value, value: &dyn Fn(&Value) -> Option<f64>| {
        let expected: Vec<Option<f64>> = reports.iter().map(|r| value(r)).collect();
        let got: Vec<Option<f64>> = array(column).iter().map(Value::as_f64).collect();
        // Both are read by serde_json here, which may miss the last digit of a fraction.
        let near = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 2.0 * f64::EPSILON * b.abs(),
            (a, b) => a == b,
        };
        assert!(got.len() == expected.len() && got.iter().zip(&expected).all(near), "{what}: {got:?}, {expected:?}");
    };
    let sum =
        |r: &Value, field: &str| array(&r["sources"]).iter().filter_map(|s| s[field].as_f64()).reduce(|a, b| a + b);
    let date = |v: &Value| v.as_str().map(|t| millis(&json!(t.trim_end_matches('Z'))) as f64);
    let watermark = |r: &Value| {
        r["eventTime"]["watermark"].as_str().filter(|w| !w.starts_with("1970")).and_then(|w| date(&json!(w)))
    };
    same("batch", &series["batch"], &|r| r["batchId"].as_f64());
    same("time", &series["time"], &|r| date(&r["timestamp"]));
    same("inputRows", &series["inputRows"], &|r| sum(r, "numInputRows"));
    same("inputRate", &series["inputRate"], &|r| sum(r, "inputRowsPerSecond"));
    same("processedRate", &series["processedRate"], &|r| sum(r, "processedRowsPerSecond"));
    same("watermark", &series["watermark"], &watermark);
    same("watermarkLag", &series["watermarkLag"], &|r| Some(date(&r["timestamp"])? - watermark(r)?));
    let names = |field: &str| {
        reports.iter().flat_map(|r| r[field].as_object().unwrap().keys().cloned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(series["duration"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), names("durationMs"));
    for (name, column) in series["duration"].as_object().unwrap() {
        same(name, column, &|r| r["durationMs"][name].as_f64());
    }
    for (i, operator) in array(&series["operators"]).iter().enumerate() {
        let of = |r: &Value, field: &str| r["stateOperators"][i][field].as_f64();
        assert_eq!(operator["name"], reports[0]["stateOperators"][i]["operatorName"]);
        for (name, field) in [
            ("rows", "numRowsTotal"),
            ("memory", "memoryUsedBytes"),
            ("commitTime", "commitTimeMs"),
            ("dropped", "numRowsDroppedByWatermark"),
            ("instances", "numStateStoreInstances"),
        ] {
            same(name, &operator[name], &|r| of(r, field));
        }
        let custom = operator["custom"].as_object().unwrap();
        assert!(custom.len() >= 3, "{custom:?}");
        for (name, column) in custom {
            same(name, column, &|r| r["stateOperators"][i]["customMetrics"][name].as_f64());
        }
    }
    for (i, source) in array(&series["sources"]).iter().enumerate() {
        assert_eq!(source["description"], reports[0]["sources"][i]["description"]);
        same("source rows", &source["inputRows"], &|r| r["sources"][i]["numInputRows"].as_f64());
        same("lag", &source["lag"], &|_| None);
    }
    if let Some(first) = reports.first() {
        assert_eq!(series["sink"], first["sink"]["description"]);
    }
    let few = ours(server, app, &format!("streaming/queries/{}/series?points=2", text(&query["runId"])));
    let half = reports.len().div_ceil(2);
    if reports.len() > 2 {
        let most = |part: &[&Value]| {
            part.iter().filter_map(|r| r["durationMs"]["triggerExecution"].as_f64()).fold(f64::MIN, f64::max)
        };
        let got: Vec<f64> = array(&few["duration"]["triggerExecution"]).iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(got, [most(&reports[..half]), most(&reports[half..])]);
        assert_eq!((&few["batches"], &few["points"]), (&json!(reports.len()), &json!(2)));
    }
}

#[test]
fn storage_over_time() {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    std::fs::create_dir(&folder).unwrap();
    let (id, log) = logs::plain("3.5.9", "storage");
    let log = String::from_utf8(log).unwrap();
    std::fs::write(folder.join(&id), &log).unwrap();
    // The same once more, with a block that is driven out of memory.
    let is_block =
        |l: &&str| l.contains("SparkListenerBlockUpdated") && l.contains("rdd_") && l.contains("\"Use Memory\":true");
    let line = log.lines().rfind(is_block).expect("a block in memory");
    let mut dropped: Value = serde_json::from_str(line).unwrap();
    let bytes = int(&dropped["Block Updated Info"]["Memory Size"]);
    dropped["Block Updated Info"]["Storage Level"]["Use Memory"] = json!(false);
    dropped["Block Updated Info"]["Storage Level"]["Use Disk"] = json!(true);
    dropped["Block Updated Info"]["Disk Size"] = json!(7);
    let evicting = log.replace(line, &format!("{line}\n{dropped}")).replace(&id, "app-20261121000349-9999");
    std::fs::write(folder.join("app-20261121000349-9999"), evicting).unwrap();
    let all = [
        folder.display().to_string(),
        format!("new={}", logs::case("4.3.0", "storage").display()),
        format!("none={}", logs::case("3.5.9", "codec-none").display()),
    ];
    let ingested = server::ingest(&store, &all.each_ref().map(String::as_str));
    assert_eq!(ingested.status.code(), Some(0), "{}", server::stdout(&ingested));
    let server = TestServer::history(&store);
    let mut seen = BTreeMap::new();
    for app in &applications(&server, "") {
        let timeline = ours(&server, app, "storage/timeline");
        if app["cluster"] == "none" {
            let why = "not known: turn on spark.eventLog.logBlockUpdates.enabled";
            assert_eq!(timeline, json!({"known": false, "why": why}));
            continue;
        }
        let series = &timeline["series"];
        let column = |name: &str| array(&series[name]).iter().map(int).collect::<Vec<_>>();
        let (time, memory, disk) = (column("time"), column("memory"), column("disk"));
        assert_eq!((&timeline["known"], time.len(), memory.len()), (&json!(true), disk.len(), time.len()));
        assert!(time.len() > 5 && time.is_sorted_by(|a, b| a < b), "{timeline}");
        let (start, end) = (int(&app["startTime"]) - int(&series["step"]), int(&app["endTime"]));
        assert!(time.iter().all(|t| (start..=end).contains(t)), "{timeline}");
        // In the end it is what Spark's list of executors says.
        let executors = sparks(&server, app, "allexecutors");
        let active = || array(&executors).iter().filter(|e| e["isActive"] == true);
        let sum = |field: &str| active().map(|e| int(&e[field])).sum::<i64>();
        assert_eq!((memory.last(), disk.last()), (Some(&sum("memoryUsed")), Some(&sum("diskUsed"))));
        assert!(memory.iter().max() > Some(&1_000_000), "{memory:?}");
        let sums = (column("evicted").iter().sum::<i64>(), column("evictedBytes").iter().sum::<i64>());
        seen.insert(text(&app["id"]).to_owned(), (sums, memory[memory.len() - 1]));
    }
    assert_eq!(seen.len(), 3);
    assert_eq!((seen[&id].0, seen["app-20261121000349-9999"].0), ((0, 0), (1, bytes)));
}

#[test]
fn labels_filter_and_are_counted() {
    let dir = logs::folder();
    let (file, store) = (dir.path().join("afterglow.toml"), dir.path().join("store"));
    let labels = [
        ("a", "team = 'risk', env = 'prod'"),
        ("b", "team = 'risk', env = 'test'"),
        ("c", "team = 'science'"),
        ("d", ""),
    ];
    let case = logs::case("3.5.9", "codec-none");
    let sources = labels.map(|(cluster, labels)| {
        let place = dir.path().join(cluster);
        logs::lay(&case, &place, &|_| true);
        format!("[[source]]\ncluster = '{cluster}'\nurl = '{}'\nlabels = {{ {labels} }}\n", place.display())
    });
    std::fs::write(&file, format!("[store]\ndir = '{}'\n{}", store.display(), sources.concat())).unwrap();
    let ingested = server::run(&["ingest", "--once", "--config", file.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}{}", server::stdout(&ingested), server::stderr(&ingested));
    let server = TestServer::history(&store);
    let clusters = |query: &str| {
        applications(&server, query).iter().map(|a| text(&a["cluster"]).to_owned()).collect::<BTreeSet<_>>()
    };
    let cases = [
        ("label=team=risk", "a b"),
        ("label=team=risk&label=team=science", "a b c"),
        ("label=team=risk&label=env=prod", "a"),
        ("label=team=risk&label=env=prod&cluster=b", ""),
        ("label=team=none", ""),
        ("cluster=c&cluster=d", "c d"),
    ];
    for (query, expected) in cases {
        assert_eq!(clusters(query), expected.split_whitespace().map(str::to_owned).collect(), "{query}");
    }
    let facet = |query: &str| server.json(&format!("{OURS}/applications/facets?{query}"))["label"].clone();
    let count = |value: &str, count: i64| json!({"value": value, "count": count});
    let all = json!([count("team=risk", 2), count("env=prod", 1), count("env=test", 1), count("team=science", 1)]);
    assert_eq!(facet(""), all);
    assert_eq!(facet("label=env=prod"), all, "not by its own filter");
    assert_eq!(facet("cluster=b"), json!([count("env=test", 1), count("team=risk", 1)]));
}

#[test]
fn answers_beside_attempts() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let (one, damaged) = (logs::case("3.5.9", "codec-none"), logs::case("3.5.9", "derived"));
    let other = dir.path().join("other");
    logs::lay(&one, &other, &|_| true);
    let all = [format!("a={}", one.display()), format!("b={}", other.display()), format!("c={}", damaged.display())];
    let ingested = server::ingest(&store, &all.each_ref().map(String::as_str));
    assert_eq!(ingested.status.code(), Some(3), "{}", server::stdout(&ingested));
    let server = TestServer::history(&store);
    let (id, _) = logs::plain("3.5.9", "codec-none");
    let unclear = server.get(&format!("{OURS}/applications/{id}/overview"));
    let expected = format!(
        r#"{{"error":"{id} is in several clusters: ask for {OURS}/clusters/a/applications/{id} or {OURS}/clusters/b/applications/{id}, or add ?cluster="}}"#
    );
    assert_eq!((unclear.status, unclear.text()), (409, expected));
    let clear = server.json(&format!("{OURS}/applications/{id}/overview?cluster=b"));
    assert_eq!((&clear["cluster"], &clear["id"]), (&json!("b"), &json!(id)));
    let etag = |what: &str| server.get(&format!("{OURS}/clusters/a/applications/{id}/{what}")).header("etag").is_some();
    assert_eq!((etag("jobs/timeline"), etag("overview")), (true, false));
    let refused = [
        ("nothing/here", 404, "no such path: docs/api.md lists those there are"),
        ("applications/none/overview", 404, "no such app: none"),
        ("applications?offset=x", 400, "offset=x is not a number"),
        ("applications?label=team", 400, "label=team: a label is asked for as label=name=value"),
        ("applications?q=%22", 400, ""),
        (&format!("clusters/a/applications/{id}/stages/x/0/tasks"), 400, "stage=x is not a number"),
        (
            &format!("clusters/a/applications/{id}/stages/0/0/histogram?of=host"),
            400,
            "of=host: tasks have no such number",
        ),
        (&format!("clusters/a/applications/{id}/sql/777/graph"), 404, "there is no SQL execution 777"),
    ];
    for (path, status, error) in refused {
        let got = server.get(&format!("{OURS}/{path}"));
        let body: Value = serde_json::from_slice(&got.body).unwrap_or_else(|e| panic!("{path}: {e}: {}", got.text()));
        assert_eq!((got.status, got.header("content-type")), (status, Some("application/json")), "{path}");
        assert!(error.is_empty() || body == json!({"error": error}), "{path}: {body}");
    }
    let problems = server.json(&format!("{OURS}/sources/problems"));
    let all = array(&problems["problems"]);
    assert_eq!(problems["total"], json!(all.len()));
    assert!(all.len() > 3 && all.iter().all(|p| p["cluster"] == "c" && text(&p["source"]).contains("derived")));
    // What could be read of a log is an application; of an empty one there is none.
    let (served, unread): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|p| p["appId"].is_string());
    assert!(!served.is_empty() && !unread.is_empty(), "{all:?}");
    for p in served {
        let attempt = p["attemptId"].as_str().map(|a| format!("/{a}")).unwrap_or_default();
        let path = format!("{OURS}/clusters/c/applications/{}{attempt}/overview", text(&p["appId"]));
        assert_eq!(server.get(&path).status, 200, "{p}");
    }
    let page = server.json(&format!("{OURS}/sources/problems?offset=1&length=2"));
    assert_eq!((array(&page["problems"]), &page["total"]), (&all[1..3].to_vec(), &problems["total"]));
    let defaults = server.json(&format!("{OURS}/settings/defaults?version=3.5.1"));
    assert_eq!((&defaults["version"], &defaults["spark.sql.ansi.enabled"]), (&json!("3.5.9"), &json!("false")));
    let newest = server.json(&format!("{OURS}/settings/defaults"));
    assert_eq!((&newest["version"], &newest["spark.sql.ansi.enabled"]), (&json!("4.3.0"), &json!("true")));
}

/// Lines of a log up to a share of them.
fn begin(log: &[u8], part: usize, of: usize) -> &[u8] {
    let ends: Vec<usize> = log.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    &log[..ends[ends.len() * part / of - 1]]
}

#[test]
fn a_running_application_is_measured_up_to_its_last_event() {
    let dir = logs::folder();
    let (id, log) = logs::plain("3.5.9", "streaming-hdfs");
    let folder = dir.path().join("logs");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join(format!("{id}.inprogress"));
    // At once, so that no poll sees half of it.
    let grow = |so_far: &[u8]| {
        let whole = dir.path().join("next");
        std::fs::write(&whole, so_far).and_then(|()| std::fs::rename(&whole, &file)).unwrap();
    };
    grow(begin(&log, 1, 3));
    let serve = TestServer::serve(&dir.path().join("store")).logs(folder.to_str().unwrap());
    let server = serve.env("AFTERGLOW_INGEST__QUIET", "15s").start();
    let status = |wanted: &str| {
        let found = server.try_json(&format!("{OURS}/applications?status={wanted}"))?;
        array(&found["applications"]).first().cloned()
    };
    let reports =
        |log: &[u8]| String::from_utf8_lossy(log).lines().filter(|l| l.contains("$QueryProgressEvent\"")).count();
    for part in 1..3 {
        let so_far = begin(&log, part, 3);
        grow(so_far);
        let app = eventually("running", 20, || {
            let shown = ours(&server, &status("running")?, "streaming/progress?length=10000");
            // Asked for again: the first answer may be of before.
            (array(&shown).len() == reports(so_far)).then(|| status("running"))?
        });
        let overview = ours(&server, &app, "overview");
        assert_eq!(
            (overview.get("endTime"), overview.get("error"), &overview["status"]),
            (None, None, &json!("running"))
        );
        assert_eq!(int(&overview["duration"]), int(&app["lastEventTime"]) - int(&app["startTime"]));
        let parts = array(&overview["wallClock"]["parts"]).iter().map(|p| int(&p["time"])).sum::<i64>();
        assert_eq!(parts, int(&overview["duration"]));
        assert_eq!(ours(&server, &app, "executors/timeline")["end"], app["lastEventTime"]);
        assert!(server.get(&format!("{OURS}/{}/jobs/timeline", path(&app))).header("etag").is_none());
    }
    let lost = eventually("lost", 60, || status("lost"));
    assert_eq!(server.json(&format!("{OURS}/applications/facets"))["status"], json!([{"value": "lost", "count": 1}]));
    assert_eq!(lost["duration"], json!(int(&lost["lastEventTime"]) - int(&lost["startTime"])));
    std::fs::write(&file, &log).unwrap();
    std::fs::rename(&file, folder.join(&id)).unwrap();
    // Its last query was made to fail.
    let app = eventually("ended", 20, || status("failed"));
    assert_eq!(app["error"], "RuntimeError: foreachBatch failed on batch 2");
    assert_eq!(int(&app["endTime"]) - int(&app["startTime"]), int(&app["duration"]));
    assert_eq!(server.json(&format!("{OURS}/applications/facets"))["status"], json!([{"value": "failed", "count": 1}]));
    let all = ours(&server, &app, "streaming/progress?length=10000");
    assert_eq!(array(&all).len(), reports(&log));
    let raw: Vec<Value> = String::from_utf8_lossy(&log)
        .lines()
        .filter(|l| l.contains("$QueryProgressEvent\""))
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["progress"].clone())
        .collect();
    assert_eq!(array(&all), &raw, "in the order of the log, across the parts of the store");
    let page = ours(&server, &app, "streaming/progress?offset=5&length=9");
    assert_eq!(array(&page), &raw[5..14]);
}

#[test]
fn stages_that_run_or_wait_are_listed_with_what_is_known() {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    std::fs::create_dir(&folder).unwrap();
    let (id, log) = logs::plain("3.5.9", "skew");
    let log = String::from_utf8(log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let events = |name: &str| {
        let name = format!("\"SparkListener{name}\"");
        (0..lines.len()).filter(|n| lines[*n].contains(&name)).collect::<Vec<_>>()
    };
    let (submitted, started, ended) = (events("StageSubmitted"), events("TaskStart"), events("TaskEnd"));
    // Cut off: a stage that waits for its first task, the first that runs, the second that ends, and in the middle of all.
    let cuts = [submitted[0], started[0], ended[0], ended[1], ended[ended.len() / 2], submitted[submitted.len() - 1]];
    for (n, cut) in cuts.iter().enumerate() {
        let new = format!("{}{n}", &id[..id.len() - 1]);
        let part = lines[..=*cut].join("\n").replace(&id, &new);
        std::fs::write(folder.join(format!("{new}.inprogress")), part + "\n").unwrap();
    }
    let ingested = server::ingest(&store, &[folder.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", server::stdout(&ingested));
    let server = TestServer::history(&store);
    let mut reasons: BTreeSet<String> = BTreeSet::new();
    let all = applications(&server, "");
    assert_eq!(all.len(), cuts.len());
    for app in &all {
        stage_list(&server, app);
        executors_of_stages(&server, app);
        let rows = ours(&server, app, "stages?status=active&status=pending");
        assert!(int(&rows["filtered"]) > 0, "{rows}");
        let why = array(&rows["stages"]).iter().map(|r| r["skewUnknown"].as_str().unwrap_or("known").to_owned());
        reasons.extend(why);
    }
    let expected = ["known", "noneSucceeded", "notStarted", "oneTask"].map(str::to_owned);
    assert_eq!(reasons, BTreeSet::from(expected));
}

#[test]
fn a_log_read_in_pieces_gives_what_it_gives_as_a_whole() {
    let dir = logs::folder();
    let (folder, whole) = (dir.path().join("logs"), dir.path().join("whole"));
    std::fs::create_dir(&folder).unwrap();
    let (id, log) = logs::plain("3.5.9", "storage");
    let file = folder.join(format!("{id}.inprogress"));
    std::fs::write(&file, begin(&log, 1, 9)).unwrap();
    let server = TestServer::serve(&dir.path().join("store")).logs(folder.to_str().unwrap()).start();
    let one = |status: &str, events: usize| {
        let app = eventually(status, 30, || {
            let found = server.try_json(&format!("{OURS}/applications?status={status}"))?;
            let app = array(&found["applications"]).first().cloned()?;
            (int(&ours(&server, &app, "overview")["events"]) as usize >= events).then_some(app)
        });
        ["storage/timeline", "stages?length=1000&sort=id"].map(|what| ours(&server, &app, what))
    };
    for part in 2..9 {
        let so_far = begin(&log, part, 9);
        std::fs::write(&file, so_far).unwrap();
        one("running", so_far.iter().filter(|b| **b == b'\n').count());
    }
    std::fs::write(&file, &log).unwrap();
    std::fs::rename(&file, folder.join(&id)).unwrap();
    let in_pieces = one("completed", 1);
    drop(server);
    let ingested = server::ingest(&whole, &[folder.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", server::stdout(&ingested));
    let server = TestServer::history(&whole);
    let app = applications(&server, "").remove(0);
    assert_eq!(in_pieces, ["storage/timeline", "stages?length=1000&sort=id"].map(|what| ours(&server, &app, what)));
}

#[test]
fn other_attempts_and_earlier_runs_are_named() {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    std::fs::create_dir(&folder).unwrap();
    let (id, log) = logs::plain("3.5.9", "codec-none");
    let log = String::from_utf8(log).unwrap();
    let line = log.lines().find(|l| l.contains("SparkListenerApplicationStart")).unwrap();
    let start = int(&serde_json::from_str::<Value>(line).unwrap()["Timestamp"]);
    // (id, attempt, hours later, user)
    let runs = [
        ("run-1", "", 0, "a"),
        ("run-2", "", 1, "a"),
        ("run-3", "1", 2, "a"),
        ("run-3", "2", 3, "a"),
        ("run-4", "", 0, "b"),
    ];
    for (app, attempt, hours, user) in runs {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event["App ID"] = json!(app);
        event["Timestamp"] = json!(start + hours * 3_600_000);
        event["User"] = json!(user);
        if !attempt.is_empty() {
            event["App Attempt ID"] = json!(attempt);
        }
        let name = if attempt.is_empty() { app.to_owned() } else { format!("{app}_{attempt}") };
        std::fs::write(folder.join(name), log.replace(line, &event.to_string()).replace(&id, app)).unwrap();
    }
    let ingested = server::ingest(&store, &[folder.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", server::stdout(&ingested));
    let server = TestServer::history(&store);
    let named = |list: &Value| {
        let name = |r: &Value| format!("{}/{}", text(&r["id"]), r["attemptId"].as_str().unwrap_or("-"));
        array(list).iter().map(name).collect::<Vec<_>>()
    };
    let overview = |app: &str| server.json(&format!("{OURS}/applications/{app}/overview"));
    assert_eq!(named(&overview("run-3/2")["previousRuns"]), ["run-2/-", "run-1/-"]);
    assert_eq!(named(&overview("run-3/1")["attempts"]), ["run-3/2", "run-3/1"]);
    assert_eq!(named(&overview("run-2")["previousRuns"]), ["run-1/-"]);
    assert_eq!(named(&overview("run-4")["previousRuns"]), Vec::<String>::new(), "of another user");
    assert_eq!(
        named(&json!(applications(&server, "sort=-startTime&user=a"))),
        ["run-3/2", "run-3/1", "run-2/-", "run-1/-"]
    );
}
