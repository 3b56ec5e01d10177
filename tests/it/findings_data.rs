//! Findings about memory, shuffles, files, SQL and settings: a log for each rule, which triggers it and no other of its
//! family. What is expected is in `tests/findings/data.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::logs;
use crate::server::{TestServer, afterglow, run, stderr, stdout};

const FAMILIES: [&str; 5] = ["memory", "shuffle", "files", "sql", "settings"];

fn findings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/findings")
}

/// What the binary finds in logs, by application.
fn judged(logs: &[PathBuf]) -> BTreeMap<String, Vec<Value>> {
    let mut args = vec!["findings", "--json"];
    args.extend(logs.iter().map(|l| l.to_str().unwrap()));
    let out = run(&args);
    assert!(out.status.success(), "{}", stderr(&out));
    let all: Vec<Value> = serde_json::from_str(&stdout(&out)).unwrap();
    let mut by_app: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for finding in all {
        by_app.entry(finding["app_id"].as_str().unwrap().to_owned()).or_default().push(finding);
    }
    by_app
}

/// What of a finding must not change: evidence by name, without where it is.
fn essence(finding: &Value) -> Value {
    let evidence = finding["evidence"].as_array().unwrap().iter();
    let evidence: Vec<Value> = evidence.map(|e| json!([e["name"], e["value"], e["unit"]])).collect();
    let advice = finding["advice"].as_array().unwrap().iter();
    let advice: Vec<Value> = advice
        .map(|a| match a["text"].as_str() {
            Some(text) => json!(text),
            None => json!([a["key"], a["current"], a["suggested"]]),
        })
        .collect();
    json!({
        "rule": finding["rule"],
        "severity": finding["severity"],
        "sure": finding["sure"],
        "where": finding["where"]["text"],
        "summary": finding["summary"],
        "evidence": evidence,
        "minutes": rounded(&finding["at_stake"]["minutes"]),
        "core_hours": rounded(&finding["at_stake"]["core_hours"]),
        "gib_hours": rounded(&finding["at_stake"]["gib_hours"]),
        "advice": advice,
    })
}

fn rounded(value: &Value) -> Value {
    value.as_f64().map_or(Value::Null, |v| json!((v * 1000.0).round() / 1000.0))
}

#[test]
fn each_log_triggers_its_rule_and_no_other_of_its_family() {
    let file = findings().join("data.json");
    let expected: BTreeMap<String, Value> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let logs: Vec<PathBuf> = expected.keys().map(|rule| findings().join("logs").join(format!("{rule}.zst"))).collect();
    let all = judged(&logs);
    let mut got = BTreeMap::new();
    for (rule, wanted) in &expected {
        let found = all.get(wanted["app"].as_str().unwrap_or_default()).map(Vec::as_slice).unwrap_or_default();
        let family = found.iter().find(|f| f["rule"] == rule.as_str()).map(|f| f["family"].clone());
        let of_family: Vec<Value> =
            found.iter().filter(|f| Some(&f["family"]) == family.as_ref()).map(essence).collect();
        assert!(of_family.iter().all(|f| f["rule"] == rule.as_str()), "{rule}: others of its family: {of_family:#?}");
        got.insert(rule.clone(), json!({ "app": wanted["app"], "findings": of_family }));
    }
    if std::env::var_os("AFTERGLOW_WRITE_EXPECTED").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&got).unwrap() + "\n").unwrap();
    }
    for (rule, wanted) in &expected {
        assert!(!got[rule]["findings"].as_array().unwrap().is_empty(), "{rule} found nothing");
        assert_eq!(&got[rule], wanted, "{rule}");
    }
}

/// Of ours, what real logs of real trouble have, and what those without have not.
#[test]
fn real_logs_have_what_they_were_made_to_have() {
    for (version, case, wanted) in [
        ("4.3.0", "gc", &["gc-pressure"][..]),
        ("3.5.9", "spill", &["spill"]),
        ("3.5.9", "sql", &[]),
        ("4.3.0", "sql", &[]),
        ("3.5.9", "python-ml", &[]),
        ("3.5.9", "exec-dynalloc", &[]),
        ("4.3.0", "streaming-rocksdb", &[]),
    ] {
        let all = judged(&[logs::case(version, case)]);
        let ours = all.values().flatten().filter(|f| FAMILIES.contains(&f["family"].as_str().unwrap()));
        let mut rules: Vec<&str> = ours.map(|f| f["rule"].as_str().unwrap()).collect();
        rules.dedup();
        assert_eq!(rules, wanted, "{version}/{case}");
    }
}

/// What only container logs tell, over REST; each number is where its evidence says.
#[test]
fn container_logs_tell_of_pauses_and_mappings() {
    let dir = logs::folder();
    let app = "app-20260102000000-0002";
    let events = dir.path().join("events");
    std::fs::create_dir(&events).unwrap();
    std::fs::copy(findings().join("logs/executor-memory-low.zst"), events.join(format!("{app}.zstd"))).unwrap();
    let zgc = "\
[0.003s][info   ][gc,init] Initializing The Z Garbage Collector
[0.003s][warning][gc,init] max Java heap size (131072M). Please adjust /proc/sys/vm/max_map_count to allow for at
[0.003s][warning][gc,init] least 235929 mappings (current limit is 65530). Continuing execution with the current
";
    let g1 = "\
[0.010s][info][gc] Using G1
[20.500s][info][gc] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 900M->850M(1024M) 500.250ms
[62.000s][info][gc] GC(1) Pause Full (G1 Compaction Pause) 1000M->990M(1024M) 12000.000ms
[99.000s][info][gc] GC(2) Pause Young (Normal) (G1 Evacuation Pause) 995M->991M(1024M) 20.000ms
";
    for (executor, text) in [("0", zgc), ("1", g1)] {
        let place = dir.path().join("containers").join(app).join(executor);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("stdout"), text).unwrap();
    }
    let store = dir.path().join("store");
    let containers = dir.path().join("containers");
    let args = ["ingest", "--once", "--store", store.to_str().unwrap(), "--logs", events.to_str().unwrap()];
    let out = afterglow(&args).args(["--container-logs", containers.to_str().unwrap()]).output().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    let server = TestServer::history(&store);
    let all = server.json(&format!("/api/afterglow/v1/applications/{app}/findings"));
    let of = |rule: &str| {
        let mut found = all.as_array().unwrap().iter().filter(|f| f["rule"] == rule);
        let one = found.next().unwrap_or_else(|| panic!("no {rule}: {all:#}"));
        assert!(found.next().is_none(), "{rule} twice");
        one
    };
    let pauses = of("jvm-pauses");
    let summary = "the JVM of 1 stood still for 12.5 s in 3 pauses, 13 % of its time, 12.0 s at once";
    assert_eq!((pauses["summary"].as_str(), &pauses["severity"]), (Some(summary), &json!("warning")));
    assert_eq!(pauses["where"]["executor"], "1");
    let mappings = of("memory-mappings");
    assert!(mappings["summary"].as_str().unwrap().starts_with("ZGC may need 235929 mappings"), "{mappings}");
    assert_eq!(mappings["where"]["executor"], "0");
    for evidence in [pauses, mappings].iter().flat_map(|f| f["evidence"].as_array().unwrap()) {
        if let (Some(path), Some(pointer)) = (evidence["path"].as_str(), evidence["pointer"].as_str()) {
            assert_eq!(server.json(path).pointer(pointer), Some(&evidence["value"]), "{evidence}");
        }
    }
}
