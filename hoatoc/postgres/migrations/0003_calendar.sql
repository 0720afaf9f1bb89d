-- Versions of the working calendars. A version is never changed: deadlines were computed by it, and a
-- replay must compute them again.

CREATE TABLE calendar (
    version     integer PRIMARY KEY CHECK (version > 0),
    document    text NOT NULL,
    sha256      bytea NOT NULL,
    adopted_at  timestamptz NOT NULL DEFAULT now(),
    adopted_by  text NOT NULL CHECK (adopted_by <> ''),
    CONSTRAINT calendar_digest CHECK (sha256 = sha256(convert_to(document, 'UTF8')))
);

CREATE FUNCTION calendar_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'calendar version % cannot be changed: adopt a new version', OLD.version
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER calendar_is_immutable BEFORE UPDATE OR DELETE ON calendar
    FOR EACH ROW EXECUTE FUNCTION calendar_is_immutable();
