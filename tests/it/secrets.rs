//! Secrets in a log come out nowhere: the corpus of `tests/secrets` in every text that a log has, and all that is served asked for.

use std::path::Path;

use serde_json::{Value, json};

use crate::answers;
use crate::logs;
use crate::server::{TestServer, ingest, run, stderr, stdout};

const SQL: &str = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecution";
/// Number of the first execution that is added.
const FIRST: usize = 1_000;

/// Secrets, and texts that have them; literals that only prompts must not have are left out.
fn corpus() -> Vec<(String, String)> {
    let text = include_str!("../secrets/planted.txt");
    let fields = |line: &str| {
        let all: Vec<String> = line.split('\t').map(|f| f.replace('⏎', "\n")).collect();
        (all[0] != "prompt").then(|| (all[1].clone(), all[2].clone()))
    };
    text.lines().filter_map(fields).collect()
}

/// The log with a text of the corpus wherever Spark writes what others wrote: all of them as settings and SQL executions.
fn planted(log: &str, corpus: &[(String, String)]) -> String {
    let mut texts = corpus.iter().map(|(_, text)| json!(text)).cycle();
    let mut next = || texts.next().unwrap();
    let mut out: Vec<String> = Vec::new();
    for line in log.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        match event["Event"].as_str().unwrap().rsplit('.').next().unwrap() {
            "SparkListenerEnvironmentUpdate" => {
                for (i, (_, text)) in corpus.iter().enumerate() {
                    for list in ["Spark Properties", "Hadoop Properties", "System Properties"] {
                        event[list][format!("planted.{i}")] = json!(text);
                    }
                }
            }
            "SparkListenerJobStart" => {
                event["Properties"]["spark.job.description"] = next();
                event["Properties"]["spark.jobGroup.id"] = next();
                for stage in event["Stage Infos"].as_array_mut().unwrap() {
                    stage["Stage Name"] = next();
                    stage["Details"] = next();
                }
            }
            "SparkListenerJobEnd" => {
                event["Job Result"] =
                    json!({ "Result": "JobFailed", "Exception": { "Message": next(), "Stack Trace": [] } });
            }
            "SparkListenerStageSubmitted" | "SparkListenerStageCompleted" => {
                event["Stage Info"]["Stage Name"] = next();
                event["Stage Info"]["Details"] = next();
                event["Stage Info"]["Failure Reason"] = next();
                for rdd in event["Stage Info"]["RDD Info"].as_array_mut().unwrap() {
                    rdd["Name"] = next();
                    rdd["Callsite"] = next();
                }
            }
            "SparkListenerTaskEnd" => {
                event["Task End Reason"] = json!({ "Reason": "ExceptionFailure", "Class Name": "java.lang.X",
                    "Description": next(), "Stack Trace": [], "Full Stack Trace": next(), "Accumulator Updates": [] });
                event["Task Info"]["Failed"] = json!(true);
            }
            "SparkListenerSQLExecutionStart" => {
                for (i, (_, text)) in corpus.iter().enumerate() {
                    let mut start = event.clone();
                    start["executionId"] = json!(FIRST + i);
                    start["rootExecutionId"] = json!(FIRST + i);
                    for field in ["description", "details", "physicalPlanDescription"] {
                        start[field] = json!(text);
                    }
                    start["sparkPlanInfo"]["simpleString"] = json!(text);
                    start["sparkPlanInfo"]["metadata"] = json!({ "Location": text });
                    start["modifiedConfigs"] = json!({ "spark.planted": text });
                    out.push(start.to_string());
                    let end = json!({ "Event": format!("{SQL}End"), "executionId": FIRST + i, "time": start["time"], "errorMessage": text });
                    out.push(end.to_string());
                }
            }
            "SparkListenerApplicationEnd" => {
                for (_, text) in corpus.iter().take(50) {
                    out.push(json!({ "Event": "com.acme.SomethingElse", "note": text }).to_string());
                }
                let removed = json!({ "Event": "SparkListenerExecutorRemoved", "Timestamp": event["Timestamp"],
                    "Executor ID": "driver", "Removed Reason": next() });
                out.push(removed.to_string());
            }
            _ => {}
        }
        out.push(event.to_string());
    }
    out.join("\n") + "\n"
}

/// Secrets that are in an answer, as they are or as JSON has them.
fn leaks(what: &str, answer: &str, corpus: &[(String, String)], all: &mut Vec<String>) {
    for (secret, _) in corpus {
        let quoted = json!(secret).to_string();
        if answer.contains(secret.as_str()) || answer.contains(&quoted[1..quoted.len() - 1]) {
            all.push(format!("{what}: {secret}"));
        }
    }
}

fn served(store: &Path, id: &str, corpus: &[(String, String)]) -> Vec<String> {
    let server = TestServer::history(store);
    let mut found = Vec::new();
    let spark = answers::all(&server, id);
    let text = serde_json::to_string(&spark).unwrap();
    // What surrounds a secret is there, and says that something is not.
    assert!(text.contains("jdbc:postgresql://db.corp:5432/sales?user=app&password=*********(redacted)"));
    assert_eq!(
        spark["/sql?details=true&planDescription=true&length=100000"].as_array().unwrap().len(),
        corpus.len() + 1
    );
    for (path, answer) in &spark {
        leaks(path, &answer.to_string(), corpus, &mut found);
    }
    let ours = format!("/api/afterglow/v1/applications/{id}");
    let below = [
        "overview",
        "completeness",
        "events",
        "executors/timeline",
        "jobs/timeline",
        "stages",
        "sql?length=1000",
        "pauses",
        "storage/timeline",
        "streaming/queries",
        "streaming/progress",
        "findings",
    ];
    let mut paths: Vec<String> = below.iter().map(|p| format!("{ours}/{p}")).collect();
    paths.extend((0..corpus.len()).map(|i| format!("{ours}/sql/{}/graph", FIRST + i)));
    paths.extend((0..corpus.len()).step_by(9).map(|i| format!("/api/v1/applications/{id}/sql/{}", FIRST + i)));
    for stage in spark["/jobs"].as_array().unwrap().iter().flat_map(|j| j["stageIds"].as_array().unwrap()) {
        paths.extend([format!("{ours}/stages/{stage}/0/tasks"), format!("{ours}/stages/{stage}/0/graph")]);
    }
    paths.extend(["metrics", "api/afterglow/v1/applications", "api/afterglow/v1/sources"].map(|p| format!("/{p}")));
    paths.extend(["password", "jdbc", "token", "local"].map(|q| format!("/api/afterglow/v1/search?q={q}")));
    for path in &paths {
        let answer = server.get(path);
        assert!(answer.status < 500, "{path}: {}", answer.text());
        leaks(path, &answer.text(), corpus, &mut found);
    }
    let mut client = server.client();
    let mut ask = |statement: &str| {
        let body = json!({ "query": statement }).to_string();
        let answer = client.send("POST", "/api/afterglow/v1/sql", body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{statement}: {}", answer.text());
        answer.text()
    };
    let tables: Value = serde_json::from_str(&ask("SELECT table_name FROM information_schema.tables")).unwrap();
    let names: Vec<&str> = tables["rows"].as_array().unwrap().iter().map(|r| r[0].as_str().unwrap()).collect();
    assert!(names.contains(&"applications"), "{names:?}");
    for name in names {
        if !["tables", "views", "columns", "df_settings", "schemata", "routines", "parameters"].contains(&name) {
            leaks(name, &ask(&format!("SELECT * FROM {name}")), corpus, &mut found);
        }
    }
    found
}

#[test]
fn planted_secrets_come_out_nowhere() {
    let corpus = corpus();
    let (id, bytes) = logs::plain("4.3.0", "codec-none");
    let folder = logs::folder();
    let events = folder.path().join("events");
    std::fs::create_dir(&events).unwrap();
    let log = events.join(&id);
    std::fs::write(&log, planted(&String::from_utf8(bytes).unwrap(), &corpus)).unwrap();
    let store = folder.path().join("store");
    let done = ingest(&store, &[&format!("c={}", events.display())]);
    assert!(done.status.success(), "{}", stderr(&done));
    let mut found = served(&store, &id, &corpus);
    let mut findings = 0;
    for command in [&["findings", "--json"][..], &["findings"], &["alerts", "prompt"]] {
        let other = folder.path().join("other").display().to_string();
        let log = log.display().to_string();
        let at = ["--store", other.as_str(), log.as_str()];
        let output = run(&[command, if command[0] == "alerts" { &at } else { &at[2..] }].concat());
        let told = stdout(&output);
        findings += told.len();
        leaks(&command.join(" "), &told, &corpus, &mut found);
    }
    assert!(findings > 0, "there is something to tell");
    found.dedup();
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found[..found.len().min(60)].join("\n"));
}
