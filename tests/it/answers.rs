//! All that a server says of an application, to be held against what another says of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rules::Rules;
use crate::server::TestServer;

const PATHS: [&str; 11] = [
    "",
    "/jobs",
    "/stages?details=true&withSummaries=true",
    "/executors",
    "/allexecutors",
    "/sql?details=true&planDescription=true&length=100000",
    "/storage/rdd",
    "/environment",
    "/allmiscellaneousprocess",
    "/connect/sessions",
    "/connect/operations",
];

/// Answers by path below the application's.
pub type Answers = BTreeMap<String, Value>;

/// Every list of an application, and the tasks of every stage.
pub fn all(server: &TestServer, app: &str) -> Answers {
    at(server, &format!("/api/v1/applications/{app}"))
}

/// The same of the application at `base`, which a cluster may be part of.
pub fn at(server: &TestServer, base: &str) -> Answers {
    let get = |path: &str| server.json(&format!("{base}{path}"));
    let mut out: Answers = PATHS.iter().map(|p| ((*p).to_owned(), get(p))).collect();
    for stage in get("/stages").as_array().expect("stages") {
        let stage = format!("/stages/{}/{}", stage["stageId"], stage["attemptId"]);
        for path in [format!("{stage}/taskList?length=100000"), format!("{stage}/taskSummary")] {
            let response = server.get(&format!("{base}{path}"));
            // A stage that never ran a task has no summary.
            let body = serde_json::from_slice(&response.body).unwrap_or_else(|_| Value::String(response.text()));
            out.insert(path, json!([response.status, body]));
        }
    }
    out
}

/// Fails the test where the two differ, but for where the log lies and when it was written.
pub fn assert_equal(what: &str, expected: &Answers, got: &Answers) {
    let rules = [json!({
        "url": "", "json": r"\$.*\.(logSource(Name|FullPath)|lastUpdated(Epoch)?)", "op": "ignore",
        "why": "another file, written at another time",
    })];
    let rules = Rules::new(&rules, BTreeMap::new());
    let paths: Vec<&String> = expected.keys().collect();
    assert_eq!(paths, got.keys().collect::<Vec<_>>(), "{what}: stages");
    let differences: Vec<String> = expected
        .iter()
        .flat_map(|(path, a)| rules.differences(path, a, &got[path]).into_iter().map(move |d| format!("{path} {d}")))
        .collect();
    assert!(
        differences.is_empty(),
        "{what}: {} differences\n{}",
        differences.len(),
        differences[..differences.len().min(20)].join("\n")
    );
}

/// The same answers under another application id.
pub fn renamed(answers: &Answers, id: &str, to: &str) -> Answers {
    let text = serde_json::to_string(answers).expect("JSON").replace(id, to);
    serde_json::from_str(&text).expect("JSON")
}
