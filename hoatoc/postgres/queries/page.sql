-- name: take
-- Take an alert in; a repeat changes nothing, and what comes after a greater version pages nobody.
INSERT INTO page (subject_id, kind, version, alert, state)
VALUES ($1, $2, $3::int, $4,
        CASE WHEN EXISTS (SELECT FROM page WHERE subject_id = $1 AND kind = $2
                                             AND version > $3::int)
             THEN 'superseded' ELSE 'pending' END)
ON CONFLICT (subject_id, kind, version) DO NOTHING;

-- name: hold
-- Keep an alert's pages from being claimed until "supersede", the next statement, has seen them.
SELECT FROM page WHERE subject_id = $1 AND kind = $2 ORDER BY version FOR UPDATE;

-- name: supersede
-- An alert resolved before its page was ever tried pages nobody, neither raised nor resolved.
WITH raised AS (
    SELECT version, state, attempts FROM page
    WHERE subject_id = $1 AND kind = $2 AND version < $3::int AND version % 2 = 1
    ORDER BY version DESC LIMIT 1
)
UPDATE page SET state = 'superseded'
WHERE subject_id = $1 AND kind = $2 AND state = 'pending'
  AND version IN ($3::int, (SELECT version FROM raised))
  AND NOT EXISTS (SELECT FROM raised WHERE attempts > 0 OR state = 'delivered');

-- name: claim
-- Claim pages that are due; the attempt is counted before anything is sent, and the versions of an
-- alert go out in their order.
WITH next AS (
    SELECT subject_id, kind, version FROM page p
    WHERE state = 'pending' AND next_attempt <= now()
      AND NOT EXISTS (SELECT FROM page r WHERE r.subject_id = p.subject_id AND r.kind = p.kind
                                           AND r.version < p.version AND r.state = 'pending')
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
