"""Event logs of applications on a cluster, derived from a real one: its events, with other numbers.

The real one is the case exec-lost of ../logs/3.5.9. What is written is the same whenever and wherever it is written.
"""
import copy
import io
import json
import subprocess
import tarfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
START = 1_795_219_300_000  # epoch milliseconds
# Of what happens at the same time: which is written first.
ORDER = ["ExecutorAdded", "BlockManagerAdded", "SQLExecutionStart", "JobStart", "StageSubmitted", "TaskStart", "TaskEnd", "ExecutorExcludedForStage", "StageCompleted", "JobEnd", "SQLExecutionEnd",
         "ExecutorRemoved", "ApplicationEnd"]


def real():
    """The first event of each class of the real log."""
    packed = HERE.parent / "logs" / "3.5.9" / "exec-lost.tar.zst"
    plain = subprocess.run(["zstd", "-dcq", "--long=27", packed], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        (log,) = [tar.extractfile(m).read() for m in tar if m.isfile()]
    out = {}
    for line in log.splitlines():
        event = json.loads(line)
        out.setdefault(event["Event"].removeprefix("SparkListener"), event)
    return out


REAL = real()


class Log:
    """An application. All times are milliseconds after its start."""

    def __init__(self, name, end=None, version="3.5.9", cores=4, hosts=2, **conf):
        """Executors 1, 2, … on host-1, host-2, … from the start on; settings with _ for each dot."""
        self.name, self.end, self.version = name, end, version
        self.conf = {"spark.master": "yarn", "spark.app.name": name, "spark.executor.memory": "4g"}
        self.conf |= {k.replace("_", "."): v for k, v in conf.items()}
        self.events, self.tasks_made, self.places = [], 0, {}
        for n in range(1, hosts + 1):
            self.executor(str(n), f"host-{n}", cores)

    def put(self, at, kind, **fields):
        event = copy.deepcopy(REAL[kind]) if kind in REAL else {"Event": f"SparkListener{kind}"}
        event.update(fields)
        self.events.append((at, ORDER.index(kind), len(self.events), event))
        return event

    def executor(self, name, host, cores=4, at=0, removed=None, reason=None):
        info = copy.deepcopy(REAL["ExecutorAdded"]["Executor Info"])
        info.update({"Host": host, "Total Cores": cores, "Log Urls": {}, "Registration Time": START + at})
        self.put(at, "ExecutorAdded", **{"Timestamp": START + at, "Executor ID": name, "Executor Info": info})
        self.places[name] = (host, cores)
        if removed is not None:
            self.put(removed, "ExecutorRemoved", **{"Timestamp": START + removed, "Executor ID": name, "Removed Reason": reason})

    def job(self, number, at, end, stages, error=None, sql=None):
        """`stages` as `stage` gives them."""
        properties = {"spark.sql.execution.id": str(sql)} if sql is not None else {}
        self.put(at, "JobStart", **{"Job ID": number, "Submission Time": START + at, "Stage IDs": sorted({s["Stage ID"] for s in stages}),
                                    "Stage Infos": [self.submitted(s) for s in stages if s["Stage Attempt ID"] == 0],
                                    "Properties": properties})
        result = {"Result": "JobSucceeded"}
        if error:
            result = {"Result": "JobFailed", "Exception": {"Message": error, "Stack Trace": []}}
        if end is not None:
            self.put(end, "JobEnd", **{"Job ID": number, "Completion Time": START + end, "Job Result": result})

    def sql(self, number, at, end, error=""):
        """A SQL execution with a plan of one node."""
        package = "org.apache.spark.sql.execution.ui.SparkListener"
        plan = {"nodeName": "LocalTableScan", "simpleString": "LocalTableScan [id#1]", "children": [], "metadata": {}, "metrics": []}
        self.put(at, "SQLExecutionStart", Event=package + "SQLExecutionStart", executionId=number, rootExecutionId=number,
                 description=f"save at job.py:{20 + number}", details="", physicalPlanDescription="LocalTableScan [id#1]", sparkPlanInfo=plan,
                 time=START + at, modifiedConfigs={})
        self.put(end, "SQLExecutionEnd", Event=package + "SQLExecutionEnd", executionId=number, time=START + end, errorMessage=error)

    @staticmethod
    def submitted(info):
        return {k: v for k, v in info.items() if k not in ("Submission Time", "Completion Time", "Failure Reason")}

    def stage(self, number, at, end, tasks, attempt=0, parents=(), failed=None, name=None, lost=0):
        """A stage attempt with tasks as `task` gives them; `lost`: ends of so many of its last tasks are not in the log."""
        info = copy.deepcopy(REAL["StageSubmitted"]["Stage Info"])
        info.update({"Stage ID": number, "Stage Attempt ID": attempt, "Stage Name": name or f"count at job.py:{10 + number}", "RDD Info": [],
                     "Number of Tasks": len({t["index"] for t in tasks}), "Parent IDs": list(parents), "Details": "", "Accumulables": []})
        info["Submission Time"] = START + at
        info.pop("Completion Time", None)
        self.put(at, "StageSubmitted", **{"Stage Info": copy.deepcopy(info), "Properties": {}})
        for n, t in enumerate(tasks):
            self.task_events(number, attempt, t, n < len(tasks) - lost)
        if end is not None:
            info["Completion Time"] = START + end
            if failed:
                info["Failure Reason"] = failed
            self.put(end, "StageCompleted", **{"Stage Info": info})
        return info

    def task_events(self, stage, attempt, t, ended):
        at, took = t["at"], t["took"]
        host, _ = self.places[t["executor"]]
        info = copy.deepcopy(REAL["TaskStart"]["Task Info"])
        info.update({"Task ID": self.tasks_made, "Index": t["index"], "Attempt": t["attempt"], "Partition ID": t["index"],
                     "Launch Time": START + at, "Executor ID": t["executor"], "Host": host, "Locality": t["locality"],
                     "Speculative": t["speculative"]})
        self.tasks_made += 1
        if self.version < "3.3":  # which was the first to write it
            del info["Partition ID"]
        ids = {"Stage ID": stage, "Stage Attempt ID": attempt}
        self.put(at, "TaskStart", **ids, **{"Task Info": copy.deepcopy(info)})
        if took is None or not ended:
            return
        reason = t["reason"] or {"Reason": "Success"}
        kind = reason["Reason"]
        killed = kind in ("TaskKilled", "TaskCommitDenied")
        fetched = t.get("fetched", 0)
        info.update({"Finish Time": START + at + took, "Failed": not killed and kind != "Success", "Killed": killed,
                     "Getting Result Time": START + at + took - fetched if fetched else 0})
        metrics = {
            "Executor Deserialize Time": 0, "Executor Deserialize CPU Time": 0, "Executor Run Time": t["run"], "Executor CPU Time": 0,
            "Peak Execution Memory": 0, "Result Size": t["result"], "JVM GC Time": t["gc"], "Result Serialization Time": 0,
            "Memory Bytes Spilled": 0, "Disk Bytes Spilled": t["spill"],
            "Shuffle Read Metrics": {"Remote Blocks Fetched": 0, "Local Blocks Fetched": 0, "Fetch Wait Time": t["wait"],
                                     "Remote Bytes Read": t["read"], "Remote Bytes Read To Disk": 0, "Local Bytes Read": 0,
                                     "Total Records Read": t["read"] // 100},
            "Shuffle Write Metrics": {"Shuffle Bytes Written": t["write"], "Shuffle Write Time": 0, "Shuffle Records Written": 0},
            "Input Metrics": {"Bytes Read": t["input"], "Records Read": t["input"] // 100},
            "Output Metrics": {"Bytes Written": t["output"], "Records Written": 0}, "Updated Blocks": [],
        }
        event = self.put(at + took, "TaskEnd", **ids, **{"Task End Reason": reason, "Task Info": info, "Task Metrics": metrics})
        event["Task Executor Metrics"] = {}

    def write(self, rule):
        """Writes it as logs/RULE.zst."""
        app = f"app-20261121000140-{zlib.crc32(rule.encode()) % 1_000_000:06d}"
        environment = copy.deepcopy(REAL["EnvironmentUpdate"])
        environment.update({"Spark Properties": self.conf | {"spark.app.id": app}, "Hadoop Properties": {}, "System Properties": {},
                            "Metrics Properties": {}, "Classpath Entries": {}})
        driver = copy.deepcopy(REAL["BlockManagerAdded"])
        driver["Block Manager ID"]["Host"] = "host-0"
        driver["Timestamp"] = START
        start = REAL["ApplicationStart"] | {"App Name": self.name, "App ID": app, "Timestamp": START}
        head = [{"Event": "SparkListenerLogStart", "Spark Version": self.version}, REAL["ResourceProfileAdded"], driver, environment, start]
        if self.end is not None:
            self.put(self.end, "ApplicationEnd", Timestamp=START + self.end)
        events = head + [e for *_, e in sorted(self.events, key=lambda e: e[:3])]
        plain = "".join(json.dumps(e, separators=(",", ":")) + "\n" for e in events).encode()
        packed = subprocess.run(["zstd", "-cq", "--ultra", "-22", "--no-check"], input=plain, capture_output=True, check=True).stdout
        (HERE / "logs" / f"{rule}.zst").write_bytes(packed)
        print(f"{rule:24s} {len(plain):>10,} {len(packed):>7,} B{'  TOO LARGE' if len(packed) > 40_000 else ''}")


def task(index, executor, at, took, run=None, attempt=0, reason=None, locality="PROCESS_LOCAL", speculative=False, result=2_000, **numbers):
    """A task that ran for all of its time, but for 10 ms. Numbers: gc, wait, spill, read, write, input, output, fetched."""
    run = max((took or 0) - 10, 0) if run is None else run
    zero = {"gc": 0, "wait": 0, "spill": 0, "read": 0, "write": 0, "input": 0, "output": 0}
    return {"index": index, "executor": executor, "at": at, "took": took, "run": run, "attempt": attempt, "reason": reason,
            "locality": locality, "speculative": speculative, "result": result, **zero, **numbers}


def spread(at, took, executors=2, cores=4, **numbers):
    """Tasks that take so long, each on the core that is free first; with when the last one ends."""
    free = [[at, str(e + 1)] for _ in range(cores) for e in range(executors)]
    out = []
    for index, t in enumerate(took):
        core = min(free, key=lambda c: c[0])
        out.append(task(index, core[1], core[0], t, **numbers))
        core[0] += t
    return out, max(t for t, _ in free)


def exception(name, words):
    """Why a task failed that threw an exception."""
    text = f"{name}: {words}\n\tat org.apache.spark.scheduler.Task.run(Task.scala:141)\n"
    return {"Reason": "ExceptionFailure", "Class Name": name, "Description": words, "Stack Trace": [], "Full Stack Trace": text,
            "Accumulator Updates": []}
