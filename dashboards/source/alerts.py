"""Alert rules that Grafana evaluates, in SQL, as a file of its provisioning.

Each rule is a statement whose text columns name an instance of the alert and whose one number is compared with a bound.
"""
import json
import textwrap

import cluster
import fleet
import memory
import streaming
from cluster import LOST
from grafana import squeeze

HOUR = 3600

# (uid, title, bound, range in seconds, for, (dashboard, panel), statement, summary, description)
RULES = [
    ("afterglow-failures", "Spark applications fail", 2, HOUR, "0s", (fleet, "Failed"), """
        SELECT cluster, CASE WHEN count(*) FILTER (WHERE status = 'failed') * 5 >= count(*) THEN count(*) FILTER (WHERE status = 'failed') ELSE 0 END AS failed
        FROM applications WHERE status <> 'running' AND $__timeFilter(last_event_time) AND date <= $__timeTo() GROUP BY 1""",
     "{{ $values.A.Value }} applications failed on {{ $labels.cluster }} within the hour",
     "More than two failed, and at least a fifth of those that ended. The dashboard of the fleet has the line of each error."),
    ("afterglow-executors-lost", "Spark executors are lost", 5, HOUR, "0s", (cluster, "Why executors went"), f"""
        SELECT cluster, app_name, app_id, count(*) AS executors FROM executors
        WHERE {LOST} AND $__timeFilter(remove_time) AND date <= $__timeTo() GROUP BY 1, 2, 3""",
     "{{ $labels.app_name }} on {{ $labels.cluster }} lost {{ $values.A.Value }} executors within the hour",
     "They went and nobody had asked them to. Exit code 137 is the memory limit; several applications at once are a machine."),
    ("afterglow-gc", "Spark tasks collect garbage", 0.25, HOUR // 2, "10m", (memory, "Garbage collection by application"), """
        SELECT cluster, app_name, app_id, sum(gc_time_ms) * 1.0 / sum(run_time_ms) AS share FROM executor_samples
        WHERE $__timeFilter(time) AND date <= $__timeTo() GROUP BY 1, 2, 3 HAVING sum(run_time_ms) >= 600000""",
     "{{ $labels.app_name }} on {{ $labels.cluster }} spends {{ $values.A.Value | humanizePercentage }} of its tasks' time in garbage collection",
     "Over half an hour, with ten minutes or more of task time. Give executors more memory, or fewer cores each."),
    ("afterglow-streaming-behind", "Spark streaming query falls back", 1.1, HOUR // 2, "10m", (streaming, "Rows processed"), """
        SELECT cluster, app_name, app_id, coalesce(query_name, query_id) AS query, avg(input_rows_per_second) / avg(processed_rows_per_second) AS arrives_over_done
        FROM streaming_progress WHERE $__timeFilter(timestamp) AND date <= $__timeTo()
        GROUP BY 1, 2, 3, 4 HAVING count(*) >= 5 AND avg(processed_rows_per_second) > 0 AND avg(input_rows_per_second) IS NOT NULL""",
     "{{ $labels.query }} on {{ $labels.cluster }} gets {{ $values.A.Value | humanize }} times the rows that it processes",
     "Over half an hour. Give it cores, or see on its dashboard which phase of a batch takes long."),
    ("afterglow-streaming-silent", "Spark streaming query is silent", 15, 6 * HOUR, "0s", (streaming, "Queries"), """
        SELECT p.cluster, p.app_name, p.app_id, coalesce(p.query_name, p.query_id) AS query,
            (extract(epoch FROM CAST($__timeTo() AS timestamp)) - extract(epoch FROM max(p.timestamp))) / 60 AS minutes
        FROM streaming_progress p JOIN applications a ON a.cluster = p.cluster AND a.app_id = p.app_id AND coalesce(a.attempt_id, '') = coalesce(p.attempt_id, '')
        WHERE p.timestamp BETWEEN $__timeFrom() AND $__timeTo() AND p.date <= $__timeTo() AND a.status = 'running'
            AND a.last_event_time >= $__timeFrom() AND a.date <= $__timeTo() GROUP BY 1, 2, 3, 4""",
     "{{ $labels.query }} on {{ $labels.cluster }} has reported no batch for {{ $values.A.Value | humanize }} minutes",
     "Its application runs, but no batch ended: one hangs, or the query was stopped. An idle query reports every ten seconds."),
]

HEAD = """\
# Alert rules in SQL, for Grafana's file provisioning. Written by `python3 dashboards/source`; bounds are a beginning, change them there.
# The data source has the uid afterglow-sql, as in ../datasources/afterglow.yaml. Who is told is for you to say: contact points and policies.
apiVersion: 1
groups:
  - orgId: 1
    name: afterglow
    folder: Afterglow
    interval: 1m
    rules:
"""

RULE = """\
- uid: {uid}
  title: {title}
  condition: C
  dashboardUid: {dashboard}
  panelId: {panel}
  for: {hold}
  noDataState: OK
  execErrState: Error
  labels: {{severity: warning}}
  annotations:
    summary: {summary}
    description: {description}
    __dashboardUid__: {dashboard}
    __panelId__: "{panel}"
  data:
    - refId: A
      relativeTimeRange: {{from: {range}, to: 0}}
      datasourceUid: afterglow-sql
      model:
        refId: A
        editorMode: code
        format: table
        rawQuery: true
        intervalMs: 60000
        maxDataPoints: 1000
        rawSql: |
{sql}
    - refId: C
      relativeTimeRange: {{from: {range}, to: 0}}
      datasourceUid: __expr__
      model:
        refId: C
        type: threshold
        expression: A
        datasource: {{type: __expr__, uid: __expr__}}
        conditions:
          - type: query
            evaluator: {{type: gt, params: [{bound}]}}
            operator: {{type: and}}
            query: {{params: [C]}}
            reducer: {{type: last, params: []}}
"""


def text():
    """The file. What may hold YAML's own signs is written as JSON, which YAML takes."""
    rules = []
    for uid, title, bound, span, hold, (module, shown), sql, summary, description in RULES:
        panel = next(p["id"] for p in module.DASHBOARD["panels"] if p["title"] == shown)
        rules.append(RULE.format(
            uid=uid, title=json.dumps(title), hold=hold, summary=json.dumps(summary), description=json.dumps(description), range=span, bound=bound,
            dashboard=module.DASHBOARD["uid"], panel=panel, sql=textwrap.indent(squeeze(sql), " " * 10)))
    return HEAD + textwrap.indent("".join(rules), " " * 6)
