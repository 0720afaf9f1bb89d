-- The file is one process's alone: whose a claim is, and since when, decides nothing.
ALTER TABLE packet DROP COLUMN claimed_by;
ALTER TABLE packet DROP COLUMN claimed_ms;
