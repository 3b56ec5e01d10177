#!/usr/bin/env python3
"""Generated statements, asked of the same applications in four ways, which must say the same: agree.py AFTERGLOW [--statements N] [--seed N]

- from files: every application is in the Parquet files of the fleet tables
- made on the way: none is
- mixed: every other batch is
- DuckDB, over the Parquet files

Aggregates (with filters, distinct, groups, having), joins, windows, sorts with limits, set operations and subqueries, over all tables but `tasks`. Each is asked
three times of each store, since what is wrong only at times is wrong, too. Differences end with exit status 1, and are printed with the statement.
To be run with .venv's Python (duckdb).
"""
import argparse
import contextlib
import datetime
import decimal
import http.client
import io
import json
import math
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import duckdb
import zstandard

LOGS = Path(__file__).resolve().parent.parent / "logs"
#: Cluster -> version/case: jobs that fail, executors that come and go, streams, skew, SQL.
CASES = {
    "a": ["3.5.9/skew", "3.5.9/exec-lost", "4.3.0/fail-job"],
    "b": ["4.3.0/sql", "3.5.9/spill"],
    "c": ["4.3.0/streaming-rocksdb", "3.5.9/exec-dynalloc"],
    "d": ["4.3.0/users", "3.5.9/fail-job"],
}
TIMES = 3


def unpack(to):
    for cluster, cases in CASES.items():
        for case in cases:
            data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((LOGS / f"{case}.tar.zst").open("rb"))
            with tarfile.open(fileobj=io.BytesIO(data.read())) as tar:
                tar.extractall(to / cluster, filter="data")


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("AFTERGLOW_", "AWS_"))}


def forget_files(store, of):
    """Has rows of the batches whose place in their list `of` takes made on the way."""
    with contextlib.closing(sqlite3.connect(store / "catalog.db")) as db, db:
        batches = [row[0] for row in db.execute("SELECT id FROM fleet_batches ORDER BY id")]
        gone = [batch for i, batch in enumerate(batches) if of(i)]
        for batch in gone:
            db.execute("UPDATE attempts SET fleet_batch = NULL WHERE fleet_batch = ?", (batch,))
            db.execute("DELETE FROM fleet_batches WHERE id = ?", (batch,))
        return len(gone), len(batches)


class Store:
    """A process that answers statements about a store."""

    def __init__(self, binary, name, store):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.name = name
        env = environment() | {"AFTERGLOW_POSTGRES__LISTEN": "off"}
        command = [binary, "history", "--store", str(store), "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, env=env, cwd=store, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(store / "log").open("wb"))
        self.store = store

    def __enter__(self):
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"{self.name} does not answer:\n{(self.store / 'log').read_text()[-2000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, statement):
        body = json.dumps({"query": statement})
        self.http.request("POST", "/api/afterglow/v1/sql", body, {"Content-Type": "application/json"})
        response = self.http.getresponse()
        text = response.read().decode()
        if response.status != 200:
            return f"{response.status}: {text}"
        answer = json.loads(text)
        if answer["truncated"] or answer["notes"]:
            return f"truncated: {answer['truncated']}, notes: {answer['notes']}"
        return [tuple(value(v) for v in row) for row in answer["rows"]]


def value(v):
    """A value as both sides have it: times as texts to the millisecond, numbers as such."""
    match v:
        case decimal.Decimal():
            return value(float(v)) if v % 1 else int(v)
        case float():
            return int(v) if v.is_integer() and abs(v) < 1 << 53 else v
        case datetime.datetime():
            return v.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
        case datetime.date():
            return v.isoformat()
        case str() if len(v) in (20, 24) and v[4] == v[7] == "-" and v[10] == "T" and v.endswith("Z"):
            return v if "." in v else v[:-1] + ".000Z"
    return v


def close(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def alike(a, b):
    return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(len(x) == len(y) and all(map(close, x, y)) for x, y in zip(a, b))


def ordered(rows):
    """Rows in an order of their own, where the statement has none; numbers that differ in their last digits keep their places."""
    key = lambda v: (v is None, type(v).__name__ in ("int", "float"), round(v, 6) if isinstance(v, float) else v if isinstance(v, (int, float)) else 0, str(v) if not isinstance(v, (int, float)) else "")
    return sorted(rows, key=lambda row: [key(v) for v in row]) if isinstance(rows, list) else rows


# -- statements ------------------------------------------------------------------------------------------------------------------

KEY = ("cluster", "app_id", "attempt_id")


class Statements:
    """Statements that have one right answer: sums of whole numbers, and sorts by all columns where a limit cuts."""

    def __init__(self, tables, seed):
        self.tables, self.rng = tables, random.Random(seed)

    def columns(self, table, *kinds):
        return [c for c, kind in self.tables[table].items() if kind in kinds]

    def one(self, of):
        return self.rng.choice(of)

    def table(self, *needs):
        return self.one([t for t in self.tables if all(self.columns(t, kind) for kind in needs)])

    def aggregate(self, table, prefix=""):
        rng = self.rng
        kind = rng.choice(["count(*)", "count", "count distinct", "sum", "avg", "min", "max", "min", "max"])
        if kind == "count(*)":
            call = "count(*)"
        else:
            wanted = ["number"] if kind in ("sum", "avg") else ["number", "text", "time", "number"]
            of = [c for c in self.columns(table, *wanted)]
            if not of:
                return "count(*)"
            column = prefix + rng.choice(of)
            call = f"count(DISTINCT {column})" if kind == "count distinct" else f"{kind}({column})"
        if rng.random() < 0.25:
            call += f" FILTER (WHERE {self.condition(table, prefix)})"
        return call

    def condition(self, table, prefix=""):
        rng = self.rng
        kind = rng.choice(["number", "number", "text", "null", "cluster", "or"])
        if kind == "number" and self.columns(table, "number"):
            return f"{prefix}{self.one(self.columns(table, 'number'))} {self.one(['>', '<=', '=', '<>'])} {self.one([0, 1, 2, 10, 100, 5000])}"
        if kind == "text":
            return f"{prefix}{self.one(self.columns(table, 'text'))} {self.one(['LIKE', 'NOT LIKE'])} '%{self.one(['a', 'e', '1', 'COMPLETE', 'x'])}%'"
        if kind == "null":
            return f"{prefix}{self.one(list(self.tables[table]))} IS {self.one(['', 'NOT '])}NULL"
        if kind == "or":
            return f"({self.condition(table, prefix)} {self.one(['OR', 'AND'])} {self.condition(table, prefix)})"
        return f"{prefix}cluster {self.one(['=', '<>', '>='])} '{self.one('abcd')}'"

    def where(self, table, prefix=""):
        return f" WHERE {self.condition(table, prefix)}" if self.rng.random() < 0.5 else ""

    def aggregates(self):
        table = self.table("number")
        calls = [self.aggregate(table) for _ in range(self.rng.randint(1, 4))]
        return f"SELECT {', '.join(f'{c} AS v{i}' for i, c in enumerate(calls))} FROM {table}{self.where(table)}", False

    def groups(self):
        table = self.table("number", "text")
        by = self.rng.sample(self.columns(table, "text", "bool", "date"), 1) + (["cluster"] if self.rng.random() < 0.5 else [])
        by = list(dict.fromkeys(by))
        calls = [self.aggregate(table) for _ in range(self.rng.randint(1, 3))]
        having = f" HAVING count(*) > {self.one([0, 1, 3])}" if self.rng.random() < 0.3 else ""
        selected = ", ".join(by + [f"{c} AS v{i}" for i, c in enumerate(calls)])
        text = f"SELECT {selected} FROM {table}{self.where(table)} GROUP BY {', '.join(by)}{having}"
        if self.rng.random() < 0.4:
            return f"{text} ORDER BY {', '.join(str(i + 1) for i in range(len(by)))} LIMIT {self.one([1, 3, 10])}", True
        return text, False

    def joins(self):
        left, right = self.table("number"), self.one([t for t in self.tables])
        kind = self.one(["JOIN", "LEFT JOIN", "JOIN"])
        on = " AND ".join(f"l.{c} IS NOT DISTINCT FROM r.{c}" if c == "attempt_id" else f"l.{c} = r.{c}" for c in KEY if c in self.tables[left] and c in self.tables[right])
        calls = [self.aggregate(left, "l."), self.aggregate(right, "r.")]
        where = self.where(left, "l.")
        if self.rng.random() < 0.5:
            return f"SELECT {', '.join(f'{c} AS v{i}' for i, c in enumerate(calls))} FROM {left} l {kind} {right} r ON {on}{where}", False
        return f"SELECT l.cluster, l.app_id, {', '.join(f'{c} AS v{i}' for i, c in enumerate(calls))} FROM {left} l {kind} {right} r ON {on}{where} GROUP BY 1, 2", False

    def windows(self):
        table = self.table("number")
        number = self.one(self.columns(table, "number"))
        call = self.one([f"sum({number})", f"max({number})", f"count({number})", f"min({number})", "rank()", "dense_rank()"])
        by = self.one(["cluster", "app_id"])
        order = "" if call.startswith(("sum", "max", "min", "count")) and self.rng.random() < 0.5 else f" ORDER BY {number} DESC"
        if order and not call.endswith("rank()"):
            order += " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        return f"SELECT cluster, app_id, {number}, {call} OVER (PARTITION BY {by}{order}) AS w FROM {table}{self.where(table)}", False

    def sorts(self):
        table = self.table("number")
        columns = [c for c, kind in self.tables[table].items() if kind in ("number", "text", "time", "bool")]
        some = self.rng.sample(columns, min(len(columns), self.rng.randint(2, 5)))
        order = ", ".join(f"{c} {self.one(['ASC', 'DESC'])}" for c in some)
        return f"SELECT {', '.join(some)} FROM {table}{self.where(table)} ORDER BY {order} LIMIT {self.one([1, 5, 20, 100])}", True

    def sets(self):
        a, b = (self.one(list(self.tables)) for _ in range(2))
        kind = self.one(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
        return f"SELECT cluster, app_id FROM {a}{self.where(a)} {kind} SELECT cluster, app_id FROM {b}{self.where(b)}", False

    def subqueries(self):
        a, b = self.table("number"), self.one(list(self.tables))
        number = self.one(self.columns(a, "number"))
        return self.one([
            f"SELECT count(*) AS n FROM {a} WHERE app_id {self.one(['', 'NOT '])}IN (SELECT app_id FROM {b}{self.where(b)})",
            f"SELECT cluster, count(*) AS n FROM {a} x WHERE {self.one(['', 'NOT '])}EXISTS (SELECT 1 FROM {b} y WHERE y.app_id = x.app_id AND {self.condition(b, 'y.')}) GROUP BY 1",
            f"SELECT cluster, app_id, {number} FROM {a} WHERE {number} = (SELECT max({number}) FROM {a}{self.where(a)})",
            f"WITH t AS (SELECT cluster, max({number}) AS m, min({number}) AS n FROM {a} GROUP BY 1) SELECT max(m) AS m, min(n) AS n, count(*) AS c FROM t",
            f"SELECT DISTINCT cluster, {self.one([c for c in self.columns(a, 'text') if c != 'cluster'])} FROM {a}{self.where(a)}",
            f"SELECT CASE WHEN {self.condition(a)} THEN 'yes' ELSE 'no' END AS c, count(*) AS n, max({number}) AS m FROM {a} GROUP BY 1",
        ]), False

    def all(self, n):
        kinds = [self.aggregates, self.groups, self.joins, self.windows, self.sorts, self.sets, self.subqueries]
        return [kinds[i % len(kinds)]() for i in range(n)]


def kind_of(kind):
    if kind in ("BIGINT", "INTEGER", "DOUBLE", "FLOAT", "SMALLINT"):
        return "number"
    if kind == "VARCHAR":
        return "text"
    if kind.startswith("TIMESTAMP"):
        return "time"
    return {"BOOLEAN": "bool", "DATE": "date"}.get(kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--statements", type=int, default=210)
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    binary = str(Path(o.binary).resolve())
    with tempfile.TemporaryDirectory(prefix="afterglow-agree-") as work, contextlib.ExitStack() as stack:
        work = Path(work)
        unpack(work / "logs")
        command = [binary, "ingest", "--once", "--store", str(work / "files")]
        for cluster in CASES:
            command += ["--logs", f"{cluster}={work / 'logs' / cluster}"]
        subprocess.run(command, env=environment(), cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        theirs = duckdb.connect()
        theirs.execute("SET TimeZone = 'UTC'; SET default_null_order = 'nulls_last_on_asc_first_on_desc'")
        tables = {}
        for table in sorted((work / "files" / "fleet").iterdir()):
            files = f"read_parquet('{table}/*/*/*.parquet', hive_partitioning = true)"
            described = theirs.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()
            # Times without their zone, which is UTC: with it DuckDB wants another package.
            columns = [f"{name}::TIMESTAMP AS {name}" if kind_of(kind) == "time" else name for name, kind, *_ in described]
            theirs.execute(f"CREATE VIEW {table.name} AS SELECT {', '.join(columns)} FROM {files}")
            tables[table.name] = {name: kind_of(kind) for name, kind, *_ in described if kind_of(kind)}
        stores = {"files": work / "files"}
        for name, of in (("made", lambda i: True), ("mixed", lambda i: i % 2 == 0)):
            stores[name] = shutil.copytree(work / "files", work / name)
            gone, of_all = forget_files(stores[name], of)
            assert 0 < gone and (gone < of_all) == (name == "mixed"), (gone, of_all)
        asked = [stack.enter_context(Store(binary, name, store)) for name, store in stores.items()]
        wrong, empty = 0, 0
        statements = Statements(tables, o.seed).all(o.statements)
        for statement, sorted_ in statements:
            right = [tuple(value(v) for v in row) for row in theirs.execute(statement).fetchall()]
            empty += not right
            order = (lambda rows: rows) if sorted_ else ordered
            for store in asked:
                for attempt in range(TIMES):
                    answer = store.ask(statement)
                    if not alike(order(answer), order(right)):
                        wrong += 1
                        ours = answer if isinstance(answer, str) else order(answer)
                        differ = next((pair for pair in zip(ours, order(right)) if not alike([pair[0]], [pair[1]])), "") if isinstance(ours, list) else ""
                        print(f"{store.name}, try {attempt + 1}: {statement}\n  {len(ours) if isinstance(ours, list) else ours} rows for {len(right)}; {differ}")
                        break
        print(f"{len(statements)} statements, {empty} without rows, {len(asked)} stores, {TIMES} times each, and DuckDB {duckdb.__version__}")
        passed = len(statements) * len(asked) - wrong
        print(f"{passed} passed, {wrong} failed")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
