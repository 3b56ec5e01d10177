#!/usr/bin/env python3
"""Logs for rules about memory, shuffles, files, SQL and settings: `bases/` with other numbers -> `logs/RULE.zst`.

    data.py [RULE...]

The same bases always give the same bytes. What each changes is what its rule looks at, and times, so that something is at stake.
"""
import sys

from reshape import Log

MIB, GIB = 1 << 20, 1 << 30
LOGS = {}


def log(rule):
    def take(make):
        LOGS[rule] = make
        return make
    return take


def busy(base, factor, stages, from_sql=None):
    """A log in which the tasks of these stages run all the time that they have; begun with one of its SQL executions."""
    x = Log(base)
    if from_sql is not None:
        x.one("SparkListenerApplicationStart")["Timestamp"] = x.of("SparkListenerSQLExecutionStart")[from_sql]["time"] - 1000
    x.stretch(factor)
    for stage in stages:
        for e in x.tasks(stage):
            info = e["Task Info"]
            e["Task Metrics"]["Executor Run Time"] = info["Finish Time"] - info["Launch Time"]
            e["Task Metrics"]["JVM GC Time"] = 0
    return x


@log("executor-memory-high")
def _():
    x = busy("memory", 20, [0, 2])
    x.conf(**{"spark.master": "yarn", "spark.executor.memory": "1024m"})
    for stage in (0, 2):  # 6 % of garbage collection: enough to feel, not enough to be a finding of its own
        for e in x.tasks(stage):
            e["Task Metrics"]["JVM GC Time"] = e["Task Metrics"]["Executor Run Time"] * 6 // 100
    x.peak("*", JVMHeapMemory=1000 * MIB)
    return x


@log("executor-memory-low")
def _():
    x = busy("memory", 60, [0, 2])
    x.conf(**{"spark.master": "yarn", "spark.executor.memory": "10g"})
    x.peak("*", JVMHeapMemory=2 * GIB)
    return x


@log("driver-memory-high")
def _():
    x = busy("memory", 10, [0, 2])
    x.conf(**{"spark.driver.memory": "2g"})
    x.peak("driver", JVMHeapMemory=2000 * MIB, TotalGCTime=60_000)
    return x


@log("container-memory-high")
def _():
    x = busy("memory", 10, [0, 2])
    x.conf(**{"spark.master": "k8s://https://10.0.0.1:6443", "spark.executor.memory": "4g", "spark.executor.memoryOverhead": "1g"})
    x.peak("*", ProcessTreeJVMRSSMemory=4300 * MIB, ProcessTreePythonRSSMemory=780 * MIB, ProcessTreeOtherRSSMemory=0, JVMHeapMemory=3 * GIB)
    return x


@log("cache-unread")
def _():
    x = busy("rdd", 10, [])
    for e in x.of("SparkListenerBlockUpdated"):
        info = e["Block Updated Info"]
        if info["Block ID"].startswith("rdd_"):
            info["Memory Size"] = 600 * MIB
    [rdd] = {r["RDD ID"] for e in x.of("SparkListenerStageSubmitted") for r in e["Stage Info"]["RDD Info"] if r["Name"] == "lines"}
    first = min(e["Stage Info"]["Stage ID"] for e in x.of("SparkListenerStageCompleted") if any(r["RDD ID"] == rdd for r in e["Stage Info"]["RDD Info"]))
    for e in x.events:  # the second job works with something else
        for stage in [e["Stage Info"]] if "Stage Info" in e else e.get("Stage Infos", []):
            if stage["Stage ID"] > first:
                stage["RDD Info"] = [r for r in stage["RDD Info"] if r["RDD ID"] != rdd]
    return x


@log("cache-evicted")
def _():
    x = busy("rdd", 10, [])
    blocks = [e for e in x.of("SparkListenerBlockUpdated") if e["Block Updated Info"]["Block ID"].startswith("rdd_")]
    for e in blocks:
        e["Block Updated Info"]["Memory Size"] = 200 * MIB
    # The last of them drives the first out.
    first, last = blocks[0], blocks[-1]
    gone = {"Event": first["Event"], "Block Updated Info": {**first["Block Updated Info"]}}
    gone["Block Updated Info"]["Storage Level"] = {"Use Disk": False, "Use Memory": False, "Use Off Heap": False, "Deserialized": False, "Replication": 1}
    x.events.insert(x.events.index(last) + 1, gone)
    return x


@log("spill")
def _():
    x = busy("join", 20, [8])
    x.spread(8, 2 * GIB, "Disk Bytes Spilled")
    x.spread(8, 9 * GIB, "Memory Bytes Spilled")
    x.spread(8, 3 * GIB, "Shuffle Read Metrics", "Local Bytes Read")
    return x


@log("shuffle-fetch-wait")
def _():
    x = busy("memory", 10, [0, 2])
    run = sum(e["Task Metrics"]["Executor Run Time"] for e in x.tasks(2))
    x.spread(2, run * 6 // 10, "Shuffle Read Metrics", "Fetch Wait Time")
    x.spread(2, 500, "Shuffle Read Metrics", "Remote Blocks Fetched")
    x.spread(2, 1000 * MIB, "Shuffle Read Metrics", "Remote Bytes Read")
    return x


@log("shuffle-amplification")
def _():
    x = busy("scan", 20, [4])
    x.spread(4, 1 * GIB, "Input Metrics", "Bytes Read")
    x.spread(4, 8 * GIB, "Shuffle Write Metrics", "Shuffle Bytes Written")
    run = sum(e["Task Metrics"]["Executor Run Time"] for e in x.tasks(4))
    x.spread(4, run * 3 // 10 * 1_000_000, "Shuffle Write Metrics", "Shuffle Write Time")
    return x


def scan(x, files, size, share):
    """The scan reads files of a size, and takes a share of its stage's run time."""
    x.metric("FileScan", "number of files read", files)
    x.metric("FileScan", "size of files read", size)
    x.metric("FileScan", "scan time", int(sum(e["Task Metrics"]["Executor Run Time"] for e in x.tasks(4)) * share))
    x.spread(4, size, "Input Metrics", "Bytes Read")


@log("small-files-read")
def _():
    x = busy("scan", 20, [4])
    scan(x, 5000, 500 * MIB, 0.75)
    return x


@log("partition-filter-missing")
def _():
    x = busy("scan", 20, [4])
    scan(x, 100, 20 * GIB, 0.5)
    x.metric("FileScan", "number of partitions read", 50)
    return x


@log("clustering-filter-missing")
def _():
    x = busy("broadcast", 20, [5])
    x.metric("FileScan parquet [cust", "size of files read", 20 * GIB)
    x.metric("FileScan parquet [cust", "number of files read", 160)
    x.metric("FileScan parquet [cust", "scan time", sum(e["Task Metrics"]["Executor Run Time"] for e in x.tasks(5)) // 2)
    for node in x.nodes():
        if node["simpleString"].startswith("FileScan parquet [cust#") and "price" in node["simpleString"].split("]")[0]:
            location = node["metadata"]["Location"]
    path = location.split("[", 1)[1].rstrip("]")
    info = {"minExecutionId": 2, "tablePath": path, "tableName": "orders", "partitionColumns": [], "clusteringColumns": ["day"], "zorderColumns": []}
    event = {"Event": "org.apache.spark.dataflint.listener.DataflintDeltaLakeScanEvent", "scanInfo": info}
    x.events.insert(-1, event)
    return x


@log("repeated-reads")
def _():
    x = busy("again", 20, [e["Stage Info"]["Stage ID"] for e in Log("again").of("SparkListenerStageCompleted")], from_sql=0)
    x.metric("FileScan", "scan time", 100_000)
    x.metric("FileScan", "size of files read", 200 * GIB)
    x.metric("FileScan", "number of files read", 1600)
    return x


@log("small-files-written")
def _():
    x = busy("write-partitioned", 10, [0])
    command = "Execute InsertIntoHadoopFsRelationCommand"
    x.metric(command, "number of written files", 2100)
    x.metric(command, "number of dynamic part", 2000)
    x.metric(command, "written output", 31_200_000_000)
    return x


@log("slow-commit")
def _():
    x = busy("write", 10, [0])
    for e in x.events:  # all that comes after the last task comes 40 seconds later
        if e["Event"].endswith("SQLExecutionEnd"):
            e["time"] += 40_000
        if e["Event"] == "SparkListenerApplicationEnd":
            e["Timestamp"] += 40_000
    command = "Execute InsertIntoHadoopFsRelationCommand"
    x.metric(command, "job commit time", 39_500)
    return x


@log("iceberg-rewrite")
def _():
    x = busy("write", 10, [0])
    zero = ["addedDeleteFiles", "removedDeleteFiles", "totalDeleteFiles", "addedPositionalDeletes", "removedPositionalDeletes"]
    metrics = {
        "durationMS": 900, "attempts": 1, "addedDataFiles": 80, "removedDataFiles": 80, "totalDataFiles": 100,
        "addedRecords": 8_010_000, "removedRecords": 8_000_000, "totalRecords": 10_010_000,
        "addedFilesSizeInBytes": 80 * 200 * MIB, "removedFilesSizeInBytes": 80 * 200 * MIB, "totalFilesSizeInBytes": 100 * 200 * MIB,
        **{k: 0 for k in zero},
    }
    info = {"executionId": 0, "tableName": "lake.sales.orders", "commitId": 42, "operation": "overwrite", "metrics": metrics}
    x.events.insert(-1, {"Event": "org.apache.spark.dataflint.listener.IcebergCommitEvent", "icebergCommit": info})
    return x


@log("cross-join")
def _():
    x = busy("nested", 20, [4])
    # Two tasks, each of which reads all of the right side.
    x.metric("Filter isnotnull(cust#22L)", "number of output rows", 400_000)
    x.metric("Filter isnotnull(cust#29L)", "number of output rows", 100_000)
    return x


@log("large-broadcast")
def _():
    x = busy("broadcast", 20, [])
    x.conf(**{"spark.sql.autoBroadcastJoinThreshold": "2g", "spark.driver.memory": "8g"})
    x.metric("BroadcastExchange", "data size", 1536 * MIB)
    return x


@log("missed-broadcast")
def _():
    x = busy("join", 20, [4, 5, 8])
    x.conf(**{"spark.sql.autoBroadcastJoinThreshold": "-1"})
    plan = [n for n in x.nodes() if n["nodeName"] == "Exchange" and "hashpartitioning(cust" in n["simpleString"]]
    orders = {m["accumulatorId"] for n in plan for m in n["metrics"] if m["name"] == "data size"}
    seen = []
    x.measured(orders, lambda v: seen.append(v) or v)
    large = max(seen)
    x.measured(orders, lambda v: 10 * GIB if v >= large // 2 else 40_000)
    x.metric("Sort [cust", "sort time", sum(e["Task Metrics"]["Executor Run Time"] for e in x.tasks(8)) // 2)
    return x


@log("long-filter")
def _():
    x = busy("scan", 20, [4])
    values = " OR ".join(f"(price#{n % 10} = {n}.25)" for n in range(60))
    for node in x.nodes():
        if node["nodeName"] == "Filter":
            node["simpleString"] = f"Filter ({values})"
    # What no other operator explains is the filter's.
    x.metric("FileScan", "scan time", 0)
    x.metric("HashAggregate(keys=[day#16], functions=[partial", "time in aggregation build", 0)
    return x


@log("adaptive-execution-off")
def _():
    x = Log("adaptive-off")
    x.stretch(40)
    for stage in (0, 1):
        x.spread(stage, 0, "JVM GC Time")
    return x


@log("max-partition-bytes")
def _():
    x = busy("scan", 20, [4])
    x.conf(**{"spark.sql.files.maxPartitionBytes": "2g"})
    x.spread(4, 3 * GIB, "Input Metrics", "Bytes Read")
    x.spread(4, 2 * GIB, "Disk Bytes Spilled")
    x.spread(4, 6 * GIB, "Memory Bytes Spilled")
    return x


@log("java-serializer")
def _():
    x = busy("rdd", 10, [2, 4, 5])
    for stage in (2, 4, 5):
        x.spread(stage, 40_000, "Result Serialization Time")
    return x


for number, (rule, make) in enumerate(LOGS.items(), 1):
    if rule in (sys.argv[1:] or LOGS):
        make().save(number, rule)
