//! Remote write: a real Prometheus has what `/metrics` says, and a receiver that fails, refuses or wants a signature gets what
//! it should.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ring::{digest, hmac};

use crate::logs;
use crate::metrics::sum;
use crate::prometheus::Prometheus;
use crate::server::{TestServer, eventually};

/// A request as the receiver got it.
struct Got {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A receiver that answers in turn with these, and then with 204.
fn receiver(answers: &'static [&'static str]) -> (SocketAddr, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sent, got) = mpsc::channel();
    let mut answers = answers.iter().copied();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                continue;
            }
            let path = line.split(' ').nth(1).unwrap().to_owned();
            let mut headers = BTreeMap::new();
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(':') else { break };
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            let mut body = vec![0; headers["content-length"].parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let answer = answers.next().unwrap_or("204 No Content");
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if sent.send(Got { path, headers, body }).is_err() {
                return;
            }
        }
    });
    (address, got)
}

fn next(got: &Receiver<Got>) -> Got {
    got.recv_timeout(Duration::from_secs(60)).expect("a request")
}

/// A server with settings for remote write.
fn server(dir: &std::path::Path, settings: &str) -> TestServer {
    let file = dir.join("afterglow.toml");
    fs::write(&file, settings).unwrap();
    let source = logs::case("3.5.9", "users");
    TestServer::serve(&dir.join("store"))
        .logs(source.to_str().unwrap())
        .env("AFTERGLOW_CONFIG", file.to_str().unwrap())
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .start()
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn a_real_prometheus_has_what_the_page_says() {
    let Some(prometheus) = Prometheus::start(&[]) else { return };
    let dir = logs::folder();
    let settings = format!(
        "[remote_write]\nurl = \"http://{}/api/v1/write\"\nevery = \"1s\"\nseries = [\"afterglow_*\", \"!*_bucket\", \"!afterglow_http_*\"]\n\
         labels = {{ team = \"data \\\"x\\\"\" }}\n",
        prometheus.address
    );
    let server = server(dir.path(), &settings);
    eventually("indexed and sent", 60, || {
        (prometheus.value("sum(afterglow_applications{job=\"afterglow\"})")? == 4.0).then_some(())
    });
    let page = server.get("/metrics").text();
    for name in [
        "afterglow_ingest_events_total",
        "afterglow_ingest_read_bytes_total",
        "afterglow_log_bytes",
        "afterglow_store_bytes",
    ] {
        let [(labels, value)] = &prometheus.query(name)[..] else { panic!("{name}: {:?}", prometheus.query(name)) };
        assert_eq!(*value, sum(&page, name, &[]), "{name}");
        assert_eq!(labels["team"], "data \"x\"");
        assert!(labels["instance"].as_str().unwrap().ends_with(&format!(":{}", server.address.port())), "{labels}");
        let at = prometheus.value(&format!("time() - timestamp({name})")).unwrap();
        assert!((-1.0..10.0).contains(&at), "{name}: {at} s old");
    }
    for absent in ["{__name__=~\".*_bucket\"}", "{__name__=~\"process_.*\"}", "{__name__=~\"afterglow_http_.*\"}"] {
        assert_eq!(prometheus.query(absent), [], "{absent}");
    }
    let sent = sum(&server.get("/metrics").text(), "afterglow_remote_write_samples_total", &["outcome=\"sent\""]);
    assert!(sent > 20.0, "{sent}");
    assert!(!server.log().contains("remote_write"), "{}", server.log());
}

#[test]
fn what_fails_is_sent_again_and_what_is_refused_is_dropped_and_said_once() {
    let (address, got) = receiver(&["503 Away", "429 Slow\r\nRetry-After: 1", "400 Bad", "400 Bad"]);
    let dir = logs::folder();
    fs::write(dir.path().join("password"), "s3cret\n").unwrap();
    let settings = format!(
        "[remote_write]\nurl = \"http://{address}/api/v1/push?x=1\"\nevery = \"1s\"\nseries = [\"afterglow_build_info\"]\nusername = \"me\"\npassword_file = \"{}\"\n\
         headers = {{ \"X-Scope-OrgID\" = \"team\" }}\n",
        dir.path().join("password").display()
    );
    let server = server(dir.path(), &settings);
    let requests: Vec<Got> = (0..5).map(|_| next(&got)).collect();
    for r in &requests {
        assert_eq!(r.path, "/api/v1/push?x=1");
        let header = |name: &str| r.headers[name].as_str();
        assert_eq!(header("content-type"), "application/x-protobuf");
        assert_eq!(header("content-encoding"), "snappy");
        assert_eq!(header("x-prometheus-remote-write-version"), "0.1.0");
        assert_eq!((header("authorization"), header("x-scope-orgid")), ("Basic bWU6czNjcmV0", "team"));
    }
    // The same three times, then the next ones, of later moments.
    assert!(requests[0].body == requests[1].body && requests[1].body == requests[2].body);
    assert!(requests[2].body != requests[3].body && requests[3].body != requests[4].body);
    eventually("counted", 20, || {
        let page = server.get("/metrics").text();
        let counted = |labels: &[&str]| sum(&page, "afterglow_remote_write_samples_total", labels);
        // It is counted before it is said.
        (counted(&["dropped"]) == 2.0
            && server.log().contains("takes what is sent again")
            && counted(&["sent"]) >= 1.0
            && sum(&page, "afterglow_remote_write_retries_total", &[]) == 2.0)
            .then_some(())
    });
    let log = server.log();
    assert_eq!(log.matches("remote_write: ").count(), 4, "{log}");
    assert_eq!(log.matches("refuses what is sent, which is dropped: 400 Bad Request").count(), 1, "{log}");
    assert!(log.contains("takes what is sent again") && !log.contains("s3cret") && !log.contains("x=1"), "{log}");
}

/// The signature of a request as the specification of Signature Version 4 makes it, of the headers that it says are signed.
fn signature(got: &Got, region: &str) -> String {
    let authorization = &got.headers["authorization"];
    let signed = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let hash = |bytes: &[u8]| hex(digest::digest(&digest::SHA256, bytes).as_ref());
    let mac =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", got.headers[name])).collect();
    let request = format!("POST\n{}\n\n{headers}\n{signed}\n{}", got.path, hash(&got.body));
    let date = &got.headers["x-amz-date"];
    let scope = format!("{}/{region}/aps/aws4_request", &date[..8]);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(request.as_bytes()));
    let keys = [&date[..8], region, "aps", "aws4_request"];
    let key = keys.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={signed}, Signature={}",
        hex(&mac(&key, &text))
    )
}

#[test]
fn requests_are_signed_as_amazons_service_wants_it() {
    let (address, got) = receiver(&[]);
    let dir = logs::folder();
    let url = format!("http://{address}/workspaces/ws-1/api/v1/remote_write");
    let server = server(
        dir.path(),
        &format!("[remote_write]\nurl = \"{url}\"\nevery = \"1s\"\nsigv4 = {{ region = \"eu-central-1\" }}\n"),
    );
    for _ in 0..2 {
        let request = next(&got);
        assert_eq!(request.headers["authorization"], signature(&request, "eu-central-1"));
        let signed = &request.headers["authorization"];
        assert!(["host", "x-amz-date", "content-encoding"].iter().all(|h| signed.contains(h)), "{signed}");
    }
    drop(server);
}

#[test]
fn a_bearer_token_is_read_anew_and_a_file_that_is_not_there_is_said() {
    let (address, got) = receiver(&[]);
    let dir = logs::folder();
    let file = dir.path().join("token");
    let settings = format!(
        "[remote_write]\nurl = \"http://{address}/\"\nevery = \"1s\"\nbearer_token_file = \"{}\"\n",
        file.display()
    );
    let server = server(dir.path(), &settings);
    eventually("said", 30, || server.log().contains("token: No such file").then_some(()));
    fs::write(&file, "one\n").unwrap();
    assert_eq!(next(&got).headers["authorization"], "Bearer one");
    fs::write(&file, "two\n").unwrap();
    eventually("the new token", 30, || (next(&got).headers["authorization"] == "Bearer two").then_some(()));
}
