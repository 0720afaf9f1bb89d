-- The registry in time: connections, successors, aliases, groups, and a record of every change.

ALTER TABLE organ
    ADD COLUMN hub         text REFERENCES organ DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN parent      text REFERENCES organ DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN valid_from  date,
    ADD COLUMN valid_to    date,
    ADD COLUMN successor   text REFERENCES organ DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN locked      boolean NOT NULL DEFAULT false,
    ADD COLUMN test        boolean NOT NULL DEFAULT false,
    ADD COLUMN note        text NOT NULL DEFAULT '',
    ADD CHECK (valid_to >= valid_from),
    ADD CHECK (successor IS NULL OR valid_to IS NOT NULL),
    ADD CHECK (code <> hub AND code <> parent AND code <> successor);

-- Two organs with one code could be written so far, though nothing could be handed over then: the
-- code is kept in the note, so that a person decides whose it is.
WITH shared AS (
    SELECT o.code, o.code102 FROM organ o
    WHERE o.code102 <> '' AND EXISTS (
        SELECT FROM organ other
        WHERE (other.code = o.code102) OR (other.code102 = o.code102 AND other.code < o.code))
)
UPDATE organ o
SET code102 = '', note = 'code102 ' || s.code102 || ' belongs to another organ as well'
FROM shared s WHERE o.code = s.code;

-- Every code that an organ is known by, once: codes, codes of QCVN 102 and aliases together.
CREATE TABLE organ_code (
    written  text PRIMARY KEY DEFERRABLE INITIALLY DEFERRED
             CHECK (written ~ '^[A-Za-z0-9._-]{3,35}$'),
    code     text NOT NULL REFERENCES organ ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    kind     text NOT NULL CHECK (kind IN ('code', 'code102', 'alias')),
    CHECK ((kind = 'code') = (written = code))
);
CREATE UNIQUE INDEX organ_code_once ON organ_code (code, kind) WHERE kind <> 'alias';
CREATE INDEX organ_code_alias ON organ_code (code) WHERE kind = 'alias';
INSERT INTO organ_code (written, code, kind)
SELECT code, code, 'code' FROM organ
UNION ALL SELECT code102, code, 'code102' FROM organ WHERE code102 <> '';

CREATE FUNCTION organ_code_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO organ_code (written, code, kind)
    SELECT code, code, 'code' FROM fresh
    UNION ALL SELECT code102, code, 'code102' FROM fresh WHERE code102 <> '';
    RETURN NULL;
END
$$;
CREATE TRIGGER organ_code_added AFTER INSERT ON organ REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION organ_code_added();

CREATE FUNCTION organ_code_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM organ_code c USING stale s JOIN fresh f USING (code)
    WHERE c.code = s.code AND c.kind = 'code102' AND s.code102 <> f.code102;
    INSERT INTO organ_code (written, code, kind)
    SELECT f.code102, f.code, 'code102' FROM stale s JOIN fresh f USING (code)
    WHERE f.code102 <> '' AND s.code102 <> f.code102;
    RETURN NULL;
END
$$;
CREATE TRIGGER organ_code_changed AFTER UPDATE ON organ
    REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION organ_code_changed();

-- Groups of recipients; `definition` holds the rule or the list.
CREATE TABLE organ_group (
    name        text PRIMARY KEY CHECK (name ~ '^[0-9a-z]+(-[0-9a-z]+)*$'),
    definition  jsonb NOT NULL
);

-- Who changed the registry, when, from which file.
CREATE TABLE registry_change (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    who        text NOT NULL CHECK (who <> ''),
    file       text NOT NULL CHECK (file <> ''),
    sha256     bytea NOT NULL CHECK (length(sha256) = 32),
    complete   boolean NOT NULL,
    added      integer NOT NULL CHECK (added >= 0),
    changed    integer NOT NULL CHECK (changed >= 0),
    ended      integer NOT NULL CHECK (ended >= 0),
    unchanged  integer NOT NULL CHECK (unchanged >= 0),
    CHECK (ended = 0 OR complete)
);

-- One row, another number after every change: what a process keeps is of the version that it read.
-- The numbers come from a sequence, so that one given to a change that was rolled back is not
-- given again.
CREATE SEQUENCE registry_version_number;
CREATE TABLE registry_version (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    version  bigint NOT NULL
);
INSERT INTO registry_version (version) VALUES (nextval('registry_version_number'));

CREATE FUNCTION registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO registry_version (version) VALUES (nextval('registry_version_number'))
    ON CONFLICT (one) DO UPDATE SET version = EXCLUDED.version;
    PERFORM pg_notify('hoatoc_registry', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON organ
    FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();
CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON organ_code
    FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();
CREATE TRIGGER registry_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON organ_group
    FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();
