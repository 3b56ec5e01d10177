//! `rocksdb-block-cache`: RocksDB reads blocks from disk that its cache has no room for.

use super::keys::{BOUNDED, CACHE_RATIO, CACHE_SIZE, MAX_MEMORY, PROVIDER};
use super::{at_stake, cores};
use crate::facts::{Facts, Operator, Stream};
use crate::finding::{AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::lack::Lack;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "rocksdb-block-cache",
    family: Family::State,
    title: "RocksDB's block cache is too small for its reads",
    page: include_str!("block_cache.md"),
    judge,
};

/// Of the blocks asked for, those that the cache must have.
const HITS: f64 = 0.8;
/// Misses of a batch from which they matter.
const MISSES: f64 = 10_000.0;
/// Of the batches that goes into updates of the state.
const UPDATES: f64 = 0.2;
/// Files of the state from which it is large.
const LARGE: f64 = (10u64 << 30) as f64;
/// And very large, for which the published advice is a cache of more than 1 GiB.
const VERY_LARGE: f64 = (50u64 << 30) as f64;
/// Reads of a row for each write of one, from which a state is mostly read; and what is left to writes of the shared memory then.
const READS: f64 = 2.0;
const RATIO: f64 = 0.5;
const RATIO_OF_READERS: f64 = 0.3;
/// What Spark has for both without a setting, MiB.
const CACHE_MIB: i64 = 8;
const MEMORY_MIB: i64 = 500;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let silent = |s: &Stream| {
        s.conf.get(PROVIDER).is_some_and(|p| p.contains("RocksDB"))
            && s.operators().next().is_some()
            && s.operators().all(|(_, o)| !o.is_rocksdb())
    };
    if facts.streams.iter().any(silent) {
        verdict.not_known("how well RocksDB's cache and files do", Lack::RocksDb);
    }
    for stream in &facts.streams {
        for (i, _) in stream.operators().filter(|(_, o)| o.is_rocksdb()) {
            if let Some(finding) = missed(facts, limits, stream, i) {
                verdict.find(finding);
            }
        }
    }
}

fn missed(facts: &Facts, limits: &Limits, stream: &Stream, i: usize) -> Option<Finding> {
    let miss = |o: &Operator| o.custom("rocksdbReadBlockCacheMissCount");
    let (hits, misses) = (stream.mean_of(i, |o| o.custom("rocksdbReadBlockCacheHitCount"))?, stream.mean_of(i, miss)?);
    let share = hits / (hits + misses).max(1.0);
    let part = stream.part_of(cores(facts, stream), i, |o| o.update_time)?;
    let stake = AtStake::wall(at_stake(stream, part));
    if !stream.is_warm() || share >= HITS || misses < MISSES || part < UPDATES || !limits.worth(facts, &stake) {
        return None;
    }
    let most = stream.most(|b| b.operators.get(i).and_then(miss).unwrap_or(0.0))?;
    let o = most.operators.get(i)?;
    let summary = format!(
        "the block cache of {} answers {:.0} % of reads, and updates of the state take {:.0} % of the batches",
        o.name,
        share * 100.0,
        part * 100.0
    );
    let custom = |name: &'static str| {
        let value = Value::Count(o.custom(name).unwrap_or(0.0) as i64);
        (value, stream.report(most, &format!("/stateOperators/{i}/customMetrics/{name}")))
    };
    let (misses, misses_at) = custom("rocksdbReadBlockCacheMissCount");
    let (hits, hits_at) = custom("rocksdbReadBlockCacheHitCount");
    let finding = Finding::new(Severity::Warning, stream.place(), summary)
        .evidence(Evidence::derived("answered by the cache", Value::Share(share)))
        .evidence(Evidence::new("misses of a batch", misses, misses_at))
        .evidence(Evidence::new("hits of that batch", hits, hits_at))
        .evidence(Evidence::derived("updates, share of the batches", Value::Share(part)))
        .costs(stake)
        .sure(Sure::Likely);
    // Bounded memory has one cache for all, whatever the size of each is set to.
    if stream.conf.flag(BOUNDED, false) {
        let now = stream.conf.number(MAX_MEMORY, MEMORY_MIB).max(1);
        let most = stream.set(
            MAX_MEMORY,
            now.saturating_mul(2).to_string(),
            "the cache shares it; there must be memory overhead for it",
            (3, 5),
        );
        let of = |name: &'static str| stream.mean_of(i, move |o| o.custom(name)).unwrap_or(0.0);
        let reads = of("rocksdbGetCount") >= READS * of("rocksdbPutCount").max(1.0);
        return Some(if reads && stream.conf.decimal(CACHE_RATIO, RATIO) > RATIO_OF_READERS {
            let why = "the state is mostly read: what write buffers do not take is the cache's";
            finding.advise(stream.set(CACHE_RATIO, RATIO_OF_READERS.to_string(), why, (3, 5))).advise(most)
        } else {
            finding.advise(most)
        });
    }
    let advice = {
        let size = stream.mean_of(i, |o| o.custom("rocksdbSstFileSize")).unwrap_or(0.0);
        let now = stream.conf.number(CACHE_SIZE, CACHE_MIB).max(1);
        let least = match size {
            s if s >= VERY_LARGE => 2048,
            s if s >= LARGE => 512,
            _ => 64,
        };
        let why = "of each store of each partition, beside the heap: see that the memory overhead has room for all of an executor";
        stream.set(CACHE_SIZE, now.saturating_mul(2).max(least).to_string(), why, (3, 2))
    };
    Some(finding.advise(advice))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, settings};
    use super::*;

    fn of(conf: &[(&str, &str)], hits: f64, misses: f64, updates: f64, size: f64) -> Vec<(&'static str, String)> {
        let of = facts((3, 5), conf, move |_, o| {
            o.update_time = Some(updates * 80_000.0);
            o.custom = vec![
                ("rocksdbReadBlockCacheHitCount", hits),
                ("rocksdbReadBlockCacheMissCount", misses),
                ("rocksdbSstFileSize", size),
            ];
        });
        settings(&RULE, &of)
    }

    #[test]
    fn misses_that_cost() {
        assert_eq!(of(&[], 30_000.0, 10_000.0, 0.2, 0.0), [(CACHE_SIZE, "64".to_owned())]);
        assert_eq!(of(&[], 30_000.0, 10_000.0, 0.2, LARGE), [(CACHE_SIZE, "512".to_owned())]);
        assert_eq!(of(&[(CACHE_SIZE, "512")], 30_000.0, 10_000.0, 0.2, LARGE), [(CACHE_SIZE, "1024".to_owned())]);
        assert_eq!(of(&[], 30_000.0, 10_000.0, 0.2, VERY_LARGE), [(CACHE_SIZE, "2048".to_owned())]);
        assert_eq!(of(&[(BOUNDED, "true")], 30_000.0, 10_000.0, 0.2, 0.0), [(MAX_MEMORY, "1000".to_owned())]);
        assert_eq!(of(&[], 40_000.0, 10_000.0, 0.2, 0.0), [], "it answers 80 %");
        assert_eq!(of(&[], 0.0, 9_999.0, 0.2, 0.0), [], "few");
        assert_eq!(of(&[], 30_000.0, 10_000.0, 0.19, 0.0), [], "nothing to gain");
    }

    #[test]
    fn writers_leave_more_of_bounded_memory_to_a_state_that_is_mostly_read() {
        let of = |conf: &[(&str, &str)], gets: f64| {
            let conf: Vec<_> = conf.iter().copied().chain([(BOUNDED, "true")]).collect();
            let of = facts((3, 5), &conf, move |_, o| {
                o.update_time = Some(0.2 * 80_000.0);
                o.custom = vec![
                    ("rocksdbReadBlockCacheHitCount", 30_000.0),
                    ("rocksdbReadBlockCacheMissCount", 10_000.0),
                    ("rocksdbGetCount", gets),
                    ("rocksdbPutCount", 1_000.0),
                ];
            });
            settings(&RULE, &of)
        };
        let (ratio, memory) = ((CACHE_RATIO, "0.3".to_owned()), (MAX_MEMORY, "1000".to_owned()));
        assert_eq!(of(&[], 2_000.0), [ratio, memory.clone()]);
        assert_eq!(of(&[], 1_999.0), std::slice::from_ref(&memory));
        assert_eq!(of(&[(CACHE_RATIO, "0.3")], 2_000.0), [memory]);
    }

    #[test]
    fn a_store_that_says_nothing_is_not_known() {
        let lacks = |provider: &str| {
            let of = facts((3, 1), &[(PROVIDER, provider)], |_, o| o.custom.clear());
            of.not_known(&RULE).iter().map(|n| n.lack).collect::<Vec<_>>()
        };
        assert_eq!(lacks("org.example.RocksDBStateStoreProvider"), [Lack::RocksDb]);
        assert_eq!(lacks("org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"), []);
    }
}
