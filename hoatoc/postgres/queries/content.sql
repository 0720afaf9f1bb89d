-- name: lock
-- Let what is done about one content be done one after another.
SELECT pg_advisory_xact_lock(807_007, ('x' || left(encode($1, 'hex'), 8))::bit(32)::int);

-- name: stays
-- It is not taken away.
DELETE FROM content_leaving WHERE sha256 = $1;

-- name: touch
-- A door is about to put this.
INSERT INTO content (sha256, bytes) VALUES ($1, $2)
ON CONFLICT (sha256) DO UPDATE SET put_at = now()
RETURNING edition;

-- name: unknown
-- Of what lies in the store, that which no row knows of.
SELECT s AS sha256, b AS bytes FROM unnest($1::bytea[], $2::bigint[]) AS n (s, b)
WHERE NOT EXISTS (SELECT FROM content c WHERE c.sha256 = n.s)
  AND NOT EXISTS (SELECT FROM content_leaving l WHERE l.sha256 = n.s);

-- name: adopt
-- What no row knows of came here with a folder, or a database was restored: it goes after a while.
INSERT INTO content_leaving (sha256, bytes)
SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM content c WHERE c.sha256 = $1)
ON CONFLICT (sha256) DO NOTHING;

-- name: unnamed
-- What nothing names, and no door was about to put for a while.
SELECT sha256, bytes FROM content c
WHERE put_at < now() - $1::interval
  AND NOT EXISTS (SELECT FROM handover h WHERE h.content_sha256 = c.sha256)
  AND NOT EXISTS (SELECT FROM recall r WHERE r.content_sha256 = c.sha256)
ORDER BY sha256;

-- name: leave
-- Let content go that nothing names; the foreign keys see what is handed over at this moment.
WITH gone AS (
    DELETE FROM content c
    WHERE c.sha256 = $1 AND put_at < now() - $2::interval
      AND NOT EXISTS (SELECT FROM handover h WHERE h.content_sha256 = c.sha256)
      AND NOT EXISTS (SELECT FROM recall r WHERE r.content_sha256 = c.sha256)
    RETURNING sha256, bytes, put_at
)
INSERT INTO content_leaving SELECT sha256, bytes, put_at FROM gone
ON CONFLICT (sha256) DO NOTHING;

-- name: leaving
-- What is due to be taken from the store.
SELECT sha256, bytes FROM content_leaving WHERE since < now() - $1::interval ORDER BY sha256;

-- name: is_leaving
-- Tell whether content is still to go.
SELECT EXISTS (SELECT FROM content_leaving WHERE sha256 = $1);

-- name: named
-- What hand-overs and recalls name, a part at a time.
SELECT sha256, bytes, lost FROM content c
WHERE sha256 > $1
  AND (EXISTS (SELECT FROM handover h WHERE h.content_sha256 = c.sha256)
       OR EXISTS (SELECT FROM recall r WHERE r.content_sha256 = c.sha256))
ORDER BY sha256 LIMIT $2;

-- name: lose
-- Note that content can no longer be had; no row when that is noted, or nothing names it.
UPDATE content c SET lost = $2, episode = episode + 1
WHERE c.sha256 = $1 AND c.lost = ''
  AND EXISTS (SELECT FROM handover h WHERE h.content_sha256 = c.sha256)
RETURNING episode, (SELECT h.sender FROM handover h WHERE h.content_sha256 = c.sha256
                    ORDER BY h.handed_over_at LIMIT 1) AS sender;

-- name: mend
-- Note that content can be had again; no row when it was not lost.
UPDATE content c SET lost = '' WHERE c.sha256 = $1 AND c.lost <> ''
RETURNING episode, (SELECT h.sender FROM handover h WHERE h.content_sha256 = c.sha256
                    ORDER BY h.handed_over_at LIMIT 1) AS sender;

-- name: kept_by_dispatch
-- The packet of a dispatch, or by what it is claimed.
SELECT packet_sha256 AS sha256, coalesce(content_bytes, octet_length(packet)) AS size, packet
FROM handover WHERE dispatch_id = $1;

-- name: counts
-- How much lies in the store, named by something or by nothing, and how much of it is lost.
SELECT count(*) AS objects, coalesce(sum(bytes), 0)::bigint AS bytes,
       count(*) FILTER (WHERE lost <> '') AS lost
FROM content;
