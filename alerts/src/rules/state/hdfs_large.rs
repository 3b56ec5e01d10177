//! `state-in-heap`: the default state store keeps a large state in the executors' heap.

use super::keys::PROVIDER;
use crate::facts::{Facts, Operator, Stream};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "state-in-heap",
    family: Family::State,
    title: "The default state store keeps a large state in the heap",
    page: include_str!("hdfs_large.md"),
    judge,
};

/// Of the heap. Spark manages 60 % of it (`spark.memory.fraction`) and does not know of the state, which has to live in the rest:
/// half of that, and all of it.
const MUCH: f64 = 0.2;
const TOO_MUCH: f64 = 0.4;
/// Of an executor, from which it is worth a change.
const BYTES: f64 = (256 << 20) as f64;
const ROCKSDB: &str = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider";
const DATABRICKS: &str = "com.databricks.sql.streaming.state.RocksDBStateStoreProvider";

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let key = if facts.is_local() { "spark.driver.memory" } else { "spark.executor.memory" };
    let heap = facts.conf.bytes(key, 1 << 20).unwrap_or(1 << 30) as f64;
    for stream in &facts.streams {
        let Some(last) = stream.last().filter(|_| stream.is_warm()) else { continue };
        let executors = facts.runners_at(last.time);
        let held: f64 = last.operators.iter().filter(|o| o.is_hdfs()).filter_map(|o| o.memory).sum();
        if executors == 0 || held / (executors as f64) < BYTES || held / (executors as f64 * heap) < MUCH {
            continue;
        }
        verdict.find(finding(stream, held, executors, heap));
    }
}

fn finding(stream: &Stream, held: f64, executors: usize, heap: f64) -> Finding {
    let share = held / (executors as f64 * heap);
    let severity = if share >= TOO_MUCH { Severity::Warning } else { Severity::Info };
    let summary = format!(
        "its state takes {}, {:.0} % of the heap of all executors ({executors})",
        bytes(held as i64),
        share * 100.0
    );
    let mut finding = Finding::new(severity, stream.place(), summary)
        .evidence(Evidence::derived("state", Value::Bytes(held as i64)))
        .evidence(Evidence::derived("share of the heap", Value::Share(share)));
    let memory = |o: &Operator| o.memory.unwrap_or(0.0);
    let largest = stream.operators().filter(|(_, o)| o.is_hdfs()).max_by(|a, b| memory(a.1).total_cmp(&memory(b.1)));
    if let Some(((i, o), last)) = largest.zip(stream.last()) {
        let at = |field: &str| stream.report(last, &format!("/stateOperators/{i}/{field}"));
        finding = finding.evidence(Evidence::new(
            "state of its largest operator",
            Value::Bytes(memory(o) as i64),
            at("memoryUsedBytes"),
        ));
        if let Some(rows) = o.rows {
            finding = finding.evidence(Evidence::new("its rows", Value::Count(rows as i64), at("numRowsTotal")));
        }
    }
    let databricks = stream.conf.get("spark.databricks.clusterUsageTags.clusterId").is_some();
    let class = if databricks { DATABRICKS } else { ROCKSDB };
    let why = "RocksDB keeps the state on local disk and off the heap; a query must start with a new checkpoint location for it";
    finding
        .advise(stream.set(PROVIDER, class, why, (3, 2)))
        .advise(Advice::Do("or give the state more executors, or let a watermark keep less of it".into()))
        .sure(Sure::Certain)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found, settings};
    use super::*;

    fn of(version: (u32, u32), memory: &str, bytes: f64) -> Facts {
        facts(version, &[("spark.executor.memory", memory)], move |_, o| {
            o.memory = Some(bytes);
            o.custom = vec![("loadedMapCacheHitCount", 1.0)];
        })
    }

    #[test]
    fn of_the_heap_that_spark_does_not_manage() {
        const GIB: f64 = (1u64 << 30) as f64;
        let severity = |memory, bytes| found(&RULE, &of((3, 5), memory, bytes)).first().map(|f| f.severity);
        assert_eq!(severity("10g", 3.99 * GIB), None);
        assert_eq!(severity("10g", 4.0 * GIB), Some(Severity::Info));
        assert_eq!(severity("10g", 8.0 * GIB), Some(Severity::Warning));
        assert_eq!(severity("1g", 0.49 * GIB), None, "too little to care");
        assert_eq!(settings(&RULE, &of((3, 2), "10g", 8.0 * GIB)), [(PROVIDER, ROCKSDB.to_owned())]);
        assert_eq!(settings(&RULE, &of((3, 1), "10g", 8.0 * GIB)), [], "Spark 3.1 has no RocksDB");
        let rocksdb = facts((3, 5), &[], |_, o| {
            o.memory = Some(8.0 * GIB);
            o.custom = vec![("rocksdbGetCount", 1.0)];
        });
        assert!(found(&RULE, &rocksdb).is_empty());
    }
}
