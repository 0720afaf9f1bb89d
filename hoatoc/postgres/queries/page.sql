-- name: take
-- Take an alert in: raised is version 1, resolved version 2; a repeat changes nothing.
INSERT INTO page (subject_id, kind, version, alert, state)
VALUES ($1, $2, $3::smallint, $4,
        CASE WHEN $3::smallint = 1 AND EXISTS (SELECT FROM page WHERE subject_id = $1 AND kind = $2
                                                        AND version = 2)
             THEN 'superseded' ELSE 'pending' END)
ON CONFLICT (subject_id, kind, version) DO NOTHING;

-- name: hold
-- Keep an alert's pages from being claimed until "supersede", the next statement, has seen them.
SELECT FROM page WHERE subject_id = $1 AND kind = $2 ORDER BY version FOR UPDATE;

-- name: supersede
-- An alert resolved before its page was ever tried pages nobody, neither raised nor resolved.
UPDATE page r SET state = 'superseded'
WHERE r.subject_id = $1 AND r.kind = $2 AND r.state = 'pending'
  AND NOT EXISTS (SELECT FROM page p WHERE p.subject_id = $1 AND p.kind = $2 AND p.version = 1
                                       AND (p.attempts > 0 OR p.state = 'delivered'));

-- name: claim
-- Claim pages that are due, urgent first is the receiver's matter; the attempt is counted before
-- anything is sent, and "resolved" waits for "raised".
WITH next AS (
    SELECT subject_id, kind, version FROM page p
    WHERE state = 'pending' AND next_attempt <= now()
      AND (version = 1 OR NOT EXISTS (SELECT FROM page r WHERE r.subject_id = p.subject_id
                                         AND r.kind = p.kind AND r.version = 1
                                         AND r.state = 'pending'))
    ORDER BY next_attempt LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE page p SET attempts = attempts + 1, next_attempt = now() + $2::interval
FROM next n
WHERE (p.subject_id, p.kind, p.version) = (n.subject_id, n.kind, n.version)
RETURNING p.subject_id, p.kind, p.version, p.alert, p.attempts;

-- name: delivered
-- The receiver has taken the page.
UPDATE page SET state = 'delivered', delivered_at = now(), last_error = NULL
WHERE subject_id = $1 AND kind = $2 AND version = $3;

-- name: failed
-- The receiver has not taken the page: try again after a while.
UPDATE page SET last_error = $4, next_attempt = now() + $5::interval
WHERE subject_id = $1 AND kind = $2 AND version = $3;

-- name: pending
-- How many pages wait.
SELECT count(*) FROM page WHERE state = 'pending';
