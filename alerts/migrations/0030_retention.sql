-- What is old is found without looking at all.

CREATE INDEX incidents_over ON incidents (resolved_at) WHERE state = 'resolved';
CREATE INDEX deliveries_sent ON deliveries (sent_at) WHERE state = 'sent';
CREATE INDEX deliveries_dead ON deliveries (next_at) WHERE state = 'dead';

-- Nobody reads what was sent once it was.
UPDATE deliveries SET message = '' WHERE state = 'sent';
