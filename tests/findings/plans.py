#!/usr/bin/env python3
"""Small real logs with the plans that rules look at, from which `logs/` are derived: see README.md.

    plans.py               # as root, after ../generate/setup.sh: Spark 3.5.9 -> bases/NAME.zst

Each is one application of its own, run as the user `spark` in a clean environment, so that its log quotes nothing of the machine.
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GENERATE = HERE.parent / "generate"
WORK, EVENTS, TMP = Path("/data/work"), Path("/data/events/findings"), Path("/data/tmp")
VENV = Path("/opt/spark/3.5.9")
NAMES = ["scan", "join", "broadcast", "nested", "write", "write-partitioned", "rdd", "memory", "again", "adaptive-off"]
# Ids that do not come from the clock: the same bases have the same ids.
ID = "app-20260101000000-{:04d}"


def application(name):
    sys.path.insert(0, str(WORK))
    from sparklab import CLUSTER, session

    conf = {"spark.eventLog.compress": "false", "spark.sql.shuffle.partitions": 4, "spark.sql.warehouse.dir": "/data/tmp/warehouse-findings",
            "spark.eventLog.logStageExecutorMetrics": True, "spark.executor.processTreeMetrics.enabled": True,
            "spark.executor.metrics.pollingInterval": "100ms", "spark.executor.heartbeatInterval": "1s"}
    if name in ("join", "nested"):
        conf["spark.sql.autoBroadcastJoinThreshold"] = -1
    if name == "adaptive-off":
        conf |= {"spark.sql.adaptive.enabled": False, "spark.sql.shuffle.partitions": 100, "spark.eventLog.logStageExecutorMetrics": False}
    if name == "rdd":
        conf["spark.eventLog.logBlockUpdates.enabled"] = True
    master = CLUSTER if name in ("memory", "rdd") else "local[2]"
    s = session(f"findings {name}", master, **conf)
    data = f"/data/tmp/findings-{name}"
    shutil.rmtree(data, ignore_errors=True)
    # Two tables as files: written by the same application, each in a SQL execution that costs next to nothing.
    rows = s.range(0, 20_000, 1, 2).selectExpr("id", "id % 50 AS cust", "id % 4 AS day", "rand(7) AS price")
    if name == "scan":
        rows.repartition(2).write.partitionBy("day").parquet(data)
        s.read.parquet(data).filter("price > 0.5").groupBy("day").count().collect()
    if name in ("join", "broadcast", "nested"):
        rows.write.parquet(f"{data}/orders")
        s.range(0, 50, 1, 1).selectExpr("id AS cust", "concat('c', id) AS name").write.parquet(f"{data}/custs")
        orders, custs = s.read.parquet(f"{data}/orders"), s.read.parquet(f"{data}/custs")
        if name == "nested":
            orders.join(custs, orders.cust > custs.cust).agg({"price": "sum"}).collect()
        else:
            orders.join(custs, "cust").groupBy("name").agg({"price": "sum"}).collect()
    if name == "write":
        rows.write.parquet(data)
    if name == "write-partitioned":
        rows.write.partitionBy("day").parquet(data)
    if name == "again":
        rows.write.parquet(data)
        for n in range(4):
            s.read.parquet(data).filter(f"day = {n}").agg({"price": "sum"}).collect()
    if name == "adaptive-off":
        rows.groupBy("cust").agg({"price": "sum"}).collect()
    if name == "memory":
        rows.selectExpr("cust", "uuid() AS u").groupBy("cust").agg({"u": "max"}).collect()
    if name == "rdd":
        path = f"{data}/text"
        rows.selectExpr("CAST(id AS STRING)").write.text(path)
        java = s.sparkContext._jsc
        level = s.sparkContext._jvm.org.apache.spark.storage.StorageLevel
        lines = java.textFile(path, 4).repartition(4).setName("lines").persist(level.MEMORY_ONLY())
        lines.count()
        lines.distinct(4).count()
    s.stop()


def run(number, name):
    for f in [GENERATE / "sparklab.py", HERE / "plans.py"]:
        shutil.copy(f, WORK)
    place = EVENTS / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    shutil.chown(place, "spark", "spark")
    env = {
        "PATH": f"{VENV}/bin:/usr/bin:/bin", "HOME": "/home/spark", "USER": "spark", "LOGNAME": "spark", "LANG": "C.UTF-8", "TZ": "UTC",
        "JAVA_HOME": "/usr/lib/jvm/java-17-openjdk-amd64", "TMPDIR": str(TMP), "SPARK_LOCAL_DIRS": str(TMP), "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost", "PYSPARK_PYTHON": f"{VENV}/bin/python", "PYTHONDONTWRITEBYTECODE": "1",
        "JAVA_TOOL_OPTIONS": f"-Dos.version=6.1.0 -Djava.io.tmpdir={TMP}", "LAB_EVENTS": str(place),
    }
    command = ["setpriv", "--reuid=spark", "--regid=spark", "--init-groups", str(VENV / "bin/python"), str(WORK / "plans.py"), "--child", name]
    with open(TMP / f"findings-{name}.out", "wb") as out:
        subprocess.run(command, env=env, cwd=WORK, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=True, timeout=600)
    [log] = place.iterdir()
    text = log.read_text().replace(log.name, ID.format(number))
    (HERE / "bases").mkdir(exist_ok=True)
    pack = subprocess.run(["zstd", "-19", "-qc"], input=text.encode(), stdout=subprocess.PIPE, check=True)
    (HERE / "bases" / f"{name}.zst").write_bytes(pack.stdout)
    print(f"{name:20s} {len(text):>10,} -> {len(pack.stdout):>7,} bytes", flush=True)


if sys.argv[1:2] == ["--child"]:
    application(sys.argv[2])
else:
    wanted = sys.argv[1:] or NAMES
    for number, name in enumerate(NAMES, 1):
        if name in wanted:
            run(number, name)
