-- What a worker has stands for as long as it is alive, which is known in memory.

ALTER TABLE events DROP COLUMN leased_until;
ALTER TABLE events ADD COLUMN leased_by TEXT;

ALTER TABLE sends DROP COLUMN reserved_until;
ALTER TABLE sends ADD COLUMN reserved_by TEXT;
