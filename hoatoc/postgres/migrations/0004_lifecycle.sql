-- The whole lifecycle: three axes, dues by a working calendar, recalls, acts of sending.

ALTER TABLE delivery RENAME COLUMN backstop_ms TO wake_ms;
ALTER INDEX delivery_backstop RENAME TO delivery_wake;
ALTER TABLE delivery
    ADD COLUMN handling text NOT NULL DEFAULT 'none'
        CHECK (handling IN ('none', 'arrived', 'refused', 'accepted', 'assigned', 'in-progress',
                            'completed')),
    ADD COLUMN recall text NOT NULL DEFAULT 'not-asked'
        CHECK (recall IN ('not-asked', 'requested', 'unsent', 'asked', 'recalled', 'declined')),
    ADD COLUMN working jsonb NOT NULL DEFAULT '{}',
    ADD CHECK ((state = 'recalled') = (recall = 'recalled')),
    ADD CHECK ((recall <> 'not-asked') <= (facts ? 'recall-requested'));
UPDATE delivery SET handling = CASE
    WHEN state = 'refused' THEN 'refused'
    WHEN facts ? '06' THEN 'completed'
    WHEN facts ? '05' THEN 'in-progress'
    WHEN facts ? '04' THEN 'assigned'
    WHEN facts ? '03' THEN 'accepted'
    WHEN facts ? '02' THEN 'refused'
    WHEN facts ? '01' THEN 'arrived'
    ELSE 'none' END;
ALTER TABLE delivery ADD CHECK ((state = 'refused') <= (handling = 'refused'));
DROP INDEX delivery_tracked;
CREATE INDEX delivery_tracked ON delivery (partition)
    WHERE state NOT IN ('accepted', 'refused', 'recalled') OR due_ms IS NOT NULL;
CREATE INDEX delivery_by_calendar ON delivery (partition)
    WHERE due_ms IS NOT NULL AND working <> '{}';

ALTER TABLE alert
    DROP CONSTRAINT alert_kind_check,
    DROP CONSTRAINT alert_check,
    ADD CONSTRAINT alert_kind_check CHECK (kind IN (
        'publish', 'arrive', 'accept', 'handle', 'reply', 'recall',
        'receive-failed', 'send-failed', 'recall-failed', 'unreadable')),
    ADD CONSTRAINT alert_due_check CHECK ((due_ms IS NOT NULL) = (kind IN (
        'publish', 'arrive', 'accept', 'handle', 'reply', 'recall')));

-- A document may be sent again: to some of its recipients, or as an update or a replacement. `act`
-- tells such acts of sending apart; the first has none, so a number is given once.
ALTER TABLE handover
    ADD COLUMN business_type smallint NOT NULL DEFAULT 0 CHECK (business_type BETWEEN 0 AND 3),
    ADD COLUMN act text NOT NULL DEFAULT '',
    ADD COLUMN resend_of uuid REFERENCES handover,
    ADD COLUMN promulgated date,
    ADD COLUMN issuer_name text NOT NULL DEFAULT '',
    ADD COLUMN legal_value text NOT NULL DEFAULT ''
        CHECK (legal_value IN ('', 'original', 'reference-only', 'unknown')),
    ADD COLUMN signatures jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN findings jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN cleared_by text NOT NULL DEFAULT '',
    ADD COLUMN sender_connection text NOT NULL DEFAULT '',
    DROP CONSTRAINT handover_issuer_year_number_notation_key,
    ADD UNIQUE (issuer, year, number, notation, act);
CREATE INDEX handover_by_document_id ON handover (document_id);
CREATE INDEX handover_by_number ON handover (year, number, notation);

ALTER TABLE dispatch ADD COLUMN sender_connection text NOT NULL DEFAULT '';

-- The topic a copy goes to is that of its connection point; a copy is sent again once at most.
ALTER TABLE handover_recipient
    ADD COLUMN connection text NOT NULL DEFAULT '',
    ADD COLUMN resends uuid UNIQUE REFERENCES handover_recipient;
UPDATE handover_recipient SET connection = recipient;
ALTER TABLE handover_recipient ALTER COLUMN connection DROP DEFAULT;

-- Recalls on their way out, behind the copies that they recall; one recall a copy.
CREATE TABLE recall (
    recall_id     uuid PRIMARY KEY,
    dispatch_id   uuid NOT NULL REFERENCES handover,
    form          text NOT NULL
                  CHECK (form IN ('status-13', 'revocation', 'removed', 'replaced')),
    reason        text NOT NULL,
    requested_by  text NOT NULL,
    packet        bytea,
    packet_sha256 bytea,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    state         text NOT NULL DEFAULT 'unsent'
                  CHECK (state IN ('unsent', 'claimed', 'sent', 'not-needed')),
    claimed_by    text,
    claimed_at    timestamptz,
    sent_at       timestamptz,
    aged_alert    smallint NOT NULL DEFAULT 0 CHECK (aged_alert BETWEEN 0 AND 2),
    CHECK ((packet IS NULL) = (packet_sha256 IS NULL)),
    CHECK ((state = 'claimed') <= (claimed_by IS NOT NULL AND claimed_at IS NOT NULL)),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX recall_waiting ON recall (requested_at) WHERE state IN ('unsent', 'claimed');
CREATE INDEX recall_aged ON recall (recall_id) WHERE aged_alert = 1;
CREATE INDEX recall_of_dispatch ON recall (dispatch_id);
CREATE TABLE recall_recipient (
    delivery_id  uuid PRIMARY KEY REFERENCES handover_recipient,
    recall_id    uuid NOT NULL REFERENCES recall
);
CREATE INDEX recall_recipient_of ON recall_recipient (recall_id);

-- What a door stopped because it may hold a state secret: metadata only, never content.
CREATE TABLE secret_note (
    note_id     uuid PRIMARY KEY,
    noted_at    timestamptz NOT NULL DEFAULT now(),
    door        text NOT NULL,
    organ       text NOT NULL,
    sha256      text NOT NULL,
    bytes       bigint NOT NULL,
    marks       jsonb NOT NULL,
    topic       text,
    partition   integer,
    log_offset  bigint,
    deleted_at  timestamptz,
    marker_offset bigint,
    erased_at   timestamptz,
    closed_at   timestamptz,
    closed_by   text,
    outcome     text,
    CHECK ((topic IS NULL) = (log_offset IS NULL) AND (topic IS NULL) = (partition IS NULL)),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX secret_note_undeleted ON secret_note (log_offset)
    WHERE topic IS NOT NULL AND deleted_at IS NULL;
