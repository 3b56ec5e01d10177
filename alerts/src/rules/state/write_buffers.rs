//! `rocksdb-write-stalls`: RocksDB holds writers back, since its buffers are full.

use super::keys::{BOUNDED, BUFFER_SIZE, BUFFERS, MAX_MEMORY};
use crate::facts::{Batch, Facts, Stream};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "rocksdb-write-stalls",
    family: Family::State,
    title: "RocksDB holds writers back, since its buffers are full",
    page: include_str!("write_buffers.md"),
    judge,
};

/// Recent batches with stalls, and of all recent ones.
const BATCHES: usize = 3;
const SHARE: f64 = 0.05;
const STALL: &str = "rocksdbWriterStallLatencyMs";

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        for (i, o) in stream.operators() {
            let held = stream.recent.iter().filter(|b| stalled(b, i)).count();
            let share = held as f64 / stream.recent.len().max(1) as f64;
            if held < BATCHES || share < SHARE || !stream.is_warm() {
                continue;
            }
            let Some(last) = stream.recent.iter().rfind(|b| stalled(b, i)) else { continue };
            let summary = format!(
                "writes to the state of {} were held back in {held} of the last {} batches",
                o.name,
                stream.recent.len()
            );
            // The size of this metric is not to be trusted: Spark counts microseconds and says milliseconds.
            let finding = Finding::new(Severity::Info, stream.place(), summary)
                .evidence(Evidence::derived("batches with stalls", Value::Count(held as i64)))
                .evidence(Evidence::derived("of the last batches", Value::Share(share)))
                .evidence(Evidence::new("the last of them", Value::Count(last.id), stream.report(last, "/batchId")))
                .sure(Sure::Certain);
            verdict.find(advised(finding, stream));
        }
    }
}

fn stalled(batch: &Batch, operator: usize) -> bool {
    batch.operators.get(operator).and_then(|o| o.custom(STALL)).is_some_and(|stall| stall > 0.0)
}

fn advised(finding: Finding, stream: &Stream) -> Finding {
    let conf = &stream.conf;
    if conf.flag(BOUNDED, false) {
        let now = conf.number(MAX_MEMORY, 500).max(1);
        let why = "the buffers of all instances share it; there must be memory overhead for it";
        return finding.advise(stream.set(MAX_MEMORY, now.saturating_mul(2).to_string(), why, (3, 5)));
    }
    let number = |key: &str, default: i64| Some(conf.number(key, default)).filter(|n| *n > 0).unwrap_or(default);
    let (size, count) = (number(BUFFER_SIZE, 64), number(BUFFERS, 2));
    if conf.version < (3, 5) {
        let what = "spread the state over more partitions; Spark 3.5 can give RocksDB larger buffers";
        return finding.advise(Advice::Do(what.into()));
    }
    let why = "a buffer is written out when it is full: there must be memory overhead for all of an executor";
    let size = stream.set(BUFFER_SIZE, size.saturating_mul(2).min(size.max(128)).to_string(), why, (3, 5));
    let why = "writers go on in one buffer while the others are written out";
    let count = stream.set(BUFFERS, count.saturating_add(1).max(3).to_string(), why, (3, 5));
    finding.advise(count).advise(size)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found, settings};
    use super::*;

    fn of(version: (u32, u32), conf: &[(&str, &str)], batches: i64) -> Facts {
        facts(version, conf, move |id, o| {
            o.custom = vec![(STALL, if id >= 100 - batches { 1.0 } else { 0.0 })];
        })
    }

    #[test]
    fn more_than_a_few_batches() {
        assert!(found(&RULE, &of((3, 5), &[], 4)).is_empty());
        let both = [(BUFFERS, "3".to_owned()), (BUFFER_SIZE, "128".to_owned())];
        assert_eq!(settings(&RULE, &of((3, 5), &[], 5)), both);
        assert_eq!(settings(&RULE, &of((3, 5), &[(BUFFERS, "-1"), (BUFFER_SIZE, "-1")], 5)), both);
        assert_eq!(settings(&RULE, &of((4, 0), &[(BOUNDED, "true")], 5)), [(MAX_MEMORY, "1000".to_owned())]);
        assert_eq!((found(&RULE, &of((3, 4), &[], 5)).len(), settings(&RULE, &of((3, 4), &[], 5)).len()), (1, 0));
    }
}
