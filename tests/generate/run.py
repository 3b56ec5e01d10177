#!/usr/bin/env python3
"""Runs cases, one Spark application (process) at a time, and prints time, size and layout of the log each leaves.

    run.py 3.5.9 all                 # every case but the big ones
    run.py 4.3.0 sql streaming-rocksdb
    run.py 3.5.9 big                 # on demand: 320,000 tasks, 1.2 GB

Run as root after setup.sh. The applications themselves run as the user `spark`, from /data/work, in a clean environment, so that a
log quotes nothing of the machine that made it. Logs: /data/events/VERSION/CASE; console output: /data/tmp/VERSION-CASE.out
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK, EVENTS, TMP = Path("/data/work"), Path("/data/events"), Path("/data/tmp")
JAVA_HOME = "/usr/lib/jvm/java-17-openjdk-amd64"
LIMIT = 1800  # seconds a case may take

CASES = {  # case: (script, arguments...), or one tuple of arguments for each application of the case
    "sql": ["c01_sql.py"], "sql-noaqe": ["c01_sql.py", "noaqe"],
    "skew": ["c02_skew.py"], "skew-split": ["c02_skew.py", "split"],
    "spill": ["c03_spill.py"], "gc": ["c04_gc.py"],
    "fail-job": ["c05_failures.py", "job"], "fail-killed": ["c05_failures.py", "killed"],
    "streaming-rocksdb": ["c06_streaming.py", "rocksdb"], "streaming-changelog": ["c06_streaming.py", "changelog"],
    "streaming-hdfs": ["c06_streaming.py", "hdfs"],
    "exec-lost": ["c07_executors.py", "lost"], "exec-speculation": ["c07_executors.py", "speculation"],
    "exec-exclude": ["c07_executors.py", "exclude"], "exec-dynalloc": ["c07_executors.py", "dynalloc"],
    **{f"codec-{c}": ["c08_files.py", c] for c in ("none", "zstd", "lz4", "snappy", "lzf")},
    "rolling-zstd": ["c08_files.py", "rolling", "12"], "rolling-none": ["c08_files.py", "rolling-none", "32"],
    "storage": ["c09_storage.py"], "exec-metrics": ["c10_exec_metrics.py"],
    "users": ["c11_users.py", ("alice", "etl", "daily load"), ("alice", "etl", "daily load"), ("bob", "adhoc", "question", "fail"),
              ("carol", "ml", "train")],
    "python-ml": ["c12_python_ml.py"], "many-jobs": ["c13_many_jobs.py", "3000"], "misc": ["c15_misc.py"],
    "profiles": ["c16_profiles.py"], "connect": ["c17_connect.py"],
}
BIG = {"big": ["c14_big.py", "100000,100000,120000", "none"], "big-rolling-zstd": ["c14_big.py", "100000,100000,120000", "zstd", "rolling"]}
ONLY_4 = {"connect"}
# 4.x compresses its logs as they grow, in many small frames that no archive makes smaller: the heaviest cases are written plain.
PLAIN_4 = {"streaming-changelog", "streaming-hdfs", "many-jobs", "python-ml"}


def run(version, case, script, args):
    venv = Path("/opt/spark") / version
    env = {
        "PATH": f"{venv}/bin:/usr/bin:/bin", "HOME": "/home/spark", "USER": "spark", "LOGNAME": "spark", "LANG": "C.UTF-8", "TZ": "UTC",
        "JAVA_HOME": JAVA_HOME, "TMPDIR": str(TMP), "SPARK_LOCAL_DIRS": str(TMP), "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost", "PYSPARK_PYTHON": f"{venv}/bin/python", "PYTHONDONTWRITEBYTECODE": "1",
        # the log quotes the JVM's view of the kernel: name one
        "JAVA_TOOL_OPTIONS": f"-Dos.version=6.1.0 -Djava.io.tmpdir={TMP}",
        "LAB_EVENTS": str(EVENTS / version / case), "LAB_PLAIN": "1" if version >= "4" and case in PLAIN_4 else "",
    }
    command = ["setpriv", "--reuid=spark", "--regid=spark", "--init-groups", str(venv / "bin/python"), str(WORK / script), *args]
    t = time.time()
    with open(TMP / f"{version}-{case}.out", "ab") as out:
        p = subprocess.Popen(command, env=env, cwd=WORK, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            rc = p.wait(LIMIT)
        except subprocess.TimeoutExpired:
            p.kill()
            rc = "timeout"
    return rc, time.time() - t


def main():
    version, *want = sys.argv[1:]
    cases = {c: x for c, x in CASES.items() if version >= "4" or c not in ONLY_4}
    names = [name for w in want for name in ({"all": list(cases)}.get(w, [w]))]
    for f in [HERE / "sparklab.py", *HERE.glob("c[0-9]*.py")]:
        shutil.copy(f, WORK)
    for case in names:
        d = EVENTS / version / case
        shutil.rmtree(d, ignore_errors=True)
        d.mkdir(parents=True)
        shutil.chown(d, "spark", "spark")
        (TMP / f"{version}-{case}.out").unlink(missing_ok=True)
        script, *args = {**cases, **BIG}[case]
        for a in [list(a) for a in args] if args and isinstance(args[0], tuple) else [args]:
            rc, secs = run(version, case, script, a)
            subprocess.run(["chmod", "-R", "a+rX", d.parent], check=True)
            size = sum(f.stat().st_size for f in d.rglob("*") if f.is_file())
            print(f"{version} {case:20s} rc={rc} {secs:6.1f}s {size:>12,} B  {' '.join(sorted(x.name for x in d.iterdir()))}", flush=True)


main()
