-- The ledger. Times are microseconds since the epoch, UTC; ids are the 16 bytes of a UUID.
-- Every index is paid for by each issued grant: add one only for a question that is asked often.

CREATE TABLE grants (
    id            BLOB    PRIMARY KEY NOT NULL,  -- UUID v7: new rows are appended
    profile       TEXT    NOT NULL,
    method        TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    reason        TEXT,
    user_id       TEXT    NOT NULL,
    created_by    TEXT,
    bucket        TEXT    NOT NULL,
    region        TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    content_type  TEXT    NOT NULL,
    min_size      INTEGER NOT NULL,
    max_size      INTEGER NOT NULL,
    declared_size INTEGER,
    filename      TEXT,
    vars          TEXT    NOT NULL,              -- JSON object of strings
    overwrite     INTEGER NOT NULL,
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    write_until   INTEGER NOT NULL,
    next_check_at INTEGER                        -- NULL: the reconciler is done with it
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_by_user ON grants (user_id, id);
CREATE INDEX grants_due ON grants (next_check_at) WHERE next_check_at IS NOT NULL;

-- What is recorded of a grant's objects. The first one is the grant's completion and stays so; later ones (another
-- ETag) are what the object changed into afterwards. `seq` is the insert order.
CREATE TABLE completions (
    seq          INTEGER PRIMARY KEY,
    grant_id     BLOB    NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    object_key   TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    etag         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    crc64        TEXT,
    version_id   TEXT,
    image_width  INTEGER,
    image_height INTEGER,
    image_format TEXT,
    completed_at INTEGER NOT NULL,
    source       TEXT    NOT NULL,
    late         INTEGER NOT NULL,
    UNIQUE (grant_id, object_key, etag)
) STRICT;

-- The outbox, in the order of `seq`. No foreign key: news of a grant outlives its row.
CREATE TABLE events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       BLOB    NOT NULL UNIQUE,
    grant_id BLOB    NOT NULL,
    type     TEXT    NOT NULL,
    time     INTEGER NOT NULL,
    payload  TEXT    NOT NULL                    -- the whole CloudEvents document
) STRICT;

-- Who may use an idempotency key. A row may be taken over from expires_at on. A grant must not be deleted while a
-- claim on it is alive (24 h).
CREATE TABLE idempotency_keys (
    scope_digest   BLOB    PRIMARY KEY NOT NULL,
    request_digest BLOB    NOT NULL,
    grant_id       BLOB    NOT NULL,
    claimed_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, written by the readiness probe: only a write proves that the ledger can be written.
CREATE TABLE heartbeat (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO heartbeat (id, beats) VALUES (1, 0);
