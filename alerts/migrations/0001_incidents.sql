-- Incidents with what happened to them, and what keeps them quiet. Times are epoch milliseconds, lists and maps are JSON text.

CREATE TABLE incidents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What makes two sightings one incident; of those with the same one, at most one is open.
    fingerprint TEXT NOT NULL,
    -- pending, firing or resolved
    state TEXT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    cluster TEXT NOT NULL,
    -- Empty where no application is meant.
    app_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    app_name TEXT NOT NULL,
    -- Who runs the application: viewers are let through by it.
    owner TEXT NOT NULL,
    summary TEXT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    -- The finding as JSON tells it; null for what came from elsewhere.
    finding TEXT,
    -- findings, rules, grafana, alertmanager or sqs
    origin TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- When it fires, if it is still there: start and the rule's `for`.
    due_at BIGINT NOT NULL,
    fired_at BIGINT,
    resolved_at BIGINT,
    last_seen_at BIGINT NOT NULL,
    -- How often it was seen; the same run or message counts once.
    count BIGINT NOT NULL,
    acknowledged_by TEXT,
    assigned_to TEXT,
    -- The incident that makes this one no news.
    inhibited_by BIGINT
);
CREATE UNIQUE INDEX incidents_open ON incidents (fingerprint) WHERE state <> 'resolved';
CREATE INDEX incidents_by_time ON incidents (started_at DESC, id DESC);
CREATE INDEX incidents_by_state ON incidents (state, started_at DESC, id DESC);
CREATE INDEX incidents_pending ON incidents (due_at) WHERE state = 'pending';
CREATE INDEX incidents_by_owner ON incidents (cluster, owner);
CREATE INDEX incidents_by_app ON incidents (cluster, app_name, state);

-- What was counted already: a run that is judged again, a message that is delivered again.
CREATE TABLE occurrences (
    fingerprint TEXT NOT NULL,
    -- An attempt, or the start and status of an alert from elsewhere.
    occurrence TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, occurrence)
) WITHOUT ROWID;
CREATE INDEX occurrences_by_time ON occurrences (at);

-- The timeline.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- seen, pending, firing, resolved, acknowledged, unacknowledged, assigned, comment, told, remediation …
    kind TEXT NOT NULL,
    -- Null: Afterglow itself.
    by TEXT,
    text TEXT NOT NULL
);
CREATE INDEX events_by_incident ON events (incident, id);

-- Rules that are not to be told of for applications of a name. `*` stands for any text.
CREATE TABLE mutes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule TEXT NOT NULL,
    app_name TEXT NOT NULL,
    until BIGINT,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);

-- Incidents that are not to be told of, by their labels.
CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- A list of texts as `severity=~"warning|info"`; all must hold.
    matchers TEXT NOT NULL,
    until BIGINT NOT NULL,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);

-- How far followers have read: changes of the catalog, and whatever else is numbered.
CREATE TABLE positions (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
