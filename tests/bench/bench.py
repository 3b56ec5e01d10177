#!/usr/bin/env python3
"""Measures Afterglow beside the real History Server, in one run, and prints ratios.

  bench.py AFTERGLOW PARSE_RATE --big LOG [--shs VENV] [--small N] [--out FILE]

AFTERGLOW and PARSE_RATE are release binaries. LOG is a plain event log with stages of 100,000 tasks (`tests/generate/run.py 3.5.9 big`
makes one). VENV is a Python environment with pyspark==4.3.0; without it only Afterglow is measured and the table says so.
Standard library only, but for --heavy (zstandard: .venv's Python). Everything is written below a temporary folder and removed.
"""
import argparse
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
OPENS = ["java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.net", "java.base/java.nio", "java.base/java.util",
         "java.base/java.util.concurrent", "java.base/sun.nio.ch", "java.base/sun.security.action"]
WORDS = "orders customers daily load aggregate join export refresh sessions clicks billing forecast features training".split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, timeout=300):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    t = time.monotonic()
    c.request("GET", path)
    r = c.getresponse()
    body = r.read()
    ms = (time.monotonic() - t) * 1000
    c.close()
    return r.status, body, ms


def run(command):
    """(wall s, CPU s, peak MiB, output) of a process."""
    t = time.monotonic()
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"{command}: {out.decode()}")
    return time.monotonic() - t, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.decode()


def cpu(pid):
    f = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def peak(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Server:
    def __init__(self, command, port, ready):
        self.port = port
        self.t = time.monotonic()
        self.p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"})
        while not ready(self):
            if self.p.poll() is not None or time.monotonic() - self.t > 300:
                sys.exit(f"{command[0]} does not answer")
            time.sleep(0.02)
        self.ready = time.monotonic() - self.t

    def listed(self):
        try:
            status, body, _ = get(self.port, "/api/v1/applications")
            return len(json.loads(body)) if status == 200 else -1
        except (OSError, http.client.HTTPException, ValueError):
            return -1

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait()


def history_server(venv, logs, apps, tmp, heap="1g", more=""):
    jars = next(Path(venv).glob("lib/python*/site-packages/pyspark/jars"))
    port = free_port()
    conf = Path(tmp) / f"shs-{port}.conf"
    conf.write_text(f"spark.history.fs.logDirectory file://{logs}\nspark.history.ui.port {port}\nspark.history.fs.update.interval 1s\n{more}")
    opens = [x for o in OPENS for x in ("--add-opens", f"{o}=ALL-UNNAMED")]
    command = ["java", f"-Xmx{heap}", *opens, "-cp", f"{jars}/*", "org.apache.spark.deploy.history.HistoryServer", "--properties-file", str(conf)]
    return Server(command, port, lambda s: s.listed() >= apps)


def afterglow(binary, store, apps):
    port = free_port()
    return Server([binary, "history", "--store", str(store), "--listen", f"127.0.0.1:{port}"], port, lambda s: s.listed() >= apps and get(s.port, "/readyz")[0] == 200)


def clones(log, out, n):
    """n small applications out of one log, under other ids, names, users and times."""
    text = Path(log).read_text()
    start = next(json.loads(x) for x in text.splitlines() if '"SparkListenerApplicationStart"' in x)
    stamp = re.compile(r'(?<=[":])%s\d{7}(?=[,}])' % str(start["Timestamp"])[:6])
    for i in range(n):
        new = f"{start['App ID']}{i:05d}"
        t = stamp.sub(lambda m, i=i: str(int(m[0]) - i * 60_000), text).replace(start["App ID"], new)
        t = t.replace(f'"App Name":{json.dumps(start["App Name"])}', f'"App Name":"clone {i}"', 1)
        (out / new).write_text(t.replace(f'"User":"{start["User"]}"', f'"User":"user{i % 17}"', 1))


def pages(port, app, stage, tasks, n=100):
    """{what: (first ms, p50, p99)} of task pages and quantiles of a stage."""
    base = f"/api/v1/applications/{app}/stages/{stage}/0"
    rng = random.Random(1)
    offset = lambda: rng.randrange(tasks - 100)
    kinds = {"quantiles": lambda: f"{base}/taskSummary?quantiles=0.05,0.25,0.5,0.75,0.95"}
    for sort in ("ID", "runtime", "-runtime"):
        kinds[f"100 tasks by {sort}"] = lambda s=sort: f"{base}/taskList?length=100&sortBy={s}&offset={offset()}"
    kinds["failed tasks"] = lambda: f"{base}/taskList?length=100&status=failed"
    for column in ("GC Time", "Duration", "Launch Time"):
        kinds[f"table by {column}"] = lambda c=column: (f"{base}/taskTable?draw=1&start={offset()}&length=100&numTasks={tasks}&columnIndexToSort=0"
                                                        f"&columnNameToSort={quote(c)}&order%5B0%5D%5Bdir%5D=desc&search%5Bvalue%5D=")
    ours = base.replace("/api/v1/", "/api/afterglow/v1/")
    if get(port, f"{ours}/histogram")[0] == 200:  # the peer has no such thing
        kinds["histogram"] = lambda: f"{ours}/histogram?of={rng.choice(['duration', 'gcTime', 'shuffleRead', 'schedulerDelay'])}"
        kinds["scatter"] = lambda: f"{ours}/scatter?x={rng.choice(['inputSize', 'runTime'])}&y=duration"
        kinds["timeline"] = lambda: f"{ours}/timeline"
        kinds["all findings of the application"] = lambda: f"/api/afterglow/v1/applications/{app}/findings"
        kinds["tasks of an executor"] = lambda: f"{ours}/tasks?sort=-duration&executor=driver&offset={offset()}"
    out = {}
    for what, path in kinds.items():
        times = []
        for _ in range(n):
            status, _, ms = get(port, path())
            assert status == 200, path()
            times.append(ms)
        rest = sorted(times[1:])
        out[what] = times[0], statistics.median(rest), rest[int(len(rest) * 0.99) - 1]
    return out


def table(head, rows):
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(c) for c in row)} |")
    print(flush=True)


def ratio(a, b):
    return "-" if a is None or not b else f"{a / b:.2f}"


def big(o, tmp):
    size = Path(o.big).stat().st_size
    app = Path(o.big).name.split(".")[0]
    plain, packed = Path(tmp) / "plain", Path(tmp) / "zstd"
    plain.mkdir(), packed.mkdir()
    os.link(o.big, plain / Path(o.big).name) if os.stat(o.big).st_dev == os.stat(tmp).st_dev else shutil.copy(o.big, plain)
    subprocess.run(["zstd", "-3", "-q", o.big, "-o", str(packed / f"{Path(o.big).name}.zstd")], check=True)
    zstd_size = sum(f.stat().st_size for f in packed.iterdir())
    cores = os.cpu_count()
    limit = max(float(run([o.parse_rate, o.big, str(cores)])[3].split()[0]) for _ in range(3))
    ours = {}
    for name, folder in (("plain", plain), ("zstd", packed)):
        runs = []
        for i in range(3):
            store = Path(tmp) / f"store-{name}-{i}"
            runs.append(run([o.afterglow, "ingest", "--once", "--logs", str(folder), "--store", str(store)]))
        ours[name] = sorted(runs)[1]
    stored = sum(f.stat().st_size for f in (store / "attempts").rglob("*") if f.is_file())
    theirs = {}
    if o.shs:
        for name, folder in (("plain", plain), ("zstd", packed)):
            s = history_server(o.shs, folder, 1, tmp)
            before = cpu(s.p.pid)
            _, body, ms = get(s.port, f"/api/v1/applications/{app}/stages")
            theirs[name] = ms / 1000, cpu(s.p.pid) - before, peak(s.p.pid)
            if name == "plain":
                heavy = max(json.loads(body), key=lambda x: x["numTasks"])
                theirs["pages"] = pages(s.port, app, heavy["stageId"], heavy["numTasks"], 40)
            s.stop()
    print(f"## One log of {size / 1e6:.0f} MB ({cores} cores)\n")
    rows = []
    for name in ("plain", "zstd"):
        w, c, m, _ = ours[name]
        sw, sc, sm = theirs.get(name, (None, None, None))
        rows.append((f"rate, {name}", f"{size / 1e6 / w:.0f} MB/s", f"{size / 1e6 / sw:.0f} MB/s" if sw else "not run", ratio(sw, w)))
        rows.append((f"CPU seconds, {name}", f"{c:.1f}", f"{sc:.1f}" if sc else "not run", ratio(sc, c)))
        rows.append((f"peak memory, {name}", f"{m:.0f} MiB", f"{sm:.0f} MiB (heap 1 GB)" if sm else "not run", ratio(sm, m)))
    table(("", "Afterglow", "SHS 4.3.0", "times better"), rows)
    print(f"Typed, borrowed serde_json alone: {limit:.0f} MB/s on {cores} cores; Afterglow reaches {size / 1e6 / ours['plain'][0] / limit:.2f} of it.")
    print(f"Store: {stored / 1e6:.1f} MB, {stored / zstd_size:.2f} of the log with zstd -3 ({zstd_size / 1e6:.1f} MB).\n")
    t = afterglow(o.afterglow, store, 1)
    first = get(t.port, f"/api/v1/applications/{app}/stages")
    heavy = max(json.loads(first[1]), key=lambda x: x["numTasks"])
    shown = pages(t.port, app, heavy["stageId"], heavy["numTasks"])
    print(f"First answer of the application after a start: {first[2]:.1f} ms. A stage of {heavy['numTasks']} tasks, ms:\n")
    rows = []
    for what, (f, p50, p99) in shown.items():
        s = theirs.get("pages", {}).get(what)
        rows.append((what, f"{f:.1f}", f"{p50:.1f}", f"{p99:.1f}", *(f"{v:.1f}" for v in s)) if s else (what, f"{f:.1f}", f"{p50:.1f}", f"{p99:.1f}", "-", "-", "-"))
    table(("", "first", "p50", "p99", "SHS first", "SHS p50", "SHS p99"), rows)
    t.stop()
    eightfold(o, tmp, app, size, ours["plain"][2])


def eightfold(o, tmp, app, size, once):
    """The same events eight times in a rolling log: memory must not follow."""
    logs = Path(tmp) / "eightfold" / f"eventlog_v2_{app}"
    logs.mkdir(parents=True)
    (logs / f"appstatus_{app}").touch()
    for i in range(1, 9):
        (logs / f"events_{i}_{app}").symlink_to(o.big)
    runs = []
    for i in range(5):
        store = Path(tmp) / f"store-eightfold-{i}"
        runs.append(run([o.afterglow, "ingest", "--once", "--logs", str(logs.parent), "--store", str(store)]))
        if i < 4:
            shutil.rmtree(store)
    wall, peaks = sorted(r[0] for r in runs)[2], sorted(r[2] for r in runs)
    print(f"Eight times the log ({8 * size / 1e9:.1f} GB): {8 * size / 1e6 / wall:.0f} MB/s, peak memory {peaks[2]:.0f} MiB "
          f"({peaks[0]:.0f} to {peaks[-1]:.0f} in {len(peaks)} runs), {peaks[2] / once:.2f} times that of the log itself.")
    t = afterglow(o.afterglow, store, 1)
    path = f"/api/afterglow/v1/applications/{app}/findings"
    first, further = get(t.port, path), get(t.port, path)
    print(f"Judging it, {first[0]}: {first[2]:.0f} ms, then {further[2]:.1f} ms.\n")
    t.stop()


def small(o, tmp):
    logs = Path(tmp) / "small"
    logs.mkdir()
    with tempfile.TemporaryDirectory() as unpacked:
        archive = HERE.parent / "logs/3.5.9/codec-none.tar.zst"
        subprocess.run(f"zstd -dcq --long=27 '{archive}' | tar x -C '{unpacked}'", shell=True, check=True)
        log = next(f for f in Path(unpacked).rglob("*") if f.is_file() and not f.name.startswith("."))
        clones(log, logs, o.small)
    runs = []
    for i in range(3):
        # A store of its own each: file systems are slow to use again what was just deleted.
        store = Path(tmp) / f"small-store-{i}"
        runs.append(run([o.afterglow, "ingest", "--once", "--logs", str(logs), "--store", str(store)]))
    wall, c, m, _ = sorted(runs)[1]
    theirs = None
    if o.shs:
        s = history_server(o.shs, logs, o.small, tmp)
        theirs = s.ready, cpu(s.p.pid), peak(s.p.pid)
        s.stop()
    print(f"## {o.small} small applications\n")
    table(("", "Afterglow: fully indexed", "SHS 4.3.0: only listed", "times better"), [
        ("seconds", f"{wall:.1f}", f"{theirs[0]:.1f}" if theirs else "not run", ratio(theirs and theirs[0], wall)),
        ("CPU seconds", f"{c:.1f}", f"{theirs[1]:.1f}" if theirs else "not run", ratio(theirs and theirs[1], c)),
        ("peak memory", f"{m:.0f} MiB", f"{theirs[2]:.0f} MiB" if theirs else "not run", ratio(theirs and theirs[2], m))])


def heavy(o, tmp):
    """Logs that are not made of small tasks, each read by both; and many of them side by side within a bound."""
    import heavy as makers
    rows, all_logs = [], Path(tmp) / "heavy-all"
    all_logs.mkdir()
    for what, make in makers.KINDS.items():
        logs = Path(tmp) / make.__name__
        logs.mkdir()
        n = make(logs)
        size = sum(f.stat().st_size for f in logs.iterdir())
        largest = max(logs.iterdir(), key=lambda f: f.stat().st_size)
        floor = max(float(run([o.parse_rate, str(largest), str(os.cpu_count())])[3].split()[0]) for _ in range(3)) if n == 1 else None
        runs = [run([o.afterglow, "ingest", "--once", "--logs", str(logs), "--store", str(Path(tmp) / f"{make.__name__}-store-{i}")]) for i in range(3)]
        wall, c, m, _ = sorted(runs)[1]
        theirs = (None, None, None)
        if o.shs:
            s = history_server(o.shs, logs, n, tmp, heap="4g")
            for app in json.loads(get(s.port, "/api/v1/applications")[1]):
                get(s.port, f"/api/v1/applications/{app['id']}/jobs")
            theirs = time.monotonic() - s.t, cpu(s.p.pid), peak(s.p.pid)
            s.stop()
        rate = size / 1e6 / wall
        rows.append((what, f"{size / 1e6:.0f} MB", f"{rate:.0f} MB/s", f"{rate / floor:.2f}" if floor else "-", ratio(theirs[0], wall), ratio(theirs[1], c),
                     f"{m:.0f} MiB", f"{theirs[2]:.0f} MiB" if theirs[2] else "not run", ratio(theirs[2], m)))
        for f in logs.iterdir():
            (all_logs / f"{make.__name__}-{f.name}").symlink_to(f)
    print("## Logs that are not made of small tasks\n")
    table(("", "size", "rate", "of typed serde_json", "times faster than SHS lists and opens them", "times less CPU", "peak memory", "SHS (heap 4 GB)", "times less"), rows)
    _, _, m, _ = run([o.afterglow, "ingest", "--once", "--logs", str(all_logs), "--store", str(Path(tmp) / "heavy-all-store")])
    print(f"All of them side by side: peak memory {m:.0f} MiB (ingest.memory 1 GiB).\n")


def synthetic(o, store, n):
    """Fills a catalog with n applications, and serves it."""
    afterglow(o.afterglow, store, 0).stop()  # makes the tables
    db = sqlite3.connect(store / "catalog.db")
    columns = ("id cluster app_id attempt_id source_id log_key name user_name spark_version start_time day end_time last_event_time last_updated"
               " status log_size events format generation parts store_size labels damaged completeness search_text sequence queue outcome duration tasks"
               " failed_tasks executor_time group_id over_time gc_time memory_spilled disk_spilled part_count").split()
    rng, base = random.Random(1), 1_760_000_000_000
    rows, apps, groups = [], [], {}
    for i in range(n):
        end = base + i * 60_000
        cluster, app = f"cluster-{i % 100}", f"application_{base // 1000}_{i:06d}"
        name = " ".join(rng.sample(WORDS, 3))
        group = (cluster, f"user{i % 200}", f"queue{i % 20}", "failed" if i % 19 == 0 else "completed", "3.5.9", "{}")
        rows.append((i + 1, cluster, app, "", 1, app, name, f"user{i % 200}", "3.5.9", end - 50_000, "2025-10-09", end, end, end, "completed", 1_000_000, 500, 1, 1,
                     "[]", 0, "{}", 0, "{}", f"{name} insert into table_{i % 5000}", i + 1, group[2], group[3], rng.randrange(50_000), rng.randrange(10_000),
                     rng.randrange(100), rng.randrange(10**9), groups.setdefault(group, len(groups) + 1), end, rng.randrange(10**7), 0, 0, 1))
        apps.append((cluster, app, end, 1, end - 50_000, end - 50_000, end, end))
    db.executemany(f"INSERT INTO attempts ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})", rows)
    db.executemany("INSERT INTO attempt_groups (cluster, user_name, queue, outcome, spark_version, labels, id) VALUES (?,?,?,?,?,?,?)",
                   [(*group, id) for group, id in groups.items()])
    db.executemany("INSERT INTO applications (cluster, app_id, end_time, completed, first_start, last_start, first_end, last_end) VALUES (?,?,?,?,?,?,?,?)", apps)
    db.commit()
    db.close()
    return cataloged(o, store, n)


def cataloged(o, store, n):
    """Serves it, once its search knows all of it."""
    return Server([o.afterglow, "history", "--store", str(store), "--listen", (a := f"127.0.0.1:{free_port()}")], int(a.split(":")[1]),
                  lambda s: found(s.port, "orders") > 0 and found(s.port, "table_4999") == n // 5000)


def catalog(o, tmp, n=100_000):
    """List and search over a catalog of n synthetic applications."""
    s, rng = synthetic(o, Path(tmp) / "catalog-store", n), random.Random(1)
    rows = []
    for what, path in (("list, 100 applications", lambda: "/api/v1/applications?limit=100"),
                       ("list of one cluster", lambda: f"/clusters/cluster-{rng.randrange(100)}/api/v1/applications?limit=100"),
                       ("page 50 of the list", lambda: "/api/v1/applications?limit=100&offset=5000"),
                       ("between two dates", lambda: "/api/v1/applications?limit=100&minEndDate=2025-10-20&maxEndDate=2025-11-20"),
                       ("attempts by duration", lambda: "/api/afterglow/v1/applications?sort=-duration"),
                       ("attempts by name, any page", lambda: f"/api/afterglow/v1/applications?sort=name&offset={rng.randrange(n - 100)}"),
                       ("attempts of a user that failed", lambda: f"/api/afterglow/v1/applications?sort=-tasks&status=failed&user=user{rng.randrange(200)}"),
                       ("attempts with a word", lambda: f"/api/afterglow/v1/applications?q={rng.choice(WORDS)}"),
                       ("facets", lambda: "/api/afterglow/v1/applications/facets"),
                       ("facets of those that failed", lambda: "/api/afterglow/v1/applications/facets?status=failed"),
                       ("metrics", lambda: "/metrics"),
                       ("search, two words", lambda: f"/api/afterglow/v1/search?q={'+'.join(rng.sample(WORDS, 2))}"),
                       ("search, filtered", lambda: f"/api/afterglow/v1/search?q={rng.choice(WORDS)}&cluster=cluster-{rng.randrange(100)}&user=user{rng.randrange(200)}")):
        times = sorted(get(s.port, path())[2] for _ in range(200))
        rows.append((what, f"{statistics.median(times):.1f}", f"{times[197]:.1f}"))
    s.stop()
    print(f"## A catalog of {n} applications, ms\n")
    table(("", "p50", "p99"), rows)


def found(port, word):
    try:
        return json.loads(get(port, f"/api/afterglow/v1/search?q={word}&limit=1")[1])["total"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("afterglow")
    ap.add_argument("parse_rate")
    ap.add_argument("--big")
    ap.add_argument("--shs")
    ap.add_argument("--small", type=int, default=2000)
    ap.add_argument("--heavy", action=argparse.BooleanOptionalAction, default=True)
    ap.add_argument("--catalog", action=argparse.BooleanOptionalAction, default=True)
    o = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="afterglow-bench-") as tmp:
        if o.big:
            big(o, tmp)
        else:
            print("No big log: make one with tests/generate/run.py 3.5.9 big, and name it with --big.\n")
        if o.small:
            small(o, tmp)
        if o.heavy:
            heavy(o, tmp)
        if o.catalog:
            catalog(o, tmp)


if __name__ == "__main__":
    main()
