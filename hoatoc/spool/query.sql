-- name: find
-- What is known of a content.
SELECT id, state FROM packet WHERE sha256 = :sha256;

-- name: take
-- A packet that was never seen; its content is the last column, so that the others are read alone.
INSERT INTO packet (id, sha256, bytes, document_id, sender, priority, declared_by, name, taken_ms,
                    handover_id, content)
VALUES (:id, :sha256, :bytes, :document_id, :sender, :priority, :declared_by, :name, :now_ms,
        :handover_id, :content);

-- name: take_again
-- A packet that was refused before is given again: what was wrong may have been put right.
UPDATE packet SET state = 'waiting', content = :content, declared_by = :declared_by, name = :name,
       taken_ms = :now_ms, handover_id = :handover_id, ended_ms = NULL, fault = '', attempts = 0, not_before_ms = 0, answer = NULL
WHERE sha256 = :sha256 AND state = 'refused';

-- name: occupied
-- How much waits to be sent, how much for its answer, and how much is kept in all, for the quota.
SELECT count(*) FILTER (WHERE state IN ('waiting', 'claimed')) AS packets,
       coalesce(sum(bytes) FILTER (WHERE state IN ('waiting', 'claimed')), 0) AS bytes,
       count(*) FILTER (WHERE state = 'sent') AS unanswered,
       coalesce(sum(bytes), 0) AS kept
FROM packet WHERE content IS NOT NULL;

-- name: spare
-- Bytes of pages that hold nothing any more.
SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size;

-- name: oldest
-- Since when the oldest waits.
SELECT min(taken_ms) AS oldest_ms FROM packet WHERE state IN ('waiting', 'claimed');

-- name: claim
-- Claim what may leave, of a priority or above it, urgent first; also what was claimed and is not
-- being worked on any more.
UPDATE packet SET state = 'claimed', attempts = attempts + 1
WHERE id IN (
    SELECT id FROM packet
    WHERE (state = 'claimed'
           OR (state = 'waiting'
               AND (not_before_ms <= :now_ms OR not_before_ms > :now_ms + :longest_ms)))
      AND priority >= :least AND id NOT IN (SELECT value FROM json_each(:but))
    ORDER BY priority DESC, taken_ms, id
    LIMIT :room)
RETURNING id, document_id, sender, priority, bytes AS size, sha256, declared_by, name, taken_ms, attempts,
          handover_id;

-- name: unclaim
-- What nobody works on any more.
UPDATE packet SET state = 'waiting' WHERE state = 'claimed';

-- name: content
-- The bytes of a packet.
SELECT content FROM packet WHERE id = :id;

-- name: mark_sent
-- The door has it; its content is needed no more.
UPDATE packet SET state = 'sent', content = NULL, fault = '', ended_ms = :now_ms,
       dispatch_id = :dispatch_id, answer = :answer
WHERE id = :id AND state = 'claimed';

-- name: mark_handed
-- The broker has it, and its door will answer; until then its content is kept.
UPDATE packet SET state = 'sent', fault = '', ended_ms = :now_ms, answer = :answer
WHERE id = :id AND state = 'claimed';

-- name: answered_taken
-- The door behind the broker has it, whatever was thought of it here.
UPDATE packet SET state = 'sent', content = NULL, fault = '', ended_ms = coalesce(ended_ms, :now_ms),
       dispatch_id = :dispatch_id, answer = :answer
WHERE handover_id = :handover_id
RETURNING id;

-- name: answered_refused
-- The door behind the broker will never take it as it is; its content is kept until it is given back.
UPDATE packet SET state = 'refused', content = CASE WHEN :gives_back THEN content END,
       ended_ms = :now_ms, fault = :fault, answer = :answer
WHERE handover_id = :handover_id AND dispatch_id IS NULL
  AND (state <> 'refused' OR json_extract(answer, '$.reason') = :unanswered)
RETURNING id;

-- name: refuse
-- The door will never take it as it is; its content is kept until it is given back.
UPDATE packet SET state = 'refused', content = CASE WHEN :gives_back THEN content END,
       ended_ms = :now_ms, fault = :fault, answer = :answer
WHERE id = :id AND state = 'claimed';

-- name: given_back
-- Its sender has what was refused.
UPDATE packet SET content = NULL WHERE id = :id AND state = 'refused';

-- name: put_off
-- It was not taken now; again later.
UPDATE packet SET state = 'waiting', fault = :fault, not_before_ms = :not_before_ms
WHERE id = :id AND state = 'claimed';

-- name: fate
-- What became of one packet.
SELECT id, document_id, sender, priority, bytes AS size, sha256, name, taken_ms, state, attempts, fault,
       ended_ms, dispatch_id, answer, handover_id
FROM packet WHERE id = :id;

-- name: fates
-- What became of all, the latest first.
SELECT id, document_id, sender, priority, bytes AS size, sha256, name, taken_ms, state, attempts, fault,
       ended_ms, dispatch_id, answer, handover_id
FROM packet ORDER BY taken_ms DESC, id LIMIT :room;

-- name: next_due
-- When the next that was put off may leave.
SELECT min(not_before_ms) AS due_ms FROM packet WHERE state = 'waiting';

-- name: show
-- The folder does not show this yet.
INSERT INTO unshown (subject) VALUES (:subject)
ON CONFLICT (subject) DO UPDATE SET changes = changes + 1;

-- name: unshown
-- What the folder does not show yet, behind one of these.
SELECT subject, changes FROM unshown WHERE subject > :after ORDER BY subject LIMIT 500;

-- name: shown
-- The folder shows it as it was after so many changes.
DELETE FROM unshown WHERE subject = :subject AND changes = :changes;

-- name: cursor
-- How far statuses have been read.
SELECT cursor FROM position WHERE source = :source;

-- name: move
-- Statuses have been read up to here.
INSERT INTO position (source, cursor) VALUES (:source, :cursor)
ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor;

-- name: dispatches
-- What the door has and is remembered here, behind one of them.
SELECT dispatch_id FROM packet WHERE dispatch_id > :after ORDER BY dispatch_id LIMIT 500;

-- name: give_back
-- What has left before an instant and was never answered: a person decides. An answer that comes after
-- all stands.
UPDATE packet SET state = 'refused', fault = :fault, answer = :answer
WHERE state = 'sent' AND content IS NOT NULL AND ended_ms < :before_ms
RETURNING id;

-- name: tell
-- What became of a copy; an older version than the one that is known changes nothing.
INSERT INTO delivery (delivery_id, dispatch_id, recipient, state, version, code, description, told_ms)
VALUES (:delivery_id, :dispatch_id, :recipient, :state, :version, :code, :description, :now_ms)
ON CONFLICT (delivery_id) DO UPDATE SET state = excluded.state, version = excluded.version,
    code = excluded.code, description = excluded.description, told_ms = excluded.told_ms
WHERE excluded.version >= delivery.version;

-- name: told
-- What became of the copies of a dispatch.
SELECT delivery_id, recipient, state, version, code, description, told_ms FROM delivery
WHERE dispatch_id = :dispatch_id ORDER BY recipient;

-- name: of_dispatch
-- The packet that a dispatch carries.
SELECT id, document_id, name FROM packet WHERE dispatch_id = :dispatch_id;

-- name: forget
-- What ended long ago, and may not have to be given back any more.
DELETE FROM packet WHERE ended_ms < :before_ms AND content IS NULL;

-- name: forget_told
-- What was told long ago of dispatches that are not remembered.
DELETE FROM delivery WHERE told_ms < :before_ms
AND NOT EXISTS (SELECT 1 FROM packet WHERE packet.dispatch_id = delivery.dispatch_id)
