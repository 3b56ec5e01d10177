-- Where rules that fire on after their condition held last stand, so that a restart does not end what they tell: JSON.

CREATE TABLE rule_states (
    rule TEXT PRIMARY KEY,
    held TEXT NOT NULL
) WITHOUT ROWID;
