-- name: current
-- The version in force for what begins now.
SELECT version, document FROM calendar ORDER BY version DESC LIMIT 1;

-- name: versions
-- These versions, as far as they are known.
SELECT version, document FROM calendar WHERE version = ANY($1::integer[]);

-- name: history
-- All versions, newest first.
SELECT version, encode(sha256, 'hex') AS sha256, adopted_at, adopted_by
FROM calendar ORDER BY version DESC;

-- name: lock
-- One adoption at a time, so that versions have no gap and an identical text is seen; reads go on.
LOCK TABLE calendar IN SHARE ROW EXCLUSIVE MODE;

-- name: adopt
-- The next version.
INSERT INTO calendar (version, document, sha256, adopted_by)
SELECT coalesce(max(version), 0) + 1, $1, $2, $3 FROM calendar
RETURNING version;
