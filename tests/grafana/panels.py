"""Every panel and annotation over SQL: answered without an error, with rows, and with columns that the panel can draw."""
import re
import urllib.parse

import answers
import dashboards
import expand
import links
import world
from asking import Sql, settings
from complaints import check
from expand import Query

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
                links.follow(place, expand.link(link["url"], query.values, answer.first()))
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
        place = f"{name}: {p['title']}"
        plan = sql.ask(place, "EXPLAIN " + target["rawSql"], asked)
        opened = set(re.findall(r"fleet/(\w+)/date=", str(plan and plan.rows))) - ALWAYS.get(name, set())
        check(place, opened and f"opens files of {opened} for {expand.rfc3339(query.start)}")


def test(binary):
    folders = world.logs()
    store = world.WORK / "store"
    world.ingest(binary, store, folders)
    with world.afterglow(binary, "history", store) as server:
        base = server.found["http"]
        sql = Sql(server.found["postgres"])
        for ping in ("-- ping", ";"):  # what `Save & test` of a data source sends
            check("data source", sql.connection.pgconn.exec_(ping.encode()).error_message.decode())
        apps = [(c, app) for c in folders for app in world.get(f"{base}/clusters/{urllib.parse.quote(c)}/api/v1/applications")]
        attempts = [a for _, app in apps for a in app["attempts"]]
        start = min(a["startTimeEpoch"] for a in attempts) - MINUTE
        end = max(a["startTimeEpoch"] + a["duration"] for a in attempts) + MINUTE
        check("range", end - start > DAY and "the logs are not of one day: charts would have one point")
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
        answers.rules_fire(sql, apps, start, end)
        answers.are_right(sql, found, base, apps, folders, start, end)
        links.lead_somewhere(base)
        print(f"sql: {len(seen)} panels and annotations over {len(apps)} applications, {len(links.LED)} links")
