-- The line: registry, hand-over and outbox, the books, alerts on their way, pages.

-- Organs that take part; a code is never re-canonicalised.
CREATE TABLE organ (
    code       text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9._-]{3,35}$'),
    code102    text NOT NULL DEFAULT '',
    name       text NOT NULL CHECK (name <> ''),
    email      text NOT NULL DEFAULT '',
    telephone  text NOT NULL DEFAULT '',
    certainty  text NOT NULL
);

-- A document handed over: its legal identity is unique (ND 30/2020 art. 15.1).
CREATE TABLE handover (
    dispatch_id     uuid PRIMARY KEY,
    issuer          text NOT NULL,
    year            integer NOT NULL,
    number          text NOT NULL,
    notation        text NOT NULL,
    content_digest  bytea NOT NULL,
    document_id     text NOT NULL,
    printed_number  text NOT NULL,
    printed_notation text NOT NULL,
    sender          text NOT NULL,
    subject         text NOT NULL,
    priority        smallint NOT NULL CHECK (priority BETWEEN 0 AND 4),
    packet          bytea NOT NULL,
    packet_sha256   bytea NOT NULL,
    limits          jsonb NOT NULL,
    door            text NOT NULL,
    handed_over_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, year, number, notation)
);

CREATE TABLE handover_recipient (
    delivery_id  uuid PRIMARY KEY,
    dispatch_id  uuid NOT NULL REFERENCES handover,
    recipient    text NOT NULL,
    UNIQUE (dispatch_id, recipient)
);

-- The transactional outbox: a row is marked sent only when the broker has confirmed every copy.
CREATE TABLE outbox (
    dispatch_id          uuid PRIMARY KEY REFERENCES handover,
    state                text NOT NULL DEFAULT 'unsent'
                         CHECK (state IN ('unsent', 'claimed', 'sent', 'cancelled')),
    priority             smallint NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    claimed_by           text,
    claimed_at           timestamptz,
    sent_at              timestamptz,
    published_partition  integer,
    published_offset     bigint,
    aged_alert           smallint NOT NULL DEFAULT 0 CHECK (aged_alert BETWEEN 0 AND 2),
    CHECK ((state = 'claimed') <= (claimed_by IS NOT NULL AND claimed_at IS NOT NULL)),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((state = 'sent') = (published_offset IS NOT NULL))
);
CREATE INDEX outbox_waiting ON outbox (priority DESC, created_at)
    WHERE state IN ('unsent', 'claimed');
CREATE INDEX outbox_aged ON outbox (dispatch_id) WHERE aged_alert = 1;

-- How far intake has taken the hand-over topics: moved with the hand-over, in one transaction.
CREATE TABLE intake_position (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    next_offset  bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- How far each partition of `deliveries` is booked, and its clock there.
CREATE TABLE partition_book (
    partition    integer PRIMARY KEY,
    next_offset  bigint NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    service_ms   bigint NOT NULL DEFAULT 0 CHECK (service_ms >= 0),
    clock        jsonb NOT NULL DEFAULT '{}',
    ticks        bigint NOT NULL DEFAULT 0 CHECK (ticks BETWEEN 0 AND next_offset),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dispatch (
    dispatch_id    uuid PRIMARY KEY,
    partition      integer NOT NULL,
    log_offset     bigint NOT NULL,
    sender         text NOT NULL,
    document_id    text NOT NULL,
    issuer         text NOT NULL,
    year           integer NOT NULL,
    number         text NOT NULL,
    notation       text NOT NULL,
    subject        text NOT NULL,
    priority       smallint NOT NULL,
    limits         jsonb NOT NULL,
    recipients     integer NOT NULL,
    handed_over_at timestamptz NOT NULL
);

-- The unit of truth. `facts` holds, of each kind of fact, its lowest positions in the log:
-- {"registered": [[offset, service ms, append ms]], …}; `state` restates them.
CREATE TABLE delivery (
    delivery_id  uuid PRIMARY KEY,
    dispatch_id  uuid NOT NULL,
    recipient    text NOT NULL,
    partition    integer NOT NULL,
    state        text NOT NULL,
    facts        jsonb NOT NULL,
    open         boolean NOT NULL,
    overdue      boolean NOT NULL,
    recovered    boolean NOT NULL,
    due_kind     text,
    due_ms       bigint,
    backstop_ms  bigint,
    version      bigint NOT NULL,
    CHECK (open = (state IN ('registered', 'published', 'taken'))),
    CHECK ((state = 'accepted') <= (facts ?| ARRAY['03', '04', '05', '06'])),
    CHECK ((state = 'refused') <= (facts ? '02')),
    CHECK ((state = 'receive-failed') <= (facts ? 'fail')),
    CHECK ((state = 'parked') <= (facts ? 'send-refused')),
    CHECK ((state = 'published') <= (facts ? 'published')),
    CHECK ((due_kind IS NULL) = (due_ms IS NULL) AND (due_ms IS NULL) = (backstop_ms IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX delivery_of_dispatch ON delivery (dispatch_id);
CREATE INDEX delivery_backstop ON delivery (partition, backstop_ms) WHERE backstop_ms IS NOT NULL;
CREATE INDEX delivery_tracked ON delivery (partition) WHERE state NOT IN ('accepted', 'refused');

-- Every record of the log but the ticks, one row each.
CREATE TABLE history (
    partition    integer NOT NULL,
    log_offset   bigint NOT NULL,
    append_ms    bigint NOT NULL,
    service_ms   bigint NOT NULL,
    type         text NOT NULL,
    dispatch_id  uuid,
    delivery_id  uuid,
    recipient    text,
    code         text,
    known        boolean NOT NULL,
    detail       text,
    PRIMARY KEY (partition, log_offset)
);
CREATE INDEX history_of_dispatch ON history (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE INDEX history_unknown ON history (partition, log_offset) WHERE NOT known;

-- Verdicts and failures: one row a (subject, kind), a function of the log alone.
CREATE TABLE alert (
    subject_id      uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('publish', 'arrive', 'accept', 'receive-failed',
                                                  'send-failed', 'unreadable')),
    dispatch_id     uuid,
    recipient       text NOT NULL,
    partition       integer NOT NULL,
    start           bigint[] NOT NULL,
    due_ms          bigint,
    raised_offset   bigint NOT NULL,
    found_by        text NOT NULL CHECK (found_by IN ('tracker', 'answer', 'backstop', 'fact')),
    closing         bigint[],
    episode         smallint NOT NULL CHECK (episode >= 0),
    PRIMARY KEY (subject_id, kind),
    CHECK ((due_ms IS NOT NULL) = (kind IN ('publish', 'arrive', 'accept'))),
    CHECK ((found_by = 'fact') = (due_ms IS NULL))
);
CREATE INDEX alert_open ON alert (partition) WHERE closing IS NULL;

-- What the books tell the world, in order; written with them, sent by consumers/alerts.
CREATE TABLE announcement (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text NOT NULL,
    key        bytea NOT NULL,
    event_id   uuid NOT NULL,
    type       text NOT NULL,
    traceparent text NOT NULL,
    value      bytea NOT NULL
);

-- Pages, kept apart from the books: of an alert the greatest version counts; odd versions raise,
-- even ones resolve.
CREATE TABLE page (
    subject_id    uuid NOT NULL,
    kind          text NOT NULL,
    version       integer NOT NULL CHECK (version > 0),
    alert         bytea NOT NULL,
    state         text NOT NULL CHECK (state IN ('pending', 'delivered', 'superseded')),
    attempts      integer NOT NULL DEFAULT 0,
    next_attempt  timestamptz NOT NULL DEFAULT now(),
    last_error    text,
    delivered_at  timestamptz,
    PRIMARY KEY (subject_id, kind, version),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX page_pending ON page (next_attempt) WHERE state = 'pending';
