#!/usr/bin/env python3
"""One log for each rule about the log itself, which no other of them has anything to say about."""
import subprocess

from cluster_log import HERE, Log, spread

S = 1_000

# Nothing after a stage began: to be told as lost, it must be named as one in progress, and be old.
log = Log("killed at midnight")
tasks, end = spread(5 * S, [10 * S] * 16)
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks)])
tasks, _ = spread(end, [10 * S] * 8)
log.job(1, end, None, [log.stage(1, end, None, [t | {"took": None} for t in tasks])])
log.write("driver-lost")

# The ends of three tasks of a complete stage are missing.
log = Log("a full queue of events", end=60 * S)
tasks, end = spread(5 * S, [10 * S] * 16)
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks, lost=3)])
log.write("events-dropped")

# Lines that are no events.
log = Log("a bad disk", end=60 * S)
tasks, end = spread(5 * S, [10 * S] * 16)
log.job(0, 5 * S, end, [log.stage(0, 5 * S, end, tasks)])
log.write("log-damaged")
file = HERE / "logs" / "log-damaged.zst"
lines = subprocess.run(["zstd", "-dcq", file], capture_output=True, check=True).stdout.splitlines(keepends=True)
middle = len(lines) // 2
lines[middle:middle] = [b'{"Event":"SparkListenerTaskEnd","Stage ID":\n', b"\0\0\0\0 no event\n"]
file.write_bytes(subprocess.run(["zstd", "-cq", "-19", "--no-check"], input=b"".join(lines), capture_output=True, check=True).stdout)
