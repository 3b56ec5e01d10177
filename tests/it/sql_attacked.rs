//! Statements that would end, hang or fill the process that answers them: it may end, the server may not, and the next statement is
//! answered.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::logs;
use crate::server::{self, TestServer, eventually};

const SQL: &str = "/api/afterglow/v1/sql";

fn ask(server: &TestServer, statement: &str) -> (u16, String) {
    let body = json!({ "query": statement }).to_string();
    let response = server.client().send("POST", SQL, body.as_bytes()).unwrap();
    (response.status, response.text())
}

fn count(server: &TestServer) -> Value {
    let (status, text) = ask(server, "SELECT count(*) FROM applications");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["rows"][0][0].clone()
}

fn started(dir: &std::path::Path, settings: &[(&str, &str)]) -> TestServer {
    let store = dir.join("store");
    server::ingest(&store, &[logs::case("3.5.9", "sql").to_str().unwrap()]);
    let builder = TestServer::role("history", &store).env("AFTERGLOW_POSTGRES__LISTEN", "127.0.0.1:0");
    settings.iter().fold(builder, |b, (name, value)| b.env(name, value)).start()
}

fn is_ready(server: &TestServer) -> bool {
    server.get("/readyz").status == 200
}

/// Memory of a process that is in no file, bytes; 0 if it does not run.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// The most memory that the server's statements took while something was done, and how long the slowest page took.
fn watched<T>(server: &TestServer, with: impl FnOnce() -> T) -> (T, u64, Duration) {
    let (over, most, slowest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for _ in 0..20 {
                    most.fetch_max(server.engine().map_or(0, memory), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        });
        scope.spawn(|| {
            let mut client = server.client();
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(client.get("/api/v1/applications").unwrap().status, 200);
                slowest.fetch_max(began.elapsed().as_millis() as u64, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(with));
        over.store(true, Ordering::Relaxed);
        done
    });
    let done = done.unwrap_or_else(|e| std::panic::resume_unwind(e));
    (done, most.into_inner(), Duration::from_millis(slowest.into_inner()))
}

/// A thing many times, with something between.
fn chain(n: usize, of: impl Fn(usize) -> String, with: &str) -> String {
    (0..n).map(of).collect::<Vec<_>>().join(with)
}

#[test]
fn long_chains_are_refused_by_name_over_every_protocol() {
    let dir = logs::folder();
    let server = started(dir.path(), &[]);
    let term = |i| format!("tasks = {i}");
    let all = [
        (format!("SELECT count(*) FROM applications WHERE {}", chain(18_000, term, " OR ")), "2000 operators"),
        (format!("SELECT count(*) FROM applications WHERE {}", chain(18_000, term, " AND ")), "2000 operators"),
        (format!("SELECT {}", chain(18_000, |i| i.to_string(), "+")), "2000 operators"),
        (chain(18_000, |i| format!("SELECT {i}"), " UNION ALL "), "250 UNION"),
        (format!("SELECT '{}'", "x".repeat(1 << 20)), "1048576"),
        (format!("SELECT 1 FROM {}", chain(500, |i| format!("jobs j{i}"), ", ")), "100 tables"),
    ];
    let before = server.engine();
    for (statement, says) in &all {
        let (status, text) = ask(&server, statement);
        assert!(status == 400 && text.contains(says), "{}: {status} {text}", &statement[..60]);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = server.postgres();
        let settings = format!("host={} port={} user=tests dbname=afterglow", address.ip(), address.port());
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
        tokio::spawn(connection);
        for (statement, says) in &all {
            let simple = client.simple_query(statement).await.unwrap_err();
            let extended = client.query(statement, &[]).await.unwrap_err();
            for e in [simple, extended] {
                let told = e.as_db_error().unwrap_or_else(|| panic!("{e:?}")).message();
                assert!(told.contains(says), "{}: {told}", &statement[..60]);
            }
        }
        let one: i64 = client.query_one("SELECT count(*) FROM applications", &[]).await.unwrap().get(0);
        assert_eq!(one, 1);
    });
    assert_eq!(server.engine(), before, "nothing of it ended the process");
    // What is within the bounds is answered.
    let (status, text) = ask(
        &server,
        &format!(
            "SELECT count(*) FROM applications WHERE {}",
            chain(400, |i| format!("tasks <> {}", 1_000_000 + i), " AND ")
        ),
    );
    assert!(status == 200 && text.contains("[[1]]"), "{text}");
    assert!(is_ready(&server));
}

#[test]
fn planning_counts_towards_the_time_and_nothing_waits_for_it() {
    let dir = logs::folder();
    let server = started(dir.path(), &[("AFTERGLOW_SQL__TIMEOUT", "2s")]);
    assert_eq!(count(&server), json!(1));
    let mut doubling = "WITH t0 AS (SELECT * FROM stages)".to_owned();
    for i in 1..=22 {
        doubling += &format!(", t{i} AS (SELECT a.* FROM t{0} a UNION ALL SELECT b.* FROM t{0} b)", i - 1);
    }
    doubling += " SELECT count(*) FROM t22";
    let sums: Vec<String> = (0..4).map(|i| format!("SELECT {i} + {}", chain(10_000, |i| i.to_string(), "+"))).collect();
    let within: Vec<String> = (0..4).map(|i| format!("SELECT {i} + {}", chain(1990, |i| i.to_string(), "+"))).collect();
    for round in [&sums, &within, &vec![doubling; 2]] {
        let (all, memory, page) = watched(&server, || {
            std::thread::scope(|scope| {
                let asked: Vec<_> = round
                    .iter()
                    .map(|statement| {
                        let server = &server;
                        scope.spawn(move || ask(server, statement))
                    })
                    .collect();
                asked.into_iter().map(|a| a.join().unwrap()).collect::<Vec<_>>()
            })
        });
        for (status, text) in all {
            assert!([200, 400, 408, 503].contains(&status), "{status} {text}");
            assert!(status != 408 || text.contains("longer than 2 s (sql.timeout)"), "{text}");
        }
        assert!(memory < (256 + 256) << 20, "{memory}");
        assert!(page < Duration::from_secs(1), "{page:?}");
        assert_eq!(eventually("statements are answered", 10, || Some(count(&server))), json!(1));
    }
    assert!(is_ready(&server));
}

#[test]
fn what_would_fill_the_memory_is_refused_or_ended() {
    let dir = logs::folder();
    let server = started(dir.path(), &[("AFTERGLOW_SQL__MEMORY", "64MiB")]);
    let statements = [
        "SELECT array_repeat(1, 1000000000)",
        "SELECT repeat('x', 2000000000)",
        "SELECT length(repeat(app_id, 200000000)) FROM applications",
        "SELECT array_length(range(1, 1000000000))",
        "SELECT string_agg(repeat('x', 1000000), ',') FROM generate_series(1, 100000)",
        "SELECT length(a || a) FROM (SELECT b || b AS a FROM (SELECT c || c || c || c AS b FROM (SELECT repeat('x', 15000000) || value AS c
             FROM generate_series(1, 64))))",
    ];
    for statement in statements {
        let ((status, text), memory, _) = watched(&server, || ask(&server, statement));
        assert!(status == 400 && text.contains("sql.memory"), "{statement}: {status} {text}");
        assert!(memory < (64 + 256) << 20, "{statement}: {memory}");
        assert_eq!(count(&server), json!(1));
    }
    assert!(is_ready(&server));
}

const SLOW: &str =
    "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a.value + b.value = 7";

/// Processor time that a process took, in the system's ticks.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    fields.iter().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum()
}

/// Fails if the process goes on working.
fn rests(server: &TestServer) {
    eventually("nothing runs any more", 10, || {
        let pid = server.engine()?;
        let before = ticks(pid);
        std::thread::sleep(Duration::from_millis(300));
        (ticks(pid) <= before + 3 && server.engine() == Some(pid)).then_some(())
    });
}

#[test]
fn a_client_that_hangs_up_ends_its_statement() {
    let dir = logs::folder();
    let server = started(dir.path(), &[("AFTERGLOW_SQL__TIMEOUT", "60s")]);
    assert_eq!(count(&server), json!(1));
    let body = json!({ "query": SLOW }).to_string();
    let mut connection = TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST {SQL} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address,
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    drop(connection);
    rests(&server);
    // The same over PostgreSQL: the client goes without a word.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = server.postgres();
    runtime.block_on(async {
        let settings = format!("host={} port={} user=tests dbname=afterglow", address.ip(), address.port());
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let _ = tokio::time::timeout(Duration::from_millis(500), client.simple_query(SLOW)).await;
        connection.abort();
        let _ = connection.await;
    });
    rests(&server);
    assert_eq!(count(&server), json!(1));
}

#[test]
fn a_process_that_is_killed_is_replaced() {
    let dir = logs::folder();
    let server = started(dir.path(), &[("AFTERGLOW_SQL__TIMEOUT", "4s")]);
    assert_eq!(count(&server), json!(1));
    let killed = server.engine().unwrap();
    let (slow, quick) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| ask(&server, SLOW));
        std::thread::sleep(Duration::from_millis(500));
        assert!(Command::new("kill").args(["-9", &killed.to_string()]).status().unwrap().success());
        let quick = ask(&server, "SELECT count(*) FROM applications");
        (slow.join().unwrap(), quick)
    });
    assert_eq!(slow.0, 408, "it was asked again: {}", slow.1);
    assert!(quick.0 == 200 || quick.0 == 503, "{quick:?}");
    assert_eq!(count(&server), json!(1));
    eventually("it is ready", 5, || is_ready(&server).then_some(()));
    assert_ne!(server.engine().unwrap(), killed);
    // A server that ends does not wait for statements.
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let body = json!({ "query": SLOW }).to_string();
            server.client().send("POST", SQL, body.as_bytes()).map(|r| r.status)
        });
        std::thread::sleep(Duration::from_millis(500));
        let began = Instant::now();
        server.terminate();
        eventually("its statements' process ended", 3, || server.engine().is_none().then_some(()));
        assert!(began.elapsed() < Duration::from_secs(3));
        let told = asked.join().unwrap();
        assert!(told.is_err() || told.is_ok_and(|s| s == 500), "it was ended");
    });
}

#[test]
fn an_own_timeout_is_told_as_it_is() {
    let dir = logs::folder();
    let server = started(dir.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = server.postgres();
    runtime.block_on(async {
        let settings = format!("host={} port={} user=tests dbname=afterglow", address.ip(), address.port());
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET statement_timeout = '500ms'").await.unwrap();
        let e = client.simple_query(SLOW).await.unwrap_err();
        let told = e.as_db_error().unwrap();
        assert!(
            told.code().code() == "57014" && told.message().contains("longer than 0.5 s (its own timeout)"),
            "{told:?}"
        );
    });
}
