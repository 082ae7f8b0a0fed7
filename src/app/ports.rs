//! What the use cases need of the world, as traits. Shells implement them; they do not know each other.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    grant::{
        completion::Completion,
        event::Event,
        grant::{Grant, State},
        multipart::UploadedPart,
        request::Pairs,
    },
    oss::access_key::AccessKey,
};

/// Who calls: a verified identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `sub`.
    pub subject: String,
    /// The configured claim: whose uploads these are.
    pub user_id: String,
    /// What else the caller may do.
    pub scopes: BTreeSet<String>,
}

impl Caller {
    /// Whether the token carries the scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
}

/// Tells who a bearer token speaks for.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Verifies the token at `now`.
    async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Caller>, Unauthenticated>;
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The token is no good; the text is safe to show.
    #[error("{0}")]
    InvalidToken(String),
    /// The issuer's keys can't be had now, so nobody can tell.
    #[error("the issuer's keys are not available")]
    KeysUnavailable,
}

/// The ledger. Everything answered `Ok` is durable.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a grant, unless its idempotency key is already claimed. Concurrent calls share one transaction.
    async fn add_grant(&self, new: NewGrant) -> Result<GrantAdded, StoreError>;

    /// Looks a grant up by id.
    async fn find_grant(&self, id: Uuid) -> Result<Option<LedgerEntry>, StoreError>;

    /// Lists grants, newest (highest id) first.
    async fn list_grants(&self, filter: &GrantFilter) -> Result<Vec<LedgerEntry>, StoreError>;

    /// Changes a grant in one transaction with its completion and events, if it is still in one of the expected states.
    async fn change_grant(&self, change: GrantChange) -> Result<GrantChanged, StoreError>;

    /// Grants whose next check is due, earliest first.
    async fn find_due_checks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<LedgerEntry>, StoreError>;

    /// Whether the ledger answers, for writing too.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A grant to add.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// In state `issued`.
    pub grant: Grant,
    /// When the reconciler first looks for its object.
    pub next_check_at: DateTime<Utc>,
    /// Present when the caller sent an `Idempotency-Key`.
    pub idempotency: Option<IdempotencyClaim>,
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
}

/// A grant with what is recorded of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The grant.
    pub grant: Grant,
    /// The first completion, which stands whatever the object becomes; for `rejected`, what was found.
    pub completion: Option<Completion>,
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
    /// Outbox rows.
    pub events: Vec<Event>,
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

/// OSS, as far as we call it ourselves.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// HEADs an object; `Ok(None)` only when OSS says `NoSuchKey`.
    async fn head(&self, key: &str, now: DateTime<Utc>) -> Result<Option<ObjectFacts>, ObjectStoreError>;

    /// Deletes an object; absent is fine.
    async fn delete(&self, key: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError>;

    /// Initiates a multipart upload with these headers; OSS's id of it.
    async fn initiate(&self, key: &str, headers: Pairs, now: DateTime<Utc>) -> Result<String, ObjectStoreError>;

    /// The parts that OSS holds, by number; `Ok(None)` when there is no such upload (any more).
    async fn list_parts(
        &self,
        key: &str,
        oss_upload_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<UploadedPart>>, ObjectStoreError>;

    /// Makes an object of exactly these parts, never over another one where `forbid_overwrite`.
    async fn join_parts(
        &self,
        upload: &PendingUpload<'_>,
        parts: &[UploadedPart],
        now: DateTime<Utc>,
    ) -> Result<Joined, ObjectStoreError>;

    /// Aborts a multipart upload; one that is gone is fine.
    async fn abort(&self, key: &str, oss_upload_id: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError>;

    /// The ids of all unfinished multipart uploads of exactly this key.
    async fn list_uploads(&self, key: &str, now: DateTime<Utc>) -> Result<Vec<String>, ObjectStoreError>;

    /// How far OSS's clock was ahead of ours when it last answered, if it ever did.
    fn clock_offset(&self) -> Option<TimeDelta>;
}

/// A multipart upload that is about to become an object.
#[derive(Debug, Clone, Copy)]
pub struct PendingUpload<'a> {
    /// The object's key.
    pub key: &'a str,
    /// OSS's id.
    pub oss_upload_id: &'a str,
    /// Never over another object.
    pub forbid_overwrite: bool,
}

/// What OSS said to `CompleteMultipartUpload`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The object is there.
    Done,
    /// The upload is gone, or an object stands at the key already: HEAD decides what that means.
    Gone,
    /// OSS does not accept the parts; its code.
    Refused(String),
}

/// What HEAD says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Bytes.
    pub size: u64,
    /// Without quotes, as OSS writes it.
    pub etag: String,
    /// `Content-Type`.
    pub content_type: String,
    /// `x-oss-hash-crc64ecma`.
    pub crc64: Option<String>,
    /// `x-oss-version-id`.
    pub version_id: Option<String>,
    /// `x-oss-object-type`: `Normal`, `Multipart`, `Appendable`, `Symlink`.
    pub object_type: String,
    /// `x-oss-meta-upload-id`.
    pub meta_upload_id: Option<String>,
}

/// OSS did not tell.
#[derive(Debug, thiserror::Error)]
pub enum ObjectStoreError {
    /// No usable answer in time, or an answer that says neither yes nor no.
    #[error("OSS gave no usable answer: {0}")]
    Unavailable(String),
    /// No credentials to ask with.
    #[error(transparent)]
    Credentials(#[from] CredentialsUnavailable),
}

/// The business backend, asked about one upload.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Asks whether `news` may be recorded, within the hook's own time limit. `now` is when the question is sent.
    async fn ask(&self, news: &Event, now: DateTime<Utc>) -> Result<HookAnswer, HookUnavailable>;
}

/// What a hook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAnswer {
    /// Yes; the client is to be answered this JSON.
    Accepted(String),
    /// No.
    Rejected,
}

/// The hook gave no usable answer. The text is a reason for operators; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the hook gave no usable answer: {0}")]
pub struct HookUnavailable(pub String);

/// What we sign with.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The present credential, valid at `now`.
    async fn current(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable>;

    /// Renews, ahead of need, what is due at `now`. One background task calls this again and again; what is never renewed
    /// has nothing to do.
    async fn refresh_due(&self, _now: DateTime<Utc>) {}

    /// How it stands at `now`, without calling anybody over the network.
    async fn status(&self, now: DateTime<Utc>) -> CredentialStatus {
        match self.current(now).await {
            Ok(credential) => CredentialStatus::ok(credential.expires_at),
            Err(error) => CredentialStatus::missing(error.0),
        }
    }
}

/// An access key and how long it lives.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Signs.
    pub key: AccessKey,
    /// No signature outlives this.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Credential {
    /// Whether it has not expired at `now`.
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// There is no usable credential. The text is a reason for operators; it holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no usable credential: {0}")]
pub struct CredentialsUnavailable(pub String);

/// How a provider of credentials stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialStatus {
    /// In one word.
    pub state: CredentialState,
    /// Whether there is something to sign with now.
    pub usable: bool,
    /// When what it holds expires; `None` for what lives on.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when renewing fails.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it last failed; holds no secret.
    pub reason: Option<String>,
}

impl CredentialStatus {
    /// There is a credential, and nothing is the matter.
    pub fn ok(expires_at: Option<DateTime<Utc>>) -> Self {
        Self { state: CredentialState::Ok, usable: true, expires_at, failing_since: None, reason: None }
    }

    /// There is none, for this reason.
    pub fn missing(reason: String) -> Self {
        Self {
            state: CredentialState::Failing,
            usable: false,
            expires_at: None,
            failing_since: None,
            reason: Some(reason),
        }
    }
}

/// The state of a provider, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// Nothing is the matter.
    Ok,
    /// The first credential, or the next one, is being fetched.
    Refreshing,
    /// The last attempt to renew failed; what is held may still be usable.
    Failing,
    /// What it held has expired, and there is nothing newer.
    Expired,
}

impl CredentialState {
    /// As answers and metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refreshing => "refreshing",
            Self::Failing => "failing",
            Self::Expired => "expired",
        }
    }
}

/// Issues temporary credentials that may do less than we may: STS.
#[async_trait]
pub trait TokenService: Send + Sync {
    /// Takes one of the calls that STS allows in a second; to be asked before each [`Self::issue`], and before anything is
    /// recorded for it. Without a limit there is always one.
    ///
    /// # Errors
    /// [`TokenError::Throttled`].
    fn admit(&self, _now: DateTime<Utc>) -> Result<(), TokenError> {
        Ok(())
    }

    /// The longest session that the role is known to allow.
    fn longest(&self) -> TimeDelta;

    /// A fresh credential of the service's role, narrowed by the session's policy. Never cached.
    async fn issue(&self, session: &Session, now: DateTime<Utc>) -> Result<Credential, TokenError>;
}

/// What temporary credentials are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who it is, for audits: 2 to 64 of `A-Z a-z 0-9 . @ _ -`.
    pub name: String,
    /// What it may do, beside what the role may: a RAM policy of at most 2048 characters (P§6.2).
    pub policy: String,
    /// How long it lasts: 15 minutes to the role's own limit.
    pub duration: TimeDelta,
}

/// Why there is no temporary credential. The texts name STS's code and request id, and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too many calls (100 a second and account): later.
    #[error("STS is throttling: {0}")]
    Throttled(String),
    /// The caller may not have it: permissions, trust policy, key or token.
    #[error("STS denied: {0}")]
    Denied(String),
    /// The request itself is wrong: policy, duration, names.
    #[error("STS found the request invalid: {0}")]
    Invalid(String),
    /// No usable answer.
    #[error("STS gave no usable answer: {0}")]
    Unavailable(String),
    /// Nothing to ask with.
    #[error("nothing to ask STS with: {0}")]
    NoCredentials(String),
}
