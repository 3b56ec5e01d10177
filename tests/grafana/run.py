#!/usr/bin/env python3
"""Every query of the Grafana dashboards, against the real thing.

Grafana is not run. What it would send is: the macros and variables of every panel, variable, annotation and alert rule are expanded as Grafana
does (expand.py) and asked over the PostgreSQL protocol by psycopg, of a server with real logs of Spark; those for Prometheus are asked of a real
Prometheus that scrapes Afterglow. Each must be answered without an error, with rows, and with columns that the panel can draw; some answers are
compared with what the logs or the REST API say.
"""
import argparse
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psycopg

import dashboards
import expand
import world
from dashboards import Result
from expand import Query, Value

MINUTE = 60_000
DAY = 86_400_000
#: Files that are opened whatever the range: an executor of an old application may still be there, and of files without a time in a column, which
#: is when no executor of a cluster went on a day, nothing is known.
ALWAYS = {"cost.json": {"executors"}, "memory.json": {"executors"}}
#: What is in none of these logs: (file, panel) -> what is missing of its answers. File sources tell no offsets, and there is no Kafka here.
ABSENT = {
    ("streaming.json", "Offsets not read yet"): "no rows for any choice",
    ("streaming.json", "Queries"): "offset_lag is null everywhere",
}
wrong = []


def check(place, complaint):
    if complaint:
        wrong.append(f"{place}: {complaint}")


# -- files -----------------------------------------------------------------------------------------------------------------------

def files():
    """What needs no server: that files are as their sources, and say all that they should."""
    expand.main()
    made = subprocess.run([sys.executable, str(dashboards.HERE / "source"), "--check"], capture_output=True, text=True)
    check("dashboards", made.returncode and made.stderr.strip())
    found = dashboards.all_of_them()
    check("dashboards", len(found) != 7 and f"{len(found)} dashboards")
    uids = {d["uid"] for d in found.values()}
    check("dashboards", len(uids) != len(found) and "two have one uid")
    for name, d in found.items():
        ids = [p["id"] for p in d["panels"]]
        check(name, len(set(ids)) != len(ids) and "two panels have one id")
        check(name, not d["description"] and "no description")
        for p in dashboards.panels(d):
            place = f"{name}: {p['title']}"
            defaults = p["fieldConfig"]["defaults"]
            check(place, not 40 < len(p.get("description", "")) < 320 and "needs a description of one or two sentences")
            check(place, not defaults.get("unit") and "no unit")
            check(place, p["type"] in ("stat", "timeseries") and defaults["unit"] not in ("none",) and "decimals" not in defaults and "$custom" not in p["title"] and "no decimals")
            check(place, p["gridPos"]["x"] + p["gridPos"]["w"] > 24 and "wider than the page")
            for target in p["targets"]:
                sql = target.get("rawSql")
                check(place, sql and "date " not in sql and "no bound by date")
        rows = [i for i, p in enumerate(d["panels"]) if p["type"] == "row"] + [len(d["panels"])]
        check(name, max(b - a for a, b in zip([-1, *rows], rows)) > 13 and "more than twelve panels under one heading")
    sources = {s["uid"]: s["type"] for f in dashboards.provisioned("datasources") for s in f["datasources"]}
    check("datasources", sources != {"afterglow-sql": dashboards.SQL, "afterglow-metrics": "prometheus"} and str(sources))
    for f in dashboards.provisioned("dashboards"):
        check("provisioning/dashboards", not f["providers"] and "no provider")
    for rule in alert_rules():
        check(rule["title"], rule["annotations"]["__dashboardUid__"] not in uids and "leads to no dashboard")
        check(rule["title"], rule["data"][0]["datasourceUid"] not in sources and "asks a data source that is not provisioned")


def alert_rules():
    return [rule for f in dashboards.provisioned("alerting") for group in f["groups"] for rule in group["rules"]]


# -- SQL -------------------------------------------------------------------------------------------------------------------------

class Sql:
    """Asks as Grafana does: one text, no parameters."""

    def __init__(self, port):
        self.connection = psycopg.connect(f"host=127.0.0.1 port={port} dbname=afterglow user=grafana", autocommit=True)

    def ask(self, place, text, query):
        """The answer; None, and a complaint, if there is none."""
        try:
            statement, _ = expand.sql(text, query)
        except expand.MacroError as e:
            return check(place, f"Grafana: {e}")
        try:
            cursor = self.connection.execute(statement)
        except psycopg.Error as e:
            return check(place, f"{e}\n{statement}")
        columns = cursor.description
        kinds = [self.connection.adapters.types.get(c.type_code) for c in columns]
        return Result([c.name for c in columns], [k.name if k else "?" for k in kinds], cursor.fetchall())


def options(result):
    """What Grafana makes of a variable's answer: the values to choose."""
    if "__value" in result.names:
        return [str(v) for v in dict(zip(result.column("__text"), result.column("__value"))).values()]
    return [str(v) for v in dict.fromkeys(value for row in result.rows for value in row)]


def settings(sql, name, dashboard, query, chosen):
    """Values of a dashboard's variables, in their order, each for what was chosen before: what `chosen` says; else all of those that may have
    several, and of others the first."""
    values = {}
    for v in dashboard["templating"]["list"]:
        if v["type"] == "textbox":
            values[v["name"]] = Value(chosen.get(v["name"], v["query"]))
        elif v["type"] == "query":
            answer = sql.ask(f"{name}: variable {v['name']}", v["query"], Query(query.start, query.end, values=values))
            found = options(answer) if answer else []
            if not found:
                check(f"{name}: variable {v['name']}", f"nothing to choose with {chosen}")
            wanted = chosen.get(v["name"])
            absent = set([wanted] if isinstance(wanted, str) else wanted or []) - set(found)
            check(f"{name}: variable {v['name']}", absent and f"{absent} are not among {found}")
            if v["multi"] and not wanted:
                values[v["name"]] = Value(v["allValue"], multi=True, raw=True)
            elif v["multi"]:
                values[v["name"]] = Value([wanted] if isinstance(wanted, str) else wanted, multi=True)
            else:
                values[v["name"]] = Value(wanted or (found[0] if found else ""))
    return values


def statements(dashboard, query):
    for p in dashboard["panels"]:
        for target in p.get("targets", []):
            yield p, target, Query(query.start, query.end, least=p.get("interval"), values=query.values)


def look_at(sql, name, dashboard, query, seen):
    """Asks all of a dashboard for one choice of its variables; `seen` collects what had rows and numbers."""
    for p, target, asked in statements(dashboard, query):
        place = f"{name}: {p['title']}"
        seen.setdefault(place, set())
        answer = sql.ask(place, target["rawSql"], asked)
        if answer is None:
            continue
        check(place, len(answer.rows) >= 100_000 and "too many rows")
        if target["format"] == "time_series":
            check(place, dashboards.wrong_with_series(answer))
        if p["type"] == "stat" and answer.rows:
            check(place, len(answer.rows) != 1 and "more than one row for one number")
            check(place, not (dashboards.numbers(answer) or p["options"]["reduceOptions"]["fields"]) and "no number")
        if p["type"] == "table":
            check(place, dashboards.named_columns(p) - set(answer.names) and f"overrides of absent columns {dashboards.named_columns(p) - set(answer.names)}")
        if answer.rows:
            seen[place].add("rows")
            numbers = dashboards.numbers(answer)
            seen[place] |= {f"number {n}" for n in numbers if any(v is not None for v in answer.column(n))}
            seen[place] |= {f"wanted {n}" for n in numbers}
            for link in dashboards.links(p):
                follow(place, expand.link(link["url"], query.values, answer.first()))
    for a in dashboard["annotations"]["list"]:
        place = f"{name}: annotation {a['name']}"
        seen.setdefault(place, set())
        answer = sql.ask(place, a["target"]["rawSql"], query)
        if answer is not None:
            kinds = dict(zip(answer.names, answer.types))
            check(place, (kinds.get("time") not in dashboards.TIMES or "text" not in kinds) and f"needs time and text: {kinds}")
            seen[place] |= {"rows"} if answer.rows else set()


def opens_nothing(sql, name, dashboard, query):
    """No file of a table is in the plan of a statement about days that have none."""
    for p, target, asked in statements(dashboard, query):
        plan = sql.connection.execute("EXPLAIN " + expand.sql(target["rawSql"], asked)[0]).fetchall()
        opened = set(re.findall(r"fleet/(\w+)/date=", str(plan))) - ALWAYS.get(name, set())
        check(f"{name}: {p['title']}", opened and f"opens files of {opened} for {expand.rfc3339(query.start)}")


PAGES = dashboards.ui_pages()
LED = {}


def follow(place, address):
    """Remembers where a link leads; each is looked up once."""
    LED.setdefault(address, place)


def links_lead_somewhere(base):
    found = dashboards.all_of_them()
    by_uid = {d["uid"]: {v["name"] for v in d["templating"]["list"]} for d in found.values()}
    for address, place in LED.items():
        if "${" in address or "None" in address:
            check(place, f"a link is not expanded: {address}")
        elif address.startswith("/d/"):
            path, _, rest = address.partition("?")
            names = {k.removeprefix("var-") for k, _ in urllib.parse.parse_qsl(rest) if k.startswith("var-")}
            check(place, not names <= by_uid.get(path.removeprefix("/d/"), set()) and f"leads nowhere: {address}")
        else:
            parts = address.removeprefix(base + "/apps/").split("/")
            if parts == [address]:
                check(place, f"is no address of an application: {address}")
                continue
            app = world.get(f"{base}/clusters/{parts[0]}/api/v1/applications/{parts[1]}")
            rest = parts[2:]
            if rest and rest[0] in {a.get("attemptId") for a in app["attempts"]}:
                rest = rest[1:]
            check(place, not any(page.fullmatch("/".join(rest)) for page in PAGES) and f"is no page: {address}")
    check("links", len(LED) < 20 and f"only {len(LED)} links")


def sql_part(binary):
    folders = world.logs()
    store = world.WORK / "store"
    world.ingest(binary, store, folders)
    with world.afterglow(binary, "history", store) as server:
        base = server.found["http"]
        sql = Sql(server.found["postgres"])
        for ping in ("-- ping", ";"):  # what `Save & test` of a data source sends
            check("data source", sql.connection.pgconn.exec_(ping.encode()).error_message.decode())
        apps = [(c, app) for c in folders for app in world.get(f"{base}/clusters/{urllib.parse.quote(c)}/api/v1/applications")]
        times = [a[t] for _, app in apps for a in app["attempts"] for t in ("startTimeEpoch", "lastUpdatedEpoch", "endTimeEpoch") if a[t] > 0]
        start = min(times) - MINUTE
        end = max(a["startTimeEpoch"] + a["duration"] for _, app in apps for a in app["attempts"]) + MINUTE
        seen = {}
        found = {n: d for n, d in dashboards.all_of_them().items() if n != "self.json"}
        for name, dashboard in found.items():
            everything = Query(start, end)
            choices = [{"afterglow": base}, {"afterglow": base, "cluster": ["batch", "it's streaming"]}]
            if name == "application.json":
                choices = [{"cluster": c, "app": app["id"], "attempt": a.get("attemptId", "-"), "afterglow": base} for c, app in apps for a in app["attempts"]]
            elif name in ("cluster.json", "streaming.json"):
                choices = [{"cluster": c, "afterglow": base} for c in folders if name == "cluster.json" or c in ("live", "it's streaming")]
            elif name == "cost.json":
                choices = [{"afterglow": base}, {"afterglow": base, "core_hour": "0.05", "gib_hour": "0.005"}, {"afterglow": base, "core_hour": "1,5"}]
            for chosen in reversed(choices):
                values = settings(sql, name, dashboard, everything, chosen)
                look_at(sql, name, dashboard, Query(start, end, values=values), seen)
            # Coarser; and where nothing is: no error, and no file is opened.
            look_at(sql, name, dashboard, Query(end - 30 * DAY, end, values=values), {})
            for far in (Query(start - 400 * DAY, start - 399 * DAY, values=values), Query(start + 400 * DAY, start + 401 * DAY, values=values)):
                look_at(sql, name, dashboard, far, {})
                opens_nothing(sql, name, dashboard, far)
        for place, had in seen.items():
            expected = ABSENT.get(tuple(place.split(": ", 1)), "")
            missing = "no rows for any choice" if "rows" not in had else ", ".join(
                f"{w.removeprefix('wanted ')} is null everywhere" for w in sorted(had) if w.startswith("wanted ") and w.replace("wanted", "number") not in had)
            check(place, missing != expected and (missing or "has now what these logs lacked"))
        rules_fire(sql, apps, start, end)
        answers_are_right(sql, found, base, apps, folders, start, end)
        links_lead_somewhere(base)
        print(f"sql: {len(seen)} panels and annotations over {len(apps)} applications, {len(LED)} links")


def rules_fire(sql, apps, start, end):
    """Each alert rule, evaluated at the end of the logs: what names an instance is text, and there is one number."""
    answers = {}
    for rule in alert_rules():
        model = rule["data"][0]["model"]
        span = max(rule["data"][0]["relativeTimeRange"]["from"] * 1000, end - start)
        answer = sql.ask(f"alert {rule['title']}", model["rawSql"], Query(end - span, end))
        if answer is None:
            continue
        place = f"alert {rule['title']}"
        check(place, model["format"] != "table" and "wants a table")
        check(place, len(dashboards.numbers(answer)) != 1 and f"needs one number, has {dashboards.numbers(answer)}")
        others = [k for n, k in zip(answer.names, answer.types) if n not in dashboards.numbers(answer)]
        check(place, set(others) - {"text", "varchar"} and f"labels must be texts: {others}")
        bound = rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0]
        place_of = answer.names.index(dashboards.numbers(answer)[0])
        answers[rule["uid"]] = ([r for r in answer.rows if r[place_of] > bound], answer.rows)
    expected = {
        # Three of four failed there; elsewhere fewer than three.
        "afterglow-failures": lambda fired, rows: [r[0] for r in fired] == ["it's streaming"],
        "afterglow-executors-lost": lambda fired, rows: not fired and sorted((r[0], r[1], r[3]) for r in rows) == [("batch", "failures", 1), ("executors", "executors lost", 1)],
        "afterglow-gc": lambda fired, rows: not fired,
        "afterglow-streaming-behind": lambda fired, rows: len(rows) > 3,
        "afterglow-streaming-silent": lambda fired, rows: {r[0] for r in rows} == {"live"},
    }
    for uid, right in expected.items():
        fired, rows = answers.get(uid, ([], []))
        check(f"alert {uid}", not right(fired, rows) and f"fires for {fired}, of {rows}")


def answers_are_right(sql, found, base, apps, folders, start, end):
    """Some panels, compared with the REST API and with the logs themselves."""
    def panel(name, title, **chosen):
        d = found[name]
        values = settings(sql, name, d, Query(start, end), {"afterglow": base, **chosen})
        p = next(p for p in d["panels"] if p["title"] == title)
        return sql.ask(f"{name}: {title}", p["targets"][0]["rawSql"], Query(start, end, least=p.get("interval"), values=values))

    attempts = [a for _, app in apps for a in app["attempts"]]
    check("fleet.json: Started", panel("fleet.json", "Started").rows != [(len(attempts),)] and f"not {len(attempts)}")
    check("fleet.json: Running now", panel("fleet.json", "Running now").rows != [(1,)] and "not 1")
    ended = len(attempts) - 1
    counted = panel("fleet.json", "Applications that ended")
    check("fleet.json: Applications that ended", sum(counted.column("applications")) != ended and f"{sum(counted.column('applications'))} and not {ended}")

    # The rest against the lines of a log: the core time in use is that of its tasks, each of which takes a core; and rows of streaming queries.
    taken, progress = 0, {}
    for log in folders["live"].iterdir():
        for event in map(json.loads, log.read_text().splitlines()):
            if event["Event"] == "SparkListenerTaskEnd":
                taken += event["Task Info"]["Finish Time"] - event["Task Info"]["Launch Time"]
            if event["Event"].endswith("QueryProgressEvent"):
                p = event["progress"]
                counted = progress.setdefault(p["name"] or p["id"][:8], [0, 0])
                counted[0] += 1
                counted[1] += sum(s["numInputRows"] for s in p["sources"])
    used = panel("cost.json", "Core-hours used", cluster="live").rows[0][0] * 3_600_000
    check("cost.json: Core-hours used", abs(used - taken) > 1e-6 and f"{used} ms and not {taken} ms")
    queries = panel("streaming.json", "Queries", cluster="live")
    told = {q: [b, r] for q, b, r in zip(queries.column("query"), queries.column("batches"), queries.column("rows"))}
    check("streaming.json: Queries", told != progress and f"{told} and not {progress}")

    # A cost is hours at a price, and without a price there is none.
    used = panel("cost.json", "Core-hours used").rows[0][0]
    had, gib = panel("cost.json", "Core-hours").rows[0][0], panel("cost.json", "GiB-hours").rows[0][0]
    priced = panel("cost.json", "Cost", core_hour="0.05", gib_hour="0.005").rows[0][0]
    check("cost.json: Cost", abs(priced - had * 0.05 - gib * 0.005) > 1e-9 and f"{priced} for {had} core-hours and {gib} GiB-hours")
    for chosen in ({}, {"core_hour": "", "gib_hour": "x"}):
        check("cost.json: Cost", panel("cost.json", "Cost", **chosen).rows != [(None,)] and f"a cost without a price: {chosen}")
    check("cost.json: Cost of idle cores", abs(panel("cost.json", "Cost of idle cores", core_hour="2").rows[0][0] - (had - used) * 2) > 1e-9 and "wrong")


# -- Prometheus ------------------------------------------------------------------------------------------------------------------

#: Expressions that may be empty: what they count did not happen here.
QUIET = {"Failures and damage"}


def prometheus_part(binary):
    program = world.prometheus()
    folders = world.logs()
    world.unpack("4.3.0/derived", folders["batch"])  # has damaged logs
    sources = [arg for name, folder in folders.items() for arg in ("--logs", f"{name}={folder}")]
    with world.afterglow(binary, "serve", world.WORK / "served", *sources, postgres=False, AFTERGLOW_INGEST__POLL="1s") as server:
        base = server.found["http"]
        try:
            urllib.request.urlopen(f"{base}/metrics", timeout=30).close()
        except urllib.error.HTTPError:
            return skip("Prometheus panels of the dashboards (tests/grafana): this binary has no /metrics")
        if not program:
            return skip("Prometheus panels of the dashboards (tests/grafana): no prometheus: run tests/prepare.sh")
        config = world.WORK / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: afterglow\n    static_configs: "
                          f"[{{targets: ['{base.removeprefix('http://')}']}}]\n")
        with world.Process([program, f"--config.file={config}", f"--storage.tsdb.path={world.WORK / 'tsdb'}", "--web.listen-address=127.0.0.1:0"],
                           {"address": r"msg=\"?Listening on\"? address=(\S+)"}) as of:
            api = f"http://{of.found['address']}/api/v1"
            began = int(time.time() * 1000)
            deadline = time.time() + 20
            while time.time() < deadline:  # something to measure
                some = [f"/clusters/executors/api/v1/applications/{app['id']}/stages" for app in world.get(f"{base}/clusters/executors/api/v1/applications")]
                for path in ("/api/v1/applications", "/api/v1/applications/nobody", "/sources", *some):
                    try:
                        urllib.request.urlopen(base + path, timeout=30).read()
                    except urllib.error.HTTPError:
                        pass
                world.get(f"{base}/api/afterglow/v1/sql", {"query": "SELECT count(*) FROM stages"})
                time.sleep(0.5)
            ask_prometheus(api, began)


def ask_prometheus(api, began):
    dashboard = dashboards.all_of_them()["self.json"]
    now = int(time.time() * 1000)
    values = {}
    for v in dashboard["templating"]["list"]:
        if v["type"] == "query":
            query = expand.variables(v["query"], values, expand.prometheus_default)
            metric, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            found = world.get(f"{api}/label/{label}/values?match[]={urllib.parse.quote(metric)}")["data"]
            check(f"self.json: variable {v['name']}", not found and "nothing to choose")
            values[v["name"]] = Value(v["allValue"], multi=True, raw=True) if v["multi"] else Value(found[0] if found else "")
    count = 0
    for p in dashboards.panels(dashboard):
        for target in p["targets"]:
            place = f"self.json: {p['title']} {target['refId']}"
            asked = Query(now - 15 * MINUTE, now, source_least="1s", values=values)
            text = expand.prometheus(target["expr"], asked, 1000)
            if target["instant"]:
                url = f"{api}/query?" + urllib.parse.urlencode({"query": text, "time": now / 1000})
            else:
                url = f"{api}/query_range?" + urllib.parse.urlencode({"query": text, "start": began / 1000, "end": now / 1000, "step": asked.interval_ms / 1000})
            try:
                answer = world.get(url)["data"]["result"]
            except urllib.error.HTTPError as e:
                check(place, e.read().decode())
                continue
            count += 1
            samples = [s[1] for r in answer for s in r.get("values", [r.get("value")])]
            check(place, not any(s != "NaN" for s in samples) and p["title"] not in QUIET and f"no number: {text}")
            check(place, target["instant"] and len(answer) != 1 and f"{len(answer)} numbers where one is shown: {text}")
            legend = target["legendFormat"]
            for label in re.findall(r"\{\{(\w+)\}\}", legend):
                check(place, any(label not in r["metric"] for r in answer) and f"no label {label} for the legend")
    print(f"prometheus: {count} expressions")


skipped = []


def skip(what):
    skipped.append(what)


PARTS = {"files": lambda _: files(), "sql": sql_part, "prometheus": prometheus_part}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("binary", type=lambda path: str(Path(path).resolve()))
    args.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all without any")
    args.add_argument("--skipped", type=Path, help="where to write what could not be tested, a line each")
    args = args.parse_args()
    for name in args.parts or PARTS:
        PARTS[name](args.binary)
    if wrong:
        complaints = list(dict.fromkeys(wrong))
        sys.exit("\n".join(complaints) + f"\n{len(complaints)} complaints")
    if args.skipped and skipped:
        args.skipped.write_text("\n".join(skipped) + "\n")
    for what in skipped if not args.skipped else ():
        print(f"SKIPPED: {what}")


if __name__ == "__main__":
    main()
