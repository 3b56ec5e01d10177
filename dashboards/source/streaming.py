"""Structured Streaming: whether queries keep up, and how their state stores do."""
from grafana import *

IN = "cluster = '$cluster' AND query_id IN ($query)"
WHEN = "$__timeFilter(timestamp) AND date <= $__timeTo()"
#: Names a series: a query's name, or the beginning of its id.
NAME = "coalesce(query_name, substr(query_id, 1, 8))"
OPERATOR = f"{NAME} || ' ' || operator || ' ' || operator_index"

VARIABLES = [
    SQL_SOURCE, CLUSTER,
    choice("query", "Query", f"""
        SELECT {NAME} || ' · ' || max(app_name) || ' · ' || substr(query_id, 1, 8) AS __text, query_id AS __value FROM streaming_progress
        WHERE {WHEN} AND cluster = '$cluster' GROUP BY query_id, query_name ORDER BY 1""", all_is="query_id"),
    choice("custom", "Any metric", f"""
        SELECT DISTINCT name FROM (SELECT unnest(map_keys(custom_metrics)) AS name FROM state_operator_metrics WHERE {WHEN} AND {IN})
        WHERE name NOT LIKE 'SnapshotLastUploaded.%' ORDER BY 1""",
           description="A metric of the state stores, by the name that this version of Spark has for it."),
    AFTERGLOW,
]


def progress(value, where="true"):
    """A value of reports, by query."""
    return over_time(f"""SELECT $__timeGroup(timestamp, $__interval) AS "time", {NAME} AS metric, {value}
                         FROM streaming_progress WHERE {WHEN} AND {IN} AND {where} GROUP BY 1, 2 ORDER BY 1""")


def state(value, where="true"):
    """A value of stateful operators, by query and operator."""
    return over_time(f"""SELECT $__timeGroup(timestamp, $__interval) AS "time", {OPERATOR} AS metric, {value}
                         FROM state_operator_metrics WHERE {WHEN} AND {IN} AND {where} GROUP BY 1, 2 ORDER BY 1""")


#: What a commit of RocksDB consists of; the names are Spark's.
COMMIT = {
    "write batch": "rocksdbCommitWriteBatchLatency", "flush": "rocksdbCommitFlushLatency", "compact": "rocksdbCommitCompactLatency",
    "pause": "rocksdbCommitPauseLatency", "checkpoint": "rocksdbCommitCheckpointLatency", "file sync": "rocksdbCommitFileSyncLatencyMs",
    "changelog": "rocksdbChangeLogWriterCommitLatencyMs",
}
COMMITS = ", ".join(f"""avg(custom_metrics['{metric}'] * 1.0 / nullif(instances, 0)) AS "{name}\"""" for name, metric in COMMIT.items())

PANELS = [
    table("Queries", "Queries of the range by how far they are behind. Above 1, `arrives / done` says that more rows come than are processed: the query falls back. A name opens the run in Afterglow.",
          rows(f"""SELECT {NAME} AS query, max(app_name) AS application, count(*) AS batches, max(timestamp) AS latest, sum(input_rows) AS rows,
                       avg(input_rows_per_second) / nullif(avg(processed_rows_per_second), 0) AS arrives_over_done,
                       approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY batch_duration_ms) AS batch_p95_ms, max(state_rows) AS state_rows,
                       max(offset_lag) AS offset_lag, cluster, app_id, run_id, coalesce('/' || attempt_id, '') AS attempt_path
                   FROM streaming_progress WHERE {WHEN} AND {IN} GROUP BY query_id, query_name, cluster, app_id, attempt_id, run_id
                   ORDER BY arrives_over_done DESC NULLS LAST LIMIT 200"""),
          columns={"batches": COUNT, "rows": COUNT, "batch_p95_ms": MILLIS, "state_rows": COUNT, "offset_lag": COUNT,
                   "arrives_over_done": {"unit": "none", "decimals": 2, "thresholds": steps((0.9, "orange"), (1, "red")),
                                         "custom.cellOptions": {"type": "color-text"}}},
          hidden=("cluster", "app_id", "run_id", "attempt_path"), links={"query": in_afterglow("/streaming/${__data.fields.run_id:percentencode}")}),

    row("Whether it keeps up"),
    series("Rows that arrive", "Rows that arrived, a second, summed over sources, averaged over batches. A drop to nothing is a source that stands still.",
           progress("avg(input_rows_per_second) AS rows"), unit="rowsps", decimals=1),
    series("Rows processed", "Rows that batches processed, a second. Below what arrives, the query falls back: give it cores, or look at the phases for what takes long.",
           progress("avg(processed_rows_per_second) AS rows"), unit="rowsps", decimals=1),
    series("Duration of batches", "The longest batch in each point. Above the interval of its trigger, the next batch starts late.",
           progress("max(batch_duration_ms) AS duration"), unit="ms", decimals=0),
    series("Phases of batches", "What batches spent their time on, the mean of all queries chosen, by Spark's names. `addBatch` is the work; much `walCommit` or `commitOffsets` is a slow checkpoint location.",
           over_time(f"""SELECT $__timeGroup(timestamp, $__interval) AS "time", phase AS metric, avg(ms) AS duration
                         FROM (SELECT timestamp, unnest(map_keys(phase_durations_ms)) AS phase, unnest(map_values(phase_durations_ms)) AS ms
                               FROM streaming_progress WHERE {WHEN} AND {IN})
                         WHERE phase <> 'triggerExecution' GROUP BY 1, 2 ORDER BY 1"""),
           unit="ms", decimals=0, stacked=True),
    series("Watermark behind", "From the watermark to the begin of the batch, the longest in each point. Results are held back for so long; one source that stands still holds it back for all.",
           progress("max(extract(epoch FROM timestamp) - extract(epoch FROM watermark)) AS delay", "watermark > '1970-01-02T00:00:00Z'"),
           unit="s", decimals=1, connect=True),
    series("Offsets not read yet", "Offsets that were there and not read, summed over the sources that tell. Growing is falling back; not known for sources that do not tell, as files.",
           progress("max(offset_lag) AS lag", "offset_lag IS NOT NULL"), unit="short", decimals=0, connect=True),

    row("State"),
    series("Rows in state", "Rows in state by operator. Growth without an end is a missing watermark, or a key that is never removed.",
           state("max(rows) AS rows"), unit="short", decimals=0, connect=True),
    series("Memory of state", "Memory that the state stores report, by operator; not known while RocksDB's memory is bounded. It comes on top of the heap for RocksDB.",
           state("max(memory_bytes) AS memory", "memory_bytes IS NOT NULL"), unit="bytes", decimals=1, connect=True),
    series("Rows that came too late", "Rows dropped because the watermark had passed them. They are lost to the result: if they matter, allow more delay.",
           state("sum(rows_dropped_by_watermark) AS rows"), unit="short", decimals=0, bars=True),
    series("Rows written and removed", "Rows of state that batches wrote and removed, of all operators chosen. Written far above removed, for long, is state that grows.",
           over_time(f"""SELECT $__timeGroup(timestamp, $__interval) AS "time", sum(rows_updated) AS written, sum(rows_removed) AS removed
                         FROM state_operator_metrics WHERE {WHEN} AND {IN} GROUP BY 1 ORDER BY 1"""),
           unit="short", decimals=0),

    row("State stores"),
    series("Commit", "Time of a commit, the mean of the store's instances, by operator; Spark reports the sum, which may exceed the batch. Compare with the duration of batches.",
           state("avg(commit_time_per_instance_ms) AS commit"), unit="ms", decimals=1, connect=True),
    series("Parts of a commit, RocksDB", "What a commit of one instance consists of, the mean of all operators chosen. Much file sync is the checkpoint location: try the changelog, or a nearer one.",
           over_time(f"""SELECT $__timeGroup(timestamp, $__interval) AS "time", {COMMITS}
                         FROM state_operator_metrics WHERE {WHEN} AND {IN} AND custom_metrics['rocksdbCommitFlushLatency'] IS NOT NULL
                         GROUP BY 1 ORDER BY 1"""),
           unit="ms", decimals=1, stacked=True),
    series("Found in the block cache", "Of the blocks that RocksDB read, those that its cache had. When it falls while state grows, give the cache more.",
           state("avg(rocksdb_cache_hit_share) AS share", "rocksdb_cache_hit_share IS NOT NULL"), unit="percentunit", decimals=1, high=1, connect=True),
    series("Files used again", "Of the files of a snapshot, those that were uploaded before. Low says that compaction rewrites much, and each snapshot uploads nearly all of it.",
           state("avg(rocksdb_file_reuse_share) AS share", "rocksdb_file_reuse_share IS NOT NULL"), unit="percentunit", decimals=1, high=1, connect=True),
    series("SST files", "Size of RocksDB's files by operator. It is what a snapshot holds, and what a restart on another machine must fetch.",
           state("max(rocksdb_sst_file_bytes) AS size", "rocksdb_sst_file_bytes IS NOT NULL"), unit="bytes", decimals=1, connect=True),
    yes_no("Writers stalled", "Whether RocksDB made writers wait, by operator; for how long is not known, since Spark's number has no sure unit. If it happens often, compaction does not keep up: more cores, or less state for each.",
           state("max(CASE WHEN rocksdb_writer_stalled THEN 1 ELSE 0 END) AS stalled", "rocksdb_writer_stalled IS NOT NULL"), size=(12, 8)),
    series("$custom", "The metric chosen above, as Spark reports it: times are sums over the instances of a store. For what has no chart here.",
           state("max(custom_metrics['$custom']) AS value", "custom_metrics['$custom'] IS NOT NULL"), unit="short", size=(24, 8), connect=True),
]

DASHBOARD = dashboard(
    "streaming", "Spark streaming", "Structured Streaming: whether queries keep up, and how their state stores do.", VARIABLES, PANELS, since="now-6h",
    annotations=[
        annotation("Runs", "blue", f"""
            SELECT min(timestamp) AS "time", {NAME} || ' began' AS title, 'run ' || run_id AS text, 'run' AS tags
            FROM streaming_progress WHERE {WHEN} AND {IN} GROUP BY run_id, query_id, query_name ORDER BY 1 LIMIT 100"""),
        failed_applications("cluster = '$cluster'"),
    ])
