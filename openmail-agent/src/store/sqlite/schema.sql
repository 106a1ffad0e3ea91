-- Times are milliseconds since 1970. Nothing is indexed by a random name: names are looked up in memory.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bookmarks (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- state: waiting, leased, done, parked, dead
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY,
    event_id     TEXT NOT NULL,
    message_id   TEXT,
    inbox_id     TEXT,
    lane         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    occurred_at  INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER,
    fence        INTEGER,
    leased_until INTEGER,
    finished_at  INTEGER,
    error        TEXT
) STRICT;

-- Apart from `events`, so that a change of state does not write the body again. TEXT, or BLOB where it is not UTF-8.
CREATE TABLE event_bodies (
    seq  INTEGER PRIMARY KEY,
    body ANY NOT NULL
) STRICT;

CREATE TABLE event_aliases (
    seq      INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (seq, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE step_notes (
    seq   INTEGER NOT NULL,
    name  TEXT NOT NULL,
    value ANY NOT NULL,
    PRIMARY KEY (seq, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE thread_notes (
    thread_id TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     ANY NOT NULL,
    PRIMARY KEY (thread_id, name)
) STRICT, WITHOUT ROWID;

-- state: owed, reserved, sent, failed
CREATE TABLE sends (
    seq              INTEGER PRIMARY KEY,
    event_seq        INTEGER NOT NULL,
    key              TEXT NOT NULL,
    inbox_id         TEXT NOT NULL,
    pod_id           TEXT,
    thread_id        TEXT,
    handler          TEXT NOT NULL,
    state            TEXT NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    due_at           INTEGER,
    fence            INTEGER,
    reserved_until   INTEGER,
    finished_at      INTEGER,
    sent_message_id  TEXT,
    sent_thread_id   TEXT,
    error            TEXT
) STRICT;

CREATE TABLE drafts (
    seq   INTEGER PRIMARY KEY,
    draft TEXT NOT NULL
) STRICT;

CREATE TABLE attachments (
    id           INTEGER PRIMARY KEY,
    send_seq     INTEGER NOT NULL,
    filename     TEXT NOT NULL,
    content_type TEXT NOT NULL,
    bytes        BLOB NOT NULL
) STRICT;
CREATE INDEX attachments_of_send ON attachments (send_seq);

-- slot: the fence of the reservation that took it
CREATE TABLE ledger (
    slot         INTEGER PRIMARY KEY,
    inbox_id     TEXT NOT NULL,
    reserved_at  INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;

CREATE TABLE pauses (
    inbox_id   TEXT PRIMARY KEY,
    learned_at INTEGER NOT NULL,
    until      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- scope: inbox, pod, account; id: empty for the account. A scope that was released stays, with held = 0 and no end;
-- held is for whoever looks at it.
CREATE TABLE holds (
    scope  TEXT NOT NULL,
    id     TEXT NOT NULL,
    held   INTEGER NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('opened', 0), ('next_event', 0), ('next_send', 0);
