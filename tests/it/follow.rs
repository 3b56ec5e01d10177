//! Following logs that grow: what is written is soon seen, and in the end the answers are those of
//! one reading of the whole, wherever the pieces were cut and however often the server was killed.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;

use crate::answers::{self, Answers};
use crate::logs;
use crate::server::{self, TestServer, eventually, stdout};

/// Seconds in which what was written must be seen.
pub const SOON: u64 = 10;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % below.max(1)
    }

    /// `n` pieces of `data`, cut anywhere.
    fn cut<'d>(&mut self, data: &'d [u8], n: usize) -> Vec<&'d [u8]> {
        let mut edges: Vec<usize> = (1..n).map(|_| self.next(data.len())).collect();
        edges.extend([0, data.len()]);
        edges.sort_unstable();
        edges.windows(2).map(|w| &data[w[0]..w[1]]).collect()
    }
}

fn append(file: &Path, bytes: &[u8]) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .and_then(|mut f| f.write_all(bytes))
        .expect("a log is written");
}

/// Jobs that started in the whole lines of a log.
pub fn jobs_in(log: &[u8]) -> usize {
    let whole = log.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    String::from_utf8_lossy(&log[..whole]).matches(r#"{"Event":"SparkListenerJobStart""#).count()
}

pub fn jobs(server: &TestServer, app: &str) -> Option<usize> {
    Some(server.try_json(&format!("/api/v1/applications/{app}/jobs"))?.as_array()?.len())
}

pub fn is_completed(server: &TestServer, app: &str) -> Option<Value> {
    let all = server.try_json(&format!("/api/v1/applications/{app}"))?;
    (all["attempts"][0]["completed"] == true).then_some(all)
}

/// What is said of a plain log when it is read at once.
pub fn at_once(app: &str, log: &[u8]) -> Answers {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(app), log).unwrap();
    let ingested = server::ingest(&store, &[folder.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
    answers::all(&TestServer::history(&store), app)
}

/// A log that is being written, seen by a server.
struct Writing {
    dir: tempfile::TempDir,
    app: String,
    log: Vec<u8>,
}

impl Writing {
    fn new(version: &str, case: &str) -> Writing {
        let (app, log) = logs::plain(version, case);
        let dir = logs::folder();
        fs::create_dir(dir.path().join("logs")).unwrap();
        Writing { dir, app, log }
    }

    /// The log up to the line that says that the application ended.
    fn without_end(&self) -> &[u8] {
        let at = self.log[..self.log.len() - 1].iter().rposition(|b| *b == b'\n').expect("lines") + 1;
        assert!(self.log[at..].starts_with(br#"{"Event":"SparkListenerApplicationEnd""#));
        &self.log[..at]
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn serve(&self) -> TestServer {
        TestServer::serve(&self.dir.path().join("store")).logs(self.folder().to_str().unwrap()).start()
    }

    /// Waits until so many plain bytes are seen: as many jobs as are in them.
    fn seen(&self, server: &TestServer, written: usize) {
        let want = jobs_in(&self.log[..written]);
        if want > 0 {
            eventually(&format!("{want} jobs at byte {written}"), SOON, || {
                jobs(server, &self.app).filter(|n| *n == want)
            });
        }
    }

    /// Waits for the end and compares with one reading.
    fn ended(&self, server: &TestServer) {
        eventually("the application is completed", SOON, || is_completed(server, &self.app));
        answers::assert_equal("followed", &at_once(&self.app, &self.log), &answers::all(server, &self.app));
    }
}

#[test]
fn a_plain_log_is_followed_and_finished_by_name() {
    let w = Writing::new("3.5.9", "sql");
    let file = w.folder().join(format!("{}.inprogress", w.app));
    let server = w.serve();
    let mut written = 0;
    for piece in Dice(1).cut(w.without_end(), 9) {
        append(&file, piece);
        written += piece.len();
        w.seen(&server, written);
    }
    assert_eq!(server.json(&format!("/api/v1/applications/{}", w.app))["attempts"][0]["completed"], false);
    append(&file, &w.log[written..]);
    fs::rename(&file, w.folder().join(&w.app)).unwrap();
    w.ended(&server);
}

/// Several readings, of which only the first has the environment.
fn followed_in_pieces() -> (Writing, TestServer) {
    let w = Writing::new("3.5.9", "sql");
    let file = w.folder().join(format!("{}.inprogress", w.app));
    let server = w.serve();
    let mut written = 0;
    for piece in w.without_end().chunks(w.log.len() / 6) {
        append(&file, piece);
        written += piece.len();
        w.seen(&server, written);
    }
    append(&file, &w.log[written..]);
    fs::rename(&file, w.folder().join(&w.app)).unwrap();
    eventually("the application is completed", SOON, || is_completed(&server, &w.app));
    (w, server)
}

#[test]
fn a_followed_log_keeps_its_environment() {
    let (w, server) = followed_in_pieces();
    let got = server.json(&format!("/api/v1/applications/{}/environment", w.app));
    assert_eq!(got, at_once(&w.app, &w.log)["/environment"]);
}

#[test]
fn a_followed_log_ends_as_one_object() {
    let (w, _server) = followed_in_pieces();
    let objects = crate::restart::objects(&w.dir.path().join("store"));
    assert_eq!(objects.len(), 1, "{objects:?}");
}

#[test]
fn a_rolling_log_is_followed_part_by_part() {
    let w = Writing::new("3.5.9", "sql");
    let folder = w.folder().join(format!("eventlog_v2_{}", w.app));
    fs::create_dir(&folder).unwrap();
    let status = folder.join(format!("appstatus_{}.inprogress", w.app));
    fs::write(&status, "").unwrap();
    let server = w.serve();
    // Spark ends a part with a line; within a part pieces are cut anywhere.
    let lines: Vec<&[u8]> = w.log.split_inclusive(|b| *b == b'\n').collect();
    let mut written = 0;
    let mut dice = Dice(2);
    for (i, part) in lines.chunks(lines.len().div_ceil(11)).enumerate() {
        let file = folder.join(format!("events_{}_{}", i + 1, w.app));
        for piece in dice.cut(&part.concat(), 2) {
            append(&file, piece);
            written += piece.len();
            if i % 3 != 1 {
                w.seen(&server, written);
            }
        }
    }
    w.seen(&server, written);
    fs::rename(&status, folder.join(format!("appstatus_{}", w.app))).unwrap();
    w.ended(&server);
}

/// Asks for an application until it is told to end; gives what was wrong with the answers.
fn ask_without_pause(server: &TestServer, app: &str, stop: &AtomicBool) -> Vec<String> {
    let (mut client, mut wrong, mut seen) = (server.client(), Vec::new(), 0);
    while !stop.load(Relaxed) {
        for path in ["jobs", "stages?details=true", "allexecutors", "sql", "stages/0/0/taskList"] {
            let got =
                client.get(&format!("/api/v1/applications/{app}/{path}")).unwrap_or_else(|e| panic!("{path}: {e}"));
            let known = got.status == 200;
            seen += usize::from(known);
            if !known && (got.status != 404 || seen > 8) {
                wrong.push(format!("{path}: {} {}", got.status, got.text()));
            }
        }
    }
    wrong
}

#[test]
fn readers_are_not_disturbed_while_a_log_grows() {
    let w = Writing::new("3.5.9", "sql");
    let file = w.folder().join(format!("{}.inprogress", w.app));
    let server = w.serve();
    let stop = AtomicBool::new(false);
    let wrong = std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(|| ask_without_pause(&server, &w.app, &stop)));
        let mut written = 0;
        for piece in Dice(8).cut(&w.log, 24) {
            append(&file, piece);
            written += piece.len();
            w.seen(&server, written);
        }
        fs::rename(&file, w.folder().join(&w.app)).unwrap();
        eventually("the application is completed", SOON, || is_completed(&server, &w.app));
        stop.store(true, Relaxed);
        readers.map(|r| r.join().unwrap()).concat()
    });
    assert!(wrong.is_empty(), "{} answers\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
    w.ended(&server);
}

#[test]
fn a_log_that_is_compacted_while_it_is_followed_is_read_anew() {
    let w = Writing::new("3.5.9", "codec-none");
    let folder = w.folder().join(format!("eventlog_v2_{}", w.app));
    fs::create_dir(&folder).unwrap();
    let status = folder.join(format!("appstatus_{}.inprogress", w.app));
    fs::write(&status, "").unwrap();
    let lines: Vec<&[u8]> = w.log.split_inclusive(|b| *b == b'\n').collect();
    let parts: Vec<Vec<u8>> = lines.chunks(lines.len().div_ceil(4)).map(<[&[u8]]>::concat).collect();
    let file = |n: usize| folder.join(format!("events_{n}_{}", w.app));
    let server = w.serve();
    for n in 1..=3 {
        fs::write(file(n), &parts[n - 1]).unwrap();
        w.seen(&server, parts[..n].iter().map(Vec::len).sum());
    }
    // What Spark does, but that nothing is left out: the compacted part, then the old ones go.
    let compact = folder.join(format!("events_2_{}.compact", w.app));
    fs::write(&compact, [&parts[0][..], &parts[1]].concat()).unwrap();
    fs::remove_file(file(1)).unwrap();
    fs::remove_file(file(2)).unwrap();
    fs::write(file(4), &parts[3]).unwrap();
    fs::rename(&status, folder.join(format!("appstatus_{}", w.app))).unwrap();
    w.ended(&server);
    let note = server.json(&format!("/api/afterglow/v1/applications/{}/completeness", w.app));
    assert_eq!(note, serde_json::json!({"compacted": true}));
}

#[test]
fn a_zstd_log_is_followed_frame_by_frame() {
    let w = Writing::new("3.5.9", "sql");
    let file = w.folder().join(format!("{}.zstd.inprogress", w.app));
    let server = w.serve();
    let mut written = 0;
    let mut dice = Dice(3);
    for plain in dice.cut(&w.log, 9) {
        // A frame ends anywhere in a line, and half of it is there before the rest.
        let frame = zstd::encode_all(plain, 3).unwrap();
        let (first, rest) = frame.split_at(dice.next(frame.len()));
        append(&file, first);
        std::thread::sleep(Duration::from_millis(dice.next(400) as u64));
        append(&file, rest);
        written += plain.len();
        w.seen(&server, written);
    }
    fs::rename(&file, w.folder().join(format!("{}.zstd", w.app))).unwrap();
    w.ended(&server);
}

/// Writes a log in pieces while servers are killed over it again and again.
fn killed_while_following(w: &Writing, name: &str, pieces: &[Vec<u8>], seed: u64) {
    let file = w.folder().join(format!("{name}.inprogress"));
    let mut dice = Dice(seed);
    let mut server = w.serve();
    for piece in pieces {
        append(&file, piece);
        std::thread::sleep(Duration::from_millis(dice.next(900) as u64));
        if dice.next(2) == 0 {
            server.kill();
            server = w.serve();
        }
    }
    fs::rename(&file, w.folder().join(name)).unwrap();
    std::thread::sleep(Duration::from_millis(dice.next(600) as u64));
    server.kill();
    let server = w.serve();
    w.ended(&server);
}

#[test]
fn nothing_is_lost_or_doubled_by_kills() {
    let w = Writing::new("3.5.9", "sql");
    let pieces: Vec<Vec<u8>> = Dice(4).cut(&w.log, 14).into_iter().map(<[u8]>::to_vec).collect();
    killed_while_following(&w, &w.app, &pieces, 5);
}

#[test]
fn nothing_of_a_compressed_log_is_lost_or_doubled_by_kills() {
    let w = Writing::new("3.5.9", "codec-none");
    let frames: Vec<u8> = w.log.chunks(9_000).flat_map(|plain| zstd::encode_all(plain, 3).unwrap()).collect();
    let pieces: Vec<Vec<u8>> = Dice(6).cut(&frames, 12).into_iter().map(<[u8]>::to_vec).collect();
    killed_while_following(&w, &format!("{}.zstd", w.app), &pieces, 7);
}

/// Large enough for all threads to join in, and for many chunks and parts.
#[test]
fn nothing_of_a_large_log_is_lost_or_doubled_by_kills() {
    let app = "local-1795220846479";
    let parts = logs::case("3.5.9", "rolling-none").join(format!("eventlog_v2_{app}"));
    let part = |n| fs::read(parts.join(format!("events_{n}_{app}"))).unwrap();
    let log = [part(1), part(2), part(3)].concat();
    let w = Writing { app: app.to_owned(), log, ..Writing::new("3.5.9", "sql") };
    let mut dice = Dice(9);
    let (first, rest) = w.log.split_at(25 << 20);
    let pieces = [vec![first], dice.cut(rest, 5)].concat();
    let pieces: Vec<Vec<u8>> = pieces.into_iter().map(<[u8]>::to_vec).collect();
    killed_while_following(&w, app, &pieces, 10);
}

fn status(server: &TestServer, app: &str) -> Option<String> {
    let found = server.try_json(&format!("/api/afterglow/v1/search?q={app}"))?;
    Some(found["applications"][0]["status"].as_str()?.to_owned())
}

#[test]
fn a_log_without_end_that_is_quiet_is_lost_until_it_goes_on() {
    let w = Writing::new("4.3.0", "codec-none");
    let file = w.folder().join(format!("{}.inprogress", w.app));
    let (first, rest) = w.without_end().split_at(w.log.len() / 2);
    let serve = TestServer::serve(&w.dir.path().join("store")).logs(w.folder().to_str().unwrap());
    append(&file, first);
    let server = serve.env("AFTERGLOW_INGEST__QUIET", "2s").start();
    let is = |what: &'static str| move |s: &String| s == what;
    eventually("running at first", SOON, || status(&server, &w.app).filter(is("running")));
    eventually("lost when quiet", SOON, || status(&server, &w.app).filter(is("lost")));
    let shown = server.json(&format!("/api/v1/applications/{}", w.app));
    assert_eq!(shown["attempts"][0]["completed"], false, "lost is not completed");
    append(&file, rest);
    eventually("running again when it goes on", SOON, || status(&server, &w.app).filter(is("running")));
    append(&file, &w.log[w.without_end().len()..]);
    fs::rename(&file, w.folder().join(&w.app)).unwrap();
    w.ended(&server);
    eventually("completed", SOON, || status(&server, &w.app).filter(is("completed")));
}

#[test]
fn a_running_log_that_is_replaced_by_a_longer_one_is_read_anew() {
    for encode in [(|log: &[u8]| log.to_vec()) as fn(&[u8]) -> Vec<u8>, |log: &[u8]| zstd::encode_all(log, 3).unwrap()]
    {
        let w = Writing::new("3.5.9", "sql");
        let file = w.folder().join(format!("{}.inprogress", w.app));
        // Another run, under the same name and id.
        let (other, log) = logs::plain("3.5.9", "codec-none");
        let other = logs::renamed(&log, &other, &w.app);
        let other = &other[..other.len() * 3 / 4];
        assert!(jobs_in(other) > 0 && jobs_in(other) != jobs_in(&w.log));
        assert!(encode(other).len() < encode(&w.log).len());
        append(&file, &encode(other));
        let server = w.serve();
        eventually("the first run", SOON, || jobs(&server, &w.app).filter(|n| *n == jobs_in(other)));
        fs::write(&file, encode(&w.log)).unwrap();
        eventually("the second run", SOON, || jobs(&server, &w.app).filter(|n| *n == jobs_in(&w.log)));
        fs::rename(&file, w.folder().join(&w.app)).unwrap();
        w.ended(&server);
    }
}

#[test]
fn a_young_log_is_not_called_damaged() {
    // While it says that it is being written, and under its final name.
    for ending in [".inprogress", ""] {
        let w = Writing::new("4.3.0", "codec-none");
        let file = w.folder().join(format!("{}{ending}", w.app));
        let first = w.log.iter().position(|b| *b == b'\n').unwrap() + 1;
        assert!(w.log.starts_with(br#"{"Event":"SparkListenerLogStart""#));
        append(&file, &w.log[..first]);
        let server = w.serve();
        let problems = || server.json("/api/afterglow/v1/sources/problems")["total"].as_i64();
        eventually("the log was read", SOON, || {
            server.try_json("/api/afterglow/v1/sources")?[0]["lastSuccess"].as_i64()
        });
        std::thread::sleep(Duration::from_millis(500));
        if !ending.is_empty() {
            assert_eq!(problems(), Some(0));
        }
        append(&file, &w.log[first..]);
        fs::rename(&file, w.folder().join(&w.app)).unwrap();
        w.ended(&server);
        let note = server.json(&format!("/api/afterglow/v1/applications/{}/completeness", w.app));
        assert_eq!((note, problems()), (serde_json::json!({}), Some(0)), "{ending}");
    }
}
