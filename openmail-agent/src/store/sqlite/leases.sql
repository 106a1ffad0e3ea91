-- What was leased together and is not yet settled: [[seq, attempt], …]. Who has it is known in memory; this is read when the
-- file is opened, since these tries count, though nobody is at them any more.
CREATE TABLE leases (
    id     INTEGER PRIMARY KEY,
    events TEXT NOT NULL
) STRICT;

ALTER TABLE events DROP COLUMN leased_until;
ALTER TABLE events DROP COLUMN fence;

ALTER TABLE sends DROP COLUMN reserved_until;
ALTER TABLE sends ADD COLUMN reserved_by TEXT;
