"""Garbage collection and memory: who collects, who spills, who is near the limit."""
from grafana import *

IN = "cluster IN ($cluster)"
#: Applications with a line of their own in a chart.
LINES = 10
#: Shares of less run time than this, in milliseconds, say nothing.
ENOUGH = 10000


def worst_applications(value, order):
    return over_time(f"""
        SELECT $__timeGroup(time, $__interval) AS "time", app_name || ' ' || app_id AS metric, {value} AS value FROM executor_samples
        WHERE {SAMPLED} AND {IN} AND app_id IN (
            SELECT app_id FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1 HAVING {order} > 0 ORDER BY {order} DESC, 1 LIMIT {LINES})
        GROUP BY 1, 2 ORDER BY 1""")


def worst_table(columns, order, having="true"):
    """Attempts with their worst first; `columns` are of executor_samples, summed."""
    names = ", ".join("s." + part.rsplit(" AS ", 1)[1] for part in columns)
    return rows(f"""
        SELECT a.app_name, s.cluster, a.user_name, {names}, a.app_id, a.attempt, a.attempt_path, a.from_ms, a.to_ms
        FROM (SELECT cluster, app_id, coalesce(attempt_id, '-') AS attempt, {", ".join(columns)}
              FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1, 2, 3 HAVING {having} ORDER BY {order} DESC NULLS LAST LIMIT 50) s
        JOIN (SELECT app_name, user_name, {LINKED} FROM applications WHERE {ALIVE} AND {IN}) a
            ON a.cluster = s.cluster AND a.app_id = s.app_id AND a.attempt = s.attempt
        ORDER BY s.{order} DESC NULLS LAST""")


LEAD = {"app_name": APPLICATION, "cluster": in_afterglow()}

PANELS = [
    stat("Garbage collection", "Of the time that tasks ran in the range, what went into garbage collection. Above a tenth, the first table says whom to give memory.",
         rows(f"SELECT sum(gc_time_ms) * 1.0 / nullif(sum(run_time_ms), 0) AS share FROM executor_samples WHERE {SAMPLED} AND {IN}"),
         unit="percentunit", decimals=1, thresholds=steps((0.1, "orange"), (0.2, "red")), size=(6, 4), no_value="no tasks"),
    stat("Core time in garbage collection", "Time that tasks stood still for garbage collection, summed over tasks, in core-hours. This is what more memory could save.",
         rows(f"SELECT sum(gc_time_ms) / 3600000.0 AS hours FROM executor_samples WHERE {SAMPLED} AND {IN}"), unit="h", decimals=2, size=(6, 4)),
    stat("Highest heap", "The highest reading of any JVM's heap in the range. Not known for logs without executor metrics.",
         rows(f"SELECT max(jvm_heap_bytes) AS heap FROM executor_samples WHERE {SAMPLED} AND {IN}"), unit="bytes", decimals=1, size=(6, 4)),
    stat("Spilled to disk", "Bytes of sorts and joins that went to disk in the range. The last table says whose.",
         rows(f"SELECT sum(disk_spilled_bytes) AS bytes FROM executor_samples WHERE {SAMPLED} AND {IN}"), unit="bytes", decimals=1, size=(6, 4)),

    row("Over time"),
    series("Garbage collection by cluster", "Garbage collection over the time that tasks ran. A step up on one cluster is a new job, a new image, or smaller executors.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", cluster AS metric, sum(gc_time_ms) * 1.0 / nullif(sum(run_time_ms), 0) AS share
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1, 2 ORDER BY 1"""),
           unit="percentunit", decimals=1, min_interval="1m", thresholds=steps((0.1, "orange"), (0.33, "red"))),
    series("Garbage collection by application", f"Time in garbage collection, summed over tasks, of the {LINES} applications with most of it. Those on top are worth a look at their own dashboard.",
           worst_applications("sum(gc_time_ms)", "sum(gc_time_ms)"), unit="ms", decimals=0, stacked=True, bars=True, min_interval="1m"),
    series("Heap by application", f"The highest reading of the heap of any executor in each point, of the {LINES} applications with the highest. A line that only rises in a long application is a leak or a growing broadcast.",
           worst_applications("max(jvm_heap_bytes)", "max(jvm_heap_bytes)"), unit="bytes", decimals=1, min_interval="1m", connect=True),
    series("Spill by application", f"Bytes that went to disk in each point, of the {LINES} applications with most of it. Use more partitions, or more memory for each task.",
           worst_applications("sum(disk_spilled_bytes)", "sum(disk_spilled_bytes)"), unit="bytes", decimals=1, stacked=True, bars=True, min_interval="1m"),

    row("Whose"),
    table("Applications that collect most", f"Attempts by their share of garbage collection, those whose tasks ran for {ENOUGH // 1000} seconds or more. A high share over long run time is where memory pays.",
          worst_table(["sum(gc_time_ms) * 1.0 / nullif(sum(run_time_ms), 0) AS gc_share", "sum(gc_time_ms) AS gc_time_ms", "sum(run_time_ms) AS run_time_ms"],
                      "gc_share", f"sum(run_time_ms) >= {ENOUGH}"),
          columns={"gc_share": SHARE, "gc_time_ms": MILLIS, "run_time_ms": MILLIS}, hidden=HIDDEN, links=LEAD, no_value=""),
    table("Applications by memory", "Attempts by the highest readings of any executor: heap, off heap, and resident memory where Spark's process tree metrics are on. Their sum must fit into the container.",
          worst_table(["max(jvm_heap_bytes) AS jvm_heap_bytes", "max(jvm_off_heap_bytes) AS jvm_off_heap_bytes", "max(unified_memory_bytes) AS unified_memory_bytes",
                       "max(jvm_rss_bytes) AS jvm_rss_bytes", "max(python_rss_bytes) AS python_rss_bytes"], "jvm_heap_bytes"),
          columns={c: BYTES for c in ("jvm_heap_bytes", "jvm_off_heap_bytes", "unified_memory_bytes", "jvm_rss_bytes", "python_rss_bytes")},
          hidden=HIDDEN, links=LEAD),
    table("Applications that spill most", "Attempts by what they wrote to disk because it did not fit. As it was in memory it was larger: that is how much more they would need.",
          worst_table(["sum(disk_spilled_bytes) AS disk_spilled_bytes", "sum(memory_spilled_bytes) AS memory_spilled_bytes"],
                      "disk_spilled_bytes", "sum(disk_spilled_bytes) > 0"),
          columns={"disk_spilled_bytes": BYTES, "memory_spilled_bytes": BYTES}, hidden=HIDDEN, links=LEAD, size=(12, 8), no_value=""),
    table("Executors that ran out", "Executors that went with exit code 137 or a word of memory in the reason. Give the container more, or Python less.",
          rows(f"""SELECT remove_time AS "time", cluster, app_name, executor_id, host, remove_reason, peak_jvm_heap_bytes, peak_process_tree_rss_bytes
                   FROM executors WHERE $__timeFilter(remove_time) AND date <= $__timeTo() AND {IN}
                       AND (remove_reason LIKE '%137%' OR remove_reason ILIKE '%memory%' OR remove_reason ILIKE '%oom%')
                   ORDER BY 1 DESC LIMIT 200"""),
          columns={"peak_jvm_heap_bytes": BYTES, "peak_process_tree_rss_bytes": BYTES}, size=(12, 8)),
]

DASHBOARD = dashboard(
    "memory", "Spark garbage collection and memory", "Who collects, who spills, and who is near the limit.",
    [SQL_SOURCE, CLUSTERS, AFTERGLOW], PANELS, annotations=[failed_applications(IN)])
