-- Advice of a model: every request with what came of it, what is known of an incident beyond its finding, how advice turned out, and the
-- operator's own actions. Times are epoch milliseconds.

CREATE TABLE model_calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Null: asked by hand.
    incident BIGINT,
    -- What makes two cases alike.
    fingerprint TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Days since 1970, UTC: budgets are by the day.
    day BIGINT NOT NULL,
    model TEXT NOT NULL,
    -- As they were sent.
    system TEXT NOT NULL,
    prompt TEXT NOT NULL,
    -- asking, answered, throttled, unavailable, timed out, refused, guardrail or malformed. One that stays `asking` was cut short.
    outcome TEXT NOT NULL,
    -- The answer as it came, before it was checked; JSON.
    answer TEXT,
    error TEXT,
    -- As the service said.
    tokens_in BIGINT,
    tokens_out BIGINT,
    -- What budgets count: what was set aside, until it is known what it took.
    tokens BIGINT NOT NULL,
    money DOUBLE PRECISION NOT NULL,
    took BIGINT NOT NULL,
    -- Claims that the check left out.
    dropped BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX model_calls_by_day ON model_calls (day, tokens, money, took);
CREATE INDEX model_calls_by_incident ON model_calls (incident, id);
CREATE INDEX model_calls_by_fingerprint ON model_calls (fingerprint, model, id DESC) WHERE outcome = 'answered';

-- The advice for an incident, one row each.
CREATE TABLE remediations (
    incident BIGINT PRIMARY KEY,
    -- asking, advised or none
    state TEXT NOT NULL,
    -- Why there is none.
    why TEXT,
    at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    model TEXT NOT NULL,
    -- What was left of the answer, and what it cites: JSON.
    answer TEXT,
    cited TEXT,
    -- When it was first given, if it is one for a case that was alike.
    reused_from BIGINT
);

-- How a job did when it ran again after advice.
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster TEXT NOT NULL,
    app_name TEXT NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The runs before and after, by application id and attempt.
    before_run TEXT NOT NULL,
    after_run TEXT NOT NULL,
    -- worked, no effect, worse, not tried or not known
    verdict TEXT NOT NULL,
    -- Settings that differ between the runs as advised, and the numbers: JSON.
    changed TEXT NOT NULL,
    numbers TEXT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (cluster, app_name, rule, kind, before_run, after_run)
);
CREATE INDEX outcomes_by_rule ON outcomes (rule, id DESC);
CREATE INDEX outcomes_by_app ON outcomes (cluster, app_name, id DESC);

-- What each job's last run came to, to compare the next one with.
CREATE TABLE last_runs (
    cluster TEXT NOT NULL,
    app_name TEXT NOT NULL,
    run TEXT NOT NULL,
    at BIGINT NOT NULL,
    numbers TEXT NOT NULL,
    PRIMARY KEY (cluster, app_name)
) WITHOUT ROWID;

CREATE TABLE action_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident BIGINT NOT NULL,
    action TEXT NOT NULL,
    -- proposed, running, done, failed or refused
    state TEXT NOT NULL,
    dry_run BIGINT NOT NULL,
    -- Who approved or refused it; `automatic` for the operator's own rule.
    by TEXT,
    proposed_at BIGINT NOT NULL,
    decided_at BIGINT,
    ended_at BIGINT,
    -- What is or would be sent, and what came back.
    request TEXT NOT NULL,
    reply TEXT,
    UNIQUE (incident, action)
);
CREATE INDEX action_runs_by_action ON action_runs (action, decided_at);
