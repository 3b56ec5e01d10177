//! Whether a server says that it cannot work, why, and gets over it by itself: full disks, files that are damaged or taken away, and
//! processes that begin together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::logs;
use crate::server::{TestServer, afterglow, eventually, ingest, run, stderr, stdout};
use crate::skip;

const INCIDENTS: &str = "/api/afterglow/v1/incidents";

/// What keeps a server from being ready.
fn troubles(server: &TestServer) -> Option<String> {
    let ready = server.get("/readyz");
    assert_eq!(ready.status == 200, ready.text() == "ready", "{}", ready.text());
    (ready.status != 200).then(|| ready.text())
}

/// A small disk, in memory; it goes with the value.
struct Disk(PathBuf);

impl Disk {
    fn mount(place: &Path) -> Option<Disk> {
        fs::create_dir_all(place).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m", "none"]).arg(place).stderr(Stdio::null());
        mount.status().is_ok_and(|s| s.success()).then(|| Disk(place.to_owned()))
    }

    fn fill(&self) {
        // As much of it as fits stays.
        fs::write(self.0.join("filler"), vec![1u8; 64 << 20]).unwrap_err();
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn applications(server: &TestServer) -> usize {
    server.json("/api/v1/applications").as_array().unwrap().len()
}

#[test]
fn a_full_disk_is_told_and_got_over_without_a_restart() {
    let dir = logs::folder();
    let Some(disk) = Disk::mount(&dir.path().join("disk")) else {
        return skip::absent("a full disk (tests/it/ready.rs): only root may mount one");
    };
    let folder = dir.path().join("logs");
    fs::create_dir_all(&folder).unwrap();
    let (first, second) = (logs::plain("3.5.9", "codec-none"), logs::plain("4.3.0", "codec-none"));
    fs::write(folder.join(&first.0), first.1).unwrap();
    let server = TestServer::serve(&disk.0.join("store")).logs(&format!("c={}", folder.display())).start();
    eventually("the first log", 20, || (applications(&server) == 1).then_some(()));
    assert_eq!(troubles(&server), None);
    disk.fill();
    fs::write(folder.join(&second.0), second.1).unwrap();
    let told = eventually("the disk is full", 30, || troubles(&server).filter(|t| t.contains("disk: ")));
    assert!(told.contains("No space left on device"), "{told}");
    let source = server.json("/api/afterglow/v1/sources")[0].clone();
    assert!(source["healthy"] == false && source["problem"].as_str().unwrap().contains("No space left"), "{source}");
    assert_eq!((applications(&server), server.get("/healthz").status), (1, 200));
    disk.empty();
    eventually("there is room again", 30, || troubles(&server).is_none().then_some(()));
    eventually("the second log", 30, || (applications(&server) == 2).then_some(()));
    assert_eq!(server.json("/api/afterglow/v1/sources")[0]["healthy"], true);
    let mute = serde_json::json!({ "rule": "spill", "by": "x" }).to_string();
    let _ = server.client().send("POST", "/api/afterglow/v1/mutes", mute.as_bytes()).unwrap();
    assert_eq!(server.get(INCIDENTS).status, 200);
    drop(server);
    // The same store where nobody may write.
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status().unwrap();
    assert!(remounted.success());
    let store = disk.0.join("store");
    let name = store.display().to_string();
    let counted = run(&["sql", "--store", &name, "--format", "csv", "SELECT count(*) AS n FROM applications"]);
    assert_eq!(stdout(&counted), "n\n2\n", "{}", stderr(&counted));
    let refused = ingest(&store, &[folder.to_str().unwrap()]);
    assert!(
        !refused.status.success() && stderr(&refused).contains("is not writable: Read-only file system"),
        "{}",
        stderr(&refused)
    );
    let checked = run(&["check", "--store", &name]);
    assert!(!checked.status.success() && stdout(&checked).contains("is not writable"), "{}", stdout(&checked));
}

#[test]
fn many_processes_may_begin_on_an_empty_store() {
    for _ in 0..3 {
        let dir = logs::folder();
        let store = dir.path().display().to_string();
        let all: Vec<_> = (0..6)
            .map(|_| {
                let mut command = afterglow(&["check", "--store", &store]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for one in all {
            let output = one.wait_with_output().unwrap();
            assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        }
    }
}

#[test]
fn a_damaged_catalog_may_be_deleted_and_that_is_said() {
    let dir = logs::folder();
    let (store, users) = (dir.path().join("store"), logs::case("3.5.9", "users"));
    let logs = [users.to_str().unwrap()];
    assert!(ingest(&store, &logs).status.success());
    let catalog = store.join("catalog.db");
    let whole = fs::read(&catalog).unwrap();
    for (how, bytes) in [("no database", vec![7; 9_000]), ("cut", whole[..whole.len() / 3].to_vec())] {
        fs::write(&catalog, bytes).unwrap();
        let refused = ingest(&store, &logs);
        assert_eq!(refused.status.code(), Some(1), "{how}");
        let said = stderr(&refused);
        let name = format!("{} is damaged: ", catalog.display());
        assert!(
            said.contains(&name) && said.contains("delete catalog.db, catalog.db-wal and catalog.db-shm"),
            "{said}"
        );
    }
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(store.join(format!("catalog.db{end}")));
    }
    assert!(ingest(&store, &logs).status.success());
    assert_eq!(applications(&TestServer::history(&store)), 4);
    // One of no bytes is one that nobody has made yet.
    fs::write(&catalog, "").unwrap();
    assert!(ingest(&store, &logs).status.success());
}

#[test]
fn a_damaged_ledger_costs_alerting_only() {
    let dir = logs::folder();
    let (store, users) = (dir.path().join("store"), logs::case("3.5.9", "users"));
    fs::create_dir_all(&store).unwrap();
    fs::write(store.join("alerts.db"), [7; 9_000]).unwrap();
    let server = TestServer::serve(&store).logs(users.to_str().unwrap()).start();
    eventually("logs are read", 20, || (applications(&server) == 4).then_some(()));
    let told = troubles(&server).unwrap();
    assert!(
        told.starts_with("alerting: nobody is told of anything: ") && told.contains("`afterglow alerts recover`"),
        "{told}"
    );
    for path in
        [INCIDENTS, "/api/afterglow/v1/incidents/1", "/api/afterglow/v1/silences", "/api/afterglow/v1/remediation"]
    {
        let answer = server.get(path);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 503, "{path}");
        assert!(body["error"].as_str().unwrap().starts_with("there is no alerting: "), "{path}: {body}");
    }
    drop(server);
    let store_name = store.display().to_string();
    let refused = run(&["check", "--store", &store_name]);
    assert!(!refused.status.success() && stdout(&refused).contains("alerts.db is damaged"), "{}", stdout(&refused));
    let recovered = run(&["alerts", "recover", "--store", &store_name]);
    assert!(
        recovered.status.success() && stdout(&recovered).contains("the damaged file is "),
        "{}",
        stderr(&recovered)
    );
    let server = TestServer::serve(&store).logs(users.to_str().unwrap()).start();
    assert_eq!((troubles(&server), server.json(INCIDENTS)["total"].is_number()), (None, true));
}

#[test]
fn databases_that_are_taken_away_are_missed() {
    let dir = logs::folder();
    let server = TestServer::serve(dir.path()).start();
    assert_eq!(troubles(&server), None);
    fs::remove_file(dir.path().join("catalog.db")).unwrap();
    fs::rename(dir.path().join("alerts.db"), dir.path().join("moved.db")).unwrap();
    let missed = |told: &String, part: &str| {
        told.lines().any(|line| line.starts_with(part) && line.contains("was removed or replaced"))
    };
    eventually("both are missed", 20, || troubles(&server).filter(|t| missed(t, "catalog: ") && missed(t, "ledger: ")));
}

#[test]
fn a_damaged_search_index_is_built_anew() {
    let dir = logs::folder();
    let users = logs::case("3.5.9", "users");
    let found = |server: &TestServer| {
        eventually("all are found", 20, || {
            let page = server.try_json("/api/afterglow/v1/search?q=local")?;
            (page["total"] == 4).then_some(())
        });
    };
    let names = || {
        let all = fs::read_dir(dir.path().join("search")).unwrap().flatten().map(|f| f.path());
        let version = all.into_iter().next().unwrap();
        let files = fs::read_dir(version).unwrap().flatten().map(|f| f.path());
        files.filter(|f| f.is_file() && f.extension().is_none_or(|e| e != "lock")).collect::<Vec<_>>()
    };
    let start = || TestServer::serve(dir.path()).logs(users.to_str().unwrap()).start();
    found(&start());
    for file in names() {
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    }
    let server = start();
    found(&server);
    assert!(server.log().contains("building the search index anew"), "{}", server.log());
}
