-- name: add
-- A recall on its way out.
INSERT INTO recall (recall_id, dispatch_id, form, reason, requested_by, packet, packet_sha256,
                    content_sha256, content_bytes, content_edition)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: lock
-- Let one act on the copies of a dispatch follow another; what they read before may be outdated.
SELECT FROM outbox WHERE dispatch_id = $1 FOR UPDATE;

-- name: asked
-- Which of these copies were asked back.
SELECT delivery_id FROM recall_recipient WHERE delivery_id = ANY($1::uuid[]);

-- name: add_copies
-- The copies that a recall asks back; a copy is recalled once.
INSERT INTO recall_recipient (delivery_id, recall_id)
SELECT d, $2 FROM unnest($1::uuid[]) AS n (d);

-- name: cancel
-- A dispatch that no relay has claimed, and of which every copy is asked back, never leaves.
UPDATE outbox o SET state = 'cancelled'
WHERE o.dispatch_id = $1 AND o.state = 'unsent'
  AND NOT EXISTS (SELECT FROM handover_recipient r
                  LEFT JOIN recall_recipient c USING (delivery_id)
                  WHERE r.dispatch_id = $1 AND c.delivery_id IS NULL)
RETURNING dispatch_id;

-- name: not_needed
-- Recalls of a dispatch that never left.
UPDATE recall SET state = 'not-needed' WHERE dispatch_id = $1 AND state = 'unsent';

-- name: claim
-- Claim recalls whose dispatch has left: they go behind it.
WITH next AS (
    SELECT r.recall_id FROM recall r JOIN outbox o USING (dispatch_id)
    WHERE o.state = 'sent'
      AND (r.state = 'unsent'
           OR (r.state = 'claimed' AND (r.claimed_by = $1 OR r.claimed_at < now() - $2::interval)))
      AND NOT r.recall_id = ANY($3::uuid[])
    ORDER BY r.requested_at
    LIMIT $4
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE recall r SET state = 'claimed', claimed_by = $1, claimed_at = now()
FROM next, handover h
WHERE r.recall_id = next.recall_id AND h.dispatch_id = r.dispatch_id
RETURNING r.recall_id, r.dispatch_id, r.form, r.reason, r.requested_by, r.requested_at, r.packet,
          r.packet_sha256, coalesce(r.content_bytes, octet_length(r.packet)) AS packet_bytes, h.sender, h.document_id, h.issuer, h.year, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, h.limits,
          ARRAY(SELECT c.recipient FROM recall_recipient x JOIN handover_recipient c USING (delivery_id)
                WHERE x.recall_id = r.recall_id ORDER BY c.recipient) AS recipients,
          ARRAY(SELECT c.connection FROM recall_recipient x JOIN handover_recipient c USING (delivery_id)
                WHERE x.recall_id = r.recall_id ORDER BY c.recipient) AS connections;

-- name: mark_sent
-- Mark recalls that every recipient was offered; tell who waits for what comes in.
WITH sent AS (
    UPDATE recall SET state = 'sent', sent_at = now()
    WHERE recall_id = ANY($1::uuid[]) AND state = 'claimed'
    RETURNING recall_id
)
SELECT pg_notify('hoatoc_copies', '') WHERE EXISTS (SELECT FROM sent);

-- name: aged
-- Recalls that wait too long though their dispatch has left, on the database's clock.
UPDATE recall r SET aged_alert = 1
FROM handover h, outbox o
WHERE r.dispatch_id = h.dispatch_id AND o.dispatch_id = h.dispatch_id AND o.state = 'sent'
  AND r.state IN ('unsent', 'claimed') AND r.aged_alert = 0
  AND greatest(r.requested_at, o.sent_at) < now() - $1::interval
RETURNING r.recall_id AS subject_id, h.dispatch_id, h.sender, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, r.requested_at AS created_at;

-- name: aged_over
-- Recalls that waited too long and have been sent since.
UPDATE recall r SET aged_alert = 2
FROM handover h
WHERE r.dispatch_id = h.dispatch_id AND r.state = 'sent' AND r.aged_alert = 1
RETURNING r.recall_id AS subject_id, h.dispatch_id, h.sender, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, r.requested_at AS created_at;
