//! Several processes that index into one store: whatever they do at the same time, and however often they are killed,
//! the answers are those of one reading by one process.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::answers;
use crate::follow::{SOON, at_once, is_completed};
use crate::logs;
use crate::server::{self, TestServer, afterglow, eventually, stderr, stdout};

/// Pieces in which logs are written.
const PIECES: usize = 10;

struct Growing {
    dir: tempfile::TempDir,
    /// Ids and whole logs.
    apps: Vec<(String, Vec<u8>)>,
}

impl Growing {
    fn new() -> Growing {
        let cases = [("3.5.9", "sql"), ("4.3.0", "codec-none"), ("3.5.9", "codec-none")];
        let apps = cases.iter().enumerate().flat_map(|(i, (version, case))| {
            let (app, log) = logs::plain(version, case);
            // Two of each, or there are too few to meet.
            [0, 1].map(|n| {
                let id = format!("{app}{i}{n}");
                (id.clone(), logs::renamed(&log, &app, &id))
            })
        });
        let apps = apps.collect();
        let dir = logs::folder();
        fs::create_dir(dir.path().join("logs")).unwrap();
        Growing { dir, apps }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Writes one piece of each log; the last ends them.
    fn write(&self, piece: usize) {
        for (i, (app, log)) in self.apps.iter().enumerate() {
            let open = self.folder().join(format!("{app}.inprogress"));
            // Not at the same places: some in the middle of lines.
            let edge =
                |n: usize| if n == PIECES { log.len() } else { (log.len() * n / PIECES + i * 37).min(log.len()) };
            let from = if piece == 0 { 0 } else { edge(piece) };
            let mut file = OpenOptions::new().create(true).append(true).open(&open).unwrap();
            file.write_all(&log[from..edge(piece + 1)]).unwrap();
            if piece + 1 == PIECES {
                fs::rename(&open, self.folder().join(app)).unwrap();
            }
        }
    }

    fn serve(&self) -> TestServer {
        TestServer::serve(&self.store()).logs(self.folder().to_str().unwrap()).start()
    }

    fn compare(&self, server: &TestServer) {
        for (app, log) in &self.apps {
            eventually(&format!("{app} is completed"), 3 * SOON, || is_completed(server, app));
            answers::assert_equal(app, &at_once(app, log), &answers::all(server, app));
        }
    }
}

#[test]
fn serving_beside_ingest_once_gives_the_numbers_of_one() {
    let g = Growing::new();
    let server = g.serve();
    for piece in 0..PIECES {
        g.write(piece);
        let once = server::ingest(&g.store(), &[g.folder().to_str().unwrap()]);
        assert_eq!(once.status.code(), Some(0), "{}{}", stdout(&once), stderr(&once));
        // What was there when it began is there when it ends, whoever read it.
        if piece + 1 == PIECES {
            for (app, _) in &g.apps {
                assert!(is_completed(&server, app).is_some(), "{app} when ingest --once has ended");
            }
        }
    }
    g.compare(&server);
    let indexers = server.json("/api/afterglow/v1/sources/indexers");
    let roles: Vec<_> = indexers.as_array().unwrap().iter().map(|i| &i["role"]).collect();
    assert_eq!(roles, ["serve"], "{indexers}");
    // One object for each: what losers published is gone.
    assert_eq!(crate::restart::objects(&g.store()).len(), g.apps.len());
}

#[test]
fn kills_of_one_or_the_other_lose_and_double_nothing() {
    let g = Growing::new();
    let mut server = g.serve();
    for piece in 0..PIECES {
        g.write(piece);
        let (store, folder) = (g.store(), g.folder());
        let args = ["ingest", "--once", "--store", store.to_str().unwrap(), "--logs", folder.to_str().unwrap()];
        let mut once = afterglow(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 + 97 * piece as u64 % 400));
        if piece % 2 == 0 {
            once.kill().unwrap();
        }
        once.wait().unwrap();
        if piece % 3 == 2 {
            server.kill();
            server = g.serve();
        }
    }
    // What the killed had claimed is free at once, on the same machine.
    g.compare(&server);
}

#[test]
fn a_second_process_says_who_is_there() {
    let g = Growing::new();
    g.write(0);
    let server = g.serve();
    let once = server::ingest(&g.store(), &[g.folder().to_str().unwrap()]);
    let said = stderr(&once);
    assert!(said.contains("`serve` on ") && said.contains("indexes into this store, too"), "{said}");
    assert!(said.contains("retention and fleet tables are left to `serve`"), "{said}");
    let indexers = server.json("/api/afterglow/v1/sources/indexers");
    assert_eq!(indexers[0]["role"], json!("serve"));
    assert!(indexers[0]["expires"].as_i64() > indexers[0]["since"].as_i64(), "{indexers}");
}
