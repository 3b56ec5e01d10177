//! What is sent to Slack, Teams, PagerDuty, Opsgenie and Grafana, held against what these services' own packages and documents say, and taken by
//! Alertmanager, SNS, SQS and a mail server: of incidents that are short, very long, many, and odd.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use axum::http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::alerts::{AWS, Got, Hook, SMTP, alertmanager, alertmanager_program, line, post, python, serve, tells};
use crate::logs;
use crate::server::eventually;

/// Destinations of the receiver.
const DESTINATIONS: i64 = 10;

/// What tests/clients/formats.py finds wrong with messages, and how many it saw of each kind.
fn judged(python: &Path, messages: impl Iterator<Item = Value>) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/formats.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    messages.for_each(|m| writeln!(stdin, "{m}").unwrap());
    drop(stdin);
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    serde_json::from_slice(&out.stdout).unwrap()
}

/// A request as the judge reads it.
fn message(got: Got) -> Value {
    let kind = got.path.split(['/', '?']).nth(1).unwrap().to_owned();
    let header = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), json!(value.to_str().unwrap()));
    let headers: Value = got.headers.iter().map(header).collect();
    json!({ "kind": kind, "path": got.path, "headers": headers, "length": got.text.len(), "body": got.body })
}

fn alert(status: &str, name: &str, labels: Value, annotations: Value) -> Value {
    let mut all = json!({ "alertname": name, "cluster": "prod", "severity": "critical" });
    all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
    json!({ "status": status, "labels": all, "annotations": annotations, "startsAt": "2026-11-21T13:00:00Z", "endsAt": "2026-11-21T14:00:00Z" })
}

#[test]
fn every_service_gets_what_it_takes() {
    let (Some(program), Some(python)) = (alertmanager_program(), python()) else { return };
    let folder = logs::folder();
    let events = folder.path().join("events");
    fs::create_dir_all(&events).unwrap();
    let hook = Hook::start(|_| 202);
    let (_alertmanager, alertmanager_at) = alertmanager(&program, folder.path(), "http://127.0.0.1:9/");
    let (_smtp, mails) = tells(&python, SMTP, &[]);
    let port = line(&mails)["port"].as_i64().unwrap();
    let (_aws, aws_says) = tells(&python, AWS, &[]);
    let names = line(&aws_says);
    let name = |key: &str| names[key].as_str().unwrap().to_owned();
    let (tags, at) = (format!("{:?}", vec!["a tag of some length"; 40]), name("at"));
    let settings = format!(
        "[findings]\nmin_wall = \"0s\"\nmin_cores = \"0s\"\nmin_share = 0.0\n[alerts]\nmax_age = \"36500d\"\nattempts = 1\nurl = \"https://afterglow.example.com\"\n\
         [alerts.route]\nreceiver = \"all\"\ngroup_wait = \"0s\"\ngroup_interval = \"1s\"\n[[alerts.receiver]]\nname = \"all\"\nrate = 1000.0\n\
         [[alerts.receiver.slack]]\nurl = \"http://{hook}/slack\"\n\
         [[alerts.receiver.teams]]\nurl = \"http://{hook}/teams\"\n\
         [[alerts.receiver.pagerduty]]\nrouting_key = \"0123456789abcdef0123456789abcdef\"\nurl = \"http://{hook}/pagerduty\"\n\
         [[alerts.receiver.opsgenie]]\napi_key = \"k\"\nteams = [\"data\"]\nurl = \"http://{hook}/opsgenie\"\n\
         [[alerts.receiver.grafana]]\nurl = \"http://{hook}/grafana\"\ndashboard_uid = \"u\"\npanel_id = 3\ntags = {tags}\n\
         [[alerts.receiver.alertmanager]]\nurl = \"http://{alertmanager_at}\"\n\
         [[alerts.receiver.email]]\nto = [\"team@example.com\"]\nfrom = \"afterglow@example.com\"\nserver = \"127.0.0.1:{port}\"\ntls = \"none\"\n\
         [[alerts.receiver.sns]]\ntopic_arn = \"{topic}\"\nendpoint_url = \"{at}\"\n\
         [[alerts.receiver.sns]]\ntopic_arn = \"{topic}\"\ntext = true\nendpoint_url = \"{at}\"\n\
         [[alerts.receiver.sqs]]\nqueue_url = \"{direct}\"\nendpoint_url = \"{at}\"\nregion = \"us-east-1\"\n\
         [[source]]\ncluster = \"science\"\nurl = \"{events}\"\n",
        hook = hook.address,
        topic = name("topic"),
        direct = name("direct"),
        events = events.display(),
    );
    let server = serve(folder.path(), &settings);
    let total =
        |state: &str| server.json(&format!("/api/afterglow/v1/deliveries?state={state}"))["total"].as_i64().unwrap();
    // One group each, so one message each to everybody.
    let mut told = 0;
    let mut send = |what: &str, alerts: Vec<Value>| {
        post(&server, "/intake/grafana", &json!({ "alerts": alerts }));
        told += DESTINATIONS;
        eventually(what, 60, || {
            let dead = server.json("/api/afterglow/v1/deliveries?state=dead");
            assert_eq!(dead["total"], 0, "{what}: {dead:#}");
            (total("sent") == told).then_some(())
        });
    };

    send("short", vec![alert("firing", "cpu", json!({}), json!({ "summary": "x" }))]);
    let long = "a < b & c > d | *e* _f_ [g](h) 🦀 ".repeat(2_000);
    let first = |n: usize| long.chars().take(n).collect::<String>();
    let many: Value = (0..100).map(|i| (format!("label_{i}"), json!(first(2_000)))).collect();
    let annotations = json!({ "summary": long, "description": long });
    send("long", vec![alert("firing", &first(5_000), many, annotations)]);
    let alike = |status: &str| -> Vec<Value> {
        (0..400)
            .map(|i| alert(status, "full", json!({ "app_name": format!("app {i}") }), json!({ "summary": first(500) })))
            .collect()
    };
    send("many", alike("firing"));
    let odd = "\u{0}\u{7}\u{1b}[31m\r\n\t\u{85}\u{2028}\u{202e}\u{fffe}\u{ffff}\u{10ffff}é\u{301}👩‍👩‍👧 <!channel> <@U1> <https://x|y> </b> &amp; \\ \" ' {{ x }} %s $(id)";
    let labels = json!({ "app_name": odd, "cluster": odd, "0 odd-name\u{0}": odd, "": "nameless" });
    send("odd", vec![alert("firing", odd, labels, json!({ "summary": odd }))]);
    let nothing = json!({ "cluster": "", "severity": "page", "app_name": "\n" });
    send("hardly anything", vec![alert("firing", "\n", nothing, json!({}))]);
    send("over", vec![alert("resolved", "cpu", json!({}), json!({ "summary": "x" }))]);
    send("many over", alike("resolved"));

    // And what our own rules find, with their advice.
    logs::lay(&logs::case("4.3.0", "gc"), &events, &|_| true);
    eventually("a finding is told", 60, || {
        let told = |kind: &str| hook.got().iter().any(|g| g.path.starts_with(kind) && g.text.contains("gc-pressure"));
        (told("/slack") && told("/teams") && told("/opsgenie") && total("waiting") == 0).then_some(())
    });
    assert_eq!(total("dead"), 0);

    let judged = judged(&python, hook.got().into_iter().map(message));
    assert_eq!(judged["wrong"], json!([]), "{judged:#}");
    for kind in ["slack", "teams", "pagerduty", "opsgenie", "grafana"] {
        assert!(judged["seen"][kind].as_i64().unwrap() >= 8, "{judged:#}");
    }
}

#[test]
fn what_is_wrong_is_seen() {
    let Some(python) = python() else { return };
    let header = |text: &str| json!([{ "type": "header", "text": { "type": "plain_text", "text": text } }]);
    let section = |text: &str| json!([{ "type": "section", "text": { "type": "mrkdwn", "text": text } }]);
    let slack = |blocks: Value| json!({ "kind": "slack", "path": "/slack", "body": { "text": "x", "blocks": blocks } });
    let card = |block: Value, length: usize| {
        let content = json!({ "type": "AdaptiveCard", "version": "1.4", "body": [block] });
        let kind = "application/vnd.microsoft.card.adaptive";
        json!({ "kind": "teams", "path": "/teams", "length": length, "headers": { "content-type": "application/json; charset=utf-8" },
                "body": { "type": "message", "attachments": [{ "contentType": kind, "content": content }] } })
    };
    let event = |payload: Value| {
        json!({ "kind": "pagerduty", "path": "/pagerduty", "length": 9, "body": {
            "routing_key": "0".repeat(32), "event_action": "trigger", "dedup_key": "k", "payload": payload } })
    };
    let alert = |more: Value| {
        let mut body = json!({ "message": "m", "alias": "a", "description": "d", "source": "s", "tags": [], "details": {}, "responders": [] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "kind": "opsgenie", "path": "/opsgenie/v2/alerts", "headers": { "authorization": "GenieKey k" }, "body": body })
    };
    let mark = |body: Value| json!({ "kind": "grafana", "path": "/grafana/api/annotations", "body": body });
    let good = [
        slack(header("x")),
        slack(section("<https://a/b|c> &lt;d&gt;")),
        card(json!({ "type": "TextBlock", "text": "x", "size": "Medium" }), 100),
        event(json!({ "summary": "s", "source": "s", "severity": "info" })),
        alert(json!({ "priority": "P1" })),
        mark(json!({ "text": "x", "time": 1_700_000_000_000i64, "tags": ["a"] })),
    ];
    let bad = [
        slack(header(&"x".repeat(151))),
        slack(section("a < b")),
        slack(section("half &am")),
        slack(json!([{ "type": "section" }])),
        card(json!({ "type": "TextBlock", "text": "x", "size": "Huge" }), 100),
        card(json!({ "type": "TextBlock", "text": "x", "colour": "Good" }), 100),
        card(json!({ "type": "TextBlock", "text": "x" }), 30_000),
        event(json!({ "summary": "s", "source": "s", "severity": "page" })),
        event(json!({ "summary": "x".repeat(1_025), "source": "s", "severity": "info" })),
        alert(json!({ "priority": "P9" })),
        alert(json!({ "colour": "red" })),
        alert(json!({ "message": "x".repeat(131) })),
        mark(json!({ "text": "x", "time": 1_700_000_000_000i64, "tags": vec!["a tag of some length"; 40] })),
    ];
    assert_eq!(judged(&python, good.into_iter())["wrong"], json!([]));
    let wrong = judged(&python, bad.iter().cloned());
    assert_eq!(wrong["wrong"].as_array().unwrap().len(), bad.len(), "{wrong:#}");
}
