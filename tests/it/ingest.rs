//! `ingest --once`: what it says and ends with, what it takes for a log, what it makes of damage.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::answers;
use crate::logs;
use crate::server::{self, TestServer, ingest, stdout};

/// The first number of each comma-separated item in a line of the summary.
fn numbers(line: &str) -> Vec<u64> {
    line.split(", ").filter_map(|item| item.split([' ', '.']).next()?.parse().ok()).collect()
}

/// Applications and events; then logs unchanged, objects passed by, damaged, failed.
fn summary(text: &str) -> ([u64; 2], [u64; 4]) {
    let lines: Vec<&str> = text.lines().rev().take(2).collect();
    let (first, last) = (numbers(lines[1]), numbers(lines[0]));
    ([first[0], first[1]], last.try_into().expect("four numbers"))
}

#[test]
fn a_good_log_is_read_once() {
    let dir = logs::folder();
    for (version, events, passed_by) in [("3.5.9", 116, 0), ("4.3.0", 120, 4)] {
        let (store, users) = (dir.path().join(version), logs::case(version, "users"));
        let first = ingest(&store, &[users.to_str().unwrap()]);
        assert_eq!(first.status.code(), Some(0), "{}", stdout(&first));
        // Hadoop's checksums are what is passed by.
        assert_eq!(summary(&stdout(&first)), ([4, events], [0, passed_by, 0, 0]), "{version}");
        let objects = crate::restart::objects(&store);
        let second = ingest(&store, &[users.to_str().unwrap()]);
        assert_eq!(second.status.code(), Some(0));
        assert_eq!(summary(&stdout(&second)), ([0, 0], [4, passed_by, 0, 0]), "{version}: nothing is read again");
        assert_eq!(crate::restart::objects(&store), objects);
    }
}

#[test]
fn names_may_have_letters_that_urls_and_keys_have_not() {
    let dir = logs::folder();
    let (source, store) = (dir.path().join("Spark-Läufe 100% #1"), dir.path().join("störe 2"));
    fs::create_dir_all(&source).unwrap();
    let (_, log) = logs::plain("3.5.9", "codec-none");
    fs::write(source.join("nächtlich 50% #b"), &log).unwrap();
    let first = ingest(&store, &[&format!("größe={}", source.display())]);
    assert_eq!((first.status.code(), summary(&stdout(&first)).0[0]), (Some(0), 1), "{}", stdout(&first));
    let server = TestServer::history(&store);
    let apps = server.json("/api/v1/applications");
    let id = apps[0]["id"].as_str().unwrap();
    assert_eq!(server.json(&format!("/api/v1/applications/{id}/jobs")).as_array().unwrap().len(), 3);
    let rows = server.client().send(
        "POST",
        "/api/afterglow/v1/sql",
        br#"{"query": "SELECT cluster, count(*) FROM jobs GROUP BY 1"}"#,
    );
    let rows: Value = serde_json::from_slice(&rows.unwrap().body).unwrap();
    assert_eq!(rows["rows"], json!([["größe", 3]]));
    // The log itself is found again, too.
    assert_eq!(server.get(&format!("/api/v1/applications/{id}/logs")).status, 200);
}

#[test]
fn damage_is_told_and_is_no_failure() {
    let dir = logs::folder();
    for (version, source, events) in [("3.5.9", "local-1795220781168", 572), ("4.3.0", "local-1795221647693", 580)] {
        let derived = logs::case(version, "derived");
        let result = ingest(&dir.path().join(version), &[derived.to_str().unwrap()]);
        let text = stdout(&result);
        assert_eq!(result.status.code(), Some(3), "{text}");
        assert_eq!(summary(&text), ([15, events], [0, 0, 5, 0]), "{text}");
        for (digits, problem) in [
            ("02", "ends in the middle of an event"),
            ("03", "2 damaged lines; first: line "),
            ("06", "no ApplicationStart event: named by its file"),
            ("10", "holds no event of Spark"),
            ("11", "parts [2] of the rolling log are missing"),
        ] {
            let told = |l: &str| l.contains(&format!("{source}{digits}: {problem}"));
            assert!(text.lines().any(told), "{digits}: {problem}\n{text}");
        }
    }
}

#[test]
fn a_source_that_is_not_there_fails_and_stops_no_other() {
    let dir = logs::folder();
    let users = logs::case("3.5.9", "users");
    let result = ingest(&dir.path().join("store"), &["gone=/no/such/folder", users.to_str().unwrap()]);
    assert_eq!(result.status.code(), Some(1));
    assert!(server::stderr(&result).contains("gone=/no/such/folder: file:///no/such/folder: no such folder"));
    assert_eq!(summary(&stdout(&result)), ([4, 116], [0, 0, 0, 1]));
}

/// What each damaged log lacks, and the jobs and completed tasks that are there nevertheless.
#[test]
fn what_damaged_logs_lack_is_told_and_the_rest_served() {
    let dir = logs::folder();
    // The copies are cut by lines, and the two versions have not the same.
    for (version, source, orphans, half) in
        [("3.5.9", "local-1795220781168", 2, 2), ("4.3.0", "local-1795221647693", 1, 3)]
    {
        let (store, derived) = (dir.path().join(version), logs::case(version, "derived"));
        ingest(&store, &[derived.to_str().unwrap()]);
        let server = TestServer::history(&store);
        let unknown = json!({"unknownEvents": {"com.example.ListenerOfTheFuture": 1}});
        let gap = json!({"missingParts": [2], "jobsWithoutEnd": 1, "taskEndsWithoutStart": orphans});
        for (id, lacks, jobs, tasks) in [
            ("01", json!({}), 3, 3),
            ("02", json!({"tornTail": true}), 3, 3),
            ("03", json!({"damagedLines": 2}), 3, 9),
            ("04", json!({}), 3, 9),
            ("05", unknown, 3, 9),
            ("06", json!({"noApplicationStart": true}), 3, 9),
            ("08", json!({}), 3, 9),
            ("11", gap, 1, 2),
            ("12", json!({}), 3, 9),
            ("13", json!({"compacted": true}), 3, 9),
            ("14", json!({}), 3, 9),
            ("15", json!({}), 3, 9),
            ("16/1", json!({}), 2, half),
            ("16/2", json!({}), 3, 9),
        ] {
            let app = format!("applications/{source}{id}");
            let mut note = server.json(&format!("/api/afterglow/v1/{app}/completeness"));
            let first = note.as_object_mut().expect("an object").remove("firstDamage");
            assert_eq!(note, lacks, "{version} {id}");
            assert_eq!(first.is_some(), id == "03", "{version} {id}: the first damage is quoted");
            let shown = server.json(&format!("/api/v1/{app}/jobs"));
            let shown = shown.as_array().expect("jobs");
            let done: i64 = shown.iter().filter_map(|j| j["numCompletedTasks"].as_i64()).sum();
            assert_eq!((shown.len(), done), (jobs, tasks), "{version} {id}: jobs, completed tasks");
        }
        // A frame that is not whole yet is no damage in a log that is being written.
        assert_eq!(server.json(&format!("/api/afterglow/v1/applications/{source}07/completeness")), json!({}));
        assert!(!server.json(&format!("/api/v1/applications/{source}07/jobs")).as_array().unwrap().is_empty());
        for nothing in ["09", "10"] {
            assert_eq!(server.get(&format!("/api/v1/applications/{source}{nothing}")).status, 404);
        }
        let list = server.json("/api/v1/applications");
        assert_eq!(list.as_array().unwrap().len(), 14, "two attempts are one application");
    }
}

#[test]
fn every_codec_is_read() {
    let dir = logs::folder();
    for version in logs::VERSIONS {
        let codecs = ["none", "zstd", "lz4", "snappy", "lzf"];
        let sources = codecs.map(|c| format!("{c}={}", logs::case(version, &format!("codec-{c}")).display()));
        let store = dir.path().join(version);
        let result = ingest(&store, &sources.each_ref().map(String::as_str));
        assert_eq!(result.status.code(), Some(0), "{}", stdout(&result));
        let server = TestServer::history(&store);
        // The same application, run five times.
        let of = |codec: &str, path: &str, keys: &[&str]| -> Vec<Value> {
            let apps = server.json(&format!("/clusters/{codec}/api/v1/applications"));
            assert_eq!(apps.as_array().unwrap().len(), 1, "{codec}");
            let id = apps[0]["id"].as_str().unwrap();
            let all = server.json(&format!("/clusters/{codec}/api/v1/applications/{id}/{path}"));
            all.as_array().unwrap().iter().map(|x| keys.iter().map(|k| x[k].clone()).collect()).collect()
        };
        for codec in codecs {
            let jobs = ["jobId", "status", "numTasks", "numCompletedTasks", "stageIds"];
            assert_eq!(of(codec, "jobs", &jobs), of("none", "jobs", &jobs), "{version} {codec}");
            let stages = ["stageId", "status", "numTasks", "inputRecords", "shuffleReadRecords", "shuffleWriteRecords"];
            assert_eq!(of(codec, "stages", &stages), of("none", "stages", &stages), "{version} {codec}");
            let sql = ["id", "status", "description", "successJobIds"];
            assert_eq!(of(codec, "sql", &sql), of("none", "sql", &sql), "{version} {codec}");
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// The framing counts, not the name.
#[test]
fn one_log_in_any_wrapping_gives_the_same_answers() {
    let dir = logs::folder();
    let (app, log) = logs::plain("4.3.0", "codec-none");
    let frames: Vec<u8> = log.chunks(7_001).flat_map(|c| zstd::encode_all(c, 3).unwrap()).collect();
    let members: Vec<u8> = log.chunks(50_001).flat_map(gzip).collect();
    let wrappings = [
        ("plain", "", log.clone()),
        ("plain-called-zstd", ".zstd", log.clone()),
        ("plain-called-gz", ".gz", log.clone()),
        ("zstd", ".zstd", zstd::encode_all(&log[..], 3).unwrap()),
        ("zstd-frames", ".zstd", frames.clone()),
        ("zstd-called-lz4", ".lz4", frames.clone()),
        ("zstd-called-nothing", "", frames),
        ("gzip", ".gz", gzip(&log)),
        ("gzip-members", ".gz", members.clone()),
        ("gzip-called-snappy", ".snappy", members),
    ];
    let sources = wrappings.each_ref().map(|(name, suffix, bytes)| {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(format!("{app}{suffix}")), bytes).unwrap();
        format!("{name}={}", folder.display())
    });
    let store = dir.path().join("store");
    let result = ingest(&store, &sources.each_ref().map(String::as_str));
    assert_eq!(result.status.code(), Some(0), "{}", stdout(&result));
    assert_eq!(summary(&stdout(&result)), ([10, 460], [0, 0, 0, 0]));
    let server = TestServer::history(&store);
    let of = |cluster: &str| answers::at(&server, &format!("/clusters/{cluster}/api/v1/applications/{app}"));
    let expected = of("plain");
    assert_eq!(expected["/jobs"].as_array().unwrap().len(), 3);
    for (name, _, _) in &wrappings[1..] {
        answers::assert_equal(name, &expected, &of(name));
    }
}

#[test]
fn what_lies_beside_logs_is_passed_by() {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let deep = folder.join("2026/11/21");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join(&app), log).unwrap();
    let csv = "day,sold\n2026-01-01,3\n".repeat(1000);
    for (name, bytes) in [
        ("_SUCCESS", &b""[..]),
        (".hidden", b"x"),
        ("part-0000.snappy.parquet", b"PAR1\0\0PAR1"),
        ("stdout.gz", &gzip(b"hello\n")),
        ("numbers", csv.as_bytes()),
        ("notes", b"one line without an end"),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let first = ingest(&store, &[folder.to_str().unwrap()]);
    assert_eq!(first.status.code(), Some(0), "{}", stdout(&first));
    assert_eq!(summary(&stdout(&first)), ([1, 45], [0, 6, 0, 0]), "{}", stdout(&first));
    let second = ingest(&store, &[folder.to_str().unwrap()]);
    // By name four; two were looked into, and need not be again.
    assert_eq!(summary(&stdout(&second)), ([0, 0], [3, 4, 0, 0]), "{}", stdout(&second));
    let server = TestServer::history(&store);
    assert_eq!(server.json("/api/v1/applications")[0]["id"], app.as_str());
}

#[test]
fn an_id_that_two_clusters_have_is_not_guessed() {
    let dir = logs::folder();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let (alone, other) = logs::plain("4.3.0", "codec-none");
    for (cluster, id, log) in [("east", &app, &log), ("west", &app, &log), ("west", &alone, &other)] {
        fs::create_dir_all(dir.path().join(cluster)).unwrap();
        fs::write(dir.path().join(cluster).join(id), log).unwrap();
    }
    let sources = ["east", "west"].map(|c| format!("{c}={}", dir.path().join(c).display()));
    let store = dir.path().join("store");
    assert_eq!(ingest(&store, &[&sources[0], &sources[1]]).status.code(), Some(0));
    let server = TestServer::history(&store);
    for path in [
        format!("/api/v1/applications/{app}"),
        format!("/api/v1/applications/{app}/jobs"),
        format!("/api/v1/applications/{app}/logs"),
    ] {
        let refused = server.get(&path);
        assert_eq!(refused.status, 409, "{path}");
        for cluster in ["east", "west"] {
            assert!(
                refused.text().contains(&format!("/clusters/{cluster}/api/v1/applications/{app}")),
                "{}",
                refused.text()
            );
        }
    }
    let east = answers::at(&server, &format!("/clusters/east/api/v1/applications/{app}"));
    answers::assert_equal("west", &east, &answers::at(&server, &format!("/clusters/west/api/v1/applications/{app}")));
    assert_eq!(server.json(&format!("/api/v1/applications/{app}/jobs?cluster=west")), east["/jobs"]);
    assert_eq!(
        server.json(&format!("/api/v1/applications/{alone}/jobs")).as_array().unwrap().len(),
        3,
        "no need to say which"
    );
    assert_eq!(server.get(&format!("/clusters/east/api/v1/applications/{alone}")).status, 404);
    let ids = |path: &str| -> Vec<String> {
        let all = server.json(path);
        all.as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("/api/v1/applications"), [&alone[..], &app, &app]);
    assert_eq!(ids("/api/v1/applications?cluster=east"), [&app[..]]);
    assert_eq!(ids("/api/v1/applications?cluster=west"), [&alone[..], &app]);
    assert_eq!(ids("/clusters/west/api/v1/applications"), [&alone[..], &app]);
}
