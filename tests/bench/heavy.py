"""Logs that are not made of small tasks, out of real ones: what SQL-heavy jobs on Photon, with adaptive plans, or from notebooks write.

Each of KINDS writes logs into a folder, and gives how many applications they are of. Every event is one of a real log, made larger.
"""
import io
import json
import random
import subprocess
import tarfile
import tempfile
from pathlib import Path

import zstandard

LOGS = Path(__file__).resolve().parent.parent / "logs"
METRICS = ("number of output rows", "duration", "shuffle records written", "data size", "peak memory", "spill size", "time in aggregation build",
           "number of files read", "scan time", "size of files read", "time to build hash map", "records read", "remote bytes read", "fetch wait time")


def events(case):
    """Events of a real log, in their order."""
    data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((LOGS / f"{case}.tar.zst").open("rb")).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar, tempfile.TemporaryDirectory() as to:
        tar.extractall(to, filter="data")
        log = max((p for p in Path(to).rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        raw = log.read_bytes()
        if raw[:4] == b"\x28\xb5\x2f\xfd":
            raw = subprocess.run(["zstd", "-dcq"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in raw.decode().splitlines()]


def kind(event):
    return event["Event"].rsplit(".", 1)[-1]


def write(folder, app, lines):
    with (folder / app).open("w") as out:
        for event in lines:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")


def application(all_events):
    return next(e["App ID"] for e in all_events if kind(e) == "SparkListenerApplicationStart")


def accumulables(folder, tasks=8_000, each=200):
    """Task ends of 25 KB: each with the values of 200 SQL metrics, as Photon and wide plans have them."""
    base, rng = events("3.5.9/skew"), random.Random(1)
    ends = [e for e in base if kind(e) == "SparkListenerTaskEnd" and e["Task End Reason"]["Reason"] == "Success"]
    stage = max({e["Stage ID"] for e in ends}, key=lambda s: sum(e["Stage ID"] == s for e in ends))
    of = [e for e in ends if e["Stage ID"] == stage]
    starts = {e["Task Info"]["Task ID"]: e for e in base if kind(e) == "SparkListenerTaskStart"}

    def lines():
        wrote = False
        for e in base:
            of_task = kind(e) in ("SparkListenerTaskStart", "SparkListenerTaskEnd", "SparkListenerTaskGettingResult")
            if of_task and e["Stage ID"] != stage:
                continue
            if not of_task:
                if "Stage Info" in e and e["Stage Info"]["Stage ID"] == stage:
                    e["Stage Info"]["Number of Tasks"] = tasks
                yield e
                continue
            if wrote:
                continue
            wrote = True
            for n in range(tasks):
                end = json.loads(json.dumps(of[n % len(of)]))
                start = json.loads(json.dumps(starts[end["Task Info"]["Task ID"]]))
                for event in (start, end):
                    event["Task Info"] |= {"Task ID": 1_000_000 + n, "Index": n, "Partition ID": n}
                end["Task Info"]["Accumulables"] = [
                    {"ID": 5_000 + i, "Name": METRICS[i % len(METRICS)], "Update": str(rng.randrange(10**6)), "Value": str(rng.randrange(10**9)), "Internal": True,
                     "Count Failed Values": True, "Metadata": "sql"} for i in range(each)]
                yield start
                yield end
    write(folder, application(base), lines())
    return 1


def plans(folder, updates=150, size=1 << 20):
    """One query whose adaptive execution tells its plan of 1 MB again and again."""
    base = events("4.3.0/sql")
    start = max((e for e in base if kind(e) == "SparkListenerSQLExecutionStart"), key=lambda e: len(e["physicalPlanDescription"]))

    def larger(node, text, until):
        """The tree below more and more projections, until it is so large."""
        while len(json.dumps(node)) < until:
            node = {"nodeName": "Project", "simpleString": text, "children": [node], "metadata": {}, "metrics": []}
        return node

    # Wide rather than deep: the names of a thousand columns in each node.
    text = "Project [" + ", ".join(f"column_{i}#{1000 + i}L" for i in range(2_000)) + "]"
    info = larger(start["sparkPlanInfo"], text, size)
    description = start["physicalPlanDescription"] + "\n" + "\n".join(f"(1) Project\nOutput: {text}" for _ in range(size // len(text)))

    def lines():
        for e in base:
            yield e
            if e is start:
                for _ in range(updates):
                    yield {"Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate", "executionId": start["executionId"],
                           "physicalPlanDescription": description, "sparkPlanInfo": info}
    write(folder, application(base), lines())
    return 1


def statements(folder, n=10_000):
    """Ten thousand SQL executions of one application, each with its plan."""
    base = events("4.3.0/sql")
    starts = sorted((e for e in base if kind(e) == "SparkListenerSQLExecutionStart"), key=lambda e: len(json.dumps(e)))
    start = starts[len(starts) // 2]
    end = next(e for e in base if kind(e) == "SparkListenerSQLExecutionEnd" and e["executionId"] == start["executionId"])
    last = max(e["executionId"] for e in starts)

    def lines():
        for e in base:
            if kind(e) == "SparkListenerApplicationEnd":
                for i in range(1, n + 1):
                    for event in (start, end):
                        same = {"rootExecutionId": last + i} if "rootExecutionId" in event else {}
                        yield event | {"executionId": last + i} | same
            yield e
    write(folder, application(base), lines())
    return 1


def environments(folder, applications=200, size=500_000):
    """Small applications whose environment is half a megabyte: class paths of notebooks and Databricks."""
    base = events("3.5.9/codec-none")
    app = application(base)
    entry = lambda i: (f"/databricks/jars/----ws_3_5--third_party--library-{i}--hive-2.3__hadoop-3.2_2.12_deploy.jar", "System Classpath")
    for n in range(applications):
        lines = []
        for e in base:
            if kind(e) == "SparkListenerEnvironmentUpdate":
                e = e | {"Classpath Entries": dict(entry(i) for i in range(size // 120))}
            elif kind(e) == "SparkListenerApplicationStart":
                e = e | {"App ID": f"{app}{n:03}"}
            lines.append(e)
        write(folder, f"{app}{n:03}", lines)
    return applications


KINDS = {
    "task ends of 200 accumulables": accumulables,
    "plans of 1 MB in adaptive updates": plans,
    "10,000 SQL executions": statements,
    "environments of 500 KB": environments,
}
