-- name: reserve
-- Reserve the identity of a document, or of a later act of sending it; no row when it is taken.
INSERT INTO handover (dispatch_id, issuer, year, number, notation, act, content_digest, document_id,
                      printed_number, printed_notation, sender, subject, priority, packet,
                      packet_sha256, limits, door, business_type, promulgated, issuer_name,
                      legal_value, signatures, findings, cleared_by, handed_over_at,
                      sender_connection, content_sha256, content_bytes, content_edition,
                      document_digest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)
ON CONFLICT (issuer, year, number, notation, act) DO NOTHING
RETURNING dispatch_id;

-- name: taken
-- The hand-overs of a document: the first has no act.
SELECT dispatch_id, act, content_digest, business_type, subject, sender, printed_number,
       printed_notation, handed_over_at, door, encode(packet_sha256, 'hex') AS packet_sha256,
       (SELECT count(*) FROM handover_recipient r WHERE r.dispatch_id = h.dispatch_id) AS recipients
FROM handover h WHERE issuer = $1 AND year = $2 AND number = $3 AND notation = $4
ORDER BY handed_over_at;

-- name: namesakes
-- Earlier documents with the same document id, or the same number and notation in the same year.
SELECT subject, sender, dispatch_id, handed_over_at, document_id, issuer, issuer_name,
       business_type, content_digest
FROM handover
WHERE act = '' AND (document_id = $1 OR (year = $2 AND number = $3 AND notation = $4))
ORDER BY handed_over_at LIMIT 1000;

-- name: packet
-- A packet as it was handed over; of one that lies in the store, what repetitions are told by.
SELECT packet, document_digest, document_id, year, printed_number, printed_notation, sender,
       issuer_name
FROM handover WHERE dispatch_id = $1;

-- name: send
-- The copies of a dispatch, the topic of each, which copy it sends again; what the relay must
-- publish, and that there is something.
WITH copy AS (
    INSERT INTO handover_recipient (delivery_id, dispatch_id, recipient, connection, resends)
    SELECT d, $2, r, c, s
    FROM unnest($1::uuid[], $3::text[], $4::text[], $5::uuid[]) AS n (d, r, c, s)
), waiting AS (
    INSERT INTO outbox (dispatch_id, priority) VALUES ($2, $6)
)
SELECT pg_notify($7, '');

-- name: copies_of
-- The copies of a document, by its id as written or by its number, and where each stands.
SELECT r.delivery_id, r.dispatch_id, r.recipient, o.state AS outbox, d.state,
       EXISTS (SELECT FROM handover_recipient n WHERE n.resends = r.delivery_id) AS resent,
       (SELECT c.recall_id FROM recall_recipient c WHERE c.delivery_id = r.delivery_id) AS recall_id
FROM handover h
JOIN handover_recipient r USING (dispatch_id)
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
WHERE h.issuer = $1
  AND (h.document_id = $2 OR (h.year = $3 AND h.number = $4 AND h.notation = $5))
ORDER BY h.handed_over_at;

-- name: copies
-- The copies of one dispatch, and where each stands.
SELECT r.delivery_id, r.dispatch_id, r.recipient, o.state AS outbox, d.state,
       EXISTS (SELECT FROM handover_recipient n WHERE n.resends = r.delivery_id) AS resent,
       (SELECT c.recall_id FROM recall_recipient c WHERE c.delivery_id = r.delivery_id) AS recall_id
FROM handover_recipient r
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
WHERE r.dispatch_id = $1 ORDER BY r.recipient;

-- name: resend
-- The same document once more, as another act of sending.
INSERT INTO handover (dispatch_id, issuer, year, number, notation, act, content_digest, document_id,
                      printed_number, printed_notation, sender, subject, priority, packet,
                      packet_sha256, limits, door, business_type, promulgated, issuer_name,
                      legal_value, signatures, findings, cleared_by, resend_of, handed_over_at,
                      sender_connection, content_sha256, content_bytes, content_edition,
                      document_digest)
SELECT $2::uuid, issuer, year, number, notation, 'resend:' || $2::uuid, content_digest, document_id,
       printed_number, printed_notation, sender, subject, priority, packet, packet_sha256, $3::jsonb,
       $4, business_type, promulgated, issuer_name, legal_value, signatures, findings, cleared_by,
       dispatch_id, $5, sender_connection, content_sha256, content_bytes, content_edition,
       document_digest
FROM handover WHERE dispatch_id = $1
RETURNING priority;

-- name: limits
-- By what a dispatch was handed over.
SELECT limits, sender, priority, promulgated FROM handover WHERE dispatch_id = $1;

-- name: intake_positions
-- How far intake has taken these hand-over topics.
SELECT topic, partition, next_offset FROM intake_position WHERE topic = ANY($1::text[]);

-- name: move_intake
-- The guarded move of intake: only if the position still is where the record stands.
INSERT INTO intake_position AS p (topic, partition, next_offset) VALUES ($1, $2, $3 + 1)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset
WHERE p.next_offset <= $3
RETURNING next_offset;

-- name: speakers
-- Who may speak of these (dispatch, recipient): the connection point that answers, and the sender.
SELECT r.dispatch_id, r.recipient, r.connection, h.sender
FROM handover_recipient r
JOIN handover h USING (dispatch_id)
JOIN unnest($1::uuid[], $2::text[]) AS n (dispatch_id, recipient) USING (dispatch_id, recipient);
