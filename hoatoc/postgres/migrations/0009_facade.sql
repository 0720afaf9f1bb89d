-- The façade of the axis' interface: what its callers have said of the packets in their lists, and
-- what they have not taken yet.

-- A connection point that speaks it. No copy of a dispatch below `floor` waits for it; ids of
-- dispatches rise with time.
CREATE TABLE facade_connection (
    connection  text PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT now(),
    floor       uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);

-- What was said of a packet last: of a copy, of its recall (`packet_id` is the delivery's of both), of
-- a status. After `done` nothing else counts.
CREATE TABLE facade_answer (
    packet_id  uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('document', 'recall', 'status')),
    outcome    text NOT NULL CHECK (outcome IN ('processing', 'done', 'fail')),
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (packet_id, kind)
);

-- Statuses for senders that speak it, drawn from the history in the order of the log.
CREATE TABLE facade_status (
    status_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    connection   text NOT NULL,
    sender       text NOT NULL,
    dispatch_id  uuid NOT NULL REFERENCES handover,
    recipient    text NOT NULL,
    code         text NOT NULL,
    description  text NOT NULL DEFAULT '',
    told_at      timestamptz NOT NULL,
    partition    integer NOT NULL,
    log_offset   bigint NOT NULL,
    UNIQUE (partition, log_offset)
);
CREATE INDEX facade_status_of ON facade_status (connection, told_at);

-- How far the history was drawn from.
CREATE TABLE facade_position (
    partition    integer PRIMARY KEY,
    next_offset  bigint NOT NULL
);

CREATE INDEX handover_recipient_of_connection ON handover_recipient (connection, dispatch_id);
