//! What logs may lack: why it is not there, and what has them have it. One text for each, whichever rule asks.

/// Something that rules would judge by, and that a log does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Peaks of executors' and the driver's memory.
    Peaks,
    /// Resident memory of processes.
    ProcessTree,
    /// Which blocks are stored, and driven out.
    BlockUpdates,
    /// When JVMs stood still.
    Pauses,
    /// Settings, versions, class path.
    Environment,
    /// Events of finished work.
    Compacted,
    /// How SQL executions ended.
    QueryErrors,
    /// What operators of plans measured.
    PlanMetrics,
    /// How many files of a table a commit replaced.
    IcebergCommits,
    /// By which columns a Delta table is laid out.
    DeltaLayout,
    /// How many rows came after the watermark.
    LateRows,
    /// How many rows a state has.
    StateRows,
    /// What RocksDB says of itself.
    RocksDb,
    /// What cores and memory cost.
    Prices,
}

impl Lack {
    /// Why it is not known: goes behind what is not.
    pub fn why(self) -> &'static str {
        match self {
            Lack::Peaks => "the log has no peaks of this memory",
            Lack::ProcessTree => "the log has no resident memory of processes",
            Lack::BlockUpdates => "the log has no updates of blocks",
            Lack::Pauses => "no log of these JVMs' garbage collectors is there",
            Lack::Environment => "the log has no settings",
            Lack::Compacted => "Spark's compaction removed events of finished work from the log",
            Lack::QueryErrors => "this version of Spark does not log how queries end",
            Lack::PlanMetrics => "the log has plans without a value of any metric",
            Lack::IcebergCommits => "the log has no commits to Iceberg tables",
            Lack::DeltaLayout => "the log does not have the layout of Delta tables",
            Lack::LateRows => "this version of Spark does not report rows that come too late",
            Lack::StateRows => "RocksDB does not count them here",
            Lack::RocksDb => "its state store reports nothing of it",
            Lack::Prices => "there are no prices",
        }
    }

    /// What to turn on, and since which version of Spark there is something to turn on.
    pub fn remedy(self) -> &'static str {
        match self {
            Lack::Peaks => "set spark.eventLog.logStageExecutorMetrics=true (Spark 3.0 and later)",
            Lack::ProcessTree => {
                "set spark.executor.processTreeMetrics.enabled=true and spark.eventLog.logStageExecutorMetrics=true (Spark 3.0 and later)"
            }
            Lack::BlockUpdates => "set spark.eventLog.logBlockUpdates.enabled=true (Spark 2.3 and later)",
            Lack::Pauses => {
                "add -Xlog:gc*:stdout:utctime,uptime,level,tags to spark.executor.extraJavaOptions and spark.driver.extraJavaOptions (Java 9 and later), and have container logs read: a source of kind \"container-logs\""
            }
            Lack::Environment => "keep the beginning of the log: the first file of a rolling log has it",
            Lack::Compacted => {
                "leave spark.history.fs.eventLog.rolling.maxFilesToRetain of Spark's own History Server at its default, which compacts nothing (Spark 3.0 and later)"
            }
            Lack::QueryErrors => "Spark 3.4 and later log it, with nothing to turn on",
            Lack::PlanMetrics => {
                "keep the Accumulables of task and stage events: whatever filters or rewrites the log must leave them in"
            }
            Lack::IcebergCommits => {
                "DataFlint's plugin logs them: spark.plugins=io.dataflint.spark.SparkDataflintPlugin and spark.dataflint.iceberg.autoCatalogDiscovery=true (Spark 3.3 and later)"
            }
            Lack::DeltaLayout => {
                "DataFlint's plugin logs it: spark.plugins=io.dataflint.spark.SparkDataflintPlugin and spark.dataflint.instrument.deltalake.enabled=true (Spark 3.3 and later)"
            }
            Lack::LateRows => "Spark 3.1 and later report them, with nothing to turn on",
            Lack::StateRows => {
                "set spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows=true, which is the default (Spark 3.3 and later)"
            }
            Lack::RocksDb => {
                "Spark's own provider reports it: spark.sql.streaming.stateStore.providerClass=org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider (Spark 3.2 and later; a query's checkpoint stays with its provider)"
            }
            Lack::Prices => "set cost.core_hour and cost.gib_hour in Afterglow's settings",
        }
    }
}
