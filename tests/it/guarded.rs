//! Who is answered: no page of another site changes anything, or reads by a name of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::alerts::serve;
use crate::logs;
use crate::server::TestServer;

/// What is answered to a request as it is written here, up to the end of the connection.
pub fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(address: SocketAddr, host: &str, path: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

fn post(server: &TestServer, path: &str, headers: &str, body: &str) -> String {
    let (host, length) = (server.address, body.len());
    let head = format!("POST /api/afterglow/v1{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n");
    raw(server.address, &format!("{head}Connection: close\r\n{headers}\r\n{body}"))
}

#[test]
fn other_names_are_not_answered() {
    let folder = logs::folder();
    let server = serve(folder.path(), "[server]\nhosts = [\"spark.example.com\"]\n");
    let port = server.address.port();
    for path in ["/", "/metrics", "/healthz", "/api/v1/applications", "/api/afterglow/v1/applications", "/nothing"] {
        for host in ["evil.example.com".into(), format!("evil.example.com:{port}"), "10.0.0.1".into()] {
            let answer = get(server.address, &host, path);
            assert!(answer.starts_with("HTTP/1.1 403 "), "{host}{path}: {answer}");
            assert!(answer.contains("list it in server.hosts"), "{host}{path}: {answer}");
        }
        for host in ["spark.example.com".into(), format!("localhost:{port}"), format!("[::1]:{port}")] {
            let status = if path == "/nothing" { "404" } else { "200" };
            let answer = get(server.address, &host, path);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}{path}: {answer}");
        }
    }
    let ours = get(server.address, "evil.example.com", "/api/afterglow/v1/applications");
    assert!(ours.contains("{\"error\":\"this address is not one this server answers to: evil.example.com: "), "{ours}");
    let two = format!("GET / HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\nConnection: close\r\n\r\n", server.address);
    assert!(raw(server.address, &two).starts_with("HTTP/1.1 400 "), "two hosts");
    assert!(raw(server.address, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 400 "), "none");
}

#[test]
fn other_sites_change_nothing() {
    let folder = logs::folder();
    let server = serve(folder.path(), "");
    let alert = json!({ "alerts": [{
        "status": "firing", "labels": { "alertname": "Forged", "severity": "critical" }, "startsAt": "2026-11-21T13:00:00Z",
    }] })
    .to_string();
    let json = "Content-Type: application/json\r\n";
    let foreign = [
        ("415", "Content-Type: text/plain\r\n".to_owned()),
        ("415", String::new()),
        ("403", format!("{json}Origin: http://evil.example.com\r\n")),
        ("403", format!("{json}Origin: null\r\n")),
        ("403", format!("{json}Sec-Fetch-Site: cross-site\r\n")),
    ];
    for (status, headers) in foreign {
        for (path, body) in
            [("/intake/alertmanager", alert.as_str()), ("/mutes", "{}"), ("/sql", "{\"query\":\"SELECT 1\"}")]
        {
            let answer = post(&server, path, &headers, body);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}, {headers}: {answer}");
        }
    }
    let refused = post(&server, "/sql", "Content-Type: text/plain\r\n", "{\"query\":\"SELECT 1\"}");
    assert!(refused.contains("{\"error\":\"send the body with `Content-Type: application/json`"), "{refused}");
    assert_eq!(server.json("/api/afterglow/v1/incidents")["total"], 0);
    // Machines, and our own pages.
    for headers in
        [json.to_owned(), format!("{json}Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", server.address)]
    {
        let answer = post(&server, "/intake/alertmanager", &headers, &alert);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{headers}: {answer}");
    }
    assert_eq!(server.json("/api/afterglow/v1/incidents")["total"], 1);
}

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let folder = logs::folder();
    let server = TestServer::serve(folder.path()).start();
    for path in ["/api/v1/applications", "/api/v1/nothing", "/api/afterglow/v1/nothing", "/metrics", "/healthz", "/x"] {
        let answer = server.get(path);
        let said = ["content-security-policy", "x-content-type-options", "referrer-policy"].map(|h| answer.header(h));
        let expected = ["default-src 'none'; frame-ancestors 'none'", "nosniff", "same-origin"].map(Some);
        assert_eq!(said, expected, "{path}");
    }
    let page = server.get("/");
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self';"));
}
