//! State stores of streaming queries: the RocksDB advisor is here.

mod batches_to_retain;
mod block_cache;
mod block_size;
mod changelog_checkpointing;
mod checkpoint_writes;
mod compact_on_commit;
mod growing;
mod hdfs_large;
mod maintenance_interval;
mod memory_bound;
mod reloaded;
mod tiny_partitions;
mod write_buffers;

use super::Rule;
use crate::facts::{Facts, Stream};

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    hdfs_large::RULE,
    growing::RULE,
    changelog_checkpointing::RULE,
    checkpoint_writes::RULE,
    memory_bound::RULE,
    block_cache::RULE,
    write_buffers::RULE,
    compact_on_commit::RULE,
    reloaded::RULE,
    tiny_partitions::RULE,
    maintenance_interval::RULE,
    batches_to_retain::RULE,
    block_size::RULE,
];

/// Keys of RocksDB's settings, which Spark takes in any case.
mod keys {
    pub const PROVIDER: &str = "spark.sql.streaming.stateStore.providerClass";
    pub const CHANGELOG: &str = "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled";
    pub const BOUNDED: &str = "spark.sql.streaming.stateStore.rocksdb.boundedMemoryUsage";
    pub const MAX_MEMORY: &str = "spark.sql.streaming.stateStore.rocksdb.maxMemoryUsageMB";
    pub const CACHE_RATIO: &str = "spark.sql.streaming.stateStore.rocksdb.writeBufferCacheRatio";
    pub const BUFFER_SIZE: &str = "spark.sql.streaming.stateStore.rocksdb.writeBufferSizeMB";
    pub const BUFFERS: &str = "spark.sql.streaming.stateStore.rocksdb.maxWriteBufferNumber";
    pub const CACHE_SIZE: &str = "spark.sql.streaming.stateStore.rocksdb.blockCacheSizeMB";
    pub const BLOCK_SIZE: &str = "spark.sql.streaming.stateStore.rocksdb.blockSizeKB";
    pub const COMPACT: &str = "spark.sql.streaming.stateStore.rocksdb.compactOnCommit";
    pub const MAINTENANCE: &str = "spark.sql.streaming.stateStore.maintenanceInterval";
    pub const DELTAS: &str = "spark.sql.streaming.stateStore.minDeltasForSnapshot";
    pub const TRACK: &str = "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows";
    pub const RETAIN: &str = "spark.sql.streaming.minBatchesToRetain";
}

/// Cores that a query had when its last batch was triggered.
fn cores(facts: &Facts, stream: &Stream) -> Option<i64> {
    facts.cores_at(stream.last()?.time)
}

/// The time of its batches that falls to something which needs this part of them, milliseconds.
fn at_stake(stream: &Stream, part: f64) -> i64 {
    (stream.totals.took * part) as i64
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::Executor;

    use crate::facts::{Batch, Facts, Operator, Stream};
    use crate::finding::{Advice, Finding};
    use crate::rules::{Limits, Rule, Verdict};

    /// An hour of 100 batches of 10 s, 36 s apart, with one operator of 8 stores on 2 executors of 4 cores, as `set` says.
    pub fn facts(version: (u32, u32), conf: &[(&str, &str)], set: impl Fn(i64, &mut Operator)) -> Facts {
        let mut stream = Stream::default();
        stream.conf.version = version;
        stream.conf = stream.conf.with(conf.iter().copied());
        for id in 0..100 {
            let mut o =
                Operator { name: "dedupe".into(), instances: Some(8.0), partitions: Some(8.0), ..Operator::default() };
            set(id, &mut o);
            let batch =
                Batch { id, time: id * 36_000, rows: 1_000.0, took: 10_000.0, operators: vec![o], ..Batch::default() };
            stream.hold(batch);
        }
        let executor = |id: &str| (id.to_owned(), Executor { id: id.into(), total_cores: 4, ..Executor::default() });
        let executors = [executor("1"), executor("2")].into();
        Facts { end: 3_600_000, conf: stream.conf.clone(), executors, streams: vec![stream], ..Facts::default() }
    }

    pub fn found(rule: &Rule, facts: &Facts) -> Vec<Finding> {
        let mut verdict = Verdict::default();
        (rule.judge)(facts, &Limits::default(), &mut verdict);
        verdict.findings
    }

    /// Keys and values that a rule advises.
    pub fn settings(rule: &Rule, facts: &Facts) -> Vec<(&'static str, String)> {
        let settings = found(rule, facts).into_iter().flat_map(|f| f.advice).filter_map(|a| match a {
            Advice::Set(s) if s.since <= facts.conf.version => Some((s.key, s.suggested)),
            _ => None,
        });
        settings.collect()
    }

    /// One report proves nothing, and what it sums over 36 instances is no time of the batch.
    #[test]
    fn the_published_report_is_no_cause_for_alarm() {
        let report = afterglow_ingest::event::ProgressReport::read(crate::facts::tests::SAMPLE).unwrap();
        for times in [1, 200] {
            let mut facts = facts((3, 5), &[], |_, _| {});
            facts.streams[0] = Stream { conf: facts.conf.clone(), ..Stream::default() };
            (0..times).for_each(|_| facts.streams[0].take(&report, 0));
            let all: Vec<_> = crate::rules::all().flat_map(|rule| found(rule, &facts)).collect();
            assert!(all.is_empty(), "{all:?}");
        }
    }
}
