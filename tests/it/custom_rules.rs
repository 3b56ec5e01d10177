//! Rules of the settings, evaluated over a store of real logs.

use std::fs;

use serde_json::{Value, json};

use crate::logs::{self, case, lay};
use crate::server::{TestServer, eventually, ingest, run, stderr, stdout};

const RULES: &str = r#"
[[rule]]
name = "many-tasks"
sql = "SELECT app_name, CAST(tasks AS DOUBLE) AS value FROM applications"
when = "> 2"
severity = "critical"
labels = { team = "data" }
summary = "{{ labels.app_name }} ran {{ value }} tasks"

[[rule]]
name = "failed-jobs"
sql = "SELECT cluster, app_name FROM jobs WHERE status = 'FAILED' GROUP BY 1, 2"
for = "3m"

[[rule]]
name = "no-such-thing"
sql = "SELECT app_name, CAST(tasks AS DOUBLE) AS value FROM applications"
when = "> 1000000"

[[rule]]
name = "did-not-run"
[rule.missing]
app_name = "APP"
by = "06:00"

[[rule]]
name = "never-ran"
summary = "{{ labels.app_name }} is {{ value }} minutes late"
[rule.missing]
app_name = "yearly load"
by = "06:00"
"#;

#[test]
fn rules_of_the_settings_are_evaluated_over_the_fleet_tables() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let case = case("3.5.9", "codec-none");
    assert!(ingest(&store, &[case.to_str().unwrap()]).status.success());
    let row = |sql: &str| -> Value {
        let told = run(&["sql", sql, "--format", "json", "--store", store.to_str().unwrap()]);
        let answer: Value = serde_json::from_str(&stdout(&told)).unwrap_or_else(|e| panic!("{e}: {}", stderr(&told)));
        answer["rows"][0].clone()
    };
    let app = row("SELECT app_name, tasks, end_time FROM applications");
    let (name, tasks, end) = (app[0].as_str().unwrap(), app[1].as_i64().unwrap(), app[2].as_str().unwrap());
    assert!(tasks > 2);
    let file = dir.path().join("rules.toml");
    fs::write(&file, RULES.replace("APP", name)).unwrap();
    let args = |at: &str| {
        let told = run(&[
            "rules",
            "--json",
            "--at",
            at,
            "--config",
            file.to_str().unwrap(),
            "--store",
            store.to_str().unwrap(),
        ]);
        assert!(told.status.success(), "{}", stderr(&told));
        serde_json::from_str::<Vec<Value>>(&stdout(&told)).unwrap()
    };
    // At 06:00 of the day after its run, and of the day after that.
    let day = |after: u32| format!("2026-11-{:02}T06:00:00Z", end[8..10].parse::<u32>().unwrap() + after);
    let told = args(&day(if &end[11..13] < "06" { 0 } else { 1 }));
    let names: Vec<&str> = told.iter().map(|a| a["rule"].as_str().unwrap()).collect();
    assert_eq!(names, ["many-tasks", "never-ran"], "{told:?}");
    assert_eq!(told[0]["state"], "firing");
    assert_eq!(
        told[0]["labels"],
        json!({"alertname": "many-tasks", "app_name": name, "severity": "critical", "team": "data"})
    );
    assert_eq!(told[0]["annotations"]["summary"], format!("{name} ran {tasks} tasks"));
    assert_eq!(told[1]["annotations"]["summary"], "yearly load is 0 minutes late");
    let later = args(&day(2));
    assert_eq!(later.iter().filter(|a| a["rule"] == "did-not-run").count(), 1, "{later:?}");
    // The same labels are the same alert.
    assert_eq!(told[0]["fingerprint"], later[0]["fingerprint"]);
    fs::write(&file, "[[rule]]\nname = \"broken\"\nsql = \"SELECT nothing FROM applications\"\n").unwrap();
    let broken = run(&["rules", "--config", file.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(stderr(&broken).contains("rule broken: "), "{}", stderr(&broken));
}

#[test]
fn a_condition_must_hold_for_as_long_as_the_rule_says() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let case = logs::case("3.5.9", "fail-job");
    assert!(ingest(&store, &[case.to_str().unwrap()]).status.success());
    let file = dir.path().join("rules.toml");
    fs::write(&file, RULES).unwrap();
    let told = run(&["rules", "--config", file.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    assert!(
        stdout(&told).contains("failed-jobs: pending (fires after 180 s) {alertname=\"failed-jobs\""),
        "{}",
        stdout(&told)
    );
}

#[test]
fn what_rules_say_becomes_incidents_and_ends_with_their_condition() {
    let dir = logs::folder();
    let (logs, store) = (dir.path().join("logs"), dir.path().join("store"));
    fs::create_dir_all(&logs).unwrap();
    let file = dir.path().join("rules.toml");
    // Holds as long as there is one application alone.
    let rules = r#"
[[rule]]
name = "lonely"
sql = "SELECT cluster, CAST(count(*) AS DOUBLE) AS value FROM applications GROUP BY 1"
when = "< 2"
interval = "1s"
severity = "critical"
labels = { team = "data" }
summary = "{{ labels.cluster }} has {{ value }} application"
"#;
    fs::write(&file, rules).unwrap();
    lay(&case("3.5.9", "codec-none"), &logs, &|_| true);
    let server = TestServer::serve(&store)
        .logs(&format!("east={}", logs.display()))
        .env("AFTERGLOW_CONFIG", file.to_str().unwrap())
        .start();
    let incident = |state: &str| {
        let all = server.json(&format!("/api/afterglow/v1/incidents?rule=lonely&state={state}"));
        all["incidents"].as_array().unwrap().first().cloned()
    };
    let fires = eventually("an incident", 30, || incident("firing"));
    assert_eq!(fires["severity"], "critical");
    assert_eq!(fires["cluster"], "east");
    assert_eq!(fires["summary"], "east has 1 application");
    assert_eq!(fires["labels"]["team"], "data");
    assert_eq!(fires["count"], 1);
    lay(&case("4.3.0", "codec-none"), &logs, &|_| true);
    let over = eventually("its end", 30, || incident("resolved"));
    assert_eq!(over["id"], fires["id"]);
    assert_eq!(over["count"], 1);
}
