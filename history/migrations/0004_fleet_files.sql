-- What a query must know of a batch's files without listing or opening them: of each table that
-- has rows the bytes of its file, and the earliest and latest time in each column. A JSON object.
ALTER TABLE fleet_batches ADD COLUMN files TEXT NOT NULL DEFAULT '{}';

-- The tables have further columns: all files are written anew.
UPDATE fleet_batches SET state = 'stale' WHERE state = 'written';
