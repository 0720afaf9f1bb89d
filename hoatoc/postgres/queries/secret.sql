-- name: add
-- A document that a door stopped; no row when it is noted already.
INSERT INTO secret_note (note_id, door, organ, sha256, bytes, marks, topic, partition, log_offset)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9)
ON CONFLICT (note_id) DO NOTHING
RETURNING note_id;

-- name: undeleted
-- Records that must still be deleted from their topics.
SELECT note_id, topic, partition, log_offset FROM secret_note
WHERE topic IS NOT NULL AND deleted_at IS NULL ORDER BY log_offset;

-- name: mark_deleted
-- A record is gone from its topic.
UPDATE secret_note SET deleted_at = now() WHERE note_id = $1;

-- name: unmarked
-- Topics with a deleted record whose segment is old enough that a marker begins the next.
SELECT DISTINCT topic, partition FROM secret_note
WHERE deleted_at IS NOT NULL AND marker_offset IS NULL AND noted_at < now() - $1::interval;

-- name: mark_ended
-- A marker ended the segment.
UPDATE secret_note SET marker_offset = $3
WHERE topic = $1 AND partition = $2 AND deleted_at IS NOT NULL AND marker_offset IS NULL;

-- name: taken_to_marker
-- Markers that intake has reached: all before them was taken.
SELECT DISTINCT s.topic, s.partition, s.marker_offset
FROM secret_note s JOIN intake_position p USING (topic, partition)
WHERE s.erased_at IS NULL AND p.next_offset >= s.marker_offset;

-- name: mark_erased
-- All before a marker is deleted: the broker removes the segment at its next look.
UPDATE secret_note SET erased_at = now()
WHERE topic = $1 AND partition = $2 AND marker_offset = $3;

-- name: notes
-- What was stopped, newest first; all of it, or what nobody has dealt with.
SELECT note_id, noted_at, door, organ, sha256, bytes, marks, topic, log_offset, deleted_at, erased_at, closed_at,
       closed_by, outcome
FROM secret_note WHERE $1 OR closed_at IS NULL ORDER BY noted_at DESC;

-- name: close
-- Somebody dealt with it.
UPDATE secret_note SET closed_at = now(), closed_by = $2, outcome = $3
WHERE note_id = $1 AND closed_at IS NULL RETURNING organ;
