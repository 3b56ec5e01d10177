-- How bad the findings of an attempt are, to list attempts by it: criticals before warnings before infos; -1 where it was not judged.
ALTER TABLE attempts ADD COLUMN findings BIGINT NOT NULL DEFAULT -1;
UPDATE attempts SET findings = COALESCE((SELECT MIN(j.critical, 99999) * 10000000000 + MIN(j.warning, 99999) * 100000 + MIN(j.info, 99999)
    FROM judged j WHERE j.attempt = attempts.id), -1);
CREATE INDEX attempts_list_findings ON attempts (findings, start_time DESC, id DESC, group_id);
