//! One prefix that many clusters write to: which cluster and labels an application gets, and gets when rules change.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::logs;
use crate::server::{TestServer, afterglow, run, stderr, stdout};

const OURS: &str = "/api/afterglow/v1";

/// A log whose settings have more.
fn with_settings(log: &[u8], settings: &[(&str, &str)]) -> Vec<u8> {
    let more: String = settings.iter().map(|(k, v)| format!("\"{k}\":\"{v}\",")).collect();
    let text = String::from_utf8(log.to_vec()).unwrap();
    let (before, after) = text.split_once("\"Spark Properties\":{").unwrap();
    format!("{before}\"Spark Properties\":{{{more}{after}").into_bytes()
}

/// Three applications of two namespaces, one id twice, and one log that says nothing.
fn one_prefix(folder: &Path) -> String {
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let tags = ("spark.yarn.tags", "project=sqlbasedetl, owner=myowner, costcenter=66666");
    let namespace = |name| ("spark.kubernetes.namespace", name);
    for (place, id, settings) in [
        ("one", app.clone(), vec![namespace("etl-prod"), tags]),
        ("two", app.clone(), vec![namespace("ads-dev"), ("spark.kubernetes.scheduler.name", "yunikorn")]),
        ("two", format!("{app}7"), vec![namespace("ads-prod")]),
        ("three", format!("{app}8"), vec![]),
    ] {
        fs::create_dir_all(folder.join(place)).unwrap();
        let log = with_settings(&logs::renamed(&log, &app, &id), &settings);
        fs::write(folder.join(place).join(&id), log).unwrap();
    }
    app
}

const BY_NAMESPACE: &str = r#"
[[source.derive]]
from = "spark.kubernetes.namespace"
regex = "^(?<cluster>[a-z]+)-(?<env>[a-z]+)$"
"#;

fn settings(file: &Path, store: &Path, logs: &Path, rules: &str) -> String {
    let text = format!(
        "[store]\nurl = {:?}\n[[source]]\ncluster = \"rest\"\nurl = {:?}\n{rules}",
        store.display().to_string(),
        logs.display().to_string()
    );
    fs::write(file, text).unwrap();
    file.display().to_string()
}

fn placed(server: &TestServer) -> Vec<(String, String, Value)> {
    let all = server.json(&format!("{OURS}/applications?sort=startTime"));
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = all["applications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (text(&a["cluster"]), text(&a["id"]), a["labels"].clone()))
        .collect();
    all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    all
}

fn sql(server: &TestServer, statement: &str) -> Value {
    let body = json!({ "query": statement }).to_string();
    let response = server.client().send("POST", &format!("{OURS}/sql"), body.as_bytes()).unwrap();
    assert_eq!(response.status, 200, "{statement}: {}", response.text());
    serde_json::from_str::<Value>(&response.text()).unwrap()["rows"].clone()
}

#[test]
fn clusters_that_write_to_one_prefix_are_told_apart_by_their_logs() {
    let dir = logs::folder();
    let (store, folder, file) = (dir.path().join("store"), dir.path().join("logs"), dir.path().join("a.toml"));
    let app = one_prefix(&folder);
    let config = settings(&file, &store, &folder, BY_NAMESPACE);
    let once = || {
        let ingested = run(&["ingest", "--once", "--config", &config]);
        assert!(ingested.status.success(), "{}{}", stdout(&ingested), stderr(&ingested));
        stdout(&ingested)
    };
    let said = once();
    assert!(said.contains("4 applications"), "{said}");
    let is = |cluster: &str, app: &str, labels: Value| (cluster.to_owned(), app.to_owned(), labels);
    let tags = json!({ "project": "sqlbasedetl", "owner": "myowner", "costcenter": "66666" });
    let with = |mut labels: Value, env: &str| {
        labels["env"] = json!(env);
        labels
    };
    let (seventh, eighth) = (format!("{app}7"), format!("{app}8"));
    {
        let server = TestServer::history(&store);
        let wanted = [
            is("ads", &app, json!({ "env": "dev" })),
            is("ads", &seventh, json!({ "env": "prod" })),
            is("etl", &app, with(tags.clone(), "prod")),
            is("rest", &eighth, json!({})),
        ];
        assert_eq!(placed(&server), wanted);
        let count = |query: &str| server.json(&format!("{OURS}/applications?{query}"))["total"].clone();
        assert_eq!([count("cluster=ads"), count("cluster=etl"), count("cluster=rest")], [2, 1, 1]);
        assert_eq!([count("label=costcenter=66666"), count("label=env=prod")], [1, 2]);
        assert_eq!(count("queue=root.default"), 1);
        // Spark's own API has each in its cluster.
        for cluster in ["ads", "etl"] {
            let jobs = server.json(&format!("/clusters/{cluster}/api/v1/applications/{app}/jobs"));
            assert!(!jobs.as_array().unwrap().is_empty());
        }
        let by_cluster = sql(&server, "SELECT cluster, count(*) FROM applications GROUP BY cluster ORDER BY cluster");
        assert_eq!(by_cluster, json!([["ads", 2], ["etl", 1], ["rest", 1]]));
        let by_label = "SELECT labels->>'env' AS env, count(*) FROM applications WHERE labels->>'env' <> 'x' GROUP BY 1 ORDER BY 1";
        assert_eq!(sql(&server, by_label), json!([["dev", 1], ["prod", 2]]));
    }
    // Other rules: nothing is read again, also where the log is gone.
    fs::remove_dir_all(folder.join("one")).unwrap();
    let names = dir.path().join("names.toml");
    fs::write(&names, "ads-dev = \"playground\"\nads-prod = { cluster = \"ads\", labels = { tier = \"1\" } }").unwrap();
    let mapped = format!(
        "labels_from = []\n[[source.derive]]\nfrom = \"spark.kubernetes.namespace\"\nnames = {:?}\n[[source.derive]]\nfrom = \"path\"\nregex = \"^(?<cluster>[a-z]+)/\"",
        names.display().to_string()
    );
    settings(&file, &store, &folder, &mapped);
    let said = once();
    assert!(said.contains("0 events"), "{said}");
    let wanted = [
        is("ads", &seventh, json!({ "tier": "1" })),
        is("one", &app, json!({})),
        is("playground", &app, json!({})),
        is("three", &eighth, json!({})),
    ];
    {
        let server = TestServer::history(&store);
        assert_eq!(placed(&server), wanted);
        let by_cluster = sql(&server, "SELECT cluster, count(*) FROM stages GROUP BY cluster ORDER BY cluster");
        assert_eq!(by_cluster.as_array().unwrap().len(), 4, "{by_cluster}");
        let jobs = server.json(&format!("/clusters/playground/api/v1/applications/{app}/jobs"));
        assert!(!jobs.as_array().unwrap().is_empty());
        assert_eq!(server.get(&format!("/clusters/etl/api/v1/applications/{app}/jobs")).status, 404);
    }
    // The fallback gets another name, and logs of one id come to one cluster: the second stays where it is, for as long.
    settings(&file, &store, &folder, "");
    let text = fs::read_to_string(&file).unwrap().replace("\"rest\"", "\"all\"");
    fs::write(&file, text).unwrap();
    let said = once();
    assert!(said.contains("0 events") && said.contains("3 logs unchanged"), "{said}");
    {
        let server = TestServer::history(&store);
        let found: Vec<_> = placed(&server).into_iter().map(|(cluster, app, _)| (cluster, app)).collect();
        assert_eq!(found.iter().filter(|(cluster, _)| cluster == "all").count(), 3, "{found:?}");
        assert_eq!(found.len(), 4, "{found:?}");
    }
    settings(&file, &store, &folder, &mapped);
    once();
    let server = TestServer::history(&store);
    let jobs = server.json(&format!("/clusters/one/api/v1/applications/{app}/jobs"));
    assert!(!jobs.as_array().unwrap().is_empty(), "nothing was lost meanwhile");
    assert_eq!(placed(&server), wanted);
}

#[test]
fn logs_that_were_left_out_come_with_rules_that_have_room_for_them() {
    let dir = logs::folder();
    let (store, folder, file) = (dir.path().join("store"), dir.path().join("logs"), dir.path().join("a.toml"));
    let app = one_prefix(&folder);
    let once = |rules: &str| {
        let config = settings(&file, &store, &folder, rules);
        stdout(&run(&["ingest", "--once", "--config", &config]));
    };
    once("labels_from = []\n");
    assert_eq!(placed(&TestServer::history(&store)).len(), 3);
    once(BY_NAMESPACE);
    let server = TestServer::history(&store);
    let found: Vec<_> = placed(&server).into_iter().map(|(cluster, app, _)| (cluster, app)).collect();
    let is = |cluster: &str, app: &str| (cluster.to_owned(), app.to_owned());
    let (seventh, eighth) = (format!("{app}7"), format!("{app}8"));
    assert_eq!(found, [is("ads", &app), is("ads", &seventh), is("etl", &app), is("rest", &eighth)]);
}

#[test]
fn check_shows_what_rules_make_of_some_logs() {
    let dir = logs::folder();
    let (store, folder, file) = (dir.path().join("store"), dir.path().join("logs"), dir.path().join("a.toml"));
    let app = one_prefix(&folder);
    let config = settings(&file, &store, &folder, BY_NAMESPACE);
    let checked = run(&["check", "--config", &config]);
    let said = stdout(&checked);
    assert!(checked.status.success(), "{said}");
    let tags = "costcenter=66666 env=prod owner=myowner project=sqlbasedetl";
    for line in [
        format!("  one/{app}: {app} in cluster etl (derive[0]), labels {tags}"),
        format!("  two/{app}7: {app}7 in cluster ads (derive[0]), labels env=prod"),
        format!("  three/{app}8: {app}8 in cluster rest (no rule says another)"),
    ] {
        assert!(said.lines().any(|l| l == line), "{line}:\n{said}");
    }
    assert!(!store.exists(), "checking makes nothing");
    let missing = BY_NAMESPACE.replace("regex", "names = \"/no/such/file\"\nregex");
    let checked = run(&["check", "--config", &settings(&file, &store, &folder, &missing)]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(stdout(&checked).contains("derive[0].names: /no/such/file: "), "{}", stdout(&checked));
}

#[test]
fn two_sources_over_one_place_are_refused() {
    let dir = logs::folder();
    let (store, folder) = (dir.path().join("store"), dir.path().join("logs"));
    one_prefix(&folder);
    let (one, two) = (format!("a={}", folder.display()), format!("b={}/two", folder.display()));
    for role in [&["check"][..], &["ingest", "--once"], &["serve"]] {
        let mut command = afterglow(role);
        command.args(["--store", store.to_str().unwrap(), "--logs", &one, "--logs", &two]);
        let refused = command.output().unwrap();
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("source[0] (a=") && said.contains("source[1] (b="), "{said}");
    }
}

#[test]
fn container_logs_of_any_cluster_go_to_who_has_their_id() {
    let dir = logs::folder();
    let (store, file) = (dir.path().join("store"), dir.path().join("a.toml"));
    let real = logs::containers("4.3.0");
    let rules = format!(
        "[[source.derive]]\nfrom = \"app.user\"\nregex = \"^(?<user>.+)$\"\n[[source.derive]]\nfrom = \"app.id\"\nregex = \"^(?<cluster>app)-\"\n[[source]]\ncluster = \"*\"\nkind = \"container-logs\"\nurl = {:?}",
        real.join("containers").display().to_string()
    );
    let config = settings(&file, &store, &real.join("events"), &rules);
    let ingested = run(&["ingest", "--once", "--config", &config]);
    assert!(ingested.status.success(), "{}{}", stdout(&ingested), stderr(&ingested));
    let server = TestServer::history(&store);
    let all = server.json(&format!("{OURS}/applications"));
    let found = &all["applications"][0];
    assert_eq!(found["cluster"], "app", "{all}");
    let app = found["id"].as_str().unwrap();
    let pauses = server.json(&format!("{OURS}/clusters/app/applications/{app}/pauses"));
    assert!(!pauses["containers"].as_array().unwrap().is_empty(), "{pauses}");
}
