//! What callers see of a grant.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};
use uuid::Uuid;

use crate::{
    app::{
        Bucket, Valet,
        ports::LedgerEntry,
        session::TemporaryCredentials,
        signing::{Leave, SignedGrant},
    },
    grant::{
        completion::{Completion, CompletionSource},
        grant::{Grant, GrantKind, State},
        multipart::PartPlan,
        profile::Method,
        request::{ClientCallback, ClientRequest, enforced},
    },
    oss::callback::ImageInfo,
};

/// A grant with its request: answered to its owner, stored nowhere.
#[derive(Debug, Serialize)]
pub struct SignedGrantView<'a> {
    #[serde(flatten)]
    grant: GrantView<'a>,
    request: Option<&'a ClientRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart: Option<MultipartView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<CredentialsView<'a>>,
    callback: Option<&'a ClientCallback>,
}

#[derive(Debug, Serialize)]
struct MultipartView<'a> {
    oss_upload_id: &'a str,
    #[serde(flatten)]
    plan: PartPlan,
}

/// Exposes secrets to the answer alone: its `Debug` shows none.
#[derive(Debug)]
struct CredentialsView<'a>(&'a TemporaryCredentials);

impl Serialize for CredentialsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TemporaryCredentials { key, expiration } = self.0;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("access_key_id", key.id())?;
        map.serialize_entry("access_key_secret", key.expose_secret())?;
        map.serialize_entry("security_token", key.expose_security_token().unwrap_or_default())?;
        map.serialize_entry("expiration", &expiration.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        map.end()
    }
}

/// A grant without anything secret.
#[derive(Debug, Serialize)]
pub struct GrantView<'a> {
    id: Uuid,
    /// Said of directory grants alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    profile: &'a str,
    method: Method,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    user_id: &'a str,
    bucket: &'a str,
    region: &'a str,
    endpoint: Option<&'a str>,
    key: &'a str,
    content_type: &'a str,
    max_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    vars: &'a BTreeMap<String, String>,
    #[serde(serialize_with = "rfc3339")]
    issued_at: DateTime<Utc>,
    #[serde(serialize_with = "rfc3339")]
    expires_at: DateTime<Utc>,
    enforced: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<CompletionView<'a>>,
    /// Of a directory grant: the last objects that are recorded, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Vec<ObjectView<'a>>>,
}

#[derive(Debug, Serialize)]
struct CompletionView<'a> {
    size: u64,
    etag: &'a str,
    content_type: &'a str,
    crc64: Option<&'a str>,
    version_id: Option<&'a str>,
    image: Option<&'a ImageInfo>,
    #[serde(serialize_with = "rfc3339")]
    completed_at: DateTime<Utc>,
    source: CompletionSource,
    late: bool,
}

impl<'a> SignedGrantView<'a> {
    /// The view of a signed grant.
    pub fn new(valet: &'a Valet, signed: &'a SignedGrant) -> Self {
        let grant = GrantView::of(valet, &signed.grant, None);
        let none = Self { grant, request: None, multipart: None, credentials: None, callback: None };
        match &signed.leave {
            None => none,
            Some(Leave::Request(request, callback)) => {
                Self { request: Some(request), callback: Some(callback), ..none }
            }
            Some(Leave::Sts(credentials, callback)) => {
                Self { credentials: Some(CredentialsView(credentials)), callback: Some(callback), ..none }
            }
            Some(Leave::Multipart(plan)) => {
                let oss_upload_id = signed.grant.oss_upload_id.as_deref();
                Self {
                    multipart: oss_upload_id.map(|oss_upload_id| MultipartView { oss_upload_id, plan: *plan }),
                    ..none
                }
            }
        }
    }
}

impl<'a> GrantView<'a> {
    /// The view of what the ledger holds.
    pub fn new(valet: &'a Valet, entry: &'a LedgerEntry) -> Self {
        Self::of(valet, &entry.grant, entry.completion.as_ref())
    }

    fn of(valet: &'a Valet, grant: &'a Grant, completion: Option<&'a Completion>) -> Self {
        Self {
            id: grant.id,
            kind: (grant.kind == GrantKind::Directory).then(|| grant.kind.as_str()),
            profile: &grant.profile,
            method: grant.method,
            state: grant.state,
            reason: grant.reason.as_deref(),
            user_id: &grant.user_id,
            bucket: &grant.bucket,
            region: &grant.region,
            endpoint: valet.bucket_named(&grant.bucket).map(|bucket: &Bucket| bucket.endpoint_url.as_str()),
            key: &grant.key,
            content_type: &grant.content_type,
            max_size: grant.max_size,
            filename: grant.filename.as_deref(),
            vars: &grant.vars,
            issued_at: grant.issued_at,
            expires_at: grant.expires_at,
            enforced: enforced(grant.kind, grant.method),
            completion: completion.map(CompletionView::of),
            objects: None,
        }
    }

    /// The same with the objects under a directory.
    #[must_use]
    pub fn with_objects(self, objects: Option<&'a [Completion]>) -> Self {
        Self { objects: objects.map(|objects| objects.iter().map(ObjectView::of).collect()), ..self }
    }
}

/// One of the objects under a directory.
#[derive(Debug, Serialize)]
struct ObjectView<'a> {
    key: &'a str,
    /// `completed` or `rejected`.
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    completion: CompletionView<'a>,
}

impl<'a> ObjectView<'a> {
    fn of(completion: &'a Completion) -> Self {
        let reason = completion.reason.as_deref();
        let state = if reason.is_some() { State::Rejected } else { State::Completed };
        Self { key: &completion.key, state, reason, completion: CompletionView::of(completion) }
    }
}

impl<'a> CompletionView<'a> {
    fn of(completion: &'a Completion) -> Self {
        Self {
            size: completion.size,
            etag: &completion.etag,
            content_type: &completion.content_type,
            crc64: completion.crc64.as_deref(),
            version_id: completion.version_id.as_deref(),
            image: completion.image.as_ref(),
            completed_at: completion.completed_at,
            source: completion.source,
            late: completion.late,
        }
    }
}

/// Seconds are what a client can use; the ledger knows more.
pub(super) fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
}
