//! Settings of Spark that advice may be about: what is shown to a model, and the only ones that its answer may change.
//!
//! Known keys of tuning, each with the values that it takes. Nothing here loads code, opens a port, weakens security or
//! names a place: whatever a log talks a model into, it cannot become one of these.

use crate::conf::{Version, size};

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Takes {
    /// Bytes with a unit, from 1 to 1 TiB.
    Size,
    /// A whole number within bounds.
    Number(i64, i64),
    /// A number within bounds.
    Decimal(f64, f64),
    Flag,
    /// A time with a unit, up to a day.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A key of Spark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    pub name: &'static str,
    /// The first Spark version that knows it; (0, 0) if all do that write event logs we read.
    pub since: Version,
    takes: Takes,
}

const fn key(name: &'static str, takes: Takes, since: Version) -> Key {
    Key { name, since, takes }
}

use Takes::{Decimal, Flag, Number, Size, Time, Word};

const CORES: Takes = Number(1, 256);
const MANY: Takes = Number(1, 1_000_000);
const SHARE: Takes = Decimal(0.0, 1.0);

/// All of them, by area.
const KEYS: &[Key] = &[
    // Memory and cores.
    key("spark.driver.cores", CORES, (0, 0)),
    key("spark.driver.memory", Size, (0, 0)),
    key("spark.driver.memoryOverhead", Size, (2, 3)),
    key("spark.driver.memoryOverheadFactor", SHARE, (3, 3)),
    key("spark.driver.maxResultSize", Size, (0, 0)),
    key("spark.executor.cores", CORES, (0, 0)),
    key("spark.executor.instances", Number(1, 100_000), (0, 0)),
    key("spark.executor.memory", Size, (0, 0)),
    key("spark.executor.memoryOverhead", Size, (2, 3)),
    key("spark.executor.memoryOverheadFactor", SHARE, (3, 3)),
    key("spark.executor.pyspark.memory", Size, (2, 4)),
    key("spark.memory.fraction", SHARE, (0, 0)),
    key("spark.memory.storageFraction", SHARE, (0, 0)),
    key("spark.memory.offHeap.enabled", Flag, (0, 0)),
    key("spark.memory.offHeap.size", Size, (0, 0)),
    key("spark.task.cpus", CORES, (0, 0)),
    key("spark.python.worker.memory", Size, (0, 0)),
    key("spark.python.worker.reuse", Flag, (0, 0)),
    // How many executors.
    key("spark.dynamicAllocation.enabled", Flag, (0, 0)),
    key("spark.dynamicAllocation.minExecutors", Number(0, 100_000), (0, 0)),
    key("spark.dynamicAllocation.initialExecutors", Number(0, 100_000), (0, 0)),
    key("spark.dynamicAllocation.maxExecutors", Number(1, 100_000), (0, 0)),
    key("spark.dynamicAllocation.executorIdleTimeout", Time, (0, 0)),
    key("spark.dynamicAllocation.cachedExecutorIdleTimeout", Time, (0, 0)),
    key("spark.dynamicAllocation.schedulerBacklogTimeout", Time, (0, 0)),
    key("spark.dynamicAllocation.executorAllocationRatio", SHARE, (2, 4)),
    key("spark.dynamicAllocation.shuffleTracking.enabled", Flag, (3, 0)),
    key("spark.dynamicAllocation.shuffleTracking.timeout", Time, (3, 0)),
    key("spark.decommission.enabled", Flag, (3, 1)),
    key("spark.storage.decommission.enabled", Flag, (3, 1)),
    key("spark.storage.decommission.shuffleBlocks.enabled", Flag, (3, 1)),
    key("spark.storage.decommission.rddBlocks.enabled", Flag, (3, 1)),
    key("spark.shuffle.service.enabled", Flag, (0, 0)),
    key("spark.excludeOnFailure.enabled", Flag, (3, 1)),
    // Tasks.
    key("spark.default.parallelism", MANY, (0, 0)),
    key("spark.task.maxFailures", Number(1, 100), (0, 0)),
    key("spark.stage.maxConsecutiveAttempts", Number(1, 100), (2, 2)),
    key("spark.speculation", Flag, (0, 0)),
    key("spark.speculation.multiplier", Decimal(1.0, 100.0), (0, 0)),
    key("spark.speculation.quantile", SHARE, (0, 0)),
    key("spark.speculation.minTaskRuntime", Time, (3, 2)),
    key("spark.locality.wait", Time, (0, 0)),
    key("spark.locality.wait.node", Time, (0, 0)),
    key("spark.locality.wait.process", Time, (0, 0)),
    key("spark.locality.wait.rack", Time, (0, 0)),
    key("spark.scheduler.mode", Word(&["FIFO", "FAIR"]), (0, 0)),
    key("spark.scheduler.listenerbus.eventqueue.capacity", Number(1_000, 10_000_000), (2, 3)),
    key("spark.scheduler.minRegisteredResourcesRatio", SHARE, (0, 0)),
    key("spark.scheduler.maxRegisteredResourcesWaitingTime", Time, (0, 0)),
    // Network and heartbeats.
    key("spark.network.timeout", Time, (0, 0)),
    key("spark.executor.heartbeatInterval", Time, (0, 0)),
    key("spark.rpc.message.maxSize", Number(1, 2_047), (0, 0)),
    key("spark.broadcast.compress", Flag, (0, 0)),
    key("spark.rdd.compress", Flag, (0, 0)),
    key("spark.io.compression.codec", Word(&["lz4", "zstd", "snappy", "lzf"]), (0, 0)),
    key("spark.io.compression.zstd.level", Number(1, 22), (2, 3)),
    key("spark.serializer", Word(&["org.apache.spark.serializer.KryoSerializer"]), (0, 0)),
    key("spark.kryoserializer.buffer", Size, (0, 0)),
    key("spark.kryoserializer.buffer.max", Size, (0, 0)),
    // Shuffle.
    key("spark.shuffle.compress", Flag, (0, 0)),
    key("spark.shuffle.spill.compress", Flag, (0, 0)),
    key("spark.shuffle.file.buffer", Size, (0, 0)),
    key("spark.shuffle.io.maxRetries", Number(0, 100), (0, 0)),
    key("spark.shuffle.io.retryWait", Time, (0, 0)),
    key("spark.shuffle.io.connectionTimeout", Time, (0, 0)),
    key("spark.shuffle.push.enabled", Flag, (3, 2)),
    key("spark.shuffle.sort.bypassMergeThreshold", Number(1, 100_000), (0, 0)),
    key("spark.reducer.maxSizeInFlight", Size, (0, 0)),
    key("spark.reducer.maxReqsInFlight", MANY, (0, 0)),
    key("spark.reducer.maxBlocksInFlightPerAddress", MANY, (2, 3)),
    key("spark.maxRemoteBlockSizeFetchToMem", Size, (2, 3)),
    // SQL.
    key("spark.sql.shuffle.partitions", MANY, (0, 0)),
    key("spark.sql.adaptive.enabled", Flag, (1, 6)),
    key("spark.sql.adaptive.advisoryPartitionSizeInBytes", Size, (3, 0)),
    key("spark.sql.adaptive.coalescePartitions.enabled", Flag, (3, 0)),
    key("spark.sql.adaptive.coalescePartitions.initialPartitionNum", MANY, (3, 0)),
    key("spark.sql.adaptive.coalescePartitions.minPartitionSize", Size, (3, 2)),
    key("spark.sql.adaptive.coalescePartitions.parallelismFirst", Flag, (3, 2)),
    key("spark.sql.adaptive.localShuffleReader.enabled", Flag, (3, 0)),
    key("spark.sql.adaptive.skewJoin.enabled", Flag, (3, 0)),
    key("spark.sql.adaptive.skewJoin.skewedPartitionFactor", Decimal(1.0, 1_000.0), (3, 0)),
    key("spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes", Size, (3, 0)),
    key("spark.sql.adaptive.forceOptimizeSkewedJoin", Flag, (3, 3)),
    key("spark.sql.adaptive.optimizeSkewsInRebalancePartitions.enabled", Flag, (3, 2)),
    key("spark.sql.adaptive.autoBroadcastJoinThreshold", Size, (3, 2)),
    key("spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold", Size, (3, 2)),
    key("spark.sql.autoBroadcastJoinThreshold", Size, (0, 0)),
    key("spark.sql.broadcastTimeout", Time, (0, 0)),
    key("spark.sql.join.preferSortMergeJoin", Flag, (2, 0)),
    key("spark.sql.cbo.enabled", Flag, (2, 2)),
    key("spark.sql.cbo.joinReorder.enabled", Flag, (2, 2)),
    key("spark.sql.codegen.wholeStage", Flag, (2, 0)),
    key("spark.sql.files.maxPartitionBytes", Size, (2, 0)),
    key("spark.sql.files.openCostInBytes", Size, (2, 0)),
    key("spark.sql.files.minPartitionNum", MANY, (3, 1)),
    key("spark.sql.files.maxPartitionNum", MANY, (3, 5)),
    key("spark.sql.files.maxRecordsPerFile", Number(0, i64::MAX), (2, 2)),
    key("spark.sql.parquet.filterPushdown", Flag, (0, 0)),
    key("spark.sql.parquet.mergeSchema", Flag, (0, 0)),
    key("spark.sql.parquet.enableVectorizedReader", Flag, (2, 0)),
    key("spark.sql.parquet.aggregatePushdown", Flag, (3, 3)),
    key("spark.sql.orc.filterPushdown", Flag, (0, 0)),
    key("spark.sql.orc.enableVectorizedReader", Flag, (2, 3)),
    key("spark.sql.optimizer.dynamicPartitionPruning.enabled", Flag, (3, 0)),
    key("spark.sql.optimizer.runtime.bloomFilter.enabled", Flag, (3, 3)),
    key("spark.sql.sources.parallelPartitionDiscovery.threshold", Number(0, 1_000_000), (0, 0)),
    key("spark.sql.sources.partitionOverwriteMode", Word(&["static", "dynamic"]), (2, 3)),
    key("spark.sql.sources.bucketing.enabled", Flag, (2, 0)),
    key("spark.sql.inMemoryColumnarStorage.compressed", Flag, (0, 0)),
    key("spark.sql.inMemoryColumnarStorage.batchSize", MANY, (0, 0)),
    key("spark.sql.execution.arrow.pyspark.enabled", Flag, (3, 0)),
    key("spark.sql.execution.arrow.maxRecordsPerBatch", MANY, (2, 3)),
    key("spark.sql.execution.pythonUDF.arrow.enabled", Flag, (3, 5)),
    key("spark.sql.windowExec.buffer.in.memory.threshold", MANY, (2, 2)),
    key("spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version", Number(1, 2), (0, 0)),
    key("spark.hadoop.fs.s3a.connection.maximum", Number(1, 10_000), (0, 0)),
    key("spark.hadoop.fs.s3a.threads.max", Number(1, 10_000), (0, 0)),
    key("spark.hadoop.fs.s3a.committer.name", Word(&["magic", "directory", "partitioned", "file"]), (0, 0)),
    // Streaming.
    key("spark.sql.streaming.minBatchesToRetain", Number(1, 100_000), (2, 1)),
    key("spark.sql.streaming.noDataMicroBatches.enabled", Flag, (2, 4)),
    key("spark.sql.streaming.stateStore.maintenanceInterval", Time, (2, 0)),
    key("spark.sql.streaming.stateStore.minDeltasForSnapshot", Number(1, 10_000), (2, 0)),
    key(
        "spark.sql.streaming.stateStore.providerClass",
        Word(&["org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"]),
        (3, 2),
    ),
    key("spark.sql.streaming.stateStore.rocksdb.blockCacheSizeMB", Number(1, 1_000_000), (3, 2)),
    key("spark.sql.streaming.stateStore.rocksdb.blockSizeKB", Number(1, 1_024), (3, 2)),
    key("spark.sql.streaming.stateStore.rocksdb.boundedMemoryUsage", Flag, (3, 5)),
    key("spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled", Flag, (3, 5)),
    key("spark.sql.streaming.stateStore.rocksdb.compactOnCommit", Flag, (3, 2)),
    key("spark.sql.streaming.stateStore.rocksdb.highPriorityPoolRatio", SHARE, (3, 5)),
    key("spark.sql.streaming.stateStore.rocksdb.maxMemoryUsageMB", Number(1, 1_000_000), (3, 5)),
    key("spark.sql.streaming.stateStore.rocksdb.maxWriteBufferNumber", Number(1, 64), (3, 5)),
    key("spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows", Flag, (3, 2)),
    key("spark.sql.streaming.stateStore.rocksdb.writeBufferCacheRatio", SHARE, (3, 5)),
    key("spark.sql.streaming.stateStore.rocksdb.writeBufferSizeMB", Number(1, 100_000), (3, 5)),
    // What the log tells.
    key("spark.eventLog.logStageExecutorMetrics", Flag, (3, 0)),
    key("spark.eventLog.rolling.enabled", Flag, (3, 0)),
    key("spark.cleaner.periodicGC.interval", Time, (0, 0)),
];

/// The key that is meant, in any case.
pub fn known(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name.eq_ignore_ascii_case(name.trim()))
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
}

impl Key {
    /// Whether this can be its value.
    pub fn takes(&self, value: &str) -> bool {
        let value = value.trim();
        match self.takes {
            Size => size(value, 1).is_some_and(|bytes| (1..=1 << 40).contains(&bytes)) || self.may_be_off(value),
            Number(least, most) => value.parse().is_ok_and(|n: i64| (least..=most).contains(&n)),
            Decimal(least, most) => value.parse().is_ok_and(|n: f64| n >= least && n <= most),
            Flag => matches!(value, "true" | "false"),
            Time => seconds(value).is_some_and(|s| s <= 86_400.0),
            Word(words) => words.contains(&value),
        }
    }

    /// Thresholds of joins are turned off by -1.
    fn may_be_off(&self, value: &str) -> bool {
        value == "-1" && self.name.ends_with("roadcastJoinThreshold")
    }
}

/// A time as Spark writes it; without a unit none, because keys differ in what they take it for.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim().to_lowercase();
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let number: f64 = text[..at].parse().ok()?;
    let unit = match text[at..].trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_once_and_nothing_dangerous_is() {
        let mut names: Vec<_> = KEYS.iter().map(|k| k.name.to_lowercase()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for bad in [
            "spark.driver.extraJavaOptions",
            "spark.executor.extraJavaOptions",
            "spark.extraListeners",
            "spark.jars",
            "spark.jars.packages",
            "spark.plugins",
            "spark.redaction.regex",
            "spark.authenticate",
            "spark.ui.acls.enable",
            "spark.sql.extensions",
            "spark.hadoop.fs.s3a.secret.key",
            "spark.eventLog.dir",
            "spark.master",
        ] {
            assert_eq!(known(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_are_what_spark_takes() {
        for (name, good, bad) in [
            ("spark.executor.memory", "6g", "a lot"),
            ("spark.executor.memory", "1536m", "9000t"),
            ("spark.sql.shuffle.partitions", "400", "0"),
            ("spark.memory.fraction", "0.7", "1.5"),
            ("spark.speculation", "true", "yes; rm"),
            ("spark.locality.wait", "0s", "3"),
            ("spark.sql.autoBroadcastJoinThreshold", "-1", "-2"),
            ("spark.serializer", "org.apache.spark.serializer.KryoSerializer", "com.evil.Serializer"),
            ("SPARK.SQL.streaming.stateStore.rocksdb.writeBufferSizeMB", "64", "64MB"),
        ] {
            let key = known(name).unwrap();
            assert!(key.takes(good) && !key.takes(bad), "{name}");
        }
        assert!(!known("spark.executor.memory").unwrap().takes("-1"));
    }
}
