//! A completion: the recorded, confirmed fact that a grant's object exists in OSS.

use chrono::{DateTime, Utc};

use super::hook::HookRecord;
use crate::oss::callback::ImageInfo;

/// How we learnt of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompletionSource {
    /// OSS called back.
    Callback,
    /// The client said so, and HEAD agreed.
    Complete,
    /// The reconciler found it.
    Reconciled,
}

impl CompletionSource {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Complete => "complete",
            Self::Reconciled => "reconciled",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Callback, Self::Complete, Self::Reconciled].into_iter().find(|source| source.as_str() == name)
    }
}

/// What is recorded of the object: the HEAD's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The object key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Upper-case hex without quotes.
    pub etag: String,
    /// As stored.
    pub content_type: String,
    /// Decimal, `x-oss-hash-crc64ecma`.
    pub crc64: Option<String>,
    /// On a versioned bucket.
    pub version_id: Option<String>,
    /// For image profiles, from the callback.
    pub image: Option<ImageInfo>,
    /// When recorded.
    pub completed_at: DateTime<Utc>,
    /// How we learnt of it.
    pub source: CompletionSource,
    /// Recorded after `write_until`, or after the grant had expired.
    pub late: bool,
    /// What the hook said of it; `None` where it was not asked.
    pub hook: Option<HookRecord>,
    /// Why this object was rejected, under a directory grant, which does not end with it.
    pub reason: Option<String>,
}
