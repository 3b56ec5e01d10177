-- When the sender of an alert spoke last of it, so that a message that comes late does not undo a later one.

CREATE TABLE words (
    fingerprint TEXT PRIMARY KEY,
    said_at BIGINT NOT NULL,
    -- When it was over, by the last word that it is; null before the first.
    over_at BIGINT
) WITHOUT ROWID;
CREATE INDEX words_by_time ON words (said_at);
