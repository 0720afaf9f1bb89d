-- Large content lies in the store, by its digest; what names it here keeps it there.

-- What was put into the store, or is about to be: `put_at` is when a door last was about to. Content
-- that had gone and comes again is another edition: who put an earlier one cannot name it. `lost` says
-- why it can no longer be had, if so; each time that happens is an episode.
CREATE TABLE content (
    sha256   bytea PRIMARY KEY CHECK (length(sha256) = 32),
    edition  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    bytes    bigint NOT NULL CHECK (bytes >= 0),
    put_at   timestamptz NOT NULL DEFAULT now(),
    lost     text NOT NULL DEFAULT '' CHECK (lost IN ('', 'ContentMissing', 'ContentAltered')),
    episode  integer NOT NULL DEFAULT 0,
    UNIQUE (sha256, edition)
);

-- What a sweep takes from the store when it has been here for a while: nothing can name it without
-- putting it anew. `since` is when it was last put, or first found with no row that knows of it.
CREATE TABLE content_leaving (
    sha256  bytea PRIMARY KEY CHECK (length(sha256) = 32),
    bytes   bigint NOT NULL,
    since   timestamptz NOT NULL DEFAULT now()
);

-- `document_digest` is that of the content but for the recipients, by which a repetition is told
-- from a document sent again where the packet is not here to be compared.
ALTER TABLE handover
    ALTER COLUMN packet DROP NOT NULL,
    ADD COLUMN content_sha256 bytea,
    ADD COLUMN content_edition bigint,
    ADD COLUMN content_bytes bigint,
    ADD COLUMN document_digest bytea,
    ADD FOREIGN KEY (content_sha256, content_edition) REFERENCES content (sha256, edition),
    ADD CONSTRAINT handover_content_check CHECK
        ((packet IS NULL) = (content_sha256 IS NOT NULL)
         AND content_sha256 = packet_sha256
         AND (content_sha256 IS NULL) = (content_bytes IS NULL)
         AND (content_sha256 IS NULL) = (content_edition IS NULL)
         AND (content_sha256 IS NULL) = (document_digest IS NULL));
CREATE INDEX handover_of_content ON handover (content_sha256) WHERE content_sha256 IS NOT NULL;

ALTER TABLE recall
    DROP CONSTRAINT recall_check,
    ADD COLUMN content_sha256 bytea,
    ADD COLUMN content_edition bigint,
    ADD COLUMN content_bytes bigint,
    ADD FOREIGN KEY (content_sha256, content_edition) REFERENCES content (sha256, edition),
    ADD CONSTRAINT recall_packet_check CHECK
        ((packet_sha256 IS NULL) = (packet IS NULL AND content_sha256 IS NULL)),
    ADD CONSTRAINT recall_content_check CHECK
        ((packet IS NULL OR content_sha256 IS NULL)
         AND content_sha256 = packet_sha256
         AND (content_sha256 IS NULL) = (content_bytes IS NULL)
         AND (content_sha256 IS NULL) = (content_edition IS NULL));
CREATE INDEX recall_of_content ON recall (content_sha256) WHERE content_sha256 IS NOT NULL;
