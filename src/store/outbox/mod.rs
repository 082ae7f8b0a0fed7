//! The outbox: who is still to be told of what. Written once for all engines: their SQL differs in two places only.
//!
//! | file | what it is |
//! | --- | --- |
//! | `writes` | claiming, settling, replaying: through the group commit, as everything that is written |
//! | `reads` | looking |

mod reads;
mod writes;

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) use self::writes::{Write, Written, claim_deliveries, write};
use super::{
    engine::Engine,
    failure::Failure,
    group_commit::GroupCommit,
    shelf::{Shelf, reader},
};
use crate::{
    app::ports::{
        Claimed, DeliveryClaim, EventFilter, Outbox, OutboxEntry, OutgoingEvent, Replay, Settled, Settlement,
        SinkDepth, StoreError,
    },
    grant::event::Event,
};

/// One delivery to add.
#[derive(Debug)]
pub(super) struct Wanted<'e> {
    pub(super) event_id: Uuid,
    pub(super) sink: &'e str,
    /// An earlier event of the same sink and grant is added with it.
    pub(super) waits: bool,
}

/// Adds events, in this order, and a delivery for each sink that wants one: in the transaction that is open.
pub(super) async fn add_events<E: Engine>(engine: &mut E, events: &[&OutgoingEvent]) -> Result<(), Failure> {
    let news: Vec<&Event> = events.iter().map(|outgoing| &outgoing.event).collect();
    engine.insert_events(&news).await?;
    let mut seen = HashSet::new();
    let mut wanted = Vec::new();
    for OutgoingEvent { event, sinks } in events {
        for sink in sinks {
            let waits = !seen.insert((sink.as_str(), event.grant_id));
            wanted.push(Wanted { event_id: event.id, sink, waits });
        }
    }
    if wanted.is_empty() { Ok(()) } else { engine.add_deliveries(&wanted).await }
}

#[async_trait]
impl<S: Shelf> Outbox for S {
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Claimed, StoreError> {
        // Who only looks keeps nobody from writing.
        if let Some(nothing) = reads::look_for_work(&mut *reader(self).await?, &claim.sink, claim.now).await? {
            return Ok(nothing);
        }
        match self.writer().write_outbox(Write::Claim(claim.clone())).await? {
            Written::Claimed(claimed) => Ok(claimed),
            Written::Settled(_) | Written::Rows(_) => unreachable!("a write answers in kind"),
        }
    }

    async fn settle_delivery(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        match self.writer().write_outbox(Write::Settle(settlement)).await? {
            Written::Settled(settled) => Ok(settled),
            Written::Claimed(_) | Written::Rows(_) => unreachable!("a write answers in kind"),
        }
    }

    async fn enable_sink(&self, sink: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(change_rows(self.writer(), Write::Enable(sink.to_owned(), now)).await? > 0)
    }

    async fn replay(&self, replay: &Replay, now: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(change_rows(self.writer(), Write::Replay(replay.clone(), now)).await?)
    }

    async fn list_events(&self, filter: &EventFilter) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(reads::list_events(&mut *reader(self).await?, filter).await?)
    }

    async fn find_event(&self, id: Uuid) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(reads::find_event(&mut *reader(self).await?, id).await?)
    }

    async fn depth(&self) -> Result<Vec<SinkDepth>, StoreError> {
        Ok(reads::depth(&mut *reader(self).await?).await?)
    }
}

async fn change_rows(writer: &GroupCommit, write: Write) -> Result<u64, Failure> {
    match writer.write_outbox(write).await? {
        Written::Rows(rows) => Ok(rows),
        Written::Claimed(_) | Written::Settled(_) => unreachable!("a write answers in kind"),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

    use super::*;

    /// However much is in the outbox, nothing that is asked again and again reads through it.
    #[tokio::test]
    async fn every_question_finds_its_rows_by_an_index() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for migration in [
            include_str!("../migrations/sqlite/0001_ledger.sql"),
            include_str!("../migrations/sqlite/0005_deliveries.sql"),
            include_str!("../migrations/sqlite/0007_traces.sql"),
        ] {
            sqlx::raw_sql(migration).execute(&mut connection).await.unwrap();
        }
        let mut statements = vec![<SqliteConnection as Engine>::CLAIM_DELIVERIES];
        statements.extend(writes::STATEMENTS);
        statements.extend(reads::STATEMENTS);
        for statement in statements {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let steps = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
            let reads_through = |step: &&String| step.starts_with("SCAN deliveries") || step.starts_with("SCAN events");
            assert!(!steps.iter().any(|step| reads_through(&step)), "{statement}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{statement}: {steps:#?}");
        }
    }
}
