//! Every answer that a real History Server gave about the logs of `tests/logs`, asked of ours.
//!
//! Where we differ on purpose, `tests/golden/deliberate.json` says so, in the form of
//! `compare.py`'s rules and with one op more: "better", for paths at which the History Server fails
//! because of damage in a log, and we do not; what we answer there is held against an undamaged twin.
//! Of an answer that is no 200, status, type and plain text are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::Value;

use crate::archive::{Archive, Entry, compact};
use crate::http::Response;
use crate::rules::{self, Rules};
use crate::server::{self, TestServer};
use crate::{logs, server::stdout};

/// Requests at a time.
const CLIENTS: usize = 3;
/// Differences shown.
const SHOWN: usize = 60;

/// The codec-none logs, of which the damaged ones are copies: id and two digits.
const SOURCES: [&str; 2] = ["local-1795220781168", "local-1795221647693"];
/// Logs that the History Server does not list, so that all its lists lack them: without ApplicationStart,
/// empty, rubbish, rolling with a gap, rolling without status file.
const NOT_LISTED: [&str; 5] = ["06", "09", "10", "11", "12"];
/// Damaged copies with their undamaged twins, whose answers they give but for their own id. 01 is
/// 02 in progress.
const TWINS: [(&str, &str); 3] = [("02", "01"), ("03", ""), ("08", "")];

/// A recording, with what may differ from it.
pub struct Golden {
    name: &'static str,
    pub archive: Archive,
    rules: Rules,
}

impl Golden {
    fn open(name: &'static str, files: &[&str]) -> Golden {
        let mut all = rules::of_clock();
        files.iter().for_each(|f| all.extend(rules::of_file(f)));
        Golden::of(name, Archive::open(name), &all)
    }

    pub fn of(name: &'static str, archive: Archive, rules: &[Value]) -> Golden {
        let rules = Rules::new(rules, archive.versions());
        Golden { name, archive, rules }
    }

    /// Asks for every recorded path; fails for what differs, and for rules that were not needed.
    pub fn holds(&self, server: &TestServer) {
        let paths: Vec<&str> = self.archive.index.keys().map(String::as_str).collect();
        let found = ask(server, &paths, |path, got| self.differences(path, got));
        assert!(found.is_empty(), "{}", report(&found));
        assert!(self.rules.unused().is_empty(), "rules never used: {:#?}", self.rules.unused());
    }

    /// What is wrong with our answer to `path`.
    fn differences(&self, path: &str, got: &Response) -> Vec<String> {
        let Some(expected) = self.archive.index.get(path).filter(|e| !e.omitted) else { return Vec::new() };
        let allowed = |op: &str, place: &str| self.rules.allow(&[op], path, place);
        if (expected.status, got.status) != (200, 200) {
            if allowed("better", "") || allowed("status", "") {
                return Vec::new();
            }
            return self.refusal(path, expected, got);
        }
        if expected.zip {
            let expected = serde_json::from_slice(self.archive.body(expected)).expect("JSON");
            return self.rules.differences(path, &expected, &members(&got.body));
        }
        if self.rules.allow(&["better"], path, "") {
            return Vec::new();
        }
        self.equal(path, self.archive.body(expected), &got.body)
    }

    fn equal(&self, path: &str, expected: &[u8], got: &[u8]) -> Vec<String> {
        if compact(expected) == got {
            return Vec::new();
        }
        self.rules.differences(path, &meaning(expected), &meaning(got))
    }

    fn refusal(&self, path: &str, expected: &Entry, got: &Response) -> Vec<String> {
        if expected.status != got.status {
            return vec![format!("status {}, expected {}: {}", got.status, expected.status, got.text())];
        }
        let (kind, got_kind) = (expected.content_type(), got.header("content-type").unwrap_or_default());
        if kind != got_kind {
            return vec![format!("type {got_kind}, expected {kind}")];
        }
        let body = self.archive.body(expected);
        if kind.starts_with("text/plain") && body != got.body && !self.rules.allow(&["ignore"], path, "body") {
            return vec![format!("{:?}, expected {:?}", got.text(), String::from_utf8_lossy(body))];
        }
        Vec::new()
    }
}

/// An answer as a value; `/version`'s and such are text.
fn meaning(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// A zip as {member: sha256}.
pub fn members(zip: &[u8]) -> Value {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).expect("a zip");
    let all = (0..zip.len()).map(|i| {
        let mut member = zip.by_index(i).expect("a member");
        let mut content = Vec::new();
        member.read_to_end(&mut content).expect("a member");
        let sum = ring::digest::digest(&ring::digest::SHA256, &content);
        let hex: String = sum.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        (member.name().to_owned(), Value::String(hex))
    });
    Value::Object(all.collect())
}

/// Asks for every path, several at a time; gives what `check` says of the answers, by path.
fn ask<'p>(
    server: &TestServer,
    paths: &[&'p str],
    check: impl Fn(&str, &Response) -> Vec<String> + Sync,
) -> BTreeMap<&'p str, Vec<String>> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = server.client();
                while let Some(path) = paths.get(next.fetch_add(1, Relaxed)) {
                    let got = client.get(&format!("/api/v1/{path}")).unwrap_or_else(|e| panic!("GET {path}: {e}"));
                    let wrong = check(path, &got);
                    if !wrong.is_empty() {
                        found.lock().unwrap().insert(*path, wrong);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

fn report(found: &BTreeMap<&str, Vec<String>>) -> String {
    let lines = found.iter().flat_map(|(path, all)| all.iter().map(move |d| format!("{path} {d}")));
    let shown: Vec<String> = lines.take(SHOWN).collect();
    format!("{} paths differ\n{}", found.len(), shown.join("\n"))
}

#[test]
fn answers_are_the_history_servers() {
    let dir = logs::folder();
    let (flat, store) = (dir.path().join("logs"), dir.path().join("store"));
    let left_out = |name: &str| {
        let name = name.strip_prefix("eventlog_v2_").unwrap_or(name);
        SOURCES.iter().filter_map(|s| name.strip_prefix(s)).any(|digits| NOT_LISTED.contains(&digits))
    };
    assert_eq!(logs::flat(&flat, left_out), 89, "entries, 10 of 99 left out");
    let (new, old) = std::thread::scope(|scope| {
        let new = scope.spawn(|| Golden::open("4.3.0", &["deliberate.json"]));
        let old = scope.spawn(|| Golden::open("3.5.9", &["deliberate.json", "differences-3.5.json"]));
        let ingested = server::ingest(&store, &[flat.to_str().unwrap()]);
        assert_eq!(ingested.status.code(), Some(3), "damaged logs are among them: {}", stdout(&ingested));
        (new.join().unwrap(), old.join().unwrap())
    });
    let server = TestServer::history(&store);
    let paths: BTreeSet<&str> = new.archive.index.keys().chain(old.archive.index.keys()).map(String::as_str).collect();
    let paths: Vec<&str> = paths.into_iter().collect();
    assert!(paths.len() > 15_000);
    let found = ask(&server, &paths, |path, got| {
        let of = |g: &Golden| g.differences(path, got).into_iter().map(|d| format!("[{}] {d}", g.name)).collect();
        let both: [Vec<String>; 2] = [of(&new), of(&old)];
        both.concat()
    });
    assert!(found.is_empty(), "{}", report(&found));
    // A deliberate difference need not show against both.
    let deliberate: BTreeSet<String> = rules::of_file("deliberate.json").iter().map(Value::to_string).collect();
    let (unused, used_once) = (new.rules.unused(), |r: &&str| deliberate.contains(*r));
    let never: Vec<&str> = old.rules.unused().into_iter().filter(|r| !used_once(r) || unused.contains(r)).collect();
    assert!(never.is_empty(), "rules never used: {never:#?}");
    damaged_logs_answer_like_their_twins(&server, &new);
}

/// Where the History Server has no answers because of damage in a log, ours are those of the same
/// log without the damage.
fn damaged_logs_answer_like_their_twins(server: &TestServer, golden: &Golden) {
    for source in SOURCES {
        for (damaged, twin) in TWINS {
            let (id, twin) = (format!("{source}{damaged}"), format!("{source}{twin}"));
            let prefix = format!("applications/{twin}/");
            let recorded = golden.archive.index.range(prefix.clone()..);
            let recorded: Vec<&str> =
                recorded.map(|(p, _)| p.as_str()).take_while(|p| p.starts_with(&prefix)).collect();
            assert!(recorded.len() > 100, "{twin}");
            let found = ask_twin(server, golden, &recorded, &twin, &id);
            assert!(found.is_empty(), "{id}: {}", report(&found));
        }
    }
}

fn ask_twin<'p>(
    server: &TestServer,
    golden: &Golden,
    recorded: &[&'p str],
    twin: &str,
    id: &str,
) -> BTreeMap<&'p str, Vec<String>> {
    let mut client = server.client();
    let mut found = BTreeMap::new();
    for path in recorded.iter().filter(|p| !p.ends_with("/logs")) {
        let asked = path.replacen(twin, id, 1);
        let got = client.get(&format!("/api/v1/{asked}")).unwrap_or_else(|e| panic!("GET {asked}: {e}"));
        let expected = &golden.archive.index[*path];
        let body = golden.archive.body(expected);
        let wrong = match expected.status {
            200 => {
                let text = String::from_utf8_lossy(body).replace(twin, id);
                golden.equal(&asked, text.as_bytes(), &got.body)
            }
            status if status != got.status => vec![format!("status {}, expected {status}", got.status)],
            _ => Vec::new(),
        };
        if !wrong.is_empty() {
            found.insert(*path, wrong);
        }
    }
    found
}
