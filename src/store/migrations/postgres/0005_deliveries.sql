-- Whom an event is for is decided in the transaction that records it: one row for each sink that wants it. A sink is known by
-- its name; when it leaves the configuration its rows stay.
CREATE TABLE deliveries (
    event_seq  bigint NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    sink       text   COLLATE "C" NOT NULL,
    grant_id   uuid   NOT NULL,                  -- the event's
    state      text   COLLATE "C" NOT NULL,      -- pending, delivered, dead
    attempts   bigint NOT NULL DEFAULT 0,        -- begun; also tells one claim from the next
    since      bigint NOT NULL,                  -- when patience began: recorded, or replayed
    due_at     bigint,                           -- the next attempt, or the end of the present one's lease; NULL: settled, or
                                                 -- waiting for an earlier event of the same grant
    last_error text   COLLATE "C",
    settled_at bigint,
    PRIMARY KEY (event_seq, sink)
);

CREATE INDEX deliveries_due ON deliveries (sink, due_at, event_seq) WHERE due_at IS NOT NULL;
-- What a grant's next event is.
CREATE INDEX deliveries_in_turn ON deliveries (sink, grant_id, event_seq) WHERE state = 'pending';
-- How much waits, since when, and what is dead.
CREATE INDEX deliveries_by_state ON deliveries (sink, state, event_seq);

-- Sinks that asked to be left alone, for a while or for good. Others have no row.
CREATE TABLE sinks (
    name         text   COLLATE "C" PRIMARY KEY,
    paused_until bigint,
    disabled_at  bigint,
    reason       text   COLLATE "C",
    enabled_at   bigint                          -- when it was last enabled again: patience began anew
);
