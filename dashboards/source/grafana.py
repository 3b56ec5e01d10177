"""What dashboards are made of: panels, queries, variables, links, and their places.

Panels are placed from left to right and wrap at 24 columns. Every panel has a unit and a description; what is not known is shown as such.
"""
import re

SQL = {"type": "grafana-postgresql-datasource", "uid": "${sql}"}
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
TEXT = {"type": "datasource", "uid": "grafana"}

#: Names of the value columns of a query get these colours everywhere.
COLOURS = {
    "completed": "green", "running": "blue", "failed": "red", "lost": "orange",
    "busy": "green", "idle": "super-light-yellow", "pending": "orange",
}
NOT_KNOWN = "not known"


def squeeze(text):
    """One statement, its lines without the indentation that they have in Python."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def steps(*bounds, first="green"):
    """Thresholds: the colour below the first bound, then (bound, colour) each."""
    return {"mode": "absolute", "steps": [{"color": first, "value": None}, *({"color": c, "value": b} for b, c in bounds)]}


PLAIN = steps(first="text")


# -- queries ---------------------------------------------------------------------------------------------------------------------

def over_time(sql, ref="A"):
    """A query for a panel over time: a column `time`, a column `metric` that names series, numbers."""
    return {"refId": ref, "datasource": SQL, "editorMode": "code", "format": "time_series", "rawQuery": True, "rawSql": squeeze(sql)}


def rows(sql, ref="A"):
    """A query whose rows are shown as they are."""
    return {**over_time(sql, ref), "format": "table"}


def prom(expr, legend="", ref="A", instant=False):
    return {
        "refId": ref, "datasource": PROMETHEUS, "editorMode": "code", "expr": squeeze(expr), "legendFormat": legend,
        "range": not instant, "instant": instant,
    }


# -- panels ----------------------------------------------------------------------------------------------------------------------

def panel(kind, title, description, targets, size, *, unit, decimals=None, thresholds=PLAIN, options=None, custom=None, overrides=(), links=(),
          min_interval=None, mappings=(), no_value=NOT_KNOWN, low=None, high=None):
    targets = targets if isinstance(targets, list) else [targets]
    defaults = {"unit": unit, "thresholds": thresholds, "mappings": list(mappings), "noValue": no_value, "color": {"mode": "palette-classic"}}
    for key, value in (("decimals", decimals), ("min", low), ("max", high), ("custom", custom)):
        if value is not None:
            defaults[key] = value
    if links:
        defaults["links"] = list(links)
    made = {
        "type": kind, "title": title, "description": description, "datasource": targets[0]["datasource"] if targets else TEXT,
        "gridPos": {"w": size[0], "h": size[1], "x": 0, "y": 0}, "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)}, "options": options or {},
    }
    if min_interval:
        made["interval"] = min_interval
    return made


def stat(title, description, target, *, unit="short", decimals=None, thresholds=PLAIN, size=(4, 4), mappings=(), no_value=NOT_KNOWN, links=(), fields=""):
    options = {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": fields}, "colorMode": "value", "graphMode": "none",
        "justifyMode": "auto", "orientation": "auto", "textMode": "value", "wideLayout": True, "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    made = panel("stat", title, description, target, size, unit=unit, decimals=decimals, thresholds=thresholds, options=options,
                 mappings=mappings, no_value=no_value, links=links)
    made["fieldConfig"]["defaults"]["color"] = {"mode": "thresholds"}
    return made


def series(title, description, target, *, unit, decimals=None, size=(12, 8), stacked=False, bars=False, thresholds=None, low=0, high=None,
           min_interval="10s", overrides=(), table=False, connect=False):
    custom = {
        "drawStyle": "bars" if bars else "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 60 if bars else 25 if stacked else 5,
        "showPoints": "auto", "pointSize": 4, "spanNulls": connect, "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "axisSoftMin": 0, "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    options = {
        "legend": {"showLegend": True, "displayMode": "table" if table else "list", "placement": "right" if table else "bottom",
                   "calcs": ["mean", "max"] if table else []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    text = str(target)
    colours = [by_name(name, color={"mode": "fixed", "fixedColor": colour}) for name, colour in COLOURS.items()
               if re.search(rf"AS {name}\b|status AS metric", text)]
    return panel("timeseries", title, description, target, size, unit=unit, decimals=decimals, thresholds=thresholds or PLAIN, options=options,
                 custom=custom, overrides=[*colours, *overrides], min_interval=min_interval, low=low, high=high)


def yes_no(title, description, target, *, size=(12, 6), min_interval="10s"):
    """States over time: 1 is yes, which is bad, and 0 no."""
    options = {
        "mergeValues": True, "showValue": "never", "alignValue": "left", "rowHeight": 0.8,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}, "tooltip": {"mode": "single", "sort": "none"},
    }
    words = {"type": "value", "options": {"1": {"text": "yes", "color": "red", "index": 0}, "0": {"text": "no", "color": "green", "index": 1}}}
    return panel("state-timeline", title, description, target, size, unit="none", decimals=0, options=options,
                 custom={"lineWidth": 0, "fillOpacity": 70}, mappings=[words], min_interval=min_interval)


def table(title, description, target, *, columns=None, size=(24, 8), hidden=(), links=None, sort=None, no_value=NOT_KNOWN):
    """`columns`: column -> properties of its field; `links`: column -> links on it."""
    overrides = [by_name(name, **properties) for name, properties in (columns or {}).items()]
    overrides += [by_name(name, links=[link]) for name, link in (links or {}).items()]
    # Hidden ones are there for links. The one property is of Grafana 11, the other of later versions; each ignores what it does not know.
    overrides += [by_name(name, **{"custom.hidden": True, "custom.hideFrom.viz": True}) for name in hidden]
    options = {"frameIndex": 0, "showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": sort[0], "desc": sort[1]}] if sort else []}
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True}
    return panel("table", title, description, target, size, unit="none", options=options, custom=custom, overrides=overrides, no_value=no_value)


def by_name(name, **properties):
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": i, "value": v} for i, v in properties.items()]}


def note(title, description, text, size=(24, 3)):
    made = panel("text", title, description, [], size, unit="none", options={"mode": "markdown", "content": squeeze(text)})
    del made["fieldConfig"]["defaults"]["noValue"]
    return made


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "gridPos": {"w": 24, "h": 1, "x": 0, "y": 0}, "panels": []}


# Properties of columns.
BYTES = {"unit": "bytes", "decimals": 1}
SHARE = {"unit": "percentunit", "decimals": 1}
MILLIS = {"unit": "ms", "decimals": 1}
HOURS = {"unit": "h", "decimals": 2}
COUNT = {"unit": "short", "decimals": 0}
MONEY = {"unit": "none", "decimals": 2}


# -- links -----------------------------------------------------------------------------------------------------------------------

def link(title, url):
    return {"title": title, "url": url, "targetBlank": True}


def in_afterglow(page=""):
    """To the page of a row's application; the row has the columns of LINKED."""
    field = "${__data.fields.%s:percentencode}"
    return link("Open in Afterglow", "${afterglow:raw}/apps/" + field % "cluster" + "/" + field % "app_id" + "${__data.fields.attempt_path:raw}" + page)


APPLICATION = {
    "title": "Open its dashboard", "targetBlank": False,
    "url": "/d/afterglow-application?var-cluster=${__data.fields.cluster:percentencode}&var-app=${__data.fields.app_id:percentencode}"
           "&var-attempt=${__data.fields.attempt:percentencode}&from=${__data.fields.from_ms:raw}&to=${__data.fields.to_ms:raw}",
}

#: Columns of a row for the links above, of `applications`; all text, so that no unit gets into an address.
LINKED = """cluster, app_id, coalesce(attempt_id, '-') AS attempt, coalesce('/' || attempt_id, '') AS attempt_path,
    CAST(CAST(extract(epoch FROM start_time) * 1000 AS bigint) - 60000 AS varchar) AS from_ms,
    CAST(CAST(extract(epoch FROM last_event_time) * 1000 AS bigint) + 60000 AS varchar) AS to_ms"""
HIDDEN = ("app_id", "attempt", "attempt_path", "from_ms", "to_ms")


# -- variables -------------------------------------------------------------------------------------------------------------------

def data_source(name, label, kind):
    return {"type": "datasource", "name": name, "label": label, "query": kind, "regex": "", "refresh": 1, "hide": 0, "multi": False,
            "includeAll": False, "options": []}


def choice(name, label, sql, *, all_is=None, description=None, source=SQL):
    """One of what a statement gives; with `all_is`, any of it, at first all. That is put in as it is, so that nothing to choose from is no error:
    `cluster IN (cluster)`."""
    multi = all_is is not None
    query = squeeze(sql)
    made = {
        "type": "query", "name": name, "label": label, "datasource": source, "query": query, "refresh": 2, "regex": "", "sort": 0,
        "hide": 0, "multi": multi, "includeAll": multi, "options": [],
    }
    if multi:
        made |= {"allValue": all_is, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return {**made, "description": description} if description else made


def entry(name, label, value, description):
    return {"type": "textbox", "name": name, "label": label, "description": description, "query": value, "hide": 0,
            "current": {"selected": True, "text": value, "value": value}, "options": [{"selected": True, "text": value, "value": value}]}


SQL_SOURCE = data_source("sql", "Data source", "grafana-postgresql-datasource")
AFTERGLOW = entry("afterglow", "Afterglow", "http://127.0.0.1:18080", "The address of Afterglow's pages as your browser reaches it, for links.")

#: Attempts that ran at any time of the range. Both times are known of every file, so that others are not opened.
ALIVE = "start_time <= $__timeTo() AND last_event_time >= $__timeFrom() AND date <= $__timeTo()"
#: Attempts that ended in the range, or were given up as lost.
ENDED = "status <> 'running' AND $__timeFilter(last_event_time) AND date <= $__timeTo()"
#: Attempts that started in the range.
STARTED = "$__timeFilter(start_time) AND date BETWEEN $__timeFrom() AND $__timeTo()"
#: Attempts that run now. The bound leaves out files: one without an event for longer is rare, and the number's description says so.
RUNNING = "status = 'running' AND last_event_time >= CAST($__timeTo() AS timestamp) - INTERVAL '7 days' AND date <= $__timeTo()"
#: Rows of a table of samples in the range; what began before the range is in it, too, so that `date` has no lower bound.
SAMPLED = "$__timeFilter(time) AND date <= $__timeTo()"
#: What is averaged over steps counts for the part of a point that its step is; a step longer than a point is the point.
SPREAD = "step_ms * 1.0 / greatest($__interval_ms, step_ms)"
PER_POINT = "1.0 / greatest($__interval_ms, step_ms)"

CLUSTERS = choice("cluster", "Cluster", f"SELECT DISTINCT cluster FROM applications WHERE {ALIVE} ORDER BY 1", all_is="cluster")
CLUSTER = choice("cluster", "Cluster", f"SELECT DISTINCT cluster FROM applications WHERE {ALIVE} ORDER BY 1")


# -- annotations and the dashboard -----------------------------------------------------------------------------------------------

def annotation(name, colour, sql):
    return {"name": name, "datasource": SQL, "enable": True, "hide": False, "iconColor": colour, "target": rows(sql, "Anno")}


def failed_applications(where):
    return annotation("Failed applications", "red", f"""
        SELECT last_event_time AS "time", app_name || ' failed' AS title,
            coalesce(error, 'no error in the log') || ' <a href="${{afterglow}}/apps/' || cluster || '/' || app_id || coalesce('/' || attempt_id, '') || '">open</a>' AS text,
            cluster || ',' || coalesce(user_name, '') AS tags
        FROM applications WHERE status = 'failed' AND $__timeFilter(last_event_time) AND date <= $__timeTo() AND {where}
        ORDER BY 1 LIMIT 200""")


def place(panels):
    """Numbers panels, and gives each its place."""
    x = y = height = 0
    for number, made in enumerate(panels, 1):
        grid = made["gridPos"]
        if x + grid["w"] > 24 or made["type"] == "row":
            x, y, height = 0, y + height, 0
        grid["x"], grid["y"], made["id"] = x, y, number
        x, height = x + grid["w"], max(height, grid["h"])
    return panels


def dashboard(name, title, description, variables, panels, *, annotations=(), since="now-24h", refresh="5m"):
    uid = f"afterglow-{name}"
    others = {"type": "dashboards", "title": "Afterglow", "tags": ["afterglow"], "asDropdown": True, "icon": "external link", "includeVars": False,
              "keepTime": True, "targetBlank": False, "tooltip": "", "url": ""}
    return {
        "uid": uid, "title": title, "description": description, "tags": ["afterglow", "spark"], "schemaVersion": 39, "version": 1, "editable": True,
        "graphTooltip": 1, "timezone": "browser", "fiscalYearStartMonth": 0, "refresh": refresh, "time": {"from": since, "to": "now"},
        "timepicker": {}, "links": [others], "templating": {"list": variables}, "annotations": {"list": list(annotations)},
        "panels": place(panels),
    }
