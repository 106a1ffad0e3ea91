-- When a worker first came, and from when on it may tell that another is dead: once it was heard for long enough without a break.
ALTER TABLE workers ADD COLUMN IF NOT EXISTS came_at bigint NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN IF NOT EXISTS judges_from bigint NOT NULL DEFAULT 0;
