//! Removing what has been kept long enough: a piece at a time, walking along a primary key, so that no index is needed for it and
//! nobody waits long for the writer.

use uuid::Uuid;

use super::{
    engine::{Engine, Value},
    failure::Failure,
    rows::{Cells as _, read_id},
};
use crate::app::ports::{Purge, PurgeStep, Purged};

/// The last id of a piece, if there is a whole piece.
const END_OF_GRANTS: &str = "SELECT id FROM grants WHERE id > $1 AND id <= $2 ORDER BY id LIMIT 1 OFFSET $3";

/// As [`END_OF_GRANTS`], with the time of the last event.
const END_OF_EVENTS: &str = "SELECT seq, time FROM events WHERE seq > $1 ORDER BY seq LIMIT 1 OFFSET $2";

/// As [`END_OF_GRANTS`].
const END_OF_KEYS: &str =
    "SELECT scope_digest FROM idempotency_keys WHERE scope_digest > $1 ORDER BY scope_digest LIMIT 1 OFFSET $2";

/// No digest comes after it.
const LAST_DIGEST: [u8; 32] = [0xFF; 32];

/// What is removed is found by the piece's ends again, which PostgreSQL would otherwise look for in the whole table.
///
/// Grants that have ended, that nobody looks after any more and no sink is still to be told of. Which sinks there are is found by
/// as many steps in the deliveries' index; each step then asks for one grant. What another transaction holds is passed over.
macro_rules! delete_grants {
    ($lock:literal) => {
        concat!(
            "WITH RECURSIVE names (sink) AS (SELECT min(sink) FROM deliveries UNION ALL \
             SELECT (SELECT min(sink) FROM deliveries WHERE sink > names.sink) FROM names WHERE names.sink IS NOT NULL) \
             DELETE FROM grants WHERE id > $1 AND id <= $2 AND id IN (SELECT id FROM grants WHERE id > $1 AND id <= $2 \
             AND next_check_at IS NULL AND state <> 'issued' AND write_until < $3 \
             AND NOT EXISTS (SELECT 1 FROM names JOIN deliveries ON deliveries.sink = names.sink \
             WHERE deliveries.grant_id = grants.id AND deliveries.state = 'pending')",
            $lock,
            ") RETURNING id"
        )
    };
}
pub(super) use delete_grants;

/// Events that every sink has; those that a sink never got are kept for as long as grants are. Their deliveries go with them. Counted,
/// because PostgreSQL would answer `OR NOT EXISTS` by reading all deliveries first.
macro_rules! delete_events {
    ($lock:literal) => {
        concat!(
            "DELETE FROM events WHERE seq > $1 AND seq <= $2 AND seq IN (SELECT seq FROM events WHERE seq > $1 AND seq <= $2 AND time < $3 \
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_seq = events.seq AND state = 'pending') \
             AND (time < $4 OR (SELECT count(*) FROM deliveries WHERE event_seq = events.seq AND state = 'dead') = 0)",
            $lock,
            ") RETURNING id"
        )
    };
}
pub(super) use delete_events;

/// Claims on idempotency keys that have run out.
macro_rules! delete_keys {
    ($lock:literal) => {
        concat!(
            "DELETE FROM idempotency_keys WHERE scope_digest > $1 AND scope_digest <= $2 \
             AND scope_digest IN (SELECT scope_digest FROM idempotency_keys \
             WHERE scope_digest > $1 AND scope_digest <= $2 AND expires_at <= $3",
            $lock,
            ") RETURNING grant_id"
        )
    };
}
pub(super) use delete_keys;

/// Does one step, in the transaction that is open.
pub(super) async fn purge<E: Engine>(engine: &mut E, purge: &Purge) -> Result<Purged, Failure> {
    match &purge.step {
        PurgeStep::Grants { after } => purge_grants(engine, purge, *after).await,
        PurgeStep::Events { after } => purge_events(engine, purge, *after).await,
        PurgeStep::Keys { after } => purge_keys(engine, purge, after).await,
    }
}

async fn purge_grants<E: Engine>(engine: &mut E, purge: &Purge, after: Uuid) -> Result<Purged, Failure> {
    // Ids tell the time of issue: whatever was issued later has not ended before either.
    let millis = u64::try_from(purge.grants_before.timestamp_millis()).unwrap_or_default();
    let last = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
    let place = [Value::Id(after), Value::Id(last), Value::Number(i64::from(purge.limit) - 1)];
    let end = engine.rows(END_OF_GRANTS, &place).await?;
    let end = end.first().map(|row| read_id("grants", row)).transpose()?;
    let piece =
        [Value::Id(after), Value::Id(end.unwrap_or(last)), Value::Number(purge.grants_before.timestamp_micros())];
    let removed = engine.rows(E::PURGE_GRANTS, &piece).await?.len();
    Ok(Purged { removed, next: end.map(|after| PurgeStep::Grants { after }) })
}

async fn purge_events<E: Engine>(engine: &mut E, purge: &Purge, after: i64) -> Result<Purged, Failure> {
    let place = [Value::Number(after), Value::Number(i64::from(purge.limit) - 1)];
    let end = engine.rows(END_OF_EVENTS, &place).await?;
    let end = match end.first() {
        Some(row) => Some((row.number(0)?.unwrap_or(i64::MAX), row.number(1)?.unwrap_or(i64::MAX))),
        None => None,
    };
    let before = purge.events_before.timestamp_micros();
    let piece = [
        Value::Number(after),
        Value::Number(end.map_or(i64::MAX, |(seq, _)| seq)),
        Value::Number(before),
        Value::Number(purge.grants_before.timestamp_micros()),
    ];
    let removed = engine.rows(E::PURGE_EVENTS, &piece).await?.len();
    // What comes after is younger still, give or take what was under way at the same time.
    let next = end.filter(|(_, time)| *time < before).map(|(after, _)| PurgeStep::Events { after });
    Ok(Purged { removed, next })
}

async fn purge_keys<E: Engine>(engine: &mut E, purge: &Purge, after: &[u8]) -> Result<Purged, Failure> {
    let place = [Value::Bytes(after), Value::Number(i64::from(purge.limit) - 1)];
    let end = engine.rows(END_OF_KEYS, &place).await?;
    let end = end.first().map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()?;
    let piece = [
        Value::Bytes(after),
        Value::Bytes(end.as_deref().unwrap_or(&LAST_DIGEST)),
        Value::Number(purge.now.timestamp_micros()),
    ];
    let removed = engine.rows(E::PURGE_KEYS, &piece).await?.len();
    Ok(Purged { removed, next: end.map(|after| PurgeStep::Keys { after }) })
}

/// For the test of their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [END_OF_GRANTS, END_OF_EVENTS, END_OF_KEYS];
