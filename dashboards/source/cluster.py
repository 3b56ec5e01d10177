"""One cluster: what runs on it, what waits, which machines make trouble."""
from grafana import *

IN = "cluster = '$cluster'"
#: An executor that nobody wanted gone; what dynamic allocation and decommissioning remove is not lost.
LOST = "remove_reason IS NOT NULL AND remove_reason NOT ILIKE '%killed by driver%' AND remove_reason NOT ILIKE '%decommission%'"

PANELS = [
    stat("Running now", "Attempts whose log has no end and was written to lately, with an event in the seven days before the end of the range. The table below has them.",
         rows(f"SELECT count(*) AS applications FROM applications WHERE {RUNNING} AND {IN}"), decimals=0, size=(4, 4)),
    stat("Failed", "Attempts that ended in the range with an error. Which, and why, is on the dashboard of the fleet.",
         rows(f"SELECT count(*) AS applications FROM applications WHERE status = 'failed' AND {ENDED} AND {IN}"),
         decimals=0, thresholds=steps((1, "orange"), (10, "red"))),
    stat("Most cores", "The most cores that executors had at once, averaged over a step of ten seconds or more. Compare with what the cluster has.",
         rows(f"""SELECT max(cores) AS cores FROM (SELECT time, sum(cores) AS cores FROM application_samples WHERE {SAMPLED} AND {IN} GROUP BY 1)"""),
         decimals=1),
    stat("Cores busy", "Of the core time that executors had, the share in which a task ran. Low with tasks that wait says that they wait for something else: data, locks, the driver.",
         rows(f"""SELECT sum(busy_core_time_ms) * 1.0 / nullif(sum(core_time_ms), 0) AS share FROM executor_samples WHERE {SAMPLED} AND {IN}"""),
         unit="percentunit", decimals=1, thresholds=steps((0.3, "orange"), (0.6, "green"), first="red"), no_value="no executors"),
    stat("Executors lost", "Executors that went in the range and that nobody had asked to go. The table below says why.",
         rows(f"SELECT count(*) AS executors FROM executors WHERE {LOST} AND $__timeFilter(remove_time) AND date <= $__timeTo() AND {IN}"),
         decimals=0, thresholds=steps((1, "orange"), (10, "red"))),
    stat("Failed tasks", "Of the task attempts that ended in the range those that failed. Above a few in a thousand, look at the machines below.",
         rows(f"SELECT sum(failed_tasks) * 1.0 / nullif(sum(ended_tasks), 0) AS share FROM executor_samples WHERE {SAMPLED} AND {IN}"),
         unit="percentunit", decimals=2, thresholds=steps((0.005, "orange"), (0.05, "red")), no_value="no tasks"),

    row("Over time"),
    series("Cores, busy and idle", "Cores of executors, averaged over each point. Idle cores are paid for, and kept from others.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(busy_core_time_ms * {PER_POINT}) AS busy,
                             sum((core_time_ms - busy_core_time_ms) * {PER_POINT}) AS idle
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=1, stacked=True),
    series("Tasks, running and waiting", "Tasks that ran, and those whose stage was submitted and that waited for a core. Waiting that never falls says that the cluster is too small for its hour.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(running_tasks * {SPREAD}) AS running, sum(pending_tasks * {SPREAD}) AS pending
                         FROM application_samples WHERE {SAMPLED} AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=1, stacked=True),
    series("Executors and applications", "Executors that were there, and attempts that had a step, averaged over each point. Many applications with few executors each wait for the resource manager.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(executors * {SPREAD}) AS executors, sum({SPREAD}) AS applications
                         FROM application_samples WHERE {SAMPLED} AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=1),
    series("Executors lost", "Executors that went unasked, at the time when they went. Several at once are a machine, or a spot instance that was taken back.",
           over_time(f"""SELECT $__timeGroup(remove_time, $__interval, 0) AS "time", count(*) AS executors
                         FROM executors WHERE {LOST} AND $__timeFilter(remove_time) AND date <= $__timeTo() AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=0, bars=True, min_interval="1m"),

    row("Which"),
    table("Applications", "Attempts that ran in the range, those that run first. A name opens its dashboard, a status the application in Afterglow.",
          rows(f"""SELECT status, start_time, app_name, user_name, queue, duration_ms, executors, tasks, failed_tasks, {LINKED}
                   FROM applications WHERE {ALIVE} AND {IN} ORDER BY status <> 'running', start_time DESC LIMIT 500"""),
          columns={"duration_ms": MILLIS, "executors": COUNT, "tasks": COUNT, "failed_tasks": COUNT}, hidden=("cluster", *HIDDEN),
          links={"app_name": APPLICATION, "status": in_afterglow()}),
    table("Why executors went", "Executors that were removed in the range, by the reason that the resource manager gave. Exit code 137 is the memory limit of container or machine.",
          rows(f"""SELECT remove_reason, count(*) AS executors, count(DISTINCT app_id) AS applications, count(DISTINCT host) AS hosts, max(remove_time) AS latest
                   FROM executors WHERE remove_reason IS NOT NULL AND $__timeFilter(remove_time) AND date <= $__timeTo() AND {IN}
                   GROUP BY 1 ORDER BY 2 DESC LIMIT 100"""),
          columns={"executors": COUNT, "applications": COUNT, "hosts": COUNT}, size=(12, 8), no_value=""),
    table("Machines", "Tasks by the machine that ran them. A machine with a share of failed tasks far above the others should be taken out.",
          rows(f"""SELECT host, sum(ended_tasks) AS tasks, sum(failed_tasks) AS failed_tasks, sum(failed_tasks) * 1.0 / nullif(sum(ended_tasks), 0) AS failed_share,
                       sum(gc_time_ms) * 1.0 / nullif(sum(run_time_ms), 0) AS gc_share
                   FROM executor_samples WHERE {SAMPLED} AND {IN} AND host IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 2 DESC LIMIT 100"""),
          columns={"tasks": COUNT, "failed_tasks": COUNT, "failed_share": SHARE, "gc_share": SHARE}, size=(12, 8)),
]

DASHBOARD = dashboard(
    "cluster", "Spark cluster", "One cluster: what runs and waits on it, and which machines make trouble.",
    [SQL_SOURCE, CLUSTER, AFTERGLOW], PANELS, annotations=[failed_applications(IN)])
