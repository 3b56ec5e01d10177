-- When an application's attempts began and ended, so that a list between two dates looks at one row an
-- application, and only into an index.

ALTER TABLE applications ADD COLUMN first_start BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN last_start BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN first_end BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN last_end BIGINT NOT NULL DEFAULT 0;

UPDATE applications SET
    first_start = (SELECT MIN(a.start_time) FROM attempts a WHERE a.cluster = applications.cluster AND a.app_id = applications.app_id),
    last_start = (SELECT MAX(a.start_time) FROM attempts a WHERE a.cluster = applications.cluster AND a.app_id = applications.app_id),
    first_end = (SELECT MIN(a.end_time) FROM attempts a WHERE a.cluster = applications.cluster AND a.app_id = applications.app_id),
    last_end = (SELECT MAX(a.end_time) FROM attempts a WHERE a.cluster = applications.cluster AND a.app_id = applications.app_id);

DROP INDEX applications_by_end;
DROP INDEX applications_by_cluster;
CREATE INDEX applications_by_end
    ON applications (end_time DESC, app_id DESC, cluster, completed, first_start, last_start, first_end, last_end);
CREATE INDEX applications_by_cluster
    ON applications (cluster, end_time DESC, app_id DESC, completed, first_start, last_start, first_end, last_end);
