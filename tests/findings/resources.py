#!/usr/bin/env python3
"""One log for each rule about executors and their cores, which no other of them has anything to say about."""
from cluster_log import START, Log, exception, spread, task

S, MIN = 1_000, 60_000

# One executor is killed with its tasks; another takes its place.
KILLED = "The executor with id 2 exited with exit code 137(SIGKILL, possible container OOM)."
log = Log("pandas in workers", end=100 * S, hosts=1, spark_master="k8s://https://10.0.0.1:443")
log.executor("2", "host-2", removed=20 * S, reason=KILLED)
log.executor("3", "host-2", at=25 * S)
tasks, end = spread(5 * S, [10 * S] * 24)
gone = {"Reason": "ExecutorLostFailure", "Executor ID": "2", "Exit Caused By App": True, "Loss Reason": KILLED}
kept = [t for t in tasks if t["executor"] == "1" or t["at"] + t["took"] <= 20 * S]
lost = [t | {"took": 20 * S - t["at"], "reason": gone} for t in tasks if t["executor"] == "2" and t["at"] < 20 * S < t["at"] + t["took"]]
again = [task(t["index"], "3", 26 * S + n // 4 * 10 * S, 10 * S, attempt=1)
         for n, t in enumerate(t for t in tasks if t not in kept)]
end = max(t["at"] + t["took"] for t in kept + again)
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, kept + lost + again)])
log.write("executor-lost")

# Tasks fail on one executor until Spark gives it no more.
log = Log("a broken node", end=60 * S, spark_excludeOnFailure_enabled="true")
tasks, end = spread(5 * S, [5 * S] * 16, executors=1)
tasks += [task(n, "2", 5 * S, S, reason=exception("java.io.IOException", "Input/output error")) for n in (3, 5)]
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks)])
log.put(7 * S, "ExecutorExcludedForStage", **{"Event": "org.apache.spark.scheduler.SparkListenerExecutorExcludedForStage", "time": START + 7 * S, "executorId": "2", "taskFailures": 2, "stageId": 0, "stageAttemptId": 0})
log.write("executor-excluded")

# Four minutes without an executor.
log = Log("in a full queue", end=10 * MIN, hosts=0)
for name in ("1", "2"):
    log.executor(name, f"host-{name}", at=4 * MIN)
tasks, end = spread(4 * MIN, [15 * S] * 160)
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks)])
log.write("waiting-for-executors")

# Twenty executors for a stage of ten tasks.
log = Log("too large a cluster", end=32 * MIN, hosts=20, spark_executor_instances="20")
tasks = [task(n, str(n + 1), MIN, 30 * MIN) for n in range(10)]
log.job(0, MIN, 31 * MIN, [log.stage(0, MIN, 31 * MIN, tasks)])
log.write("idle-cores")

# An hour in which the driver does something of its own, in the middle.
log = Log("upload from the driver", end=80 * MIN)
for n, at in enumerate((MIN, 70 * MIN)):
    tasks, end = spread(at, [MIN] * 64)
    log.job(n, at, end, [log.stage(n, at, end, tasks)])
log.write("driver-only")

# A loop that asks for one small thing after the other.
log = Log("a loop over days", hosts=1)
for n in range(520):
    at = 5 * S + n * 700
    log.job(n, at, at + 300, [log.stage(n, at, at + 300, [task(0, "1", at, 300)], name="count at job.py:10")])
log.end = 5 * S + 520 * 700 + 5 * S
log.write("many-small-jobs")

# One executor has twice the work of the others.
log = Log("uneven executors", end=22 * MIN, hosts=5)
tasks = [task(0, str(e), MIN + n // 4 * 30 * S, 30 * S) for e, many in ((1, 160), (2, 80), (3, 80), (4, 80), (5, 80)) for n in range(many)]
for index, t in enumerate(tasks):
    t["index"] = index
log.job(0, MIN, 21 * MIN, [log.stage(0, MIN, 21 * MIN, tasks)])
log.write("executor-imbalance")
