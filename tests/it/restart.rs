//! What survives: killed ingests, damaged objects, stores of another format.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::answers::{self, Answers};
use crate::logs;
use crate::server::{self, TestServer, afterglow, eventually, scratch, stdout};

/// The objects of all attempts in a store.
pub fn objects(store: &Path) -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, out: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else {
                out.insert(path);
            }
        }
    }
    let mut out = BTreeSet::new();
    walk(&store.join("attempts"), &mut out);
    out
}

/// A store with one application, and what it says of it.
fn indexed(dir: &Path) -> (String, PathBuf, Answers) {
    let (app, _) = logs::plain("3.5.9", "codec-none");
    let store = dir.join("store");
    let ingested = server::ingest(&store, &[source().to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));
    let expected = answers::all(&TestServer::history(&store), &app);
    (app, store, expected)
}

fn source() -> PathBuf {
    logs::case("3.5.9", "codec-none")
}

/// Waits until the answers come from a new object, and are right.
fn rebuilt(store: &Path, app: &str, before: &BTreeSet<PathBuf>, expected: &Answers) {
    let server = TestServer::serve(store).logs(source().to_str().unwrap()).start();
    let generation = |etag: &str| etag.split('-').nth(1).map(str::to_owned);
    let old = before.first().and_then(|o| o.file_name()?.to_str()?.split('-').next().map(str::to_owned));
    assert!(old.is_some());
    eventually("the attempt is read again", 20, || {
        // Damage is found by reading it.
        expected.keys().for_each(|path| drop(server.get(&format!("/api/v1/applications/{app}{path}"))));
        let now = generation(server.get(&format!("/api/v1/applications/{app}/jobs")).header("etag")?);
        (now.is_some() && now != old).then_some(())
    });
    answers::assert_equal("rebuilt", expected, &answers::all(&server, app));
    eventually("the old object is gone", 5, || (objects(store).len() == 1).then_some(()));
}

#[test]
fn killed_ingests_are_finished_by_the_next() {
    const LOGS: usize = 80;
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    fs::create_dir(&folder).unwrap();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let ids: Vec<String> = (0..LOGS).map(|i| format!("{app}{i:02}")).collect();
    for id in &ids {
        fs::write(folder.join(id), logs::renamed(&log, &app, id)).unwrap();
    }
    let (folder, at) = (folder.display().to_string(), store.display().to_string());
    let args = ["ingest", "--once", "--store", &at, "--logs", &folder];
    // Sixteen may be under way: beyond that, some are committed.
    for enough in [1, 4, 9, 18, 19] {
        let before = objects(&store).len();
        let mut child = afterglow(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while objects(&store).len() < before + enough && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let killed = objects(&store).len();
    let last = server::run(&args);
    assert_eq!(last.status.code(), Some(0), "{}", stdout(&last));
    let unchanged: usize = stdout(&last).lines().last().and_then(|l| l.split(' ').next()?.parse().ok()).unwrap();
    assert!(unchanged > 0 && unchanged < LOGS, "killed in the middle: {killed} objects, {unchanged} logs unchanged");
    assert!(stdout(&last).starts_with(&format!("{} applications, ", LOGS - unchanged)), "{}", stdout(&last));
    assert_eq!(scratch(&store), [""; 0], "what the killed left half-written is gone");
    let objects = objects(&store);
    let named: BTreeSet<&Path> = objects.iter().map(|o| o.parent().unwrap()).collect();
    assert_eq!(named.len(), LOGS, "each attempt has objects");
    let other = logs::folder();
    let (_, _, expected) = indexed(other.path());
    let server = TestServer::history(&store);
    assert_eq!(server.json("/api/v1/applications").as_array().unwrap().len(), LOGS);
    for id in &ids {
        answers::assert_equal(id, &answers::renamed(&expected, &app, id), &answers::all(&server, id));
    }
}

#[test]
fn a_server_that_is_asked_to_end_in_the_middle_leaves_nothing_and_loses_nothing() {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    let cases = ["rolling-none", "many-jobs", "sql", "users", "storage"];
    let entries: usize = cases.iter().map(|c| logs::lay(&logs::case("3.5.9", c), &folder, &|_| true)).sum();
    for wait in [50, 300, 700] {
        // Dropping a server asks it to end, and looks at what it left.
        let server = TestServer::serve(&store).logs(folder.to_str().unwrap()).start();
        std::thread::sleep(Duration::from_millis(wait));
        drop(server);
    }
    let server = TestServer::serve(&store).logs(folder.to_str().unwrap()).start();
    eventually("all are indexed", 60, || {
        let all = server.json("/api/v1/applications?status=completed");
        (all.as_array()?.len() == entries).then_some(())
    });
    let other = dir.path().join("other");
    assert_eq!(server::ingest(&other, &[folder.to_str().unwrap()]).status.code(), Some(0));
    let undisturbed = TestServer::history(&other);
    for app in ["local-1795220846479", "local-1795219283395", "app-20261121000349-0000"] {
        answers::assert_equal(app, &answers::all(&undisturbed, app), &answers::all(&server, app));
    }
}

#[test]
fn a_damaged_object_is_rebuilt_from_its_log() {
    for (from, to) in [(0.2, 0.3), (0.45, 0.55), (0.0, 1.0)] {
        let dir = logs::folder();
        let (app, store, expected) = indexed(dir.path());
        let before = objects(&store);
        let object = before.first().unwrap();
        let mut bytes = fs::read(object).unwrap();
        let range = (bytes.len() as f64 * from) as usize..(bytes.len() as f64 * to) as usize;
        bytes[range].iter_mut().for_each(|b| *b ^= 0xff);
        fs::write(object, bytes).unwrap();
        rebuilt(&store, &app, &before, &expected);
    }
}

#[test]
fn an_object_that_is_gone_is_rebuilt_from_its_log() {
    let dir = logs::folder();
    let (app, store, expected) = indexed(dir.path());
    let before = objects(&store);
    fs::remove_file(before.first().unwrap()).unwrap();
    rebuilt(&store, &app, &before, &expected);
}

#[test]
fn an_object_of_another_format_is_rebuilt_from_its_log() {
    let dir = logs::folder();
    let (app, store, expected) = indexed(dir.path());
    let before = objects(&store);
    let object = before.first().unwrap();
    let mut bytes = fs::read(object).unwrap();
    // The version stands before the magic number at the end, and behind the one at the start.
    let end = bytes.len() - 8;
    assert_eq!(&bytes[end + 2..], b"AGLOW\0");
    bytes[end..end + 2].copy_from_slice(&0xfffe_u16.to_le_bytes());
    bytes[6..8].copy_from_slice(&0xfffe_u16.to_le_bytes());
    fs::write(object, bytes).unwrap();
    rebuilt(&store, &app, &before, &expected);
}
