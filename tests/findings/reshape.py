"""Event logs as lists of events, and changes to their numbers: times made longer, metrics larger, settings other."""
import json
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMES = {"Timestamp", "Launch Time", "Finish Time", "Getting Result Time", "Submission Time", "Completion Time", "time"}
# Of task metrics: milliseconds and nanoseconds.
LENGTHS = {
    "Executor Deserialize Time", "Executor Deserialize CPU Time", "Executor Run Time", "Executor CPU Time", "JVM GC Time",
    "Result Serialization Time", "Fetch Wait Time", "Shuffle Write Time", "Remote Requests Duration",
}
START, END = "SparkListenerApplicationStart", "SparkListenerApplicationEnd"


class Log:
    def __init__(self, base):
        text = subprocess.run(["zstd", "-dcq", HERE / "bases" / f"{base}.zst"], stdout=subprocess.PIPE, check=True).stdout
        self.events = [json.loads(line) for line in text.splitlines()]
        self.id = self.one(START)["App ID"]
        # Which jars there are says nothing here.
        self.one("SparkListenerEnvironmentUpdate")["Classpath Entries"] = {}

    def of(self, name):
        return [e for e in self.events if e["Event"].split(".")[-1] == name]

    def one(self, name):
        return self.of(name)[0]

    def conf(self, **properties):
        """Settings; None takes one out."""
        own = self.one("SparkListenerEnvironmentUpdate")["Spark Properties"]
        for key, value in properties.items():
            own.pop(key, None)
            if value is not None:
                own[key] = value

    def stretch(self, factor):
        """All times from the start on, and all lengths of time, that much longer."""
        start = self.one(START)["Timestamp"]
        timing = self.accumulators(lambda node, metric: metric["metricType"] in ("timing", "nsTiming"))

        def walk(at):
            if isinstance(at, list):
                for x in at:
                    walk(x)
            elif isinstance(at, dict):
                for key, value in at.items():
                    if key in TIMES and isinstance(value, int) and value > start // 2:
                        at[key] = start + round((value - start) * factor)
                    elif key in LENGTHS and isinstance(value, int):
                        at[key] = round(value * factor)
                    else:
                        walk(value)

        walk(self.events)
        self.measured(timing, lambda v: round(v * factor))

    def nodes(self):
        """Every node of every plan."""
        def walk(node):
            yield node
            for child in node["children"]:
                yield from walk(child)
        for e in self.events:
            if "sparkPlanInfo" in e:
                yield from walk(e["sparkPlanInfo"])

    def accumulators(self, wanted):
        return {m["accumulatorId"] for node in self.nodes() for m in node["metrics"] if wanted(node, m)}

    def measured(self, accumulators, change):
        """What tasks and the driver report for metrics of plans."""
        for e in self.of("SparkListenerTaskEnd"):
            for a in e["Task Info"]["Accumulables"]:
                if a["ID"] in accumulators:
                    a["Update"] = str(change(int(a["Update"])))
        for e in self.of("SparkListenerDriverAccumUpdates"):
            e["accumUpdates"] = [[i, change(v) if i in accumulators else v] for i, v in e["accumUpdates"]]

    def metric(self, node, name, value):
        """Sets the sum of a metric of the nodes whose description starts so. It is spread as it was, or given to the first who reported."""
        ids = self.accumulators(lambda n, m: n["simpleString"].startswith(node) and m["name"] == name)
        assert ids, (node, name)
        seen = []
        self.measured(ids, lambda v: seen.append(v) or v)
        total, left = sum(seen), [value]

        def share(v):
            part = round(v * value / total) if total else left[0]
            part = min(part, left[0])
            left[0] -= part
            return part

        assert seen, (node, name, "nobody reported it")
        self.measured(ids, share)

    def tasks(self, stage):
        return [e for e in self.of("SparkListenerTaskEnd") if e["Stage ID"] == stage]

    def spread(self, stage, value, *path):
        """Sets a task metric so that the stage has that sum, evenly over its tasks."""
        tasks = self.tasks(stage)
        for n, e in enumerate(tasks):
            at = e["Task Metrics"]
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value // len(tasks) + (value % len(tasks) if n == 0 else 0)

    def peak(self, executor, **metrics):
        """Sets peaks of an executor, in all of its readings; `driver` or `*` for all but it."""
        mine = lambda id: id == executor or executor == "*" and id != "driver"  # noqa: E731
        for e in self.events:
            if e["Event"] == "SparkListenerStageExecutorMetrics" and mine(e["Executor ID"]):
                e["Executor Metrics"] |= metrics
            if e["Event"] == "SparkListenerTaskEnd" and mine(e["Task Info"]["Executor ID"]):
                e["Task Executor Metrics"] |= metrics

    def save(self, number, rule):
        id = f"app-20260102000000-{number:04d}"
        text = "".join(json.dumps(e, separators=(",", ":"), ensure_ascii=False) + "\n" for e in self.events)
        text = text.replace(self.id, id)
        packed = subprocess.run(["zstd", "-19", "-qc"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
        (HERE / "logs").mkdir(exist_ok=True)
        (HERE / "logs" / f"{rule}.zst").write_bytes(packed)
        print(f"{rule:28s} {len(text):>9,} -> {len(packed):>6,} bytes")
        assert len(packed) < 40_000
