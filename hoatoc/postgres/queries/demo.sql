-- name: letters
-- One line a dispatch: how far its copies are.
SELECT h.printed_number || '/' || h.printed_notation
           || CASE WHEN h.resend_of IS NULL THEN '' ELSE ' (gửi lại · again)' END AS mark,
       h.sender, h.priority,
       count(*) AS copies,
       count(d.delivery_id) FILTER (WHERE d.facts ? 'published') AS sent,
       count(*) FILTER (WHERE d.facts ?| ARRAY['done', '01', '03']) AS arrived,
       count(*) FILTER (WHERE d.state = 'accepted') AS accepted,
       count(*) FILTER (WHERE d.state = 'refused') AS refused,
       count(*) FILTER (WHERE d.state = 'receive-failed') AS failed,
       count(*) FILTER (WHERE d.state = 'recalled') AS recalled,
       count(*) FILTER (WHERE d.overdue OR d.recovered) AS alerted,
       count(*) FILTER (WHERE d.recovered) AS recovered
FROM handover h JOIN handover_recipient r USING (dispatch_id)
LEFT JOIN delivery d USING (delivery_id)
GROUP BY h.dispatch_id ORDER BY h.printed_number, h.handed_over_at;

-- name: rest
-- What is still to come: deadlines that run, recalls, announcements and pages on their way.
SELECT (SELECT count(*) FROM delivery WHERE due_ms IS NOT NULL) AS deadlines,
       (SELECT count(*) FROM outbox WHERE state <> 'sent') AS unsent,
       (SELECT count(*) FROM recall WHERE state <> 'sent') AS recalls,
       (SELECT count(*) FROM announcement) AS announcements,
       (SELECT count(*) FROM page WHERE state = 'pending') AS pages;

-- name: states
-- Every copy's state in the books; null while they do not have it.
SELECT r.delivery_id, h.printed_number || '/' || h.printed_notation AS mark, r.recipient, d.state
FROM handover h JOIN handover_recipient r USING (dispatch_id) LEFT JOIN delivery d USING (delivery_id);

-- name: tables
-- Every table of ours, as it is written in a query.
SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1;
