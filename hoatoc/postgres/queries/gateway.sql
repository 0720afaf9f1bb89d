-- name: dispatch
-- A dispatch as it was handed over.
SELECT h.dispatch_id, h.sender, h.document_id, h.issuer, h.issuer_name, h.year,
       h.printed_number AS number, h.printed_notation AS notation, h.subject, h.priority,
       h.business_type, h.legal_value, h.promulgated, h.door, h.handed_over_at, h.resend_of,
       o.state AS outbox, o.sent_at, h.findings,
       encode(h.packet_sha256, 'hex') AS content_sha256
FROM handover h JOIN outbox o USING (dispatch_id) WHERE h.dispatch_id = $1;

-- name: copies
-- The copies of a dispatch, as the books have them, or as the outbox does before.
SELECT r.delivery_id, r.recipient, r.connection,
       copy_state(d.state, o.state) AS state,
       coalesce(d.version, -1) AS version,
       coalesce(d.handling, 'none') AS handling, coalesce(d.recall, 'not-asked') AS recall,
       coalesce(d.overdue, false) AS overdue, coalesce(d.recovered, false) AS recovered,
       d.due_kind, round((d.due_ms - b.service_ms) / 1000.0, 1)::float8 AS due_in_s,
       ARRAY(SELECT a.kind FROM alert a
             WHERE a.subject_id = r.delivery_id AND a.closing IS NULL ORDER BY 1) AS alerts,
       (SELECT n.dispatch_id FROM handover_recipient n WHERE n.resends = r.delivery_id) AS resent_as
FROM handover_recipient r
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
LEFT JOIN partition_book b ON b.partition = d.partition
WHERE r.dispatch_id = $1 ORDER BY r.recipient;

-- name: recalls
-- The recalls of a dispatch, and of whom copies were asked back.
SELECT c.recall_id, c.dispatch_id, c.form, c.reason, c.requested_by, c.requested_at, c.state,
       ARRAY(SELECT r.recipient FROM recall_recipient x JOIN handover_recipient r USING (delivery_id)
             WHERE x.recall_id = c.recall_id ORDER BY 1) AS asked
FROM recall c WHERE c.dispatch_id = $1 ORDER BY c.requested_at;

-- name: sender_of
-- Whose dispatch this is.
SELECT sender FROM handover WHERE dispatch_id = $1;

-- name: copy
-- One copy: whose it is, whether it has left, and what it holds.
SELECT r.delivery_id, r.dispatch_id, r.recipient, r.connection, h.sender, h.document_id, h.issuer,
       h.year, h.printed_number AS number, h.printed_notation AS notation, h.subject, h.priority,
       h.business_type, h.legal_value,
       coalesce(h.content_bytes, octet_length(h.packet)) AS content_bytes,
       encode(h.packet_sha256, 'hex') AS content_sha256,
       o.state IN ('claimed', 'sent') AS left_us,
       copy_state(d.state, o.state) AS state,
       coalesce(d.handling, 'none') AS handling, coalesce(d.recall, 'not-asked') AS recall
FROM handover_recipient r
JOIN handover h USING (dispatch_id)
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
WHERE r.delivery_id = $1;

-- name: copy_of
-- One copy as one answers for it, whether the broker has confirmed this answer, and what it said.
SELECT r.dispatch_id, r.recipient, r.connection, h.sender, o.state IN ('claimed', 'sent') AS left_us,
       a.event_id IS NOT NULL AS is_answered, a.words_sha256
FROM handover_recipient r JOIN handover h USING (dispatch_id) JOIN outbox o USING (dispatch_id)
LEFT JOIN door_answer a ON a.event_id = $2
WHERE r.delivery_id = $1;

-- name: answered
-- An answer that the broker has confirmed, and who gave it.
WITH answer AS (
    INSERT INTO door_answer (event_id, delivery_id, what, via, words_sha256)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (event_id) DO NOTHING
)
INSERT INTO access_audit (who, organ, door, action, for_organ, subject, outcome, detail)
VALUES ($6, $7, $8, $9, $10, $11, $12, $13);

-- name: senders
-- Whose dispatches these are.
SELECT dispatch_id, sender FROM handover WHERE dispatch_id = ANY($1::uuid[]);

-- name: search
-- Dispatches of a sender, the newest first (their ids grow with time), behind one of them.
SELECT h.dispatch_id, h.document_id, h.printed_number AS number, h.printed_notation AS notation,
       h.subject, h.priority, h.business_type, h.handed_over_at, h.resend_of, o.state AS outbox,
       (SELECT jsonb_object_agg(state, n) FROM (
            SELECT copy_state(d.state, o.state) AS state, count(*) AS n
            FROM handover_recipient r LEFT JOIN delivery d USING (delivery_id)
            WHERE r.dispatch_id = h.dispatch_id GROUP BY 1) AS each_state) AS states
FROM handover h JOIN outbox o USING (dispatch_id)
WHERE h.sender = $1
  AND ($2 = '' OR strpos(lower(h.subject), lower($2)) > 0 OR h.document_id = $2
       OR h.dispatch_id::text = $2
       OR strpos(lower(h.printed_number || '/' || h.printed_notation), lower($2)) > 0)
  AND ($3::text IS NULL OR EXISTS (
        SELECT FROM handover_recipient r LEFT JOIN delivery d USING (delivery_id)
        WHERE r.dispatch_id = h.dispatch_id
          AND copy_state(d.state, o.state) = $3))
  AND ($4::uuid IS NULL OR h.dispatch_id < $4)
ORDER BY h.dispatch_id DESC LIMIT $5;

-- name: timeline
-- What the log says of a dispatch, in its order.
SELECT t.partition, t.log_offset AS offset, t.append_ms, t.type, t.recipient, t.delivery_id, t.code,
       t.known, t.detail
FROM history t WHERE t.dispatch_id = $1
   OR t.delivery_id IN (SELECT delivery_id FROM handover_recipient WHERE dispatch_id = $1)
ORDER BY t.log_offset;

-- name: counts
-- Copies of an organ by state: of what it sent, and of what was sent to it.
SELECT true AS sent,
       copy_state(d.state, o.state) AS state,
       count(*) AS copies, count(*) FILTER (WHERE d.overdue) AS overdue
FROM handover h JOIN outbox o USING (dispatch_id) JOIN handover_recipient r USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
WHERE h.sender = $1 GROUP BY 2
UNION ALL
SELECT false, coalesce(d.state, 'published'), count(*), count(*) FILTER (WHERE d.overdue)
FROM handover_recipient r JOIN outbox o USING (dispatch_id) LEFT JOIN delivery d USING (delivery_id)
WHERE r.recipient = $1 AND o.state = 'sent' GROUP BY 2;

-- name: waiting
-- What an organ was sent and has not answered for as it must, the oldest first.
SELECT r.delivery_id, r.dispatch_id, h.sender, r.recipient, h.printed_number AS number,
       h.printed_notation AS notation, h.subject, h.priority, coalesce(d.state, 'published') AS state,
       coalesce(d.overdue, false) AS overdue, o.sent_at AS since, d.due_kind,
       round((d.due_ms - b.service_ms) / 1000.0, 1)::float8 AS due_in_s
FROM handover_recipient r JOIN handover h USING (dispatch_id) JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id) LEFT JOIN partition_book b ON b.partition = d.partition
WHERE r.recipient = $1 AND o.state = 'sent' AND coalesce(d.open, true)
ORDER BY h.priority DESC, r.dispatch_id LIMIT $2;

-- name: amiss
-- What an organ sent and is not well: not sent, failed, refused, parked, overdue; the oldest first.
SELECT r.delivery_id, r.dispatch_id, h.sender, r.recipient, h.printed_number AS number,
       h.printed_notation AS notation, h.subject, h.priority,
       coalesce(d.state, 'unsent') AS state, coalesce(d.overdue, false) AS overdue,
       h.handed_over_at AS since, d.due_kind,
       round((d.due_ms - b.service_ms) / 1000.0, 1)::float8 AS due_in_s
FROM handover h JOIN outbox o USING (dispatch_id) JOIN handover_recipient r USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id) LEFT JOIN partition_book b ON b.partition = d.partition
WHERE h.sender = $1
  AND (o.state IN ('unsent', 'claimed') OR d.overdue
       OR d.state IN ('receive-failed', 'parked', 'refused'))
  AND NOT EXISTS (SELECT FROM handover_recipient n WHERE n.resends = r.delivery_id)
ORDER BY h.priority DESC, r.dispatch_id LIMIT $2;

-- name: dispatch_named
-- The last dispatch of a document from one organ to another, by what a status packet says of it: by
-- its id, or by its number, of the year named or, where none is, the latest.
SELECT h.dispatch_id FROM handover h JOIN handover_recipient r USING (dispatch_id)
WHERE h.sender = $1 AND r.recipient = $2
  AND ((h.document_id = $3 AND $3 <> '')
       OR (h.number = $4 AND h.notation = $5 AND ($6::int IS NULL OR h.year = $6)))
ORDER BY h.handed_over_at DESC LIMIT 1;

-- name: reserve_key
-- Take an Idempotency-Key for a request, unless it is taken.
INSERT INTO idempotency_key (organ, key, digest) VALUES ($1, $2, $3)
ON CONFLICT (organ, key) DO NOTHING;

-- name: key
-- What was asked under an Idempotency-Key, and what came of it; others wait meanwhile.
SELECT digest, result FROM idempotency_key WHERE organ = $1 AND key = $2 FOR UPDATE;

-- name: keep_result
-- What came of a request.
UPDATE idempotency_key SET result = $3 WHERE organ = $1 AND key = $2;

-- name: free_key
-- Nothing came of a request: its key may be used for another.
DELETE FROM idempotency_key WHERE organ = $1 AND key = $2 AND digest = $3 AND result IS NULL;

-- name: forget_keys
-- Forget the keys of requests that nobody repeats any more.
DELETE FROM idempotency_key WHERE at < now() - $1::interval;
