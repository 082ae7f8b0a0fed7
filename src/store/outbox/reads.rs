//! Looking: at what is due, at events and their deliveries, at how sinks stand.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::{
    engine::{Engine, Value},
    failure::{CorruptRow, Failure},
    rows::{Cells, Columns},
};
use crate::{
    app::ports::{Claimed, DeliveryStanding, DeliveryState, EventFilter, OutboxEntry, SinkDepth},
    grant::event::{Event, EventType},
};

/// What a sink has asked for.
#[derive(Debug, Default)]
pub(super) struct Standing {
    paused_until: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
    pub(super) enabled_at: Option<DateTime<Utc>>,
}

impl Standing {
    /// Why it gets nothing at `now`.
    pub(super) fn nothing_to_do(&self, now: DateTime<Utc>) -> Option<Claimed> {
        let paused = self.paused_until.filter(|until| *until > now).map(Claimed::Paused);
        self.disabled_at.map(Claimed::Disabled).or(paused)
    }
}

const FIND_STANDING: &str = "SELECT paused_until, disabled_at, enabled_at FROM sinks WHERE name = $1";

pub(super) async fn find_standing<E: Engine>(engine: &mut E, sink: &str) -> Result<Standing, Failure> {
    let found = engine.rows(FIND_STANDING, &[Value::Text(sink)]).await?;
    let Some(row) = found.first() else { return Ok(Standing::default()) };
    let mut row = Columns::of("sinks", row);
    Ok(Standing {
        paused_until: row.next_optional_time("paused_until")?,
        disabled_at: row.next_optional_time("disabled_at")?,
        enabled_at: row.next_optional_time("enabled_at")?,
    })
}

/// In the index's order: without one PostgreSQL may read the whole table in search of any.
const IS_ANY_DUE: &str = "SELECT event_seq FROM deliveries WHERE sink = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1";

/// `None` when there is something to claim; else what there is to say.
pub(super) async fn look_for_work<E: Engine>(
    engine: &mut E,
    sink: &str,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, Failure> {
    if let Some(nothing) = find_standing(engine, sink).await?.nothing_to_do(now) {
        return Ok(Some(nothing));
    }
    let due = engine.rows(IS_ANY_DUE, &[Value::Text(sink), Value::Number(now.timestamp_micros())]).await?;
    Ok(if due.is_empty() { Some(Claimed::Deliveries(Vec::new())) } else { None })
}

const FIND_EVENT: &str =
    "SELECT seq, id, grant_id, type, time, payload, traceparent, tracestate FROM events WHERE id = $1";
const FIND_EVENT_AT: &str =
    "SELECT seq, id, grant_id, type, time, payload, traceparent, tracestate FROM events WHERE seq = $1";
const NEWEST_EVENTS: &str = "SELECT seq FROM events ORDER BY seq DESC LIMIT $1";
const NEWEST_IN_STATE: &str =
    "SELECT event_seq FROM deliveries WHERE sink = $1 AND state = $3 ORDER BY event_seq DESC LIMIT $2";
const DELIVERIES_OF: &str = "SELECT sink, state, attempts, due_at, last_error, settled_at FROM deliveries \
    WHERE event_seq = $1 ORDER BY sink";

pub(super) async fn find_event<E: Engine>(engine: &mut E, id: Uuid) -> Result<Option<OutboxEntry>, Failure> {
    match engine.rows(FIND_EVENT, &[Value::Id(id)]).await?.first() {
        Some(row) => Ok(Some(with_deliveries(engine, row).await?)),
        None => Ok(None),
    }
}

pub(super) async fn list_events<E: Engine>(engine: &mut E, filter: &EventFilter) -> Result<Vec<OutboxEntry>, Failure> {
    let mut entries = Vec::new();
    for place in find_places(engine, filter).await? {
        for row in engine.rows(FIND_EVENT_AT, &[Value::Number(place)]).await? {
            entries.push(with_deliveries(engine, &row).await?);
        }
    }
    Ok(entries)
}

/// Which events to list, newest first. Of one sink and state at a time, because the index begins with these.
async fn find_places<E: Engine>(engine: &mut E, filter: &EventFilter) -> Result<Vec<i64>, Failure> {
    let limit = Value::Number(filter.limit.into());
    let sinks = match (&filter.sink, filter.state) {
        (None, None) => return read_places(&engine.rows(NEWEST_EVENTS, &[limit]).await?),
        (Some(sink), _) => vec![sink.clone()],
        (None, Some(_)) => find_sinks(engine).await?,
    };
    let states = filter.state.map_or_else(|| DeliveryState::ALL.to_vec(), |state| vec![state]);
    let mut places = Vec::new();
    for sink in &sinks {
        for state in &states {
            let of_state = [Value::Text(sink), limit, Value::Text(state.as_str())];
            places.extend(read_places(&engine.rows(NEWEST_IN_STATE, &of_state).await?)?);
        }
    }
    places.sort_unstable_by(|one, other| other.cmp(one));
    places.dedup();
    places.truncate(filter.limit as usize);
    Ok(places)
}

fn read_places<R: Cells>(found: &[R]) -> Result<Vec<i64>, Failure> {
    found.iter().map(|row| Ok(Columns::of("deliveries", row).next_number("event_seq")?)).collect()
}

async fn with_deliveries<E: Engine>(engine: &mut E, event: &E::Row) -> Result<OutboxEntry, Failure> {
    let (seq, event) = read_event(event)?;
    let deliveries = engine.rows(DELIVERIES_OF, &[Value::Number(seq)]).await?;
    Ok(OutboxEntry { event, deliveries: deliveries.iter().map(read_delivery).collect::<Result<_, _>>()? })
}

fn read_event(row: &impl Cells) -> Result<(i64, Event), CorruptRow> {
    let mut row = Columns::of("events", row);
    let seq = row.next_number("seq")?;
    let event = Event {
        id: row.next_id("id")?,
        grant_id: row.next_id("grant_id")?,
        kind: row.next_word("type", EventType::from_name)?,
        time: row.next_time("time")?,
        payload: row.next_text("payload")?,
        trace: row.next_trace()?,
    };
    Ok((seq, event))
}

fn read_delivery(row: &impl Cells) -> Result<DeliveryStanding, CorruptRow> {
    let mut row = Columns::of("deliveries", row);
    Ok(DeliveryStanding {
        sink: row.next_text("sink")?,
        state: row.next_word("state", DeliveryState::from_name)?,
        attempts: row.next_number("attempts")?,
        due_at: row.next_optional_time("due_at")?,
        last_error: row.next_optional_text("last_error")?,
        settled_at: row.next_optional_time("settled_at")?,
    })
}

/// Every name that occurs in `deliveries`: from one to the next through the index, not through all rows.
const SINKS: &str = "WITH RECURSIVE known (name) AS (SELECT min(sink) FROM deliveries UNION ALL \
    SELECT (SELECT min(sink) FROM deliveries WHERE sink > known.name) FROM known WHERE known.name IS NOT NULL) \
    SELECT name FROM known WHERE name IS NOT NULL";

async fn find_sinks<E: Engine>(engine: &mut E) -> Result<Vec<String>, Failure> {
    let found = engine.rows(SINKS, &[]).await?;
    found.iter().map(|row| Ok(Columns::of("deliveries", row).next_text("sink")?)).collect()
}

const DEPTH: &str = "SELECT (SELECT count(*) FROM deliveries WHERE sink = $1 AND state = 'pending'), \
    (SELECT time FROM events WHERE seq = (SELECT min(event_seq) FROM deliveries WHERE sink = $1 AND state = 'pending')), \
    (SELECT count(*) FROM deliveries WHERE sink = $1 AND state = 'dead'), \
    (SELECT paused_until FROM sinks WHERE name = $1), \
    (SELECT disabled_at FROM sinks WHERE name = $1), \
    (SELECT reason FROM sinks WHERE name = $1)";

pub(super) async fn depth<E: Engine>(engine: &mut E) -> Result<Vec<SinkDepth>, Failure> {
    let mut depths = Vec::new();
    for sink in find_sinks(engine).await? {
        for row in engine.rows(DEPTH, &[Value::Text(&sink)]).await? {
            depths.push(read_depth(&sink, &row)?);
        }
    }
    Ok(depths)
}

fn read_depth(sink: &str, row: &impl Cells) -> Result<SinkDepth, CorruptRow> {
    let mut row = Columns::of("deliveries", row);
    let pending = row.next_number("pending")?;
    let oldest_pending = row.next_optional_time("oldest_pending")?;
    let dead = row.next_number("dead")?;
    let paused_until = row.next_optional_time("paused_until")?;
    let disabled_at = row.next_optional_time("disabled_at")?;
    let reason = row.next_optional_text("reason")?.unwrap_or_default();
    let disabled = disabled_at.map(|at| (at, reason));
    Ok(SinkDepth { sink: sink.to_owned(), pending, oldest_pending, dead, paused_until, disabled })
}

/// All of them, for the test that asks how they find their rows; but that for the newest events, which reads as many as it lists.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 7] =
    [IS_ANY_DUE, FIND_EVENT, FIND_EVENT_AT, NEWEST_IN_STATE, DELIVERIES_OF, SINKS, DEPTH];
