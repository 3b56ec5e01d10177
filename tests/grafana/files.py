"""What needs no server: files are as their sources make them, and say all that they should."""
import subprocess
import sys

import dashboards
import expand
from complaints import check


def test(_binary):
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
    for rule in dashboards.alert_rules():
        place = (rule["annotations"]["__dashboardUid__"], int(rule["annotations"]["__panelId__"]))
        check(rule["title"], place not in {(d["uid"], p["id"]) for d in found.values() for p in dashboards.panels(d)} and "leads to no panel")
        check(rule["title"], place != (rule["dashboardUid"], rule["panelId"]) and "leads to two panels")
        check(rule["title"], rule["data"][0]["datasourceUid"] not in sources and "asks a data source that is not provisioned")
