-- How far a source has been read.
CREATE TABLE position (
    source TEXT PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT;

-- What came: begun → handled | poison. An attempt is counted before the handler is called.
CREATE TABLE seen (
    subject  TEXT PRIMARY KEY,            -- document/<delivery id>, recall/<recall id>/<delivery id>
    state    TEXT NOT NULL CHECK (state IN ('begun', 'handled', 'poison')),
    attempts INTEGER NOT NULL,
    seen_ms  INTEGER NOT NULL
) STRICT;

-- What is answered, in this order for each copy.
CREATE TABLE answer (
    place         INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id   TEXT NOT NULL,
    dispatch_id   TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    word          TEXT NOT NULL,          -- done, fail, processing, or a status code
    reason        TEXT NOT NULL DEFAULT '',
    reported_ms   INTEGER NOT NULL,
    key           TEXT NOT NULL UNIQUE,   -- the same answer has the same, whoever asks again
    state         TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused')),
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    fault         TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX answer_waiting ON answer (place) WHERE state = 'waiting';
CREATE INDEX answer_of ON answer (delivery_id, word);
