//! Looking: at what is due, at events and their deliveries, at how sinks stand.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, query, query_scalar, sqlite::SqliteRow};
use uuid::Uuid;

use super::super::rows::{self, Columns, micros};
use crate::{
    app::ports::{Claimed, DeliveryStanding, DeliveryState, EventFilter, OutboxEntry, SinkDepth},
    grant::event::{Event, EventType},
    store::failure::{CorruptRow, Failure},
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

pub(super) async fn find_standing(connection: &mut SqliteConnection, sink: &str) -> Result<Standing, Failure> {
    let found = query("SELECT paused_until, disabled_at, enabled_at FROM sinks WHERE name = ?");
    let Some(row) = found.bind(rows::text(sink)).fetch_optional(connection).await? else {
        return Ok(Standing::default());
    };
    let mut row = Columns::of("sinks", &row);
    Ok(Standing {
        paused_until: row.next_optional_time("paused_until")?,
        disabled_at: row.next_optional_time("disabled_at")?,
        enabled_at: row.next_optional_time("enabled_at")?,
    })
}

const IS_ANY_DUE: &str = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE sink = ? AND due_at <= ?)";

/// `None` when there is something to claim; else what there is to say.
pub(super) async fn look_for_work(
    connection: &mut SqliteConnection,
    sink: &str,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, Failure> {
    if let Some(nothing) = find_standing(connection, sink).await?.nothing_to_do(now) {
        return Ok(Some(nothing));
    }
    let is_due: bool = query_scalar(IS_ANY_DUE).bind(rows::text(sink)).bind(micros(now)).fetch_one(connection).await?;
    Ok(if is_due { None } else { Some(Claimed::Deliveries(Vec::new())) })
}

const EVENT_COLUMNS: &str = "seq, id, grant_id, type, time, payload";

pub(super) async fn find_event(connection: &mut SqliteConnection, id: Uuid) -> Result<Option<OutboxEntry>, Failure> {
    let mut find = QueryBuilder::new(format!("SELECT {EVENT_COLUMNS} FROM events WHERE id = "));
    find.push_bind(rows::blob(id));
    let found = find.build().fetch_all(&mut *connection).await?;
    Ok(with_deliveries(connection, &found).await?.pop())
}

pub(super) async fn list_events(
    connection: &mut SqliteConnection,
    filter: &EventFilter,
) -> Result<Vec<OutboxEntry>, Failure> {
    let mut list = QueryBuilder::new(format!("SELECT {EVENT_COLUMNS} FROM events"));
    match (&filter.sink, filter.state) {
        (None, None) => {}
        (sink, state) => {
            let sinks = match sink {
                Some(sink) => vec![sink.clone()],
                None => find_sinks(connection).await?,
            };
            let mut places = Vec::new();
            for sink in sinks {
                places.extend(find_places(connection, &sink, state, filter.limit).await?);
            }
            places.sort_unstable_by(|one, other| other.cmp(one));
            places.dedup();
            list.push(" WHERE seq IN (");
            let mut listed = list.separated(", ");
            for place in places.into_iter().take(filter.limit as usize) {
                listed.push_bind(place);
            }
            list.push(")");
        }
    }
    list.push(" ORDER BY seq DESC LIMIT ").push_bind(filter.limit);
    let found = list.build().fetch_all(&mut *connection).await?;
    with_deliveries(connection, &found).await
}

/// The newest events that have such a delivery. One sink at a time, because the index begins with it.
async fn find_places(
    connection: &mut SqliteConnection,
    sink: &str,
    state: Option<DeliveryState>,
    limit: u32,
) -> Result<Vec<i64>, Failure> {
    let mut find = QueryBuilder::<Sqlite>::new("SELECT event_seq FROM deliveries WHERE sink = ");
    find.push_bind(sink.to_owned());
    match state {
        Some(state) => find.push(" AND state = ").push_bind(state.as_str()),
        None => find.push(""),
    };
    find.push(" ORDER BY event_seq DESC LIMIT ").push_bind(limit);
    Ok(find.build_query_scalar().fetch_all(connection).await?)
}

/// Every name that occurs in `deliveries`: from one to the next through the index, not through all rows.
const SINKS: &str = "WITH RECURSIVE known (name) AS (SELECT min(sink) FROM deliveries UNION ALL \
    SELECT (SELECT min(sink) FROM deliveries WHERE sink > known.name) FROM known WHERE known.name IS NOT NULL) \
    SELECT name FROM known WHERE name IS NOT NULL";

async fn find_sinks(connection: &mut SqliteConnection) -> Result<Vec<String>, Failure> {
    Ok(query_scalar(SINKS).fetch_all(connection).await?)
}

async fn with_deliveries(connection: &mut SqliteConnection, found: &[SqliteRow]) -> Result<Vec<OutboxEntry>, Failure> {
    let mut entries = Vec::with_capacity(found.len());
    let mut places = HashMap::with_capacity(found.len());
    for row in found {
        let (seq, event) = read_event(row)?;
        places.insert(seq, entries.len());
        entries.push(OutboxEntry { event, deliveries: Vec::new() });
    }
    for seq in places.keys() {
        let list = query(
            "SELECT sink, state, attempts, due_at, last_error, settled_at FROM deliveries WHERE event_seq = ? ORDER BY sink",
        );
        for row in list.bind(seq).fetch_all(&mut *connection).await? {
            entries[places[seq]].deliveries.push(read_delivery(&row)?);
        }
    }
    Ok(entries)
}

fn read_event(row: &SqliteRow) -> Result<(i64, Event), CorruptRow> {
    let mut row = Columns::of("events", row);
    let seq = row.next("seq")?;
    let event = Event {
        id: row.next_id("id")?,
        grant_id: row.next_id("grant_id")?,
        kind: row.next_word("type", EventType::from_name)?,
        time: row.next_time("time")?,
        payload: row.next("payload")?,
    };
    Ok((seq, event))
}

fn read_delivery(row: &SqliteRow) -> Result<DeliveryStanding, CorruptRow> {
    let mut row = Columns::of("deliveries", row);
    Ok(DeliveryStanding {
        sink: row.next("sink")?,
        state: row.next_word("state", DeliveryState::from_name)?,
        attempts: row.next("attempts")?,
        due_at: row.next_optional_time("due_at")?,
        last_error: row.next("last_error")?,
        settled_at: row.next_optional_time("settled_at")?,
    })
}

const DEPTH: &str = "SELECT \
    (SELECT count(*) FROM deliveries WHERE sink = ?1 AND state = 'pending'), \
    (SELECT time FROM events WHERE seq = (SELECT min(event_seq) FROM deliveries WHERE sink = ?1 AND state = 'pending')), \
    (SELECT count(*) FROM deliveries WHERE sink = ?1 AND state = 'dead'), \
    (SELECT paused_until FROM sinks WHERE name = ?1), \
    (SELECT disabled_at FROM sinks WHERE name = ?1), \
    (SELECT reason FROM sinks WHERE name = ?1)";

pub(super) async fn depth(connection: &mut SqliteConnection) -> Result<Vec<SinkDepth>, Failure> {
    let mut depths = Vec::new();
    for sink in find_sinks(connection).await? {
        let row = query(DEPTH).bind(rows::text(&sink)).fetch_one(&mut *connection).await?;
        let mut row = Columns::of("deliveries", &row);
        let pending = row.next_number("pending")?;
        let oldest_pending = row.next_optional_time("oldest")?;
        let dead = row.next_number("dead")?;
        let paused_until = row.next_optional_time("paused_until")?;
        let disabled_at = row.next_optional_time("disabled_at")?;
        let reason: Option<String> = row.next("reason")?;
        let disabled = disabled_at.map(|at| (at, reason.unwrap_or_default()));
        depths.push(SinkDepth { sink, pending, oldest_pending, dead, paused_until, disabled });
    }
    Ok(depths)
}
