"""Answers that are compared: alert rules with what is known of the logs, panels with the REST API and with the lines of a log."""
import json

import dashboards
from asking import settings
from complaints import check
from expand import Query


def rules_fire(sql, apps, start, end):
    """Each alert rule, evaluated at the end of the logs: what names an instance is text, and there is one number."""
    answers = {}
    for rule in dashboards.alert_rules():
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


def are_right(sql, found, base, apps, folders, start, end):
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
