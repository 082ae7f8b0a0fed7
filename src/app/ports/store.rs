//! The ledger.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Outbox, OutgoingEvent, Purge, Purged};
use crate::grant::{
    completion::Completion,
    grant::{Grant, State},
    quota::{Quota, Quotas},
};

/// The ledger. Everything answered `Ok` is durable.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a grant, unless its idempotency key is already claimed, or its user has as many as its quotas say: counted exactly,
    /// whoever adds grants at the same time. Concurrent calls share one transaction.
    async fn add_grant(&self, new: NewGrant) -> Result<GrantAdded, StoreError>;

    /// Looks a grant up by id.
    async fn find_grant(&self, id: Uuid) -> Result<Option<LedgerEntry>, StoreError>;

    /// Lists grants, newest (highest id) first.
    async fn list_grants(&self, filter: &GrantFilter) -> Result<Vec<LedgerEntry>, StoreError>;

    /// Changes a grant in one transaction with its completion and events, if it is still in one of the expected states.
    async fn change_grant(&self, change: GrantChange) -> Result<GrantChanged, StoreError>;

    /// The completion of a grant by exactly this object, recorded as completed or as rejected.
    async fn find_completion(&self, id: Uuid, key: &str, etag: &str) -> Result<Option<Completion>, StoreError>;

    /// What is recorded of a grant's objects, newest first, at most so many.
    async fn list_completions(&self, id: Uuid, limit: u32) -> Result<Vec<Completion>, StoreError>;

    /// The real names of the buckets that have a check due, in their order.
    async fn find_due_buckets(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError>;

    /// Claims due checks of one bucket, earliest first, by moving them to the end of a lease: nobody else gets them until then,
    /// and should the claimer die, they are due again.
    async fn claim_checks(&self, claim: CheckClaim) -> Result<Vec<ClaimedCheck>, StoreError>;

    /// Removes what has been kept long enough: one small step.
    async fn purge(&self, purge: Purge) -> Result<Purged, StoreError>;

    /// Whether the ledger answers, for writing too.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One ledger that is both: grants with their completions, and the outbox of their events.
pub trait Ledger: Store + Outbox {}

impl<T: Store + Outbox> Ledger for T {}

/// A grant to add.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// In state `issued`.
    pub grant: Grant,
    /// When the reconciler first looks for its object.
    pub next_check_at: DateTime<Utc>,
    /// Present when the caller sent an `Idempotency-Key`.
    pub idempotency: Option<IdempotencyClaim>,
    /// What its user may have.
    pub quotas: Quotas,
}

/// A claim on an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// Digest of issuer, subject, effective user and key; unique among claims that have not run out.
    pub scope_digest: [u8; 32],
    /// Digest of the request.
    pub request_digest: [u8; 32],
    /// When the claim runs out (24 h).
    pub expires_at: DateTime<Utc>,
}

/// What became of a new grant.
#[derive(Debug, Clone)]
pub enum GrantAdded {
    /// It is in the ledger.
    Added,
    /// Nothing was added: the idempotency key belongs to this grant, claimed by a request with this digest.
    AlreadyClaimed {
        /// The earlier grant.
        entry: Box<LedgerEntry>,
        /// Digest of the earlier request.
        request_digest: [u8; 32],
    },
    /// Nothing was added: the user has as many as one may have.
    QuotaExhausted {
        /// Of which.
        quota: Quota,
        /// When there is room for one more, where that is known.
        free_at: Option<DateTime<Utc>>,
    },
}

/// A grant with what is recorded of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The grant.
    pub grant: Grant,
    /// The first completion, which stands whatever the object becomes; for `rejected`, what was found. Of a directory grant, which
    /// has many, the ledger gives none here: see [`Store::find_completion`].
    pub completion: Option<Completion>,
}

/// A claim on due checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckClaim {
    /// The bucket's real name.
    pub bucket: String,
    /// What was due up to then.
    pub now: DateTime<Utc>,
    /// Until when the claimer has them for itself.
    pub leased_until: DateTime<Utc>,
    /// At most so many.
    pub limit: u32,
}

/// A check that is the claimer's, until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedCheck {
    /// Whose object to look for.
    pub entry: LedgerEntry,
    /// When the check was due.
    pub due_at: DateTime<Utc>,
    /// The end of the lease, which is now the grant's appointment.
    pub leased_until: DateTime<Utc>,
}

/// Which grants to list.
#[derive(Debug, Clone, Default)]
pub struct GrantFilter {
    /// Whose; `None` = everybody's.
    pub user_id: Option<String>,
    /// In this state only.
    pub state: Option<State>,
    /// Of this profile only.
    pub profile: Option<String>,
    /// Older than this id (exclusive).
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

/// A conditional change of one grant.
#[derive(Debug, Clone)]
pub struct GrantChange {
    /// Which grant.
    pub id: Uuid,
    /// Applies only while the grant is in one of these.
    pub from: &'static [State],
    /// The new state (may be the old one).
    pub to: State,
    /// Why, for `rejected`.
    pub reason: Option<String>,
    /// Recorded beside it, unique by (grant, key, `ETag`): one that is known already is not recorded again, and its
    /// events are not told again.
    pub completion: Option<Completion>,
    /// OSS's id of the multipart upload; kept only where the grant has none yet.
    pub oss_upload_id: Option<String>,
    /// New `(expires_at, write_until)`, for renewals and fresh credentials. Never shorter than before: what was given out
    /// lives on, so an earlier one changes nothing.
    pub lifetime: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// When the reconciler looks next.
    pub next_check: NextCheck,
    /// What the world is to be told, and who.
    pub events: Vec<OutgoingEvent>,
}

impl GrantChange {
    /// Only a change of state; the rest stays.
    pub fn new(id: Uuid, from: &'static [State], to: State) -> Self {
        Self {
            id,
            from,
            to,
            reason: None,
            completion: None,
            oss_upload_id: None,
            lifetime: None,
            next_check: NextCheck::Keep,
            events: Vec::new(),
        }
    }
}

/// What a change does to the reconciler's appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextCheck {
    /// Leave it.
    Keep,
    /// Look at this time.
    At(DateTime<Utc>),
    /// Never again.
    Never,
    /// Look at this time, or never again, provided that the appointment still is the end of this lease: who has made another
    /// one meanwhile knows better.
    Release(DateTime<Utc>, Option<DateTime<Utc>>),
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum GrantChanged {
    /// Applied.
    Applied,
    /// Not applied: the grant is in another state; this is how it stands.
    Conflict(Box<LedgerEntry>),
    /// No such grant.
    Unknown,
}

/// The ledger can't answer; nothing is known to have changed.
#[derive(Debug, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
