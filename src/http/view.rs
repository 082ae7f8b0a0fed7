//! What callers see of a grant.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::ToSchema;
use uuid::Uuid;

use super::openapi::schemas;

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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedUpload)]
pub struct SignedGrantView<'a> {
    #[serde(flatten)]
    grant: GrantView<'a>,
    /// What to send, as it is; null for `multipart` and `sts`, and for a grant that has ended.
    #[schema(value_type = Option<schemas::ClientRequest>, required = true)]
    request: Option<&'a ClientRequest>,
    /// Of `multipart` grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart: Option<MultipartView<'a>>,
    /// Of `sts` grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schemas::TemporaryCredentials>)]
    credentials: Option<CredentialsView<'a>>,
    /// For SDKs, which build the request themselves.
    #[schema(value_type = Option<schemas::ClientCallback>, required = true)]
    callback: Option<&'a ClientCallback>,
}

/// How the file is to be cut.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Multipart)]
struct MultipartView<'a> {
    /// OSS's own name of the upload.
    oss_upload_id: &'a str,
    #[serde(flatten)]
    #[schema(value_type = schemas::PartPlan)]
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub struct GrantView<'a> {
    /// UUID, version 7.
    id: Uuid,
    /// Said of directory grants alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schemas::DirectoryKind>)]
    kind: Option<&'static str>,
    /// Under which rules.
    profile: &'a str,
    #[schema(value_type = schemas::Method)]
    method: Method,
    #[schema(value_type = schemas::State)]
    state: State,
    /// Why it is `rejected`: the code of a limit, `cancelled`, `hook_rejected` and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Whose it is.
    user_id: &'a str,
    /// Where the object will be.
    bucket: &'a str,
    /// OSS's name of the region.
    region: &'a str,
    /// Where clients reach OSS; null when the bucket is configured no more.
    #[schema(required = true)]
    endpoint: Option<&'a str>,
    /// The object's key; of a directory grant, what each key begins with.
    key: &'a str,
    /// What the object's type will be.
    content_type: &'a str,
    /// In bytes.
    max_size: u64,
    /// As the caller said it; metadata, never a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    /// The caller's variables.
    vars: &'a BTreeMap<String, String>,
    /// When it was issued.
    #[serde(serialize_with = "rfc3339")]
    issued_at: DateTime<Utc>,
    /// Until when an upload may begin.
    #[serde(serialize_with = "rfc3339")]
    expires_at: DateTime<Utc>,
    /// What OSS enforces before it stores anything; the rest is judged at completion.
    #[schema(value_type = Vec<schemas::Enforced>)]
    enforced: &'static [&'static str],
    /// What arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<CompletionView<'a>>,
    /// Of a directory grant: the last objects that are recorded, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Vec<ObjectView<'a>>>,
}

/// What is recorded of an object: OSS's words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Completion)]
struct CompletionView<'a> {
    /// In bytes.
    size: u64,
    /// Upper-case hex without quotes.
    etag: &'a str,
    /// The object's type.
    content_type: &'a str,
    /// Decimal, as OSS writes it.
    #[schema(required = true)]
    crc64: Option<&'a str>,
    /// Where the bucket keeps versions.
    #[schema(required = true)]
    version_id: Option<&'a str>,
    /// Of image profiles, when OSS told.
    #[schema(value_type = Option<schemas::ImageInfo>, required = true)]
    image: Option<&'a ImageInfo>,
    /// When it was recorded.
    #[serde(serialize_with = "rfc3339")]
    completed_at: DateTime<Utc>,
    #[schema(value_type = schemas::CompletionSource)]
    source: CompletionSource,
    /// Whether the grant had ended before.
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DirectoryObject)]
struct ObjectView<'a> {
    /// The whole key.
    key: &'a str,
    /// `completed` or `rejected`.
    #[schema(value_type = schemas::State)]
    state: State,
    /// Why it was rejected.
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
