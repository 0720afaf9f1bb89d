-- name: is_noted
-- Whether a connection point is known to speak the axis' interface.
SELECT true FROM facade_connection WHERE connection = $1;

-- name: begin
-- Statuses are drawn from here on; once, before the first connection point is noted.
INSERT INTO facade_position (partition, next_offset)
SELECT partition, next_offset FROM partition_book
WHERE NOT EXISTS (SELECT FROM facade_connection)
ON CONFLICT DO NOTHING;

-- name: note
-- A connection point speaks the axis' interface.
INSERT INTO facade_connection (connection) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: floor
-- Below which dispatch nothing waits for a connection point.
SELECT floor FROM facade_connection WHERE connection = $1;

-- name: documents
-- Copies that wait for a connection point, for some organs: urgent first, then the oldest; behind
-- them those that are being worked on, so that no number of them hides what nobody has taken. The
-- floor is a value, not a join: the planner must see how little lies above it.
SELECT r.delivery_id AS id, h.sender, r.recipient, o.sent_at AS created,
       coalesce(a.at, o.sent_at) AS updated, coalesce(a.outcome, 'initial') AS taking
FROM handover_recipient r
JOIN outbox o ON o.dispatch_id = r.dispatch_id
JOIN handover h ON h.dispatch_id = r.dispatch_id
LEFT JOIN delivery d ON d.delivery_id = r.delivery_id
LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'document'
WHERE r.connection = $1 AND r.dispatch_id >= $4 AND r.recipient = ANY($2::text[])
  AND o.state = 'sent' AND coalesce(a.outcome, 'processing') = 'processing'
  AND coalesce(d.state, 'registered') IN ('registered', 'published')
  AND NOT EXISTS (SELECT FROM door_answer e WHERE e.delivery_id = r.delivery_id
                  AND e.what IN ('acknowledgement/done', 'acknowledgement/fail'))
ORDER BY coalesce(a.outcome, '') = 'processing', h.priority DESC, o.sent_at, r.delivery_id
LIMIT $3;

-- name: documents_between
-- Copies of some days, taken or not; and whatever waits, of any day. What waits comes first, urgent
-- first, so that no number of those that were taken hides it. What was handed over below an id, and
-- left in those days, is not looked for.
SELECT r.delivery_id AS id, h.sender, r.recipient, o.sent_at AS created,
       coalesce(a.at, o.sent_at) AS updated,
       CASE WHEN a.outcome IN ('done', 'fail') THEN a.outcome
            WHEN d.state = 'receive-failed' THEN 'fail'
            WHEN d.state IN ('taken', 'accepted', 'refused', 'recalled') THEN 'done'
            ELSE coalesce(a.outcome, 'initial') END AS taking
FROM handover_recipient r
JOIN outbox o ON o.dispatch_id = r.dispatch_id
JOIN handover h ON h.dispatch_id = r.dispatch_id
LEFT JOIN delivery d ON d.delivery_id = r.delivery_id
LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'document'
WHERE r.connection = $1 AND r.dispatch_id >= least($6::uuid, $7::uuid)
  AND r.recipient = ANY($2::text[]) AND o.state = 'sent' AND coalesce(d.state, '') <> 'parked'
  AND ((o.sent_at >= $4 AND o.sent_at < $5)
       OR (r.dispatch_id >= $7 AND coalesce(a.outcome, 'processing') = 'processing'
           AND coalesce(d.state, 'registered') IN ('registered', 'published')))
ORDER BY CASE WHEN coalesce(a.outcome, 'processing') = 'processing'
              AND coalesce(d.state, 'registered') IN ('registered', 'published')
         THEN CASE WHEN a.outcome IS NULL THEN 10 ELSE 0 END + h.priority
         ELSE -1 END DESC, o.sent_at, r.delivery_id
LIMIT $3;

-- name: raise_floor
-- Nothing that is not settled lies below the oldest copy that waits, or has not left yet; nor, for
-- a hand-over that is just being written, below an hour ago.
UPDATE facade_connection c SET floor = n.floor
FROM (SELECT least($2::uuid, (
          SELECT r.dispatch_id FROM handover_recipient r
          JOIN outbox o ON o.dispatch_id = r.dispatch_id
          LEFT JOIN delivery d ON d.delivery_id = r.delivery_id
          LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'document'
          WHERE r.connection = $1 AND r.dispatch_id >= $3 AND o.state <> 'cancelled'
            AND coalesce(a.outcome, 'processing') = 'processing'
            AND coalesce(d.state, 'registered') IN ('registered', 'published')
          ORDER BY r.dispatch_id LIMIT 1)) AS floor) n
WHERE c.connection = $1 AND c.floor < n.floor;

-- name: recalls
-- Copies asked back that wait for their connection point's answer.
SELECT r.delivery_id AS id, h.sender, r.recipient, c.sent_at AS created, c.form,
       coalesce(a.at, c.sent_at) AS updated, coalesce(a.outcome, 'initial') AS taking
FROM recall c
JOIN recall_recipient x USING (recall_id)
JOIN handover_recipient r USING (delivery_id)
JOIN handover h ON h.dispatch_id = c.dispatch_id
LEFT JOIN delivery d USING (delivery_id)
LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'recall'
WHERE c.state = 'sent' AND r.connection = $1 AND r.recipient = ANY($2::text[])
  AND coalesce(a.outcome, 'processing') = 'processing'
  AND coalesce(d.recall, 'asked') NOT IN ('recalled', 'declined')
ORDER BY c.sent_at, r.delivery_id;

-- name: behind
-- The partitions whose history goes on behind what was drawn from it.
SELECT b.partition, coalesce(p.next_offset, 0) AS next_offset, b.next_offset AS booked
FROM partition_book b LEFT JOIN facade_position p USING (partition)
WHERE b.next_offset > coalesce(p.next_offset, 0);

-- name: draw
-- Draw the statuses of a stretch of history whose senders speak the axis' interface. Codes that
-- nobody knows stay in quarantine.
INSERT INTO facade_status (connection, sender, dispatch_id, recipient, code, description, told_at,
                           partition, log_offset)
SELECT h.sender_connection, h.sender, h.dispatch_id, t.recipient, t.code, coalesce(t.detail, ''),
       to_timestamp(t.append_ms / 1000.0), t.partition, t.log_offset
FROM history t
JOIN handover h USING (dispatch_id)
JOIN facade_connection c ON c.connection = h.sender_connection
WHERE t.partition = $1 AND t.log_offset >= $2 AND t.log_offset < $3
  AND t.type = 'StatusReported' AND t.known
ON CONFLICT DO NOTHING;

-- name: drawn
-- The history was drawn from up to here.
INSERT INTO facade_position (partition, next_offset) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET next_offset = EXCLUDED.next_offset;

-- name: statuses
-- Statuses that wait for a connection point, for some organs, in their order.
SELECT s.status_id AS id, s.recipient AS sender, s.sender AS recipient, s.told_at AS created,
       coalesce(a.at, s.told_at) AS updated, coalesce(a.outcome, 'initial') AS taking
FROM facade_status s
LEFT JOIN facade_answer a ON a.packet_id = s.status_id AND a.kind = 'status'
WHERE s.connection = $1 AND s.sender = ANY($2::text[])
  AND coalesce(a.outcome, 'processing') = 'processing'
ORDER BY s.told_at, s.partition, s.log_offset
LIMIT $3;

-- name: copy
-- A copy as its recipient may take it; only what has left, and was not refused by the broker.
SELECT r.delivery_id, r.dispatch_id, r.recipient, r.connection, h.sender, h.packet,
       h.packet_sha256, h.content_bytes, h.issuer_name, h.subject, h.printed_number AS number,
       h.printed_notation AS notation, a.outcome
FROM handover_recipient r
JOIN handover h USING (dispatch_id)
JOIN outbox o USING (dispatch_id)
LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'document'
WHERE r.delivery_id = $1 AND o.state = 'sent';

-- name: asked_back
-- What a recipient gets of the recall of its copy.
SELECT r.delivery_id, r.dispatch_id, r.recipient, r.connection, h.sender, c.packet,
       c.packet_sha256, c.content_bytes, c.form, c.reason, c.requested_by, c.sent_at, h.document_id, h.promulgated,
       h.printed_number AS number, h.printed_notation AS notation, h.issuer_name, h.subject,
       a.outcome
FROM recall_recipient x
JOIN recall c USING (recall_id)
JOIN handover_recipient r USING (delivery_id)
JOIN handover h ON h.dispatch_id = c.dispatch_id
LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'recall'
WHERE x.delivery_id = $1 AND c.state = 'sent';

-- name: status
-- A status of a document that the caller sent.
SELECT s.status_id, s.dispatch_id, s.recipient, s.sender, s.connection, s.code, s.description,
       s.told_at, h.document_id, h.promulgated, h.printed_number AS number,
       h.printed_notation AS notation, h.issuer_name, h.subject, a.outcome,
       (SELECT name FROM organ WHERE code = s.recipient) AS recipient_name
FROM facade_status s
JOIN handover h USING (dispatch_id)
LEFT JOIN facade_answer a ON a.packet_id = s.status_id AND a.kind = 'status'
WHERE s.status_id = $1;

-- name: answer
-- What was said of a packet; after `done` nothing else counts.
INSERT INTO facade_answer AS a (packet_id, kind, outcome) VALUES ($1, $2, $3)
ON CONFLICT (packet_id, kind) DO UPDATE SET outcome = EXCLUDED.outcome, at = now()
WHERE a.outcome <> 'done' AND a.outcome <> EXCLUDED.outcome;

-- name: sent
-- Copies of what some organs sent, the newest first: all of one dispatch, or of whole dispatches from
-- an id on, until there are so many.
WITH late AS (
    SELECT dispatch_id FROM handover
    WHERE sender = ANY($1::text[]) AND $2::uuid IS NULL AND dispatch_id >= $3
    ORDER BY dispatch_id DESC LIMIT $4
), listed AS (
    SELECT dispatch_id, sum(count(*)) OVER (ORDER BY dispatch_id DESC) - count(*) AS before
    FROM late JOIN handover_recipient USING (dispatch_id) GROUP BY dispatch_id
), wanted AS (
    SELECT dispatch_id FROM listed WHERE before < $4
    UNION ALL SELECT $2::uuid WHERE $2::uuid IS NOT NULL
)
SELECT h.dispatch_id, r.delivery_id, h.sender, r.recipient,
       h.printed_number || '/' || h.printed_notation AS notation, h.subject AS title,
       h.handed_over_at AS sent, o.state AS outbox, d.state, d.handling, d.recall,
       a.outcome, a.at AS answered, d.facts
FROM wanted
JOIN handover h USING (dispatch_id)
JOIN outbox o USING (dispatch_id)
JOIN handover_recipient r USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
LEFT JOIN facade_answer a ON a.packet_id = r.delivery_id AND a.kind = 'document'
WHERE h.sender = ANY($1::text[])
ORDER BY h.dispatch_id DESC, r.recipient;

-- name: is_dispatch
-- Whether one of these organs sent a dispatch.
SELECT true FROM handover WHERE dispatch_id = $1 AND sender = ANY($2::text[]);

-- name: is_for
-- Whether one of these organs was told this id: of something in its list, of an answer, of a recall.
SELECT true
WHERE EXISTS (SELECT FROM handover_recipient WHERE delivery_id = $1 AND recipient = ANY($2::text[]))
   OR EXISTS (SELECT FROM facade_status WHERE status_id = $1 AND sender = ANY($2::text[]))
   OR EXISTS (SELECT FROM door_answer a JOIN handover_recipient r USING (delivery_id)
              WHERE a.event_id = $1 AND r.recipient = ANY($2::text[]))
   OR EXISTS (SELECT FROM recall c JOIN handover h USING (dispatch_id)
              WHERE c.recall_id = $1 AND h.sender = ANY($2::text[]));
