-- name: claim
-- Claim what waits, urgent first; also what a relay claimed and did not finish within the lease.
WITH next AS (
    SELECT dispatch_id FROM outbox
    WHERE (state = 'unsent'
           OR (state = 'claimed' AND (claimed_by = $1 OR claimed_at < now() - $2::interval)))
      AND NOT dispatch_id = ANY($3::uuid[])
    ORDER BY priority DESC, created_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET state = 'claimed', claimed_by = $1, claimed_at = now()
FROM next, handover h
WHERE o.dispatch_id = next.dispatch_id AND h.dispatch_id = o.dispatch_id
RETURNING h.dispatch_id, h.sender, h.document_id, h.issuer, h.year, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, h.packet, h.packet_sha256,
          coalesce(h.content_bytes, octet_length(h.packet)) AS packet_bytes, h.limits, h.handed_over_at,
          h.business_type, h.legal_value, h.sender_connection,
          (SELECT e.dispatch_id FROM outbox e  -- the log knows nothing of one that was cancelled
           WHERE e.dispatch_id = h.resend_of AND e.state <> 'cancelled') AS resend_of,
          ARRAY(SELECT r.recipient FROM handover_recipient r
                WHERE r.dispatch_id = h.dispatch_id ORDER BY r.recipient) AS recipients,
          ARRAY(SELECT r.connection FROM handover_recipient r
                WHERE r.dispatch_id = h.dispatch_id ORDER BY r.recipient) AS connections;

-- name: mark_sent
-- Mark rows whose every copy the broker has confirmed or refused, and where the log says so; tell
-- who waits for what came to these connections (none named: to any).
WITH sent AS (
    UPDATE outbox o SET state = 'sent', sent_at = now(), published_partition = n.p,
                        published_offset = n.o
    FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS n (d, p, o)
    WHERE o.dispatch_id = n.d AND o.state = 'claimed'
    RETURNING o.dispatch_id
), reached AS (
    SELECT string_agg(DISTINCT r.connection, ',') AS names
    FROM sent JOIN handover_recipient r USING (dispatch_id)
)
SELECT pg_notify('hoatoc_copies', CASE WHEN length(names) < 4000 THEN names ELSE '' END)
FROM reached WHERE names IS NOT NULL;

-- name: waiting
-- How much waits in the outbox, and since when.
SELECT count(*) AS rows, extract(epoch FROM now() - min(created_at))::float8 AS oldest_s
FROM outbox WHERE state IN ('unsent', 'claimed');

-- name: aged
-- Rows that wait too long, on the database's clock: they page us, never a recipient.
UPDATE outbox o SET aged_alert = 1
FROM handover h
WHERE o.dispatch_id = h.dispatch_id AND o.state IN ('unsent', 'claimed') AND o.aged_alert = 0
  AND o.created_at < now() - $1::interval
RETURNING h.dispatch_id AS subject_id, h.dispatch_id, h.sender, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, o.created_at;

-- name: aged_over
-- Rows that waited too long and have been sent or cancelled since.
UPDATE outbox o SET aged_alert = 2
FROM handover h
WHERE o.dispatch_id = h.dispatch_id AND o.state IN ('sent', 'cancelled') AND o.aged_alert = 1
RETURNING h.dispatch_id AS subject_id, h.dispatch_id, h.sender, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, o.created_at;
