"""What is done to the server. Each attack is a function of a `House` that runs; it gives what was tried, and raises `Broken` with what did not hold.

Every request goes to loopback. Loops are bounded in count and in time."""
import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

import logs

JSON = {"content-type": "application/json"}


class Broken(Exception):
    """What did not hold."""


def check(holds, what):
    if not holds:
        raise Broken(what)


def together(n, work):
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, range(n)))


@contextlib.contextmanager
def sockets(house, n, first=b""):
    """So many connections that say this much and no more."""
    opened = []
    try:
        for _ in range(n):
            s = socket.socket()
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", house.port))
                s.sendall(first)
            except OSError:
                s.close()
                continue
            opened.append(s)
        yield opened
    finally:
        for s in opened:
            s.close()


def still_answers(house, seconds=20):
    check(house.alive(), f"the process died: {house.log()[-400:]}")
    check(house.eventually(lambda: house.ask("/api/v1/applications?limit=1", timeout=5)[0] == 200, seconds), "the list does not answer")
    check(house.eventually(lambda: house.sql("SELECT count(*) AS n FROM applications", timeout=10)[0] == 200, seconds), "SQL does not answer")
    check(house.eventually(lambda: house.ask("/api/afterglow/v1/search?q=torture", timeout=10)[0] == 200, seconds), "search does not answer")


# Requests

def downloads(house):
    """50 downloads of a large log side by side, and 24 clients that do not read theirs"""
    path = "/api/v1/applications/app-tasks/logs"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n\r\n".encode()
    with sockets(house, 24, request) as idle:
        check(len(idle) == 24, "not all could connect")
        statuses = together(50, lambda _: house.ask(path, timeout=120)[0])
        check(set(statuses) <= {200, 503}, f"statuses {sorted(set(statuses))}")
        check(statuses.count(200) >= 1, "no download came through")
        still_answers(house)
    still_answers(house)
    return f"{statuses.count(200)} whole, {statuses.count(503)} told to come back"


def heavy_answers(house):
    """60 times all stages with all their 150,000 tasks"""
    def one(_):
        try:
            return house.ask("/api/v1/applications/app-tasks/stages?details=true", timeout=120)[0]
        except (OSError, http.client.HTTPException):
            return "closed"
    statuses = together(60, one)
    check(set(statuses) <= {200, 503}, f"{statuses.count('closed')} of 60 were closed or took longer than 120 s")
    still_answers(house)
    return f"{statuses.count(200)} whole, {statuses.count(503)} told to come back"


def many_stages(house):
    """ten of 200,000 stages, 20 times side by side"""
    def one(_):
        t = time.monotonic()
        status, body = house.ask("/api/v1/applications/app-stages/stages?offset=0&length=10", timeout=120)
        return status, len(json.loads(body)) if status == 200 else 0, time.monotonic() - t
    answers = together(20, one)
    check(all(s in (200, 503) for s, _, _ in answers), f"{answers}")
    check({n for s, n, _ in answers if s == 200} == {10}, f"rows {answers}")
    return f"slowest {max(t for _, _, t in answers):.1f} s"


def connections(house):
    """2,000 connections that say nothing, 200 that never end their headers, 100 with a body a byte at a time"""
    with sockets(house, 2000) as idle, sockets(house, 200, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") as slow, \
            sockets(house, 100, b"POST /api/afterglow/v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{") as bodies:
        opened = len(idle) + len(slow) + len(bodies)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for s in slow + bodies:
                with contextlib.suppress(OSError):
                    s.sendall(b"x")
            time.sleep(1)
    still_answers(house)
    return f"{opened} opened"


def strange_requests(house):
    """two hosts, none, garbage, headers of 1 MB, a path of 1 MB, chunks that lie"""
    def raw(data):
        with socket.create_connection(("127.0.0.1", house.port), 10) as s:
            s.settimeout(10)
            with contextlib.suppress(OSError):
                s.sendall(data)
                return s.recv(200)
            return b""
    host = f"Host: 127.0.0.1:{house.port}\r\n".encode()
    two = raw(b"GET /api/v1/version HTTP/1.1\r\n" + host + b"Host: evil.example\r\n\r\n")
    check(b" 400 " in two, f"two hosts: {two[:60]!r}")
    none = raw(b"GET /api/v1/version HTTP/1.1\r\n\r\n")
    check(b" 400 " in none, f"no host: {none[:60]!r}")
    for data in (b"\x00" * 4096, b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n", b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n" + host + b"\r\n",
                 b"POST /api/afterglow/v1/sql HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"):
        check(b" 200 " not in raw(data), f"{data[:40]!r} was taken")
    still_answers(house)
    return "6 kinds"


def other_pages(house):
    """what a page of another origin can make a browser send, and another name for this address"""
    alert = json.dumps({"alerts": [{"status": "firing", "labels": {"alertname": "planted"}, "startsAt": "2026-11-30T00:00:00Z"}]})
    for path in ("/api/afterglow/v1/intake/alertmanager", "/api/afterglow/v1/mutes", "/api/afterglow/v1/silences", "/api/afterglow/v1/sql"):
        for headers in ({"content-type": "text/plain", "origin": "http://evil.example"}, {"content-type": "application/json", "origin": "http://evil.example"},
                        {"content-type": "application/json", "sec-fetch-site": "cross-site"}):
            status, _ = house.ask(path, "POST", alert, headers)
            check(status in (400, 403, 404, 405, 415), f"POST {path} {headers}: {status}")
    for name in ("evil.example", f"evil.example:{house.port}"):
        status, _ = house.ask("/api/v1/applications", headers={"host": name})
        check(status in (400, 403, 421), f"Host {name}: {status}")
    listed = house.ask("/api/afterglow/v1/incidents")[1]
    check(b"planted" not in listed, "an alert was planted")
    return "15 requests, 2 names"


# SQL

def _bombs():
    yield "18,000 OR", "SELECT * FROM applications WHERE " + " OR ".join(f"attempts={i}" for i in range(18000))
    yield "18,000 AND", "SELECT * FROM applications WHERE " + " AND ".join(f"start_time>{i}" for i in range(18000))
    yield "18,000 +", "SELECT " + "+".join(["1"] * 18000)
    yield "5,000 UNION", " UNION ALL ".join(["SELECT 1"] * 5000)
    yield "20,000 parentheses", "SELECT " + "(" * 20000 + "1" + ")" * 20000
    yield "5,000 NOT", "SELECT " + "NOT " * 5000 + "true"
    yield "5,000 CASE", "SELECT " + "CASE WHEN true THEN " * 5000 + "1" + " END" * 5000
    ctes = ["a0 AS (SELECT 1 AS x)"] + [f"a{i} AS (SELECT l.x FROM a{i - 1} l, a{i - 1} r)" for i in range(1, 23)]
    yield "a CTE doubled 22 times", f"WITH {', '.join(ctes)} SELECT count(*) FROM a22"
    yield "array_repeat", "SELECT array_repeat(1, 1000000000)"
    yield "repeat", "SELECT repeat('x', 2000000000)"
    yield "lpad", "SELECT lpad('x', 2000000000)"
    yield "range", "SELECT range(0, 2000000000)"
    yield "generate_series", "SELECT count(*) FROM generate_series(0, 100000000000)"
    yield "replace", "SELECT replace(repeat('x', 100000), 'x', repeat('y', 100000))"
    yield "concat doubled", "WITH a AS (SELECT repeat('x', 1000) s)" + "".join(f", b{i} AS (SELECT s || s AS s FROM {'a' if not i else f'b{i - 1}'})" for i in range(24)) + " SELECT length(s) FROM b23"
    yield "a product of tasks", "SELECT count(*) FROM tasks a, tasks b, tasks c WHERE a.task_id + b.task_id + c.task_id < 0"
    yield "a window over a product", "SELECT sum(x) OVER (ORDER BY y) FROM (SELECT a.task_id x, b.task_id y FROM tasks a, tasks b)"
    yield "array_agg of a product", "SELECT array_agg(a.app_id || b.app_id) FROM tasks a, tasks b"


def statements(house):
    """18 statements that ask for more than there is, over HTTP and PostgreSQL"""
    told = {}
    for name, statement in _bombs():
        try:
            status, body = house.sql(statement, timeout=90)
        except (OSError, http.client.HTTPException) as e:
            raise Broken(f"{name}: {e}") from e
        told[name] = status
        check(status in (200, 400, 408, 413, 503), f"{name}: {status} {body[:200]!r}")
        check(house.alive(), f"{name}: the process died")
        with contextlib.suppress(psycopg.Error, OSError):
            with psycopg.connect(f"host=127.0.0.1 port={house.postgres} dbname=afterglow user=torture connect_timeout=10", autocommit=True) as c:
                c.execute("SET statement_timeout = '20s'")
                c.execute(statement).fetchmany(10)
        check(house.alive(), f"{name} over PostgreSQL: the process died")
    still_answers(house, 60)
    return ", ".join(f"{list(told.values()).count(s)} × {s}" for s in sorted(set(told.values())))


def statements_together(house):
    """four statements of 10,000 terms side by side, clients that go away, and one that is right"""
    bomb = "SELECT " + "+".join(["1"] * 10000)

    def one(_):
        with contextlib.suppress(OSError, http.client.HTTPException):
            house.sql(bomb, timeout=120)

    def gone(_):
        with contextlib.suppress(OSError, http.client.HTTPException):
            house.sql("SELECT count(*) FROM tasks a, tasks b, tasks c WHERE a.task_id + b.task_id + c.task_id < 0", timeout=1)
    bombs = threading.Thread(target=lambda: together(4, one), daemon=True)
    bombs.start()
    together(12, gone)
    check(house.alive(), "the process died")
    t = time.monotonic()
    check(house.eventually(lambda: house.sql("SELECT count(*) AS n FROM applications", timeout=20)[0] == 200, 30), "SQL does not answer")
    took = time.monotonic() - t
    bombs.join(120)
    still_answers(house)
    return f"the right one after {took:.1f} s"


def postgres_places(house):
    """300 connections to PostgreSQL that never start, then one that does"""
    opened = []
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                opened.append(socket.create_connection(("127.0.0.1", house.postgres), 5))
        t = time.monotonic()
        while True:
            try:
                with psycopg.connect(f"host=127.0.0.1 port={house.postgres} dbname=afterglow user=torture connect_timeout=10") as c:
                    check(c.execute("SELECT 1").fetchone()[0] == 1, "a wrong answer")
                break
            except psycopg.Error as e:
                check(time.monotonic() - t < 30, f"no place after 30 s: {e}")
                time.sleep(0.5)
    finally:
        for s in opened:
            s.close()
    return f"a place after {time.monotonic() - t:.1f} s"


# Logs

def long_lines(house):
    """8 logs with lines of 200 MB side by side"""
    for i in range(8):
        logs.long_lines(house.logs, f"app-long-{i}", 1, 200 << 20)
    try:
        check(house.eventually(lambda: all(house.ask(f"/api/v1/applications/app-long-{i}")[0] == 200 for i in range(8)), 180), "not all were read")
    finally:
        for i in range(8):
            (house.logs / f"app-long-{i}").unlink()
    return "8 read"


def odd_names(house):
    """names with a newline, a tab, bytes that are no UTF-8, of 250 letters, a link to itself, and one good log after them"""
    odd = [b"new\nline", b"tab\there", b"not-\xff\xfe-utf8", b"x" * 250, b"\xe2\x80\xae rtl", b" ", b"%2e%2e", b"a\x1b[31mred"]
    for name in odd:
        with contextlib.suppress(OSError):
            with open(os.path.join(os.fsencode(house.logs), name), "wb") as f:
                f.write(b'{"Event":"SparkListenerLogStart","Spark Version":"4.3.0"}\n')
    with contextlib.suppress(OSError):
        os.symlink("loop", house.logs / "loop")
    logs.small(house.logs, "zz-app-after")
    try:
        check(house.indexed("zz-app-after", 30), "a good log beside them was not read")
        sources = house.json("/api/afterglow/v1/sources")
    finally:
        for name in odd + [b"loop"]:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(os.fsencode(house.logs), name))
    return f"{len(odd) + 1} names, source healthy: {sources[0].get('healthy')}"


def replaced(house):
    """a running log that is replaced by a longer one of another application's run"""
    file = house.logs / "app-replaced.inprogress"
    logs.many_tasks(house.folder, "scratch", 480, finished=False)
    first = (house.folder / "scratch").read_text().replace('"scratch"', '"app-replaced"')
    file.write_text(first)
    check(house.eventually(lambda: house.ask("/api/v1/applications/app-replaced")[0] == 200, 30), "not read")
    logs.many_tasks(house.folder, "scratch", 700, finished=False)
    second = (house.folder / "scratch").read_text().replace('"scratch"', '"app-replaced"').replace('"torture"', '"second run"')
    new = house.folder / "new"
    new.write_text(second)
    new.rename(file)
    stage = "/api/v1/applications/app-replaced/stages/0/0"

    def right():
        app = house.json("/api/v1/applications/app-replaced")
        return app["name"] == "second run" and house.json(stage)["numCompleteTasks"] == 700
    holds = house.eventually(right, 30)
    said = house.json("/api/v1/applications/app-replaced")["name"], house.json(stage)["numCompleteTasks"]
    file.unlink()
    check(holds, f"('second run', 700) should be {said}")
    return "read anew"


def two_indexers(house):
    """a log that grows for 15 s, read by `serve` and by `ingest --once` every second; some of these are killed"""
    logs.many_tasks(house.folder, "scratch", 9000)
    lines = (house.folder / "scratch").read_text().replace('"scratch"', '"app-two"').splitlines(keepends=True)
    file = house.logs / "app-two.inprogress"
    file.write_text("")
    over, ended = threading.Event(), []

    def again():
        rng = random.Random(7)
        while not over.is_set():
            p = subprocess.Popen(house.command("ingest", "--once", "--logs", f"c={house.logs}"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=house.environment())
            if rng.random() < 0.3:
                time.sleep(rng.random())
                p.kill()
            ended.append(p.wait())
            over.wait(1)
    other = threading.Thread(target=again)
    other.start()
    step = len(lines) // 60 + 1
    with open(file, "a") as out:
        for at in range(0, len(lines), step):
            out.writelines(lines[at:at + step])
            out.flush()
            time.sleep(0.25)
    file.rename(house.logs / "app-two")
    over.set()
    other.join()
    check(house.indexed("app-two", 60), "never complete")
    tasks = house.json("/api/v1/applications/app-two/stages/0/0")["numCompleteTasks"]
    check(tasks == 9000, f"9000 tasks were written, {tasks} are told")
    count = json.loads(house.sql("SELECT count(*) AS n FROM tasks WHERE app_id = 'app-two'")[1])
    check("9000" in json.dumps(count), f"SQL tells {json.dumps(count)[:200]}")
    return f"{len(ended)} runs beside, 9000 of 9000 tasks"


# Disk and databases

def killed(house):
    """kill -9 twelve times while logs come in; all are there in the end"""
    for i in range(12):
        for k in range(4):
            logs.small(house.logs, f"app-kill-{i}-{k}", 50)
        time.sleep(random.Random(i).random())
        house.kill()
        house.start()
    wanted = [f"app-kill-{i}-{k}" for i in range(12) for k in range(4)]
    check(house.eventually(lambda: all(house.ask(f"/api/v1/applications/{a}")[0] == 200 for a in wanted), 60), "applications are missing")
    for a in wanted:
        n = house.json(f"/api/v1/applications/{a}/stages/0/0")["numCompleteTasks"]
        check(n == 50, f"{a}: 50 tasks were written, {n} are told")
    return "48 applications, 2,400 tasks"


def damaged_index(house):
    """each file of the search index cut, then flipped; a start after each"""
    house.stop()
    tried = 0
    folder = house.store / "search"
    for name in sorted(f.name for f in folder.rglob("*") if f.is_file() and f.stat().st_size and "lock" not in f.name)[:8]:
        for flip in (False, True):
            file = next((f for f in folder.rglob(name)), None)
            if file is None:
                continue
            data = bytearray(file.read_bytes())
            if flip:
                for at in range(0, len(data), 97):
                    data[at] ^= 0x55
            else:
                data = data[:len(data) // 2]
            file.write_bytes(data)
            house.start(wait=False)
            check(house.eventually(lambda: house.ask("/api/v1/version", timeout=5)[0] == 200, 60), f"does not start with a damaged {name}")
            check(house.eventually(lambda: b"app-tasks" in house.ask("/api/afterglow/v1/search?q=torture", timeout=10)[1], 60), f"search does not heal after {name}")
            house.stop()
            tried += 1
    house.start()
    return f"{tried} damages"


def damaged_catalog(house):
    """a catalog of garbage, an empty one, and a ledger of garbage"""
    house.stop()
    for name, data in (("catalog.db", os.urandom(8192)), ("catalog.db", b"SQLite format 3\0" + b"\0" * 100)):
        kept = {}
        for f in house.store.glob(f"{name}*"):
            kept[f] = f.read_bytes()
            f.unlink()
        (house.store / name).write_bytes(data)
        p = subprocess.run(house.command("history", "--listen", "127.0.0.1:0"), capture_output=True, timeout=60, env=house.environment())
        text = (p.stdout + p.stderr).decode(errors="replace")
        for f in house.store.glob(f"{name}*"):
            f.unlink()
        for f, data in kept.items():
            f.write_bytes(data)
        check(p.returncode != 0 and "catalog.db" in text and "delete" in text.lower(), f"a damaged catalog: {p.returncode} {text[:300]}")
    kept = {f: f.read_bytes() for f in house.store.glob("alerts.db*")}
    for f in kept:
        f.unlink()
    (house.store / "alerts.db").write_bytes(os.urandom(8192))
    house.start(wait=False)
    lives = house.eventually(lambda: house.ask("/api/v1/version", timeout=5)[0] == 200, 60)
    told = house.ask("/readyz")[1].decode(errors="replace") if lives else ""
    house.stop()
    for f in house.store.glob("alerts.db*"):
        f.unlink()
    for f, data in kept.items():
        f.write_bytes(data)
    house.start()
    check(lives, f"does not start with a damaged ledger: {house.log()[-300:]}")
    return f"told so; without its ledger it says {told.strip()[:80]!r}"


def disk_full(house):
    """a disk that is full for 5 s while a log comes in and alerts are sent"""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return "not tried: needs root to mount a small disk"
    disk = house.folder / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], capture_output=True)
    if made.returncode:
        return f"not tried: {made.stderr.decode().strip()[:80]}"
    house.stop()
    store, house.store = house.store, disk / "store"
    try:
        house.start()
        check(house.eventually(lambda: house.ask("/api/v1/applications/zz-app-after")[0] == 200, 120), "not indexed before")
        filler = disk / "filler"
        with contextlib.suppress(OSError):
            with open(filler, "wb", buffering=0) as f:
                while True:
                    f.write(b"\0" * (1 << 20))
        with contextlib.suppress(OSError):
            with open(disk / "rest", "wb", buffering=0) as f:
                while True:
                    f.write(b"\0" * 512)
        logs.small(house.logs, "app-while-full")
        told, alert = set(), {"status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "full", "n": "0"}, "startsAt": "2026-11-30T00:00:00Z"}]}
        until = time.monotonic() + 8
        while time.monotonic() < until:
            alert["alerts"][0]["labels"]["n"] = str(time.monotonic())
            with contextlib.suppress(OSError, http.client.HTTPException):
                house.ask("/api/afterglow/v1/intake/alertmanager", "POST", json.dumps(alert), JSON, 10)
            with contextlib.suppress(OSError, http.client.HTTPException):
                told.add(house.ask("/readyz", timeout=5)[0])
            time.sleep(0.5)
        filler.unlink()
        (disk / "rest").unlink()
        check(house.alive(), "the process died")
        check(house.indexed("app-while-full", 60), "indexing does not go on")
        check(house.eventually(lambda: house.ask("/api/afterglow/v1/intake/alertmanager", "POST", json.dumps(alert), JSON, 10)[0] == 200, 30), "alerting does not go on")
        check(503 in told, f"/readyz said {told} while the disk was full")
        check(house.eventually(house.answers, 30), "never ready again")
        return "goes on without a restart"
    finally:
        house.stop()
        subprocess.run(["umount", "-l", str(disk)], check=False)
        house.store = store
        house.start()


def starts_together(house):
    """eight processes that start on an empty store at once"""
    folder = house.folder / "together"
    started = [subprocess.Popen([house.binary, "ingest", "--once", "--logs", f"c={house.folder / 'none'}", "--store", str(folder)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=house.environment()) for _ in range(8)]
    (house.folder / "none").mkdir(exist_ok=True)
    ended = [(p.wait(60), p.stdout.read().decode(errors="replace")) for p in started]
    bad = [out for code, out in ended if code != 0 and "migrat" in out.lower()]
    check(not bad, f"{len(bad)} of 8 failed: {bad[0][:200] if bad else ''}")
    return "8 of 8"


#: In the order in which they are made.
ALL = [other_pages, strange_requests, connections, downloads, heavy_answers, many_stages, statements, statements_together, postgres_places,
       odd_names, replaced, two_indexers, long_lines, killed, damaged_index, damaged_catalog, disk_full, starts_together]
