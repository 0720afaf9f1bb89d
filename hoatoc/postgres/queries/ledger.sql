-- name: positions
-- How far these partitions are booked.
SELECT partition, next_offset, service_ms, clock, ticks
FROM partition_book WHERE partition = ANY($1::int[]);

-- name: open_books
-- Begin the books of partitions that have none.
INSERT INTO partition_book (partition) SELECT unnest($1::int[]) ON CONFLICT DO NOTHING;

-- name: move_positions
-- The guarded first statement: moves a position only if it still is where the batch began.
UPDATE partition_book AS b
SET next_offset = n.next_offset, service_ms = n.service_ms, clock = n.clock::jsonb,
    ticks = n.ticks, updated_at = now()
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
     AS n (partition, start, next_offset, service_ms, clock, ticks)
WHERE b.partition = n.partition AND b.next_offset = n.start
RETURNING b.partition;

-- name: accounts
-- The deliveries that a batch touches, with their limits and alerts.
SELECT d.delivery_id, d.dispatch_id, d.recipient, d.facts, d.working, d.version, p.limits,
       (SELECT json_agg(a) FROM alert a WHERE a.subject_id = d.delivery_id) AS alerts
FROM delivery d LEFT JOIN dispatch p USING (dispatch_id)
WHERE d.delivery_id = ANY($1::uuid[]);

-- name: past_wake
-- The backstop: deliveries with a deadline that service time has passed by more than the grace, or
-- with a due by a working calendar that it has passed.
SELECT delivery_id FROM delivery
WHERE partition = $1 AND wake_ms < $2;

-- name: by_calendar
-- Deliveries with a deadline that runs by a working calendar: another version may move it.
SELECT delivery_id FROM delivery
WHERE partition = $1 AND due_ms IS NOT NULL AND working <> '{}';

-- name: add_dispatches
-- The documents that a batch registers; the lowest offset counts.
INSERT INTO dispatch (dispatch_id, partition, log_offset, sender, document_id, issuer, year, number,
                      notation, subject, priority, limits, recipients, handed_over_at,
                      sender_connection)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                     $7::int[], $8::text[], $9::text[], $10::text[], $11::smallint[],
                     $12::jsonb[], $13::int[], $14::timestamptz[], $15::text[])
ON CONFLICT (dispatch_id) DO NOTHING;

-- name: put_deliveries
-- The deliveries as they stand at the end of a batch.
INSERT INTO delivery (delivery_id, dispatch_id, recipient, partition, state, handling, recall, facts,
                      working, open, overdue, recovered, due_kind, due_ms, wake_ms, version)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[],
                     $7::text[], $8::jsonb[], $9::jsonb[], $10::bool[], $11::bool[], $12::bool[],
                     $13::text[], $14::bigint[], $15::bigint[], $16::bigint[])
ON CONFLICT (delivery_id) DO UPDATE
SET state = EXCLUDED.state, handling = EXCLUDED.handling, recall = EXCLUDED.recall,
    facts = EXCLUDED.facts, working = EXCLUDED.working, open = EXCLUDED.open,
    overdue = EXCLUDED.overdue, recovered = EXCLUDED.recovered, due_kind = EXCLUDED.due_kind,
    due_ms = EXCLUDED.due_ms, wake_ms = EXCLUDED.wake_ms, version = EXCLUDED.version;

-- name: put_alerts
-- Verdicts and failures; a known one learns its closing fact, and where it stands again.
INSERT INTO alert (subject_id, kind, dispatch_id, recipient, partition, start, due_ms,
                   raised_offset, found_by, closing, episode)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (subject_id, kind) DO UPDATE
SET closing = EXCLUDED.closing, start = EXCLUDED.start, raised_offset = EXCLUDED.raised_offset,
    episode = EXCLUDED.episode;

-- name: unnamed
-- Alerts about answers that named no dispatch, by the answers that came again or were put back.
SELECT a.* FROM alert a
WHERE a.subject_id = ANY($1::uuid[]) AND a.dispatch_id IS NULL;

-- name: put_backs
-- Where the history says first that parked answers were put back: before they were parked, after a
-- crash of intake.
SELECT DISTINCT ON (code) code, log_offset, service_ms, append_ms FROM history
WHERE type = 'AnswerPutBack' AND code = ANY($1::text[])
ORDER BY code, log_offset;

-- name: documents
-- What a page says of these dispatches.
SELECT dispatch_id, sender, number, notation, subject, priority,
       coalesce(nullif(sender_connection, ''), sender) AS connection
FROM dispatch WHERE dispatch_id = ANY($1::uuid[]);

-- name: announce
-- Tell the world, in order, in the same transaction.
INSERT INTO announcement (topic, key, event_id, type, traceparent, value)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::bytea[]);

-- name: tracked_accounts
-- Every delivery of these partitions that is not settled, or has something due.
SELECT d.delivery_id, d.dispatch_id, d.recipient, d.facts, d.working, d.version, p.limits,
       d.partition, NULL AS alerts
FROM delivery d JOIN dispatch p USING (dispatch_id)
WHERE (d.state NOT IN ('accepted', 'refused', 'recalled') OR d.due_ms IS NOT NULL)
  AND d.partition = ANY($1::int[]);
