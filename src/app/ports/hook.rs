//! The question to the business backend.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::grant::event::Event;

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
