//! Rules about failures, tasks, executors and the log itself: each over a log that is made for it, `tests/findings/logs`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::logs;
use crate::server::{run, stderr, stdout};

/// Families of which a log triggers its own rule alone.
const FAMILIES: [&str; 4] = ["failures", "tasks", "resources", "log"];

fn log(rule: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/findings/logs").join(format!("{rule}.zst"))
}

fn findings(log: &Path) -> Vec<Value> {
    let told = run(&["findings", log.to_str().unwrap(), "--json"]);
    let all: Value = serde_json::from_str(&stdout(&told)).unwrap_or_else(|e| panic!("{e}: {}", stderr(&told)));
    all.as_array().unwrap().clone()
}

/// What is told of a rule's log by this rule; by others of its family nothing is.
fn of(rule: &str, log: &Path) -> Vec<Value> {
    let all = findings(log);
    let family = all.iter().find(|f| f["rule"] == rule).map(|f| f["family"].clone());
    let family = family.unwrap_or_else(|| panic!("{rule} is not told: {all:?}"));
    assert!(FAMILIES.iter().any(|f| family == *f), "{rule}: {family}");
    let of_family: Vec<Value> = all.into_iter().filter(|f| f["family"] == family).collect();
    assert!(of_family.iter().all(|f| f["rule"] == rule), "{rule}: {of_family:?}");
    of_family
}

/// The one finding about a rule's log.
fn one(rule: &str) -> Value {
    let mut all = of(rule, &log(rule));
    assert_eq!(all.len(), 1, "{rule}: {all:?}");
    all.remove(0)
}

/// Severity, where, minutes and core-hours at stake.
fn gist(f: &Value) -> Value {
    let rounded = |v: &Value| v.as_f64().map(|v| (v * 1_000.0).round() / 1_000.0);
    let stake = &f["at_stake"];
    json!([f["severity"], f["where"]["text"], rounded(&stake["minutes"]), rounded(&stake["core_hours"])])
}

/// The value of a piece of evidence.
fn evidence<'f>(f: &'f Value, name: &str) -> &'f Value {
    let all = f["evidence"].as_array().unwrap();
    &all.iter().find(|e| e["name"] == name).unwrap_or_else(|| panic!("{name}: {f}"))["value"]
}

/// Key, current and suggested value of each setting that is advised.
fn settings(f: &Value) -> Value {
    let set = f["advice"].as_array().unwrap().iter().filter(|a| a["key"].is_string());
    set.map(|a| json!([a["key"], a["current"], a["suggested"]])).collect()
}

/// Rule, severity, where, minutes and core-hours at stake, and the settings that are advised.
#[test]
fn each_rule_tells_its_own_log_and_what_to_change() {
    let overhead = json!([["spark.executor.memoryOverhead", null, "820m"]]);
    let dynamic = json!(["spark.dynamicAllocation.enabled", null, "true"]);
    let all = [
        (
            "application-failed",
            json!(["critical", "application", 1.167, 0.156]),
            json!([["spark.executor.memory", "4g", "6g"]]),
        ),
        ("job-failed", json!(["warning", "job 0", 0.133, null]), json!([])),
        (
            "query-failed",
            json!(["warning", "SQL 0", 5.0, null]),
            json!([["spark.sql.autoBroadcastJoinThreshold", null, "-1"], ["spark.sql.broadcastTimeout", null, "1200"]]),
        ),
        ("stage-retried", json!(["warning", "stage 0.0", 0.333, 0.044]), json!([])),
        (
            "fetch-failure",
            json!(["warning", "stage 1.0", 0.3, 0.027]),
            json!([["spark.shuffle.io.maxRetries", null, "6"]]),
        ),
        ("task-failures", json!(["warning", "stage 0.0", null, 0.003]), json!([])),
        ("commit-denied", json!(["warning", "stage 0.0", null, 0.01]), json!([["spark.speculation", "true", "false"]])),
        ("task-skew", json!(["warning", "stage 0.0", 0.925, 0.108]), json!([])),
        ("straggler", json!(["warning", "stage 0.0", 0.867, 0.101]), json!([])),
        ("slow-host", json!(["warning", "host host-3", 0.5, 0.033]), json!([])),
        ("too-few-tasks", json!(["warning", "stage 0.0", 2.625, 0.35]), json!([])),
        (
            "small-tasks",
            json!(["warning", "stage 0.0", 0.395, 0.421]),
            json!([["spark.sql.shuffle.partitions", null, "505"]]),
        ),
        (
            "large-partition",
            json!(["warning", "stage 0.0", null, null]),
            json!([["spark.sql.shuffle.partitions", null, "448"]]),
        ),
        ("scheduler-delay", json!(["warning", "stage 0.0", 0.7, 0.093]), json!([["spark.driver.cores", null, "2"]])),
        (
            "large-result",
            json!(["warning", "stage 0.0", null, null]),
            json!([["spark.driver.maxResultSize", null, "2g"]]),
        ),
        (
            "speculation-waste",
            json!(["info", "stage 0.0", null, 0.04]),
            json!([["spark.speculation.multiplier", null, "3"], ["spark.speculation.quantile", null, "0.9"]]),
        ),
        ("locality-miss", json!(["info", "stage 0.0", 0.667, 0.089]), json!([["spark.locality.wait", null, "10s"]])),
        ("executor-lost", json!(["warning", "executor 2", null, 0.006]), overhead),
        ("executor-excluded", json!(["info", "executor 2", null, null]), json!([])),
        ("waiting-for-executors", json!(["warning", "application", 3.917, null]), json!([])),
        (
            "idle-cores",
            json!(["warning", "application", null, 37.667]),
            json!([["spark.executor.instances", "20", "3"], dynamic]),
        ),
        ("driver-only", json!(["warning", "application", 64.0, 8.533]), json!([dynamic])),
        ("many-small-jobs", json!(["warning", "application", 3.633, null]), json!([])),
        ("executor-imbalance", json!(["info", "executor 1", 10.0, null]), json!([])),
        (
            "events-dropped",
            json!(["warning", "application", null, null]),
            json!([["spark.scheduler.listenerbus.eventqueue.capacity", null, "40000"]]),
        ),
        ("log-damaged", json!(["info", "application", null, null]), json!([])),
    ];
    for (rule, told, advised) in all {
        let f = one(rule);
        assert_eq!((gist(&f), settings(&f)), (told, advised), "{rule}: {f}");
    }
}

#[test]
fn numbers_are_those_of_the_log() {
    let all = [
        ("application-failed", "error", json!("java.lang.OutOfMemoryError: Java heap space")),
        ("application-failed", "kind of error", json!("out of memory")),
        ("application-failed", "failed tasks of it", json!(4)),
        ("job-failed", "jobs that failed so", json!(2)),
        ("query-failed", "queries that failed so", json!(1)),
        ("stage-retried", "run time of its tasks", json!(159_920)),
        ("fetch-failure", "failed fetches", json!(2)),
        ("fetch-failure", "executor that should have served", json!("2")),
        ("fetch-failure", "its host", json!("host-2")),
        ("fetch-failure", "stage attempts that ran for it", json!(2)),
        ("task-failures", "tasks that failed so", json!(3)),
        ("commit-denied", "denied commits", json!(6)),
        ("task-skew", "longest over median", json!(15.0)),
        ("task-skew", "shuffle read of the longest task, remote", json!(600 << 20)),
        ("task-skew", "bytes of the median task", json!(24 << 20)),
        ("straggler", "its garbage collection", json!(60_000)),
        ("slow-host", "times as long as elsewhere", json!(4.0)),
        ("too-few-tasks", "tasks that could run at once", json!(8)),
        ("small-tasks", "median task", json!(400)),
        ("small-tasks", "share of their time", json!(0.75)),
        ("large-partition", "bytes of the largest task", json!(7i64 << 30)),
        ("large-partition", "it spills to disk", json!(2i64 << 30)),
        ("scheduler-delay", "share of the tasks' time", json!(0.525)),
        ("large-result", "results", json!(960 << 20)),
        ("speculation-waste", "time of killed tasks", json!(144_000)),
        ("speculation-waste", "done first", json!(0)),
        ("locality-miss", "median task far from its data", json!(12_000)),
        (
            "executor-lost",
            "first reason",
            json!("The executor with id 2 exited with exit code 137(SIGKILL, possible container OOM)."),
        ),
        ("executor-lost", "time of these tasks", json!(20_000)),
        ("executor-excluded", "failed tasks", json!(2)),
        ("waiting-for-executors", "time with stages and without executors", json!(235_000)),
        ("idle-cores", "time in which they ran tasks", json!(300 * 60_000)),
        ("driver-only", "time without an active stage", json!(64 * 60_000)),
        ("many-small-jobs", "jobs", json!(520)),
        ("executor-imbalance", "task time over that of the median executor", json!(2.0)),
        ("events-dropped", "tasks of complete stages without end", json!(3)),
        ("log-damaged", "damaged lines", json!(2)),
    ];
    let mut told: std::collections::BTreeMap<&str, Value> = std::collections::BTreeMap::new();
    for (rule, name, value) in all {
        let f = told.entry(rule).or_insert_with(|| one(rule));
        assert_eq!(evidence(f, name), &value, "{rule}: {name}");
    }
}

#[test]
fn a_driver_that_went_long_ago_is_told() {
    let dir = logs::folder();
    let place = dir.path().join("app-20261121000140-0001.inprogress");
    fs::copy(log("driver-lost"), &place).unwrap();
    assert!(findings(&place).iter().all(|f| f["rule"] != "driver-lost"), "it may still run");
    let file = File::options().write(true).open(&place).unwrap();
    let long_ago = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(7 * 3600);
    file.set_modified(long_ago).unwrap();
    let told = of("driver-lost", &place);
    assert_eq!((told.len(), gist(&told[0])), (1, json!(["critical", "application", 0.417, 0.056])));
    assert_eq!(evidence(&told[0], "jobs that were running"), &json!(1));
}

#[test]
fn a_real_application_with_many_failures_is_told_of_each_once() {
    let place = logs::case("3.5.9", "fail-job");
    let all = findings(&place);
    let failures: Vec<&Value> = all.iter().filter(|f| f["family"] == "failures").collect();
    let told: Vec<Value> = failures.iter().map(|f| json!([f["rule"], f["severity"], f["where"]["text"]])).collect();
    let expected = [
        json!(["fetch-failure", "warning", "stage 7.0"]),
        json!(["task-failures", "warning", "stage 0.0"]),
        json!(["job-failed", "warning", "job 3"]),
        json!(["job-failed", "warning", "job 4"]),
    ];
    assert_eq!(told, expected);
}
