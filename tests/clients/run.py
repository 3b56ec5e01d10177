#!/usr/bin/env python3
"""Real clients of the History Server's REST API, against Afterglow and against the real thing: run.py PATH-OF-AFTERGLOW

Unpacks some of tests/logs flat into one folder, starts Afterglow and Spark's History Server (from pyspark) on it, and runs every
command of spark-history-cli and every tool of mcp-apache-spark-history-server against both. Each case passes if both servers make
the client say the same: equal JSON, equal text, equal exit code, equal zip content. What may differ, and why, is DIFFERENCES.

A command or tool that the packages have and that no case below runs is a failure: nothing is skipped. Needs Java 17 and the packages
of requirements.txt.
"""
import asyncio
import hashlib
import io
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pyspark
import zstandard
from click.testing import CliRunner
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from spark_history_cli.cli import cli
from spark_history_cli.utils.repl_skin import ReplSkin

TESTS = Path(__file__).resolve().parent.parent
WORK = TESTS / ".work" / "clients"
LOGS = WORK / "logs"

# version/case of tests/logs, and which of its members: all, or those whose name has the text.
ARCHIVES = [
    ("4.3.0/sql", ""), ("4.3.0/fail-job", ""), ("4.3.0/storage", ""), ("4.3.0/exec-metrics", ""), ("4.3.0/users", ""),
    ("4.3.0/connect", ""), ("4.3.0/streaming-rocksdb", ""), ("4.3.0/fail-killed", ""), ("3.5.9/skew", ""),
    ("3.5.9/exec-lost", ""), ("3.5.9/codec-lz4", ""), ("3.5.9/rolling-zstd", ""),
    ("4.3.0/derived", "9316_"),  # one application with two attempts; the first has no end
]

# (case, place in the JSON answer, only of attempts that are "unfinished", why). Case and place are regular expressions;
# {unfinished} stands for the ids of unfinished applications.
DIFFERENCES = [
    (r"", r".*\.attempts\.\d+\.lastUpdated(Epoch)?|.*\.last_updated(_epoch)?", "unfinished",
     "unfinished logs: the moment of the scan there, the time of the log's object here"),
    (r"{unfinished}", r".*lastUpdated(Epoch)?|.*last_updated(_epoch)?", "",
     "unfinished logs: the moment of the scan there, the time of the log's object here"),
    (r"{unfinished}", r".*[dD]uration.*", "",
     "unfinished work is measured against the moment of asking"),
]


# -- servers ---------------------------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def unpack():
    shutil.rmtree(WORK, ignore_errors=True)
    LOGS.mkdir(parents=True)
    for case, part in ARCHIVES:
        data = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((TESTS / "logs" / f"{case}.tar.zst").open("rb"))
        with tarfile.open(fileobj=io.BytesIO(data.read())) as tar:
            tar.extractall(LOGS, [m for m in tar if part in m.name])
    for p in LOGS.iterdir():  # a folder's own time changed when its files came
        if p.is_dir():
            t = max(f.stat().st_mtime for f in p.iterdir())
            os.utime(p, (t, t))


class Server:
    """A process that answers on a port, ended with the `with` block."""

    def __init__(self, name, command, port, env):
        self.name, self.command, self.url, self.env = name, command, f"http://127.0.0.1:{port}", env

    def __enter__(self):
        self.out = WORK / f"{self.name}.log"
        self.process = subprocess.Popen(self.command, env=self.env, cwd=WORK, stdin=subprocess.DEVNULL,
                                        stdout=self.out.open("wb"), stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=60) as r:
            return json.load(r)

    def listed(self):
        if self.process.poll() is not None:
            sys.exit(f"{self.name} ended:\n{self.out.read_text()[-3000:]}")
        try:
            return {a["id"]: len(a["attempts"]) for a in self.get("applications")}
        except (OSError, ValueError):
            return None


def ours(binary):
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("AFTERGLOW_")}
    command = [binary, "serve", "--logs", f"lab={LOGS}", "--store", str(WORK / "store"), "--listen", f"127.0.0.1:{port}"]
    return Server("afterglow", command, port, env)


def theirs():
    home = Path(pyspark.__file__).parent
    port = free_port()
    keep = 10_000_000
    conf = {"spark.history.fs.logDirectory": LOGS.as_uri(), "spark.history.fs.update.interval": "10d", "spark.history.ui.port": port,
            "spark.ui.retainedJobs": keep, "spark.ui.retainedStages": keep, "spark.ui.retainedTasks": keep,
            "spark.ui.retainedDeadExecutors": keep, "spark.sql.ui.retainedExecutions": keep}
    file = WORK / "history-server.conf"
    file.write_text("".join(f"{k} {v}\n" for k, v in conf.items()))
    env = {k: os.environ[k] for k in ("PATH", "HOME", "JAVA_HOME") if k in os.environ}
    env |= {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost", "SPARK_CONF_DIR": str(WORK),
            "TZ": "UTC", "LANG": "C.UTF-8", "SPARK_DAEMON_MEMORY": "1g"}
    command = [str(home / "bin" / "spark-class"), "org.apache.spark.deploy.history.HistoryServer", "--properties-file", str(file)]
    return Server("history-server", command, port, env)


def wait(servers, applications, seconds=180):
    """Until every server lists every application."""
    end = time.monotonic() + seconds
    while True:
        counts = {s.name: s.listed() for s in servers}
        if all(c is not None and sum(c.values()) >= applications for c in counts.values()):
            return
        if time.monotonic() > end:
            sys.exit(f"of {applications} attempts, listed after {seconds} s: {counts}")
        time.sleep(0.5)


# -- comparison ------------------------------------------------------------------------------------------------------------------

class Report:
    def __init__(self, unfinished):
        self.passed = self.failed = 0
        ids = "|".join(map(re.escape, unfinished))
        self.unfinished = unfinished
        self.rules = [(re.compile(case.replace("{unfinished}", f"({ids})")), re.compile(place), when) for case, place, when, _ in DIFFERENCES]

    def allowed(self, case, place, parent):
        return any(c.search(case) and p.fullmatch(place) and (not when or parent.get("completed") is False) for c, p, when in self.rules)

    def differences(self, case, a, b, place="$", parent=None):
        parent = parent or {}
        if type(a) is type(b) is dict:
            for k in [*a, *(k for k in b if k not in a)]:
                here = f"{place}.{k}"
                if k in a and k in b:
                    yield from self.differences(case, a[k], b[k], here, a)
                elif not self.allowed(case, here, a):
                    yield f"{here}: only {'there' if k in a else 'here'}"
        elif type(a) is type(b) is list:
            if len(a) != len(b):
                yield f"{place}: {len(a)} there, {len(b)} here"
            for i, (x, y) in enumerate(zip(a, b)):
                yield from self.differences(case, x, y, f"{place}.{i}", parent)
        elif a != b and not (type(a) is type(b) is float and math.isclose(a, b, rel_tol=1e-9)) and not self.allowed(case, place, parent):
            yield f"{place}: there {short(a)}, here {short(b)}"

    def case(self, name, there, here):
        """Notes one case: what the client made of the real server, and of ours."""
        found = list(self.differences(name, there, here))
        if found:
            self.failed += 1
            print(f"FAILED {name}", *found[:6], *([f"and {len(found) - 6} more"] if len(found) > 6 else []), sep="\n    ", flush=True)
        else:
            self.passed += 1

    def failure(self, what):
        self.failed += 1
        print(f"FAILED {what}", flush=True)


def short(v):
    text = json.dumps(v, ensure_ascii=False)
    return text if len(text) < 160 else f"{text[:157]}..."


def meaning(text, url):
    """JSON if it is some, else lines; either without the server's address and the headers of an error's HTTP answer, which have the
    date and the server's name."""
    text = re.sub(r"(?m)^HTTP response headers: .*$", "", text.replace(url, "<server>").replace(url.split("//")[1], "<server>"))
    try:
        return json.loads(text)
    except ValueError:
        return text.splitlines()


# -- spark-history-cli -----------------------------------------------------------------------------------------------------------

class App:
    """What there is of an application, as the real server says, for arguments that exist."""

    def __init__(self, server, info):
        self.id, self.name, attempts = info["id"], info["name"], info["attempts"]
        self.attempts = [a["attemptId"] for a in attempts if "attemptId" in a]
        # Of an application with attempts, endpoints want the one they are for.
        self.path = f"{self.id}/{self.attempts[0]}" if self.attempts else self.id
        self.finished = all(a["completed"] for a in attempts)
        get = lambda what: server.get(f"applications/{self.path}/{what}")
        self.jobs = [j["jobId"] for j in get("jobs")]
        self.stages = [(s["stageId"], s["attemptId"], s["status"]) for s in get("stages")]
        self.failing = [(s["stageId"], s["attemptId"]) for s in get("stages") if s["numFailedTasks"]]
        self.sql = [x["id"] for x in get("sql?details=false&planDescription=false&length=100000")]
        self.rdds = [r["id"] for r in get("storage/rdd")]
        self.executors = [e["id"] for e in get("allexecutors")]


def some(items, n):
    """First and last of them."""
    items = list(items)
    return items if len(items) <= n else items[: n - n // 2] + items[-(n // 2):]


def stages_of(app):
    odd = [(s, a) for s, a, status in app.stages if status != "COMPLETE" or a > 0]
    return sorted({*some(odd, 4), *((s, a) for s, a, _ in some(app.stages, 4))})


# What each command is run with, for an application; those of ROOT once.
ROOT = {
    "version": lambda apps: [[]],
    "apps": lambda apps: [[], ["--status", "completed"], ["--status", "running"], ["--limit", "3"], ["--limit", "0"],
                          ["--min-date", "2026-11-21"], ["--max-date", "2026-11-21"], ["--min-date", "nonsense"]],
    "app": lambda apps: [*([a.id] for a in apps), ["no-such-app"]],
    "install-skill": lambda apps: [["--target-dir", str(WORK / "skill"), "--force"]],
}
COMMANDS = {
    "attempts": lambda a: [[]],
    "attempt": lambda a: [*([n] for n in a.attempts), ["99"]],
    "env": lambda a: [[]],
    "executors": lambda a: [[], ["--all"]],
    "job": lambda a: [*([j] for j in some(a.jobs, 6)), [999999]],
    "job-stages": lambda a: [[j] for j in some(a.jobs, 6)],
    "jobs": lambda a: [[], *(["--status", s] for s in ("running", "succeeded", "failed", "unknown"))],
    "processes": lambda a: [[]],
    "rdd": lambda a: [*([r] for r in a.rdds), [999999]],
    "rdds": lambda a: [[]],
    "sql": lambda a: [[], ["--offset", 1, "--length", 2], *([x] for x in some(a.sql, 5)), [999999]],
    "sql-jobs": lambda a: [[x] for x in some(a.sql, 5)],
    "sql-plan": lambda a: [[x, *more] for x in some(a.sql, 3) for more in ([], ["--view", "initial"], ["--view", "final"], ["--dot"])],
    "stage": lambda a: [*([s, *more] for s, n in stages_of(a) for more in ([], ["--attempt", n])), [999999]],
    "stage-summary": lambda a: [[s, "--attempt", n] for s, n in stages_of(a)],
    "stage-tasks": lambda a: [[s, "--attempt", n, *more] for s, n in stages_of(a)
                              for more in ([], ["--length", 5, "--offset", 1, "--sort-by", "ID"], ["--sort-by", "runtime"])],
    "stages": lambda a: [[], *(["--status", s] for s in ("active", "complete", "pending", "failed"))],
    "summary": lambda a: [[]],
}
REPL = ["version", "status", "apps --limit 5", "use {id}", "app {id}", "attempts", "jobs", "job 0", "job-stages 0", "stages", "stage 0",
        "stage-summary 0", "stage-tasks 0 --length 3", "executors", "sql", "sql 0", "sql-plan 0 --view final", "sql-jobs 0", "summary",
        "processes", "rdds", "env", "status", "nonsense", "quit"]


def run_cli(server, prefix, args, stdin=None):
    url = server.url + prefix
    result = CliRunner().invoke(cli, ["--server", url, *map(str, args)], input=stdin)
    # The console script prints such an error; what it says is compared.
    error = result.exception if not isinstance(result.exception, SystemExit) else None
    return {"exit code": result.exit_code, "error": error and meaning(repr(error), url), "output": meaning(result.output, url)}


def logs_of(server, prefix, app):
    """The download's content instead of its bytes: compression differs."""
    file = WORK / f"{server.name}.zip"
    file.unlink(missing_ok=True)
    ran = run_cli(server, prefix, ["-a", app.id, "logs", str(file)])
    ran["output"] = None
    if file.exists():
        with zipfile.ZipFile(file) as z:
            ran["members"] = {i.filename: hashlib.sha256(z.read(i)).hexdigest() for i in z.infolist()}
    return ran


def cli_cases(report, real, own, apps):
    for name in sorted(set(cli.commands) - set(ROOT) - set(COMMANDS) - {"logs", "repl"}):
        report.failure(f"spark-history-cli {name}: has no case here")
    # The plain paths, and a cluster's own: the same client, unchanged.
    for prefix in ("", "/clusters/lab"):
        for mode in (["--json"], []):
            def both(args, judge=True):
                name = f"spark-history-cli{prefix} {' '.join(map(str, args))}"
                there, here = run_cli(real, "", args), run_cli(own, prefix, args)
                report.case(name, there, here)
            for command, cases in ROOT.items():
                # A table of unfinished applications shows their clock.
                for args in cases(apps):
                    if mode or not set(args) & set(report.unfinished) and (command != "apps" or "completed" in args):
                        both([*mode, command, *args])
            for app in apps:
                if prefix and app is not apps[0] or not mode and not app.finished:
                    continue
                for command, cases in COMMANDS.items():
                    # `attempt` puts the number behind the id itself, and downloads are of the whole application.
                    name = app.id if command in ("attempts", "attempt") else app.path
                    for args in cases(app):
                        both(["-a", name, *mode, command, *args])
        for app in apps:
            report.case(f"spark-history-cli{prefix} logs {app.id}", logs_of(real, "", app), logs_of(own, prefix, app))
    app = next(a for a in apps if a.finished and a.sql)
    # Without a terminal: its own fallback to plain lines.
    ReplSkin.create_prompt_session = lambda self: None
    for line in REPL:
        lines = f"use {app.id}\n{line}\nquit\n".format(id=app.id)
        there, here = (strip_colors(run_cli(s, "", [], lines)) for s in (real, own))
        report.case(f"spark-history-cli repl: {line}", there, here)


def strip_colors(ran):
    return {**ran, "output": [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in ran["output"]]}


# -- mcp-apache-spark-history-server ---------------------------------------------------------------------------------------------

def mcp_cases(apps):
    """(tool, arguments)"""
    yield "list_applications", {}
    yield "list_applications", {"status": ["COMPLETED"], "limit": 4}
    yield "list_applications", {"status": ["RUNNING"]}
    yield "list_applications", {"min_date": "2026-11-21", "max_date": "2026-11-22", "min_end_date": "2026-11-21", "max_end_date": "2026-11-22"}
    yield "list_applications", {"app_id": "no-such-app"}
    for a in apps:
        at = {"app_id": a.id, "app_attempt_id": a.attempts[0]} if a.attempts else {"app_id": a.id}
        yield "list_applications", {"app_id": a.id}
        if a.attempts:  # told to name an attempt
            yield "list_jobs", {"app_id": a.id}
        yield "list_jobs", at
        yield "list_jobs", {**at, "status": ["FAILED"], "sort_by": "duration"}
        yield "list_jobs", {**at, "offset": 1, "length": 2, "sort_by": "failed_tasks"}
        for job in some(a.jobs, 3):
            yield "list_jobs", {**at, "job_id": job}
        yield "list_stages", at
        yield "list_stages", {**at, "status": ["COMPLETE", "FAILED"], "sort_by": "duration", "offset": 1, "length": 3}
        yield "list_stages", {**at, "with_summaries": True}
        for stage, attempt in stages_of(a):
            yield "list_stage_task_failures", {**at, "stage_id": stage, "stage_attempt_id": attempt}
            yield "list_stage_task_failures", {**at, "stage_id": stage}
            if not a.attempts:
                yield "get_stage", {"app_id": a.id, "stage_id": stage}
                yield "get_stage", {"app_id": a.id, "stage_id": stage, "attempt_id": attempt, "with_summaries": True}
                yield "get_stage", {"app_id": a.id, "stage_id": stage, "with_summaries": True, "quantiles": "0.1, 0.9"}
        yield "get_environment", at
        for section in ("spark_properties", "system_properties", "hadoop_properties", "classpath_entries", "runtime", "nonsense"):
            yield "get_environment", {**at, "section": section}
        yield "list_executors", at
        yield "list_executors", {**at, "include_inactive": True, "sort_by": "total_gc_time", "offset": 0, "length": 2}
        for executor in some(a.executors, 3):
            yield "list_executors", {**at, "executor_id": executor}
        yield "get_executor_thread_dump", {**at, "executor_id": "driver", "state": "RUNNABLE", "name": "main", "blocked_only": True}
        yield "list_sql_executions", at
        yield "list_sql_executions", {**at, "status": "COMPLETED", "sort_by": "duration", "limit": 5, "page_size": 3}
        yield "list_sql_executions", {**at, "description": "collect"}
        for x in some(a.sql, 3):
            yield "get_sql_execution", {**at, "execution_id": x}
            yield "get_sql_execution", {**at, "execution_id": x, "include_plan": True, "include_initial_plan": True,
                                        "include_aggregated_metrics": True, "include_stages": True, "plan_max_length": 3000}
        if not a.attempts:
            yield "get_executor_summary", {"app_id": a.id}
            yield "get_job_bottlenecks", {"app_id": a.id}
            yield "get_job_bottlenecks", {"app_id": a.id, "top_n": 2}
            yield "get_resource_usage_timeline", {"app_id": a.id}
    single = [a for a in apps if not a.attempts and a.finished]
    for a, b in zip(single, single[1:]):
        two = {"app_id1": a.id, "app_id2": b.id}
        yield "compare_job_environments", two
        yield "compare_job_performance", two
        yield "compare_stages", {**two, "stage_id1": a.stages[0][0], "stage_id2": b.stages[0][0]}
        if a.sql and b.sql:
            yield "compare_sql_executions", two
            yield "compare_sql_executions", {**two, "execution_id1": a.sql[0], "execution_id2": b.sql[0], "include_plan_diff": True}


async def mcp_session(stack, server):
    config = WORK / f"{server.name}-mcp.json"  # JSON is YAML
    config.write_text(json.dumps({"servers": {"lab": {"url": server.url, "default": True}}, "mcp": {"transport": "stdio"}}))
    env = {"PATH": os.environ["PATH"], "HOME": str(WORK), "SHS_MCP_CONFIG": str(config), "SHS_MCP_TRANSPORT": "stdio",
           "AWS_EC2_METADATA_DISABLED": "true"}
    command = StdioServerParameters(command=str(Path(sys.executable).parent / "spark-mcp"), args=[], env=env, cwd=WORK)
    streams = await stack.enter_async_context(stdio_client(command, errlog=(WORK / f"{server.name}-mcp.log").open("w")))
    session = await stack.enter_async_context(ClientSession(*streams))
    await session.initialize()
    return session


async def mcp_tools(report, real, own, apps):
    async with AsyncExitStack() as stack:
        sessions = [await mcp_session(stack, s) for s in (real, own)]
        tools = {t.name: set(t.inputSchema["properties"]) for t in (await sessions[0].list_tools()).tools}
        used = {name: set() for name in tools}

        async def ask(session, server, tool, args):
            r = await session.call_tool(tool, args)
            texts = [meaning(c.text, server.url) for c in r.content]
            return {"isError": r.isError, "content": texts}

        for tool, args in mcp_cases(apps):
            used[tool] |= args.keys()
            if "server" not in used[tool]:
                used[tool].add("server")
                args = {**args, "server": "lab"}
            there, here = await asyncio.gather(ask(sessions[0], real, tool, args), ask(sessions[1], own, tool, args))
            report.case(f"mcp {tool} {json.dumps(args)}", there, here)
        for tool in sorted(tools):
            for missing in sorted(tools[tool] - used[tool]):
                report.failure(f"mcp {tool}: no case gives `{missing}`")


def main():
    binary = str(Path(sys.argv[1]).resolve(strict=True))
    unpack()
    attempts = sum(not p.name.startswith(".") for p in LOGS.iterdir())
    with ExitStack() as stack:
        real, own = stack.enter_context(theirs()), stack.enter_context(ours(binary))
        wait([real, own], attempts)
        infos = real.get("applications")
        apps = [App(real, info) for info in infos]
        apps.sort(key=lambda a: (not a.finished, not (a.sql and a.jobs)))
        report = Report([a.id for a in apps if not a.finished])
        began = time.monotonic()
        cli_cases(report, real, own, apps)
        print(f"spark-history-cli: {report.passed + report.failed} cases in {time.monotonic() - began:.0f} s", flush=True)
        began, before = time.monotonic(), report.passed + report.failed
        asyncio.run(mcp_tools(report, real, own, apps))
        print(f"mcp-apache-spark-history-server: {report.passed + report.failed - before} cases in {time.monotonic() - began:.0f} s", flush=True)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
