//! Claiming, settling, replaying: what one write does, inside the writer's transaction.

use std::{collections::HashMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use sqlx::{SqliteConnection, query};

use super::{
    super::{
        rows::{self, Columns, micros},
        statements::{Sized, marks},
    },
    reads::{Standing, find_standing},
};
use crate::{
    app::ports::{Claimed, Delivery, DeliveryClaim, Fate, Replay, Settled, Settlement},
    store::failure::{CorruptRow, Failure},
};

/// Something to be written.
#[derive(Debug)]
pub(in crate::store::sqlite) enum Write {
    Claim(DeliveryClaim),
    Settle(Settlement),
    Enable(String, DateTime<Utc>),
    Replay(Replay, DateTime<Utc>),
}

/// What became of it.
#[derive(Debug)]
pub(in crate::store::sqlite) enum Written {
    Claimed(Claimed),
    Settled(Settled),
    Rows(u64),
}

/// Does it, in the transaction that is open.
pub(in crate::store::sqlite) async fn write(
    connection: &mut SqliteConnection,
    write: &Write,
) -> Result<Written, Failure> {
    Ok(match write {
        Write::Claim(claim) => Written::Claimed(claim_deliveries(connection, claim).await?),
        Write::Settle(settlement) => Written::Settled(settle(connection, settlement).await?),
        Write::Enable(sink, now) => Written::Rows(enable(connection, sink, *now).await?),
        Write::Replay(which, now) => Written::Rows(replay(connection, which, *now).await?),
    })
}

/// The lease is the time at which the delivery is due again.
const CLAIM: &str = "UPDATE deliveries SET due_at = ?, attempts = attempts + 1 WHERE (event_seq, sink) IN \
    (SELECT event_seq, sink FROM deliveries WHERE sink = ? AND due_at <= ? ORDER BY due_at, event_seq LIMIT ?) \
    RETURNING event_seq, attempts, since";

static FIND_PAYLOADS: LazyLock<Sized> = LazyLock::new(|| {
    Sized::new(|rows| format!("SELECT seq, id, grant_id, payload FROM events WHERE seq IN ({})", marks(rows)))
});

async fn claim_deliveries(connection: &mut SqliteConnection, claim: &DeliveryClaim) -> Result<Claimed, Failure> {
    let standing = find_standing(connection, &claim.sink).await?;
    if let Some(nothing) = standing.nothing_to_do(claim.now) {
        return Ok(nothing);
    }
    let claimed = query(CLAIM)
        .bind(micros(claim.now + claim.lease))
        .bind(rows::text(&claim.sink))
        .bind(micros(claim.now))
        .bind(claim.limit)
        .fetch_all(&mut *connection)
        .await?;
    let mut attempts = HashMap::with_capacity(claimed.len());
    for row in &claimed {
        let mut row = Columns::of("deliveries", row);
        let seq: i64 = row.next("event_seq")?;
        attempts.insert(seq, (row.next("attempts")?, row.next_time("since")?));
    }
    read_deliveries(connection, &attempts, &standing).await.map(Claimed::Deliveries)
}

async fn read_deliveries(
    connection: &mut SqliteConnection,
    attempts: &HashMap<i64, (u32, DateTime<Utc>)>,
    standing: &Standing,
) -> Result<Vec<Delivery>, Failure> {
    let places: Vec<i64> = attempts.keys().copied().collect();
    let mut deliveries = Vec::with_capacity(places.len());
    for (statement, piece) in FIND_PAYLOADS.split(&places) {
        let query = piece.iter().fold(query(statement), |query, seq| query.bind(seq));
        for row in query.fetch_all(&mut *connection).await? {
            let mut row = Columns::of("events", &row);
            let event_seq = row.next("seq")?;
            let (attempt, since) = attempts.get(&event_seq).copied().ok_or_else(|| orphan(&row))?;
            deliveries.push(Delivery {
                event_seq,
                event_id: row.next_id("id")?,
                grant_id: row.next_id("grant_id")?,
                payload: row.next("payload")?,
                attempt,
                since: standing.enabled_at.map_or(since, |enabled_at| enabled_at.max(since)),
            });
        }
    }
    deliveries.sort_unstable_by_key(|delivery| delivery.event_seq);
    Ok(deliveries)
}

fn orphan(row: &Columns<'_>) -> CorruptRow {
    row.corrupt("seq", "is none that was asked for".to_owned())
}

/// What was delivered is delivered, whoever else has the lease by now. Everything else is the lease holder's to say.
const DELIVERED: &str = "UPDATE deliveries SET state = 'delivered', due_at = NULL, last_error = NULL, settled_at = ?3 \
    WHERE event_seq = ?1 AND sink = ?2 AND state = 'pending' RETURNING grant_id";
const DEAD: &str = "UPDATE deliveries SET state = 'dead', due_at = NULL, last_error = ?5, settled_at = ?3 \
    WHERE event_seq = ?1 AND sink = ?2 AND state = 'pending' AND attempts = ?4 RETURNING grant_id";
const RETRY: &str = "UPDATE deliveries SET due_at = ?3, last_error = ?5 \
    WHERE event_seq = ?1 AND sink = ?2 AND state = 'pending' AND attempts = ?4 RETURNING grant_id";
const RELEASE: &str = "UPDATE deliveries SET due_at = ?3, attempts = attempts - 1 \
    WHERE event_seq = ?1 AND sink = ?2 AND state = 'pending' AND attempts = ?4 RETURNING grant_id";

/// The earliest of the grant's events that is still pending is due, if it had to wait until now.
const NEXT_IN_TURN: &str = "UPDATE deliveries SET due_at = ?3 WHERE sink = ?1 AND due_at IS NULL AND event_seq = \
    (SELECT min(event_seq) FROM deliveries WHERE sink = ?1 AND grant_id = ?2 AND state = 'pending')";

const PAUSE: &str = "INSERT INTO sinks (name, paused_until) VALUES (?, ?) ON CONFLICT (name) DO UPDATE \
    SET paused_until = max(coalesce(sinks.paused_until, 0), excluded.paused_until)";
const DISABLE: &str = "INSERT INTO sinks (name, disabled_at, reason) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE \
    SET disabled_at = excluded.disabled_at, reason = excluded.reason WHERE sinks.disabled_at IS NULL";

async fn settle(connection: &mut SqliteConnection, settlement: &Settlement) -> Result<Settled, Failure> {
    let Settlement { sink, event_seq, attempt, now, fate } = settlement;
    let (statement, time, error) = match fate {
        Fate::Delivered => (DELIVERED, now, None),
        Fate::Dead { error } => (DEAD, now, Some(error)),
        Fate::Retry { at, error, .. } => (RETRY, at, Some(error)),
        Fate::Gone { error } => (RETRY, now, Some(error)),
        Fate::Released => (RELEASE, now, None),
    };
    let settled = query(statement)
        .bind(event_seq)
        .bind(rows::text(sink))
        .bind(micros(*time))
        .bind(attempt)
        .bind(error.map(|error| rows::text(error)))
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = settled else { return Ok(Settled::Lost) };
    match fate {
        Fate::Delivered | Fate::Dead { .. } => {
            let grant_id = Columns::of("deliveries", &row).next_id("grant_id")?;
            let next = query(NEXT_IN_TURN).bind(rows::text(sink)).bind(rows::blob(grant_id)).bind(micros(*now));
            next.execute(&mut *connection).await?;
        }
        Fate::Retry { pause_until: Some(until), .. } => {
            query(PAUSE).bind(rows::text(sink)).bind(micros(*until)).execute(&mut *connection).await?;
        }
        Fate::Gone { error } => {
            let disable = query(DISABLE).bind(rows::text(sink)).bind(micros(*now)).bind(rows::text(error));
            if disable.execute(&mut *connection).await?.rows_affected() > 0 {
                return Ok(Settled::SinkDisabled);
            }
        }
        Fate::Retry { pause_until: None, .. } | Fate::Released => {}
    }
    Ok(Settled::Applied)
}

async fn enable(connection: &mut SqliteConnection, sink: &str, now: DateTime<Utc>) -> Result<u64, Failure> {
    let enable = query(
        "UPDATE sinks SET disabled_at = NULL, reason = NULL, paused_until = NULL, enabled_at = ? \
         WHERE name = ? AND disabled_at IS NOT NULL",
    );
    Ok(enable.bind(micros(now)).bind(rows::text(sink)).execute(connection).await?.rows_affected())
}

const REPLAY_TO_ALL: &str = "UPDATE deliveries SET state = 'pending', attempts = 0, since = ?2, due_at = ?2, \
    last_error = NULL, settled_at = NULL \
    WHERE event_seq = (SELECT seq FROM events WHERE id = ?1) AND state <> 'pending'";
const REPLAY_TO_ONE: &str = "INSERT INTO deliveries (event_seq, sink, grant_id, state, since, due_at) \
    SELECT seq, ?3, grant_id, 'pending', ?2, ?2 FROM events WHERE id = ?1 \
    ON CONFLICT (event_seq, sink) DO UPDATE SET state = 'pending', attempts = 0, since = excluded.since, \
    due_at = excluded.due_at, last_error = NULL, settled_at = NULL WHERE deliveries.state <> 'pending'";
const REPLAY_DEAD: &str = "UPDATE deliveries SET state = 'pending', attempts = 0, since = ?2, due_at = ?2, \
    last_error = NULL, settled_at = NULL WHERE (event_seq, sink) IN (SELECT event_seq, sink FROM deliveries \
    WHERE sink = ?1 AND state = 'dead' ORDER BY event_seq LIMIT ?3)";

async fn replay(connection: &mut SqliteConnection, which: &Replay, now: DateTime<Utc>) -> Result<u64, Failure> {
    let now = micros(now);
    let replay = match which {
        Replay::Event { id, sink: None } => query(REPLAY_TO_ALL).bind(rows::blob(*id)).bind(now),
        Replay::Event { id, sink: Some(sink) } => {
            query(REPLAY_TO_ONE).bind(rows::blob(*id)).bind(now).bind(rows::text(sink))
        }
        Replay::Dead { sink, limit } => query(REPLAY_DEAD).bind(rows::text(sink)).bind(now).bind(limit),
    };
    Ok(replay.execute(connection).await?.rows_affected())
}
