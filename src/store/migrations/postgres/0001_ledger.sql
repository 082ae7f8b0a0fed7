-- The ledger, as it is on SQLite. Times are microseconds since the epoch, UTC: the same numbers on both engines.
-- Text is compared by its bytes. JSON is text: what was written comes back byte for byte.
-- Every index is paid for by each issued grant: add one only for a question that is asked often.

CREATE TABLE grants (
    id            uuid    PRIMARY KEY,            -- UUID v7: new rows are appended
    profile       text    COLLATE "C" NOT NULL,
    method        text    COLLATE "C" NOT NULL,
    state         text    COLLATE "C" NOT NULL,
    reason        text    COLLATE "C",
    user_id       text    COLLATE "C" NOT NULL,
    created_by    text    COLLATE "C",
    bucket        text    COLLATE "C" NOT NULL,
    region        text    COLLATE "C" NOT NULL,
    key           text    COLLATE "C" NOT NULL,
    content_type  text    COLLATE "C" NOT NULL,
    min_size      bigint  NOT NULL,
    max_size      bigint  NOT NULL,
    declared_size bigint,
    filename      text    COLLATE "C",
    vars          text    COLLATE "C" NOT NULL,   -- JSON object of strings
    overwrite     boolean NOT NULL,
    oss_upload_id text    COLLATE "C",            -- OSS's id of a multipart upload, once it has been initiated
    kind          text    COLLATE "C" NOT NULL DEFAULT 'upload', -- a directory is leave for any objects under its `key`
    issued_at     bigint  NOT NULL,
    expires_at    bigint  NOT NULL,
    write_until   bigint  NOT NULL,
    next_check_at bigint                          -- NULL: the reconciler is done with it
);

CREATE INDEX grants_by_user ON grants (user_id, id);
CREATE INDEX grants_due ON grants (next_check_at, id) WHERE next_check_at IS NOT NULL;

-- What is recorded of a grant's objects. The first one is the grant's completion and stays so; later ones (another
-- ETag) are what the object changed into afterwards. `seq` is the insert order of one grant's, whose row is locked by
-- whoever inserts; between grants it says nothing.
CREATE TABLE completions (
    seq          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    grant_id     uuid    NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    object_key   text    COLLATE "C" NOT NULL,
    size         bigint  NOT NULL,
    etag         text    COLLATE "C" NOT NULL,
    content_type text    COLLATE "C" NOT NULL,
    crc64        text    COLLATE "C",
    version_id   text    COLLATE "C",
    image_width  bigint,
    image_height bigint,
    image_format text    COLLATE "C",
    completed_at bigint  NOT NULL,
    source       text    COLLATE "C" NOT NULL,
    late         boolean NOT NULL,
    hook_outcome text    COLLATE "C",             -- what the business backend's hook said; NULL: not asked
    hook_answer  text    COLLATE "C",             -- and what it wants the client to be answered
    reason       text    COLLATE "C",             -- why it was rejected under a directory grant, which does not end with it
    UNIQUE (grant_id, object_key, etag)
);

-- The outbox. `seq` is the order of one grant's events, as above; a larger `seq` may be committed before a smaller
-- one, so that "everything after the last one seen" would miss some. No foreign key: news of a grant outlives its row.
CREATE TABLE events (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       uuid   NOT NULL UNIQUE,
    grant_id uuid   NOT NULL,
    type     text   COLLATE "C" NOT NULL,
    time     bigint NOT NULL,
    payload  text   COLLATE "C" NOT NULL          -- the whole CloudEvents document
);

-- Who may use an idempotency key. A row may be taken over from expires_at on. A grant must not be deleted while a
-- claim on it is alive (24 h).
CREATE TABLE idempotency_keys (
    scope_digest   bytea  PRIMARY KEY,
    request_digest bytea  NOT NULL,
    grant_id       uuid   NOT NULL,
    claimed_at     bigint NOT NULL,
    expires_at     bigint NOT NULL
);

-- One row, written by the readiness probe: only a write proves that the ledger can be written.
CREATE TABLE heartbeat (
    id    integer PRIMARY KEY CHECK (id = 1),
    beats bigint  NOT NULL
);
INSERT INTO heartbeat (id, beats) VALUES (1, 0);

-- One row: a program whose newest migration is `compatible_from` or later can work on this schema. A migration that
-- only adds leaves it alone, so that old and new replicas overlap; one that takes away or changes sets it to its own
-- number.
CREATE TABLE ledger_schema (
    id              integer PRIMARY KEY CHECK (id = 1),
    compatible_from bigint  NOT NULL
);
INSERT INTO ledger_schema (id, compatible_from) VALUES (1, 1);
