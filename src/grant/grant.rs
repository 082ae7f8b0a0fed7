//! A grant and its states.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::profile::Method;

/// How long an idempotency key stays claimed.
pub const IDEMPOTENCY_WINDOW: TimeDelta = TimeDelta::hours(24);

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing has arrived yet.
    Issued,
    /// The object is there, confirmed.
    Completed,
    /// The object is there, but breaks the grant.
    Rejected,
    /// Nothing arrived in time.
    Expired,
    /// Withdrawn by its owner.
    Cancelled,
}

impl State {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// This state and no other: what a change is conditional on, when it was decided for it.
    pub fn alone(self) -> &'static [Self] {
        match self {
            Self::Issued => &[Self::Issued],
            Self::Completed => &[Self::Completed],
            Self::Rejected => &[Self::Rejected],
            Self::Expired => &[Self::Expired],
            Self::Cancelled => &[Self::Cancelled],
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Issued, Self::Completed, Self::Rejected, Self::Expired, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// What a grant is leave for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// One object.
    Upload,
    /// Any objects under one directory made for it. Never completes, only ends; each object is a completion of its own.
    Directory,
}

impl GrantKind {
    /// The word that is sealed and recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Directory => "directory",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Upload, Self::Directory].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One issued leave to upload. Holds no signature and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Version 7.
    pub id: Uuid,
    /// One object, or a directory.
    pub kind: GrantKind,
    /// Profile name.
    pub profile: String,
    /// How the bytes travel.
    pub method: Method,
    /// Where it stands.
    pub state: State,
    /// Why, for `rejected`.
    pub reason: Option<String>,
    /// Whose grant.
    pub user_id: String,
    /// The machine caller (`issuer subject`) that issued it for `user_id`.
    pub created_by: Option<String>,
    /// The real bucket name.
    pub bucket: String,
    /// `cn-hangzhou`.
    pub region: String,
    /// The object key; of a directory grant the directory, which ends in `/`.
    pub key: String,
    /// Pinned content type; of a directory grant the types that objects under it may have.
    pub content_type: String,
    /// Bytes, inclusive.
    pub min_size: u64,
    /// Bytes, inclusive.
    pub max_size: u64,
    /// The size that the caller declared; pinned for `post`.
    pub declared_size: Option<u64>,
    /// The client's file name, metadata only.
    pub filename: Option<String>,
    /// The caller's variables, without `x:`.
    pub vars: BTreeMap<String, String>,
    /// Whether an existing object may be replaced.
    pub overwrite: bool,
    /// OSS's id of the multipart upload, once there is one; it never changes then.
    pub oss_upload_id: Option<String>,
    /// When.
    pub issued_at: DateTime<Utc>,
    /// When the signatures end.
    pub expires_at: DateTime<Utc>,
    /// The last instant at which OSS may still accept an upload begun under it.
    pub write_until: DateTime<Utc>,
}

impl Grant {
    /// Whether, as long as it may be written, another object can take the place of the recorded one: temporary credentials may write
    /// as often as they like, and `overwrite` lets signatures do so.
    pub fn may_be_replaced(&self) -> bool {
        self.overwrite || self.method == Method::Sts
    }
}
