-- What a worker has leased or reserved is its own until this moment, which each heartbeat moves on.
CREATE TABLE IF NOT EXISTS workers (
    worker    text PRIMARY KEY,
    lapses_at bigint NOT NULL
);
-- Where a column is dropped already, its name means the one of `dropped`, and those workers were inserted before.
INSERT INTO workers (worker, lapses_at)
SELECT worker, max(until)
FROM (SELECT 0::bigint AS leased_until, 0::bigint AS reserved_until) dropped
CROSS JOIN LATERAL (
    SELECT leased_by AS worker, leased_until AS until FROM events WHERE state = 'leased'
    UNION ALL
    SELECT reserved_by, reserved_until FROM sends WHERE state = 'reserved') taken
GROUP BY worker
ON CONFLICT DO NOTHING;

DROP INDEX IF EXISTS events_leased;
ALTER TABLE events DROP COLUMN IF EXISTS leased_until;
CREATE INDEX IF NOT EXISTS events_of_worker ON events (leased_by) WHERE state = 'leased';

DROP INDEX IF EXISTS sends_reserved;
ALTER TABLE sends DROP COLUMN IF EXISTS reserved_until;
CREATE INDEX IF NOT EXISTS sends_of_worker ON sends (reserved_by) WHERE state = 'reserved';
