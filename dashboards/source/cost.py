"""What the cores and the memory of executors come to, at the viewer's own prices."""
from grafana import *

IN = "cluster IN ($cluster)"
FREE = "no price set"

VARIABLES = [
    SQL_SOURCE, CLUSTERS,
    entry("core_hour", "Price of a core-hour", "", "What a core costs you for an hour, as 0.045. Empty: no costs are shown."),
    entry("gib_hour", "Price of a GiB-hour", "", "What a GiB of memory costs you for an hour, as 0.005. Empty: memory counts nothing."),
    AFTERGLOW,
]

#: What executors had and used in the range. The driver of a cluster has no cores, and is not counted.
USED = f"""sum(core_time_ms) / 3600000.0 AS core_hours, sum(busy_core_time_ms) / 3600000.0 AS used_hours,
    sum(present_ms * 1.0 * max_memory_bytes) / 3600000.0 / 1073741824 AS gib_hours
    FROM executor_samples WHERE {SAMPLED} AND {IN} AND cores > 0"""
BY_ATTEMPT = f"SELECT cluster, app_id, coalesce(attempt_id, '-') AS attempt, {USED} GROUP BY 1, 2, 3"

# What is not a number is no price. Without any, a cost is not zero but not known.
CORE = "TRY_CAST(NULLIF('$core_hour', '') AS double precision)"
GIB = "TRY_CAST(NULLIF('$gib_hour', '') AS double precision)"
PRICED = f"({CORE} IS NOT NULL OR {GIB} IS NOT NULL)"
#: Of sums over USED.
COST = f"CASE WHEN {PRICED} THEN sum(core_hours) * coalesce({CORE}, 0) + coalesce(sum(gib_hours), 0) * coalesce({GIB}, 0) END"
IDLE_COST = f"(sum(core_hours) - sum(used_hours)) * {CORE}"
SUMS = f"""sum(core_hours) AS core_hours, sum(core_hours) - sum(used_hours) AS idle_core_hours, sum(used_hours) / nullif(sum(core_hours), 0) AS used_share,
    sum(gib_hours) AS gib_hours, {COST} AS cost, {IDLE_COST} AS idle_cost"""
COLUMNS = {"core_hours": HOURS, "idle_core_hours": HOURS, "used_share": SHARE, "gib_hours": {"unit": "none", "decimals": 2},
           "cost": MONEY, "idle_cost": MONEY}


def total(title, description, sql, **more):
    return stat(title, description, rows(f"SELECT {sql} FROM (SELECT {USED}) u"), **more)


def by(title, description, key, **more):
    """Sums by a column of `applications`."""
    return table(title, description, rows(f"""
        SELECT coalesce(a.grouped, 'not known') AS {key}, count(*) AS attempts, {SUMS}
        FROM ({BY_ATTEMPT}) u JOIN (SELECT {key} AS grouped, {LINKED} FROM applications WHERE {ALIVE} AND {IN}) a
            ON a.cluster = u.cluster AND a.app_id = u.app_id AND a.attempt = u.attempt
        GROUP BY 1 ORDER BY core_hours DESC LIMIT 100"""), columns={"attempts": COUNT, **COLUMNS}, **more)


PANELS = [
    note("How costs are counted", "What the numbers below are, and what they leave out.",
         """Type your own prices above, in any currency: **no price is built in**, and without one only hours are shown. A core-hour is a core that an executor had
         for an hour, whether tasks ran or not. GiB-hours are of what Spark calls the executor's memory for storage and execution, since a log has no size of the
         container: it is about 0.6 of the heap unless `spark.memory.fraction` says otherwise, so raise the price of a GiB-hour accordingly. Drivers on a
         cluster, the time that machines take to start, disks and network are not in the log and not counted.""", size=(24, 4)),
    total("Core-hours", "Core-hours that executors had in the range, used or not. It is what you pay for if you pay by core.",
          "sum(core_hours) AS hours", unit="h", decimals=2),
    total("Core-hours used", "Core-hours in which tasks ran. The rest was idle.", "sum(used_hours) AS hours", unit="h", decimals=2),
    total("Used share", "Used over had. Below a half, look at the applications with most idle core-hours: dynamic allocation, fewer executors, or larger ones shared.",
          "sum(used_hours) / nullif(sum(core_hours), 0) AS share", unit="percentunit", decimals=1,
          thresholds=steps((0.3, "orange"), (0.6, "green"), first="red"), no_value="no executors"),
    total("GiB-hours", "Hours of a GiB of executors' memory for storage and execution; see above for what it leaves out.",
          "sum(gib_hours) AS hours", decimals=2, unit="none"),
    total("Cost", "Core-hours and GiB-hours at the prices above. If it looks wrong, check these: a comma is not taken as a decimal point.",
          f"{COST} AS cost", unit="none", decimals=2, no_value=FREE),
    total("Cost of idle cores", "Idle core-hours at the price above: the most that can be saved without making anything faster.",
          f"{IDLE_COST} AS cost", unit="none", decimals=2, no_value=FREE),

    row("Over time"),
    series("Core-hours, used and idle", "Core-hours in each point. Idle at night is long-lived applications that should end or shrink.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(busy_core_time_ms) / 3600000.0 AS busy,
                             sum(core_time_ms - busy_core_time_ms) / 3600000.0 AS idle
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="h", decimals=2, stacked=True, bars=True, min_interval="10m"),
    series("Core-hours by cluster", "Core-hours in each point by cluster, used or not. A cluster that grows from week to week needs an owner.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", cluster AS metric, sum(core_time_ms) / 3600000.0 AS hours
                         FROM executor_samples WHERE {SAMPLED} AND {IN} GROUP BY 1, 2 ORDER BY 1"""),
           unit="h", decimals=2, stacked=True, bars=True, min_interval="10m"),

    row("Whose"),
    by("By cluster", "What each cluster comes to. Much idle on one cluster only is its settings, not its jobs.", "cluster", size=(24, 6), no_value=FREE),
    by("By queue", "What each queue comes to; `not known` where the log names none, as outside of YARN and schedulers with pools.", "queue", size=(12, 8), no_value=FREE),
    by("By user", "What each user comes to. For teams behind one user, group by labels of the source instead: see the documentation of SQL.", "user_name",
       size=(12, 8), no_value=FREE),
    table("By application", "What each attempt comes to, most core-hours first. A name opens its dashboard, where idle cores show over time.",
          rows(f"""
              SELECT a.app_name, a.user_name, {SUMS}, a.cluster, a.app_id, a.attempt, a.attempt_path, a.from_ms, a.to_ms
              FROM ({BY_ATTEMPT}) u JOIN (SELECT app_name, user_name, {LINKED} FROM applications WHERE {ALIVE} AND {IN}) a
                  ON a.cluster = u.cluster AND a.app_id = u.app_id AND a.attempt = u.attempt
              GROUP BY a.app_name, a.user_name, a.cluster, a.app_id, a.attempt, a.attempt_path, a.from_ms, a.to_ms
              ORDER BY core_hours DESC LIMIT 100"""),
          columns=COLUMNS, hidden=HIDDEN, links={"app_name": APPLICATION, "cluster": in_afterglow()}, no_value=FREE),
]

DASHBOARD = dashboard(
    "cost", "Spark cost", "Core-hours and GiB-hours by cluster, queue, user and application, at your own prices.", VARIABLES, PANELS,
    since="now-7d", refresh="")
