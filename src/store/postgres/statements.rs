//! The statements of the hot paths. Each takes any number of rows, as one array a column, so that each is prepared once.

use std::sync::LazyLock;

use super::super::{
    quota::select_usage,
    rows::{CHANGE_COLUMNS, CLAIM_COLUMNS, COMPLETION_COLUMNS, EVENT_COLUMNS, GRANT_COLUMNS},
};

const GRANT_TYPES: &str = "uuid, text, text, text, text, text, text, text, text, text, text, bigint, bigint, bigint, \
    text, text, boolean, text, text, bigint, bigint, bigint, bigint";
const CLAIM_TYPES: &str = "bytea, bytea, uuid, bigint, bigint";
const CHANGE_TYPES: &str = "uuid, text, text, text, text, bigint, bigint, boolean, bigint, bigint";
const COMPLETION_TYPES: &str = "uuid, text, bigint, text, text, text, text, bigint, bigint, text, bigint, text, \
    boolean, text, text, text";
const EVENT_TYPES: &str = "uuid, uuid, text, bigint, text, text, text";

/// Inserts grants.
pub(super) static INSERT_GRANTS: LazyLock<String> =
    LazyLock::new(|| insert("grants", &format!("{GRANT_COLUMNS}, next_check_at"), GRANT_TYPES, ""));

/// Claims idempotency keys, to be given in the order of their digests: a claim that has run out is taken over, one that
/// is alive stays; the winners come back. Who claims at the same time in another transaction is waited for.
pub(super) static CLAIM_KEYS: LazyLock<String> = LazyLock::new(|| {
    let on_conflict = " ON CONFLICT (scope_digest) DO UPDATE SET request_digest = excluded.request_digest, \
        grant_id = excluded.grant_id, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at \
        WHERE idempotency_keys.expires_at <= excluded.claimed_at RETURNING grant_id";
    insert("idempotency_keys", CLAIM_COLUMNS, CLAIM_TYPES, on_conflict)
});

/// Locks users, who have no row of their own, in the order given.
pub(super) const HOLD_USERS: &str = "SELECT pg_advisory_xact_lock($1, number) FROM unnest($2::integer[]) AS number";

/// Counts what users have. The day's first id is compared beside its user: by itself the planner, whose statistics know of no grant
/// as new as that, would take it for rare, and look through everybody's day.
pub(super) static COUNT_USAGE: LazyLock<String> = LazyLock::new(|| {
    let of_day = "(grants.user_id, grants.id) >= (asked.user_id, $2)";
    select_usage("unnest($5::text[]) AS asked (user_id)", of_day)
});

/// A user's newest grant of a day but so many.
pub(super) const FIND_OLDEST_OF_DAY: &str = "SELECT issued_at FROM grants WHERE user_id = $1 AND (user_id, id) >= ($1, $2) \
    ORDER BY id DESC LIMIT 1 OFFSET $3";

/// Changes grants that are still in one of their expected states; those that were come back. All rows are locked
/// beforehand, in the order of their ids, so that two transactions can wait for each other in one direction only; what
/// the other one did meanwhile is seen by the update, which looks at the condition again.
pub(super) static CHANGE_GRANTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH change ({CHANGE_COLUMNS}) AS (SELECT * FROM unnest({})), \
         held AS MATERIALIZED (SELECT id FROM grants WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE) \
         UPDATE grants SET state = change.new_state, \
         reason = CASE WHEN change.new_state = 'rejected' THEN coalesce(change.new_reason, grants.reason) END, \
         oss_upload_id = coalesce(grants.oss_upload_id, change.new_oss_upload_id), \
         expires_at = greatest(change.new_expires_at, grants.expires_at), \
         write_until = greatest(change.new_write_until, grants.write_until), \
         next_check_at = CASE \
         WHEN change.move_check AND (change.lease IS NULL OR change.lease = grants.next_check_at) \
         THEN change.new_check_at ELSE grants.next_check_at END \
         FROM change JOIN held ON held.id = change.id \
         WHERE grants.id = change.id AND grants.state = ANY (string_to_array(change.from_states, ' ')) \
         RETURNING grants.id",
        arrays(CHANGE_TYPES)
    )
});

/// Inserts completions. One that is known (same grant, key and `ETag`) stays as it is; the new ones come back.
pub(super) static INSERT_COMPLETIONS: LazyLock<String> = LazyLock::new(|| {
    let on_conflict = " ON CONFLICT (grant_id, object_key, etag) DO NOTHING RETURNING grant_id, object_key, etag";
    insert("completions", COMPLETION_COLUMNS, COMPLETION_TYPES, on_conflict)
});

/// Inserts events.
pub(super) static INSERT_EVENTS: LazyLock<String> = LazyLock::new(|| insert("events", EVENT_COLUMNS, EVENT_TYPES, ""));

/// Adds deliveries.
pub(super) const ADD_DELIVERIES: &str = "INSERT INTO deliveries (event_seq, sink, grant_id, state, since, due_at) \
    SELECT events.seq, wanted.sink, events.grant_id, 'pending', events.time, \
    CASE WHEN wanted.waits OR EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.sink = wanted.sink \
    AND earlier.grant_id = events.grant_id AND earlier.state = 'pending') THEN NULL ELSE events.time END \
    FROM unnest($1::uuid[], $2::text[], $3::boolean[]) AS wanted (event_id, sink, waits) \
    JOIN events ON events.id = wanted.event_id";

/// Locks grants, in the order of their ids.
pub(super) const HOLD_GRANTS: &str = "SELECT id FROM grants WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";

/// The buckets with a check due. The index is asked for the next bucket, then for its earliest check: as many steps as there are
/// buckets, however many grants wait.
pub(super) const FIND_DUE_BUCKETS: &str = "\
    WITH RECURSIVE waiting (bucket) AS ( \
        (SELECT bucket FROM grants WHERE next_check_at IS NOT NULL ORDER BY bucket LIMIT 1) \
        UNION ALL \
        SELECT next.bucket FROM waiting CROSS JOIN LATERAL (SELECT bucket FROM grants \
            WHERE next_check_at IS NOT NULL AND bucket > waiting.bucket ORDER BY bucket LIMIT 1) AS next \
    ) \
    SELECT bucket FROM waiting CROSS JOIN LATERAL (SELECT next_check_at FROM grants \
        WHERE grants.bucket = waiting.bucket AND next_check_at IS NOT NULL ORDER BY next_check_at LIMIT 1) AS earliest \
    WHERE next_check_at <= $1 ORDER BY bucket";

/// Claims a bucket's due checks, earliest first; what another transaction is changing is passed over.
pub(super) static CLAIM_CHECKS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH due AS MATERIALIZED (SELECT id AS due_id, next_check_at AS due_at FROM grants \
         WHERE bucket = $1 AND next_check_at <= $2 ORDER BY next_check_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) \
         UPDATE grants SET next_check_at = $4 FROM due WHERE grants.id = due.due_id RETURNING due_at, {GRANT_COLUMNS}"
    )
});

/// Finds grants by id.
pub(super) static FIND_GRANTS: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {GRANT_COLUMNS} FROM grants WHERE id = ANY ($1)"));

/// Finds all completions of some grants, each grant's first one first.
pub(super) static FIND_COMPLETIONS: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {COMPLETION_COLUMNS} FROM completions WHERE grant_id = ANY ($1) ORDER BY grant_id, seq")
});

/// Tells everybody who listens, when the transaction commits.
pub(super) const NOTIFY: &str = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload";

fn insert(table: &str, columns: &str, types: &str, suffix: &str) -> String {
    format!("INSERT INTO {table} ({columns}) SELECT * FROM unnest({}){suffix}", arrays(types))
}

/// `$1::uuid[], $2::text[], …`
fn arrays(types: &str) -> String {
    let parameters: Vec<_> = types.split(", ").zip(1..).map(|(kind, number)| format!("${number}::{kind}[]")).collect();
    parameters.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_type() {
        for (columns, types) in [
            (format!("{GRANT_COLUMNS}, next_check_at").as_str(), GRANT_TYPES),
            (CLAIM_COLUMNS, CLAIM_TYPES),
            (CHANGE_COLUMNS, CHANGE_TYPES),
            (COMPLETION_COLUMNS, COMPLETION_TYPES),
            (EVENT_COLUMNS, EVENT_TYPES),
        ] {
            assert_eq!(columns.split(", ").count(), types.split(", ").count(), "{columns}");
        }
    }
}
