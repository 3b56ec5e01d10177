"""All clusters: what started, what failed, where the cores went."""
from grafana import *

IN = "cluster IN ($cluster)"

PANELS = [
    stat("Started", "Application attempts that started in the range. A sudden drop says that a scheduler or a source of logs stands still.",
         rows(f"SELECT count(*) AS applications FROM applications WHERE {STARTED} AND {IN}"), decimals=0),
    stat("Running now", "Attempts whose log has no end and was written to lately, with an event in the seven days before the end of the range. See the table of a cluster for which.",
         rows(f"SELECT count(*) AS applications FROM applications WHERE {RUNNING} AND {IN}"), decimals=0),
    stat("Failed", "Attempts that ended in the range with an error. The table below has the line of each error.",
         rows(f"SELECT count(*) AS applications FROM applications WHERE status = 'failed' AND {ENDED} AND {IN}"),
         decimals=0, thresholds=steps((1, "orange"), (10, "red"))),
    stat("Failed share", "Of the attempts that ended in the range those that failed or were lost. Compare with the same hours of another day before you act.",
         rows(f"""SELECT count(*) FILTER (WHERE status IN ('failed', 'lost')) * 1.0 / nullif(count(*), 0) AS share
                  FROM applications WHERE {ENDED} AND {IN}"""),
         unit="percentunit", decimals=1, thresholds=steps((0.05, "orange"), (0.2, "red")), no_value="none ended"),
    stat("Lost", "Attempts whose log stopped without an end. Their driver was killed, or its last log was not uploaded: look at the driver's machine.",
         rows(f"SELECT count(*) AS applications FROM applications WHERE status = 'lost' AND {ENDED} AND {IN}"),
         decimals=0, thresholds=steps((1, "orange"))),
    stat("Cores busy", "Of the core time that executors had, the share in which a task ran. Below a half, executors wait: use dynamic allocation, or fewer of them.",
         rows(f"""SELECT sum(busy_core_time_ms) * 1.0 / nullif(sum(core_time_ms), 0) AS share
                  FROM executor_samples WHERE {SAMPLED} AND {IN}"""),
         unit="percentunit", decimals=1, thresholds=steps((0.3, "orange"), (0.6, "green"), first="red"), no_value="no executors"),

    row("Over time"),
    series("Applications that ended", "Attempts by how they ended, at the time of the end. Red that grows with the rest steady is new: look at the table for a common error.",
           over_time(f"""SELECT $__timeGroup(last_event_time, $__interval, 0) AS "time", status AS metric, count(*) AS applications
                         FROM applications WHERE {ENDED} AND {IN} GROUP BY 1, 2 ORDER BY 1"""),
           unit="short", decimals=0, stacked=True, bars=True, min_interval="5m"),
    series("Cores, busy and idle", "Cores of executors, averaged over each point. Much idle beside tasks that wait on the same cluster says that cores are in the wrong applications.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(busy_core_time_ms * {PER_POINT}) AS busy,
                             sum((core_time_ms - busy_core_time_ms) * {PER_POINT}) AS idle
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=1, stacked=True, min_interval="1m"),
    series("Cores by cluster", "Cores of executors by cluster, averaged over each point. It shows who grows, and when a cluster is empty.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", cluster AS metric, sum(core_time_ms * {PER_POINT}) AS cores
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1, 2 ORDER BY 1"""),
           unit="short", decimals=1, stacked=True, min_interval="1m"),
    series("Failed task attempts", "Task attempts that failed, by cluster. Spark tries them again, so nothing need have failed with them; many on one cluster point at its machines.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", cluster AS metric, sum(failed_tasks) AS tasks
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1, 2 ORDER BY 1"""),
           unit="short", decimals=0, stacked=True, bars=True, min_interval="1m"),

    row("Which"),
    table("Failed applications", "The latest attempts that failed, with the line of the error. A name opens its dashboard, a cluster the application in Afterglow.",
          rows(f"""SELECT last_event_time AS "time", app_name, {LINKED}, user_name, duration_ms, error
                   FROM applications WHERE status = 'failed' AND {ENDED} AND {IN} ORDER BY 1 DESC LIMIT 200"""),
          columns={"duration_ms": MILLIS}, hidden=HIDDEN, links={"app_name": APPLICATION, "cluster": in_afterglow()}, no_value=""),
    table("Names that fail most", "Attempts by the name of the application, where any failed. A high share is a job that is broken, not unlucky.",
          rows(f"""SELECT cluster, app_name, count(*) AS attempts, count(*) FILTER (WHERE status IN ('failed', 'lost')) AS failed,
                       count(*) FILTER (WHERE status IN ('failed', 'lost')) * 1.0 / count(*) AS failed_share
                   FROM applications WHERE {ENDED} AND {IN} GROUP BY 1, 2 HAVING count(*) FILTER (WHERE status IN ('failed', 'lost')) > 0
                   ORDER BY failed DESC, failed_share DESC LIMIT 50"""),
          columns={"attempts": COUNT, "failed": COUNT, "failed_share": SHARE}, size=(12, 8), no_value=""),
    table("Most core time", "Attempts whose executors held most core time in the range, and how much of it tasks used. Start here to save.",
          rows(f"""SELECT s.cluster, a.app_name, a.user_name, s.core_hours, s.busy_share, a.app_id, a.attempt, a.attempt_path, a.from_ms, a.to_ms
                   FROM (SELECT cluster, app_id, coalesce(attempt_id, '-') AS attempt, sum(core_time_ms) / 3600000.0 AS core_hours,
                             sum(busy_core_time_ms) * 1.0 / nullif(sum(core_time_ms), 0) AS busy_share
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 50) s
                   JOIN (SELECT app_name, user_name, {LINKED} FROM applications WHERE {ALIVE} AND {IN}) a
                       ON a.cluster = s.cluster AND a.app_id = s.app_id AND a.attempt = s.attempt
                   ORDER BY s.core_hours DESC"""),
          columns={"core_hours": HOURS, "busy_share": SHARE}, hidden=HIDDEN, size=(12, 8),
          links={"app_name": APPLICATION, "cluster": in_afterglow()}, no_value=""),
]

DASHBOARD = dashboard(
    "fleet", "Spark fleet", "All clusters: what started and failed, and where the cores went.",
    [SQL_SOURCE, CLUSTERS, AFTERGLOW], PANELS, annotations=[failed_applications(IN)])
