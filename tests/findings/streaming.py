#!/usr/bin/env python3
"""Logs that trigger one rule of the families streaming and state each: streaming.py

Each has the head of a real log of Spark 3.5.9 (tests/logs/3.5.9/streaming-rocksdb) and reports of a query of it, with other
times and numbers. Output: logs/RULE.zst beside this file. Needs `tar` and `zstd`.
"""
import copy
import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "logs"
BASE = "local-1795219375384"
START = 1_795_219_380_000  # a multiple of a minute
CHANGELOG = "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled"
PROVIDERS = "org.apache.spark.sql.execution.streaming.state."
HEAD = ("SparkListenerLogStart", "SparkListenerResourceProfileAdded", "SparkListenerExecutorAdded",
        "SparkListenerBlockManagerAdded", "SparkListenerEnvironmentUpdate", "SparkListenerApplicationStart")
MIB, GIB = 1 << 20, 1 << 30


def base():
    archive = HERE.parent / "logs/3.5.9/streaming-rocksdb.tar.zst"
    text = subprocess.run(["tar", "--zstd", "-xOf", archive], capture_output=True, check=True).stdout
    events = [json.loads(x) for x in text.splitlines() if b'"Event"' in x]
    head = {e["Event"]: e for e in events if e["Event"] in HEAD}
    reports = [e for e in events if e["Event"].endswith("QueryProgressEvent")]
    # dedup of the rate source, with a watermark
    report = next(e for e in reports if e["progress"]["name"] == "dedup" and e["progress"]["batchId"] == 2)
    return [head[name] for name in HEAD], report


HEADS, REPORT = base()


def stamp(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def write(number, rule, batches, each, conf=None, executors=0, state="rocksdb", exception=None):
    """`each(i, progress, operator, custom)` changes the report of batch i and returns (time after the start, duration) in ms."""
    app, rid, qid = f"{BASE}{number:02}", f"{number:08x}-0000-4000-8000-000000000001", f"{number:08x}-0000-4000-8000-000000000000"
    events = []
    for e in copy.deepcopy(HEADS):
        if e["Event"] == "SparkListenerExecutorAdded" and executors:
            for n in range(1, executors + 1):
                info = {**e["Executor Info"], "Host": f"node-{n}", "Total Cores": 4}
                events.append({**e, "Executor ID": str(n), "Executor Info": info, "Timestamp": START - 2_000})
            continue
        if e["Event"] == "SparkListenerEnvironmentUpdate":
            spark = {**e["Spark Properties"], "spark.app.id": app, "spark.app.name": rule, **(conf or {})}
            if state == "hdfs":
                spark["spark.sql.streaming.stateStore.providerClass"] = PROVIDERS + "HDFSBackedStateStoreProvider"
            spark.pop(CHANGELOG) if CHANGELOG not in (conf or {}) else None
            e["Spark Properties"] = spark
        if e["Event"] == "SparkListenerApplicationStart":
            e |= {"App Name": rule, "App ID": app, "Timestamp": START - 5_000}
        elif "Timestamp" in e:
            e["Timestamp"] = START - 3_000
        events.append(e)
    listener = "org.apache.spark.sql.streaming.StreamingQueryListener$"
    events.append({"Event": listener + "QueryStartedEvent", "id": qid, "runId": rid, "name": "orders", "timestamp": stamp(START)})
    end = START
    for i in range(batches):
        e = copy.deepcopy(REPORT)
        p = e["progress"]
        o = p["stateOperators"][0]
        if state == "hdfs":
            o["customMetrics"] = {"loadedMapCacheHitCount": 8 * i + 8, "loadedMapCacheMissCount": 0, "stateOnCurrentVersionSizeBytes": 9_000}
        p |= {"id": qid, "runId": rid, "name": "orders", "batchId": i}
        p["sources"][0] |= {"startOffset": str(i), "endOffset": str(i + 1), "latestOffset": str(i + 1)}
        o |= {"commitTimeMs": 40, "allUpdatesTimeMs": 10, "numRowsTotal": 900, "numRowsRemoved": 300, "memoryUsedBytes": 40_000}
        if "rocksdbCommitFileSyncLatencyMs" in o["customMetrics"]:
            o["customMetrics"]["rocksdbCommitFileSyncLatencyMs"] = 30
        p["eventTime"]["watermark"] = None
        after, took = each(i, p, o, o["customMetrics"])
        time = START + after
        rows = p["sources"][0]["numInputRows"]
        p |= {"timestamp": stamp(time), "batchDuration": took}
        p["durationMs"]["triggerExecution"] = took
        beside = sum(ms for name, ms in p["durationMs"].items() if name not in ("addBatch", "triggerExecution"))
        p["durationMs"]["addBatch"] = max(took - beside, 0)
        p["sources"][0] |= {"inputRowsPerSecond": rows * 1000 / max(time - end, 1), "processedRowsPerSecond": rows * 1000 / took}
        if p["eventTime"]["watermark"] is None:
            p["eventTime"]["watermark"] = stamp(time - 10_000)
        p["eventTime"] |= {"min": stamp(time - 2_000), "avg": stamp(time - 1_000), "max": stamp(time)}
        events.append(e)
        end = time + took
    events.append({"Event": listener + "QueryTerminatedEvent", "id": qid, "runId": rid, "exception": exception, "errorClassOnException": None})
    events.append({"Event": "SparkListenerApplicationEnd", "Timestamp": end + 1_000})
    text = "".join(json.dumps(e, separators=(",", ":")) + "\n" for e in events).encode()
    packed = subprocess.run(["zstd", "-19", "-cq"], input=text, capture_output=True, check=True).stdout
    assert len(packed) < 40_000, (rule, len(packed))
    (OUT / f"{rule}.zst").write_bytes(packed)


def every(gap, took):
    return lambda i, p, o, c: (i * gap, took)


def falling_behind(i, p, o, c):
    s = p["sources"][0]
    s |= {"description": "KafkaV2[Subscribe[orders]]", "numInputRows": 10_000,
          "endOffset": json.dumps({"orders": {"0": 10_000 * (i + 1)}}), "latestOffset": json.dumps({"orders": {"0": 11_000 * (i + 1) + 9_000}})}
    return i * 10_000, 9_400


def over_trigger(i, p, o, c):
    return (i * 5_000, 2_000) if i < 30 else (150_000 + (i - 30) * 7_000, 7_000)


def stuck(i, p, o, c):
    p["eventTime"]["watermark"] = stamp(START + min(i, 20) * 30_000)
    return i * 30_000, 900


def late(i, p, o, c):
    o["numRowsDroppedByWatermark"] = 5 if i % 2 else 0
    return i * 20_000, 900


def phase(**ms):
    def each(i, p, o, c):
        p["durationMs"] |= ms
        return i * 20_000, 4_000
    return each


def empty(i, p, o, c):
    p["sources"][0]["numInputRows"] = 300 if i % 2 == 0 else 0
    return i * 10_000, 2_000


def tiny(i, p, o, c):
    p["sink"]["description"] = "FileSink[s3a://bucket/orders]"
    return i * 2_000, 400


def state(gap=20_000, took=4_000, custom=None, grow=None, **operator):
    """Batches whose operator has these numbers; `grow` sets some by batch."""
    def each(i, p, o, c):
        o |= operator
        c |= custom or {}
        if grow:
            grow(i, o, c)
        return i * gap, took
    return each


def growing(i, o, c):
    o |= {"numRowsTotal": 20_000 * (i + 1), "numRowsRemoved": 0}


def reloaded(i, o, c):
    c |= {"loadedMapCacheHitCount": 12, "loadedMapCacheMissCount": 4}


def stalls(i, o, c):
    c["rocksdbWriterStallLatencyMs"] = 17_000 if i % 10 == 0 else 0


def main():
    OUT.mkdir(exist_ok=True)
    write(10, "streaming-falling-behind", 40, falling_behind)
    write(11, "batch-over-trigger", 90, over_trigger)
    write(12, "watermark-stuck", 60, stuck)
    write(13, "late-rows-dropped", 60, late)
    write(14, "slow-query-planning", 60, phase(queryPlanning=2_600))
    write(15, "slow-source-offsets", 60, phase(latestOffset=1_500, getBatch=100))
    write(16, "slow-progress-log", 60, phase(walCommit=800, commitOffsets=900))
    write(17, "empty-batches", 120, empty)
    write(18, "tiny-batches", 120, tiny)
    write(19, "streaming-query-failed", 3, every(20_000, 900), exception="java.lang.IllegalStateException: There are [1] sources in the "
          "checkpoint offsets and now there are [2] sources requested by the query. Cannot continue.\n\tat a.b(C.scala:1)\n")
    write(30, "state-in-heap", 60, state(memoryUsedBytes=1_200 * MIB, numRowsTotal=4_000_000), {"spark.driver.memory": "2g"}, state="hdfs")
    write(31, "state-growing", 60, state(gap=60_000, grow=growing))
    write(32, "changelog-checkpointing", 60, state(commitTimeMs=4_400, custom={"rocksdbCommitFileSyncLatencyMs": 4_000}))
    write(33, "slow-checkpoint-writes", 60, state(commitTimeMs=4_400, custom={"rocksdbCommitFileSyncLatencyMs": 4_000}), {CHANGELOG: "true"})
    write(34, "rocksdb-memory", 60, state(numStateStoreInstances=72, memoryUsedBytes=3 * GIB),
          {"spark.master": "yarn", "spark.executor.memory": "8g", "spark.executor.memoryOverhead": "4g"}, executors=2)
    write(35, "rocksdb-block-cache", 60, state(allUpdatesTimeMs=4_800, custom={"rocksdbReadBlockCacheHitCount": 30_000, "rocksdbReadBlockCacheMissCount": 90_000}))
    write(36, "rocksdb-write-stalls", 60, state(grow=stalls))
    write(37, "rocksdb-compact-on-commit", 60, state(commitTimeMs=2_400, custom={"rocksdbCommitCompactLatency": 2_000}),
          {"spark.sql.streaming.stateStore.rocksdb.compactOnCommit": "true"})
    write(38, "state-reloaded", 60, state(grow=reloaded), {"spark.locality.wait": "0s"}, state="hdfs")
    write(39, "tiny-state-partitions", 60, state(commitTimeMs=3_000, numShufflePartitions=200, numStateStoreInstances=200, numRowsTotal=20_000),
          {"spark.sql.shuffle.partitions": "200"})
    write(40, "state-maintenance-interval", 100, state(gap=1_000, took=600, numRowsTotal=2_000_000, memoryUsedBytes=90 * MIB), {CHANGELOG: "true"})
    write(41, "state-batches-to-retain", 60, state(custom={"rocksdbBytesCopied": 900 * MIB, "rocksdbSstFileSize": 2 * GIB}))
    write(42, "rocksdb-block-size", 60, state(numRowsTotal=300_000_000, custom={"rocksdbSstFileSize": 60 * GIB}))


main()
