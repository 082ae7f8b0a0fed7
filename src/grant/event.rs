//! An event: what the business backend is told (CloudEvents 1.0, structured JSON).

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    completion::{Completion, CompletionSource},
    grant::Grant,
    profile::Method,
    trace_context::TraceContext,
};
use crate::oss::callback::ImageInfo;

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

    /// The kind of that CloudEvents `type`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Completed, Self::Rejected, Self::Expired, Self::Changed].into_iter().find(|kind| kind.as_str() == name)
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
    /// Where in a trace it was recorded.
    pub trace: Option<TraceContext>,
}

/// Where events come from.
#[derive(Debug, Clone)]
pub struct Origin<'a> {
    /// The CloudEvents `source` of this service.
    pub source: &'a str,
    /// The place in a trace at which the news came up.
    pub trace: Option<TraceContext>,
}

impl Event {
    /// The id of the news of one object of a grant: always the same for the same kind, grant, key and `ETag`.
    ///
    /// The hook is asked before anything is recorded, with the id that the event then has. Were it random, a crash between the hook's
    /// answer and our commit would make us ask under another id, and the backend would count the upload twice. The ledger
    /// records an object (grant, key, `ETag`) once, so that no two events share an id. A UUID v7 of the grant's own time, so that
    /// ids still ascend roughly.
    pub fn id_of(kind: EventType, grant: &Grant, completion: &Completion) -> Uuid {
        let mut digest = Sha256::new();
        for part in ["oss-valet/event/v1", kind.as_str(), &completion.key, &completion.etag] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.update(grant.id.as_bytes());
        let mut random = [0; 10];
        random.copy_from_slice(&digest.finalize()[..10]);
        let millis = u64::try_from(grant.issued_at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Tells of `grant`, and of its object where there is one: under a directory grant, one of many.
    pub fn new(
        id: Uuid,
        kind: EventType,
        origin: Origin<'_>,
        grant: &Grant,
        completion: Option<&Completion>,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Self {
        let document = CloudEvent {
            specversion: "1.0",
            id,
            source: origin.source,
            kind: kind.as_str(),
            time: rfc3339(now),
            subject: completion.map_or(&grant.key, |completion| &completion.key),
            datacontenttype: "application/json",
            traceparent: origin.trace.as_ref().map(TraceContext::traceparent),
            tracestate: origin.trace.as_ref().and_then(TraceContext::tracestate),
            data: EventData::new(grant, completion, reason),
        };
        let payload = serde_json::to_string(&document).expect("every part is plain data with text keys");
        Self { id, grant_id: grant.id, kind, time: now, payload, trace: origin.trace }
    }
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    time: String,
    subject: &'a str,
    datacontenttype: &'static str,
    /// The extension for distributed tracing.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'a str>,
    data: EventData<'a>,
}

#[derive(Serialize)]
struct EventData<'a> {
    upload_id: Uuid,
    user_id: &'a str,
    profile: &'a str,
    method: Method,
    bucket: &'a str,
    region: &'a str,
    key: &'a str,
    size: Option<u64>,
    etag: Option<&'a str>,
    content_type: Option<&'a str>,
    crc64: Option<&'a str>,
    version_id: Option<&'a str>,
    image: Option<&'a ImageInfo>,
    filename: Option<&'a str>,
    vars: &'a BTreeMap<String, String>,
    source: Option<CompletionSource>,
    reason: Option<&'a str>,
    late: Option<bool>,
    issued_at: String,
    completed_at: Option<String>,
}

impl<'a> EventData<'a> {
    fn new(grant: &'a Grant, completion: Option<&'a Completion>, reason: Option<&'a str>) -> Self {
        Self {
            upload_id: grant.id,
            user_id: &grant.user_id,
            profile: &grant.profile,
            method: grant.method,
            bucket: &grant.bucket,
            region: &grant.region,
            key: completion.map_or(&grant.key, |completion| &completion.key),
            size: completion.map(|c| c.size),
            etag: completion.map(|c| c.etag.as_str()),
            content_type: completion.map(|c| c.content_type.as_str()),
            crc64: completion.and_then(|c| c.crc64.as_deref()),
            version_id: completion.and_then(|c| c.version_id.as_deref()),
            image: completion.and_then(|c| c.image.as_ref()),
            filename: grant.filename.as_deref(),
            vars: &grant.vars,
            source: completion.map(|c| c.source),
            reason,
            late: completion.map(|c| c.late),
            issued_at: rfc3339(grant.issued_at),
            completed_at: completion.map(|c| rfc3339(c.completed_at)),
        }
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::grant::{GrantKind, State};

    fn grant(id: u128) -> Grant {
        let issued_at = DateTime::from_timestamp_millis(1_795_262_400_123).unwrap();
        Grant {
            id: Uuid::from_u128(id),
            kind: GrantKind::Upload,
            profile: "avatar".into(),
            method: Method::Post,
            state: State::Issued,
            reason: None,
            user_id: "u-7".into(),
            created_by: None,
            bucket: "app-media".into(),
            region: "cn-hangzhou".into(),
            key: "avatars/u-7/a.png".into(),
            content_type: "image/png".into(),
            min_size: 1,
            max_size: 10,
            declared_size: None,
            filename: None,
            vars: [].into(),
            overwrite: false,
            oss_upload_id: None,
            issued_at,
            expires_at: issued_at,
            write_until: issued_at,
        }
    }

    fn completion(key: &str, etag: &str) -> Completion {
        Completion {
            key: key.into(),
            size: 5,
            etag: etag.into(),
            content_type: "image/png".into(),
            crc64: None,
            version_id: None,
            image: None,
            completed_at: grant(1).issued_at,
            source: CompletionSource::Callback,
            late: false,
            hook: None,
            reason: None,
        }
    }

    #[test]
    fn the_same_news_has_the_same_id_and_other_news_another() {
        let id = |kind, number, key, etag| Event::id_of(kind, &grant(number), &completion(key, etag));
        let first = id(EventType::Completed, 1, "k", "E");
        let mut moved = completion("k", "E");
        (moved.size, moved.source, moved.late) = (6, CompletionSource::Reconciled, true);
        moved.completed_at += chrono::TimeDelta::hours(1);
        assert_eq!(Event::id_of(EventType::Completed, &grant(1), &moved), first, "whoever brings it, and when");
        for (what, other) in [
            ("kind", id(EventType::Rejected, 1, "k", "E")),
            ("grant", id(EventType::Completed, 2, "k", "E")),
            ("key", id(EventType::Completed, 1, "l", "E")),
            ("ETag", id(EventType::Completed, 1, "k", "F")),
            ("where the key ends", id(EventType::Completed, 1, "kE", "")),
        ] {
            assert_ne!(other, first, "{what}");
        }
        assert_eq!(first.get_version_num(), 7);
        let (seconds, nanos) = first.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_795_262_400, 123_000_000), "the grant's time");
    }
}
