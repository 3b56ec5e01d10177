"""Afterglow itself, from its metrics in Prometheus."""
from grafana import *

OF = 'job="$job",instance=~"$instance"'

VARIABLES = [
    data_source("prometheus", "Data source", "prometheus"),
    choice("job", "Job", "label_values(afterglow_build_info, job)", source=PROMETHEUS),
    choice("instance", "Instance", 'label_values(afterglow_build_info{job="$job"}, instance)', source=PROMETHEUS, all_is=".+"),
]


def by(metric, labels, how="sum"):
    return f"{how} by ({labels}) ({metric}{{{OF}}})"


def rate(metric, labels="", more="", how="sum"):
    inner = f"rate({metric}{{{OF}{more}}}[$__rate_interval])"
    return f"{how} by ({labels}) ({inner})" if labels else f"{how} ({inner})"


PANELS = [
    stat("Processes", "Processes of Afterglow that answer. Fewer than you started: look at their logs.",
         prom(f"count(up{{{OF}}} == 1)", instant=True), decimals=0, no_value="0"),
    stat("Catalog", "Whether the catalog answers every process. Without it nothing is indexed and nothing served: look at its disk.",
         prom(f"min(afterglow_catalog_up{{{OF}}})", instant=True), unit="none",
         mappings=[{"type": "value", "options": {"1": {"text": "answers", "color": "green", "index": 0}, "0": {"text": "away", "color": "red", "index": 1}}}]),
    stat("Sources with trouble", "Sources that could not be listed or read the last time. The page of sources says why and what to do.",
         prom(f"count(max by (cluster, source) (afterglow_source_up{{{OF}}}) == 0) or vector(0)", instant=True), decimals=0, thresholds=steps((1, "red"))),
    stat("Indexing behind", "Age of the oldest write that a listing saw and that is not indexed. While old logs are read for the first time it is their age.",
         prom(f"max(afterglow_ingest_lag_seconds{{{OF}}})", instant=True), unit="s", decimals=0, thresholds=steps((300, "orange"), (900, "red")),
         no_value="no indexer"),
    stat("Applications", "Attempts in the store, of all outcomes. It falls only by what retention removes.",
         prom(f"sum(max by (cluster, outcome) (afterglow_applications{{{OF}}}))", instant=True), decimals=0),
    stat("Stored", "Bytes that attempts take in the store, without fleet tables. Compare with the limit of `retention.size`, if you set one.",
         prom(f"sum(max by (cluster) (afterglow_store_bytes{{{OF}}}))", instant=True), unit="bytes", decimals=1),

    row("Indexing"),
    series("Behind, by source", "Age of the oldest write that is not indexed. One source that grows alone has trouble of its own; all of them, too little processor for the indexer.",
           prom(by("afterglow_ingest_lag_seconds", "cluster, source", "max"), "{{cluster}} {{source}}"), unit="s", decimals=0, min_interval=None),
    series("Logs waiting", "Logs found new or changed that are not indexed. It should fall to nothing between peaks.",
           prom(by("afterglow_ingest_logs_waiting", "cluster, source"), "{{cluster}} {{source}}"), unit="short", decimals=0, min_interval=None),
    series("Bytes read", "Bytes of logs fetched, and after decompression, a second. A flat top is the limit of network or processor.",
           [prom(rate("afterglow_ingest_read_bytes_total"), "fetched"), prom(rate("afterglow_ingest_plain_bytes_total"), "plain", "B")],
           unit="Bps", decimals=1, min_interval=None),
    series("Failures and damage", "What failed in listing or reading, and what was damaged in logs, a second, by kind. Failures are the store's or its permissions; damage is the writer's.",
           [prom(rate("afterglow_ingest_failures_total", "kind"), "failed: {{kind}}"), prom(rate("afterglow_ingest_damage_total", "kind"), "damaged: {{kind}}", "B")],
           unit="cps", decimals=3, min_interval=None),
    series("States in memory", "Memory for the states of growing logs, and its limit `ingest.memory`. At the limit, states are put aside and read again: raise it if indexing is behind.",
           [prom(f"sum(afterglow_followed_bytes{{{OF}}})", "states"), prom(f"sum(afterglow_followed_limit_bytes{{{OF}}})", "limit", "B")],
           unit="bytes", decimals=1, min_interval=None),
    series("Objects of sources", "Objects in the last whole listing of each source. If it only grows, let old logs expire: each listing reads all names.",
           prom(by("afterglow_source_objects", "cluster, source", "max"), "{{cluster}} {{source}}"), unit="short", decimals=0, min_interval=None),

    row("Serving"),
    series("Requests", "Requests a second by class of status. Any 5xx is a fault: the process's log has a line for each.",
           prom(rate("afterglow_http_requests_total", "status"), "{{status}}"), unit="reqps", decimals=2, stacked=True, min_interval=None),
    series("Time to answer", "Time within which 95 of 100 requests began to be answered, by route, the slowest five. Slow everywhere is the store or the processor.",
           prom(f"topk(5, histogram_quantile(0.95, {rate('afterglow_http_request_duration_seconds_bucket', 'le, route')}))", "{{route}}"),
           unit="s", decimals=3, min_interval=None),
    series("SQL statements", "Statements a second by how they ended. `busy` and `timeout` say that `sql.memory` or `sql.timeout` is too small for what is asked.",
           prom(rate("afterglow_sql_statements_total", "outcome"), "{{outcome}}"), unit="reqps", decimals=2, stacked=True, min_interval=None),
    series("Time of SQL statements", "Time that statements took, waiting included: half of them, and 95 of 100. Ask for fewer days if it is long.",
           [prom(f"histogram_quantile(0.5, {rate('afterglow_sql_statement_duration_seconds_bucket', 'le')})", "half"),
            prom(f"histogram_quantile(0.95, {rate('afterglow_sql_statement_duration_seconds_bucket', 'le')})", "95 of 100", "B")],
           unit="s", decimals=3, min_interval=None),
    series("Found in the block cache", "Of the blocks of the store that were needed, those that were in memory. Low, with slow pages: raise `store.cache`.",
           prom(f"""{rate('afterglow_block_cache_hits_total')}
                    / ({rate('afterglow_block_cache_hits_total')} + {rate('afterglow_block_cache_misses_total')})""", "found"),
           unit="percentunit", decimals=1, high=1, min_interval=None),
    series("Not followed yet", "Changes that the search index has not followed, and files of the fleet tables that are not as their attempts are now. Both should fall to nothing.",
           [prom(f"max(afterglow_search_lag_changes{{{OF}}})", "search"), prom(f"max(afterglow_fleet_batches_open{{{OF}}})", "fleet tables", "B")],
           unit="short", decimals=0, min_interval=None),

    row("Alerting"),
    series("Open incidents", "Incidents that are pending or fire, by severity. `other` are severities of alerts from outside that are none of ours.",
           prom(f"sum by (severity, state) (max by (job, severity, state) (afterglow_incidents{{{OF}}}))", "{{severity}} {{state}}"), unit="short", decimals=0, stacked=True, min_interval=None),
    series("What is seen", "Sightings a second by what they mean: `opened` is a new incident, `known` one that is still there. `refused` are messages from outside that could not be taken; the sender gets the reason.",
           [prom(rate("afterglow_incident_sightings_total", "meaning"), "{{meaning}}"), prom(rate("afterglow_intake_refused_total"), "refused", "B")],
           unit="cps", decimals=2, min_interval=None),
    series("Outbox", "Messages that wait to be taken, and those that were given up. Both should be nothing: the list of deliveries has the receivers' own words.",
           prom(f"max by (state) (afterglow_outbox_messages{{{OF}}})", "{{state}}"), unit="short", decimals=0, min_interval=None),
    series("Oldest message", "Age of the oldest message that waits. If it grows, a receiver does not answer, or nobody delivers.",
           prom(f"max(afterglow_outbox_oldest_seconds{{{OF}}})", "oldest"), unit="s", decimals=0, min_interval=None),
    series("Deliveries", "Tries a second by kind of destination and outcome: `later` is tried again, `dead` was given up.",
           prom(rate("afterglow_deliveries_total", "kind, outcome"), "{{kind}} {{outcome}}"), unit="cps", decimals=2, min_interval=None),
    series("Time to delivery", "Time from writing a message until it was taken, by kind: 95 of 100. Waits after failures are in it.",
           prom(f"histogram_quantile(0.95, {rate('afterglow_delivery_duration_seconds_bucket', 'le, kind')})", "{{kind}}"),
           unit="s", decimals=2, min_interval=None),
    series("Your rules", "Evaluations a second of the rules that you wrote. Those that fail watch nothing: the process's log says why.",
           prom(rate("afterglow_rule_evaluations_total", "outcome"), "{{outcome}}"), unit="cps", decimals=3, min_interval=None),
    series("Requests to the model", "Requests a second by outcome, and whether the service is left alone after failures (1). `over_budget` were not made.",
           [prom(rate("afterglow_remediation_calls_total", "outcome"), "{{outcome}}"), prom(f"max(afterglow_remediation_breaker_open{{{OF}}})", "left alone", "B")],
           unit="short", decimals=3, min_interval=None),
    series("Tokens of the model", "Tokens a second, in and out, as the service counted them. Budgets of the day bound them: see `remediation.tokens_per_day`.",
           prom(rate("afterglow_remediation_tokens_total", "direction"), "{{direction}}"), unit="short", decimals=1, min_interval=None),

    row("The process"),
    series("Processor", "Processor time a second, so 1 is a core, by process.",
           prom(rate("process_cpu_seconds_total", "instance"), "{{instance}}"), unit="short", decimals=2, min_interval=None),
    series("Memory", "Resident memory by process. Caches and states have limits of their own: see `store.cache`, `ingest.memory`, `sql.memory`.",
           prom(by("process_resident_memory_bytes", "instance", "max"), "{{instance}}"), unit="bytes", decimals=1, min_interval=None),
    series("Open files", "Open file descriptors by process, and the lowest limit. Near the limit, raise it: connections and parts of logs each take one.",
           [prom(by("process_open_fds", "instance", "max"), "{{instance}}"), prom(f"min(process_max_fds{{{OF}}})", "limit", "B")],
           unit="short", decimals=0, min_interval=None),
    series("Store", "Bytes of the store by cluster, without fleet tables. It should follow what the clusters write, and what retention removes.",
           prom(by("afterglow_store_bytes", "cluster", "max"), "{{cluster}}"), unit="bytes", decimals=1, stacked=True, min_interval=None),
]

DASHBOARD = dashboard(
    "self", "Afterglow", "Afterglow itself: indexing, serving, store and process.", VARIABLES, PANELS, since="now-6h", refresh="1m")
