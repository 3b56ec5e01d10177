-- How bad an outcome is: attempts are listed by that rather than by its name.
ALTER TABLE attempts ADD COLUMN severity BIGINT NOT NULL DEFAULT 0;
UPDATE attempts SET severity = CASE outcome WHEN 'failed' THEN 3 WHEN 'lost' THEN 2 WHEN 'running' THEN 1 ELSE 0 END;
DROP INDEX attempts_list_outcome;
CREATE INDEX attempts_list_severity ON attempts (severity, start_time DESC, id DESC, group_id);
