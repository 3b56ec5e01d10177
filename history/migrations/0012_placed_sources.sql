-- The rules by which the applications of a source were given clusters and labels: when they change, those that are here are placed anew.
ALTER TABLE sources ADD COLUMN placed_by TEXT NOT NULL DEFAULT '';
