//! Sources and a store in S3, as a user has them: the binary, its environment, a real server. A proxy before it counts requests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::answers;
use crate::follow::{self, SOON};
use crate::golden::members;
use crate::logs;
use crate::moto::{self, Bucket};
use crate::proxy::{Proxy, Request};
use crate::rules::Rules;
use crate::server::{Builder, TestServer, eventually};

/// Where the logs of a bucket lie.
pub const PREFIX: &str = "spark/events";

/// The application whose log [`mixed`] has in parts.
pub const ROLLING: &str = "local-1795221735814";

/// A proxy before the S3 server, if there is one.
pub fn s3() -> Option<Proxy> {
    moto::address().map(Proxy::before)
}

/// What the AWS SDKs and command line take from the environment.
pub fn environment(proxy: &Proxy) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", proxy.url()),
        ("AWS_ACCESS_KEY_ID", "tests".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "tests".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}

impl Builder {
    pub fn with(self, proxy: &Proxy) -> Builder {
        environment(proxy).iter().fold(self, |builder, (name, value)| builder.env(name, value))
    }
}

/// The files of a folder, at any depth, by path below it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            out.extend(files(&entry.path()).into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            out.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    out
}

/// Copies a folder below the prefix of a bucket; folders are marked by empty objects, as Hadoop does.
pub fn put_folder(bucket: &mut Bucket, folder: &Path) {
    for (path, bytes) in files(folder) {
        for (at, _) in path.match_indices('/') {
            bucket.put(&format!("{PREFIX}/{}", &path[..=at]), &[]);
        }
        bucket.put(&format!("{PREFIX}/{path}"), &bytes);
    }
}

/// Logs of several kinds, and what is no log, as they lie in one folder.
pub fn mixed(folder: &Path) {
    let deep = folder.join("2026/11/21");
    logs::lay(&logs::case("4.3.0", "users"), folder, &|_| true);
    logs::lay(&logs::case("4.3.0", "rolling-zstd"), folder, &|_| true);
    logs::lay(&logs::case("3.5.9", "sql"), &deep, &|_| true);
    logs::lay(&logs::case("3.5.9", "fail-job"), &deep, &|_| true);
    for (name, bytes) in [
        ("_SUCCESS", &b""[..]),
        ("part-0000.snappy.parquet", b"PAR1\0\0PAR1"),
        ("stdout.gz", b"\x1f\x8b"),
        ("numbers", "day,sold\n2026-01-01,3\n".repeat(1000).as_bytes()),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

pub fn source(server: &TestServer, cluster: &str) -> Option<Value> {
    let all = server.json("/api/afterglow/v1/sources");
    all.as_array()?.iter().find(|s| s["cluster"] == cluster).cloned()
}

/// Waits until a source was listed and all of it read.
pub fn read(server: &TestServer, cluster: &str) -> Value {
    eventually(&format!("{cluster} is read"), 30, || source(server, cluster).filter(|s| s["healthy"] == true))
}

fn ids(server: &TestServer) -> Vec<String> {
    let all = server.json("/api/v1/applications?status=completed");
    all.as_array().unwrap().iter().filter_map(|a| a["id"].as_str().map(str::to_owned)).collect()
}

/// Fails the test where two servers differ in what they say of anything that is completed.
pub fn assert_same(expected: &TestServer, got: &TestServer, applications: usize) {
    let (all, others) = (ids(expected), ids(got));
    assert_eq!((all.len(), &all), (applications, &others));
    for id in &all {
        answers::assert_equal(id, &answers::all(expected, id), &answers::all(got, id));
    }
}

#[test]
fn logs_in_a_bucket_are_answered_as_those_in_a_folder() {
    let Some(proxy) = s3() else { return };
    let dir = logs::folder();
    let [folder, local, store] = ["logs", "local", "store"].map(|name| dir.path().join(name));
    mixed(&folder);
    let (open, log) = logs::plain("3.5.9", "storage");
    let end = log.windows(40).rposition(|w| w.starts_with(b"{\"Event\":\"SparkListenerApplicationEnd\"")).unwrap();
    fs::write(folder.join(format!("{open}.inprogress")), &log[..end]).unwrap();
    let (mut bucket, mut kept) = (Bucket::create("answers").unwrap(), Bucket::create("answers-store").unwrap());
    put_folder(&mut bucket, &folder);
    // A prefix ends with its last part.
    bucket.put(&format!("{PREFIX}-of-others/{open}-other"), &log);
    proxy.pages_of(3);

    let expected = TestServer::serve(&local).logs(&format!("lab={}", folder.display())).start();
    let logs = format!("lab=s3a://{}/{PREFIX}/", bucket.name);
    let objects = format!("s3://{}/afterglow/", kept.name);
    let server = TestServer::serve(&store).logs(&logs).objects(&objects).with(&proxy).start();
    let counts = |about: &Value| ["logs", "objects", "passedBy"].map(|k| about[k].as_i64().unwrap());
    let (here, there) = (read(&expected, "lab"), read(&server, "lab"));
    assert_eq!(there["url"], "s3://answers/spark/events");
    // In the bucket there are markers of folders, too; those called like rolling logs are passed by.
    assert_eq!((counts(&here), counts(&there)), ([9, 23, 8], [9, 31, 13]));
    assert_same(&expected, &server, 7);
    let rules = [json!({
        "url": "", "json": r"\$.*\.(logSource(Name|FullPath)|lastUpdated(Epoch)?|duration)", "op": "ignore",
        "why": "another place, written at another time; one application runs",
    })];
    let rules = Rules::new(&rules, BTreeMap::new());
    for path in ["/api/v1/applications".to_owned(), format!("/api/v1/applications/{open}/jobs")] {
        assert_eq!(rules.differences(&path, &expected.json(&path), &server.json(&path)), [""; 0], "{path}");
    }
    let zips = [&expected, &server].map(|s| members(&s.get(&format!("/api/v1/applications/{ROLLING}/logs")).body));
    assert_eq!((zips[0].as_object().unwrap().len(), &zips[0]), (4, &zips[1]));

    // From here on there is nothing new.
    let before = proxy.seen().len();
    let of_source =
        || proxy.seen().split_off(before).into_iter().filter(|r| r.is_of("answers")).collect::<Vec<Request>>();
    eventually("three more listings", SOON, || (of_source().iter().filter(|r| !r.goes_on()).count() > 3).then_some(()));
    let others: Vec<Request> = of_source().into_iter().filter(|r| !r.is_list()).collect();
    assert!(others.is_empty(), "{others:?}");

    // Attempts are in the bucket, and nowhere else.
    drop(server);
    assert!(!store.join("attempts").exists() && store.join("catalog.db").exists());
    let keys = kept.keys();
    assert_eq!(keys.iter().filter(|k| k.starts_with("afterglow/attempts/lab/")).count(), 8, "{keys:?}");
    let again = TestServer::role("history", &store).objects(&objects).with(&proxy).start();
    answers::assert_equal(ROLLING, &answers::all(&expected, ROLLING), &answers::all(&again, ROLLING));
}

/// A log in a bucket that is written again with more in it.
struct Growing {
    bucket: Bucket,
    proxy: Proxy,
    server: TestServer,
    app: String,
    log: Vec<u8>,
    _dir: tempfile::TempDir,
}

impl Growing {
    fn begin(bucket: &str) -> Option<Growing> {
        let (proxy, bucket) = (s3()?, Bucket::create(bucket)?);
        let (app, log) = logs::plain("3.5.9", "sql");
        let dir = logs::folder();
        let server =
            TestServer::serve(dir.path()).logs(&format!("s3a://{}/{PREFIX}/", bucket.name)).with(&proxy).start();
        Some(Growing { bucket, proxy, server, app, log, _dir: dir })
    }

    /// Puts the log as far as it goes, and waits until that is seen.
    fn put(&mut self, name: &str, bytes: usize) {
        self.bucket.put(&format!("{PREFIX}/{}{name}", self.app), &self.log[..bytes]);
        let want = follow::jobs_in(&self.log[..bytes]);
        eventually(&format!("{want} jobs at byte {bytes}"), SOON, || {
            follow::jobs(&self.server, &self.app).filter(|jobs| *jobs == want)
        });
    }

    fn ended(&self) {
        eventually("the application is completed", SOON, || follow::is_completed(&self.server, &self.app));
        let expected = follow::at_once(&self.app, &self.log);
        answers::assert_equal("followed", &expected, &answers::all(&self.server, &self.app));
    }

    /// Where reading began, each time. Looking at a log's first bytes for its codec, and at the 4 KiB that were read last to know
    /// it again, is not reading.
    fn reads(&self) -> Vec<u64> {
        let seen = self.proxy.seen().into_iter().filter(|r| r.is_get() && r.is_of(&self.bucket.name));
        let is_look = |from: u64, to: u64| matches!(to - from, 0..=16 | 4095);
        seen.filter(|r| r.to.is_none_or(|to| !is_look(r.from.unwrap_or(0), to))).filter_map(|r| r.from).collect()
    }
}

#[test]
fn a_log_that_is_put_again_with_more_is_read_on() {
    let Some(mut growing) = Growing::begin("growing") else { return };
    let whole = growing.log.len();
    for bytes in [whole / 5, whole / 2, whole - 1000] {
        growing.put(".inprogress", bytes);
    }
    growing.put("", whole);
    growing.bucket.delete(&format!("{PREFIX}/{}.inprogress", growing.app));
    growing.ended();
    let reads = growing.reads();
    assert!(reads.len() >= 4 && reads.is_sorted(), "{reads:?}");
    assert_eq!(reads.iter().filter(|from| **from == 0).count(), 1, "{reads:?}");
}

#[test]
fn a_log_that_is_put_again_under_its_final_name_loses_no_line() {
    let Some(mut growing) = Growing::begin("final-names") else { return };
    let whole = growing.log.len();
    // Nothing says that it is not finished, and it is cut in the middle of a line.
    for bytes in [whole / 5, whole / 2, whole] {
        growing.put("", bytes);
    }
    growing.ended();
    let note = growing.server.json(&format!("/api/afterglow/v1/applications/{}/completeness", growing.app));
    assert_eq!(note, json!({}));
}
