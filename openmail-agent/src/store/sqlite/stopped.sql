-- Whether a reply that failed was kept back instead: whoever gives it again hears the same.
ALTER TABLE sends ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;
