-- name: next
-- What the books have to tell, in order.
SELECT id, topic, key, event_id, type, traceparent, value FROM announcement ORDER BY id LIMIT $1;

-- name: told
-- Forget what the broker has confirmed.
DELETE FROM announcement WHERE id = ANY($1::bigint[]);

-- name: lead
-- One program announces at a time: order per key needs a single writer.
SELECT pg_try_advisory_lock($1);
