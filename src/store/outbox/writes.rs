//! Claiming, settling, replaying: what one write does, inside the writer's transaction.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    super::{
        engine::{Engine, Value},
        failure::Failure,
        rows::Columns,
    },
    reads::find_standing,
};
use crate::app::ports::{Claimed, Delivery, DeliveryClaim, Fate, Replay, Settled, Settlement};

/// Something to be written.
#[derive(Debug)]
pub(in crate::store) enum Write {
    Claim(DeliveryClaim),
    Settle(Settlement),
    Enable(String, DateTime<Utc>),
    Replay(Replay, DateTime<Utc>),
}

/// What became of it.
#[derive(Debug)]
pub(in crate::store) enum Written {
    Claimed(Claimed),
    Settled(Settled),
    Rows(u64),
}

impl Write {
    /// The grant whose next event may be due by this.
    pub(in crate::store) fn settled_grant(&self) -> Option<Uuid> {
        match self {
            Self::Settle(settlement) => Some(settlement.grant_id),
            Self::Claim(_) | Self::Enable(..) | Self::Replay(..) => None,
        }
    }

    /// In which order writes of one transaction are done: by sink, so that rows of sinks are locked in one order; and
    /// claims last, which wait for nobody, so that nobody ever waits for a claim that waits itself.
    fn turn(&self) -> (bool, &str) {
        match self {
            Self::Settle(settlement) => (false, &settlement.sink),
            Self::Enable(sink, _) | Self::Replay(Replay::Dead { sink, .. }, _) => (false, sink),
            Self::Replay(Replay::Event { sink, .. }, _) => (false, sink.as_deref().unwrap_or_default()),
            Self::Claim(claim) => (true, &claim.sink),
        }
    }
}

/// Does them, in the transaction that is open; an answer for each.
pub(in crate::store) async fn write<E: Engine>(engine: &mut E, writes: &[&Write]) -> Result<Vec<Written>, Failure> {
    let mut order: Vec<usize> = (0..writes.len()).collect();
    order.sort_by_key(|place| writes[*place].turn());
    let mut written = Vec::with_capacity(writes.len());
    for place in order {
        written.push((place, write_one(engine, writes[place]).await?));
    }
    written.sort_unstable_by_key(|(place, _)| *place);
    Ok(written.into_iter().map(|(_, one)| one).collect())
}

async fn write_one<E: Engine>(engine: &mut E, write: &Write) -> Result<Written, Failure> {
    Ok(match write {
        Write::Claim(claim) => Written::Claimed(claim_for(engine, claim).await?),
        Write::Settle(settlement) => Written::Settled(settle(engine, settlement).await?),
        Write::Enable(sink, now) => Written::Rows(enable(engine, sink, *now).await?),
        Write::Replay(which, now) => Written::Rows(replay(engine, which, *now).await?),
    })
}

/// Takes at most `$3` deliveries of the sink `$1` that are due at `$2`: they are due again at `$4`, when the lease ends.
/// With what an engine says to pass over rows that others hold.
macro_rules! claim_deliveries {
    ($skip_locked:literal) => {
        concat!(
            "WITH taken AS MATERIALIZED (SELECT event_seq FROM deliveries WHERE sink = $1 AND due_at <= $2 \
             ORDER BY due_at, event_seq LIMIT $3",
            $skip_locked,
            ") UPDATE deliveries SET due_at = $4, attempts = attempts + 1 \
             WHERE sink = $1 AND event_seq IN (SELECT event_seq FROM taken) RETURNING event_seq, attempts, since"
        )
    };
}
pub(in crate::store) use claim_deliveries;

const FIND_PAYLOAD: &str = "SELECT id, grant_id, payload, traceparent, tracestate FROM events WHERE seq = $1";

async fn claim_for<E: Engine>(engine: &mut E, claim: &DeliveryClaim) -> Result<Claimed, Failure> {
    let standing = find_standing(engine, &claim.sink).await?;
    if let Some(nothing) = standing.nothing_to_do(claim.now) {
        return Ok(nothing);
    }
    let lease_end = claim.now + claim.lease;
    let values = [Value::Text(&claim.sink), time(claim.now), Value::Number(claim.limit.into()), time(lease_end)];
    let mut deliveries = Vec::new();
    for row in engine.rows(E::CLAIM_DELIVERIES, &values).await? {
        let mut row = Columns::of("deliveries", &row);
        let event_seq = row.next_number("event_seq")?;
        let (attempt, since) = (row.next_number("attempts")?, row.next_time("since")?);
        let since = standing.enabled_at.map_or(since, |enabled_at| enabled_at.max(since));
        // An event has its row for as long as it has deliveries.
        for event in engine.rows(FIND_PAYLOAD, &[Value::Number(event_seq)]).await? {
            let mut event = Columns::of("events", &event);
            let (event_id, grant_id) = (event.next_id("id")?, event.next_id("grant_id")?);
            let payload = event.next_text("payload")?;
            let trace = event.next_trace()?;
            deliveries.push(Delivery { event_seq, event_id, grant_id, payload, attempt, since, trace });
        }
    }
    deliveries.sort_unstable_by_key(|delivery| delivery.event_seq);
    Ok(Claimed::Deliveries(deliveries))
}

/// What was delivered is delivered, whoever else has the lease by now. Everything else is the lease holder's to say.
const DELIVERED: &str = "UPDATE deliveries SET state = 'delivered', due_at = NULL, last_error = NULL, settled_at = $3 \
    WHERE event_seq = $1 AND sink = $2 AND state = 'pending' RETURNING event_seq";
const DEAD: &str = "UPDATE deliveries SET state = 'dead', due_at = NULL, last_error = $5, settled_at = $3 \
    WHERE event_seq = $1 AND sink = $2 AND state = 'pending' AND attempts = $4 RETURNING event_seq";
const RETRY: &str = "UPDATE deliveries SET due_at = $3, last_error = $5 \
    WHERE event_seq = $1 AND sink = $2 AND state = 'pending' AND attempts = $4 RETURNING event_seq";
const RELEASE: &str = "UPDATE deliveries SET due_at = $3, attempts = attempts - 1 \
    WHERE event_seq = $1 AND sink = $2 AND state = 'pending' AND attempts = $4 RETURNING event_seq";

/// The earliest of the grant's events that is still pending is due, if it had to wait until now.
const NEXT_IN_TURN: &str = "UPDATE deliveries SET due_at = $3 WHERE sink = $1 AND due_at IS NULL AND event_seq = \
    (SELECT min(event_seq) FROM deliveries WHERE sink = $1 AND grant_id = $2 AND state = 'pending')";

const PAUSE: &str = "INSERT INTO sinks (name, paused_until) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE \
    SET paused_until = excluded.paused_until \
    WHERE sinks.paused_until IS NULL OR sinks.paused_until < excluded.paused_until";
const DISABLE: &str = "INSERT INTO sinks (name, disabled_at, reason) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
    SET disabled_at = excluded.disabled_at, reason = excluded.reason WHERE sinks.disabled_at IS NULL RETURNING name";

async fn settle<E: Engine>(engine: &mut E, settlement: &Settlement) -> Result<Settled, Failure> {
    let Settlement { sink, event_seq, grant_id, attempt, now, fate } = settlement;
    let place = [Value::Number(*event_seq), Value::Text(sink)];
    let of_attempt = |at: DateTime<Utc>| [place[0], place[1], time(at), Value::Number((*attempt).into())];
    let failing = |at, error| {
        let [seq, sink, at, attempt] = of_attempt(at);
        [seq, sink, at, attempt, Value::Text(error)]
    };
    let settled = match fate {
        Fate::Delivered => engine.rows(DELIVERED, &[place[0], place[1], time(*now)]).await?,
        Fate::Dead { error } => engine.rows(DEAD, &failing(*now, error)).await?,
        Fate::Retry { at, error, .. } => engine.rows(RETRY, &failing(*at, error)).await?,
        Fate::Gone { error } => engine.rows(RETRY, &failing(*now, error)).await?,
        Fate::Released => engine.rows(RELEASE, &of_attempt(*now)).await?,
    };
    if settled.is_empty() {
        return Ok(Settled::Lost);
    }
    match fate {
        Fate::Delivered | Fate::Dead { .. } => {
            engine.rows(NEXT_IN_TURN, &[Value::Text(sink), Value::Id(*grant_id), time(*now)]).await?;
        }
        Fate::Retry { pause_until: Some(until), .. } => {
            engine.rows(PAUSE, &[Value::Text(sink), time(*until)]).await?;
        }
        Fate::Gone { error } => {
            let disabled = engine.rows(DISABLE, &[Value::Text(sink), time(*now), Value::Text(error)]).await?;
            if !disabled.is_empty() {
                return Ok(Settled::SinkDisabled);
            }
        }
        Fate::Retry { pause_until: None, .. } | Fate::Released => {}
    }
    Ok(Settled::Applied)
}

const ENABLE: &str = "UPDATE sinks SET disabled_at = NULL, reason = NULL, paused_until = NULL, enabled_at = $2 \
    WHERE name = $1 AND disabled_at IS NOT NULL RETURNING name";

async fn enable<E: Engine>(engine: &mut E, sink: &str, now: DateTime<Utc>) -> Result<u64, Failure> {
    Ok(engine.rows(ENABLE, &[Value::Text(sink), time(now)]).await?.len() as u64)
}

const REPLAY_TO_ALL: &str = "UPDATE deliveries SET state = 'pending', attempts = 0, since = $2, due_at = $2, \
    last_error = NULL, settled_at = NULL \
    WHERE event_seq = (SELECT seq FROM events WHERE id = $1) AND state <> 'pending' RETURNING event_seq";
const REPLAY_TO_ONE: &str = "INSERT INTO deliveries (event_seq, sink, grant_id, state, since, due_at) \
    SELECT seq, $3, grant_id, 'pending', $2, $2 FROM events WHERE id = $1 \
    ON CONFLICT (event_seq, sink) DO UPDATE SET state = 'pending', attempts = 0, since = excluded.since, \
    due_at = excluded.due_at, last_error = NULL, settled_at = NULL WHERE deliveries.state <> 'pending' \
    RETURNING event_seq";
const REPLAY_DEAD: &str = "UPDATE deliveries SET state = 'pending', attempts = 0, since = $2, due_at = $2, \
    last_error = NULL, settled_at = NULL WHERE sink = $1 AND event_seq IN (SELECT event_seq FROM deliveries \
    WHERE sink = $1 AND state = 'dead' ORDER BY event_seq LIMIT $3) RETURNING event_seq";

async fn replay<E: Engine>(engine: &mut E, which: &Replay, now: DateTime<Utc>) -> Result<u64, Failure> {
    let replayed = match which {
        Replay::Event { id, sink: None } => engine.rows(REPLAY_TO_ALL, &[Value::Id(*id), time(now)]).await?,
        Replay::Event { id, sink: Some(sink) } => {
            engine.rows(REPLAY_TO_ONE, &[Value::Id(*id), time(now), Value::Text(sink)]).await?
        }
        Replay::Dead { sink, limit } => {
            engine.rows(REPLAY_DEAD, &[Value::Text(sink), time(now), Value::Number((*limit).into())]).await?
        }
    };
    Ok(replayed.len() as u64)
}

/// All of them, for the test that asks how they find their rows.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 9] =
    [FIND_PAYLOAD, DELIVERED, DEAD, RETRY, RELEASE, NEXT_IN_TURN, REPLAY_TO_ALL, REPLAY_TO_ONE, REPLAY_DEAD];

fn time(time: DateTime<Utc>) -> Value<'static> {
    Value::Number(time.timestamp_micros())
}
