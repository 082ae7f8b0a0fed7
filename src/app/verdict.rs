//! The verdict on what was found: pure, by how the grant stands.

use super::{
    confirm::Found,
    ports::LedgerEntry,
    record_completion::{REASON_CANCELLED, REASON_SUPERSEDED},
};
use crate::grant::{
    grant::{GrantKind, State},
    limits::judge,
};

/// What is to be done about what was found.
pub(super) enum Verdict {
    /// It is in the ledger already.
    Recorded,
    /// It was rejected before; nothing is recorded twice.
    Refuse(String),
    /// The ledger must hear of it.
    Record(News),
}

/// What the ledger must hear of.
pub(super) enum News {
    /// The grant's completion.
    Complete,
    /// An object that breaks the grant, and how.
    Reject(String),
    /// The completed grant's object is another one now.
    Change,
}

impl News {
    /// In one word, for metrics.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Complete => "completed",
            Self::Reject(_) => "rejected",
            Self::Change => "changed",
        }
    }
}

impl Verdict {
    pub(super) fn of(entry: &LedgerEntry, found: &Found) -> Self {
        match entry.grant.kind {
            GrantKind::Upload => Self::of_upload(entry, found),
            GrantKind::Directory => Self::of_object(entry, found),
        }
    }

    fn of_upload(entry: &LedgerEntry, found: &Found) -> Self {
        let grant = &entry.grant;
        match grant.state {
            State::Rejected => Self::Refuse(grant.reason.clone().unwrap_or_default()),
            State::Cancelled => reject(REASON_CANCELLED),
            State::Completed if is_same(entry, &found.completion.etag, found.completion.size) => Self::Recorded,
            // A later grant's object under a shared key is no change of this one's.
            State::Completed if found.superseded => Self::Recorded,
            State::Completed => Self::Record(News::Change),
            State::Issued | State::Expired if found.superseded => reject(REASON_SUPERSEDED),
            State::Issued | State::Expired => Self::by_limits(entry, found),
        }
    }

    /// One of the many objects under a directory grant, whose own completion the entry holds.
    fn of_object(entry: &LedgerEntry, found: &Found) -> Self {
        match &entry.completion {
            Some(known) => known.reason.as_ref().map_or(Self::Recorded, |reason| Self::Refuse(reason.clone())),
            None if entry.grant.state == State::Cancelled => reject(REASON_CANCELLED),
            None => found.objection.map_or_else(|| Self::by_limits(entry, found), reject),
        }
    }

    fn by_limits(entry: &LedgerEntry, found: &Found) -> Self {
        match judge(&entry.grant, found.completion.size, &found.completion.content_type) {
            Some(breach) => reject(breach.code().as_str()),
            None => Self::Record(News::Complete),
        }
    }
}

fn reject(reason: &str) -> Verdict {
    Verdict::Record(News::Reject(reason.to_owned()))
}

/// Whether the entry's completion is of this very object.
pub(super) fn is_same(entry: &LedgerEntry, etag: &str, size: u64) -> bool {
    entry.completion.as_ref().is_some_and(|recorded| recorded.etag.eq_ignore_ascii_case(etag) && recorded.size == size)
}
