-- What the list of attempts shows, is sorted by and counted by.

-- What attempts have in common that they are filtered by: a row for each combination, never changed. So a filter
-- looks at few rows, and a count at one number an attempt.
CREATE TABLE attempt_groups (
    id BIGINT PRIMARY KEY,
    cluster TEXT NOT NULL,
    user_name TEXT NOT NULL,
    queue TEXT NOT NULL,
    outcome TEXT NOT NULL,
    spark_version TEXT NOT NULL,
    labels TEXT NOT NULL,
    UNIQUE (cluster, user_name, queue, outcome, spark_version, labels)
);

CREATE TABLE group_labels (
    group_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (label, value, group_id)
);

-- Empty where no queue is known.
ALTER TABLE attempts ADD COLUMN queue TEXT NOT NULL DEFAULT '';
-- running, completed, failed or lost
ALTER TABLE attempts ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
-- To the end, or to the last event of an attempt without one.
ALTER TABLE attempts ADD COLUMN duration BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN tasks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN failed_tasks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN executor_time BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN error TEXT;
ALTER TABLE attempts ADD COLUMN group_id BIGINT NOT NULL DEFAULT 0;

-- Attempts that are here already are of an older format, and are read again; until then they are listed with what is known.
UPDATE attempts SET outcome = status, duration = CASE
    WHEN end_time >= start_time THEN end_time - start_time
    WHEN last_event_time >= start_time THEN last_event_time - start_time
    ELSE 0 END;
INSERT INTO attempt_groups (id, cluster, user_name, queue, outcome, spark_version, labels)
    SELECT ROW_NUMBER() OVER (ORDER BY cluster, user_name, outcome, spark_version, labels), cluster, user_name, '', outcome, spark_version, labels
    FROM (SELECT DISTINCT cluster, user_name, outcome, spark_version, labels FROM attempts) a;
INSERT INTO counters (name, value) SELECT 'group', COALESCE(MAX(id), 0) FROM attempt_groups;
UPDATE attempts SET group_id = (SELECT g.id FROM attempt_groups g WHERE g.cluster = attempts.cluster AND g.user_name = attempts.user_name
    AND g.queue = '' AND g.outcome = attempts.outcome AND g.spark_version = attempts.spark_version AND g.labels = attempts.labels);

-- Each has all that a page needs: neither sorting nor filtering looks into the rows.
CREATE INDEX attempts_list_start ON attempts (start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_end ON attempts (end_time, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_duration ON attempts (duration, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_name ON attempts (name, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_app ON attempts (app_id, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_cluster ON attempts (cluster, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_user ON attempts (user_name, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_queue ON attempts (queue, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_outcome ON attempts (outcome, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_version ON attempts (spark_version, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_log_size ON attempts (log_size, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_tasks ON attempts (tasks, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_failed_tasks ON attempts (failed_tasks, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_executor_time ON attempts (executor_time, start_time DESC, id DESC, group_id);
CREATE INDEX attempts_list_group ON attempts (group_id, start_time, id);
-- Earlier runs of an application.
CREATE INDEX attempts_by_name ON attempts (cluster, user_name, name, start_time);
