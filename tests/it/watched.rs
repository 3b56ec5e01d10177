//! What `/metrics` says of alerting is what happened: held against receivers, the API and the model's requests.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::alerts::{Hook, post, serve};
use crate::bedrock::{Act, Bedrock};
use crate::http::Client;
use crate::logs;
use crate::metrics::sum;
use crate::server::{TestServer, afterglow, eventually};

fn alert(name: &str, severity: &str, status: &str) -> Value {
    json!({
        "status": status, "labels": { "alertname": name, "cluster": "prod", "severity": severity }, "annotations": {},
        "startsAt": "2026-11-21T13:00:00Z", "endsAt": "2026-11-21T14:00:00Z",
    })
}

fn page(server: &TestServer) -> String {
    server.get("/metrics").text()
}

#[test]
fn numbers_of_alerting_are_what_happened() {
    let hook = Hook::start(|n| if n == 0 { 503 } else { 200 });
    let refusing = Hook::start(|_| 400);
    let answer = json!({
        "cause": { "text": "It is busy.", "cites": ["e1"] },
        "steps": [{ "text": "A claim without ground.", "cites": ["e99"] }, { "text": "Another one.", "cites": [] }], "settings": [],
    });
    let denied = Act::Error(403, "AccessDeniedException", "no access");
    let bedrock = Bedrock::start([Act::Advise(answer), denied]);
    let folder = logs::folder();
    let settings = format!(
        "[alerts]\nbackoff = \"20ms\"\n[alerts.route]\nreceiver = \"both\"\ngroup_wait = \"0s\"\n[[alerts.receiver]]\nname = \"both\"\nconcurrency = 1\n\
         [[alerts.receiver.webhook]]\nurl = \"http://{}/\"\n[[alerts.receiver.slack]]\nurl = \"http://{}/\"\n\
         [remediation]\nenabled = true\nseverity = \"critical\"\nendpoint_url = \"http://{}\"\nregion = \"us-east-1\"\ninput_price = 0.5\noutput_price = 2.0\n\
         [[rule]]\nname = \"good\"\nsql = \"SELECT 1 AS value\"\ninterval = \"1h\"\nwhen = \"> 5\"\n\
         [[rule]]\nname = \"bad\"\nsql = \"SELECT 1 AS n\"\ninterval = \"1h\"\nwhen = \"> 5\"\n",
        hook.address, refusing.address, bedrock.address
    );
    let server = serve(folder.path(), &settings);
    let before = page(&server);
    for (name, labels) in [
        ("afterglow_incidents", &["severity=\"critical\"", "state=\"firing\""][..]),
        ("afterglow_deliveries_total", &["kind=\"slack\"", "outcome=\"dead\""]),
        ("afterglow_incident_sightings_total", &["source=\"grafana\"", "meaning=\"opened\""]),
        ("afterglow_remediation_calls_total", &["outcome=\"answered\""]),
    ] {
        assert_eq!(sum(&before, name, labels), 0.0);
        assert!(
            before.lines().any(|l| l.starts_with(name) && labels.iter().all(|x| l.contains(x))),
            "{name}: {before}"
        );
    }
    assert!(before.contains("\nafterglow_remediation_money_total 0.0\n"), "{before}");

    let send = |alerts: &[Value]| post(&server, "/intake/grafana", &json!({ "alerts": alerts }));
    send(&[alert("a", "critical", "firing")]);
    eventually("advice is there", 60, || {
        (server.json("/api/afterglow/v1/incidents/1/remediation")["calls"][0]["outcome"] == "answered").then_some(())
    });
    send(&[alert("a", "critical", "firing"), alert("b", "critical", "firing"), alert("c", "odd", "firing")]);
    send(&[alert("d", "warning", "firing"), alert("c", "odd", "resolved"), alert("never", "info", "resolved")]);
    let bad = server.client().send("POST", "/api/afterglow/v1/intake/alertmanager", b"{}").unwrap();
    assert_eq!(bad.status, 400);
    eventually("the model was asked twice", 60, || (bedrock.asked().len() == 2).then_some(()));
    let total = |query: &str| server.json(&format!("/api/afterglow/v1/deliveries?{query}"))["total"].as_f64().unwrap();
    eventually("all is told", 60, || (total("state=waiting") == 0.0 && hook.got().len() >= 4).then_some(()));
    let after = eventually("both rules were evaluated, and all calls counted", 30, || {
        let page = page(&server);
        let all = sum(&page, "afterglow_rule_evaluations_total", &[]) == 2.0
            && sum(&page, "afterglow_remediation_calls_total", &[]) == 2.0;
        all.then_some(page)
    });
    let is = |name: &str, labels: &[&str], expected: f64| {
        assert_eq!(sum(&after, name, labels), expected, "{name} {labels:?}\n{after}");
    };
    is("afterglow_incidents", &["state=\"firing\"", "severity=\"critical\""], 2.0);
    is("afterglow_incidents", &["state=\"firing\"", "severity=\"warning\""], 1.0);
    is("afterglow_incidents", &[], 3.0);
    for (meaning, n) in [("opened", 4.0), ("known", 0.0), ("resolved", 1.0), ("nothing", 1.0)] {
        let label = format!("meaning=\"{meaning}\"");
        // The alert that came twice with the same start is the same sighting: it is still there.
        let n = if meaning == "known" { 1.0 } else { n };
        is("afterglow_incident_sightings_total", &["source=\"grafana\"", &label], n);
    }
    is("afterglow_intake_refused_total", &["source=\"alertmanager\""], 1.0);
    is("afterglow_intake_refused_total", &[], 1.0);
    is("afterglow_rule_evaluations_total", &["outcome=\"failed\""], 1.0);

    let (taken, refused) = (hook.got().len() as f64 - 1.0, refusing.got().len() as f64);
    is("afterglow_deliveries_total", &["kind=\"webhook\"", "outcome=\"sent\""], taken);
    is("afterglow_deliveries_total", &["kind=\"webhook\"", "outcome=\"later\""], 1.0);
    is("afterglow_deliveries_total", &["kind=\"slack\"", "outcome=\"dead\""], refused);
    is("afterglow_deliveries_total", &["outcome=\"sent\""], total("state=sent"));
    is("afterglow_delivery_duration_seconds_count", &["kind=\"webhook\""], taken);
    is("afterglow_delivery_duration_seconds_count", &["kind=\"slack\""], 0.0);
    is("afterglow_outbox_messages", &["state=\"dead\""], total("state=dead"));
    is("afterglow_outbox_messages", &["state=\"waiting\""], 0.0);
    is("afterglow_outbox_oldest_seconds", &[], 0.0);

    is("afterglow_remediation_calls_total", &["outcome=\"answered\""], 1.0);
    is("afterglow_remediation_calls_total", &["outcome=\"refused\""], 1.0);
    is("afterglow_remediation_tokens_total", &["direction=\"in\""], 1_000.0);
    is("afterglow_remediation_tokens_total", &["direction=\"out\""], 200.0);
    is("afterglow_remediation_money_total", &[], 0.9);
    is("afterglow_remediation_claims_dropped_total", &[], 2.0);
    is("afterglow_remediation_breaker_open", &[], 0.0);

    // What waits is old, and who looks at the same ledger sees so.
    drop(server);
    fs::write(folder.path().join("afterglow.toml"), settings.replace(&hook.address.to_string(), "127.0.0.1:9"))
        .unwrap();
    let server = serve(folder.path(), &fs::read_to_string(folder.path().join("afterglow.toml")).unwrap());
    post(&server, "/intake/grafana", &json!({ "alerts": [alert("e", "info", "firing")] }));
    eventually("it waits for seconds", 60, || {
        let page = page(&server);
        let waits = sum(&page, "afterglow_outbox_oldest_seconds", &[]) > 1.0;
        (waits && sum(&page, "afterglow_outbox_messages", &["state=\"waiting\""]) == 1.0).then_some(())
    });
    // Who only alerts has the same.
    let store = folder.path().join("store").display().to_string();
    let mut command = afterglow(&["alerts", "--store", &store]);
    command.env("AFTERGLOW_METRICS__LISTEN", "127.0.0.1:0").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut alone = command.spawn().unwrap();
    let lines = BufReader::new(alone.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|l| l.contains("metrics on http://")).expect("it says where");
    let address = line.split("http://").nth(1).unwrap().trim_end_matches("/metrics").parse().unwrap();
    let page = Client::new(address).get("/metrics").unwrap().text();
    assert!(page.contains("role=\"alerts\""), "{page}");
    assert_eq!(sum(&page, "afterglow_incidents", &["state=\"firing\""]), 4.0);
    let _ = std::process::Command::new("kill").arg(alone.id().to_string()).status();
    assert!(alone.wait().unwrap().success());
}

/// What notes findings, what makes incidents of them and what compares runs all rest on one judgement.
#[test]
fn an_attempt_that_ended_is_judged_once() {
    let folder = logs::folder();
    let events = folder.path().join("events");
    fs::create_dir_all(&events).unwrap();
    let settings = format!(
        "[findings]\nmin_wall = \"0s\"\nmin_cores = \"0s\"\nmin_share = 0.0\n[alerts]\nseverity = \"info\"\nmax_age = \"36500d\"\n\
         [[source]]\ncluster = \"c\"\nurl = \"{}\"\n",
        events.display()
    );
    let server = serve(folder.path(), &settings);
    for case in ["gc", "spill", "many-jobs"] {
        logs::lay(&logs::case("4.3.0", case), &events, &|_| true);
    }
    let applications = eventually("all are noted, told of and followed", 120, || {
        let all = server.json("/api/afterglow/v1/applications?limit=10");
        let all = all["applications"].as_array().unwrap().clone();
        let noted = all.iter().filter(|a| a["findings"].is_object()).count();
        (all.len() == 3 && noted == 3).then_some(all)
    });
    eventually("incidents are there", 60, || {
        (server.json("/api/afterglow/v1/incidents")["total"].as_i64().unwrap() > 0).then_some(())
    });
    // All of them look every two seconds.
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(sum(&page(&server), "afterglow_judgements_total", &["outcome=\"ok\""]), 3.0, "{applications:#?}");
}
