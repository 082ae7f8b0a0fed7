//! An event: what the business backend is told (CloudEvents 1.0, structured JSON).

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// `com.oss-valet.upload.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// A confirmed object.
    Completed,
    /// An object that breaks its grant.
    Rejected,
    /// Nothing arrived.
    Expired,
    /// A completed grant's object changed afterwards.
    Changed,
}

impl EventType {
    /// The CloudEvents `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "com.oss-valet.upload.completed",
            Self::Rejected => "com.oss-valet.upload.rejected",
            Self::Expired => "com.oss-valet.upload.expired",
            Self::Changed => "com.oss-valet.upload.changed",
        }
    }
}

/// One event, ready for the outbox: `payload` is the whole CloudEvents JSON document that sinks receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Also the CloudEvents `id` and the webhook id.
    pub id: Uuid,
    /// The grant it tells of.
    pub grant_id: Uuid,
    /// What happened.
    pub kind: EventType,
    /// When.
    pub time: DateTime<Utc>,
    /// The JSON document.
    pub payload: String,
}
