//! Forget what has been kept long enough.

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::{
    Valet,
    ports::{Purge, PurgeStep, StoreError},
};

/// Rows that one step goes through: some milliseconds of the writer's time.
const PIECE: u32 = 200;

/// `[retention]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of grants with their completions, and of events that were given up, from the last instant at which they could be written under.
    pub grants: TimeDelta,
    /// Of delivered events.
    pub events: TimeDelta,
}

/// What a purge has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// With their completions.
    pub grants: usize,
    /// With their deliveries.
    pub events: usize,
    /// Claims on idempotency keys.
    pub keys: usize,
}

impl Valet {
    /// Removes everything that has been kept long enough at `now`, piece by piece; between two pieces `stop` ends it. Several replicas
    /// may do it at the same time.
    ///
    /// # Errors
    /// When the ledger does not answer; what is left is removed next time.
    pub async fn purge(&self, now: DateTime<Utc>, stop: &CancellationToken) -> Result<Forgotten, StoreError> {
        let mut forgotten = Forgotten::default();
        for beginning in PurgeStep::all() {
            let mut next = Some(beginning);
            while let Some(step) = next.take().filter(|_| !stop.is_cancelled()) {
                let count = match &step {
                    PurgeStep::Grants { .. } => &mut forgotten.grants,
                    PurgeStep::Events { .. } => &mut forgotten.events,
                    PurgeStep::Keys { .. } => &mut forgotten.keys,
                };
                let purge = Purge {
                    now,
                    grants_before: now - self.retention.grants,
                    events_before: now - self.retention.events,
                    step,
                    limit: PIECE,
                };
                let purged = self.store.purge(purge).await?;
                *count += purged.removed;
                next = purged.next;
            }
        }
        Ok(forgotten)
    }
}
