-- Groups of incidents that are told of together, and the outbox.

CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Route and labels: what makes two incidents one message.
    key TEXT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    labels TEXT NOT NULL,
    -- Milliseconds; as the route had them when the group was last met.
    group_interval BIGINT NOT NULL,
    repeat_interval BIGINT NOT NULL,
    -- Names of time intervals: outside the first, or inside the second, nothing is told.
    active_intervals TEXT NOT NULL,
    mute_intervals TEXT NOT NULL,
    -- When it is looked at next.
    next_at BIGINT NOT NULL,
    told_at BIGINT,
    -- How often it was told of.
    told BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX groups_due ON groups (next_at);

CREATE TABLE group_members (
    group_id BIGINT NOT NULL,
    incident BIGINT NOT NULL,
    -- What was told of it last: empty, firing or resolved.
    told TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (group_id, incident)
) WITHOUT ROWID;
CREATE INDEX group_members_by_incident ON group_members (incident);

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The same for every try: receivers know by it what they have already.
    key TEXT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    -- Which of the receiver's, as `webhook/0`.
    destination TEXT NOT NULL,
    -- Messages of one lane to one destination go out one after the other: the news of the end must not come before that of the start.
    lane TEXT NOT NULL,
    -- The message, JSON.
    message TEXT NOT NULL,
    -- waiting, sent or dead
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Somebody tries it until then.
    leased_until BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    sent_at BIGINT
);
CREATE INDEX deliveries_waiting ON deliveries (destination, receiver, next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_lanes ON deliveries (lane, receiver, destination, id) WHERE state = 'waiting';
CREATE INDEX deliveries_by_state ON deliveries (state, id DESC);

CREATE TABLE delivery_incidents (
    incident BIGINT NOT NULL,
    delivery BIGINT NOT NULL,
    PRIMARY KEY (incident, delivery)
) WITHOUT ROWID;
CREATE INDEX delivery_incidents_by_delivery ON delivery_incidents (delivery);

-- Tries that failed.
CREATE TABLE delivery_failures (
    delivery BIGINT NOT NULL,
    at BIGINT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX delivery_failures_by_delivery ON delivery_failures (delivery, at);
