-- Logs of containers: what was found in them, and where it is stored.

-- A place may hold event logs and container logs: each is a source of its own.
CREATE TABLE sources_by_kind (
    id BIGINT PRIMARY KEY,
    cluster TEXT NOT NULL,
    url TEXT NOT NULL,
    -- event-logs or container-logs
    kind TEXT NOT NULL,
    last_scan BIGINT,
    last_success BIGINT,
    problem TEXT,
    objects BIGINT NOT NULL DEFAULT 0,
    logs BIGINT NOT NULL DEFAULT 0,
    passed_by BIGINT NOT NULL DEFAULT 0,
    UNIQUE (cluster, url, kind)
);
INSERT INTO sources_by_kind (id, cluster, url, kind, last_scan, last_success, problem, objects, logs, passed_by)
    SELECT id, cluster, url, 'event-logs', last_scan, last_success, problem, objects, logs, passed_by FROM sources;
DROP TABLE sources;
ALTER TABLE sources_by_kind RENAME TO sources;

CREATE TABLE container_logs (
    source_id BIGINT NOT NULL,
    log_key TEXT NOT NULL,
    -- Changes whenever the object does.
    version TEXT NOT NULL,
    -- Of the store, when it was read.
    format BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    app_id TEXT NOT NULL,
    -- The application's attempt as YARN counts them; null where the path has none.
    yarn_attempt BIGINT,
    container TEXT NOT NULL,
    -- driver, executor, or empty where the path does not tell
    role TEXT NOT NULL,
    executor_id TEXT,
    stream TEXT NOT NULL,
    modified BIGINT NOT NULL,
    -- The first date in it.
    first_time BIGINT,
    -- The object of the store with what was found; null where that is nothing.
    part TEXT,
    part_size BIGINT NOT NULL DEFAULT 0,
    pauses BIGINT NOT NULL DEFAULT 0,
    reports BIGINT NOT NULL DEFAULT 0,
    -- What it came to, a JSON object.
    found TEXT NOT NULL,
    problem TEXT,
    -- Removed by retention; not to be read again.
    expired BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, log_key)
);
CREATE INDEX container_logs_by_app ON container_logs (cluster, app_id, reports, pauses);
CREATE INDEX container_logs_by_part ON container_logs (part);
