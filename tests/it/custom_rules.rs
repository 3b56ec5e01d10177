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

/// Of the same rows, the same alerts: of an executor's garbage collection, and of a streaming query's state.
#[test]
fn a_series_gives_the_alerts_of_the_statement_that_it_stands_for() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let (gc, streaming) = (case("3.5.9", "gc"), case("3.5.9", "streaming-rocksdb"));
    let sources = [format!("batch={}", gc.display()), format!("streams={}", streaming.display())];
    assert!(ingest(&store, &sources.each_ref().map(String::as_str)).status.success());
    let ask = |sql: &str| -> Vec<Vec<Value>> {
        let told = run(&["sql", sql, "--format", "json", "--store", store.to_str().unwrap()]);
        let answer: Value = serde_json::from_str(&stdout(&told)).unwrap_or_else(|e| panic!("{e}: {}", stderr(&told)));
        serde_json::from_value(answer["rows"].clone()).unwrap()
    };
    let newest = |sql: &str| ask(sql)[0][0].as_str().unwrap().to_owned();
    let check = |at: &str, series: &str, statement: &str, when: &str, expected: &[Vec<Value>]| {
        let file = dir.path().join("rules.toml");
        let both = format!(
            "[[rule]]\nname = \"series\"\nwhen = \"{when}\"\nsummary = \"{{{{ value }}}}\"\n[rule.series]\n{series}\n\
             [[rule]]\nname = \"sql\"\nwhen = \"{when}\"\nsummary = \"{{{{ value }}}}\"\nsql = \"\"\"{statement}\"\"\"\n"
        );
        fs::write(&file, both).unwrap();
        let args = ["rules", "--at", at, "--config", file.to_str().unwrap(), "--store", store.to_str().unwrap()];
        let told = run(&[&args[..], &["--json"]].concat());
        assert!(told.status.success(), "{}", stderr(&told));
        let alerts: Vec<Value> = serde_json::from_str(&stdout(&told)).unwrap();
        let of = |rule: &str| -> Vec<(Value, f64)> {
            let all = alerts.iter().filter(|a| a["rule"] == rule);
            let mut all: Vec<(Value, f64)> = all
                .map(|a| {
                    let mut labels = a["labels"].clone();
                    labels.as_object_mut().unwrap().remove("alertname");
                    (labels, a["value"].as_f64().unwrap())
                })
                .collect();
            all.sort_by_key(|(labels, _)| labels.to_string());
            all
        };
        assert_eq!(of("series"), of("sql"), "{alerts:?}");
        let values: Vec<f64> = of("series").into_iter().map(|(_, value)| value).collect();
        let expected: Vec<f64> = expected.iter().map(|row| row[0].as_f64().unwrap()).collect();
        assert!(!expected.is_empty());
        assert_eq!(values, expected, "{alerts:?}");
        let said = stdout(&run(&args));
        assert!(said.starts_with("series asks: SELECT "), "{said}");
        // What it says it asks is what it asks.
        let statement = said.lines().next().unwrap().strip_prefix("series asks: ").unwrap().to_owned();
        ask(&statement)
    };
    let end = newest("SELECT max(\"time\") FROM executor_samples WHERE cluster = 'batch'");
    let asked = check(
        &end,
        "column = \"executor_samples.gc_share\"\ntake = \"max\"\nwindow = \"1d\"\nby = [\"app_name\", \"executor_id\"]\nwhere = { cluster = \"batch\" }",
        "SELECT app_name, executor_id, max(gc_share) AS value FROM executor_samples WHERE cluster = 'batch' GROUP BY 1, 2",
        "> 0.001",
        &ask(
            "SELECT max(gc_share) FROM executor_samples WHERE cluster = 'batch' GROUP BY app_name, executor_id HAVING max(gc_share) > 0.001 ORDER BY app_name, executor_id",
        ),
    );
    assert!(!asked.is_empty());
    let end = newest("SELECT max(\"timestamp\") FROM streaming_progress WHERE state_rows > 0");
    let asked = check(
        &end,
        "column = \"streaming_progress.state_rows\"\ntake = \"last\"\nwindow = \"1d\"\nby = [\"cluster\", \"run_id\"]",
        "SELECT p.cluster, p.run_id, max(p.state_rows) AS value FROM streaming_progress p JOIN \
           (SELECT run_id, max(\"timestamp\") AS t FROM streaming_progress WHERE state_rows IS NOT NULL GROUP BY 1) l \
           ON p.run_id = l.run_id AND p.\"timestamp\" = l.t GROUP BY 1, 2",
        "> 0",
        &ask("SELECT max(p.state_rows) FROM streaming_progress p JOIN \
               (SELECT run_id, max(\"timestamp\") AS t FROM streaming_progress WHERE state_rows IS NOT NULL GROUP BY 1) l \
               ON p.run_id = l.run_id AND p.\"timestamp\" = l.t GROUP BY p.cluster, p.run_id HAVING max(p.state_rows) > 0 ORDER BY p.cluster, p.run_id"),
    );
    assert!(!asked.is_empty());
    // Later than the window reaches, nothing holds; and a number in a map is a series, too.
    let file = dir.path().join("rules.toml");
    let rule = |column: &str| {
        format!("[[rule]]\nname = \"a\"\nwhen = \">= 0\"\n[rule.series]\ncolumn = \"{column}\"\nwindow = \"1d\"\n")
    };
    let rules = |text: &str, at: &str| {
        fs::write(&file, text).unwrap();
        run(&["rules", "--at", at, "--config", file.to_str().unwrap(), "--store", store.to_str().unwrap()])
    };
    let add = rule("streaming_progress.phase_durations_ms.addBatch");
    assert!(stdout(&rules(&add, &end)).contains("a: firing {"), "{}", stdout(&rules(&add, &end)));
    assert!(stdout(&rules(&add, "2036-01-01T00:00:00Z")).ends_with("a: nothing holds\n"));
    let wrong = rules(&rule("executor_samples.gc_shares"), &end);
    assert!(!wrong.status.success());
    let said = "rule[0].series.column: executor_samples has no column `gc_shares`: did you mean gc_share? (rule `a`)";
    assert!(stderr(&wrong).contains(said), "{}", stderr(&wrong));
}
