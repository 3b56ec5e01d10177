//! What rules found, where lists and tables tell of it: the same as each application's own answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::logs;
use crate::server::{self, TestServer};

const OURS: &str = "/api/afterglow/v1";
const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn of(app: &Value) -> String {
    let attempt = app["attemptId"].as_str().map(|a| format!("/{a}")).unwrap_or_default();
    format!("{OURS}/clusters/{}/applications/{}{attempt}", text(app, "cluster"), text(app, "id"))
}

#[test]
fn lists_facets_and_tables_tell_what_was_found() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let cases = [("4.3.0", "gc"), ("4.3.0", "fail-job"), ("4.3.0", "sql"), ("3.5.9", "spill")];
    let sources: Vec<String> =
        cases.iter().enumerate().map(|(i, (v, c))| format!("c{i}={}", logs::case(v, c).display())).collect();
    server::ingest(&store, &sources.iter().map(String::as_str).collect::<Vec<_>>());
    let server = TestServer::history(&store);

    // Each application in the list has as many as it tells itself.
    let all = server.json(&format!("{OURS}/applications?length=1000"));
    let mut worst: BTreeMap<String, i64> = BTreeMap::new();
    let mut told: Vec<Value> = Vec::new();
    for app in list(&all["applications"]) {
        let findings = server.json(&format!("{}/findings", of(app)));
        let count = |severity: &str| list(&findings).iter().filter(|f| text(f, "severity") == severity).count();
        let counts: BTreeMap<&str, usize> = SEVERITIES.into_iter().map(|s| (s, count(s))).collect();
        assert_eq!(app["findings"], json!(counts), "{}", app["id"]);
        let severest = SEVERITIES.into_iter().find(|s| counts[s] > 0).unwrap_or("none");
        *worst.entry(severest.to_owned()).or_default() += 1;
        told.extend(list(&findings).iter().cloned());
    }
    assert!(told.iter().any(|f| text(f, "rule") == "gc-pressure"), "{told:?}");

    // Facets count them, the severest first, and a filter gives as many as its facet says.
    let facets = server.json(&format!("{OURS}/applications/facets"));
    let order = ["critical", "warning", "info", "none"].into_iter().filter(|s| worst.contains_key(*s));
    let expected: Vec<Value> = order.map(|s| json!({ "value": s, "count": worst[s] })).collect();
    assert_eq!(facets["findings"], json!(expected));
    for (severity, count) in &worst {
        let page = server.json(&format!("{OURS}/applications?findings={severity}"));
        assert_eq!(page["total"], json!(count), "{severity}");
        let narrowed = server.json(&format!("{OURS}/applications/facets?findings={severity}"));
        assert_eq!(narrowed["findings"], json!(expected), "its own filter does not count");
        let statuses: i64 = list(&narrowed["status"]).iter().filter_map(|f| f["count"].as_i64()).sum();
        assert_eq!(statuses, *count, "{severity}");
    }
    // The worst come first, a critical before any number of warnings.
    let sorted = server.json(&format!("{OURS}/applications?sort=-findings&length=1000"));
    let order: Vec<[i64; 3]> = list(&sorted["applications"])
        .iter()
        .map(|a| SEVERITIES.map(|s| a["findings"][s].as_i64().unwrap_or_default()))
        .collect();
    assert!(order.is_sorted_by(|a, b| a >= b) && order.first() > order.last(), "{order:?}");
    let both = server.json(&format!("{OURS}/applications/facets?cluster=c0"));
    let in_cluster: i64 = list(&both["findings"]).iter().filter_map(|f| f["count"].as_i64()).sum();
    assert_eq!(json!(in_cluster), server.json(&format!("{OURS}/applications?cluster=c0"))["total"]);

    // The table has the same findings, out of files.
    let statement = "SELECT app_id, rule, family, severity, sure, place, summary, evidence, advice FROM findings";
    let body = json!({ "query": statement }).to_string();
    let answer = server.client().send("POST", &format!("{OURS}/sql"), body.as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let parsed = |v: &Value| serde_json::from_str::<Value>(v.as_str().unwrap()).unwrap();
    let mut rows: Vec<String> = list(&answer["rows"])
        .iter()
        .map(|r| json!([r[0], r[1], r[2], r[3], r[4], r[5], r[6], parsed(&r[7]), parsed(&r[8])]).to_string())
        .collect();
    let mut expected: Vec<String> = told
        .iter()
        .map(|f| {
            let place = &f["where"]["text"];
            let keys = ["app_id", "rule", "family", "severity", "sure"].map(|k| f[k].clone());
            let [app, rule, family, severity, sure] = keys;
            json!([app, rule, family, severity, sure, place, f["summary"], f["evidence"], f["advice"]]).to_string()
        })
        .collect();
    rows.sort();
    expected.sort();
    assert_eq!(rows, expected);
    assert!(store.join("fleet/findings").is_dir());
}

#[test]
fn the_catalogue_has_each_rule_and_its_page() {
    let dir = logs::folder();
    let server = TestServer::serve(dir.path()).logs(dir.path().to_str().unwrap()).start();
    let all = server.json(&format!("{OURS}/rules"));
    assert!(!list(&all).is_empty());
    for rule in list(&all) {
        let one = server.json(&format!("{OURS}/rules/{}", text(rule, "name")));
        assert_eq!([&one["name"], &one["family"], &one["title"]], [&rule["name"], &rule["family"], &rule["title"]]);
        assert!(text(&one, "page").starts_with(&format!("# {}\n", text(rule, "name"))), "{one}");
    }
    let none = server.get(&format!("{OURS}/rules/no-such-rule"));
    assert_eq!(none.status, 404);
    let said: Value = serde_json::from_slice(&none.body).unwrap();
    assert!(text(&said, "error").contains("no-such-rule"), "{said}");
}
