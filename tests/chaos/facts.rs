//! What is known at the end, from each side: what clients were told, what OSS holds, what the ledger says, what the backend got.

use serde_json::Value;

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) promises: Vec<Promise>,
    pub(crate) objects: Vec<StoredObject>,
    pub(crate) ledger: Ledger,
    pub(crate) receipts: Vec<Receipt>,
}

/// What a client was told, and may rely on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A grant, under this key; `ask` is the client's own number of what it asked for, the same in every repetition.
    Issued { id: String, key: String, ask: String },
    /// The grant is completed with this object.
    Completed { id: String, etag: String },
    /// The grant is cancelled.
    Cancelled { id: String },
}

/// An object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) size: i64,
}

/// The ledger's tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) grants: Vec<GrantRow>,
    pub(crate) completions: Vec<CompletionRow>,
    /// In the order in which they were written.
    pub(crate) events: Vec<EventRow>,
}

/// A grant; ids are 32 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantRow {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) state: String,
    /// The client's own number of what it asked for.
    pub(crate) ask: String,
    pub(crate) overwrite: bool,
}

/// An object recorded for a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompletionRow {
    pub(crate) grant_id: String,
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) size: i64,
}

/// An event in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) grant_id: String,
    /// `completed`, `rejected`, `expired`, `changed`.
    pub(crate) kind: String,
    pub(crate) payload: Value,
}

/// An event that the backend took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// `webhook-id`, and the event's `id`.
    pub(crate) id: String,
    pub(crate) event: Value,
}

/// An id as all sides compare it: 32 hexadecimal digits in lower case.
pub(crate) fn plain_id(id: &str) -> String {
    id.chars().filter(|digit| *digit != '-').map(|digit| digit.to_ascii_lowercase()).collect()
}
