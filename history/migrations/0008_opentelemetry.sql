-- Attempts that were exported as traces, as they were then: one that is over in another way is exported again. How far the
-- changes of attempts were looked through is the counter 'exported'.
CREATE TABLE exported (
    attempt BIGINT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    end_time BIGINT NOT NULL
);
