-- A door that is a topic answers later. A packet that is sent and has its content still may be
-- refused; one that is refused has it until it is given back. `handover_id` is that of one giving: a
-- packet that is given again is another hand-over, and an answer to the earlier one is not its.
CREATE TABLE packet_2 (
    id           TEXT PRIMARY KEY,
    sha256       BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    bytes        INTEGER NOT NULL CHECK (bytes > 0),
    document_id  TEXT NOT NULL,
    sender       TEXT NOT NULL,
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 4),
    declared_by  TEXT NOT NULL DEFAULT '',
    name         TEXT NOT NULL DEFAULT '',
    taken_ms     INTEGER NOT NULL,
    state        TEXT NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'claimed', 'sent', 'refused')),
    claimed_by   TEXT CHECK ((claimed_by IS NOT NULL) = (state = 'claimed')),
    claimed_ms   INTEGER CHECK ((claimed_ms IS NOT NULL) = (state = 'claimed')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    fault        TEXT NOT NULL DEFAULT '',
    ended_ms     INTEGER CHECK ((ended_ms IS NOT NULL) = (state IN ('sent', 'refused'))),
    dispatch_id  TEXT,
    answer       TEXT,
    handover_id  TEXT NOT NULL UNIQUE,
    content      BLOB,                        -- while it may have to be sent, or given back
    CHECK (content IS NOT NULL OR state IN ('sent', 'refused'))
) STRICT;
INSERT INTO packet_2
SELECT id, sha256, bytes, document_id, sender, priority, declared_by, name, taken_ms, state, claimed_by,
       claimed_ms, attempts, not_before_ms, fault, ended_ms, dispatch_id, answer, id, content
FROM packet;
DROP TABLE packet;
ALTER TABLE packet_2 RENAME TO packet;
CREATE INDEX packet_open ON packet (priority DESC, taken_ms, id) WHERE state IN ('waiting', 'claimed');
CREATE INDEX packet_bytes ON packet (state, bytes) WHERE content IS NOT NULL;
CREATE INDEX packet_dispatch ON packet (dispatch_id);

-- What changes again while it is being shown is shown again.
ALTER TABLE unshown ADD COLUMN changes INTEGER NOT NULL DEFAULT 1;
