"""One application: its executors over time, its slowest parts, and what failed."""
from grafana import *

IS = "cluster = '$cluster' AND app_id = '$app' AND coalesce(attempt_id, '-') = '$attempt'"
#: Executors with a line of their own in a chart; more would hide each other.
LINES = 15

VARIABLES = [
    SQL_SOURCE, CLUSTER,
    choice("app", "Application", f"""
        SELECT app_name || ' · ' || app_id AS __text, app_id AS __value FROM applications
        WHERE {ALIVE} AND cluster = '$cluster' GROUP BY app_name, app_id ORDER BY max(start_time) DESC LIMIT 1000""",
           description="The latest 1000 that ran in the range; for others, choose an earlier range."),
    choice("attempt", "Attempt", f"""
        SELECT DISTINCT coalesce(attempt_id, '-') AS attempt FROM applications
        WHERE {ALIVE} AND cluster = '$cluster' AND app_id = '$app' ORDER BY 1 DESC"""),
    AFTERGLOW,
]


def fact(title, description, sql, **more):
    """A number about the whole attempt, whatever the range within it."""
    return stat(title, description, rows(f"SELECT {sql} FROM applications WHERE {ALIVE} AND {IS}"), **more)


def per_executor(column, top):
    """The readings of one column by executor, of those that have most of it."""
    return over_time(f"""
        SELECT $__timeGroup(time, $__interval) AS "time", executor_id AS metric, max({column}) AS value FROM executor_samples
        WHERE {SAMPLED} AND {IS} AND {column} IS NOT NULL AND executor_id IN (
            SELECT executor_id FROM executor_samples WHERE {SAMPLED} AND {IS} GROUP BY 1 ORDER BY {top} DESC NULLS LAST, 1 LIMIT {LINES})
        GROUP BY 1, 2 ORDER BY 1""")


def summed(columns):
    return over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", {columns}
                         FROM executor_samples WHERE {SAMPLED} AND {IS} GROUP BY 1 ORDER BY 1""")


#: Beginnings of addresses in tables, which have no columns of LINKED: the attempt is in the variables.
HERE = "${afterglow:raw}/apps/${cluster:percentencode}/${app:percentencode}${__data.fields.attempt_path:raw}"
PATH = "coalesce('/' || attempt_id, '') AS attempt_path"

PANELS = [
    fact("Status", "Running, completed, failed, or lost: a log that stopped without an end. With a failure, the tables below name the stage.",
         "status", fields="/^status$/", unit="none",
         mappings=[{"type": "value", "options": {
             word: {"text": word, "color": COLOURS[word], "index": i} for i, word in enumerate(("running", "completed", "failed", "lost"))}}]),
    fact("Duration", "From the start to the end, or to the last event of an attempt without one. Compare with other runs of the same name.",
         "duration_ms", unit="ms", decimals=1),
    fact("Executors", "Executors that it had in all, the driver not counted. Many more than the chart shows at once were replaced: see why they went.",
         "executors", decimals=0),
    fact("Failed tasks", "Task attempts that failed, most of which Spark tried again. The stages below say where.",
         "failed_tasks", decimals=0, thresholds=steps((1, "orange"), (100, "red"))),
    fact("Garbage collection", "Of the time that tasks ran, what went into garbage collection. Above a tenth, give executors more memory or fewer cores.",
         "jvm_gc_time_ms * 1.0 / nullif(executor_run_time_ms, 0) AS share", unit="percentunit", decimals=1,
         thresholds=steps((0.1, "orange"), (0.2, "red")), no_value="no tasks"),
    fact("Spilled to disk", "Bytes of sorts and joins that did not fit in memory and went to disk. Use more partitions, or more memory for each task.",
         "disk_spilled_bytes", unit="bytes", decimals=1, thresholds=steps((1 << 30, "orange"))),

    row("Cores and tasks"),
    series("Cores, busy and idle", "Cores of its executors, averaged over each point. Idle at the end of stages is skew; idle throughout, too many executors or work on the driver.",
           summed(f"sum(busy_core_time_ms * {PER_POINT}) AS busy, sum((core_time_ms - busy_core_time_ms) * {PER_POINT}) AS idle"),
           unit="short", decimals=1, stacked=True),
    series("Tasks, running and waiting", "Tasks that ran, and those that waited for a core after their stage was submitted. Long waiting: allow more executors.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(running_tasks * {SPREAD}) AS running, sum(pending_tasks * {SPREAD}) AS pending
                         FROM application_samples WHERE {SAMPLED} AND {IS} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=1, stacked=True),
    series("Executors", "Executors that were there, averaged over each point. Steps down that nobody asked for are losses.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(executors * {SPREAD}) AS executors
                         FROM application_samples WHERE {SAMPLED} AND {IS} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=1),
    series("Tasks by executor", f"Running tasks of the {LINES} executors that ran most. One that runs on alone holds the last tasks of a skewed stage.",
           per_executor("running_tasks", "sum(running_tasks)"), unit="short", decimals=1, table=True),

    row("Memory"),
    series("Heap by executor", f"The highest reading of the JVM's heap in each point, of the {LINES} executors with the highest. Lines at the limit go with garbage collection below.",
           per_executor("jvm_heap_bytes", "max(jvm_heap_bytes)"), unit="bytes", decimals=1, table=True, connect=True),
    series("Off the heap, and processes", "The highest reading of any executor. Heap, off heap and Python together must fit into the container, or it is killed with exit code 137.",
           summed("""max(jvm_off_heap_bytes) AS "JVM off heap", max(unified_memory_bytes) AS "execution and storage",
                     max(jvm_rss_bytes) AS "JVM resident", max(python_rss_bytes) AS "Python resident\""""),
           unit="bytes", decimals=1, connect=True),
    series("Share of garbage collection", "Garbage collection over the time that tasks ran, for the application and for its worst executor. Above a tenth it costs; above a third executors are about to fail.",
           over_time(f"""SELECT $__timeGroup(time, $__interval) AS "time", sum(gc_time_ms) * 1.0 / nullif(sum(run_time_ms), 0) AS application,
                             max(gc_share) AS "worst executor"
                         FROM executor_samples WHERE {SAMPLED} AND {IS} GROUP BY 1 ORDER BY 1"""),
           unit="percentunit", decimals=1, thresholds=steps((0.1, "orange"), (0.33, "red"))),
    series("Time in garbage collection", "Time that tasks spent in garbage collection, by executor. One line above the others is skew; all of them, too little memory.",
           per_executor("gc_time_ms", "sum(gc_time_ms)"), unit="ms", decimals=0, table=True),

    row("Data"),
    series("Shuffle", "Bytes of shuffle that tasks read and wrote, a second. Reads without an end in sight before a join: look for one that could be a broadcast.",
           summed(f"sum(shuffle_read_bytes * 1000.0 * {PER_POINT}) AS read, sum(shuffle_write_bytes * 1000.0 * {PER_POINT}) AS written"),
           unit="Bps", decimals=1),
    series("Spill", "Bytes that did not fit in memory, a second, as they were in memory and as they went to disk. Any of it is slow: use more partitions.",
           summed(f"sum(memory_spilled_bytes * 1000.0 * {PER_POINT}) AS memory, sum(disk_spilled_bytes * 1000.0 * {PER_POINT}) AS disk"),
           unit="Bps", decimals=1),
    series("Input and output", "Bytes that tasks read from storage and wrote to it, a second. A flat top is the limit of storage or network.",
           summed(f"sum(input_bytes * 1000.0 * {PER_POINT}) AS input, sum(output_bytes * 1000.0 * {PER_POINT}) AS output"),
           unit="Bps", decimals=1),
    series("Task attempts that ended", "Task attempts that ended in each point, and those of them that failed. Failures at one time are a machine, failures throughout the code or its data.",
           summed("sum(ended_tasks) - sum(failed_tasks) AS succeeded, sum(failed_tasks) AS failed"),
           unit="short", decimals=0, stacked=True, bars=True),

    row("What took long, what failed"),
    table("Stages", "Stages that were submitted in the range, the longest first. A number opens it in Afterglow, where its tasks show skew.",
          rows(f"""SELECT stage_id, stage_attempt_id, status, name, submission_time, duration_ms, tasks, failed_tasks, executor_run_time_ms,
                       jvm_gc_time_ms * 1.0 / nullif(executor_run_time_ms, 0) AS gc_share, shuffle_read_bytes, shuffle_write_bytes, disk_spilled_bytes, {PATH}
                   FROM stages WHERE {IS} AND $__timeFilter(submission_time) AND date <= $__timeTo() ORDER BY duration_ms DESC NULLS LAST LIMIT 200"""),
          columns={"duration_ms": MILLIS, "tasks": COUNT, "failed_tasks": COUNT, "executor_run_time_ms": MILLIS, "gc_share": SHARE,
                   "shuffle_read_bytes": BYTES, "shuffle_write_bytes": BYTES, "disk_spilled_bytes": BYTES},
          hidden=("attempt_path",),
          links={"stage_id": link("Open in Afterglow", HERE + "/stages/${__data.fields.stage_id}/${__data.fields.stage_attempt_id}")}),
    table("SQL executions", "Executions of Spark SQL that began in the range, the longest first. A number opens the plan in Afterglow, with the time of each operator.",
          rows(f"""SELECT execution_id, status, description, submission_time, duration_ms, jobs, error, {PATH}
                   FROM sql_executions WHERE {IS} AND $__timeFilter(submission_time) AND date <= $__timeTo() ORDER BY duration_ms DESC NULLS LAST LIMIT 200"""),
          columns={"duration_ms": MILLIS, "jobs": COUNT}, hidden=("attempt_path",), size=(12, 9), no_value="",
          links={"execution_id": link("Open in Afterglow", HERE + "/sql/${__data.fields.execution_id}")}),
    table("What failed", "Stages, jobs and SQL executions that failed in the range, with Spark's reason. The first in time is usually the cause of the others.",
          rows(f"""SELECT completion_time AS "time", 'stage' AS what, stage_id AS number, name, failure_reason AS reason FROM stages
                   WHERE {IS} AND status = 'FAILED' AND $__timeFilter(completion_time) AND date <= $__timeTo()
                   UNION ALL SELECT completion_time, 'job', job_id, name, error FROM jobs WHERE {IS} AND status = 'FAILED' AND $__timeFilter(completion_time) AND date <= $__timeTo()
                   UNION ALL SELECT completion_time, 'SQL execution', execution_id, description, error FROM sql_executions
                   WHERE {IS} AND status = 'FAILED' AND $__timeFilter(completion_time) AND date <= $__timeTo() ORDER BY 1 LIMIT 200"""),
          size=(12, 9), no_value=""),
    table("Executors that went", "Executors that were removed in the range, and why. Exit code 137 is the memory limit of container or machine; see the charts of memory above.",
          rows(f"""SELECT remove_time AS "time", executor_id, host, remove_reason, tasks, failed_tasks, peak_jvm_heap_bytes, peak_process_tree_rss_bytes
                   FROM executors WHERE {IS} AND remove_reason IS NOT NULL AND $__timeFilter(remove_time) AND date <= $__timeTo() ORDER BY 1 LIMIT 500"""),
          columns={"tasks": COUNT, "failed_tasks": COUNT, "peak_jvm_heap_bytes": BYTES, "peak_process_tree_rss_bytes": BYTES}),
]

DASHBOARD = dashboard(
    "application", "Spark application", "One application: its executors over time, what took long, and what failed.", VARIABLES, PANELS,
    annotations=[
        annotation("Failed stages", "red", f"""
            SELECT completion_time AS "time", 'Stage ' || stage_id || ' failed' AS title, coalesce(failure_reason, 'no reason in the log') AS text, 'stage' AS tags
            FROM stages WHERE {IS} AND status = 'FAILED' AND $__timeFilter(completion_time) AND date <= $__timeTo() ORDER BY 1 LIMIT 100"""),
        annotation("Executors that went", "orange", f"""
            SELECT remove_time AS "time", 'Executor ' || executor_id || ' went' AS title, remove_reason AS text, 'executor' AS tags
            FROM executors WHERE {IS} AND remove_reason IS NOT NULL AND $__timeFilter(remove_time) AND date <= $__timeTo() ORDER BY 1 LIMIT 100"""),
    ])
