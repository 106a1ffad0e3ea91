-- Whether a reply that failed was kept back instead: whoever gives it again hears the same.
ALTER TABLE sends ADD COLUMN IF NOT EXISTS stopped boolean NOT NULL DEFAULT false;
