-- What monitoring asks of all attempts at once: sums over index entries, never over rows.

-- When it was over: its end, or the time at which it was given up as lost. Null while it runs.
ALTER TABLE attempts ADD COLUMN over_time BIGINT;
-- Sums over all tasks: milliseconds, bytes. Null where the attempt was indexed before these were kept.
ALTER TABLE attempts ADD COLUMN gc_time BIGINT;
ALTER TABLE attempts ADD COLUMN memory_spilled BIGINT;
ALTER TABLE attempts ADD COLUMN disk_spilled BIGINT;
-- Executors that run tasks, and their cores, as of the last event. Null as above.
ALTER TABLE attempts ADD COLUMN executors BIGINT;
ALTER TABLE attempts ADD COLUMN cores BIGINT;
ALTER TABLE attempts ADD COLUMN part_count BIGINT NOT NULL DEFAULT 0;

-- When older attempts were given up is not known; it was not within this hour.
UPDATE attempts SET
    over_time = CASE status WHEN 'completed' THEN end_time WHEN 'lost' THEN last_event_time END,
    part_count = LENGTH(parts) - LENGTH(REPLACE(parts, '[', '')) - 1;

CREATE INDEX attempts_totals ON attempts (group_id, log_size, store_size, part_count);
CREATE INDEX attempts_over ON attempts (over_time, group_id, failed_tasks, executor_time, gc_time, memory_spilled, disk_spilled);
CREATE INDEX attempts_running ON attempts (group_id, status, executors, cores, failed_tasks) WHERE status = 'running';
CREATE INDEX logs_states ON logs (source_id, state);
CREATE INDEX logs_problems ON logs (source_id, log_key) WHERE problem IS NOT NULL AND state <> 'no_log';
CREATE INDEX fleet_batches_open ON fleet_batches (id, state) WHERE state <> 'written';
