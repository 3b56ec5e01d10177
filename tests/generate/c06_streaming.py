"""Structured Streaming with state. argv[1]: 'rocksdb', 'changelog' (RocksDB with changelog checkpoints) or 'hdfs' (the default provider).
Queries: windowed aggregation, deduplication, stream-stream join, file source (with idle events), one that fails; on 4.x + rocksdb
also transformWithStateInPandas."""
import os
import shutil
import sys
import tempfile
import time
from sparklab import attempt, session

mode = sys.argv[1]
conf = {"spark.sql.shuffle.partitions": 4, "spark.sql.streaming.noDataProgressEventInterval": "1000",
        "spark.sql.streaming.metricsEnabled": True, "spark.sql.streaming.statefulOperator.checkCorrectness.enabled": False}
if mode != "hdfs":
    conf["spark.sql.streaming.stateStore.providerClass"] = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    conf["spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows"] = True
    conf["spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled"] = mode == "changelog"
s = session(f"streaming {mode}", **conf)
from pyspark.sql.functions import expr, window  # noqa: E402

tmp = tempfile.mkdtemp(prefix="stream-")


def rate(n=300):
    return s.readStream.format("rate").option("rowsPerSecond", n).option("numPartitions", 2).load()


def run(name, df, out="append", batches=6, seconds=60):
    q = (df.writeStream.queryName(name).format("noop").outputMode(out).trigger(processingTime="1 second")
         .option("checkpointLocation", f"{tmp}/{name}").start())
    end = time.time() + seconds
    while q.isActive and time.time() < end and (q.lastProgress is None or q.lastProgress["batchId"] < batches):
        time.sleep(0.3)
    err = q.exception()
    q.stop()
    print(name, "failed as meant" if err else f"ok, batch {q.lastProgress['batchId']}")


run("window_agg", rate().selectExpr("timestamp", "value % 40 AS k").withWatermark("timestamp", "2 seconds")
    .groupBy(window("timestamp", "2 seconds"), "k").count(), "update", batches=8)
run("dedup", rate().selectExpr("timestamp", "value % 500 AS k").withWatermark("timestamp", "3 seconds").dropDuplicates(["k", "timestamp"]))
left = rate(100).selectExpr("timestamp AS lt", "value AS k").withWatermark("lt", "2 seconds")
right = rate(100).selectExpr("timestamp AS rt", "value AS k2").withWatermark("rt", "2 seconds")
run("ss_join", left.join(right, expr("k = k2 AND rt >= lt - INTERVAL 2 seconds AND rt <= lt + INTERVAL 2 seconds"), "leftOuter"))

# file source: available now, then idle triggers
os.makedirs(f"{tmp}/in")
s.range(0, 1000, 1, 5).write.mode("overwrite").json(f"{tmp}/in")
files = s.readStream.schema("id LONG").option("maxFilesPerTrigger", 1).json(f"{tmp}/in")
q = files.groupBy().count().writeStream.queryName("files_available_now").format("memory").outputMode("complete") \
    .option("checkpointLocation", f"{tmp}/avail").trigger(availableNow=True).start()
q.awaitTermination(60)
run("files_idle", files.dropDuplicates(["id"]), batches=10_000, seconds=9)


def bad_batch(df, batch_id):
    df.count()
    if batch_id == 2:
        raise RuntimeError("foreachBatch failed on batch 2")


q = rate(10).writeStream.queryName("fails").foreachBatch(bad_batch).option("checkpointLocation", f"{tmp}/fails") \
    .trigger(processingTime="1 second").start()
attempt(lambda: q.awaitTermination(60))

if mode == "rocksdb" and s.version >= "4":
    import pandas as pd
    from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

    class Count(StatefulProcessor):
        def init(self, handle: StatefulProcessorHandle) -> None:
            self.n = handle.getValueState("n", "n LONG")

        def handleInputRows(self, key, rows, timer_values):
            n = (self.n.get()[0] if self.n.exists() else 0) + sum(len(r) for r in rows)
            self.n.update((n,))
            yield pd.DataFrame({"k": [key[0]], "n": [n]})

        def close(self) -> None:
            pass

    attempt(lambda: run("tws", rate().selectExpr("value % 5 AS k", "value").groupBy("k").transformWithStateInPandas(
        Count(), "k LONG, n LONG", "Update", "none"), "update", batches=3))
s.stop()
shutil.rmtree(tmp, ignore_errors=True)
