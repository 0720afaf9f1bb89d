-- What an answer said: a key of idempotency that was given for it is that of no other. Answers from
-- before this have none.
ALTER TABLE door_answer ADD COLUMN words_sha256 bytea CHECK (length(words_sha256) = 32);
