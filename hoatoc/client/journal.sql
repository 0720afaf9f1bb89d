-- name: cursor
-- How far a source has been read.
SELECT cursor FROM position WHERE source = :source;

-- name: move
-- A source has been read up to here.
INSERT INTO position (source, cursor) VALUES (:source, :cursor)
ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor;

-- name: restart
-- A source is read from its beginning.
DELETE FROM position WHERE source = :source;

-- name: begin
-- Count an attempt at something; none is returned for what has come to its end.
INSERT INTO seen (subject, state, attempts, seen_ms) VALUES (:subject, 'begun', 1, :now_ms)
ON CONFLICT (subject) DO UPDATE SET attempts = attempts + 1 WHERE state = 'begun'
RETURNING attempts;

-- name: forgive
-- An attempt that ended for no fault of the document's does not count.
UPDATE seen SET attempts = attempts - 1 WHERE subject = :subject AND state = 'begun';

-- name: end
-- It was handled, or it is poison.
UPDATE seen SET state = :state, seen_ms = :now_ms WHERE subject = :subject;

-- name: said
-- How often a word was said of a copy.
SELECT count(*) AS times FROM answer WHERE delivery_id = :delivery_id AND word = :word;

-- name: answer
-- Something is to be answered.
INSERT INTO answer (delivery_id, dispatch_id, recipient, word, reason, reported_ms, key)
VALUES (:delivery_id, :dispatch_id, :recipient, :word, :reason, :now_ms, :key);

-- name: next_answer
-- The next to be said; of a copy nothing is said before what came earlier.
SELECT place, delivery_id, dispatch_id, recipient, word, reason, reported_ms, key
FROM answer
WHERE state = 'waiting'
  AND delivery_id NOT IN (SELECT delivery_id FROM answer
                          WHERE state = 'waiting' AND not_before_ms > :now_ms
                            AND not_before_ms <= :now_ms + :longest_ms)
ORDER BY place LIMIT 1;

-- name: answered
-- It was said, or refused.
UPDATE answer SET state = :state, fault = :fault WHERE place = :place;

-- name: put_off
-- It could not be said now.
UPDATE answer SET not_before_ms = :not_before_ms, fault = :fault WHERE place = :place;

-- name: next_due
-- When the next that was put off may be said; what was put off for too long, before the clock was set
-- back, at once.
SELECT min(CASE WHEN not_before_ms <= :now_ms + :longest_ms THEN not_before_ms ELSE 0 END) AS due_ms
FROM answer WHERE state = 'waiting';

-- name: waiting
-- How many answers wait.
SELECT count(*) AS answers FROM answer WHERE state = 'waiting';

-- name: of_copy
-- To whom a copy belongs, as an answer about it has said.
SELECT dispatch_id, recipient FROM answer WHERE delivery_id = :delivery_id LIMIT 1;

-- name: forget_answers
-- Answers of what came long ago.
DELETE FROM answer WHERE state = 'sent' AND reported_ms < :before_ms;

-- name: forget_seen
-- What came so long ago that its source holds it no more.
DELETE FROM seen WHERE state <> 'begun' AND seen_ms < :before_ms
