#!/usr/bin/env python3
"""Measures SQL and dashboards over a fleet: 100,000 applications with 10,000,000 tasks within 24 hours.

  fleet.py AFTERGLOW [--applications N] [--store FOLDER] [--runs N] [--only PART …]

AFTERGLOW is a release binary. The applications are clones of real small logs (clone.py), indexed in rounds of which each is deleted before the next.
With --store the store is made there and kept, and used again if it is there. To be run with .venv's Python (psycopg, duckdb).

- load: the rounds, and what the store takes.
- dashboards: every query of every dashboard over SQL, for 24 hours, expanded as Grafana does, over the PostgreSQL protocol; and each dashboard as a whole.
- duckdb: aggregates over HTTP, and DuckDB's over the same Parquet files.
- tasks: aggregates over tasks, which are in no file.
"""
import argparse
import concurrent.futures
import http.client
import io
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "grafana")]

import clone  # noqa: E402

HOUR = 3_600_000
BEGIN = 1_780_315_200_000  # 2026-06-01 12:00 UTC: the 24 hours lie on two days
END = BEGIN + 24 * HOUR
TASKS = 100
CLUSTERS = 20
WORDS = "orders customers daily load aggregate join export refresh sessions clicks billing forecast features training".split()
#: Case of tests/logs -> which applications are clones of it, the first that fits.
CASES = {
    "streaming-changelog": lambda i: i % 400 == 0,
    "fail-job": lambda i: i % 50 == 1,
    "gc": lambda i: i % 20 == 2,
    "spill": lambda i: i % 10 == 3,
    "exec-lost": lambda i: i % 7 == 4,
    "exec-dynalloc": lambda i: True,
}


def templates():
    import zstandard
    found = {}
    for case in CASES:
        packed = (HERE.parent / f"logs/3.5.9/{case}.tar.zst").read_bytes()
        plain = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed).read()
        with tempfile.TemporaryDirectory() as to, tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            tar.extractall(to, filter="data")
            log = max((p for p in Path(to).rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
            found[case] = clone.Template(log, TASKS)
    return found


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("AFTERGLOW_", "AWS_"))}


def load(o):
    """Clones in rounds, in the order of time, each indexed and then deleted; fleet tables are written by each."""
    made, logs = templates(), Path(tempfile.mkdtemp(prefix="afterglow-fleet-logs-"))
    rng, rounds, tasks, n = random.Random(1), [], 0, o.applications
    read = wrote = 0
    for first in range(0, n, o.round):
        t = time.monotonic()
        for i in range(first, min(n, first + o.round)):
            template = made[next(case for case, fits in CASES.items() if fits(i))]
            folder = logs / f"cluster-{i * 7 % CLUSTERS:02d}"
            folder.mkdir(exist_ok=True)
            app = f"app-20260601120000-{i:06d}"
            # All of it is within the 24 hours.
            start = BEGIN + int((24 * HOUR - 60_000) * i / n)
            name = " ".join((WORDS[i % len(WORDS)], WORDS[i // 14 % len(WORDS)], str(i % 97)))
            text = template.clone(app.encode(), name.encode(), b"user%d" % rng.randrange(200), start)
            (folder / app).write_bytes(text)
            tasks += template.tasks
            read += len(text)
        wrote += time.monotonic() - t
        t = time.monotonic()
        sources = [arg for folder in sorted(logs.iterdir()) for arg in ("--logs", f"{folder.name}={folder}")]
        done = subprocess.run([o.afterglow, "ingest", "--once", "--store", str(o.store), *sources], env=environment(), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        rounds.append(time.monotonic() - t)
        for folder in logs.iterdir():
            shutil.rmtree(folder)
        print(f"  round {len(rounds)}: {min(n, first + o.round)} applications, {tasks} tasks, {rounds[-1]:.0f} s; {done.stdout.strip().splitlines()[-1]}", file=sys.stderr, flush=True)
    shutil.rmtree(logs)
    print(f"## Loading\n\n{n} applications, {tasks} tasks, {read / 1e9:.1f} GB of logs in {len(rounds)} rounds: {sum(rounds):.0f} s"
          f" (first {rounds[0]:.0f} s, last {rounds[-1]:.0f} s), fleet tables included; making the logs took {wrote:.0f} s more.\n")


def stored(o):
    rows = []
    for table in sorted((o.store / "fleet").iterdir()):
        files = [p.stat().st_size for p in table.rglob("*.parquet")]
        rows.append((table.name, len(files), f"{sum(files) / 1e6:.1f} MB", f"{statistics.median(files) / 1e3:.0f} KB"))
    rows.append(("attempts", sum(1 for p in (o.store / "attempts").rglob("*") if p.is_file()), f"{size(o.store / 'attempts') / 1e6:.1f} MB", ""))
    show(("", "files", "bytes", "median file"), rows)


def show(head, rows):
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(c) for c in row)} |")
    print(flush=True)


def cpu(server):
    """Milliseconds of CPU time that a server has used: other work on the machine does not show in them."""
    f = Path(f"/proc/{server.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def p95(times):
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


def server(o, **settings):
    import world
    return world.afterglow(o.afterglow, "history", o.store, **settings)


def dashboards(o):
    import complaints
    import dashboards as all_dashboards
    import expand
    from asking import Sql, settings
    from expand import Query

    rows, slow, wholes = [], 0, []
    with server(o) as s:
        sql = Sql(s.found["postgres"])
        for name, d in all_dashboards.all_of_them().items():
            if name == "self.json":
                continue
            chosen = {"afterglow": s.found["http"]}
            if name in ("cluster.json", "application.json"):
                chosen["cluster"] = "cluster-03"
            asked = []
            values = settings(sql, name, d, Query(BEGIN, END), chosen)
            for v in d["templating"]["list"]:
                if v["type"] == "query":
                    asked.append((f"variable {v['name']}", v["query"], Query(BEGIN, END, values=values)))
            for p in d["panels"]:
                for target in p.get("targets", []):
                    asked.append((p["title"], target["rawSql"], Query(BEGIN, END, least=p.get("interval"), values=values)))
            for a in d["annotations"]["list"]:
                asked.append((f"annotation {a['name']}", a["target"]["rawSql"], Query(BEGIN, END, values=values)))
            statements = []
            for title, text, query in asked:
                place = f"{name}: {title}"
                if o.match and not re.search(o.match, place):
                    continue
                statement, _ = expand.sql(text, query)
                statements.append(statement)
                times, answer, before = [], None, cpu(s)
                for _ in range(o.runs):
                    t = time.monotonic()
                    answer = sql.connection.execute(statement).fetchall()
                    times.append((time.monotonic() - t) * 1000)
                slow += p95(times) > 1000
                rows.append((name.removesuffix(".json"), title, len(answer), times[0], statistics.median(times), p95(times), (cpu(s) - before) / o.runs))
            if o.match:
                continue
            # As a browser opens it: all panels at once.
            connections = [Sql(s.found["postgres"]) for _ in range(10)]
            with concurrent.futures.ThreadPoolExecutor(10) as pool:
                times = []
                for _ in range(3):
                    t = time.monotonic()
                    list(pool.map(lambda nth: connections[nth[0] % 10].connection.execute(nth[1]).fetchall(), enumerate(statements)))
                    times.append(time.monotonic() - t)
            wholes.append((name.removesuffix(".json"), len(statements), f"{statistics.median(times):.2f} s"))
    if complaints.wrong:
        print("\n".join(complaints.wrong), file=sys.stderr)
    print(f"## Dashboards over 24 hours, PostgreSQL protocol, ms, {o.runs} runs each\n")
    rows.sort(key=lambda r: -r[5])
    show(("dashboard", "query", "rows", "first", "p50", "p95", "CPU"), [(*r[:3], *(f"{v:.0f}" for v in r[3:])) for r in rows])
    print(f"{len(rows)} queries; {slow} take more than a second at p95.\n")
    if wholes:
        show(("dashboard opened, all at once", "queries", "until all are answered"), wholes)


#: Statements that mean the same to both engines; where they do not read the same, DuckDB's own.
RANGE = "{0} >= '2026-06-01T12:00:00Z' AND {0} < '2026-06-02T12:00:00Z' AND date >= '2026-06-01' AND date <= '2026-06-02'"
AGGREGATES = {
    "applications by cluster and status": (
        f"SELECT cluster, status, count(*), sum(executor_run_time_ms), sum(jvm_gc_time_ms) FROM applications WHERE {RANGE.format('start_time')} GROUP BY 1, 2", None),
    "users by executor time": (
        f"SELECT user_name, count(*), sum(executor_run_time_ms) AS t, sum(failed_tasks) FROM applications WHERE {RANGE.format('start_time')} GROUP BY 1 ORDER BY t DESC LIMIT 20", None),
    "applications by minute": (
        f"SELECT extract(epoch FROM date_trunc('minute', start_time)), count(*), avg(duration_ms), max(tasks) FROM applications WHERE {RANGE.format('start_time')} GROUP BY 1 ORDER BY 1", None),
    "p95 of durations by name": (
        f"SELECT app_name, approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FROM applications WHERE {RANGE.format('start_time')} GROUP BY 1",
        f"SELECT app_name, approx_quantile(duration_ms, 0.95) FROM applications WHERE {RANGE.format('start_time')} GROUP BY 1"),
    "stages by name": (
        f"SELECT name, count(*), avg(duration_ms), sum(shuffle_read_bytes), sum(disk_spilled_bytes), max(tasks) FROM stages WHERE {RANGE.format('submission_time')} GROUP BY 1", None),
    "stages of each application": (
        f"SELECT cluster, app_id, count(*), sum(executor_run_time_ms) AS t FROM stages WHERE {RANGE.format('submission_time')} GROUP BY 1, 2 ORDER BY t DESC, app_id LIMIT 50", None),
    "executors by reason of their end": (
        f"SELECT remove_reason, count(*), sum(tasks) FROM executors WHERE {RANGE.format('add_time')} GROUP BY 1", None),
    "cores by minute, whole fleet": (
        f"SELECT extract(epoch FROM date_trunc('minute', time)), sum(busy_core_time_ms), sum(core_time_ms) FROM executor_samples WHERE {RANGE.format('time')} GROUP BY 1 ORDER BY 1", None),
    "GC and spill by cluster": (
        f"SELECT cluster, sum(gc_time_ms), sum(run_time_ms), sum(disk_spilled_bytes), max(gc_share) FROM executor_samples WHERE {RANGE.format('time')} GROUP BY 1", None),
    "heap of each application": (
        f"SELECT cluster, app_id, max(jvm_heap_bytes) AS h, sum(busy_core_time_ms) FROM executor_samples WHERE {RANGE.format('time')} GROUP BY 1, 2 ORDER BY h DESC NULLS LAST, app_id LIMIT 50", None),
    "running and waiting tasks by minute and cluster": (
        f"SELECT cluster, extract(epoch FROM date_trunc('minute', time)), sum(running_tasks), sum(pending_tasks), max(cores) FROM application_samples WHERE {RANGE.format('time')} GROUP BY 1, 2", None),
    "streaming by query": (
        f"SELECT query_id, count(*), avg(input_rows_per_second), max(batch_duration_ms) FROM streaming_progress WHERE {RANGE.format('timestamp')} GROUP BY 1", None),
    "number of executor samples": ("SELECT count(*) FROM executor_samples", None),
}


class Http:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)

    def ask(self, statement):
        self.connection.request("POST", "/api/afterglow/v1/sql", json.dumps({"query": statement}), {"Content-Type": "application/json"})
        answer = json.load(self.connection.getresponse())
        return answer["rows"] if "rows" in answer else answer


def timed(ask, statement, runs):
    times = []
    for _ in range(runs):
        t = time.monotonic()
        answer = ask(statement)
        times.append((time.monotonic() - t) * 1000)
    return answer, times


def number(v):
    return f"{v:.9g}" if isinstance(v, (int, float)) and not isinstance(v, bool) else None


def same(ours, theirs):
    """Whether the numbers of two answers are the same, in any order of rows."""
    rows = [sorted(tuple(number(float(v)) for v in row if isinstance(v, (int, float)) or type(v).__name__ == "Decimal") for row in answer) for answer in (ours, theirs)]
    return rows[0] == rows[1]


def beside_duckdb(o):
    import duckdb
    theirs = duckdb.connect()
    theirs.execute(f"SET threads = {os.cpu_count()}; SET TimeZone = 'UTC'")
    for table in (o.store / "fleet").iterdir():
        theirs.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{table}/*/*/*.parquet', hive_partitioning = true)")
    rows, ratios, sums = [], [], [0, 0]
    with server(o, postgres=False) as s:
        us = Http(s.found["http"])
        for what, (statement, other) in AGGREGATES.items():
            if o.match and not re.search(o.match, what):
                continue
            # In turns, so that what else happens here happens to both.
            pairs = [(timed(us.ask, statement, 1), timed(lambda q: theirs.execute(q).fetchall(), other or statement, 1)) for _ in range(o.runs + 1)]
            ours, his = ([p[i][1][0] for p in pairs[1:]] for i in (0, 1))
            a, b = pairs[-1][0][0], pairs[-1][1][0]
            alike = "not compared: approximate" if other else "yes" if same(a, b) else "NO"
            m, d = statistics.median(ours), statistics.median(his)
            ratios.append(m / d)
            sums = [sums[0] + m, sums[1] + d]
            rows.append((what, len(b), f"{m:.0f}", f"{d:.0f}", f"{m / d:.2f}", alike))
    print(f"## Aggregates beside DuckDB {duckdb.__version__}, the same files, ms, median of {o.runs}\n")
    show(("", "rows", "Afterglow (HTTP, JSON)", "DuckDB", "ratio", "equal"), rows)
    print(f"All together {sums[0]:.0f} ms and {sums[1]:.0f} ms: {sums[0] / sums[1]:.2f}; geometric mean of the ratios {statistics.geometric_mean(ratios):.2f}.\n")


def tasks(o):
    every = "SELECT count(*), sum(executor_run_time_ms), max(duration_ms) FROM tasks"
    of = f"{every} WHERE cluster = 'cluster-03'"
    asked = {
        "one application": f"{every} WHERE cluster = 'cluster-01' AND app_id = 'app-20260601120000-000003'",
        "a cluster, an hour": f"{of} AND launch_time >= '2026-06-01T18:00:00Z' AND launch_time < '2026-06-01T19:00:00Z'",
        "a cluster, eight hours": f"{of} AND launch_time >= '2026-06-01T14:00:00Z' AND launch_time < '2026-06-01T22:00:00Z'",
        "a cluster, eight hours, p95 by host": "SELECT host, count(*), approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FROM tasks"
                                               f"{of.removeprefix(every)} AND launch_time >= '2026-06-01T14:00:00Z' AND launch_time < '2026-06-01T22:00:00Z' GROUP BY 1",
        "all": every,
        "all, by cluster": "SELECT cluster, status, count(*), sum(executor_run_time_ms), sum(jvm_gc_time_ms), max(duration_ms) FROM tasks GROUP BY 1, 2",
    }
    rows = []
    with server(o, postgres=False, AFTERGLOW_SQL__TIMEOUT="10m") as s:
        us = Http(s.found["http"])
        for what, statement in asked.items():
            before = cpu(s)
            answer, times = timed(us.ask, statement, 3)
            count = sum(next(v for v in r if isinstance(v, int)) for r in answer) if isinstance(answer, list) else str(answer)[:160]
            rows.append((what, count, f"{times[0]:.0f}", f"{statistics.median(times[1:]):.0f}", f"{(cpu(s) - before) / 3:.0f}"))
    print("## Tasks, ms, without the bound of 30 s\n")
    show(("", "tasks", "first", "then", "CPU"), rows)


PARTS = {"load": load, "dashboards": dashboards, "duckdb": beside_duckdb, "tasks": tasks}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("afterglow", type=lambda path: str(Path(path).resolve()))
    ap.add_argument("--applications", type=int, default=100_000)
    ap.add_argument("--round", type=int, default=5_000, help="applications in a round: its logs take half a megabyte each")
    ap.add_argument("--store", type=Path)
    ap.add_argument("--runs", type=int, default=20)
    ap.add_argument("--only", nargs="*", choices=[p for p in PARTS if p != "load"], help="parts to measure; all without it")
    ap.add_argument("--match", help="only queries with this in their name")
    o = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="afterglow-fleet-") as tmp:
        o.store = (o.store or Path(tmp) / "store").resolve()
        if not (o.store / "fleet").is_dir():
            load(o)
            stored(o)
        for name, part in PARTS.items():
            if name != "load" and (not o.only or name in o.only):
                part(o)


if __name__ == "__main__":
    main()
