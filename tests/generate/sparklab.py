"""Helpers shared by the case scripts: one Spark application per process.

run.py sets LAB_EVENTS (the case's log folder) and LAB_PLAIN (non-empty: no compression, one file).
"""
import atexit
import os
import re
import signal
import subprocess
import time
from pathlib import Path

EVENTS = Path(os.environ["LAB_EVENTS"])
TMP = os.environ["TMPDIR"]
CLUSTER = "local-cluster[2,1,1024]"  # 2 workers, 1 core and 1024 MiB each: real executor processes


def session(name, master="local[2]", **conf):
    """A SparkSession that writes its event log to LAB_EVENTS; settings as **{"spark.x.y": v}."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": EVENTS.as_uri(),
        "spark.driver.memory": "2g",
        "spark.driver.host": "localhost",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.warehouse.dir": f"{TMP}/warehouse-{EVENTS.name}",
    }
    if os.environ.get("LAB_PLAIN"):
        settings.update({"spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false"})
    settings.update({k: str(v).lower() if v is True or v is False else str(v) for k, v in conf.items()})
    b = SparkSession.builder.master(master).appName(name)
    for k, v in settings.items():
        b = b.config(k, v)
    s = b.getOrCreate()
    s.sparkContext.setLogLevel(os.environ.get("LAB_LOG_LEVEL", "ERROR"))
    return s


def standalone(hosts):
    """Starts a standalone cluster with one worker (1 core, 1024 MiB) on each of the addresses, until this process ends; its master URL.
    Unlike local-cluster's, its executors are on different hosts: Spark never runs a speculative attempt on the host of the first."""
    import pyspark
    spark_class = f"{pyspark.__path__[0]}/bin/spark-class"
    master = "spark://127.0.0.1:17077"

    def start(*args):
        p = subprocess.Popen([spark_class, *args, "--webui-port", "0"], stdin=subprocess.DEVNULL)
        atexit.register(p.terminate)

    start("org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "17077")
    time.sleep(5)
    for h in hosts:
        start("org.apache.spark.deploy.worker.Worker", "--host", h, "--cores", "1", "--memory", "1024m", "--work-dir", f"{TMP}/{h}", master)
    return master


def descendants(root=None):
    """Pids below `root` (default: this process), from /proc."""
    root = root or os.getpid()
    parent = {}
    for p in Path("/proc").iterdir():
        if p.name.isdigit():
            try:
                parent[int(p.name)] = int((p / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    out, todo = [], [root]
    while todo:
        x = todo.pop()
        kids = [c for c, pp in parent.items() if pp == x]
        out += kids
        todo += kids
    return out


def executor_pids():
    """{executor id: pid} of the executor JVMs that *this* application started (local-cluster)."""
    out = {}
    for pid in descendants():
        try:
            args = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if any("CoarseGrainedExecutorBackend" in a for a in args) and "--executor-id" in args:
            out[args[args.index("--executor-id") + 1]] = pid
    return out


def driver_pid():
    """Pid of the driver JVM that this process started."""
    for pid in descendants():
        try:
            if b"org.apache.spark.deploy.SparkSubmit" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            pass
    raise RuntimeError("no driver JVM below this process")


def kill_executor(exec_id=None):
    """SIGKILL one of this application's executors; returns its id."""
    pids = executor_pids()
    eid = exec_id or sorted(pids)[0]
    os.kill(pids[eid], signal.SIGKILL)
    return eid


def wait_executors(sc, n, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        # getExecutorMemoryStatus counts the driver too
        if sc._jsc.sc().getExecutorMemoryStatus().size() - 1 >= n:
            return
        time.sleep(0.2)
    raise TimeoutError(f"fewer than {n} executors after {seconds}s")


def attempt(f):
    """Run f; report and swallow the failure that the case is there to provoke."""
    try:
        return f()
    except Exception as e:  # noqa: BLE001
        print("expected failure:", re.sub(r"\s+", " ", str(e))[:140])
