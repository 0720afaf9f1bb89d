-- name: copies
-- Where each copy handed over stands in the books.
SELECT CASE
           WHEN d.delivery_id IS NULL AND o.state = 'cancelled' THEN 'cancelled unsent'
           WHEN d.delivery_id IS NULL THEN 'unsent'
           WHEN d.open AND d.overdue THEN 'open overdue'
           WHEN d.open THEN 'open in time'
           ELSE d.state
       END AS place,
       count(*) AS copies,
       count(*) FILTER (WHERE d.recovered) AS recovered,
       count(*) FILTER (WHERE d.delivery_id IS NULL AND o.state = 'sent'
                          AND o.published_offset < b.next_offset) AS lost
FROM handover_recipient h
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
LEFT JOIN partition_book b ON b.partition = o.published_partition
GROUP BY place;

-- name: strays
-- Deliveries of the books that nobody handed over.
SELECT count(*) FROM delivery d
WHERE NOT EXISTS (SELECT FROM handover_recipient h WHERE h.delivery_id = d.delivery_id);

-- name: counts
-- What each partition has booked: offsets, ticks, lines of history.
SELECT b.partition, b.next_offset, b.ticks, b.service_ms,
       (SELECT count(*) FROM history h WHERE h.partition = b.partition) AS lines
FROM partition_book b ORDER BY b.partition;

-- name: deliveries
-- Deliveries, newest first; a null filter lets everything pass.
SELECT d.delivery_id, d.dispatch_id, p.number, p.notation, p.subject, p.priority, p.sender,
       d.recipient, d.state, d.open, d.overdue, d.recovered, d.due_kind,
       round((d.due_ms - b.service_ms) / 1000.0, 1)::float8 AS due_in_s, p.handed_over_at
FROM delivery d
JOIN dispatch p USING (dispatch_id)
JOIN partition_book b ON b.partition = d.partition
WHERE ($1::text IS NULL OR d.state = $1)
  AND ($2::text IS NULL OR d.recipient = $2)
  AND ($3::text IS NULL OR p.sender = $3)
  AND ($4::boolean IS NULL OR d.overdue = $4)
  AND ($5::uuid IS NULL OR d.dispatch_id = $5)
ORDER BY p.handed_over_at DESC, d.recipient
LIMIT $6;

-- name: alerts
-- Alerts with their pages, newest first.
SELECT a.subject_id, a.kind, p.number, p.notation, p.sender, a.recipient, a.found_by,
       a.closing IS NOT NULL AS resolved, h.detail AS reason, a.dispatch_id,
       to_timestamp(a.start[3] / 1000.0) AS since,
       (SELECT string_agg(CASE g.version % 2 WHEN 1 THEN 'raised ' ELSE 'resolved ' END || g.state, ', '
                          ORDER BY g.version)
        FROM page g WHERE g.subject_id = a.subject_id AND g.kind = a.kind) AS pages
FROM alert a LEFT JOIN dispatch p USING (dispatch_id)
LEFT JOIN history h ON a.due_ms IS NULL AND h.partition = a.partition AND h.log_offset = a.start[1]
WHERE ($1::boolean IS NULL OR (a.closing IS NULL) = $1)
ORDER BY a.start[3] DESC, a.recipient
LIMIT $2;

-- name: unsent
-- What was not sent or not taken at the door stands in no books, only in its pages.
SELECT DISTINCT ON (subject_id) subject_id, alert, version,
       CASE version % 2 WHEN 1 THEN 'raised ' ELSE 'resolved ' END || state AS pages
FROM page WHERE kind = 'unsent' AND ($1::boolean IS NULL OR (version % 2 = 1) = $1)
ORDER BY subject_id, version DESC LIMIT $2;

-- name: find
-- A dispatch by its id, by the id of one of its deliveries, or by the number of its document.
SELECT DISTINCT h.dispatch_id, h.handed_over_at FROM handover h
LEFT JOIN handover_recipient r USING (dispatch_id)
WHERE h.dispatch_id::text = $1 OR r.delivery_id::text = $1
   OR upper(h.printed_number || '/' || h.printed_notation) = upper($1)
ORDER BY h.handed_over_at DESC;

-- name: dispatch
-- A dispatch as it was handed over.
SELECT h.dispatch_id, h.sender, h.printed_number AS number, h.printed_notation AS notation,
       h.subject, h.priority, h.document_id, h.door, h.handed_over_at, o.state AS outbox,
       o.sent_at, h.business_type, h.legal_value, h.signatures, h.findings, h.cleared_by,
       h.promulgated, h.resend_of, h.limits
FROM handover h JOIN outbox o USING (dispatch_id) WHERE h.dispatch_id = $1;

-- name: recalls
-- The recalls of a dispatch.
SELECT r.recall_id, r.form, r.reason, r.requested_by, r.requested_at, r.state,
       count(*) AS asked,
       count(*) FILTER (WHERE d.recall = 'recalled') AS recalled,
       count(*) FILTER (WHERE d.recall = 'declined') AS declined,
       count(*) FILTER (WHERE d.handling NOT IN ('none', 'arrived', 'refused')) AS read_before
FROM recall r JOIN recall_recipient x USING (recall_id) LEFT JOIN delivery d USING (delivery_id)
WHERE r.dispatch_id = $1 GROUP BY r.recall_id ORDER BY r.requested_at;

-- name: recipients
-- Every recipient of a dispatch, as the books have it.
SELECT h.recipient, h.delivery_id, d.state, d.handling, d.recall, d.overdue, d.recovered,
       d.due_kind, d.facts, d.working,
       (SELECT n.dispatch_id FROM handover_recipient n WHERE n.resends = h.delivery_id) AS resent_as,
       h.connection, b.service_ms,
       round((d.due_ms - b.service_ms) / 1000.0, 1)::float8 AS due_in_s,
       (SELECT string_agg(a.kind || CASE WHEN a.closing IS NULL THEN '' ELSE ' (resolved)' END, ', '
                          ORDER BY a.kind)
        FROM alert a WHERE a.subject_id = h.delivery_id) AS alerts
FROM handover_recipient h
LEFT JOIN delivery d USING (delivery_id)
LEFT JOIN partition_book b ON b.partition = d.partition
WHERE h.dispatch_id = $1 ORDER BY h.recipient;

-- name: quarantine
-- What no state knows: codes that no table names, records that cannot be decoded.
SELECT h.partition, h.log_offset, h.append_ms, h.type, h.recipient, h.code, h.detail, h.delivery_id,
       h.dispatch_id, p.number || '/' || p.notation AS document
FROM history h LEFT JOIN dispatch p USING (dispatch_id)
WHERE NOT h.known ORDER BY h.append_ms DESC LIMIT $1;

-- name: timeline
-- Everything that the log says of a dispatch.
SELECT t.partition, t.log_offset, t.append_ms, t.service_ms, t.type, t.recipient, t.delivery_id,
       t.code, t.known, t.detail
FROM history t
WHERE t.dispatch_id = $1
   OR t.delivery_id IN (SELECT delivery_id FROM handover_recipient WHERE dispatch_id = $1)
ORDER BY t.log_offset;

-- name: copy_of
-- One copy: whom it goes to.
SELECT r.delivery_id, r.dispatch_id, r.recipient, r.connection, h.packet_sha256, h.printed_number AS number,
       h.printed_notation AS notation
FROM handover_recipient r JOIN handover h USING (dispatch_id) WHERE r.delivery_id = $1;

-- name: states
-- The states of these deliveries.
SELECT delivery_id, state FROM delivery WHERE delivery_id = ANY($1::uuid[]);

-- name: risk
-- Documents at risk: open deliveries by how soon their next deadline comes.
SELECT count(*) FILTER (WHERE d.open) AS open,
       count(*) FILTER (WHERE d.overdue) AS overdue,
       count(*) FILTER (WHERE d.due_ms - b.service_ms < $1) AS at_risk,
       min(d.due_ms - b.service_ms)::float8 / 60000 AS next_min
FROM delivery d JOIN partition_book b ON b.partition = d.partition;

-- name: waiting
-- What waits on its way out: hand-overs, announcements, pages.
SELECT (SELECT count(*) FROM outbox WHERE state IN ('unsent', 'claimed')) AS outbox,
       (SELECT count(*) FROM recall WHERE state IN ('unsent', 'claimed')) AS recalls,
       (SELECT count(*) FROM announcement) AS announcements,
       (SELECT count(*) FROM page WHERE state = 'pending') AS pages;
