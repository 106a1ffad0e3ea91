-- Whose attempt it was: those of one send share a place in the day.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS send_seq bigint;
