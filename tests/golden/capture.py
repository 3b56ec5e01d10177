#!/usr/bin/env python3
"""Records what a real Spark History Server answers about the logs of tests/logs: capture.py 4.3.0 [FOLDER]

Unpacks every tests/logs/*/*.tar.zst into one folder, starts the History Server of that version (venvs of tests/generate/setup.sh)
on it, asks every REST endpoint, and writes tests/golden/VERSION.tar.zst: index.json and the bodies it names.
With a folder, as tests/reports, about the logs of FOLDER/logs.tar.zst alone: FOLDER/VERSION.tar.zst.

index.json maps each path (below /api/v1/, with its query) to
    {"status": 200, "headers": {"Content-Type": ...}, "bytes": N, "sha256": ..., "body": "bodies/<app>/<hash>"}
A body above MAX_BODY is not kept ("omitted": true; its size and hash are). A download of logs is not kept either ("zip": true):
its body here is a JSON object {member's name: sha256 of its content}.
clock.json lists the applications whose answers depend on the moment of asking: the unfinished ones.
"""
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
LOGS = Path("/data/golden/logs")
MAX_BODY = 4 << 20
HEADERS = ["Content-Type", "Content-Disposition", "ETag", "Location", "Cache-Control", "Allow"]
KEEP_ALL = 10_000_000
CONF = {
    "spark.history.fs.logDirectory": LOGS.as_uri(), "spark.history.fs.update.interval": "10d", "spark.history.retainedApplications": 3,
    "spark.ui.retainedJobs": KEEP_ALL, "spark.ui.retainedStages": KEEP_ALL, "spark.ui.retainedTasks": KEEP_ALL,
    "spark.ui.retainedDeadExecutors": KEEP_ALL, "spark.sql.ui.retainedExecutions": KEEP_ALL,
}

Q = "0.0,0.05,0.25,0.5,0.75,0.95,1.0"
SORTS = ["ID", "INCREASING_RUNTIME", "DECREASING_RUNTIME", "-runtime", "runtime"]
BAD_ROOT = ["applications/no-such-app", "applications/no-such-app/jobs", "applications/no-such-app/1/jobs", "applications/no-such-app/logs",
            "applications?status=bogus", "applications?minDate=bogus", "applications?limit=-1", "applications?limit=abc",
            "applications?limit=0", "nothing", "", "applications/"]
BAD_APP = ["nothing", "99", "99/jobs", "jobs/abc", "jobs/999999", "jobs?status=bogus", "stages/abc", "stages/999999", "stages?status=bogus",
           "stages/0/99", "stages/0/99/taskList", "stages/0/99/taskSummary", "stages/0/0/taskSummary?quantiles=abc",
           "stages/0/0/taskSummary?quantiles=2,-1", "stages/0/0/taskSummary?quantiles=", "stages/0/0/taskSummary?quantiles=0.9,0.1",
           "stages/0/0/taskList?sortBy=bogus", "stages/0/0/taskList?offset=-5", "stages/0/0/taskList?length=-1",
           "stages/0/0/taskList?length=0", "stages/0/0/taskList?offset=1000000", "stages/0/0/taskList?length=abc",
           "stages/0/0/taskList?status=bogus", "stages/0?taskStatus=bogus", "stages/0?withSummaries=true&quantiles=x",
           "stages/0?details=maybe", "storage/rdd/abc", "storage/rdd/99999", "sql/abc", "sql/99999", "sql?offset=-1", "sql?length=0",
           "sql?offset=100000", "sql?details=maybe", "executors/nope/threads", "executors/1/threads", "executors/driver/threads",
           "threads?taskId=0&executorId=1", "threads", "streaming/nothing", "streaming/statistics", "streaming/receivers",
           "streaming/receivers/0", "streaming/batches", "streaming/batches/0", "streaming/batches/0/operations",
           "streaming/batches/0/operations/0", "connect/nothing", "connect/sessions/nothing", "connect/operations/detail"]
BAD_APPS = ["sql batch", "storage"]
LISTS = ["jobs", "jobs?status=succeeded", "jobs?status=failed", "jobs?status=running&status=unknown", "stages", "executors", "allexecutors",
         "allmiscellaneousprocess", "storage/rdd", "environment", "logs", "sql?details=false", "sql?details=false&planDescription=false",
         "sql?offset=1&length=2&planDescription=false"]


class Server:
    """A History Server process, stopped when the `with` block ends."""

    def __init__(self, version, heap="2g", conf=(), logs=LOGS):
        self.home = next(Path("/opt/spark", version).glob("lib/python3*/site-packages/pyspark"))
        self.heap, self.conn = heap, None
        self.dir = Path("/data/golden", f"server-{version}")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.conf = {**CONF, "spark.history.fs.logDirectory": Path(logs).as_uri(), "spark.history.ui.port": self.port, **dict(conf)}

    def __enter__(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "server.conf").write_text("".join(f"{k} {v}\n" for k, v in self.conf.items()))
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "JAVA_HOME": "/usr/lib/jvm/java-17-openjdk-amd64",
               "SPARK_HOME": str(self.home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost",
               "SPARK_CONF_DIR": str(self.dir), "SPARK_DAEMON_MEMORY": self.heap}
        command = [str(self.home / "bin/spark-class"), "org.apache.spark.deploy.history.HistoryServer",
                   "--properties-file", str(self.dir / "server.conf")]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, env=env, cwd=self.dir, stdin=subprocess.DEVNULL,
                                        stdout=open(self.dir / "out.log", "wb"), stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def get(self, path):
        """(status, headers, body)"""
        try:
            if self.conn is None:
                self.conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
            self.conn.request("GET", f"/api/v1/{path}")
            r = self.conn.getresponse()
            return r.status, {h: r.headers[h] for h in HEADERS if h in r.headers}, r.read()
        except BaseException:
            self.conn = None
            raise

    def wait(self, quiet=15, seconds=300):
        """Until the listing has not grown for `quiet` seconds."""
        count, since = 0, None
        while time.monotonic() - self.started < seconds:
            assert self.process.poll() is None, f"the server ended: see {self.dir}/out.log"
            try:
                n = len(json.loads(self.get("applications")[2]))
            except (OSError, ValueError, http.client.HTTPException):
                n = 0
            if n != count:
                count, since = n, time.monotonic()
            if count and time.monotonic() - since > quiet:
                return count
            time.sleep(0.3)
        raise TimeoutError("no steady listing")


def unpack(archives):
    """Every log of every archive, flat in one folder: the History Server does not look into subfolders."""
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    for f in archives:
        plain = subprocess.run(["zstd", "-dcq", "--long=27", str(f)], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            for name in {m.name.split("/")[0] for m in tar}:
                assert not (LOGS / name).exists(), f"{f} brings {name} again"
            tar.extractall(LOGS)
    for p in LOGS.rglob("*"):  # a folder's own time changed when its files came
        if p.is_dir():
            t = max(f.stat().st_mtime for f in p.iterdir())
            os.utime(p, (t, t))


def sample(items, n):
    """First two thirds of n, and the rest from the end."""
    items = list(items)
    return items if len(items) <= n else items[: n - n // 3] + items[len(items) - n // 3:]


def crawl(get):
    """Yields every path to record; get(path) gives the parsed answer (None if it is no 200) of those that lead to others."""
    yield "version"
    apps = get("applications") or []
    yield from ("applications", "applications?status=completed", "applications?status=running", "applications?status=completed&status=running",
                "applications?limit=1", "applications?limit=3", "applications?status=completed&limit=2")
    ends = sorted({a["attempts"][0]["endTime"] for a in apps if a["attempts"][0].get("completed")})
    middle = ends[len(ends) // 2]
    for k in ("minDate", "maxDate", "minEndDate", "maxEndDate"):
        yield f"applications?{k}={quote(middle)}"      # full timestamp, as listed
        yield f"applications?{k}={middle[:10]}"        # date only
    yield f"applications?minEndDate={quote(ends[0])}&maxEndDate={quote(middle)}&limit=2"
    yield f"applications?minEndDate={middle[:-3]}EST"  # other zones
    yield f"applications?minEndDate={quote(middle[:-3] + 'GMT+01:00')}"
    yield "applications?minDate=2010-01-01T00:00:00.000GMT&maxDate=2010-01-02"
    yield from BAD_ROOT
    for app in apps:
        base = f"applications/{quote(app['id'])}"
        yield base
        for at in app["attempts"]:
            if "attemptId" in at:
                yield from (f"{base}/{x}" for x in (at["attemptId"], "jobs", "stages", "executors", "environment", "sql", "logs"))
                yield from crawl_app(f"{base}/{at['attemptId']}", get, bad=False)
            else:
                yield from crawl_app(base, get, bad=app["name"] in BAD_APPS)


def crawl_app(p, get, bad):
    yield from (f"{p}/{x}" for x in LISTS)
    for st in ("active", "complete", "pending", "failed", "skipped", "complete&status=failed"):
        yield f"{p}/stages?status={st}"
    jobs, stages = get(f"{p}/jobs") or [], get(f"{p}/stages") or []
    many = len(jobs) > 500
    yield from (f"{p}/jobs/{j['jobId']}" for j in sample(jobs, 3 if many else 12))
    tasks = sum(s["numTasks"] for s in stages if s["status"] != "SKIPPED")
    if tasks <= 600:
        yield f"{p}/stages?details=true"
        yield f"{p}/stages?withSummaries=true"
        yield f"{p}/stages?details=true&withSummaries=true&quantiles={Q}"
        yield f"{p}/stages?details=true&taskStatus=success"
        yield f"{p}/stages?details=true&taskStatus=failed&taskStatus=killed"
    elif not many:
        yield f"{p}/stages?withSummaries=true&quantiles=0.5"
    odd = [s for s in stages if s["status"] not in ("COMPLETE", "SKIPPED") or s["attemptId"] > 0 or s["numFailedTasks"] or s["numKilledTasks"]]
    skipped = [s for s in stages if s["status"] == "SKIPPED"]
    widest = sorted(stages, key=lambda s: -s["numTasks"])
    todo = {(s["stageId"], s["attemptId"]): s for s in [*sample(odd, 6), *skipped[:1], *widest[:2], *sample(stages, 3 if many else 6)]}
    for sid in sorted({k[0] for k in todo}):
        if sum(s["numTasks"] for s in stages if s["stageId"] == sid) <= 600:
            yield f"{p}/stages/{sid}"
            yield f"{p}/stages/{sid}?details=true&taskStatus=failed"
            yield f"{p}/stages/{sid}?details=true&withSummaries=true&quantiles={Q}"
        yield f"{p}/stages/{sid}?details=false"
        yield f"{p}/stages/{sid}?details=false&withSummaries=true"
    for (sid, att), s in sorted(todo.items()):
        q = f"{p}/stages/{sid}/{att}"
        if s["numTasks"] <= 600:
            yield q
            yield f"{q}?details=true&withSummaries=true&quantiles={Q}"
            yield f"{q}/taskList?length=100000"
        yield f"{q}?details=false"
        yield f"{q}/taskSummary"
        yield f"{q}/taskSummary?quantiles={Q}"
        yield f"{q}/taskSummary?quantiles=0.01,0.5,0.99"
        yield f"{q}/taskList"
        yield f"{q}/taskList?offset=2&length=3"
        yield from (f"{q}/taskList?length=30&sortBy={s}" for s in SORTS)
        yield f"{q}/taskList?status=success&length=10"
        yield f"{q}/taskList?status=failed&status=killed"
        yield f"{q}/taskList?status=running"
        yield (f"{q}/taskTable?draw=1&start=0&length=20&order%5B0%5D%5Bcolumn%5D=0&order%5B0%5D%5Bdir%5D=asc&numTasks={s['numTasks']}"
               "&columnIndexToSort=0&columnNameToSort=Index&search%5Bvalue%5D=")
    yield from (f"{p}/storage/rdd/{r['id']}" for r in get(f"{p}/storage/rdd") or [])
    sql = get(f"{p}/sql?details=false&planDescription=false&length=100000") or []
    if len(sql) <= 100:
        yield f"{p}/sql"
    yield f"{p}/sql?details=true&planDescription=true&offset=0&length=5"
    # what the web UI of 4.3 itself asks for
    table = f"{p}/sql/sqlTable?draw=1&start=0&length=20&order%5B0%5D%5Bcolumn%5D=0&order%5B0%5D%5Bdir%5D=desc&columns%5B0%5D%5Bname%5D=id"
    yield f"{table}&search%5Bvalue%5D=&groupSubExecution=false"
    yield f"{table}&search%5Bvalue%5D=&groupSubExecution=true"
    yield f"{table}&search%5Bvalue%5D=count&groupSubExecution=false"
    for e in sample(sql, 3 if many else 12):
        yield f"{p}/sql/{e['id']}"
        yield f"{p}/sql/{e['id']}?details=false"
        yield f"{p}/sql/{e['id']}?planDescription=false"
    yield from (f"{p}/connect/{x}" for x in ("sessions", "sessions?offset=1&length=1", "operations", "operations?offset=1&length=1"))
    for s in get(f"{p}/connect/sessions") or []:
        yield f"{p}/connect/sessions/{s['sessionId']}"
        yield f"{p}/connect/sessions/{s['sessionId']}?userId={quote(s.get('userId', ''))}"
        yield f"{p}/connect/sessions/{s['sessionId']}?userId=nobody"
    for o in sample(get(f"{p}/connect/operations") or [], 6):
        yield f"{p}/connect/operations/detail?jobTag={quote(o['jobTag'])}"
    if bad:
        yield from (f"{p}/{b}" for b in BAD_APP)


def capture(server):
    """{path: (status, headers, body)}"""
    answers = {}

    def fetch(path):
        if path not in answers:
            answers[path] = server.get(path)
        return answers[path]

    def get(path):
        status, _, body = fetch(path)
        return json.loads(body) if status == 200 else None

    for path in crawl(get):
        fetch(path)
        if len(answers) % 1000 == 0:
            print(f"{len(answers)} endpoints", file=sys.stderr, flush=True)
    return answers


def write(version, answers, folder=HERE):
    index, files = {}, {}
    for path, (status, headers, body) in answers.items():
        e = index[path] = {"status": status, "headers": headers}
        if body[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(body)) as z:
                members = {i.filename: hashlib.sha256(z.read(i)).hexdigest() for i in z.infolist()}
            body = json.dumps(members, indent=1, sort_keys=True).encode()
            e["zip"] = True
        sha = hashlib.sha256(body).hexdigest()
        e.update(bytes=len(body), sha256=sha)
        if len(body) > MAX_BODY:
            e["omitted"] = True
            continue
        m = re.match(r"applications/([^/?]+)", path)
        e["body"] = f"bodies/{m[1] if m else '_'}/{sha[:16]}"
        files.setdefault(e["body"], body)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in [("index.json", json.dumps(index, indent=0, sort_keys=True).encode()), *files.items()]:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1767225600
            tar.addfile(info, io.BytesIO(data))
    target = folder / f"{version}.tar.zst"
    subprocess.run(["zstd", "-19", "--long=27", "-T1", "-qf", "-", "-o", str(target)], input=out.getvalue(), check=True)
    print(f"{len(index)} endpoints, {len(files)} bodies, {out.tell():,} B plain, {target.stat().st_size:,} B packed; "
          f"by status {dict(Counter(e['status'] for e in index.values()))}; omitted {sum('omitted' in e for e in index.values())}")


def clock(answers, server):
    """Applications whose answers depend on the moment of asking, and why."""
    out = []
    for app in json.loads(answers["applications"][2]):
        for at in app["attempts"]:
            base = f"applications/{app['id']}" + (f"/{at['attemptId']}" if "attemptId" in at else "")
            path = next(p for p in LOGS.iterdir() if app["id"] in p.name)
            if path.name.endswith(".inprogress") or any(path.glob("appstatus*.inprogress")):
                why = "in progress"
            elif not at["completed"]:
                why = "finished by name, without an ApplicationEnd event"
            elif server.get(f"{base}/allexecutors")[2] != answers[f"{base}/allexecutors"][2]:
                why = "listed as completed, but its replay ends before the ApplicationEnd event"
            else:
                continue
            out.append({"app": app["id"], **{k: at[k] for k in ("attemptId",) if k in at}, "why": why})
    return out


def main():
    version, folder = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else HERE
    unpack([folder / "logs.tar.zst"] if folder != HERE else sorted(HERE.parent.glob("logs/*/*.tar.zst")))
    with Server(version) as server:
        print(server.wait(), "applications listed", flush=True)
        answers = capture(server)
        if version >= "4" and folder == HERE:
            (HERE / "clock.json").write_text(json.dumps(clock(answers, server), indent=1) + "\n")
    write(version, answers, folder)


if __name__ == "__main__":
    main()
