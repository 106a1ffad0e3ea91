-- Where a send stands among those of its thread that have not left. A sequence may number ahead for each connection: over two of
-- them, what was committed later may have the lower number.
ALTER TABLE sends ADD COLUMN IF NOT EXISTS place bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS sends_in_lane ON sends (lane_id, place, seq) WHERE state IN ('owed', 'reserved');
DROP INDEX IF EXISTS sends_of_lane;
