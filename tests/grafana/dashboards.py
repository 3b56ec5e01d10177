"""The dashboards and what is in them, as the tests look at it."""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent.parent.parent / "dashboards"
SQL = "grafana-postgresql-datasource"


def all_of_them():
    return {path.name: json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))}


def panels(dashboard):
    return [p for p in dashboard["panels"] if p["type"] != "row"]


def provisioned(kind):
    return [yaml.safe_load(path.read_text()) for path in sorted((HERE / "provisioning" / kind).glob("*.yaml"))]


def alert_rules():
    return [rule for f in provisioned("alerting") for group in f["groups"] for rule in group["rules"]]


@dataclass
class Result:
    """An answer: names and PostgreSQL's types of columns, rows of values."""
    names: list
    types: list
    rows: list

    def column(self, name):
        place = self.names.index(name)
        return [row[place] for row in self.rows]

    def first(self):
        return dict(zip(self.names, self.rows[0]))


NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
TIMES = {"timestamptz", "timestamp"}


def wrong_with_series(result):
    """Why Grafana could not draw an answer over time, if it could not."""
    if result.names.count("time") != 1:
        return f"needs one column time, has {result.names}"
    kinds = dict(zip(result.names, result.types))
    if kinds["time"] not in NUMBERS | TIMES:
        return f"time is {kinds['time']}"
    times = result.column("time")
    if None in times:
        return "null among the times"
    if times != sorted(times):
        return "times are not in order"
    labels = [n for n in result.names if n != "time" and kinds[n] not in NUMBERS]
    if labels not in ([], ["metric"]):
        return f"columns that are neither number nor `metric`: {labels}"
    if labels and len(result.names) != 3:
        return f"`metric` names a series only beside one number: {result.names}"
    keys = list(zip(times, result.column("metric"))) if labels else times
    if len(set(keys)) != len(keys):
        return "two rows of one series at one time"
    return None if [n for n in result.names if n not in ("time", "metric")] else "no number"


def numbers(result):
    return [n for n, kind in zip(result.names, result.types) if kind in NUMBERS and n != "time"]


def named_columns(panel):
    """Columns that overrides of a table name."""
    return {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"] if o["matcher"]["id"] == "byName"}


def links(panel):
    found = list(panel["fieldConfig"]["defaults"].get("links", []))
    for override in panel["fieldConfig"]["overrides"]:
        found += [link for p in override["properties"] if p["id"] == "links" for link in p["value"]]
    return found


def ui_pages():
    """The addresses of the pages of an application, from the list of the UI, as patterns."""
    text = (HERE.parent / "ui/src/pages/index.ts").read_text()
    listed = re.search(r"appPages: Page\[\] = \[(.*?)\n\];", text, re.S)[1]
    paths = re.findall(r"path: '([^']*)'", listed)
    assert len(paths) > 10, paths
    return [re.compile("/".join("[^/]+" if part.startswith(":") else re.escape(part) for part in path.split("/")) or "") for path in paths]
