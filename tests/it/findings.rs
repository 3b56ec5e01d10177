//! What the rules say about every log there is, and that the numbers they rest on are those that REST gives.
//!
//! `tests/findings/expected.txt` has a line for each finding, and for each thing that is not known, on the logs of `tests/logs` and `tests/findings/logs`; logs about which
//! nothing is found are named there, too. With `AFTERGLOW_UPDATE=1` the test writes it anew, for somebody to read the difference.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::logs;
use crate::server::{self, TestServer};

/// Where logs that were made for a rule lie, a file each.
fn made() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/findings/logs");
    let mut all: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|f| f.path()).collect();
    all.sort();
    all
}

/// A store with every log in a cluster of its own, named after the case.
fn store(folder: &Path) -> PathBuf {
    let mut sources = Vec::new();
    for version in logs::VERSIONS {
        sources
            .extend(logs::cases(version).iter().map(|c| format!("{c}-{version}={}", logs::case(version, c).display())));
    }
    for log in made() {
        let name = log.file_stem().unwrap().to_string_lossy().into_owned();
        let alone = folder.join("made").join(&name);
        fs::create_dir_all(&alone).unwrap();
        let copy = alone.join(log.file_name().unwrap());
        fs::copy(&log, &copy).unwrap();
        // What nobody writes to any more has no end to come.
        let old = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::options().write(true).open(&copy).unwrap().set_modified(old).unwrap();
        sources.push(format!("made-{name}={}", alone.display()));
    }
    let store = folder.join("store");
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let out = server::ingest(&store, &sources);
    // Some logs are damaged on purpose.
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", server::stderr(&out));
    store
}

/// Paths of all attempts with the cluster that they are of.
fn attempts(server: &TestServer) -> Vec<(String, String)> {
    let all = server.json("/api/afterglow/v1/applications?length=1000");
    let all = all["applications"].as_array().unwrap();
    let path = |a: &Value| {
        let text = |key: &str| a[key].as_str().unwrap_or("-").to_owned();
        (text("cluster"), format!("{}/{}/{}", text("cluster"), text("id"), text("attemptId")))
    };
    all.iter().map(path).collect()
}

#[test]
fn findings_on_all_logs_are_those_that_were_looked_at_and_rest_on_what_rest_says() {
    let folder = logs::folder();
    let server = TestServer::history(&store(folder.path()));
    let (mut lines, mut bases) = (BTreeSet::new(), BTreeSet::new());
    for (cluster, path) in attempts(&server) {
        let findings = server.json(&format!("/api/afterglow/v1/applications/{path}/findings"));
        let findings = findings.as_array().unwrap();
        if findings.is_empty() {
            lines.insert(format!("{path}: nothing"));
        }
        let unknown = server.json(&format!("/api/afterglow/v1/applications/{path}/findings/not-known"));
        for n in unknown.as_array().unwrap() {
            let of = |key: &str| n[key].as_str().unwrap().to_owned();
            let also: Vec<&str> = n["also"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
            let also = if also.is_empty() { String::new() } else { format!(" and {}", also.join(", ")) };
            assert!(!of("remedy").is_empty());
            lines.insert(format!("{path}: not known to {}{also}: {}", of("rule"), of("what")));
        }
        assert!(unknown.as_array().unwrap().len() <= 5, "{path}: {unknown}");
        for f in findings {
            assert_eq!(f["cluster"], cluster.as_str());
            let text = |v: &Value| v.as_str().unwrap().to_owned();
            let (rule, severity, place) = (text(&f["rule"]), text(&f["severity"]), text(&f["where"]["text"]));
            lines.insert(format!("{path}: {severity} {rule}, {place}: {}", text(&f["summary"])));
            for e in f["evidence"].as_array().unwrap().iter().filter(|e| !e["path"].is_null()) {
                resolves(&server, e, &format!("{path} {rule}"));
            }
            // What was computed leads to what it was computed from.
            for e in f["evidence"].as_array().unwrap().iter().filter(|e| e["path"].is_null()) {
                let from = e["computed_from"].as_str().unwrap_or_else(|| panic!("{path} {rule}: {e} is from nowhere"));
                if bases.insert(from.to_owned()) {
                    server.json(from);
                }
            }
        }
    }
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/findings/expected.txt");
    let found: String = lines.iter().map(|l| format!("{l}\n")).collect();
    if std::env::var("AFTERGLOW_UPDATE").is_ok() {
        fs::create_dir_all(expected.parent().unwrap()).unwrap();
        fs::write(&expected, &found).unwrap();
        return;
    }
    let expected = fs::read_to_string(&expected).unwrap();
    let (expected, found): (BTreeSet<_>, BTreeSet<_>) = (expected.lines().collect(), found.lines().collect());
    let new: Vec<_> = found.difference(&expected).collect();
    let gone: Vec<_> = expected.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "found, and not expected: {new:#?}\nexpected, and not found: {gone:#?}");
}

/// A number of a finding is the one that REST has in its place.
fn resolves(server: &TestServer, evidence: &Value, of: &str) {
    let (path, pointer) = (evidence["path"].as_str().unwrap(), evidence["pointer"].as_str().unwrap());
    let answer = server.json(path);
    let there = answer.pointer(pointer).unwrap_or_else(|| panic!("{of}: {path} has no {pointer}"));
    let same = match (there.as_f64(), evidence["value"].as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => there == &evidence["value"],
    };
    assert!(same, "{of}: {path}{pointer} is {there}, and the finding says {}", evidence["value"]);
}
