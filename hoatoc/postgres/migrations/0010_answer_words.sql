-- What an answer said: a key of idempotency that was given for it is that of no other. Answers from
-- before this have none.
ALTER TABLE door_answer ADD COLUMN words_sha256 bytea CHECK (length(words_sha256) = 32);

-- How a copy stands: as the books have it, or as the outbox does before.
CREATE FUNCTION copy_state(booked text, outbox text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(booked, CASE outbox WHEN 'sent' THEN 'published' WHEN 'cancelled' THEN 'cancelled' ELSE 'unsent' END);
