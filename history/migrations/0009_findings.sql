-- How many findings of each severity an attempt has, as it was when it was judged. It outlives a new reading of the log, so that
-- lists show what was known until it is judged again; how far the changes of attempts were looked through is the counter 'judged'.
CREATE TABLE judged (
    attempt BIGINT NOT NULL PRIMARY KEY,
    -- The change of the attempt that was judged.
    sequence BIGINT NOT NULL,
    -- When, epoch milliseconds.
    at BIGINT NOT NULL,
    critical BIGINT NOT NULL,
    warning BIGINT NOT NULL,
    info BIGINT NOT NULL,
    -- The severest: critical, warning, info, or none.
    worst TEXT NOT NULL
);
CREATE INDEX judged_by_worst ON judged (worst, attempt);

-- The fleet tables have a further one: all batches are written anew.
UPDATE fleet_batches SET state = 'stale' WHERE state = 'written';
