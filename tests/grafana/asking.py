"""Asks as Grafana does, and chooses values of variables as a viewer would."""
import psycopg

import expand
from complaints import check
from dashboards import Result
from expand import Query, Value


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
