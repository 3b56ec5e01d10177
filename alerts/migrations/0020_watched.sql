-- What is asked for whenever somebody looks at metrics comes from indexes.

CREATE INDEX incidents_open_by_severity ON incidents (state, severity) WHERE state <> 'resolved';
