#!/usr/bin/env python3
"""One log for each rule about failures, which no other of them has anything to say about."""
from cluster_log import Log, exception, spread, task

S = 1_000
OOM = exception("java.lang.OutOfMemoryError", "Java heap space")

# A task fails four times, and with it its job and the application.
log = Log("daily load", end=70 * S)
tasks, end = spread(5 * S, [4 * S] * 8)
first = log.stage(0, 5 * S, end, tasks)
log.job(0, 5 * S, end, [first])
tasks, _ = spread(10 * S, [5 * S] * 7)
tasks += [task(7, "1", 10 * S + n * 12 * S, 12 * S, attempt=n, reason=OOM) for n in range(4)]
why = ("Job aborted due to stage failure: Task 7 in stage 1.0 failed 4 times, most recent failure: Lost task 7.3 in stage 1.0 (TID 18) "
       "(host-1 executor 1): java.lang.OutOfMemoryError: Java heap space\n\tat org.apache.spark.scheduler.Task.run(Task.scala:141)\n\n"
       "Driver stacktrace:")
second = log.stage(1, 10 * S, 58 * S, tasks, failed=why)
log.job(1, 10 * S, 58 * S, [second], error=why)
log.write("application-failed")

# Two jobs fail alike, and the application goes on.
log = Log("report with gaps", end=60 * S)
for n in range(3):
    at = (5 + 15 * n) * S
    good, end = spread(at, [4 * S] * 7)
    bad = [task(7, "2", at + k * S, S, attempt=k, reason=exception("java.lang.IllegalStateException", f"no rates for region {n}"))
           for k in range(4)]
    why = (f"Job aborted due to stage failure: Task 7 in stage {n}.0 failed 4 times, most recent failure: Lost task 7.3 in stage {n}.0 (TID 9) "
           f"(host-2 executor 2): java.lang.IllegalStateException: no rates for region {n}\n\tat com.example.Rates.of(Rates.scala:7)\n")
    failed = n < 2
    tasks = good + bad if failed else good + [task(7, "2", at, 4 * S)]
    stage = log.stage(n, at, end, tasks, failed=why if failed else None)
    log.job(n, at, end, [stage], error=why if failed else None)
log.write("job-failed")

# A query waits five minutes for a broadcast; the next one succeeds.
log = Log("two reports", end=400 * S)
why = ("org.apache.spark.SparkException: Could not execute broadcast in 300 secs. You can increase the timeout for broadcasts via "
       "spark.sql.broadcastTimeout or disable broadcast join by setting spark.sql.autoBroadcastJoinThreshold to -1.")
log.sql(0, 5 * S, 305 * S, error=why)
log.sql(1, 310 * S, 330 * S)
tasks, end = spread(311 * S, [8 * S] * 16)
log.job(0, 310 * S, end, [log.stage(0, 311 * S, end, tasks)], sql=1)
log.write("query-failed")

# A barrier stage fails as a whole, and succeeds in its second attempt.
log = Log("barrier training", end=60 * S)
tasks, end = spread(5 * S, [20 * S] * 8)
why = ("Stage failed because barrier task ResultTask(0, 3) finished unsuccessfully.\njava.lang.IllegalStateException: a peer went\n"
       "\tat com.example.Peers.join(Peers.scala:9)\n")
tasks[3]["reason"] = exception("java.lang.IllegalStateException", "a peer went")
first = log.stage(0, 5 * S, end, tasks, failed=why)
tasks, again = spread(end + S, [20 * S] * 8)
second = log.stage(0, end + S, again, tasks, attempt=1)
log.job(0, 5 * S, again, [first, second])
log.write("stage-retried")

# An executor cannot serve its shuffle files: two stages run again, in part.
log = Log("join of orders", end=90 * S)
tasks, end = spread(5 * S, [10 * S] * 16, write=50 << 20)
write = log.stage(0, 5 * S, end, tasks, name="map at job.py:10")
words = ("org.apache.spark.shuffle.FetchFailedException: Failed to connect to host-2/10.0.0.2:7337\n"
         "\tat org.apache.spark.storage.ShuffleBlockFetcherIterator.next(ShuffleBlockFetcherIterator.scala:1239)\n")
fetch = {"Reason": "FetchFailed", "Block Manager Address": {"Executor ID": "2", "Host": "host-2", "Port": 7337}, "Shuffle ID": 0, "Map ID": 3,
         "Map Index": 3, "Reduce ID": 1, "Message": words}
tasks, _ = spread(end, [8 * S] * 8, read=100 << 20)
for t in tasks[:2]:
    t.update(reason=fetch, took=2 * S, run=0, read=0)
stop = end + 8 * S
read = log.stage(1, end, stop, tasks, parents=[0], failed="ResultStage 1 (count at job.py:11) has failed the following reason: " + words)
tasks, over = spread(stop, [10 * S] * 8, write=50 << 20)
again = log.stage(0, stop, over, tasks, attempt=1, name="map at job.py:10")
tasks, last = spread(over, [8 * S] * 2, read=100 << 20)
rest = log.stage(1, over, last, tasks, attempt=1, parents=[0])
log.job(0, 5 * S, last, [write, read, again, rest])
log.write("fetch-failure")

# Disks are full now and then: tasks succeed when they are tried again.
log = Log("hourly compaction", end=60 * S)
tasks, end = spread(5 * S, [5 * S] * 24)
full = exception("java.io.IOException", "No space left on device")
tasks += [task(n, "1", 6 * S + n * S, 3 * S, reason=full) for n in (0, 4, 8)]
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks)])
log.write("task-failures")

# Second attempts of tasks that write are denied to commit.
log = Log("export with speculation", end=60 * S, spark_speculation="true")
tasks, end = spread(5 * S, [6 * S] * 24, output=20 << 20)
denied = {"Reason": "TaskCommitDenied", "Job ID": 0, "Attempt Number": 1}
tasks += [task(n, "2", 10 * S + n * 100, 6 * S, attempt=1, speculative=True, reason=denied | {"Partition ID": n}) for n in range(6)]
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks)])
log.write("commit-denied")
