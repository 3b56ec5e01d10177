//! Incidents end to end: the real binary, with receivers that fail on purpose, a real Alertmanager, a real SMTP server, and moto's SNS and SQS.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use ring::hmac;
use serde_json::{Value, json};

use crate::server::{TestServer, afterglow, eventually, stderr, stdout};
use crate::{logs, skip};

/// A request as a webhook got it.
#[derive(Debug, Clone)]
pub struct Got {
    /// Path and query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

/// A receiver of webhooks that says of each request, by its number, how it answers.
pub struct Hook {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Hook {
    pub fn start(answer: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Hook {
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (kept, answer) = (got.clone(), Arc::new(answer));
        let (found, address) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let take = move |uri: Uri, headers: HeaderMap, bytes: Bytes| {
                    let (kept, answer) = (kept.clone(), answer.clone());
                    async move {
                        let text = String::from_utf8(bytes.to_vec()).unwrap();
                        let mut kept = kept.lock().unwrap();
                        let body = serde_json::from_str(&text).unwrap_or_default();
                        kept.push(Got { path: uri.to_string(), headers, body, text });
                        StatusCode::from_u16(answer(kept.len() - 1)).unwrap()
                    }
                };
                let app = Router::new().fallback(take);
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                found.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Hook { address: address.recv().unwrap(), got }
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// A server that alerts by these settings, over logs of `logs` if there are any.
pub fn serve(folder: &Path, settings: &str) -> TestServer {
    let file = folder.join("afterglow.toml");
    fs::write(&file, settings).unwrap();
    let mut server = TestServer::serve(&folder.join("store")).env("AFTERGLOW_CONFIG", file.to_str().unwrap());
    for (name, value) in
        [("AWS_ACCESS_KEY_ID", "tests"), ("AWS_SECRET_ACCESS_KEY", "tests"), ("AWS_REGION", "us-east-1")]
    {
        server = server.env(name, value);
    }
    server.start()
}

pub fn post(server: &TestServer, path: &str, body: &Value) -> Value {
    let response =
        server.client().send("POST", &format!("/api/afterglow/v1{path}"), body.to_string().as_bytes()).unwrap();
    assert_eq!(response.status, 200, "POST {path}: {}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

fn alert(name: &str, app: &str) -> Value {
    json!({
        "status": "firing", "labels": { "alertname": name, "cluster": "prod", "app_name": app, "severity": "critical" },
        "annotations": { "summary": format!("{name} of {app}") }, "startsAt": "2026-11-21T13:00:00Z",
    })
}

fn names(got: &[Got]) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for g in got {
        let name = g.body["incidents"][0]["app_name"].as_str().unwrap().to_owned();
        let key = g.headers["idempotency-key"].to_str().unwrap().to_owned();
        assert_eq!(g.body["key"], key.as_str());
        out.entry(name).or_default().insert(key);
    }
    out
}

#[test]
fn a_kill_in_the_middle_of_ten_thousand_loses_nothing() {
    const ALL: usize = 10_000;
    // A tenth is refused at first.
    let hook = Hook::start(|n| if n % 10 == 3 { 503 } else { 200 });
    let settings = format!(
        "[alerts]\ntimeout = \"2s\"\nbackoff = \"50ms\"\nbackoff_most = \"200ms\"\n[alerts.route]\nreceiver = \"hook\"\n\
         group_by = [\"...\"]\ngroup_wait = \"0s\"\n[[alerts.receiver]]\nname = \"hook\"\nconcurrency = 32\nrate = 100000.0\n\
         [[alerts.receiver.webhook]]\nurl = \"http://{}/\"\n",
        hook.address
    );
    let folder = logs::folder();
    let server = serve(folder.path(), &settings);
    let began = Instant::now();
    for from in (0..ALL).step_by(1_000) {
        let alerts: Vec<Value> = (from..from + 1_000).map(|i| alert("cpu", &format!("app-{i}"))).collect();
        post(&server, "/intake/grafana", &json!({ "alerts": alerts }));
    }
    eprintln!("{ALL} alerts taken in {:?}", began.elapsed());
    eventually("a third was sent", 120, || (hook.got().len() > ALL / 3).then_some(()));
    server.kill();
    let before = hook.got().len();
    assert!(before < ALL, "the kill came too late: {before}");
    let server = serve(folder.path(), &settings);
    let taken = || {
        let got = hook.got();
        let taken: Vec<Got> = got.into_iter().enumerate().filter(|(n, _)| n % 10 != 3).map(|(_, g)| g).collect();
        names(&taken)
    };
    let all = eventually("all were taken", 180, || Some(taken()).filter(|t| t.len() == ALL));
    eprintln!("{ALL} incidents from intake to delivery, a kill -9 between them, in {:?}", began.elapsed());
    assert!(all.values().all(|keys| keys.len() == 1), "what comes twice has the same key");
    let every = names(&hook.got());
    assert!(every.values().all(|keys| keys.len() == 1), "so do tries that failed");
    let waits = || server.json("/api/afterglow/v1/deliveries?state=waiting")["total"].as_i64().unwrap();
    eventually("nothing is left", 60, || (waits() == 0).then_some(()));
    assert_eq!(server.json("/api/afterglow/v1/deliveries?state=dead")["total"], 0);
    assert_eq!(server.json("/api/afterglow/v1/deliveries?state=sent")["total"], ALL);
    assert_eq!(server.json("/api/afterglow/v1/incidents?length=1")["total"], ALL);
}

#[test]
fn what_is_found_becomes_an_incident_that_is_told_signed_and_by_template() {
    let hook = Hook::start(|n| if n == 0 { 500 } else { 200 });
    let folder = logs::folder();
    let events = folder.path().join("events");
    fs::create_dir_all(&events).unwrap();
    let settings = format!(
        "[findings]\nmin_wall = \"0s\"\nmin_cores = \"0s\"\nmin_share = 0.0\n[alerts]\nseverity = \"info\"\nmax_age = \"36500d\"\nbackoff = \"20ms\"\n\
         url = \"https://afterglow.example.com\"\n\
         [alerts.route]\nreceiver = \"hook\"\ngroup_wait = \"1s\"\n[[alerts.receiver]]\nname = \"hook\"\n[[alerts.receiver.webhook]]\n\
         url = \"http://{}/x\"\nsecret = \"s3cret\"\nbody = '{{\"text\": {{{{ title|tojson }}}}, \"count\": {{{{ count }}}}, \"first\": {{{{ incidents[0]|tojson }}}}}}'\n\
         [[source]]\ncluster = \"science\"\nurl = \"{}\"\n",
        hook.address,
        events.display()
    );
    let server = serve(folder.path(), &settings);
    assert_eq!(server.json("/api/afterglow/v1/incidents")["total"], 0);
    logs::lay(&logs::case("4.3.0", "gc"), &events, &|_| true);
    let found = eventually("an incident", 60, || {
        let all = server.json("/api/afterglow/v1/incidents?rule=gc-pressure");
        (all["total"].as_i64().unwrap() > 0).then_some(all)
    });
    let incident = &found["incidents"][0];
    assert_eq!(
        (&incident["state"], &incident["cluster"], &incident["count"]),
        (&json!("firing"), &json!("science"), &json!(1))
    );
    let id = incident["id"].as_i64().unwrap();
    let got = eventually("it is told, after a failure", 30, || Some(hook.got()).filter(|g| g.len() >= 2));
    let told = got.iter().find(|g| g.text.contains("gc-pressure")).expect("gc-pressure is told");
    assert_eq!(got[0].headers["idempotency-key"], got[1].headers["idempotency-key"]);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"s3cret"), told.text.as_bytes());
    let tag: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(told.headers["x-afterglow-signature"], format!("sha256={tag}").as_str());
    assert!(told.body["text"].as_str().unwrap().starts_with("[firing "), "{}", told.text);
    let whole = server.json(&format!("/api/afterglow/v1/incidents/{id}"));
    assert_eq!(whole["finding"]["rule"], "gc-pressure");
    // What it rests on is what REST has.
    let evidence = whole["finding"]["evidence"].as_array().unwrap();
    let source = evidence.iter().find(|e| e["path"].is_string()).unwrap();
    let number = server.json(source["path"].as_str().unwrap());
    assert_eq!(number.pointer(source["pointer"].as_str().unwrap()).unwrap(), &source["value"]);
    let delivery = eventually("its delivery was noted", 10, || {
        let whole = server.json(&format!("/api/afterglow/v1/incidents/{id}"));
        Some(whole["deliveries"][0].clone()).filter(|d| d["state"] == "sent")
    });
    assert_eq!((&delivery["receiver"], &delivery["destination"]), (&json!("hook"), &json!("webhook/0")));
    // People act on it.
    let at = |what: &str| format!("/incidents/{id}/{what}");
    let whole = post(&server, &at("acknowledge"), &json!({ "by": "ann", "comment": "mine" }));
    assert_eq!(whole["acknowledged_by"], "ann");
    assert_eq!(post(&server, &at("unacknowledge"), &json!({ "by": "ann" }))["acknowledged_by"], Value::Null);
    assert_eq!(post(&server, &at("assign"), &json!({ "to": "bob", "by": "ann" }))["assigned_to"], "bob");
    post(&server, &at("comment"), &json!({ "by": "bob", "text": "more heap" }));
    let mute = post(
        &server,
        "/mutes",
        &json!({ "rule": "gc-*", "app_name": incident["app_name"], "reason": "known", "by": "bob" }),
    );
    assert_eq!(server.json(&format!("/api/afterglow/v1/incidents/{id}"))["muted"], true);
    let path = format!("/api/afterglow/v1/mutes/{}", mute["id"]);
    assert_eq!(server.client().send("DELETE", &path, b"").unwrap().status, 200);
    assert_eq!(server.client().send("DELETE", &path, b"").unwrap().status, 404);
    assert_eq!(server.json("/api/afterglow/v1/mutes"), json!([]));
    let until = 32_503_680_000_000i64;
    post(&server, "/silences", &json!({ "matchers": ["cluster=~\"sci.*\""], "until": until, "by": "bob" }));
    assert_eq!(server.json("/api/afterglow/v1/silences")[0]["matchers"], json!(["cluster=~\"sci.*\""]));
    assert_eq!(server.json(&format!("/api/afterglow/v1/incidents/{id}"))["silenced"], true);
    let whole = post(&server, &at("resolve"), &json!({ "by": "bob", "comment": "done" }));
    let kinds: Vec<&str> = whole["events"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["firing", "acknowledged", "unacknowledged", "assigned", "comment", "resolved"]);
    for (query, total) in [
        ("state=firing&rule=gc-pressure", 0),
        ("state=resolved", 1),
        ("q=garbage", 1),
        ("q=100%25_", 0),
        ("cluster=x", 0),
    ] {
        assert_eq!(server.json(&format!("/api/afterglow/v1/incidents?{query}"))["total"], total, "{query}");
    }
    for (path, body) in
        [("/mutes", json!({ "by": "x" })), ("/silences", json!({ "matchers": ["x"], "until": until, "by": "x" }))]
    {
        let response =
            server.client().send("POST", &format!("/api/afterglow/v1{path}"), body.to_string().as_bytes()).unwrap();
        assert_eq!(response.status, 400, "{}", response.text());
    }
}

/// What Prometheus, Grafana and hand-made senders send: clocks that are off, the same start again, nulls, other words.
#[test]
fn alerts_from_outside_are_taken_at_their_senders_word() {
    let hook = Hook::start(|_| 200);
    let settings = format!(
        "[alerts.route]\nreceiver = \"grafana\"\ngroup_by = [\"...\"]\ngroup_wait = \"0s\"\ngroup_interval = \"1s\"\n\
         [[alerts.receiver]]\nname = \"grafana\"\n[[alerts.receiver.grafana]]\nurl = \"http://{}\"\n",
        hook.address
    );
    let folder = logs::folder();
    let server = serve(folder.path(), &settings);
    let send = |alerts: Value| post(&server, "/intake/alertmanager", &json!({ "alerts": alerts }));
    let word = |status: &str, name: &str, starts: &str, ends: &str| {
        let labels = json!({ "alertname": name, "severity": "CRITICAL", "cluster_id": "j-1" });
        json!([{ "status": status, "labels": labels, "annotations": null, "generatorURL": null, "startsAt": starts, "endsAt": ends }])
    };
    let none = "0001-01-01T00:00:00Z";
    let get = |id: &Value| server.json(&format!("/api/afterglow/v1/incidents/{id}"));
    let (starts, ends) = ("2026-11-21T10:00:00Z", "2026-11-21T10:10:00Z");
    let (began, over) = (1_795_255_200_000_i64, 1_795_255_800_000_i64);

    let first = send(word("firing", "lag", starts, none))["incidents"][0].clone();
    let incident = get(&first);
    assert_eq!((&incident["severity"], &incident["cluster"]), (&json!("critical"), &json!("j-1")));
    assert_eq!((&incident["labels"]["severity"], &incident["started_at"]), (&json!("critical"), &json!(began)));
    let annotation = |n: usize| eventually("an annotation", 30, || hook.got().get(n).map(|g| g.body.clone()));
    assert_eq!(annotation(0)["time"], began);
    assert_eq!(send(word("resolved", "lag", starts, ends))["incidents"], json!([first]));
    assert_eq!((&get(&first)["state"], &get(&first)["resolved_at"]), (&json!("resolved"), &json!(over)));
    assert_eq!((&annotation(1)["time"], &annotation(1)["tags"][1]), (&json!(over), &json!("resolved")));

    let again = send(word("firing", "lag", starts, none))["incidents"][0].clone();
    assert!(again.is_i64() && again != first, "{again}");
    assert_eq!(get(&again)["state"], "firing");

    // Its end is before its start, its start in the future, its end tomorrow.
    let far = ["2026-11-21T09:59:59.5Z", "2126-11-22T10:00:00Z"];
    for (name, starts, ends) in [("a", starts, far[0]), ("b", far[1], ends), ("c", starts, far[1])] {
        let id = send(word("firing", name, starts, none))["incidents"][0].clone();
        send(word("resolved", name, starts, ends));
        let incident = get(&id);
        assert_eq!(incident["state"], "resolved", "{name}");
        let (from, to) = (incident["started_at"].as_i64().unwrap(), incident["resolved_at"].as_i64().unwrap());
        assert!(from <= to && to <= incident["last_seen_at"].as_i64().unwrap() + 60_000, "{name}: {from} {to}");
    }

    // One that is odd costs itself.
    let mut some = word("firing", "d", starts, none);
    some.as_array_mut().unwrap().push(json!({ "status": "maybe", "labels": { "alertname": "odd" } }));
    let answer = send(some);
    assert_eq!((&answer["alerts"], &answer["refused"][0]["alert"]), (&json!(1), &json!(1)));
    assert_eq!(answer["refused"][0]["name"], "odd");
    assert!(answer["refused"][0]["why"].as_str().unwrap().contains("`maybe`"), "{answer}");
    let page = server.get("/metrics").text();
    assert_eq!(crate::metrics::sum(&page, "afterglow_intake_refused_total", &["source=\"alertmanager\""]), 1.0);
}

#[test]
fn a_sample_shows_what_goes_where() {
    let hook = Hook::start(|n| if n == 0 { 200 } else { 404 });
    let folder = logs::folder();
    let file = folder.path().join("afterglow.toml");
    let settings = format!(
        "[alerts.route]\nreceiver = \"team\"\n[[alerts.route.routes]]\nmatchers = ['severity=\"critical\"']\nreceiver = \"pager\"\n\
         [[alerts.receiver]]\nname = \"team\"\n[[alerts.receiver.slack]]\nurl = \"http://{0}/slack\"\n\
         [[alerts.receiver]]\nname = \"pager\"\n[[alerts.receiver.webhook]]\nurl = \"http://{0}/pager\"\n",
        hook.address
    );
    fs::write(&file, settings).unwrap();
    let test = |more: &[&str]| {
        let mut command = afterglow(&["alerts", "test", "--config", file.to_str().unwrap()]);
        command.args(more).output().unwrap()
    };
    let dry = test(&["--dry-run", "--route", "severity=critical"]);
    assert_eq!(
        stdout(&dry),
        "pager (group cluster=\"sample\", rule=\"sample\")\n  webhook/0: not sent\n",
        "{}",
        stderr(&dry)
    );
    let team = test(&[]);
    assert_eq!(stdout(&team), "team (group cluster=\"sample\", rule=\"sample\")\n  slack/0: sent\n");
    assert_eq!(hook.got()[0].body["blocks"][0]["type"], "header");
    let pager = test(&["--route", "severity=critical,cluster=prod"]);
    assert_eq!(stdout(&pager), "pager (group cluster=\"prod\", rule=\"sample\")\n  webhook/0: failed: 404 Not Found\n");
    assert!(!pager.status.success());
    assert!(stderr(&test(&["--route", "x"])).contains("`x` is no label"));
}

/// A program that ends with the value.
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Alertmanager's program, from the path or where `tests/prepare.sh` puts it.
pub fn alertmanager_program() -> Option<PathBuf> {
    let prepared = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.work/alertmanager/usr/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).chain([prepared]).map(|p| p.join("prometheus-alertmanager")).find(|p| p.is_file());
    if found.is_none() {
        skip::unprepared("Alertmanager (tests/it/alerts.rs): no prometheus-alertmanager: run tests/prepare.sh");
    }
    found
}

/// A real Alertmanager that sends to an address what it gets.
pub fn alertmanager(program: &Path, folder: &Path, webhook: &str) -> (Program, SocketAddr) {
    let config = folder.join("alertmanager.yml");
    let text = format!(
        "route: {{receiver: r, group_wait: 100ms, group_interval: 1s}}\nreceivers:\n  - name: r\n    webhook_configs: [{{url: '{webhook}'}}]\n"
    );
    fs::write(&config, text).unwrap();
    let mut child = Command::new(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
        .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (found, address) = mpsc::channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok).filter(|l| l.contains("Listening on")) {
            if let Some((_, address)) = line.split_once("address=") {
                let _ = found.send(address.trim().to_owned());
            }
        }
    });
    let address = address.recv_timeout(Duration::from_secs(30)).expect("alertmanager says where it listens");
    (Program(child), address.parse().unwrap())
}

pub fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    if !python.exists() {
        skip::unprepared("SNS, SQS and SMTP (tests/it/alerts.rs): no .venv/bin/python: run tests/prepare.sh");
        return None;
    }
    Some(python)
}

/// Runs Python that tells lines, of which the first is waited for.
pub fn tells(python: &Path, code: &str, args: &[&str]) -> (Program, mpsc::Receiver<String>) {
    let mut command = Command::new(python);
    command.arg("-c").arg(code).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    for (name, value) in
        [("AWS_ACCESS_KEY_ID", "tests"), ("AWS_SECRET_ACCESS_KEY", "tests"), ("AWS_DEFAULT_REGION", "us-east-1")]
    {
        command.env(name, value);
    }
    let mut child = command.spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sent, got) = mpsc::channel();
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| sent.send(line).is_ok()));
    (Program(child), got)
}

pub fn line(got: &mpsc::Receiver<String>) -> Value {
    serde_json::from_str(&got.recv_timeout(Duration::from_secs(60)).expect("a line")).unwrap()
}

pub const SMTP: &str = "
import email, email.policy, json, sys
from aiosmtpd.controller import Controller
class Handler:
    async def handle_DATA(self, server, session, envelope):
        m = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {p.get_content_type(): p.get_content() for p in m.walk() if not p.is_multipart()}
        print(json.dumps({'to': envelope.rcpt_tos, 'subject': m['subject'], 'id': m['message-id'], 'parts': parts}), flush=True)
        return '250 OK'
c = Controller(Handler(), hostname='127.0.0.1', port=0)
import socket
s = socket.socket(); s.bind(('127.0.0.1', 0)); c.port = s.getsockname()[1]; s.close()
c.start()
print(json.dumps({'port': c.port}), flush=True)
sys.stdin.read()
";

pub const AWS: &str = "
import json, sys, boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
at = 'http://%s:%d' % server.get_host_and_port()
sns, sqs = (boto3.client(s, endpoint_url=at, region_name='us-east-1') for s in ('sns', 'sqs'))
def queue(name, **attributes):
    url = sqs.create_queue(QueueName=name, Attributes=attributes)['QueueUrl']
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
critical, critical_arn = queue('critical')
other, other_arn = queue('other')
direct, _ = queue('direct')
fifo, fifo_arn = queue('ordered.fifo', FifoQueue='true')
inbox, inbox_arn = queue('inbox', VisibilityTimeout='1')
dead, _ = queue('dead')
topic = sns.create_topic(Name='alerts')['TopicArn']
ordered = sns.create_topic(Name='ordered.fifo', Attributes={'FifoTopic': 'true'})['TopicArn']
grafana = sns.create_topic(Name='grafana')['TopicArn']
def subscribe(topic, arn, severity=None):
    attributes = {'FilterPolicy': json.dumps({'severity': [severity]})} if severity else {}
    sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn, Attributes=attributes)
subscribe(topic, critical_arn, 'critical')
subscribe(topic, other_arn, 'info')
subscribe(ordered, fifo_arn)
subscribe(grafana, inbox_arn)
names = dict(at=at, topic=topic, ordered=ordered, direct=direct, inbox=inbox, dead=dead)
print(json.dumps(names), flush=True)
def drain(url):
    out = []
    while True:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=['All'], AttributeNames=['All']).get('Messages', [])
        if not got: return out
        for m in got:
            out.append({'body': m['Body'], 'attributes': {k: v['StringValue'] for k, v in m.get('MessageAttributes', {}).items()}, 'system': m.get('Attributes', {})})
            sqs.delete_message(QueueUrl=url, ReceiptHandle=m['ReceiptHandle'])
queues = dict(critical=critical, other=other, direct=direct, fifo=fifo, inbox=inbox, dead=dead)
for line in sys.stdin:
    what, rest = line.rstrip('\\n').split(' ', 1)
    if what == 'drain': print(json.dumps(drain(queues[rest])), flush=True)
    if what == 'publish': sns.publish(TopicArn=grafana, Message=rest); print('{}', flush=True)
    if what == 'send': sqs.send_message(QueueUrl=inbox, MessageBody=rest); print('{}', flush=True)
";

/// A line to a program that answers with one.
pub fn ask(program: &mut Program, got: &mpsc::Receiver<String>, what: &str) -> Value {
    writeln!(program.0.stdin.as_mut().unwrap(), "{what}").unwrap();
    line(got)
}

#[test]
fn real_receivers_get_it() {
    let (Some(program), Some(python)) = (alertmanager_program(), python()) else { return };
    let folder = logs::folder();
    let hook = Hook::start(|_| 200);
    let (_alertmanager, alertmanager_at) = alertmanager(&program, folder.path(), &format!("http://{}/", hook.address));
    let (_smtp, mails) = tells(&python, SMTP, &[]);
    let port = line(&mails)["port"].as_i64().unwrap();
    let (mut aws, aws_says) = tells(&python, AWS, &[]);
    let names = line(&aws_says);
    let name = |key: &str| names[key].as_str().unwrap().to_owned();
    let settings = format!(
        "[alerts]\nurl = \"https://afterglow.example.com\"\n[alerts.route]\nreceiver = \"all\"\ngroup_wait = \"0s\"\ngroup_interval = \"1s\"\n[[alerts.receiver]]\nname = \"all\"\n\
         [[alerts.receiver.alertmanager]]\nurl = \"http://{alertmanager_at}\"\n\
         [[alerts.receiver.email]]\nto = [\"team@example.com\", \"ops@example.com\"]\nfrom = \"Afterglow <afterglow@example.com>\"\nserver = \"127.0.0.1:{port}\"\ntls = \"none\"\n\
         [[alerts.receiver.sns]]\ntopic_arn = \"{}\"\nendpoint_url = \"{at}\"\n\
         [[alerts.receiver.sns]]\ntopic_arn = \"{}\"\nendpoint_url = \"{at}\"\n\
         [[alerts.receiver.sqs]]\nqueue_url = \"{}\"\nendpoint_url = \"{at}\"\nregion = \"us-east-1\"\n\
         [[alerts.queue]]\nqueue_url = \"{}\"\ndead_letter_url = \"{}\"\nendpoint_url = \"{at}\"\nregion = \"us-east-1\"\n",
        name("topic"),
        name("ordered"),
        name("direct"),
        name("inbox"),
        name("dead"),
        at = name("at"),
    );
    let server = serve(folder.path(), &settings);

    // In: by SNS in its envelope and twice, something that is no alert between them, and bare.
    let message =
        |app: &str| json!({ "receiver": "sns", "status": "firing", "alerts": [alert("cpu", app)] }).to_string();
    for text in [message("a"), "poison".to_owned(), message("a")] {
        ask(&mut aws, &aws_says, &format!("publish {text}"));
    }
    ask(&mut aws, &aws_says, &format!("send {}", message("a")));
    let incident = eventually("an incident", 60, || {
        let all = server.json("/api/afterglow/v1/incidents");
        (all["total"] == 1).then(|| all["incidents"][0].clone())
    });
    assert_eq!(
        (&incident["rule"], &incident["origin"], &incident["app_name"]),
        (&json!("cpu"), &json!("sqs"), &json!("a"))
    );
    let mut dead = Vec::new();
    eventually("the poison is where it belongs", 60, || {
        dead.extend(ask(&mut aws, &aws_says, "drain dead").as_array().unwrap().clone());
        (!dead.is_empty()).then_some(())
    });
    assert!(dead[0]["body"].as_str().unwrap().contains("poison"));
    assert!(dead[0]["attributes"]["reason"].as_str().unwrap().starts_with("no JSON"), "{dead:?}");

    // Out.
    let mail = line(&mails);
    assert_eq!(mail["to"], json!(["team@example.com", "ops@example.com"]));
    assert_eq!(mail["subject"], "[firing 1] cpu on prod: a: cpu of a");
    assert!(mail["parts"]["text/plain"].as_str().unwrap().contains("- critical [cpu] a: cpu of a"), "{mail}");
    assert!(
        mail["parts"]["text/html"]
            .as_str()
            .unwrap()
            .contains("<b><a href=\"https://afterglow.example.com/incidents/1\">cpu</a></b>"),
        "{mail}"
    );
    let told = eventually("Alertmanager tells of it", 30, || hook.got().into_iter().next());
    let labels =
        json!({ "alertname": "cpu", "app_name": "a", "cluster": "prod", "rule": "cpu", "severity": "critical" });
    assert_eq!((&told.body["status"], &told.body["alerts"][0]["labels"]), (&json!("firing"), &labels));
    let (mut critical, mut ordered, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    eventually("SNS and SQS have it", 30, || {
        for (queue, to) in [("critical", &mut critical), ("fifo", &mut ordered), ("direct", &mut direct)] {
            to.extend(ask(&mut aws, &aws_says, &format!("drain {queue}")).as_array().unwrap().clone());
        }
        (!critical.is_empty() && !ordered.is_empty() && !direct.is_empty()).then_some(())
    });
    let envelope: Value = serde_json::from_str(critical[0]["body"].as_str().unwrap()).unwrap();
    let inner: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&inner["incidents"][0]["app_name"], &inner["status"]), (&json!("a"), &json!("firing")));
    assert_eq!(envelope["MessageAttributes"]["severity"]["Value"], "critical");
    assert_eq!(ask(&mut aws, &aws_says, "drain other"), json!([]), "its filter wants info");
    let first: Value = serde_json::from_str(ordered[0]["body"].as_str().unwrap()).unwrap();
    let first: Value = serde_json::from_str(first["Message"].as_str().unwrap()).unwrap();
    assert!(ordered[0]["system"]["MessageDeduplicationId"].as_str().unwrap().len() >= 32, "{ordered:?}");
    assert_eq!(first["group_key"], inner["group_key"]);
    assert_eq!(direct[0]["attributes"]["rule"], "cpu");

    // It is over.
    post(&server, "/incidents/1/resolve", &json!({ "by": "ann" }));
    assert_eq!(line(&mails)["subject"], "[resolved 1] cpu on prod: a: cpu of a");
    eventually("Alertmanager tells of its end", 60, || hook.got().into_iter().find(|g| g.body["status"] == "resolved"));
    assert_eq!(server.json("/api/afterglow/v1/incidents")["total"], 1, "nothing came back as another");
}

#[test]
fn a_real_alertmanager_brings_alerts_and_ours_are_no_news() {
    let Some(program) = alertmanager_program() else { return };
    let folder = logs::folder();
    let server = serve(folder.path(), "");
    let webhook = format!("http://{}/api/afterglow/v1/intake/alertmanager", server.address);
    let (_alertmanager, at) = alertmanager(&program, folder.path(), &webhook);
    let alerts = json!([
        { "labels": { "alertname": "NodeDown", "cluster": "prod", "severity": "critical" }, "annotations": { "summary": "a node is down" }, "startsAt": "2025-11-21T12:00:00Z" },
        { "labels": { "alertname": "gc-pressure" }, "annotations": { "afterglow_incident": "1" } },
    ]);
    // It wants to know the type.
    let push = |alerts: &Value| {
        let body = alerts.to_string();
        let mut stream = TcpStream::connect(at).unwrap();
        let head = "POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json";
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    push(&alerts);
    let all =
        eventually("an incident", 30, || Some(server.json("/api/afterglow/v1/incidents")).filter(|a| a["total"] == 1));
    let incident = &all["incidents"][0];
    assert_eq!(
        (&incident["rule"], &incident["state"], &incident["origin"]),
        (&json!("NodeDown"), &json!("firing"), &json!("alertmanager"))
    );
    let mut over = alerts[0].clone();
    over["endsAt"] = "2025-11-21T13:00:00Z".into();
    push(&json!([over]));
    eventually("it is over", 30, || {
        (server.json("/api/afterglow/v1/incidents")["incidents"][0]["state"] == "resolved").then_some(())
    });
}
