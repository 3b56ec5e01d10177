-- What people said of advice, why there is none in a word, and why somebody decided about an action as he did.

-- budget, breaker, failed, deadline, ungrounded or lost; null while there is advice, and of before this release.
ALTER TABLE remediations ADD COLUMN reason TEXT;

ALTER TABLE action_runs ADD COLUMN comment TEXT;

-- One word of a person about one advice; the last one counts.
CREATE TABLE feedback (
    incident BIGINT NOT NULL,
    -- rule or model: whose advice it is about.
    about TEXT NOT NULL,
    by TEXT NOT NULL,
    rule TEXT NOT NULL,
    -- worked, no effect or worse
    verdict TEXT NOT NULL,
    comment TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (incident, about, by)
) WITHOUT ROWID;
CREATE INDEX feedback_by_rule ON feedback (rule, verdict);
