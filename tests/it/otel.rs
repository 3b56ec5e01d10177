//! OpenTelemetry: what a receiver gets of an application is what REST says of it, over gRPC and HTTP, from a real collector, and
//! after the receiver was away; and the process's own traces.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use afterglow_history::date::date;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;

use crate::logs;
use crate::otlp::{Got, Mood, Pairs, Receiver, Rotel, free, hex, pairs, text};
use crate::server::{TestServer, eventually, ingest, run, stderr, stdout};

/// Names of metrics, with what REST calls them in a stage.
const METRICS: [(&str, &str); 24] = [
    ("spark.executor.run_time", "executorRunTime"),
    ("spark.executor.cpu_time", "executorCpuTime"),
    ("spark.executor.deserialize_time", "executorDeserializeTime"),
    ("spark.executor.deserialize_cpu_time", "executorDeserializeCpuTime"),
    ("spark.executor.gc_time", "jvmGcTime"),
    ("spark.result.serialization_time", "resultSerializationTime"),
    ("spark.result.size", "resultSize"),
    ("spark.spill.memory", "memoryBytesSpilled"),
    ("spark.spill.disk", "diskBytesSpilled"),
    ("spark.execution_memory.peak", "peakExecutionMemory"),
    ("spark.input.size", "inputBytes"),
    ("spark.input.records", "inputRecords"),
    ("spark.output.size", "outputBytes"),
    ("spark.output.records", "outputRecords"),
    ("spark.shuffle.read.local_size", "shuffleLocalBytesRead"),
    ("spark.shuffle.read.remote_size", "shuffleRemoteBytesRead"),
    ("spark.shuffle.read.remote_to_disk_size", "shuffleRemoteBytesReadToDisk"),
    ("spark.shuffle.read.records", "shuffleReadRecords"),
    ("spark.shuffle.read.local_blocks", "shuffleLocalBlocksFetched"),
    ("spark.shuffle.read.remote_blocks", "shuffleRemoteBlocksFetched"),
    ("spark.shuffle.read.fetch_wait_time", "shuffleFetchWaitTime"),
    ("spark.shuffle.write.size", "shuffleWriteBytes"),
    ("spark.shuffle.write.records", "shuffleWriteRecords"),
    ("spark.shuffle.write.time", "shuffleWriteTime"),
];

/// Exports applications of a store; gives what it printed.
fn export(store: &Path, applications: &[String], further: &[&str]) -> String {
    let applications = applications.join(",");
    let mut args = vec!["export", "otel", "--store", store.to_str().unwrap(), "--application", &applications];
    args.extend(further);
    let done = run(&args);
    assert!(done.status.success(), "{}", stderr(&done));
    stdout(&done) + &stderr(&done)
}

/// Every attempt of a server, as `export` names it, with the path of its REST answers.
fn attempts(server: &TestServer) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for app in server.json("/api/v1/applications").as_array().unwrap() {
        let id = app["id"].as_str().unwrap();
        for attempt in app["attempts"].as_array().unwrap() {
            let name = attempt["attemptId"].as_str().map_or_else(|| id.to_owned(), |a| format!("{id}/{a}"));
            out.push((format!("default/{name}"), format!("/api/v1/applications/{name}")));
        }
    }
    out
}

fn time(nanos: u64) -> String {
    assert_eq!(nanos % 1_000_000, 0);
    date((nanos / 1_000_000) as i64)
}

fn failed(span: &Span) -> bool {
    span.status.as_ref().unwrap().code() == StatusCode::Error
}

/// The parent of a span.
fn parent<'g>(spans: &BTreeMap<String, &'g Span>, of: &Span) -> &'g Span {
    spans[&hex(&of.parent_span_id)]
}

fn number(v: &Value) -> i64 {
    v.as_i64().unwrap_or_else(|| panic!("{v} is no number"))
}

/// What a receiver has of one attempt.
fn of_attempt(got: &Got, path: &str) -> Got {
    let instance = path.trim_start_matches("/api/v1/applications/");
    let of = |resource: &Pairs| resource["service.instance.id"] == instance;
    Got {
        spans: got.spans.iter().filter(|(r, _)| of(r)).cloned().collect(),
        metrics: got.metrics.iter().filter(|(r, _)| of(r)).cloned().collect(),
        events: got.events.iter().filter(|(r, _)| of(r)).cloned().collect(),
        ..Got::default()
    }
}

/// Compares what a receiver has of an attempt with REST.
fn assert_told(server: &TestServer, path: &str, got: &Got, slowest: usize) {
    let got = of_attempt(got, path);
    let spans = got.by_id();
    assert_eq!(spans.len(), got.spans.len(), "{path}: a span came twice");
    let traces: BTreeSet<_> = got.spans.iter().map(|(_, s)| hex(&s.trace_id)).collect();
    assert_eq!(traces.len(), 1, "{path}");
    let list = server.json(path.splitn(6, '/').take(5).collect::<Vec<_>>().join("/").as_str());
    let attempts = list["attempts"].as_array().unwrap();
    let id = path.splitn(6, '/').nth(5);
    let info = attempts.iter().find(|a| a["attemptId"].as_str() == id).unwrap();
    let roots: Vec<_> = got.spans.iter().filter(|(_, s)| s.parent_span_id.is_empty()).collect();
    let [(resource, root)] = &roots[..] else { panic!("{path}: {} roots", roots.len()) };
    assert_eq!((&resource["service.name"], &root.name), (&list["name"].as_str().unwrap().to_owned(), &root.name));
    assert_eq!(resource.get("user.name").map_or("", |u| u), info["sparkUser"].as_str().unwrap());
    assert_eq!(time(root.start_time_unix_nano), info["startTime"].as_str().unwrap(), "{path}");
    if info["completed"] == true {
        assert_eq!(time(root.end_time_unix_nano), info["endTime"].as_str().unwrap(), "{path}");
    }
    let stages = server.json(&format!("{path}/stages"));
    assert_stages(server, path, &stages, &got, slowest);
    assert_jobs(server, path, &got);
    assert_sql(server, path, &got);
    assert_metrics(path, &stages, &got);
    assert_events(server, path, &stages, &got);
}

/// Spans of tasks, with their attributes, by task id.
type Tasks<'g> = BTreeMap<i64, (Pairs, &'g Span)>;

fn assert_stages(server: &TestServer, path: &str, stages: &Value, got: &Got, slowest: usize) {
    let spans = got.by_id();
    let ran = stages.as_array().unwrap().iter().filter(|s| s["submissionTime"].is_string());
    let ran: BTreeMap<(i64, i64), &Value> =
        ran.map(|s| ((number(&s["stageId"]), number(&s["attemptId"])), s)).collect();
    let told = got.named("stage");
    assert_eq!(told.len(), ran.len(), "{path}: stages");
    let jobs = server.json(&format!("{path}/jobs"));
    let jobs: BTreeMap<i64, &Value> = jobs.as_array().unwrap().iter().map(|j| (number(&j["jobId"]), j)).collect();
    let mut tasks: BTreeMap<(String, String), Tasks<'_>> = BTreeMap::new();
    for (a, span) in got.named("task") {
        let key = (a["spark.stage.id"].clone(), a["spark.stage.attempt_id"].clone());
        tasks.entry(key).or_default().insert(a["spark.task.id"].parse().unwrap(), (a, span));
    }
    for (a, span) in &told {
        let of = |name: &str| a[name].parse::<i64>().unwrap();
        let key = (of("spark.stage.id"), of("spark.stage.attempt_id"));
        let what = format!("{path}: stage {key:?}");
        let s = ran[&key];
        assert_eq!(a["spark.stage.status"], s["status"].as_str().unwrap(), "{what}");
        assert_eq!(time(span.start_time_unix_nano), s["submissionTime"].as_str().unwrap(), "{what}");
        match s["completionTime"].as_str() {
            Some(end) => assert_eq!(time(span.end_time_unix_nano), end, "{what}"),
            None => assert_eq!(a["spark.unfinished"], "true", "{what}"),
        }
        for (name, rest) in METRICS {
            assert_eq!(of(name), number(&s[rest]), "{what}: {name}");
        }
        for (name, rest) in [("total", "numTasks"), ("completed", "numCompleteTasks"), ("failed", "numFailedTasks")] {
            assert_eq!(of(&format!("spark.tasks.{name}")), number(&s[rest]), "{what}: {name}");
        }
        assert_eq!(failed(span), s["status"] == "FAILED", "{what}");
        if failed(span) {
            let event = pairs(&span.events[0].attributes);
            assert!(s["failureReason"].as_str().unwrap().starts_with(&event["exception.stacktrace"]), "{what}");
            assert!(event["exception.stacktrace"].contains(&event["exception.message"]), "{what}");
        }
        let above = parent(&spans, span);
        let job = pairs(&above.attributes).get("spark.job.id").map(|j| j.parse::<i64>().unwrap());
        let lists = |j: &Value| j["stageIds"].as_array().unwrap().contains(&s["stageId"]);
        match job {
            Some(job) => assert!(jobs.get(&job).is_some_and(|j| lists(j)), "{what}: below job {job}"),
            // A log without its beginning may not say which job had it run.
            None => assert!(above.parent_span_id.is_empty() && !jobs.values().any(|j| lists(j)), "{what}"),
        }
        // The tasks: the slowest, and those that failed.
        let all = server.json(&format!("{path}/stages/{}/{}/taskList?length=1000000&sortBy=-runtime", key.0, key.1));
        let mut ended: Vec<&Value> = all.as_array().unwrap().iter().filter(|t| t["status"] != "RUNNING").collect();
        ended.sort_by_key(|t| std::cmp::Reverse(t["duration"].as_i64()));
        let bound = ended.get(slowest.wrapping_sub(1)).and_then(|t| t["duration"].as_i64()).unwrap_or(0);
        let empty = BTreeMap::new();
        let told = tasks.get(&(key.0.to_string(), key.1.to_string())).unwrap_or(&empty);
        assert_eq!(of("spark.tasks.exported"), told.len() as i64, "{what}");
        let failures = ended.iter().filter(|t| t["status"] == "FAILED").count();
        assert!(told.len() >= slowest.min(ended.len()) && told.len() <= slowest + failures, "{what}: {}", told.len());
        for task in &ended {
            let id = number(&task["taskId"]);
            let (stage, Some((a, span))) = (span, told.get(&id)) else {
                assert!(task["duration"].as_i64().unwrap() <= bound && task["status"] != "FAILED", "{what}: task {id}");
                continue;
            };
            let said = |name: &str| a.get(name).map_or("", String::as_str);
            let what = format!("{what}: task {id}");
            assert_eq!(time(span.start_time_unix_nano), task["launchTime"].as_str().unwrap(), "{what}");
            let took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000_000;
            assert_eq!(took as i64, number(&task["duration"]), "{what}");
            assert_eq!(said("spark.executor.id"), task["executorId"].as_str().unwrap(), "{what}");
            assert_eq!(
                (said("host.name"), failed(span)),
                (task["host"].as_str().unwrap(), task["status"] == "FAILED"),
                "{what}"
            );
            assert_eq!(hex(&span.parent_span_id), hex(&stage.span_id), "{what}");
            match task.get("taskMetrics") {
                // Spark shows zeros for a task that brought none.
                Some(m) if !a.contains_key("spark.executor.run_time") => {
                    assert_eq!((&m["executorRunTime"], &m["resultSize"]), (&0.into(), &0.into()), "{what}");
                }
                Some(m) => {
                    assert_eq!(a["spark.executor.run_time"], m["executorRunTime"].to_string(), "{what}");
                    assert_eq!(a["spark.spill.disk"], m["diskBytesSpilled"].to_string(), "{what}");
                    assert_eq!(a["spark.shuffle.write.size"], m["shuffleWriteMetrics"]["bytesWritten"].to_string());
                }
                None => assert!(!a.contains_key("spark.executor.run_time"), "{what}"),
            }
        }
    }
}

fn assert_jobs(server: &TestServer, path: &str, got: &Got) {
    let spans = got.by_id();
    let jobs = server.json(&format!("{path}/jobs"));
    let jobs: BTreeMap<String, &Value> = jobs.as_array().unwrap().iter().map(|j| (j["jobId"].to_string(), j)).collect();
    let told = got.named("job");
    assert_eq!(told.len(), jobs.len(), "{path}: jobs");
    let sql: BTreeSet<String> =
        got.named("sql").into_iter().map(|(a, _)| a["spark.sql.execution_id"].clone()).collect();
    for (a, span) in told {
        let (id, j) = (&a["spark.job.id"], jobs[&a["spark.job.id"]]);
        assert_eq!(time(span.start_time_unix_nano), j["submissionTime"].as_str().unwrap(), "{path}: job {id}");
        if let Some(end) = j["completionTime"].as_str() {
            assert_eq!(time(span.end_time_unix_nano), end, "{path}: job {id}");
        }
        assert_eq!((&*a["spark.job.status"], failed(span)), (j["status"].as_str().unwrap(), j["status"] == "FAILED"));
        for (name, rest) in [("total", "numTasks"), ("failed", "numFailedTasks"), ("skipped", "numSkippedTasks")] {
            assert_eq!(a[&format!("spark.tasks.{name}")], j[rest].to_string(), "{path}: job {id}: {name}");
        }
        let above = pairs(&parent(&spans, span).attributes);
        match a.get("spark.sql.execution_id").filter(|x| sql.contains(*x)) {
            Some(execution) => assert_eq!(&above["spark.sql.execution_id"], execution, "{path}: job {id}"),
            None => assert!(above.contains_key("spark.application.outcome"), "{path}: job {id}: {above:?}"),
        }
    }
}

fn assert_sql(server: &TestServer, path: &str, got: &Got) {
    let all = server.json(&format!("{path}/sql?length=100000&details=false"));
    let all: BTreeMap<String, &Value> = all.as_array().unwrap().iter().map(|x| (x["id"].to_string(), x)).collect();
    let told = got.named("sql");
    assert_eq!(told.len(), all.len(), "{path}: SQL executions");
    for (a, span) in told {
        let x = all[&a["spark.sql.execution_id"]];
        assert_eq!(time(span.start_time_unix_nano), x["submissionTime"].as_str().unwrap(), "{path}: {x}");
        assert_eq!((&*a["spark.sql.status"], failed(span)), (x["status"].as_str().unwrap(), x["status"] == "FAILED"));
        if x["status"] != "RUNNING" {
            let took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000_000;
            assert_eq!(took as i64, number(&x["duration"]), "{path}: {x}");
        }
    }
}

fn assert_metrics(path: &str, stages: &Value, got: &Got) {
    let sums: BTreeMap<&str, i64> = METRICS
        .iter()
        .map(|(name, rest)| (*name, stages.as_array().unwrap().iter().map(|s| number(&s[*rest])).sum()))
        .collect();
    let root = got.spans.iter().find(|(_, s)| s.parent_span_id.is_empty()).unwrap();
    let mut named = BTreeSet::new();
    for (_, metric) in &got.metrics {
        assert!(named.insert(metric.name.clone()), "{path}: {} came twice", metric.name);
        let points = match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                &sum.data_points
            }
            Data::Gauge(gauge) => &gauge.data_points,
            other => panic!("{other:?}"),
        };
        for point in points {
            let times = (point.start_time_unix_nano, point.time_unix_nano);
            assert_eq!(times, (root.1.start_time_unix_nano, root.1.end_time_unix_nano), "{path}: {}", metric.name);
        }
        if let Some(sum) = sums.get(&*metric.name) {
            assert_eq!(
                points.iter().map(|p| p.value).collect::<Vec<_>>(),
                [Some(Number::AsInt(*sum))],
                "{}",
                metric.name
            );
            let of_root = &pairs(&root.1.attributes)[&metric.name];
            assert_eq!(of_root, &sum.to_string(), "{path}: {}", metric.name);
        }
    }
    // The peak of execution memory is no sum over an application.
    assert_eq!(named.len(), METRICS.len() - 1 + 5, "{path}: {named:?}");
}

fn assert_events(server: &TestServer, path: &str, stages: &Value, got: &Got) {
    let spans = got.by_id();
    let of = |name: &str| got.events.iter().filter(|(_, e)| e.event_name == name).collect::<Vec<_>>();
    let failures: Vec<&Value> = stages.as_array().unwrap().iter().filter(|s| s["status"] == "FAILED").collect();
    assert_eq!(of("spark.stage.failed").len(), failures.len(), "{path}");
    for (_, e) in of("spark.stage.failed") {
        let span = spans[&hex(&e.span_id)];
        assert_eq!((e.time_unix_nano, &e.trace_id), (span.end_time_unix_nano, &span.trace_id), "{path}");
        assert_eq!(text(e.body.as_ref()), span.status.as_ref().unwrap().message, "{path}");
    }
    let executors = server.json(&format!("{path}/allexecutors"));
    let executors: BTreeMap<&str, &Value> =
        executors.as_array().unwrap().iter().map(|e| (e["id"].as_str().unwrap(), e)).collect();
    for (_, e) in of("spark.executor.lost") {
        let executor = executors[&*pairs(&e.attributes)["spark.executor.id"]];
        assert_eq!(time(e.time_unix_nano), executor["removeTime"].as_str().unwrap(), "{path}");
        assert!(executor["removeReason"].as_str().unwrap().contains(&text(e.body.as_ref())), "{path}");
    }
    assert_eq!(of("spark.application.failed").len(), usize::from(failed(roots(got)[0])), "{path}");
}

fn roots(got: &Got) -> Vec<&Span> {
    got.spans.iter().map(|(_, s)| s).filter(|s| s.parent_span_id.is_empty()).collect()
}

/// Spans as they can be compared whatever their order was.
fn sorted(got: &Got) -> BTreeMap<String, Span> {
    got.by_id().into_iter().map(|(id, s)| (id, s.clone())).collect()
}

#[test]
fn an_application_is_a_trace_that_says_what_rest_says() {
    let dir = logs::folder();
    let source = dir.path().join("logs");
    for (version, case) in [
        ("4.3.0", "sql"),
        ("4.3.0", "fail-job"),
        ("4.3.0", "exec-lost"),
        ("4.3.0", "skew"),
        ("3.5.9", "spill"),
        ("3.5.9", "derived"),
        ("3.5.9", "fail-killed"),
        ("3.5.9", "streaming-rocksdb"),
        ("3.5.9", "exec-speculation"),
    ] {
        logs::lay(&logs::case(version, case), &source, &|_| true);
    }
    let store = dir.path().join("store");
    ingest(&store, &[source.to_str().unwrap()]);
    let server = TestServer::history(&store);
    let all = attempts(&server);
    assert!(all.len() > 15, "{}", all.len());
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let over_grpc = Receiver::start(Mood::Takes);
    let said = export(&store, &names, &["--endpoint", &format!("http://{}", over_grpc.grpc), "--protocol", "grpc"]);
    let got = over_grpc.got();
    for (name, path) in &all {
        assert_told(&server, path, &got, 20);
        let of = of_attempt(&got, path);
        let trace = hex(&of.spans[0].1.trace_id);
        let line = format!(
            "{name}: trace {trace}: {} spans, {} metrics, {} events sent to",
            of.spans.len(),
            of.metrics.len(),
            of.events.len()
        );
        assert!(said.contains(&line), "{line}\n{said}");
    }
    let kinds: BTreeSet<&str> = got.events.iter().map(|(_, e)| &*e.event_name).collect();
    assert_eq!(
        kinds,
        ["spark.application.failed", "spark.executor.lost", "spark.job.failed", "spark.stage.failed"].into()
    );
    // Stages name those that they read from.
    let links = got.named("stage").into_iter().flat_map(|(_, s)| s.links.clone()).collect::<Vec<_>>();
    let spans = got.by_id();
    assert!(!links.is_empty() && links.iter().all(|l| spans[&hex(&l.span_id)].name.starts_with("stage")));
    // HTTP is another way to say the same.
    let over_http = Receiver::start(Mood::Takes);
    export(&store, &names, &["--endpoint", &format!("http://{}", over_http.http)]);
    let same = over_http.got();
    assert_eq!(sorted(&got), sorted(&same));
    assert_eq!((&got.metrics, &got.events), (&same.metrics, &same.events));
    // Fewer tasks on demand.
    let few = Receiver::start(Mood::Takes);
    export(&store, &names, &["--endpoint", &format!("http://{}", few.http), "--tasks", "2"]);
    let few = few.got();
    assert!(few.named("task").len() < got.named("task").len() && few.named("stage").len() == got.named("stage").len());
    for (_, path) in &all {
        assert_told(&server, path, &few, 2);
    }
}

#[test]
fn a_large_application_is_sent_in_pieces() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    ingest(&store, &[logs::case("4.3.0", "many-jobs").to_str().unwrap()]);
    let server = TestServer::history(&store);
    let receiver = Receiver::start(Mood::Takes);
    let all = attempts(&server);
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    export(
        &store,
        &names,
        &["--endpoint", &format!("http://{}", receiver.grpc), "--protocol", "grpc", "--tasks", "1000"],
    );
    let got = receiver.got();
    assert!(got.headers.len() > 3 && got.largest < 2 << 20, "{} requests, {} bytes", got.headers.len(), got.largest);
    for (_, path) in &all {
        assert_told(&server, path, &got, 1000);
    }
}

#[test]
fn a_real_collector_takes_it_and_passes_it_on() {
    let receiver = Receiver::start(Mood::Takes);
    let Some(rotel) = Rotel::start(free(), receiver.http) else { return };
    let dir = logs::folder();
    let store = dir.path().join("store");
    ingest(&store, &[logs::case("4.3.0", "fail-job").to_str().unwrap()]);
    let server = TestServer::history(&store);
    let all = attempts(&server);
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let direct = Receiver::start(Mood::Takes);
    export(&store, &names, &["--endpoint", &format!("http://{}", direct.grpc), "--protocol", "grpc"]);
    let direct = direct.got();
    for (address, protocol) in [(rotel.grpc, "grpc"), (rotel.http, "http/protobuf")] {
        *receiver.got() = Got::default();
        export(&store, &names, &["--endpoint", &format!("http://{address}"), "--protocol", protocol]);
        eventually("the collector passed on", 30, || {
            let got = receiver.got();
            let complete = got.spans.len() == direct.spans.len()
                && got.metrics.len() == direct.metrics.len()
                && got.events.len() == direct.events.len();
            complete.then_some(())
        });
        let got = receiver.got();
        assert_eq!(sorted(&got), sorted(&direct), "{protocol}");
        for (_, path) in &all {
            assert_told(&server, path, &got, 20);
        }
    }
}

/// A server that exports what ends to an address.
fn exporting(store: &Path, source: &Path, to: &str) -> TestServer {
    let server = TestServer::serve(store).logs(source.to_str().unwrap());
    let server = server.env("AFTERGLOW_OTEL__ENDPOINT", to).env("AFTERGLOW_OTEL__APPLICATIONS", "true");
    server.env("AFTERGLOW_OTEL__SAMPLE", "0").env("AFTERGLOW_OTEL__PROTOCOL", "grpc").start()
}

/// Waits until a receiver has all of some attempts.
fn arrives(server: &TestServer, receiver: &Receiver, attempts: usize) {
    eventually("everything arrived", 90, || {
        let instances: BTreeSet<String> =
            receiver.got().metrics.iter().map(|(r, _)| r["service.instance.id"].clone()).collect();
        (instances.len() >= attempts).then_some(())
    });
    // Events come last of an attempt; failures have some.
    eventually("the last events", 30, || {
        let got = receiver.got();
        let failures = roots(&got).into_iter().filter(|s| failed(s)).count();
        let told = got.events.iter().filter(|(_, e)| e.event_name == "spark.application.failed").count();
        (told >= failures).then_some(())
    });
    assert!(server.get("/readyz").status == 200);
}

#[test]
fn what_ends_is_sent_whenever_the_collector_is_there() {
    let dir = logs::folder();
    let (source, store) = (dir.path().join("logs"), dir.path().join("store"));
    logs::lay(&logs::case("4.3.0", "users"), &source, &|_| true);
    // Nobody listens: indexing goes on.
    let collector = free();
    let receiver = Receiver::start(Mood::Takes);
    let server = exporting(&store, &source, &format!("http://{collector}"));
    eventually("indexed", 60, || (attempts(&server).len() == 4).then_some(()));
    eventually("it is said", 30, || server.log().contains("does not take traces; trying again").then_some(()));
    let Some(rotel) = Rotel::start(collector, receiver.http) else { return };
    arrives(&server, &receiver, 4);
    for (_, path) in attempts(&server) {
        assert_told(&server, &path, &receiver.got(), 20);
    }
    // The collector dies, applications end, and another takes its place.
    drop(rotel);
    logs::lay(&logs::case("4.3.0", "fail-job"), &source, &|_| true);
    let all = eventually("indexed", 60, || {
        let all = attempts(&server);
        (all.len() > 4 && all.iter().all(|(_, p)| server.get(&format!("{p}/jobs")).status == 200)).then_some(all)
    });
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(roots(&receiver.got()).len(), 4);
    let _rotel = Rotel::start(collector, receiver.http);
    arrives(&server, &receiver, all.len());
    for (_, path) in &all {
        assert_told(&server, path, &receiver.got(), 20);
    }
    assert!(server.log().contains("takes traces again"), "{}", server.log());
    drop(server);
    // Another process knows what was sent.
    let spans = receiver.got().spans.len();
    let server = exporting(&store, &source, &format!("http://{collector}"));
    logs::lay(&logs::case("3.5.9", "users"), &source, &|_| true);
    let all = eventually("indexed", 60, || Some(attempts(&server)).filter(|a| a.len() == all.len() + 4));
    arrives(&server, &receiver, all.len());
    let got = receiver.got();
    assert_eq!(got.by_id().len(), got.spans.len(), "nothing came twice");
    assert!(got.spans.len() > spans);
    for (_, path) in &all {
        assert_told(&server, path, &got, 20);
    }
}

#[test]
fn one_that_is_killed_sends_what_is_left() {
    let dir = logs::folder();
    let (source, store) = (dir.path().join("logs"), dir.path().join("store"));
    logs::lay(&logs::case("4.3.0", "users"), &source, &|_| true);
    let address = free();
    let server = exporting(&store, &source, &format!("http://{address}"));
    eventually("indexed", 60, || (attempts(&server).len() == 4).then_some(()));
    server.kill();
    let receiver = Receiver::at(Mood::Takes, address);
    let server = exporting(&store, &source, &format!("http://{address}"));
    arrives(&server, &receiver, 4);
    for (_, path) in attempts(&server) {
        assert_told(&server, &path, &receiver.got(), 20);
    }
    drop(server);
    // What was over before somebody wanted it is not sent by itself; by once, too.
    let other = dir.path().join("other");
    ingest(&other, &[source.to_str().unwrap()]);
    logs::lay(&logs::case("3.5.9", "users"), &source, &|_| true);
    *receiver.got() = Got::default();
    let mut once = crate::server::afterglow(&["ingest", "--once", "--store", other.to_str().unwrap(), "--logs"]);
    once.arg(&source).env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", receiver.http));
    let done = once.env("AFTERGLOW_OTEL__APPLICATIONS", "true").env("AFTERGLOW_OTEL__SAMPLE", "0").output().unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    let got = receiver.got();
    assert_eq!(roots(&got).len(), 4);
    assert!(roots(&got).iter().all(|s| hex(&s.trace_id).len() == 32));
    assert!(got.spans.iter().all(|(r, _)| r["spark.version"] == "3.5.9"));
}

#[test]
fn what_is_not_taken_is_said() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    ingest(&store, &[logs::case("4.3.0", "users").to_str().unwrap()]);
    let server = TestServer::history(&store);
    let (name, path) = attempts(&server).remove(0);
    let args = ["export", "otel", "--store", store.to_str().unwrap(), "--application"];
    let refused = |further: &[&str]| {
        let done = run(&[&args[..], further].concat());
        assert_eq!(done.status.code(), Some(1), "{}", stdout(&done));
        stderr(&done)
    };
    let said = refused(&[&name]);
    assert!(said.contains("otel.endpoint: not set: name the receiver with --endpoint"), "{said}");
    let said = refused(&["nobody", "--endpoint", "http://127.0.0.1:1"]);
    assert!(said.contains("`nobody` names no application: write CLUSTER/APP"), "{said}");
    let said = refused(&["default/app-none", "--endpoint", "http://127.0.0.1:1"]);
    assert!(said.contains("the store has no default/app-none"), "{said}");
    let said = refused(&[&name, "--endpoint", "collector:4317"]);
    assert!(said.contains("otel.endpoint: `collector:4317` is no address"), "{said}");
    let said = refused(&[&name, "--endpoint", "http://127.0.0.1:1", "--protocol", "http/json"]);
    assert!(said.contains("`http/json` is not spoken here: write grpc or http/protobuf"), "{said}");
    let deaf = Receiver::start(Mood::Refuses);
    for (address, protocol) in [(deaf.grpc, "grpc"), (deaf.http, "http/protobuf")] {
        let said = refused(&[&name, "--endpoint", &format!("http://{address}"), "--protocol", protocol]);
        assert!(said.contains("refuses traces: ") && said.contains("not like this"), "{said}");
    }
    // Who takes traces only gets these.
    let simple = Receiver::start(Mood::TracesOnly);
    for (address, protocol) in [(simple.grpc, "grpc"), (simple.http, "http/protobuf")] {
        *simple.got() = Got::default();
        let mut command = crate::server::afterglow(&[&args[..], &[&name, "--protocol", protocol]].concat());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s%20ecret");
        command.env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=not-theirs");
        let done = command.output().unwrap();
        assert!(done.status.success() && stderr(&done).contains("does not take metrics"), "{}", stderr(&done));
        let got = simple.got();
        assert!(of_attempt(&got, &path).spans.len() > 1 && got.metrics.is_empty());
        assert!(got.headers.iter().all(|h| h["x-key"] == "s ecret"), "{:?}", got.headers);
        let resource = &got.spans[0].0;
        assert_eq!(resource["deployment.environment.name"], "test");
        assert_ne!(resource["service.name"], "not-theirs");
    }
}

#[test]
fn the_service_traces_itself() {
    let dir = logs::folder();
    let source = logs::case("4.3.0", "users");
    let receiver = Receiver::start(Mood::Takes);
    for (at, protocol) in [(receiver.grpc, "grpc"), (receiver.http, "http/protobuf")] {
        *receiver.got() = Got::default();
        let store = dir.path().join(protocol.split('/').next().unwrap());
        let server = TestServer::serve(&store)
            .logs(source.to_str().unwrap())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{at}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_SERVICE_NAME", "glow")
            .start();
        eventually("indexed", 60, || (attempts(&server).len() == 4).then_some(()));
        let mut client = server.client();
        client.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let id = attempts(&server)[0].1.split('/').nth(4).unwrap().to_owned();
        assert_eq!(client.get(&format!("/api/v1/applications/{id}/jobs?secret=s3cret")).unwrap().status, 200);
        let sql = br#"{"query": "SELECT count(*) AS n FROM applications WHERE app_name <> 's3cret'"}"#;
        assert_eq!(client.send("POST", "/api/afterglow/v1/sql", sql).unwrap().status, 200);
        assert_eq!(client.get("/nothing/s3cret").unwrap().status, 404);
        assert_eq!(client.get("/metrics").unwrap().status, 200);
        drop(client);
        // Its end sends what waits.
        drop(server);
        let got = receiver.got();
        let asked: Vec<_> =
            got.spans.iter().filter(|(_, s)| hex(&s.trace_id) == "0af7651916cd43dd8448eb211c80319c").collect();
        let names: BTreeSet<&str> = asked.iter().map(|(_, s)| &*s.name).collect();
        let route = "GET /api/v1/applications/{app}/jobs";
        assert_eq!(names, [route, "POST /api/afterglow/v1/sql", "sql statement", "GET"].into(), "{protocol}");
        let span = |name: &str| asked.iter().find(|(_, s)| s.name == name).unwrap();
        let (resource, jobs) = span(route);
        assert_eq!((&*resource["service.name"], &*resource["service.version"]), ("glow", env!("CARGO_PKG_VERSION")));
        let a = pairs(&jobs.attributes);
        assert_eq!(hex(&jobs.parent_span_id), "b7ad6b7169203331");
        assert_eq!((&*a["http.request.method"], &*a["http.response.status_code"]), ("GET", "200"));
        assert_eq!(
            (&*a["http.route"], &*a["url.path"]),
            ("/api/v1/applications/{app}/jobs", &*format!("/api/v1/applications/{id}/jobs"))
        );
        assert_eq!(jobs.kind, 2);
        let statement = &span("sql statement").1;
        assert_eq!(statement.parent_span_id, span("POST /api/afterglow/v1/sql").1.span_id);
        assert_eq!(pairs(&statement.attributes)["db.response.returned_rows"], "1");
        // No value of a query or statement leaves; an address that is none has no route.
        assert!(!pairs(&span("GET").1.attributes).contains_key("http.route"));
        let told = asked.iter().filter(|(_, s)| s.name != "GET").map(|(_, s)| format!("{s:?}")).collect::<String>();
        assert!(!told.contains("s3cret"), "{told}");
        let read: Vec<Pairs> = got.named("index log").into_iter().map(|(a, _)| a).collect();
        assert_eq!(read.len(), 4, "{protocol}");
        let logs: BTreeSet<&str> = read.iter().map(|a| &*a["afterglow.log.application"]).collect();
        assert!(logs.contains(&*format!("default/{id}")), "{logs:?}");
        assert!(!got.named("maintenance round").is_empty());
        assert!(got.spans.iter().all(|(_, s)| !s.name.contains("metrics") && !s.name.contains("readyz")));
    }
}

#[test]
fn a_receiver_that_is_away_stops_nothing() {
    let dir = logs::folder();
    // One that accepts and never answers is worse than none.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for protocol in ["grpc", "http/protobuf"] {
        let store = dir.path().join(protocol.split('/').next().unwrap());
        let server = TestServer::serve(&store)
            .logs(logs::case("4.3.0", "users").to_str().unwrap())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", silent.local_addr().unwrap()))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("AFTERGLOW_OTEL__APPLICATIONS", "true")
            .start();
        eventually("indexed", 60, || (attempts(&server).len() == 4).then_some(()));
        for _ in 0..5000 {
            assert_eq!(server.get("/api/v1/version").status, 200);
        }
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < Duration::from_secs(10), "{protocol}: {:?}", began.elapsed());
    }
}
