-- name: by_id
-- A credential by its id, with what a look-up needs; for API keys.
SELECT credential_id, organ, roles, verifier, sealed, revoked_at IS NOT NULL AS revoked,
       coalesce(valid_until <= now(), false) AS expired,
       coalesce(last_used_at < now() - interval '1 hour', true) AS unnoted,
       (SELECT version FROM registry_version) AS registry_version
FROM credential WHERE credential_id = $1 AND kind = 'api-key';

-- name: by_certificate
-- A credential by the SHA-256 of its certificate; one not revoked before one that was.
SELECT credential_id, organ, roles, verifier, sealed, revoked_at IS NOT NULL AS revoked,
       coalesce(valid_until <= now(), false) AS expired,
       coalesce(last_used_at < now() - interval '1 hour', true) AS unnoted,
       (SELECT version FROM registry_version) AS registry_version
FROM credential WHERE verifier = $1 AND kind = 'certificate'
ORDER BY revoked_at IS NOT NULL, issued_at DESC LIMIT 1;

-- name: by_system
-- The credentials of a system id, the newest first: two while it is rotated. Those that are over
-- are looked at too, so that who knows an old secret is told what became of it.
SELECT credential_id, organ, roles, verifier, sealed, revoked_at IS NOT NULL AS revoked,
       coalesce(valid_until <= now(), false) AS expired,
       coalesce(last_used_at < now() - interval '1 hour', true) AS unnoted,
       (SELECT version FROM registry_version) AS registry_version
FROM credential WHERE system_id = $1
ORDER BY revoked_at IS NOT NULL OR coalesce(valid_until <= now(), false), issued_at DESC,
         credential_id
LIMIT 4;

-- name: system_taken
-- Whether a credential of a system id is still valid: the older one may be, though the newer is
-- revoked.
SELECT EXISTS (SELECT FROM credential
               WHERE system_id = $1 AND revoked_at IS NULL
                 AND coalesce(valid_until > now(), true));

-- name: note_used
-- A credential was used; written once an hour at most.
UPDATE credential SET last_used_at = now()
WHERE credential_id = $1
  AND (last_used_at IS NULL OR last_used_at < now() - interval '1 hour');

-- name: add
-- A credential.
INSERT INTO credential (credential_id, kind, organ, roles, label, verifier, system_id, sealed,
                        issued_by, valid_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: lock
-- A credential, so that nobody else changes it meanwhile.
SELECT credential_id, kind, organ, roles, label, system_id, valid_until, replaced_by,
       revoked_at IS NOT NULL AS revoked, coalesce(valid_until <= now(), false) AS expired
FROM credential WHERE credential_id = $1 FOR UPDATE;

-- name: replace
-- A credential gives way to another, and stays valid so long; never longer than it was.
UPDATE credential SET replaced_by = $2, valid_until = least(valid_until, now() + $3::interval)
WHERE credential_id = $1 RETURNING valid_until;

-- name: end_older
-- What gave way to a credential that now gives way itself is over: two are valid at once, not more.
UPDATE credential SET valid_until = least(valid_until, now()) WHERE replaced_by = $1;

-- name: revoke
-- A credential is worth nothing from now on.
UPDATE credential SET revoked_at = now(), revoked_by = $2, revoked_why = $3
WHERE credential_id = $1;

-- name: listed
-- Credentials: of an organ or of all, those that are over too or not; never what they hold.
SELECT c.credential_id, c.kind, c.organ, o.name, c.roles, c.label, c.system_id,
       CASE WHEN c.kind = 'certificate' THEN encode(c.verifier, 'hex') END AS fingerprint,
       c.issued_at, c.issued_by, c.valid_until, c.replaced_by, c.revoked_at, c.revoked_by,
       c.revoked_why, c.last_used_at,
       CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked'
            WHEN c.valid_until <= now() THEN 'expired'
            WHEN c.replaced_by IS NOT NULL THEN 'replaced'
            ELSE 'valid' END AS state
FROM credential c JOIN organ o ON o.code = c.organ
WHERE ($1 = '' OR c.organ = $1)
  AND ($2 OR (c.revoked_at IS NULL AND coalesce(c.valid_until > now(), true)))
ORDER BY c.organ COLLATE "C", c.issued_at, c.credential_id;

-- name: note
-- What was done at a door.
INSERT INTO access_audit (who, organ, door, action, for_organ, subject, outcome, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: note_refusal
-- What was refused at a door; the same again within a minute is the same row.
INSERT INTO access_audit (who, organ, door, action, for_organ, subject, outcome, detail)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE NOT EXISTS (
    SELECT FROM access_audit
    WHERE who = $1 AND door = $3 AND action = $4 AND for_organ = $5 AND outcome = $7 AND detail = $8
      AND at > now() - interval '1 minute');

-- name: audit
-- What was done, the newest first: by and for an organ, by one who, on one subject; below an id.
SELECT id, at, who, organ, door, action, for_organ, subject, outcome, detail
FROM access_audit
WHERE ($1 = '' OR organ = $1 OR for_organ = $1)
  AND ($2 = '' OR who = $2)
  AND ($3 = '' OR subject = $3)
  AND ($4::bigint IS NULL OR id < $4)
ORDER BY id DESC LIMIT $5;
