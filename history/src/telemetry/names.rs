//! Every metric there is: its name, without the `_total` that counters end in, and what it says. docs/metrics.md lists the same.

/// A metric's name and its help text, without the full stop.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident $name:literal $help:literal)*) => {
        $(pub const $id: Metric = Metric { name: $name, help: $help };)*
    };
}

metrics! {
    BUILD_INFO "afterglow_build_info" "Always 1; labels tell version, role and format of the store"

    // The process that indexes.
    INGEST_LAG "afterglow_ingest_lag_seconds" "Age of the oldest write to any log of the source that a listing saw and that is not indexed; 0 if there is none"
    LOGS_WAITING "afterglow_ingest_logs_waiting" "Logs found new or changed that are not indexed, those being read among them"
    OBJECTS_LISTED "afterglow_ingest_objects_listed" "Objects that whole listings saw"
    LOGS_FOUND "afterglow_ingest_logs_found" "Logs found new or changed"
    LOGS_UNCHANGED "afterglow_ingest_logs_unchanged" "Logs that a listing found as they were"
    LOGS_DONE "afterglow_ingest_logs_done" "Readings of a log that ended, well or not; a growing log is read again and again"
    BYTES_READ "afterglow_ingest_read_bytes" "Bytes of logs that were fetched"
    PLAIN_BYTES "afterglow_ingest_plain_bytes" "Bytes of logs after decompression"
    EVENTS "afterglow_ingest_events" "Events that were read"
    DAMAGE "afterglow_ingest_damage" "What was damaged or missing in logs that were read: line, block, torn_tail, missing_part or no_start"
    FAILURES "afterglow_ingest_failures" "What failed by no fault of a log's content: listing a source, reading a log, or finding it still there (gone)"
    FOLLOWED "afterglow_followed_applications" "Applications whose states are kept in memory because their logs grow"
    FOLLOWED_BYTES "afterglow_followed_bytes" "Memory of these states, an estimate"
    FOLLOWED_LIMIT "afterglow_followed_limit_bytes" "Memory that these states may take: ingest.memory"

    // What the catalog knows, in every process.
    CATALOG_UP "afterglow_catalog_up" "1 if the catalog answered, else 0, and then all that it knows is missing here"
    SOURCE_UP "afterglow_source_up" "1 if the source was listed and all found new in it was read the last time, else 0"
    SOURCE_LISTED "afterglow_source_last_listing_timestamp_seconds" "When the last whole listing of the source ended"
    SOURCE_OBJECTS "afterglow_source_objects" "Objects in the last whole listing"
    SOURCE_LOGS "afterglow_source_logs" "Event logs of the source by what became of them: indexed, live, duplicate, no_log, failed or expired"
    SOURCE_PROBLEMS "afterglow_source_logs_with_problems" "Event logs of the source with which something is wrong"
    APPLICATIONS "afterglow_applications" "Application attempts in the store"
    LOG_BYTES "afterglow_log_bytes" "Bytes of the logs of these attempts, as they lie in the source"
    STORE_BYTES "afterglow_store_bytes" "Bytes that these attempts take in the store, without fleet tables"
    STORE_PARTS "afterglow_store_parts" "Objects that these attempts are in"
    STORE_LIMIT "afterglow_store_limit_bytes" "Bytes that attempts may take in the store: retention.size; missing if there is no limit"
    BATCHES_OPEN "afterglow_fleet_batches_open" "Files of the fleet tables that are not as the attempts are now, counted by day and cluster"
    RUNNING "afterglow_running_applications" "Application attempts that run; the queues with most of them by name, the rest as other"
    RUNNING_EXECUTORS "afterglow_running_executors" "Executors of attempts that run, as of the last event of each"
    RUNNING_CORES "afterglow_running_cores" "Cores of these executors"
    RUNNING_FAILED "afterglow_running_failed_tasks" "Tasks that have failed in attempts that run, since these began"
    ENDED "afterglow_ended_applications" "Application attempts that ended, or were given up as lost, within the last hour"
    ENDED_FAILED "afterglow_ended_failed_tasks" "Tasks that had failed in these attempts"
    ENDED_RUN "afterglow_ended_task_seconds" "Run time of all tasks of these attempts"
    ENDED_GC "afterglow_ended_gc_seconds" "Time that these tasks spent in garbage collection"
    ENDED_SPILLED "afterglow_ended_spilled_bytes" "Bytes that these tasks spilled, as they were in memory and as they went to disk"

    // The store, search and SQL, in a process that serves.
    CACHE_HITS "afterglow_block_cache_hits" "Blocks of the store that were found in memory"
    CACHE_MISSES "afterglow_block_cache_misses" "Blocks of the store that were fetched"
    CACHE_BYTES "afterglow_block_cache_bytes" "Memory of blocks kept"
    CACHE_LIMIT "afterglow_block_cache_limit_bytes" "Memory that blocks may take: store.cache"
    SEARCH_LAG "afterglow_search_lag_changes" "Changes of attempts that the search index has not followed yet"
    STATEMENTS "afterglow_sql_statements" "SQL statements by how they ended: ok, refused, timeout, busy or failed"
    STATEMENT_SECONDS "afterglow_sql_statement_duration_seconds" "Time that SQL statements took, waiting for their turn included"
    REQUESTS "afterglow_http_requests" "HTTP requests by route, a template, and class of status"
    REQUEST_SECONDS "afterglow_http_request_duration_seconds" "Time until the answer to a request began"
    ROUNDS "afterglow_maintenance_rounds" "Rounds of maintenance: retention and fleet tables"

    // Alerting.
    JUDGEMENTS "afterglow_judgements" "Attempts that were read and judged by all rules, by outcome: ok, or failed if the store could not be read"
    INCIDENTS "afterglow_incidents" "Incidents that are open, by state (pending, firing) and severity (critical, warning, info, other)"
    SIGHTINGS "afterglow_incident_sightings" "What was seen, by who saw it (findings, rules, grafana, alertmanager, sqs, sns) and what it meant: opened, known, resolved or nothing"
    INTAKE_REFUSED "afterglow_intake_refused" "Messages, and alerts in messages, from outside that could not be taken, by where they came from"
    OUTBOX "afterglow_outbox_messages" "Messages in the outbox by state: waiting, or dead, which somebody may send again"
    OUTBOX_OLDEST "afterglow_outbox_oldest_seconds" "Age of the oldest message that waits to be taken; 0 if there is none"
    DELIVERIES "afterglow_deliveries" "Tries to deliver a message, by kind of destination and outcome: sent, later (it is tried again) or dead"
    DELIVERY_SECONDS "afterglow_delivery_duration_seconds" "Time from writing a message until it was taken, by kind of destination"
    RULE_EVALUATIONS "afterglow_rule_evaluations" "Evaluations of rules that operators wrote, by outcome: ok or failed"
    MODEL_CALLS "afterglow_remediation_calls" "Requests to the model by outcome: answered, throttled, unavailable, timed_out, refused, guardrail, malformed, or over_budget, which were not made"
    MODEL_TOKENS "afterglow_remediation_tokens" "Tokens as the service counted them, in and out"
    MODEL_MONEY "afterglow_remediation_money" "What these requests cost, in the currency of the prices; missing without prices"
    MODEL_DROPPED "afterglow_remediation_claims_dropped" "Claims of answers that were left out because nothing backs them"
    RETRIEVALS "afterglow_remediation_retrievals" "Requests to the knowledge base of Bedrock, by outcome: ok or failed"
    MODEL_BREAKER "afterglow_remediation_breaker_open" "1 while the service is left alone after failures, else 0"

    // Remote write.
    SAMPLES "afterglow_remote_write_samples" "Samples by what became of them: sent, or dropped because they were refused or waited too long"
    RETRIES "afterglow_remote_write_retries" "Requests that failed and were sent again"
    REQUESTS_WAITING "afterglow_remote_write_requests_waiting" "Requests that wait to be sent"

    // The process, by the names that Prometheus' own clients use.
    CPU_SECONDS "process_cpu_seconds" "Processor time of the process, user and system"
    RESIDENT_BYTES "process_resident_memory_bytes" "Resident memory of the process"
    VIRTUAL_BYTES "process_virtual_memory_bytes" "Virtual memory of the process"
    OPEN_FDS "process_open_fds" "Open file descriptors"
    MAX_FDS "process_max_fds" "Most file descriptors that may be open"
    THREADS "process_threads" "Threads of the process"
    START_TIME "process_start_time_seconds" "When the process began"
}
