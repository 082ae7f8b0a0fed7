//! The outbox on SQLite.
//!
//! | file | what it is |
//! | --- | --- |
//! | `add` | deliveries are made with their event |
//! | `writes` | claiming, settling, replaying: through the group commit, as everything that is written |
//! | `reads` | looking |

mod add;
mod reads;
mod writes;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) use self::{
    add::add_deliveries,
    writes::{Write, Written, write},
};
use super::{
    SqliteStore,
    transaction::{Operation, Outcome},
};
use crate::{
    app::ports::{
        Claimed, DeliveryClaim, EventFilter, Outbox, OutboxEntry, Replay, Settled, Settlement, SinkDepth, StoreError,
    },
    store::failure::Failure,
};

impl SqliteStore {
    async fn write_outbox(&self, write: Write) -> Result<Written, StoreError> {
        match self.writer.submit(Operation::Outbox(write)).await? {
            Outcome::Outbox(written) => Ok(written),
            Outcome::Added(_) | Outcome::Changed(_) | Outcome::Alive => unreachable!("a transaction answers in kind"),
        }
    }
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Claimed, StoreError> {
        // Who only looks keeps nobody from writing.
        let mut reader = self.readers.acquire().await.map_err(Failure::from)?;
        match reads::look_for_work(&mut reader, &claim.sink, claim.now).await? {
            Some(nothing) => return Ok(nothing),
            None => drop(reader),
        }
        match self.write_outbox(Write::Claim(claim.clone())).await? {
            Written::Claimed(claimed) => Ok(claimed),
            Written::Settled(_) | Written::Rows(_) => unreachable!("a write answers in kind"),
        }
    }

    async fn settle_delivery(&self, settlement: Settlement) -> Result<Settled, StoreError> {
        match self.write_outbox(Write::Settle(settlement)).await? {
            Written::Settled(settled) => Ok(settled),
            Written::Claimed(_) | Written::Rows(_) => unreachable!("a write answers in kind"),
        }
    }

    async fn enable_sink(&self, sink: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        match self.write_outbox(Write::Enable(sink.to_owned(), now)).await? {
            Written::Rows(rows) => Ok(rows > 0),
            Written::Claimed(_) | Written::Settled(_) => unreachable!("a write answers in kind"),
        }
    }

    async fn replay(&self, replay: &Replay, now: DateTime<Utc>) -> Result<u64, StoreError> {
        match self.write_outbox(Write::Replay(replay.clone(), now)).await? {
            Written::Rows(rows) => Ok(rows),
            Written::Claimed(_) | Written::Settled(_) => unreachable!("a write answers in kind"),
        }
    }

    async fn list_events(&self, filter: &EventFilter) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(Failure::from)?;
        Ok(reads::list_events(&mut reader, filter).await?)
    }

    async fn find_event(&self, id: Uuid) -> Result<Option<OutboxEntry>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(Failure::from)?;
        Ok(reads::find_event(&mut reader, id).await?)
    }

    async fn depth(&self) -> Result<Vec<SinkDepth>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(Failure::from)?;
        Ok(reads::depth(&mut reader).await?)
    }
}
