//! Logs of any size, in the shape of a real one: what lies in `tests/logs` is small.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::logs;

/// The events of a small log, and its application's id.
fn events() -> (String, Vec<Value>) {
    let (id, log) = logs::plain("4.3.0", "codec-none");
    (id, String::from_utf8_lossy(&log).lines().map(|l| serde_json::from_str(l).unwrap()).collect())
}

fn named(events: &[Value], name: &str) -> Value {
    events.iter().find(|e| e["Event"] == name).unwrap_or_else(|| panic!("{name}")).clone()
}

/// What stands before the first job.
fn head(events: &[Value]) -> String {
    let job = events.iter().position(|e| e["Event"] == "SparkListenerJobStart").expect("a job");
    let before = events[..job].iter().filter(|e| !e["Event"].as_str().unwrap().contains(".sql."));
    before.map(|e| format!("{e}\n")).collect()
}

/// Writes the log of an application with one stage of so many tasks; gives its id.
pub fn tasks(folder: &Path, count: i64) -> String {
    let (id, events) = events();
    let mut log = head(&events);
    let mut job = named(&events, "SparkListenerJobStart");
    job["Stage IDs"] = json!([0]);
    job["Stage Infos"].as_array_mut().unwrap().truncate(1);
    let mut submitted = named(&events, "SparkListenerStageSubmitted");
    let mut completed = named(&events, "SparkListenerStageCompleted");
    for stage in [&mut job["Stage Infos"][0], &mut submitted["Stage Info"], &mut completed["Stage Info"]] {
        stage["Number of Tasks"] = json!(count);
    }
    log += &format!("{job}\n{submitted}\n");
    let mut both = ["SparkListenerTaskStart", "SparkListenerTaskEnd"].map(|name| named(&events, name));
    for n in 0..count {
        for event in &mut both {
            let ended = event["Event"] == "SparkListenerTaskEnd";
            let task = &mut event["Task Info"];
            for key in ["Task ID", "Index", "Partition ID"] {
                task[key] = json!(n);
            }
            task["Launch Time"] = json!(1_795_221_655_693 + n);
            if ended {
                task["Finish Time"] = json!(1_795_221_655_793 + n + n % 977);
                task["Accumulables"] = json!([]);
            }
            log += &format!("{event}\n");
        }
    }
    log += &format!("{completed}\n");
    end(folder, id, log, &events)
}

/// Writes the log of an application with so many stages of one task each; gives its id.
pub fn stages(folder: &Path, count: i64) -> String {
    let (id, events) = events();
    let mut log = head(&events);
    let mut job = named(&events, "SparkListenerJobStart");
    let about = |n: i64, stage: &Value| {
        let mut stage = stage.clone();
        (stage["Stage ID"], stage["Number of Tasks"], stage["Accumulables"]) = (json!(n), json!(1), json!([]));
        stage["RDD Info"].as_array_mut().unwrap().truncate(1);
        stage
    };
    let all: Vec<Value> = (0..count).map(|n| about(n, &job["Stage Infos"][0])).collect();
    (job["Stage IDs"], job["Stage Infos"]) = (json!((0..count).collect::<Vec<_>>()), json!(all));
    log += &format!("{job}\n");
    let both = ["SparkListenerStageSubmitted", "SparkListenerStageCompleted"].map(|name| named(&events, name));
    for n in 0..count {
        for event in &both {
            log += &format!("{}\n", json!({ "Event": event["Event"], "Stage Info": about(n, &event["Stage Info"]) }));
        }
    }
    end(folder, id, log, &events)
}

/// Writes a log of so many bytes that hardly get smaller when they are compressed; gives its id.
pub fn incompressible(folder: &Path, bytes: usize) -> String {
    let (id, events) = events();
    let mut log = head(&events);
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    while log.len() < bytes {
        let text: String = (0..4000)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                char::from(
                    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"[(seed >> 40) as usize % 64],
                )
            })
            .collect();
        log += &format!("{}\n", json!({ "Event": "org.example.Noise", "text": text }));
    }
    end(folder, id, log, &events)
}

fn end(folder: &Path, id: String, mut log: String, events: &[Value]) -> String {
    log += &format!("{}\n{}\n", named(events, "SparkListenerJobEnd"), named(events, "SparkListenerApplicationEnd"));
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join(&id), log).expect("a log");
    id
}
