-- Who speaks at a door, and what was done by whom.

-- Credentials of organs. Of an API key its digest is kept (`verifier`, SHA-256: the key is 256 random
-- bits, so nothing is gained by a slow hash); of a certificate its SHA-256; the secret of an HMAC pair
-- must be read back, so it is kept sealed under a key that is not in this database.
CREATE TABLE credential (
    credential_id  text PRIMARY KEY CHECK (credential_id ~ '^[0-9a-f]{16}$'),
    kind           text NOT NULL CHECK (kind IN ('api-key', 'hmac-pair', 'certificate')),
    organ          text NOT NULL REFERENCES organ,
    roles          text[] NOT NULL CHECK (
        cardinality(roles) > 0
        AND roles <@ ARRAY['sender', 'recipient', 'operator', 'auditor', 'administrator']),
    label          text NOT NULL DEFAULT '',
    verifier       bytea CHECK (length(verifier) = 32),
    system_id      text CHECK (system_id ~ '^[A-Za-z0-9._:@/-]{2,64}$'),
    sealed         bytea,
    issued_at      timestamptz NOT NULL DEFAULT now(),
    issued_by      text NOT NULL CHECK (issued_by <> ''),
    valid_until    timestamptz,
    replaced_by    text UNIQUE REFERENCES credential DEFERRABLE INITIALLY DEFERRED,
    revoked_at     timestamptz,
    revoked_by     text,
    revoked_why    text,
    last_used_at   timestamptz,
    CHECK ((kind = 'hmac-pair') = (system_id IS NOT NULL)),
    CHECK ((kind = 'hmac-pair') = (sealed IS NOT NULL)),
    CHECK ((kind = 'hmac-pair') = (verifier IS NULL)),
    CHECK ((replaced_by IS NULL) OR (valid_until IS NOT NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_why IS NULL))
);
CREATE INDEX credential_of_organ ON credential (organ, issued_at);
-- A system id leads to one organ; while it is rotated, to its older secret too.
CREATE INDEX credential_by_system ON credential (system_id) WHERE system_id IS NOT NULL;
CREATE UNIQUE INDEX credential_system_once ON credential (system_id)
    WHERE revoked_at IS NULL AND replaced_by IS NULL;
CREATE UNIQUE INDEX credential_certificate_once ON credential (verifier)
    WHERE kind = 'certificate' AND revoked_at IS NULL;

-- Who did what at which door, for which organ, and how it ended. Only ever added to.
CREATE TABLE access_audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    who        text NOT NULL CHECK (who <> ''),
    organ      text NOT NULL,
    door       text NOT NULL CHECK (door <> ''),
    action     text NOT NULL CHECK (action <> ''),
    for_organ  text NOT NULL,
    subject    text NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('done', 'repeated', 'refused')),
    detail     text NOT NULL DEFAULT ''
);
CREATE INDEX access_audit_of_organ ON access_audit (for_organ, id);
CREATE INDEX access_audit_by_organ ON access_audit (organ, id);
CREATE INDEX access_audit_by_who ON access_audit (who, at);
CREATE INDEX access_audit_on_subject ON access_audit (subject, id) WHERE subject <> '';

CREATE FUNCTION access_audit_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'row % of access_audit cannot be changed', OLD.id
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER access_audit_is_immutable BEFORE UPDATE OR DELETE ON access_audit
    FOR EACH ROW EXECUTE FUNCTION access_audit_is_immutable();
