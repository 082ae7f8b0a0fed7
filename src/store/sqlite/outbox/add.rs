//! Deliveries are added with their event, in one transaction.

use std::{collections::HashSet, sync::LazyLock};

use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::super::{
    rows,
    statements::{Sized, value_rows},
};
use crate::{app::ports::OutgoingEvent, store::failure::Failure};

/// Adds deliveries of events that are there. One waits (has no time) while the same sink has an earlier event of the same grant
/// pending: in the ledger, or among those that are added with it.
static ADD_DELIVERIES: LazyLock<Sized> = LazyLock::new(|| {
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

/// One delivery to add.
struct Wanted<'e> {
    event_id: Uuid,
    sink: &'e str,
    /// An earlier one of the same sink and grant is added with it.
    waits: bool,
}

/// Adds the deliveries of events that have just been inserted, in this order.
pub(in crate::store::sqlite) async fn add_deliveries(
    connection: &mut SqliteConnection,
    events: &[&OutgoingEvent],
) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    let mut wanted = Vec::new();
    for outgoing in events {
        for sink in &outgoing.sinks {
            let waits = !seen.insert((sink.as_str(), outgoing.event.grant_id));
            wanted.push(Wanted { event_id: outgoing.event.id, sink, waits });
        }
    }
    for (statement, piece) in ADD_DELIVERIES.split(&wanted) {
        let bind = |query: rows::Bound, one: &Wanted<'_>| {
            query.bind(rows::blob(one.event_id)).bind(rows::text(one.sink)).bind(one.waits)
        };
        piece.iter().fold(query(statement), bind).execute(&mut *connection).await?;
    }
    Ok(())
}
