//! Statements whose answers are compared: each row in its place, each number to the last digit.

/// What a cluster runs; answers are in an order that leaves nothing open.
pub const SAME: [&str; 29] = [
    "SELECT cluster, status, count(*), sum(tasks), min(start_time), max(duration_ms) FROM applications GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT count(*), count(DISTINCT app_id), sum(executor_run_time_ms), sum(input_bytes) FROM stages",
    "SELECT cluster, app_id, stage_id, name, disk_spilled_bytes FROM stages ORDER BY 5 DESC NULLS LAST, 1, 2, 3, stage_attempt_id LIMIT 7",
    "SELECT status, count(*) FILTER (WHERE failed_tasks > 0) AS with_failures FROM stages GROUP BY 1 HAVING count(*) > 1 ORDER BY 1",
    // Joins of each kind.
    "SELECT a.app_name, j.status, count(*) FROM applications a JOIN jobs j ON a.cluster = j.cluster AND a.app_id = j.app_id
     GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT a.app_id, count(p.batch_id), sum(p.input_rows) FROM applications a LEFT JOIN streaming_progress p USING (app_id)
     GROUP BY 1 ORDER BY 1",
    "SELECT a.app_id, s.execution_id FROM applications a FULL JOIN sql_executions s ON a.app_id = s.app_id AND s.duration_ms > 500
     ORDER BY 1, 2",
    "SELECT app_id FROM applications WHERE app_id NOT IN (SELECT app_id FROM sql_executions) ORDER BY 1",
    "SELECT app_id FROM applications a WHERE EXISTS (SELECT 1 FROM jobs j WHERE j.app_id = a.app_id AND j.status = 'FAILED') ORDER BY 1",
    "SELECT count(*) FROM executors a JOIN executors b ON a.app_id <> b.app_id AND a.cores < b.cores",
    "SELECT app_id, duration_ms - (SELECT avg(duration_ms) FROM applications WHERE status <> 'running') > 0 AS longer
     FROM applications ORDER BY 1",
    // Windows.
    "SELECT app_id, job_id, rank() OVER (PARTITION BY app_id ORDER BY duration_ms DESC NULLS LAST, job_id),
     sum(tasks) OVER (PARTITION BY app_id ORDER BY job_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW),
     lag(status) OVER (PARTITION BY app_id ORDER BY job_id) FROM jobs ORDER BY 1, 2",
    "SELECT cluster, app_id, row_number() OVER (ORDER BY start_time, app_id) FROM applications ORDER BY 3",
    "SELECT * FROM (SELECT app_id, stage_id, row_number() OVER (PARTITION BY app_id ORDER BY duration_ms DESC, stage_id) AS n
     FROM stages WHERE duration_ms IS NOT NULL) WHERE n <= 2 ORDER BY 1, 3",
    // Quantiles, exact ones: sketches depend on how rows are parted.
    "SELECT cluster, median(duration_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FROM stages GROUP BY 1 ORDER BY 1",
    "SELECT app_id, stddev(batch_duration_ms) IS NULL, max(batch_duration_ms) FROM streaming_progress GROUP BY 1 ORDER BY 1",
    // Dates and times.
    "SELECT date_trunc('minute', submission_time) AS minute, count(*) FROM stages GROUP BY 1 ORDER BY 1",
    "SELECT date, date_part('year', start_time), to_char(start_time, '%Y-%m-%d %H'), count(*) FROM applications GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT count(*) FROM jobs WHERE submission_time BETWEEN '2000-01-01T00:00:00Z' AND now() AND date <= current_date()",
    "SELECT app_id, end_time - start_time AS took, start_time + INTERVAL '1 hour' FROM applications WHERE cluster = 'spark-3' ORDER BY 1",
    // Texts, maps, JSON, conditions.
    "SELECT upper(left(name, 10)), regexp_replace(name, '[0-9]+', '#'), CASE WHEN tasks > 10 THEN 'many' ELSE 'few' END, count(*)
     FROM stages GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT batch_id, custom_metrics['rocksdbSstFileSize'], cardinality(custom_metrics) FROM state_operator_metrics
     ORDER BY run_id, batch_id, operator_index, timestamp",
    "SELECT batch_id, phase_durations_ms FROM streaming_progress ORDER BY run_id, batch_id, timestamp LIMIT 20",
    "SELECT batch_id, to_json(phase_durations_ms) AS phases FROM streaming_progress ORDER BY run_id, batch_id, timestamp",
    "SELECT kind, collector, count(*), max(duration_ms) FROM jvm_pauses WHERE NOT nested GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT rule, severity, count(DISTINCT app_id), sum(core_ms) FROM findings GROUP BY 1, 2 ORDER BY 1, 2",
    // Tables that only this process reads, with others.
    "SELECT s.app_id, s.stage_id, s.executor_run_time_ms - sum(t.executor_run_time_ms) AS difference FROM stages s
     JOIN tasks t ON s.app_id = t.app_id AND s.stage_id = t.stage_id AND s.stage_attempt_id = t.stage_attempt_id
     WHERE s.cluster = 'spark-3' AND t.cluster = 'spark-3' AND t.status = 'SUCCESS' AND s.status = 'COMPLETE'
     GROUP BY 1, 2, s.stage_attempt_id, s.executor_run_time_ms ORDER BY 1, 2",
    "SELECT kind, count(*) FROM (SELECT 'stage' AS kind FROM stages UNION ALL SELECT 'task' FROM tasks
     UNION ALL SELECT 'series' FROM generate_series(1, 10)) GROUP BY 1 ORDER BY 1",
    "WITH RECURSIVE steps AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 3)
     SELECT n, count(*) FROM steps CROSS JOIN jobs GROUP BY 1 ORDER BY 1",
];

/// What this process runs, though another is to, and what is said about it.
pub const HERE: [(&str, &str); 5] = [
    ("SELECT 1 + 1 AS two, upper('x')", ""),
    ("SELECT status, count(*), sum(executor_run_time_ms) FROM tasks GROUP BY 1 ORDER BY 1", ""),
    ("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1", ""),
    ("SHOW COLUMNS FROM jobs", ""),
    (
        "SELECT a.batch_id, b.m FROM streaming_progress a JOIN (SELECT run_id, batch_id, to_json(custom_metrics) AS m
         FROM state_operator_metrics) b ON a.run_id = b.run_id AND a.batch_id = b.batch_id ORDER BY a.run_id, 1, 2",
        NOTE,
    ),
];

/// What is too large to be sent, which shows when it is run, and what is said about it.
pub const LARGE: (&str, &str) = (
    "SELECT s.n, count(*), max(g.long) FROM (SELECT DISTINCT 1 AS n FROM stages) s
     JOIN (SELECT 1 AS m, repeat('x', 50) || value AS long FROM generate_series(1, 200000)) g ON s.n = g.m GROUP BY 1",
    "the statement was run here and not on the Ballista cluster: what would have to be sent does not fit into a message of 16 MiB, half of it rows",
);

const NOTE: &str = "the statement was run here and not on the Ballista cluster, which cannot read all of its plan: docs/sql.md says what that may be";
