-- The gateway: what was answered through it, the keys of repeated requests, and what it searches.

-- An answer that the broker has confirmed: what comes again is known without the ledger, which lags.
CREATE TABLE door_answer (
    event_id     uuid PRIMARY KEY,
    delivery_id  uuid NOT NULL REFERENCES handover_recipient,
    what         text NOT NULL CHECK (what ~ '^(acknowledgement|status)/.+$'),
    via          text NOT NULL CHECK (via <> ''),
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX door_answer_of ON door_answer (delivery_id);

-- What was asked under an Idempotency-Key, and what came of it.
CREATE TABLE idempotency_key (
    organ   text NOT NULL,
    key     text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    digest  bytea NOT NULL CHECK (length(digest) = 32),
    result  uuid,
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organ, key)
);
CREATE INDEX idempotency_key_at ON idempotency_key (at);

CREATE INDEX handover_of_sender ON handover (sender, dispatch_id);
CREATE INDEX handover_recipient_of ON handover_recipient (recipient);
