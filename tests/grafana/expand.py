"""Grafana's expansion of what is in queries and links: variables as the browser puts them in, macros as the data sources do.

The rules are those of Grafana 11 to 13: of its template service and formats, of the macros of its PostgreSQL data source, of how it chooses an
interval, and of the Prometheus data source's own variables. `python3 expand.py` checks them against answers known from Grafana's documentation
and tests.
"""
import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import quote

# $name, [[name:format]], ${name.path:format}
VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")
MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")

# What an interval in milliseconds is rounded to: below the one, the other.
ROUND = [
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1_500, 1_000), (3_500, 2_000), (7_500, 5_000), (12_500, 10_000),
    (17_500, 15_000), (25_000, 20_000), (45_000, 30_000), (90_000, 60_000), (210_000, 120_000), (450_000, 300_000), (750_000, 600_000),
    (1_050_000, 900_000), (1_500_000, 1_200_000), (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000), (16_200_000, 10_800_000),
    (32_400_000, 21_600_000), (86_400_000, 43_200_000), (604_800_000, 86_400_000), (1_814_400_000, 604_800_000), (3_628_800_000, 2_592_000_000),
]
YEAR = 31_536_000_000
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": YEAR}


@dataclass
class Value:
    """What is chosen of a variable: a text, or several where it may have several."""
    value: object
    multi: bool = False
    #: What stands for all of a variable that says so itself; put in as it is.
    raw: bool = False


@dataclass
class Query:
    """When and how finely is asked: times in milliseconds since 1970."""
    start: int
    end: int
    points: int = 800
    #: The panel's own lower bound of the interval, as `10s`.
    least: str | None = None
    #: What the data source says of its own; Grafana's own is a minute for SQL, and 15 seconds for Prometheus.
    source_least: str = "1m"
    values: dict = field(default_factory=dict)

    @property
    def interval_ms(self):
        raw = (self.end - self.start) / self.points
        rounded = next((to for below, to in ROUND if raw < below), YEAR)
        return max(rounded, duration_ms(self.least or self.source_least))

    def scoped(self):
        ms = self.interval_ms
        return {**self.values, "__interval": Value(interval_text(ms)), "__interval_ms": Value(ms)}


def duration_ms(text):
    number, unit = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhdwy])", text).groups()
    return int(float(number) * UNITS[unit])


def interval_text(ms):
    """As Grafana writes it: in the largest unit that it is a multiple of; years, days, hours, minutes, seconds, milliseconds."""
    for unit in ("y", "d", "h", "m", "s"):
        if ms >= UNITS[unit]:
            return f"{ms // UNITS[unit]}{unit}"
    return f"{ms}ms"


def rfc3339(ms):
    whole, rest = divmod(ms, 1000)
    text = datetime.fromtimestamp(whole, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:03d}".rstrip("0") if rest else "") + "Z"


def go_float(number):
    """A float64 as Go's %v has it, in the range of intervals."""
    return str(int(number)) if number == int(number) else repr(number)


# -- variables -------------------------------------------------------------------------------------------------------------------

def sql_default(value, multi):
    """How SQL data sources put in a variable that names no format."""
    if isinstance(value, list):
        return ",".join("'" + v.replace("'", "''") + "'" for v in value)
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'" if multi else quoted
    return str(value)


def prometheus_default(value, multi):
    """How the Prometheus data source does: several as alternatives of a regular expression."""
    def literal(v):
        return v.replace("\\", "\\\\").replace('"', '\\"')

    def special(v):
        return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", v.replace("\\", "\\\\\\\\"))
    if isinstance(value, list):
        return special(value[0]) if len(value) == 1 else "(" + "|".join(map(special, value)) + ")"
    return special(value) if multi and isinstance(value, str) else literal(str(value))


def plain_default(value, multi):
    """How texts do: several as {a,b}."""
    return ("{" + ",".join(value) + "}" if len(value) > 1 else "".join(value)) if isinstance(value, list) else str(value)


def formatted(value, how):
    many = value if isinstance(value, list) else [value]
    texts = [str(v) for v in many]
    match how:
        case "sqlstring":
            return ",".join("'" + t.replace("'", "''").replace('"', '\\"') + "'" for t in texts)
        case "csv":
            return ",".join(texts)
        case "pipe":
            return "|".join(texts)
        case "raw":
            return plain_default(value, False) if not isinstance(value, list) else ",".join(texts)
        case "singlequote":
            return ",".join("'" + t.replace("'", "\\'") + "'" for t in texts)
        case "doublequote":
            return ",".join('"' + t.replace('"', '\\"') + '"' for t in texts)
        case "percentencode":
            return quote(plain_default(value, False), safe="")
    raise ValueError(f"a format that is not known here: {how}")


def variables(text, values, default):
    """Puts variables in; what is none of them stays, as macros do."""
    def put(match):
        name = match[1] or match[2] or match[4]
        path, how = match[5], match[3] or match[6]
        if path is not None or name not in values:
            return match[0]
        chosen = values[name]
        if chosen.raw:
            return chosen.value
        return formatted(chosen.value, how) if how else default(chosen.value, chosen.multi)
    return VARIABLE.sub(put, text)


# -- SQL -------------------------------------------------------------------------------------------------------------------------

class MacroError(Exception):
    """Grafana would show this in place of the panel."""


def sql(text, query):
    """A statement as Grafana sends it, and the seconds in steps of which gaps are filled, if it asks for that."""
    text = variables(text, query.scoped(), sql_default)
    ms = query.interval_ms
    # The server's own, for what had no variables put in, as alert rules.
    text = text.replace("$__interval_ms", str(ms)).replace("$__interval", interval_text(ms))
    text = text.replace("$__unixEpochFrom()", str(query.start // 1000)).replace("$__unixEpochTo()", str(query.end // 1000))
    fill = []

    def macro(match):
        name, args = match[1], [a.strip(" ") for a in match[2].split(",")]
        # Without an alias and before a comma, it brings its own.
        if name == "__timeGroup" and text[match.end():match.end() + 1] == ",":
            name = "__timeGroupAlias"
        return expand(name, args)

    def expand(name, args):
        if name in ("__timeGroupAlias", "__unixEpochGroupAlias"):
            return expand(name.removesuffix("Alias"), args) + ' AS "time"'
        match name:
            case "__time":
                return f'{args[0]} AS "time"'
            case "__timeEpoch":
                return f'extract(epoch from {args[0]}) as "time"'
            case "__timeFilter":
                return f"{args[0]} BETWEEN '{rfc3339(query.start)}' AND '{rfc3339(query.end)}'"
            case "__timeFrom":
                return f"'{rfc3339(query.start)}'"
            case "__timeTo":
                return f"'{rfc3339(query.end)}'"
            case "__timeGroup" | "__unixEpochGroup":
                if len(args) < 2:
                    raise MacroError(f"macro {name} needs time column and interval and optional fill value")
                seconds = duration_ms(args[1].strip("'")) / 1000
                if len(args) == 3:
                    fill.append(seconds)
                step = go_float(seconds)
                of = f"extract(epoch from {args[0]})" if name == "__timeGroup" else f"({args[0]})"
                return f"floor({of}/{step})*{step}"
            case "__unixEpochFilter":
                return f"{args[0]} >= {query.start // 1000} AND {args[0]} <= {query.end // 1000}"
            case "__unixEpochNanoFilter":
                return f"{args[0]} >= {query.start * 10**6} AND {args[0]} <= {query.end * 10**6}"
            case "__unixEpochNanoFrom":
                return str(query.start * 10**6)
            case "__unixEpochNanoTo":
                return str(query.end * 10**6)
        raise MacroError(f'unknown macro "{name}"')

    text = MACRO.sub(macro, text)
    return text, fill[0] if fill else None


# -- Prometheus ------------------------------------------------------------------------------------------------------------------

def prometheus(text, query, scrape_ms):
    """An expression as it is sent. A rate is over four scrapes at least."""
    ms = query.interval_ms
    rate = max(ms + scrape_ms, 4 * scrape_ms)
    span = query.end - query.start
    own = {
        "__interval": Value(interval_text(ms)), "__interval_ms": Value(ms), "__range": Value(f"{math.ceil(span / 1000)}s"),
        "__range_s": Value(math.ceil(span / 1000)), "__range_ms": Value(span), "__rate_interval": Value(f"{rate // 1000}s"),
    }
    return variables(text, {**query.values, **own}, prometheus_default)


# -- links -----------------------------------------------------------------------------------------------------------------------

def link(url, values, fields):
    """The address of a data link, for a row of a table."""
    def of_row(match):
        text = "" if fields[match[1]] is None else str(fields[match[1]])
        return text if match[2] == "raw" else quote(text, safe="" if match[2] == "percentencode" else "/:?#[]@!$&'()*+,;=")
    return variables(re.sub(r"\$\{__data\.fields\.(\w+)(?::(\w+))?\}", of_row, url), values, plain_default)


def main():
    start = 1_523_556_000_000  # 2018-04-12T18:00:00Z
    asked = Query(start, start + 300_000, values={"one": Value("it's"), "all": Value(["a", "b'c"], multi=True), "quoted": Value('x"y'), "every": Value("c", multi=True, raw=True)})
    for text, expected in [
        ("$__timeFilter(t)", "t BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00Z'"),
        ("select $__timeFrom() , $__timeTo()", "select '2018-04-12T18:00:00Z' , '2018-04-12T18:05:00Z'"),
        ("GROUP BY $__timeGroup(t,'5m')", "GROUP BY floor(extract(epoch from t)/300)*300"),
        ("GROUP BY $__timeGroup(t , '500ms')", "GROUP BY floor(extract(epoch from t)/0.5)*0.5"),
        ("$__timeGroup(t, 1d), 1", 'floor(extract(epoch from t)/86400)*86400 AS "time", 1'),
        ("$__timeGroupAlias(t, $__interval)", 'floor(extract(epoch from t)/60)*60 AS "time"'),
        ("$__unixEpochFilter(t)", "t >= 1523556000 AND t <= 1523556300"),
        ("$__unixEpochGroup(t, 5m)", "floor((t)/300)*300"),
        ("$__unixEpochFrom() $__interval_ms", "1523556000 60000"),
        ("c IN ($all) AND d = '$one' AND e IN (${all:sqlstring})", "c IN ('a','b''c') AND d = 'it''s' AND e IN ('a','b''c')"),
        ("${all:csv} ${quoted:sqlstring} [[quoted]]", "a,b'c 'x\\\"y' x\"y"),
        ("c IN ($every) OR c IN (${every:sqlstring})", "c IN (c) OR c IN (c)"),
        ("$nobody ${nobody:csv}", "$nobody ${nobody:csv}"),
    ]:
        assert sql(text, asked)[0] == expected, (text, sql(text, asked)[0])
    assert sql("$__timeGroup(t, 5m, 0)", asked)[1] == 300
    for bad in ("$__timeGroup(t)", "$__nothing(t)"):
        try:
            sql(bad, asked)
        except MacroError:
            continue
        raise AssertionError(bad)
    assert [Query(0, span * 1000, 800, "10s").interval_ms // 1000 for span in (3600, 86_400, 30 * 86_400)] == [10, 120, 3600]
    assert prometheus('rate(x{a=~"$all"}[$__rate_interval])', asked, 15_000) == 'rate(x{a=~"(a|b\\\\\'c)"}[75s])'
    assert rfc3339(1_523_556_000_050) == "2018-04-12T18:00:00.05Z"
    assert interval_text(120_000) == "2m" and interval_text(43_200_000) == "12h"
    row = {"a": "x y", "b": None}
    assert link("${one:raw}/${__data.fields.a:percentencode}${__data.fields.b:raw}", {"one": Value("http://h")}, row) == "http://h/x%20y"


if __name__ == "__main__":
    main()
