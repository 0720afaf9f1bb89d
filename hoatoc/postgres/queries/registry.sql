-- name: lock
-- Let one change of the registry follow another; readers go on.
LOCK TABLE organ IN SHARE ROW EXCLUSIVE MODE;

-- name: version
-- The version of the registry.
SELECT version FROM registry_version;

-- name: organs
-- Every organ with its aliases, fields in the order of a file.
SELECT o.code, o.code102, o.name, o.email, o.telephone, o.certainty,
       coalesce(a.aliases, '{}') AS aliases, coalesce(o.hub, '') AS hub,
       coalesce(o.parent, '') AS parent, o.valid_from, o.valid_to,
       coalesce(o.successor, '') AS successor, o.locked, o.test, o.note
FROM organ o
LEFT JOIN (SELECT code, array_agg(written ORDER BY written COLLATE "C") AS aliases
           FROM organ_code WHERE kind = 'alias' GROUP BY code) a USING (code)
ORDER BY o.code COLLATE "C";

-- name: groups
-- Every group.
SELECT name, definition FROM organ_group ORDER BY name;

-- name: drop_aliases
-- The aliases of these organs, before theirs are written again.
DELETE FROM organ_code WHERE kind = 'alias' AND code = ANY($1::text[]);

-- name: put_organs
-- Organs as they are now.
INSERT INTO organ (code, code102, name, email, telephone, certainty, hub, parent, valid_from,
                   valid_to, successor, locked, test, note)
SELECT code, code102, name, email, telephone, certainty, nullif(hub, ''), nullif(parent, ''),
       valid_from, valid_to, nullif(successor, ''), locked, test, note
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::date[], $10::date[], $11::text[], $12::boolean[], $13::boolean[],
            $14::text[])
     AS n (code, code102, name, email, telephone, certainty, hub, parent, valid_from, valid_to,
           successor, locked, test, note)
ON CONFLICT (code) DO UPDATE SET
    code102 = EXCLUDED.code102, name = EXCLUDED.name, email = EXCLUDED.email,
    telephone = EXCLUDED.telephone, certainty = EXCLUDED.certainty, hub = EXCLUDED.hub,
    parent = EXCLUDED.parent, valid_from = EXCLUDED.valid_from, valid_to = EXCLUDED.valid_to,
    successor = EXCLUDED.successor, locked = EXCLUDED.locked, test = EXCLUDED.test,
    note = EXCLUDED.note;

-- name: add_aliases
-- (written, code) of aliases.
INSERT INTO organ_code (written, code, kind)
SELECT written, code, 'alias' FROM unnest($1::text[], $2::text[]) AS n (written, code);

-- name: put_group
-- A group as it is now.
INSERT INTO organ_group (name, definition) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET definition = EXCLUDED.definition;

-- name: note_change
-- The record of a change.
INSERT INTO registry_change (who, file, sha256, complete, added, changed, ended, unchanged)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: changes
-- What changed the registry, the newest first.
SELECT id, at, who, file, encode(sha256, 'hex') AS sha256, complete, added, changed, ended,
       unchanged
FROM registry_change ORDER BY id DESC LIMIT $1;
