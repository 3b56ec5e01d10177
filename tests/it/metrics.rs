//! `/metrics`: a real Prometheus reads it, its numbers are those of the API, and the documentation has every name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use regex::Regex;
use serde_json::Value;

use crate::http::Client;
use crate::logs;
use crate::prometheus::{self, Prometheus};
use crate::server::{TestServer, afterglow, eventually};

/// Series of a page: name with labels as it is written, and value.
pub fn series(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|l| !l.starts_with('#'));
    let pair = |l: &str| l.rsplit_once(' ').map(|(name, value)| (name.to_owned(), value.parse().unwrap()));
    lines.map(|l| pair(l).unwrap_or_else(|| panic!("no series: {l}"))).collect()
}

/// Sum of the series of a name whose labels have all these texts.
pub fn sum(page: &str, name: &str, labels: &[&str]) -> f64 {
    let all = series(page);
    let of_name = all.iter().filter(|(s, _)| s.split('{').next() == Some(name));
    of_name.filter(|(s, _)| labels.iter().all(|l| s.contains(l))).map(|(_, v)| v).sum()
}

fn page(server: &TestServer) -> String {
    let response = server.get("/metrics");
    assert_eq!(response.status, 200, "{}", response.text());
    response.text()
}

/// Waits for what the catalog is asked for every few seconds only.
fn page_with(server: &TestServer, what: &str, fits: impl Fn(&str) -> bool) -> String {
    let mut last = String::new();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while std::time::Instant::now() < deadline {
        last = page(server);
        if fits(&last) {
            return last;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("never {what}:\n{last}");
}

/// The present, by which the server tells what was over within the hour.
#[expect(clippy::disallowed_methods, reason = "the server under test asks the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since the epoch.
fn epoch(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}

/// A log whose application ended just now.
fn ended_now(log: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(log);
    let end = Regex::new(r#"("Event":"SparkListenerApplicationEnd","Timestamp":)\d+"#).unwrap();
    assert!(end.is_match(&text));
    end.replace(&text, format!("${{1}}{}", epoch(now()))).into_owned().into_bytes()
}

/// A log up to half of its tasks.
fn half(log: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    lines[..lines.len() / 2].concat()
}

fn total(all: &Value, number: impl Fn(&Value) -> i64) -> f64 {
    all.as_array().unwrap().iter().map(number).sum::<i64>() as f64
}

#[test]
fn numbers_are_those_of_the_api_and_prometheus_reads_them() {
    let dir = logs::folder();
    let (fleet, other) = (dir.path().join("fleet"), dir.path().join("other"));
    fs::create_dir_all(&fleet).unwrap();
    fs::create_dir_all(&other).unwrap();
    // Two that ended just now, one that failed just now, one that runs, one that is lost, one of long ago with a bad line.
    let (spill, log) = logs::plain("3.5.9", "spill");
    fs::write(fleet.join(&spill), ended_now(&log)).unwrap();
    let (stumbled, log) = logs::plain("3.5.9", "fail-job");
    fs::write(fleet.join(&stumbled), ended_now(&log)).unwrap();
    let failed = "local-1795220906832".to_owned();
    let log = fs::read(logs::case("3.5.9", "users").join(&failed)).unwrap();
    fs::write(fleet.join(&failed), ended_now(&log)).unwrap();
    let (running, log) = logs::plain("4.3.0", "many-jobs");
    fs::write(fleet.join(format!("{running}.inprogress")), half(&log)).unwrap();
    let (lost, log) = logs::plain("3.5.9", "many-jobs");
    fs::write(fleet.join(format!("{lost}.inprogress")), half(&log)).unwrap();
    let quiet = now() - Duration::from_secs(7 * 3600);
    File::options().write(true).open(fleet.join(format!("{lost}.inprogress"))).unwrap().set_modified(quiet).unwrap();
    let (old, log) = logs::plain("3.5.9", "gc");
    fs::write(other.join(&old), [&log[..], b"this is no event\n"].concat()).unwrap();

    let server = TestServer::serve(&dir.path().join("store"))
        .logs(&format!("fleet={}", fleet.display()))
        .env("AFTERGLOW_RETENTION__SIZE", "1GB");
    let server = server.logs(&format!("other={}", other.display())).start();
    let page = page_with(&server, "indexed", |p| {
        sum(p, "afterglow_applications", &[]) == 6.0
            && sum(p, "afterglow_ended_applications", &[]) == 4.0
            && sum(p, "afterglow_ingest_logs_unchanged_total", &[]) > 0.0
            && sum(p, "afterglow_search_lag_changes", &[]) == 0.0
            && sum(p, "afterglow_source_up", &[]) == 2.0
    });

    // What the catalog knows.
    let is = |name: &str, labels: &[&str], expected: f64| {
        assert_eq!(sum(&page, name, labels), expected, "{name} {labels:?}\n{page}")
    };
    for (cluster, outcome, n) in [
        ("fleet", "completed", 2.0),
        ("fleet", "failed", 1.0),
        ("fleet", "running", 1.0),
        ("fleet", "lost", 1.0),
        ("other", "completed", 1.0),
    ] {
        let labels = [format!("cluster=\"{cluster}\""), format!("outcome=\"{outcome}\"")];
        is("afterglow_applications", &labels.each_ref().map(String::as_str), n);
    }
    for (outcome, n) in [("completed", 2.0), ("failed", 1.0), ("lost", 1.0)] {
        is("afterglow_ended_applications", &["cluster=\"fleet\"", &format!("outcome=\"{outcome}\"")], n);
    }
    is("afterglow_ended_applications", &["cluster=\"other\""], 0.0);
    assert!(page.contains("afterglow_ended_applications{cluster=\"other\",outcome=\"failed\"} 0.0"), "{page}");
    let list = server.json("/api/afterglow/v1/applications?limit=100");
    let sizes = |key: &str| total(&list["applications"], |a| a[key].as_i64().unwrap());
    is("afterglow_log_bytes", &[], sizes("logSize"));
    let stages = |app: &str| server.json(&format!("/api/v1/applications/{app}/stages"));
    let of_ended = |key: &str| {
        [&spill, &stumbled, &failed, &lost]
            .map(|app| total(&stages(app), |s| s[key].as_i64().unwrap()))
            .iter()
            .sum::<f64>()
    };
    is("afterglow_ended_task_seconds", &["cluster=\"fleet\""], of_ended("executorRunTime") / 1000.0);
    is("afterglow_ended_gc_seconds", &["cluster=\"fleet\""], of_ended("jvmGcTime") / 1000.0);
    is("afterglow_ended_spilled_bytes", &["cluster=\"fleet\"", "measured=\"memory\""], of_ended("memoryBytesSpilled"));
    is("afterglow_ended_spilled_bytes", &["cluster=\"fleet\"", "measured=\"disk\""], of_ended("diskBytesSpilled"));
    is("afterglow_ended_failed_tasks", &["cluster=\"fleet\""], of_ended("numFailedTasks"));
    assert!(of_ended("diskBytesSpilled") > 0.0 && of_ended("numFailedTasks") > 0.0, "these logs show nothing");
    let executors = server.json(&format!("/api/v1/applications/{running}/executors"));
    let with_cores = |e: &Value| e["totalCores"].as_i64().unwrap();
    is("afterglow_running_applications", &[], 1.0);
    is("afterglow_running_executors", &["cluster=\"fleet\""], total(&executors, |e| i64::from(with_cores(e) > 0)));
    is("afterglow_running_cores", &["cluster=\"fleet\""], total(&executors, with_cores));
    assert!(total(&executors, with_cores) > 0.0, "this log shows nothing");
    is(
        "afterglow_running_failed_tasks",
        &["cluster=\"fleet\""],
        total(&stages(&running), |s| s["numFailedTasks"].as_i64().unwrap()),
    );
    let kept: u64 =
        crate::restart::objects(&dir.path().join("store")).iter().map(|f| fs::metadata(f).unwrap().len()).sum();
    is("afterglow_store_bytes", &[], kept as f64);
    is("afterglow_store_parts", &[], crate::restart::objects(&dir.path().join("store")).len() as f64);
    is("afterglow_store_limit_bytes", &[], 1e9);

    // What was counted.
    is("afterglow_ingest_logs_found_total", &[], 6.0);
    is("afterglow_ingest_logs_done_total", &[], 6.0);
    let read = |f: &Path| fs::read_dir(f).unwrap().map(|f| fs::read(f.unwrap().path()).unwrap()).collect::<Vec<_>>();
    let lines = [&fleet, &other].into_iter().flat_map(|f| read(f)).flatten().filter(|b| *b == b'\n').count();
    is("afterglow_ingest_events_total", &[], (lines - 1) as f64);
    let bytes: u64 = [&fleet, &other]
        .iter()
        .flat_map(|f| fs::read_dir(f).unwrap())
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    is("afterglow_ingest_read_bytes_total", &[], bytes as f64);
    is("afterglow_ingest_plain_bytes_total", &[], bytes as f64);
    is("afterglow_ingest_damage_total", &["kind=\"line\""], 1.0);
    is("afterglow_ingest_damage_total", &[], 1.0);
    is("afterglow_ingest_failures_total", &[], 0.0);
    is("afterglow_ingest_lag_seconds", &[], 0.0);
    is("afterglow_ingest_logs_waiting", &[], 0.0);
    is("afterglow_source_logs", &["state=\"indexed\""], 4.0);
    is("afterglow_source_logs", &["state=\"live\""], 2.0);
    is("afterglow_source_logs_with_problems", &[], 1.0);
    is("afterglow_followed_applications", &[], 2.0);
    is("afterglow_catalog_up", &[], 1.0);

    // Requests by template, never by path; statements by how they ended.
    let sql = |statement: &str| {
        let body = serde_json::json!({ "query": statement }).to_string();
        server.client().send("POST", "/api/afterglow/v1/sql", body.as_bytes()).unwrap().status
    };
    assert_eq!((sql("SELECT count(*) FROM applications"), sql("SELECT nothing FROM nowhere")), (200, 400));
    let route = "route=\"/api/v1/applications/{app}/jobs\"";
    let before = sum(&page, "afterglow_http_requests_total", &[route]);
    for _ in 0..3 {
        server.json(&format!("/api/v1/applications/{spill}/jobs"));
    }
    server.get("/api/v1/applications/nobody/jobs");
    server.get("/no/such/path");
    let after = page_with(&server, "there", |p| p.contains("afterglow_sql_statements_total"));
    assert_eq!(sum(&after, "afterglow_http_requests_total", &[route, "status=\"2xx\""]), before + 3.0, "{after}");
    assert_eq!(sum(&after, "afterglow_http_requests_total", &[route, "status=\"4xx\""]), 1.0);
    assert_eq!(sum(&after, "afterglow_http_request_duration_seconds_count", &[route]), before + 4.0);
    assert_eq!(sum(&after, "afterglow_http_requests_total", &["route=\"unknown\""]), 1.0);
    for (outcome, n) in [("ok", 1.0), ("refused", 1.0), ("timeout", 0.0), ("busy", 0.0), ("failed", 0.0)] {
        assert_eq!(sum(&after, "afterglow_sql_statements_total", &[&format!("outcome=\"{outcome}\"")]), n, "{outcome}");
    }
    for id in [&spill, &stumbled, &failed, &running, &lost, &old] {
        assert!(!after.contains(id.as_str()), "{id} in\n{after}");
    }
    let alive = epoch(now()) as f64 / 1000.0;
    let started = sum(&after, "process_start_time_seconds", &[]);
    assert!((alive - 120.0..=alive + 1.0).contains(&started), "{started}");
    assert!(sum(&after, "process_resident_memory_bytes", &[]) > 1e6 && sum(&after, "process_open_fds", &[]) > 3.0);

    // The older format to a tool that checks it, the newer one to a real server.
    if let Some(checked) = prometheus::promtool(&["check", "metrics"], &after) {
        let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
        assert!(checked.status.success() && said.is_empty(), "{said}");
    }
    let Some(prometheus) = Prometheus::start(&[server.address]) else { return };
    eventually("scraped", 30, || prometheus.value("up{job=\"afterglow\"} == 1"));
    eventually("all of it", 30, || prometheus.value("sum(afterglow_ended_applications) == 4"));
    for name in [
        "afterglow_ingest_events_total",
        "afterglow_log_bytes",
        "afterglow_store_bytes",
        "afterglow_ended_task_seconds",
    ] {
        let got = prometheus.value(&format!("sum({name})"));
        assert!((got.unwrap() - sum(&after, name, &[])).abs() < 1e-6, "{name}: {got:?}");
    }
    let text = format!("afterglow_http_requests_total{{{route}, status=\"2xx\"}}");
    assert_eq!(prometheus.value(&text), Some(before + 3.0));
}

/// What a page says of each family: kind, help and label names.
fn families(page: &str) -> BTreeMap<String, (String, String, BTreeSet<String>)> {
    let mut all: BTreeMap<String, (String, String, BTreeSet<String>)> = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            all.entry(name.to_owned()).or_default().1 = help.to_owned();
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' ')) {
            all.entry(name.to_owned()).or_default().0 = kind.to_owned();
        }
    }
    let label = Regex::new(r#"([a-z_]+)=""#).unwrap();
    for series in series(page).keys() {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = ["", "_bucket", "_sum", "_count"]
            .iter()
            .find_map(|s| name.strip_suffix(s).filter(|n| all.contains_key(*n)));
        let family = family.unwrap_or_else(|| panic!("no family: {series}")).to_owned();
        let labels = label.captures_iter(labels).map(|c| c[1].to_owned()).filter(|l| l != "le");
        all.get_mut(&family).unwrap().2.extend(labels);
    }
    all
}

#[test]
fn the_documentation_has_every_metric_and_alerts_name_no_other() {
    let dir = logs::folder();
    let source = logs::case("3.5.9", "fail-job");
    let settings = dir.path().join("afterglow.toml");
    let all = "[[alerts.receiver]]\nname = \"team\"\n[[alerts.receiver.webhook]]\nurl = \"http://127.0.0.1:9/\"\n\
               [remediation]\nenabled = true\nendpoint_url = \"http://127.0.0.1:9\"\nregion = \"us-east-1\"\ninput_price = 1.0\noutput_price = 1.0\n";
    fs::write(&settings, all).unwrap();
    let server = TestServer::serve(&dir.path().join("store"))
        .logs(source.to_str().unwrap())
        .env("AFTERGLOW_CONFIG", settings.to_str().unwrap())
        .env("AFTERGLOW_RETENTION__SIZE", "1GB");
    let server = server.start();
    let page = page_with(&server, "indexed", |p| {
        sum(p, "afterglow_applications", &[]) > 0.0
            && p.contains("afterglow_source_last_listing")
            && p.contains("afterglow_source_logs{")
            && p.contains("afterglow_http_requests_total{")
    });
    let said = families(&page);
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `((?:afterglow|process)_[a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$").unwrap();
    let documented: BTreeMap<_, _> = row
        .captures_iter(&docs)
        .map(|c| {
            let labels =
                c[3].split(',').map(|l| l.trim().trim_matches('`').to_owned()).filter(|l| !l.is_empty()).collect();
            (c[1].to_owned(), (c[2].to_owned(), c[4].replace('`', ""), labels))
        })
        .collect();
    for (name, family) in &said {
        assert_eq!(documented.get(name), Some(family), "docs/metrics.md on {name}");
    }
    let only: Vec<_> = documented.keys().filter(|n| !said.contains_key(*n)).collect();
    assert!(only.is_empty(), "docs/metrics.md has {only:?}, which are not");

    let name = Regex::new(r"\bafterglow_[a-z_]+").unwrap();
    for file in ["afterglow-health", "afterglow-fleet"] {
        let rules =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("alerts/prometheus/{file}.yml")))
                .unwrap();
        for found in name.find_iter(&rules) {
            assert!(said.contains_key(found.as_str()), "{file}.yml asks for {}", found.as_str());
        }
    }
}

#[test]
fn example_alerts_are_rules_and_fire_when_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/prometheus");
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path().display().to_string()).collect();
    all.sort();
    let (tests, rules): (Vec<&str>, Vec<&str>) = all.iter().map(String::as_str).partition(|f| f.ends_with("_test.yml"));
    assert_eq!((tests.len(), rules.len()), (2, 2), "{all:?}");
    for args in [[&["check", "rules"][..], &rules].concat(), [&["test", "rules"][..], &tests].concat()] {
        let Some(checked) = prometheus::promtool(&args, "") else { return };
        let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
        assert!(checked.status.success(), "{args:?}: {said}");
    }
}

#[test]
fn a_process_that_only_indexes_has_metrics_where_it_is_told() {
    let dir = logs::folder();
    let store = dir.path().join("store").display().to_string();
    let source = logs::case("3.5.9", "users").display().to_string();
    let mut command = afterglow(&["ingest", "--store", &store, "--logs", &source]);
    command.env("AFTERGLOW_METRICS__LISTEN", "127.0.0.1:0").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|l| l.contains("metrics on http://")).expect("it says where");
    let address = line.split("http://").nth(1).unwrap().trim_end_matches("/metrics").parse().unwrap();
    let mut client = Client::new(address);
    let page = eventually("indexed", 60, || {
        let page = client.get("/metrics").ok()?.text();
        (sum(&page, "afterglow_applications", &[]) == 4.0).then_some(page)
    });
    assert!(page.contains("role=\"ingest\"") && !page.contains("afterglow_search_lag_changes"), "{page}");
    assert_eq!(client.get("/api/v1/applications").unwrap().status, 404);
    let _ = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(child.wait().unwrap().success());
}
