-- Sources, logs with how far they were read, attempts with where their parts are.
-- Portable between SQLite and PostgreSQL: times are epoch milliseconds, lists are JSON text.

CREATE TABLE sources (
    id BIGINT PRIMARY KEY,
    cluster TEXT NOT NULL,
    url TEXT NOT NULL,
    last_scan BIGINT,
    last_success BIGINT,
    problem TEXT,
    objects BIGINT NOT NULL DEFAULT 0,
    logs BIGINT NOT NULL DEFAULT 0,
    passed_by BIGINT NOT NULL DEFAULT 0,
    UNIQUE (cluster, url)
);

CREATE TABLE logs (
    source_id BIGINT NOT NULL,
    log_key TEXT NOT NULL,
    -- Changes whenever the log does.
    version TEXT NOT NULL,
    -- indexed, live, duplicate, no_log, failed or expired
    state TEXT NOT NULL,
    problem TEXT,
    position_part TEXT NOT NULL DEFAULT '',
    position_offset BIGINT NOT NULL DEFAULT 0,
    position_skip BIGINT NOT NULL DEFAULT 0,
    -- Names of the objects up to the position, to see when they are others.
    consumed TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (source_id, log_key)
);

CREATE TABLE attempts (
    id BIGINT PRIMARY KEY,
    cluster TEXT NOT NULL,
    app_id TEXT NOT NULL,
    -- Empty for an application without attempts.
    attempt_id TEXT NOT NULL,
    source_id BIGINT NOT NULL,
    log_key TEXT NOT NULL,
    name TEXT NOT NULL,
    user_name TEXT NOT NULL,
    spark_version TEXT NOT NULL,
    start_time BIGINT NOT NULL,
    -- Of the start, yyyy-mm-dd, UTC.
    day TEXT NOT NULL,
    -- -1 until the application ended.
    end_time BIGINT NOT NULL,
    last_event_time BIGINT NOT NULL,
    last_updated BIGINT NOT NULL,
    exit_code BIGINT,
    -- running, completed or lost
    status TEXT NOT NULL,
    log_size BIGINT NOT NULL,
    events BIGINT NOT NULL,
    format BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    parts TEXT NOT NULL,
    store_size BIGINT NOT NULL,
    labels TEXT NOT NULL,
    damaged BIGINT NOT NULL,
    completeness TEXT NOT NULL,
    search_text TEXT NOT NULL,
    -- Grows with every change of any attempt: followers read what is above what they have.
    sequence BIGINT NOT NULL,
    fleet_batch BIGINT,
    UNIQUE (cluster, app_id, attempt_id)
);
CREATE INDEX attempts_by_app ON attempts (app_id);
CREATE INDEX attempts_by_log ON attempts (source_id, log_key);
CREATE INDEX attempts_by_sequence ON attempts (sequence);
CREATE INDEX attempts_by_batch ON attempts (fleet_batch);

-- One row an application: what its list is ordered and filtered by.
CREATE TABLE applications (
    cluster TEXT NOT NULL,
    app_id TEXT NOT NULL,
    -- Of the newest attempt.
    end_time BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    PRIMARY KEY (cluster, app_id)
);
CREATE INDEX applications_by_end ON applications (end_time DESC, app_id DESC);
CREATE INDEX applications_by_cluster ON applications (cluster, end_time DESC, app_id DESC);

CREATE TABLE fleet_batches (
    id BIGINT PRIMARY KEY,
    day TEXT NOT NULL,
    cluster TEXT NOT NULL,
    -- writing, written or stale
    state TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
