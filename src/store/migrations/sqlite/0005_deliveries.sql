-- Whom an event is for is decided in the transaction that records it: one row for each sink that wants it. A sink is known by
-- its name; when it leaves the configuration its rows stay.
CREATE TABLE deliveries (
    event_seq  INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    sink       TEXT    NOT NULL,
    grant_id   BLOB    NOT NULL,                 -- the event's
    state      TEXT    NOT NULL,                 -- pending, delivered, dead
    attempts   INTEGER NOT NULL DEFAULT 0,       -- begun; also tells one claim from the next
    since      INTEGER NOT NULL,                 -- when patience began: recorded, or replayed
    due_at     INTEGER,                          -- the next attempt, or the end of the present one's lease; NULL: settled, or
                                                 -- waiting for an earlier event of the same grant
    last_error TEXT,
    settled_at INTEGER,
    PRIMARY KEY (event_seq, sink)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (sink, due_at) WHERE due_at IS NOT NULL;
-- What a grant's next event is.
CREATE INDEX deliveries_in_turn ON deliveries (sink, grant_id, event_seq) WHERE state = 'pending';
-- How much waits, since when, and what is dead.
CREATE INDEX deliveries_by_state ON deliveries (sink, state, event_seq);

-- Sinks that asked to be left alone, for a while or for good. Others have no row.
CREATE TABLE sinks (
    name         TEXT    PRIMARY KEY NOT NULL,
    paused_until INTEGER,
    disabled_at  INTEGER,
    reason       TEXT,
    enabled_at   INTEGER                         -- when it was last enabled again: patience began anew
) STRICT, WITHOUT ROWID;
