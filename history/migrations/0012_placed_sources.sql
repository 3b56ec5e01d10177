-- The rules by which attempts were given clusters and labels, and those by which all of a source's were: what was placed by others is placed anew.
ALTER TABLE sources ADD COLUMN placed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN placed_by TEXT NOT NULL DEFAULT '';
CREATE INDEX attempts_by_rules ON attempts (source_id, id, placed_by);
