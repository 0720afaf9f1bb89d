-- A packet that was taken; waiting → claimed → sent | refused, and from claimed back to waiting. A
-- door that is a topic answers later: a packet that is sent and has its content still may be refused;
-- one that is refused has it until it is given back.
CREATE TABLE packet (
    id           TEXT PRIMARY KEY,            -- derived from the content: the same again is the same row
    sha256       BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    bytes        INTEGER NOT NULL CHECK (bytes > 0),
    document_id  TEXT NOT NULL,
    sender       TEXT NOT NULL,
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 4),
    declared_by  TEXT NOT NULL DEFAULT '',    -- who declares that it holds no secret
    name         TEXT NOT NULL DEFAULT '',    -- the file that it came as
    taken_ms     INTEGER NOT NULL,
    state        TEXT NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'claimed', 'sent', 'refused')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0, -- put off until then
    fault        TEXT NOT NULL DEFAULT '',    -- why it was not sent the last time, or was refused
    ended_ms     INTEGER CHECK ((ended_ms IS NOT NULL) = (state IN ('sent', 'refused'))),
    dispatch_id  TEXT,
    answer       TEXT,                        -- JSON: what the door said
    handover_id  TEXT NOT NULL UNIQUE,        -- of one giving: given again, it is another hand-over
    content      BLOB,                        -- while it may have to be sent, or given back
    CHECK (content IS NOT NULL OR state IN ('sent', 'refused'))
) STRICT;
CREATE INDEX packet_open ON packet (priority DESC, taken_ms, id) WHERE state IN ('waiting', 'claimed');
CREATE INDEX packet_bytes ON packet (state, bytes) WHERE content IS NOT NULL;
CREATE INDEX packet_dispatch ON packet (dispatch_id);

-- How far the statuses of a source have been read.
CREATE TABLE position (
    source TEXT PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT;

-- What became of each copy: of what was told of it, the greatest version.
CREATE TABLE delivery (
    delivery_id TEXT PRIMARY KEY,
    dispatch_id TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    state       TEXT NOT NULL,
    version     INTEGER NOT NULL,
    code        TEXT,
    description TEXT,
    told_ms     INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_dispatch ON delivery (dispatch_id);

-- Files of the folder that do not show what is booked here; written again at the next start. What
-- changes again while it is being shown is shown again.
CREATE TABLE unshown (
    subject TEXT PRIMARY KEY,             -- packet/<id> or dispatch/<id>
    changes INTEGER NOT NULL DEFAULT 1
) STRICT;
