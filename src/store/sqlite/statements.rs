//! The statements of the hot paths, in a few fixed sizes so that each is prepared once and found again.

use std::sync::LazyLock;

use super::super::{
    quota::select_usage,
    rows::{CHANGE_COLUMNS, CLAIM_COLUMNS, COMPLETION_COLUMNS, EVENT_COLUMNS, GRANT_COLUMNS},
};

/// How many rows one statement has room for. Four sizes keep the cache of prepared statements small; room that is not
/// needed stays unbound, which is NULL, and such rows are passed over. That costs far less than another crossing to
/// SQLite's thread.
const SIZES: [usize; 4] = [1, 4, 16, LARGEST];

/// The most that one statement takes.
pub(super) const LARGEST: usize = 64;

/// One statement in all [`SIZES`].
pub(super) struct Sized([String; SIZES.len()]);

impl Sized {
    fn new(text: impl Fn(usize) -> String) -> Self {
        Self(SIZES.map(text))
    }

    /// Cuts items into pieces, each with the smallest statement that has room for it.
    pub(super) fn split<'i, T>(&'static self, items: &'i [T]) -> impl Iterator<Item = (&'static str, &'i [T])> + Send
    where
        T: Sync,
    {
        items.chunks(LARGEST).map(|piece| {
            let place = SIZES.iter().position(|size| *size >= piece.len()).unwrap_or(SIZES.len() - 1);
            (self.0[place].as_str(), piece)
        })
    }
}

/// Inserts grants.
pub(super) static INSERT_GRANTS: LazyLock<Sized> =
    LazyLock::new(|| Sized::new(|rows| insert("grants", &format!("{GRANT_COLUMNS}, next_check_at"), rows, "")));

/// Claims idempotency keys: a claim that has run out is taken over, one that is alive stays; the winners come back.
pub(super) static CLAIM_KEYS: LazyLock<Sized> = LazyLock::new(|| {
    let on_conflict = " ON CONFLICT (scope_digest) DO UPDATE SET request_digest = excluded.request_digest, \
        grant_id = excluded.grant_id, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at \
        WHERE idempotency_keys.expires_at <= excluded.claimed_at RETURNING grant_id";
    Sized::new(|rows| insert("idempotency_keys", CLAIM_COLUMNS, rows, on_conflict))
});

/// A user's newest grant of a day but so many.
pub(super) const FIND_OLDEST_OF_DAY: &str =
    "SELECT issued_at FROM grants WHERE user_id = $1 AND id >= $2 ORDER BY id DESC LIMIT 1 OFFSET $3";

/// Counts what users have.
pub(super) static COUNT_USAGE: LazyLock<Sized> = LazyLock::new(|| {
    Sized::new(|rows| {
        // After the four that say how far to count.
        let users: Vec<_> = (5..5 + rows).map(|number| format!("(${number})")).collect();
        select_usage(
            &format!("(SELECT column1 AS user_id FROM (VALUES {})) AS asked", users.join(", ")),
            "grants.id >= $2",
        )
    })
});

/// Changes grants that are still in one of their expected states; those that were come back. One statement for many,
/// because `RETURNING` costs more than the update itself when each has its own. A grant may occur in it only once.
pub(super) static CHANGE_GRANTS: LazyLock<Sized> = LazyLock::new(|| {
    Sized::new(|rows| {
        format!(
            "WITH change ({CHANGE_COLUMNS}) AS (VALUES {}) \
             UPDATE grants SET state = change.new_state, \
             reason = CASE WHEN change.new_state = 'rejected' THEN coalesce(change.new_reason, grants.reason) END, \
             oss_upload_id = coalesce(grants.oss_upload_id, change.new_oss_upload_id), \
             expires_at = max(coalesce(change.new_expires_at, 0), grants.expires_at), \
             write_until = max(coalesce(change.new_write_until, 0), grants.write_until), \
             next_check_at = CASE \
             WHEN change.move_check AND (change.lease IS NULL OR change.lease = grants.next_check_at) \
             THEN change.new_check_at ELSE grants.next_check_at END \
             FROM change WHERE grants.id = change.id AND instr(change.from_states, grants.state) > 0 RETURNING id",
            value_rows(CHANGE_COLUMNS, rows)
        )
    })
});

/// Inserts completions. One that is known (same grant, key and `ETag`) stays as it is; the new ones come back.
pub(super) static INSERT_COMPLETIONS: LazyLock<Sized> = LazyLock::new(|| {
    let on_conflict = " ON CONFLICT (grant_id, object_key, etag) DO NOTHING RETURNING grant_id, object_key, etag";
    Sized::new(|rows| insert("completions", COMPLETION_COLUMNS, rows, on_conflict))
});

/// Inserts events.
pub(super) static INSERT_EVENTS: LazyLock<Sized> =
    LazyLock::new(|| Sized::new(|rows| insert("events", EVENT_COLUMNS, rows, "")));

/// Adds deliveries.
pub(super) static ADD_DELIVERIES: LazyLock<Sized> = LazyLock::new(|| {
    const COLUMNS: &str = "event_id, sink, waits";
    Sized::new(|rows| {
        format!(
            "WITH wanted ({COLUMNS}) AS (VALUES {}) \
             INSERT INTO deliveries (event_seq, sink, grant_id, state, since, due_at) \
             SELECT events.seq, wanted.sink, events.grant_id, 'pending', events.time, \
             CASE WHEN wanted.waits OR EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.sink = wanted.sink \
             AND earlier.grant_id = events.grant_id AND earlier.state = 'pending') THEN NULL ELSE events.time END \
             FROM wanted JOIN events ON events.id = wanted.event_id",
            value_rows(COLUMNS, rows)
        )
    })
});

/// Finds grants by id.
pub(super) static FIND_GRANTS: LazyLock<Sized> =
    LazyLock::new(|| Sized::new(|rows| format!("SELECT {GRANT_COLUMNS} FROM grants WHERE id IN ({})", marks(rows))));

/// The buckets with a check due. The index is asked for the next bucket, then for its earliest check: as many steps as there are
/// buckets, however many grants wait.
pub(super) const FIND_DUE_BUCKETS: &str = "\
    WITH RECURSIVE waiting (bucket) AS ( \
        SELECT min(bucket) FROM grants WHERE next_check_at IS NOT NULL \
        UNION ALL \
        SELECT (SELECT min(bucket) FROM grants WHERE next_check_at IS NOT NULL AND bucket > waiting.bucket) \
        FROM waiting WHERE waiting.bucket IS NOT NULL \
    ) \
    SELECT bucket FROM waiting WHERE bucket IS NOT NULL \
    AND EXISTS (SELECT 1 FROM grants WHERE grants.bucket = waiting.bucket AND next_check_at <= ?)";

/// A bucket's due checks, earliest first.
pub(super) static FIND_DUE_CHECKS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT next_check_at, {GRANT_COLUMNS} FROM grants WHERE bucket = ? AND next_check_at <= ? \
         ORDER BY next_check_at LIMIT ?"
    )
});

/// Moves the checks of some grants to the end of a lease.
pub(super) static LEASE_CHECKS: LazyLock<Sized> =
    LazyLock::new(|| Sized::new(|rows| format!("UPDATE grants SET next_check_at = ? WHERE id IN ({})", marks(rows))));

/// Finds all completions of some grants, each grant's first one first.
pub(super) static FIND_COMPLETIONS: LazyLock<Sized> = LazyLock::new(|| {
    Sized::new(|rows| {
        format!(
            "SELECT {COMPLETION_COLUMNS} FROM completions WHERE grant_id IN ({}) \
             ORDER BY grant_id, seq",
            marks(rows)
        )
    })
});

/// The first column of every table is never NULL, so that it tells the rows that are there from unused room.
fn insert(table: &str, columns: &str, rows: usize, suffix: &str) -> String {
    let values = value_rows(columns, rows);
    format!("INSERT INTO {table} ({columns}) SELECT * FROM (VALUES {values}) WHERE column1 IS NOT NULL{suffix}")
}

fn value_rows(columns: &str, rows: usize) -> String {
    let row = format!("({})", marks(columns.split(", ").count()));
    vec![row.as_str(); rows].join(", ")
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_items_is_cut_into_pieces_with_room_for_each() {
        for (count, statements) in [(0, 0), (1, 1), (2, 1), (16, 1), (17, 1), (64, 1), (65, 2), (200, 4)] {
            let items: Vec<usize> = (0..count).collect();
            let pieces: Vec<_> = FIND_GRANTS.split(&items).collect();
            assert_eq!(pieces.len(), statements, "{count} items");
            let together: Vec<usize> = pieces.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
            assert_eq!(together, items, "{count} items");
            for (statement, piece) in pieces {
                assert!(statement.matches('?').count() >= piece.len(), "{count} items");
            }
        }
    }

    #[test]
    fn a_row_has_as_many_marks_as_columns() {
        let statement = insert("t", "a, b, c", 2, "");
        assert!(statement.contains("(VALUES (?, ?, ?), (?, ?, ?))"), "{statement}");
    }
}
