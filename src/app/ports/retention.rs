//! Removing what the ledger has kept long enough.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A small step of it: one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// The present.
    pub now: DateTime<Utc>,
    /// Grants that could be written under before then, and not since. Events that a sink never got, too.
    pub grants_before: DateTime<Utc>,
    /// Events that were recorded before then and delivered.
    pub events_before: DateTime<Utc>,
    /// What to look through, and from where.
    pub step: PurgeStep,
    /// At most so many rows.
    pub limit: u32,
}

/// Where a purge has got to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeStep {
    /// Grants with their completions, by id. One stays that is looked after, has not ended, or that a sink is still to be told of.
    Grants {
        /// Behind this one.
        after: Uuid,
    },
    /// Events with their deliveries, in the order of recording. One that is still to be delivered stays.
    Events {
        /// Behind this one.
        after: i64,
    },
    /// Claims on idempotency keys that have run out.
    Keys {
        /// Behind this digest.
        after: Vec<u8>,
    },
}

impl PurgeStep {
    /// The beginnings of all that is purged.
    pub fn all() -> [Self; 3] {
        [Self::Grants { after: Uuid::nil() }, Self::Events { after: 0 }, Self::Keys { after: Vec::new() }]
    }
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// Rows removed, without what went with them.
    pub removed: usize,
    /// Where to go on; `None` at the end.
    pub next: Option<PurgeStep>,
}
