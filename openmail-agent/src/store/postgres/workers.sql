-- What a worker has leased or reserved is its own until this moment, which each heartbeat moves on.
CREATE TABLE workers (
    worker    text PRIMARY KEY,
    lapses_at bigint NOT NULL
);
INSERT INTO workers (worker, lapses_at)
SELECT worker, max(until)
FROM (SELECT leased_by AS worker, leased_until AS until FROM events WHERE state = 'leased'
      UNION ALL
      SELECT reserved_by, reserved_until FROM sends WHERE state = 'reserved') taken
GROUP BY worker;

DROP INDEX events_leased;
ALTER TABLE events DROP COLUMN leased_until;
CREATE INDEX events_of_worker ON events (leased_by) WHERE state = 'leased';

DROP INDEX sends_reserved;
ALTER TABLE sends DROP COLUMN reserved_until;
CREATE INDEX sends_of_worker ON sends (reserved_by) WHERE state = 'reserved';
