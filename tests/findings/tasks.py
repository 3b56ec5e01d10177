#!/usr/bin/env python3
"""One log for each rule about how tasks share the work, which no other of them has anything to say about."""
from cluster_log import Log, spread, task

S, MIN, MB = 1_000, 60_000, 1 << 20


def one(rule, name, tasks, end, sql=None, log=None, at=5 * S):
    """An application with one stage."""
    log = log or Log(name)
    log.end = end + 5 * S
    log.job(0, at, end, [log.stage(0, at, end, tasks)], sql=sql)
    log.write(rule)


# One task has nearly all rows of a shuffle.
tasks, end = spread(5 * S, [90 * S] + [6 * S] * 31, read=24 * MB)
tasks[0].update(read=600 * MB)
one("task-skew", "orders by customer", tasks, end, sql=0)

# One task collects garbage for most of its time.
tasks, end = spread(5 * S, [6 * S] * 24 + [80 * S], input=64 * MB)
tasks[-1].update(gc=60 * S)
one("straggler", "scores", tasks, end, sql=0)

# Each task on the third host takes four times as long.
log = Log("daily features", hosts=4)
tasks = [task(n * 4 + core, str(n + 1), 5 * S + wave * took, took, input=64 * MB)
         for n, took, waves in ((0, 5 * S, 8), (1, 5 * S, 8), (2, 20 * S, 2), (3, 5 * S, 8)) for wave in range(waves) for core in range(4)]
for index, t in enumerate(tasks):
    t["index"] = index
one("slow-host", "", tasks, 45 * S, sql=0, log=log)

# One file that cannot be split: one task for eight cores.
one("too-few-tasks", "read of one archive", [task(0, "1", 5 * S, 3 * MIN, input=4_096 * MB)], 5 * S + 3 * MIN, sql=0)

# Thousands of tasks, each of which works for a quarter of its time.
log = Log("tiny partitions", version="3.2.4", hosts=1, cores=64)
tasks = [task(n, "1", 5 * S + n // 64 * 400, 400, run=100, read=1_000) for n in range(5_056)]
one("small-tasks", "", tasks, 5 * S + 79 * 400, sql=0, log=log)

# Tasks of 7 GiB each, which spill.
tasks, end = spread(5 * S, [4 * MIN] * 16, read=7 * 1024 * MB, spill=2 * 1024 * MB)
one("large-partition", "monthly aggregation", tasks, end, sql=0)

# Half of each task's time is the way to the executor and back.
tasks, end = spread(5 * S, [4 * S] * 160, run=1_900)
one("scheduler-delay", "many closures", tasks, end)

# Tasks send nearly as much to the driver as it takes.
tasks, end = spread(5 * S, [6 * S] * 16, result=60 * MB)
one("large-result", "collect of a table", tasks, end)

# Second attempts are killed, one after the other.
log = Log("eager speculation", spark_speculation="true")
tasks, end = spread(5 * S, [30 * S] * 32)
lost = {"Reason": "TaskKilled", "Kill Reason": "another attempt succeeded", "Accumulator Updates": []}
tasks += [task(n, "2", 40 * S + n * 100, 12 * S, attempt=1, speculative=True, reason=lost) for n in range(12)]
one("speculation-waste", "", tasks, end, log=log)

# A third of the tasks read from other nodes, and take three times as long.
tasks, end = spread(5 * S, [4 * S, 4 * S, 12 * S] * 40, input=128 * MB, locality="NODE_LOCAL")
for t in tasks[2::3]:
    t["locality"] = "ANY"
one("locality-miss", "scan of a file system", tasks, end, sql=0)
