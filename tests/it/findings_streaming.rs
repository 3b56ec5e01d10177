//! `afterglow findings` on logs made for one rule each of the families streaming and state.

use serde_json::{Value, json};

use crate::logs;
use crate::server::{run, stderr, stdout};

const FAMILIES: [&str; 2] = ["streaming", "state"];

/// What a log of `tests/findings/logs` gives of a family.
fn found(rule: &str, family: &str) -> Vec<Value> {
    let log = format!("{}/tests/findings/logs/{rule}.zst", env!("CARGO_MANIFEST_DIR"));
    judged(&log).into_iter().filter(|f| f["family"] == family).collect()
}

fn judged(log: &str) -> Vec<Value> {
    let output = run(&["findings", log, "--json"]);
    assert!(output.status.success(), "{log}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// Values of the evidence, in order.
fn numbers(finding: &Value) -> Vec<(String, Value)> {
    let evidence = finding["evidence"].as_array().unwrap();
    evidence.iter().map(|e| (e["name"].as_str().unwrap().to_owned(), e["value"].clone())).collect()
}

struct Case {
    rule: &'static str,
    severity: &'static str,
    evidence: &'static [(&'static str, f64)],
    minutes: Option<f64>,
    /// Key, current and suggested value.
    advice: &'static [(&'static str, Option<&'static str>, &'static str)],
}

const STREAMING: [Case; 9] = [
    Case {
        rule: "streaming-falling-behind",
        severity: "warning",
        evidence: &[
            ("offsets behind", 49_000.0),
            ("offsets behind at first", 10_000.0),
            ("duration of the batch", 9_400.0),
        ],
        minutes: None,
        advice: &[],
    },
    Case {
        rule: "batch-over-trigger",
        severity: "info",
        evidence: &[("longest batch", 7_000.0), ("trigger interval", 5_000.0)],
        minutes: None,
        advice: &[],
    },
    Case {
        rule: "watermark-stuck",
        severity: "warning",
        evidence: &[
            ("stands still for", 1_170_000.0),
            ("batches with rows since then", 39.0),
            ("stood still before, at most", 30_000.0),
        ],
        minutes: None,
        advice: &[],
    },
    Case {
        rule: "late-rows-dropped",
        severity: "info",
        evidence: &[("rows dropped", 150.0), ("rows dropped in a batch", 5.0), ("rows read", 18_000.0)],
        minutes: None,
        advice: &[],
    },
    Case {
        rule: "slow-query-planning",
        severity: "warning",
        evidence: &[("share of the batches", 0.65), ("planning", 2_600.0), ("duration of that batch", 4_000.0)],
        minutes: Some(2.6),
        advice: &[],
    },
    Case {
        rule: "slow-source-offsets",
        severity: "info",
        evidence: &[("share of the batches", 0.4), ("latest offset", 1_500.0), ("get batch", 100.0)],
        minutes: Some(1.6),
        advice: &[],
    },
    Case {
        rule: "slow-progress-log",
        severity: "info",
        evidence: &[("share of the batches", 0.425), ("offsets", 800.0), ("commit", 900.0)],
        minutes: Some(1.7),
        advice: &[],
    },
    Case {
        rule: "empty-batches",
        severity: "info",
        evidence: &[("batches without a row", 60.0), ("batches", 120.0), ("share of the time", 0.5)],
        minutes: Some(2.0),
        advice: &[("spark.sql.streaming.noDataMicroBatches.enabled", None, "false")],
    },
    Case {
        rule: "tiny-batches",
        severity: "info",
        evidence: &[("rows in a batch", 300.0), ("time between batches", 2_000.0), ("last batch", 119.0)],
        minutes: None,
        advice: &[],
    },
];

const STATE: [Case; 13] = [
    Case {
        rule: "state-in-heap",
        severity: "warning",
        evidence: &[("state", 1_258_291_200.0), ("share of the heap", 0.585_937_5), ("its rows", 4_000_000.0)],
        minutes: None,
        advice: &[(
            "spark.sql.streaming.stateStore.providerClass",
            Some("org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"),
            "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
        )],
    },
    Case {
        rule: "state-growing",
        severity: "warning",
        evidence: &[("rows in state", 1_200_000.0), ("at first", 20_000.0), ("more in an hour", 1_200_000.0)],
        minutes: None,
        advice: &[],
    },
    Case {
        rule: "changelog-checkpointing",
        severity: "warning",
        evidence: &[
            ("share of the batches", 0.55),
            ("commits of a batch, summed over stores", 4_400.0),
            ("of that, for files", 4_000.0),
            ("stores", 4.0),
        ],
        minutes: Some(2.0),
        advice: &[("spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled", None, "true")],
    },
    Case {
        rule: "slow-checkpoint-writes",
        severity: "warning",
        evidence: &[("share of the batches", 0.55), ("of that, for files", 4_000.0)],
        minutes: Some(2.0),
        advice: &[],
    },
    Case {
        rule: "rocksdb-memory",
        severity: "warning",
        evidence: &[
            ("at worst", 5_133_828_096.0),
            ("memory overhead", 4_294_967_296.0),
            ("in use on an executor", 1_610_612_736.0),
            ("instances on an executor", 36.0),
            ("instances in all", 72.0),
        ],
        minutes: None,
        advice: &[
            ("spark.sql.streaming.stateStore.rocksdb.boundedMemoryUsage", None, "true"),
            ("spark.sql.streaming.stateStore.rocksdb.maxMemoryUsageMB", None, "2048"),
        ],
    },
    Case {
        rule: "rocksdb-block-cache",
        severity: "warning",
        evidence: &[
            ("answered by the cache", 0.25),
            ("misses of a batch", 90_000.0),
            ("hits of that batch", 30_000.0),
            ("updates, share of the batches", 0.6),
        ],
        minutes: Some(2.4),
        advice: &[("spark.sql.streaming.stateStore.rocksdb.blockCacheSizeMB", None, "64")],
    },
    Case {
        rule: "rocksdb-write-stalls",
        severity: "info",
        evidence: &[("batches with stalls", 6.0), ("of the last batches", 0.1), ("the last of them", 50.0)],
        minutes: None,
        advice: &[
            ("spark.sql.streaming.stateStore.rocksdb.maxWriteBufferNumber", None, "3"),
            ("spark.sql.streaming.stateStore.rocksdb.writeBufferSizeMB", None, "128"),
        ],
    },
    Case {
        rule: "rocksdb-compact-on-commit",
        severity: "warning",
        evidence: &[
            ("share of the batches", 0.25),
            ("compaction of a batch", 2_000.0),
            ("commits of that batch", 2_400.0),
        ],
        minutes: Some(1.0),
        advice: &[("spark.sql.streaming.stateStore.rocksdb.compactOnCommit", Some("true"), "false")],
    },
    Case {
        rule: "state-reloaded",
        severity: "warning",
        evidence: &[("share of misses", 0.25), ("misses of the stores", 4.0), ("hits of the stores", 12.0)],
        minutes: None,
        advice: &[
            ("spark.locality.wait", Some("0s"), "3s"),
            ("spark.sql.streaming.stateStore.minDeltasForSnapshot", None, "5"),
        ],
    },
    Case {
        rule: "tiny-state-partitions",
        severity: "info",
        evidence: &[
            ("partitions", 200.0),
            ("rows in state", 20_000.0),
            ("cores", 2.0),
            ("share of the batches", 0.376_25),
        ],
        minutes: Some(1.474_9),
        advice: &[("spark.sql.shuffle.partitions", Some("200"), "4")],
    },
    Case {
        rule: "state-maintenance-interval",
        severity: "info",
        evidence: &[("batches between", 60.0), ("time between batches", 1_000.0), ("rows in state", 2_000_000.0)],
        minutes: None,
        advice: &[("spark.sql.streaming.stateStore.maintenanceInterval", None, "30s")],
    },
    Case {
        rule: "state-batches-to-retain",
        severity: "info",
        evidence: &[("kept", 94_371_840_000.0), ("uploaded by a batch", 943_718_400.0), ("versions", 100.0)],
        minutes: None,
        advice: &[("spark.sql.streaming.minBatchesToRetain", None, "20")],
    },
    Case {
        rule: "rocksdb-block-size",
        severity: "info",
        evidence: &[("files of the state", 64_424_509_440.0), ("of its largest operator", 64_424_509_440.0)],
        minutes: None,
        advice: &[("spark.sql.streaming.stateStore.rocksdb.blockSizeKB", None, "64")],
    },
];

fn check(family: &str, cases: &[Case]) {
    for case in cases {
        let rule = case.rule;
        let all = found(rule, family);
        assert_eq!(all.iter().map(|f| &f["rule"]).collect::<Vec<_>>(), [rule], "{rule}");
        // Nor does the other of the two families see anything in it.
        for other in FAMILIES.iter().filter(|f| **f != family) {
            assert_eq!(found(rule, other), Vec::<Value>::new(), "{rule}");
        }
        let f = &all[0];
        assert_eq!(f["severity"], case.severity, "{rule}");
        assert_eq!((&f["where"]["kind"], &f["where"]["name"]), (&json!("query"), &json!("orders")), "{rule}");
        let numbers = numbers(f);
        for (name, wanted) in case.evidence {
            let value = numbers.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_f64());
            assert!(value.is_some_and(|v| (v - wanted).abs() < 1e-9), "{rule}: {name} is {value:?} in {numbers:?}");
        }
        let minutes = f["at_stake"]["minutes"].as_f64();
        let near = minutes.zip(case.minutes).is_some_and(|(a, b)| (a - b).abs() < 1e-3);
        assert!(near || minutes == case.minutes, "{rule}: {minutes:?}");
        let advice: Vec<_> = f["advice"].as_array().unwrap().iter().filter(|a| a.get("key").is_some()).collect();
        let told: Vec<_> = advice
            .iter()
            .map(|a| (&a["key"], &a["current"], &a["suggested"]))
            .map(|(k, c, s)| json!([k, c, s]))
            .collect();
        let wanted: Vec<_> = case.advice.iter().map(|(k, c, s)| json!([k, c, s])).collect();
        assert_eq!(told, wanted, "{rule}");
    }
}

#[test]
fn findings_about_streaming_queries() {
    check("streaming", &STREAMING);
}

#[test]
fn findings_about_state_stores() {
    check("state", &STATE);
}

#[test]
fn findings_about_queries_that_failed() {
    let made = found("streaming-query-failed", "streaming");
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0]["rule"], &made[0]["severity"]), (&json!("streaming-query-failed"), &json!("critical")));
    assert_eq!(
        made[0]["summary"],
        "it failed after the report of batch 2: sources were added to the query or taken from it: java.lang.IllegalStateException: \
         There are [1] sources in the checkpoint offsets and now there are [2] sources requested by the query. Cannot continue."
    );
    assert_eq!(numbers(&made[0])[1..], [("progress reports".into(), json!(3)), ("last batch".into(), json!(2))]);
    // Real queries of a few batches: one fails, nothing else is wrong.
    for (version, case) in
        [("3.5.9", "streaming-hdfs"), ("3.5.9", "streaming-rocksdb"), ("4.3.0", "streaming-changelog")]
    {
        let all = judged(logs::case(version, case).to_str().unwrap());
        let told: Vec<_> = all.iter().filter(|f| FAMILIES.iter().any(|family| f["family"] == *family)).collect();
        let named: Vec<_> =
            told.iter().map(|f| (f["rule"].as_str().unwrap(), f["where"]["name"].as_str().unwrap())).collect();
        assert_eq!(named, [("streaming-query-failed", "fails")], "{version}/{case}");
        assert!(
            told[0]["summary"].as_str().unwrap().ends_with("RuntimeError: foreachBatch failed on batch 2"),
            "{}",
            told[0]["summary"]
        );
    }
}
