-- Whose attempt it was: of those under one key, the last one counts for its day.
ALTER TABLE ledger ADD COLUMN send_seq bigint;
