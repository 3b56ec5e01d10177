-- Several processes may index into one store.

-- Grows with every change of what is known of a log: who commits names the one that was read, and is refused if it is another by now.
ALTER TABLE logs ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
-- The bytes before `tail_end` of the position's part: how many, and their checksum. By them the log is known again.
ALTER TABLE logs ADD COLUMN tail_end BIGINT NOT NULL DEFAULT 0;
ALTER TABLE logs ADD COLUMN tail_len BIGINT NOT NULL DEFAULT 0;
ALTER TABLE logs ADD COLUMN tail_sum BIGINT NOT NULL DEFAULT 0;

-- Processes that index. Each says again and again that it is there; when it has not for long enough, what it claimed is free.
CREATE TABLE indexers (
    -- Grows: a process that comes later has a greater one.
    id BIGINT PRIMARY KEY,
    role TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    -- By which processes of the same machine see whether it runs: empty where that cannot be told.
    birth TEXT NOT NULL,
    since BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

-- What one process at a time does: reads a log, keeps the store in order.
CREATE TABLE claims (
    name TEXT PRIMARY KEY,
    indexer BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX claims_by_indexer ON claims (indexer);

-- What the last listing of a source passed by because its name or the file cannot be read.
CREATE TABLE odd_names (
    source_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    problem TEXT NOT NULL,
    PRIMARY KEY (source_id, name)
);
