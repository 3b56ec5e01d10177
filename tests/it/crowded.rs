//! Many clients, slow ones and greedy ones: each costs itself, and the others are answered.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::golden::members;
use crate::server::{TestServer, afterglow, ingest};
use crate::{logs, synthetic};

/// Time that these servers give their clients.
const TIMEOUT: &str = "2s";
/// Who is not closed by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection on which this was sent; nothing is read.
fn sent(server: &TestServer, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn get(server: &TestServer, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)
}

/// What still comes on a connection, and whether it was closed in time.
fn rest(mut stream: TcpStream) -> (Vec<u8>, bool) {
    let mut got = Vec::new();
    let read = stream.read_to_end(&mut got);
    let late = |e: &std::io::Error| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    let closed = read.as_ref().err().is_none_or(|e| !late(e));
    (got, closed)
}

#[test]
fn downloads_that_nobody_reads_stop_no_others() {
    let folder = logs::folder();
    let (logs, store) = (folder.path().join("logs"), folder.path().join("store"));
    let id = synthetic::incompressible(&logs, 8 << 20);
    let taken = ingest(&store, &[logs.to_str().unwrap()]);
    assert!(taken.status.success(), "{taken:?}");
    let server = TestServer::role("history", &store).env("AFTERGLOW_SERVER__TIMEOUT", TIMEOUT).start();
    let path = format!("/api/v1/applications/{id}/logs");
    // More than there ever were threads for, on machines of few cores.
    let many = (12 * thread::available_parallelism().map_or(2, usize::from) + 1).min(30);
    let unread: Vec<TcpStream> = (0..many).map(|_| sent(&server, &get(&server, &path))).collect();
    let began = Instant::now();
    let zip = server.get(&path);
    assert_eq!(zip.status, 200, "{}", zip.text());
    let expected = members(&zip.body);
    assert_eq!(expected.as_object().unwrap().keys().collect::<Vec<_>>(), [&id]);
    // What else needs threads that may block.
    assert_eq!(server.json(&format!("/api/v1/applications/{id}/jobs")), json!([]));
    assert!(began.elapsed() < Duration::from_secs(55), "{:?}", began.elapsed());
    // Each is closed before its end.
    thread::sleep(Duration::from_secs(3));
    for stream in unread {
        let (got, closed) = rest(stream);
        assert!(closed && got.len() < zip.body.len(), "{} of {}", got.len(), zip.body.len());
    }
    // Those who read do so side by side.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(members(&server.client().get(&path).unwrap().body), expected));
        }
    });
}

#[test]
fn downloads_beyond_what_may_run_are_told_to_come_again() {
    let folder = logs::folder();
    let (logs, store) = (folder.path().join("logs"), folder.path().join("store"));
    let id = synthetic::incompressible(&logs, 8 << 20);
    let taken = ingest(&store, &[logs.to_str().unwrap()]);
    assert!(taken.status.success(), "{taken:?}");
    let server = TestServer::role("history", &store).env("AFTERGLOW_SERVER__DOWNLOADS", "1").start();
    let path = format!("/api/v1/applications/{id}/logs");
    let unread = sent(&server, &get(&server, &path));
    thread::sleep(Duration::from_millis(500));
    let refused = server.get(&path);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{}", refused.text());
    assert!(refused.text().contains("server.downloads"), "{}", refused.text());
    drop(unread);
    let zip = crate::server::eventually("the place is free again", 10, || {
        Some(server.get(&path)).filter(|r| r.status == 200)
    });
    assert_eq!(members(&zip.body).as_object().unwrap().len(), 1);
}

#[test]
fn who_does_not_send_is_closed() {
    let folder = logs::folder();
    let server = TestServer::serve(folder.path()).env("AFTERGLOW_SERVER__TIMEOUT", TIMEOUT).start();
    let host = server.address;
    let half = [
        String::new(),
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-".to_owned(),
        format!(
            "POST /api/afterglow/v1/sql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
        ),
        // Answered, and then nothing more.
        get(&server, "/healthz"),
    ];
    let began = Instant::now();
    for stream in half.map(|text| sent(&server, &text)) {
        assert!(rest(stream).1);
    }
    assert!((2..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    let folder = logs::folder();
    let server = TestServer::serve(folder.path()).env("AFTERGLOW_SERVER__CONNECTIONS", "20").start();
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..60 {
        let mut stream = sent(&server, &get(&server, "/healthz"));
        // It waits in the system's queue until there is room.
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        idle.push(stream);
    }
    assert_eq!(server.get("/healthz").status, 200);
    let newest = idle.split_off(50);
    // The oldest are gone, the newest are there.
    for stream in idle.drain(..35) {
        assert!(rest(stream).1);
    }
    for mut stream in newest {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut got = Vec::new();
        let e = stream.read_to_end(&mut got).unwrap_err();
        assert!(matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{e}");
    }
}

#[test]
fn connections_cost_little_memory() {
    let folder = logs::folder();
    let server = TestServer::serve(folder.path()).env("AFTERGLOW_SERVER__CONNECTIONS", "400").start();
    server.get("/api/v1/applications");
    let before = server.most_memory();
    let open: Vec<TcpStream> = (0..300).map(|_| sent(&server, &get(&server, "/api/v1/applications"))).collect();
    for mut stream in &open {
        stream.read_exact(&mut [0]).unwrap();
    }
    let each = server.most_memory().saturating_sub(before) / 300;
    assert!(each < 100 << 10, "{each} bytes a connection");
}

/// As browsers and Python's `requests` ask.
#[test]
fn long_answers_come_compressed_and_whole() {
    let folder = logs::folder();
    let (logs, store) = (folder.path().join("logs"), folder.path().join("store"));
    let id = synthetic::tasks(&logs, 2_000);
    assert!(ingest(&store, &[logs.to_str().unwrap()]).status.success());
    let server = TestServer::role("history", &store).start();
    for path in ["stages?details=true", "stages", "jobs", "sql", "stages/0/0/taskList?length=2000"] {
        let path = format!("/api/v1/applications/{id}/{path}");
        let host = server.address;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n");
        let (got, closed) = rest(sent(&server, &request));
        let head = got.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let headers = String::from_utf8_lossy(&got[..head]).to_lowercase();
        assert!(closed && headers.starts_with("http/1.1 200"), "{path}: {headers}");
        let mut body = got[head + 4..].to_vec();
        if headers.contains("transfer-encoding: chunked") {
            assert!(body.ends_with(b"0\r\n\r\n"), "{path} was cut off");
            body = chunks(&body);
        }
        if headers.contains("content-encoding: gzip") {
            let packed = std::mem::take(&mut body);
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut body).unwrap();
        }
        assert!(body == server.get(&path).body, "{path}");
    }
}

/// The bytes of a body that came in chunks.
fn chunks(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(at) = body.windows(2).position(|w| w == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..at]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&body[at + 2..at + 2 + length]);
        body = &body[at + 2 + length + 2..];
        if length == 0 {
            break;
        }
    }
    whole
}

#[test]
fn long_answers_take_memory_of_no_more_than_pieces() {
    let folder = logs::folder();
    let (logs, store) = (folder.path().join("logs"), folder.path().join("store"));
    let count = 12_000;
    let id = synthetic::tasks(&logs, count);
    let taken = ingest(&store, &[logs.to_str().unwrap()]);
    assert!(taken.status.success(), "{taken:?}");
    let server = TestServer::role("history", &store).env("AFTERGLOW_SERVER__MEMORY", "64MiB").start();
    let base = format!("/api/v1/applications/{id}");
    let path = format!("{base}/stages?details=true");
    let whole: Vec<Value> = serde_json::from_slice(&server.get(&path).body).unwrap();
    let tasks = whole[0]["tasks"].as_object().unwrap();
    assert_eq!(tasks.len(), count as usize);
    for n in [0, 9, 10, count - 1] {
        let list = server.json(&format!("{base}/stages/0/0/taskList?offset={n}&length=1"));
        assert_eq!(tasks[&n.to_string()], list[0], "{n}");
    }
    // Some read, some do not; all at once.
    let unread: Vec<TcpStream> = (0..16).map(|_| sent(&server, &get(&server, &path))).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let got = server.client().get(&path).unwrap();
                match got.status {
                    200 => assert_eq!(serde_json::from_slice::<Vec<Value>>(&got.body).unwrap(), whole),
                    _ => assert_eq!((got.status, got.header("retry-after")), (503, Some("5")), "{}", got.text()),
                }
            });
        }
    });
    assert_eq!(server.get("/api/v1/applications").status, 200);
    let most = server.most_memory() >> 20;
    assert!(most < 320, "{most} MiB");
    drop(unread);
}

#[test]
fn a_page_of_stages_is_not_the_whole_list() {
    let folder = logs::folder();
    let (logs, store) = (folder.path().join("logs"), folder.path().join("store"));
    let count = 3_000;
    let id = synthetic::stages(&logs, count);
    let taken = ingest(&store, &[logs.to_str().unwrap()]);
    assert!(taken.status.success(), "{taken:?}");
    let server = TestServer::history(&store);
    let base = format!("/api/v1/applications/{id}/stages");
    let all = server.json(&base);
    let ids =
        |list: &Value| list.as_array().unwrap().iter().map(|s| s["stageId"].as_i64().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(&all), (0..count).rev().collect::<Vec<_>>());
    for (offset, length) in [(0, 10), (5, 3), (2_990, 100), (count, 1), (700, 0)] {
        let part = server.json(&format!("{base}?offset={offset}&length={length}"));
        let expected: Vec<&Value> = all.as_array().unwrap().iter().skip(offset as usize).take(length).collect();
        assert_eq!(part.as_array().unwrap().iter().collect::<Vec<_>>(), expected, "{offset} {length}");
    }
    assert_eq!(server.json(&format!("{base}?status=failed")), json!([]));
    let ours = server.json(&format!("/api/afterglow/v1/applications/{id}/stages?sort=-id&offset=7&length=2"));
    assert_eq!((&ours["total"], &ours["filtered"]), (&json!(count), &json!(count)));
    let shown: Vec<i64> = ours["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_i64().unwrap()).collect();
    assert_eq!(shown, [count - 8, count - 9]);
}

#[test]
fn many_readings_do_not_wait_for_each_other() {
    let folder = logs::folder();
    let (logs, store) = (folder.path().join("logs"), folder.path().join("store"));
    let (id, log) = logs::plain("4.3.0", "codec-none");
    std::fs::create_dir_all(&logs).unwrap();
    // More than there are threads for, if each log had one.
    let many = 40 * thread::available_parallelism().map_or(2, usize::from).min(4);
    for n in 0..many {
        let to = format!("local-{:013}", n + 1);
        std::fs::write(logs.join(&to), logs::renamed(&log, &id, &to)).unwrap();
    }
    let (logs, store) = (logs.display().to_string(), store.display().to_string());
    let args = ["ingest", "--once", "--workers", "64", "--store", &store, "--logs", &logs];
    let mut child = afterglow(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if began.elapsed() > Duration::from_secs(120) => break None,
            None => thread::sleep(Duration::from_millis(50)),
        }
    };
    let _ = child.kill();
    assert!(ended.is_some_and(|s| s.success()), "{ended:?}");
    let server = TestServer::history(Path::new(&store));
    assert_eq!(server.json("/api/v1/applications").as_array().unwrap().len(), many);
}
