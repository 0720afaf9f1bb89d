-- name: organs
-- The registry.
SELECT code, code102, name, email, telephone, certainty FROM organ ORDER BY code;

-- name: add_organs
-- Organs that are new; a known code keeps what it has.
INSERT INTO organ (code, code102, name, email, telephone, certainty)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
ON CONFLICT (code) DO NOTHING
RETURNING code;

-- name: reserve
-- Reserve the legal identity of a document; no row when it is taken.
INSERT INTO handover (dispatch_id, issuer, year, number, notation, content_digest, document_id,
                      printed_number, printed_notation, sender, subject, priority, packet,
                      packet_sha256, limits, door)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (issuer, year, number, notation) DO NOTHING
RETURNING dispatch_id;

-- name: earlier
-- The hand-over that holds an identity.
SELECT dispatch_id, content_digest, subject, sender, handed_over_at
FROM handover WHERE issuer = $1 AND year = $2 AND number = $3 AND notation = $4;

-- name: add_recipients
-- The copies of a dispatch.
INSERT INTO handover_recipient (delivery_id, dispatch_id, recipient)
SELECT d, $2, r FROM unnest($1::uuid[], $3::text[]) AS n (d, r);

-- name: add_outbox
-- What the relay must publish.
INSERT INTO outbox (dispatch_id, priority) VALUES ($1, $2);

-- name: intake_positions
-- How far intake has taken these hand-over topics.
SELECT topic, partition, next_offset FROM intake_position WHERE topic = ANY($1::text[]);

-- name: move_intake
-- The guarded move of intake: only if the position still is where the record stands.
INSERT INTO intake_position AS p (topic, partition, next_offset) VALUES ($1, $2, $3 + 1)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset
WHERE p.next_offset <= $3
RETURNING next_offset;

-- name: recipients
-- Which of these (dispatch, organ) were handed over: who may answer for what.
SELECT h.dispatch_id, h.recipient FROM handover_recipient h
JOIN unnest($1::uuid[], $2::text[]) AS n (dispatch_id, recipient) USING (dispatch_id, recipient);

-- name: claim
-- Claim what waits, urgent first; also what a relay claimed and did not finish within the lease.
WITH next AS (
    SELECT dispatch_id FROM outbox
    WHERE state = 'unsent'
       OR (state = 'claimed' AND (claimed_by = $1 OR claimed_at < now() - $2::interval))
      AND NOT dispatch_id = ANY($3::uuid[])
    ORDER BY priority DESC, created_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET state = 'claimed', claimed_by = $1, claimed_at = now()
FROM next, handover h
WHERE o.dispatch_id = next.dispatch_id AND h.dispatch_id = o.dispatch_id
RETURNING h.dispatch_id, h.sender, h.document_id, h.issuer, h.year, h.printed_number AS number,
          h.printed_notation AS notation, h.subject, h.priority, h.packet, h.packet_sha256, h.limits,
          h.handed_over_at,
          ARRAY(SELECT r.recipient FROM handover_recipient r
                WHERE r.dispatch_id = h.dispatch_id ORDER BY r.recipient) AS recipients;

-- name: mark_sent
-- Mark rows whose every copy the broker has confirmed or refused, and where the log says so.
UPDATE outbox o SET state = 'sent', sent_at = now(), published_partition = n.p,
                    published_offset = n.o
FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS n (d, p, o)
WHERE o.dispatch_id = n.d AND o.state = 'claimed';

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
RETURNING h.dispatch_id, h.sender, h.printed_number AS number, h.printed_notation AS notation,
          h.subject, h.priority, o.created_at;

-- name: aged_over
-- Rows that waited too long and have been sent or cancelled since.
UPDATE outbox o SET aged_alert = 2
FROM handover h
WHERE o.dispatch_id = h.dispatch_id AND o.state IN ('sent', 'cancelled') AND o.aged_alert = 1
RETURNING h.dispatch_id, h.sender, h.printed_number AS number, h.printed_notation AS notation,
          h.subject, h.priority, o.created_at;
