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
       coalesce(d.state, CASE o.state WHEN 'cancelled' THEN 'cancelled' ELSE 'unsent' END) AS state,
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
       h.business_type, h.legal_value, octet_length(h.packet) AS content_bytes,
       encode(h.packet_sha256, 'hex') AS content_sha256,
       o.state IN ('claimed', 'sent') AS left_us,
       coalesce(d.state, CASE o.state WHEN 'cancelled' THEN 'cancelled' ELSE 'unsent' END) AS state,
       coalesce(d.handling, 'none') AS handling, coalesce(d.recall, 'not-asked') AS recall
FROM handover_recipient r
JOIN handover h USING (dispatch_id)
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
WHERE r.delivery_id = $1;

-- name: content
-- The packet of a dispatch.
SELECT packet, packet_sha256 FROM handover WHERE dispatch_id = $1;

-- name: copy_of
-- One copy as one answers for it.
SELECT r.dispatch_id, r.recipient, r.connection, h.sender, o.state IN ('claimed', 'sent') AS left_us
FROM handover_recipient r JOIN handover h USING (dispatch_id) JOIN outbox o USING (dispatch_id)
WHERE r.delivery_id = $1;

-- name: is_answered
-- Whether the broker has confirmed an answer.
SELECT EXISTS (SELECT FROM door_answer WHERE event_id = $1);

-- name: answered
-- An answer that the broker has confirmed.
INSERT INTO door_answer (event_id, delivery_id, what, via) VALUES ($1, $2, $3, $4)
ON CONFLICT (event_id) DO NOTHING;

-- name: senders
-- Whose dispatches these are.
SELECT dispatch_id, sender FROM handover WHERE dispatch_id = ANY($1::uuid[]);
