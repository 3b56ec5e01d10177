-- The runs that another one may try again: those that came to no end, by their last word.
CREATE INDEX attempts_lost ON attempts (cluster, user_name, name, last_event_time) WHERE end_time < 0;
