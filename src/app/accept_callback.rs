//! Accept a callback: trusted key → signature → parse → seal → grant → [`super::record_completion`].
//!
//! The numbers are the contract's steps (section 4).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use thiserror::Error;
use tracing::{Span, field};
use uuid::Uuid;

use super::{
    Valet,
    confirm::Sighting,
    ports::{LedgerEntry, StoreError},
    record_completion::{Claim, RecordError},
};
use crate::{
    grant::{
        completion::CompletionSource,
        directory::is_within,
        grant::{Grant, GrantKind, State},
        seal::{SealInvalid, SealedFacts},
    },
    oss::{
        callback_body::{CallbackFields, UnparseableBody},
        callback_signature::{CallbackRefused, CallbackRequest, UnverifiedCallback, VerifiedCallback},
    },
};

/// Our own `x:` variables; every other one is the caller's.
const OWN_VARS: [&str; 4] = ["x:user_id", "x:upload_id", "x:seal", DIR];
/// Names the directory, in callbacks of directory grants alone.
const DIR: &str = "x:dir";

/// A callback that is signed, sealed and belongs to a grant: worth confirming.
#[derive(Debug)]
pub struct AcceptedCallback {
    entry: LedgerEntry,
    key: String,
    claim: Claim,
}

/// What OSS, and so the client, is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackAnswer {
    /// What is recorded.
    Recorded(Box<RecordedUpload>),
    /// What the hook answered, as it wrote it.
    Hook(String),
}

/// What is recorded, in our own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedUpload {
    id: Uuid,
    state: State,
    bucket: String,
    key: String,
    size: u64,
    etag: String,
    content_type: String,
    user_id: String,
    vars: BTreeMap<String, String>,
}

/// Why a callback is refused, by step.
#[derive(Debug, Error)]
pub enum CallbackError {
    /// Steps 1 to 3.
    #[error(transparent)]
    Refused(#[from] CallbackRefused),
    /// Step 4.
    #[error(transparent)]
    Unparseable(#[from] UnparseableBody),
    /// Step 4: a field that every callback of ours has is missing or makes no sense.
    #[error("the field `{0}` is missing or unusable")]
    FieldUnusable(&'static str),
    /// Step 5.
    #[error(transparent)]
    Seal(#[from] SealInvalid),
    /// Step 6: no such grant.
    #[error("no grant has this id")]
    GrantUnknown,
    /// Step 6: sealed for another bucket or key than the grant's, or of an object outside its directory.
    #[error("bucket, key or user are not the grant's")]
    ViolatesGrant,
    /// Step 7.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Valet {
    /// Verifies, confirms and records one callback.
    ///
    /// # Errors
    /// Which step refused it.
    pub async fn accept_callback(
        &self,
        request: CallbackRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<CallbackAnswer, CallbackError> {
        let unverified = UnverifiedCallback::parse(request)?; // (1)
        let verified = unverified.verify(&self.trusted_keys, &self.callback_paths)?; // (2) (3)
        let accepted = self.match_to_grant(&verified).await?; // (4) (5) (6)
        let AcceptedCallback { entry, key, claim } = accepted;
        let source = CompletionSource::Callback;
        let sighting = Sighting { key: &key, claim: Some(&claim), listed: None, source };
        let entry = self.record_object(entry, sighting, now).await?; // (7)
        CallbackAnswer::of(entry).ok_or(CallbackError::GrantUnknown) // (8)
    }

    async fn match_to_grant(&self, verified: &VerifiedCallback) -> Result<AcceptedCallback, CallbackError> {
        let fields = CallbackFields::parse(verified.content_type(), verified.body())?; // (4)
        let bucket = required(&fields, "bucket")?;
        let key = required(&fields, "object")?;
        let upload_id = required(&fields, "x:upload_id")?;
        let user_id = required(&fields, "x:user_id")?;
        let claim = parse_claim(&fields)?;

        let vars = caller_vars(&fields); // (5)
        let (kind, granted) = fields.field(DIR).map_or((GrantKind::Upload, key), |dir| (GrantKind::Directory, dir));
        let facts = SealedFacts { kind, upload_id, user_id, bucket, key: granted, vars: &vars };
        self.seal_keys.verify(fields.field("x:seal").ok_or(SealInvalid::Malformed)?, &facts)?;

        let id = Uuid::try_parse(upload_id).map_err(|_| CallbackError::GrantUnknown)?; // (6)
        Span::current().record("grant.id", field::display(id));
        let entry = self.store.find_grant(id).await?.ok_or(CallbackError::GrantUnknown)?;
        let grant = &entry.grant;
        let is_of_grant = grant.kind == kind && grant.bucket == bucket && grant.key == granted;
        if !is_of_grant || grant.user_id != user_id || !covers(grant, key) {
            return Err(CallbackError::ViolatesGrant);
        }
        Ok(AcceptedCallback { entry, key: key.to_owned(), claim })
    }
}

/// Whether the object is the grant's, or under its directory.
fn covers(grant: &Grant, key: &str) -> bool {
    match grant.kind {
        GrantKind::Upload => grant.key == key,
        GrantKind::Directory => is_within(&grant.key, key),
    }
}

impl CallbackAnswer {
    /// Everything in it comes from the ledger, nothing from the body: a repeat is answered the same.
    fn of(entry: LedgerEntry) -> Option<Self> {
        let LedgerEntry { grant, completion } = entry;
        let completion = completion?;
        if let Some(answer) = completion.hook.and_then(|hook| hook.answer) {
            return Some(Self::Hook(answer));
        }
        Some(Self::Recorded(Box::new(RecordedUpload {
            id: grant.id,
            // A directory grant itself never completes; this object has.
            state: State::Completed,
            bucket: grant.bucket,
            key: completion.key,
            size: completion.size,
            etag: completion.etag,
            content_type: completion.content_type,
            user_id: grant.user_id,
            vars: grant.vars,
        })))
    }

    /// The JSON document.
    pub fn into_json(self) -> String {
        match self {
            Self::Recorded(upload) => serde_json::to_string(&upload).expect("an answer is plain data"),
            Self::Hook(json) => json,
        }
    }
}

fn required<'a>(fields: &'a CallbackFields, name: &'static str) -> Result<&'a str, CallbackError> {
    fields.field(name).ok_or(CallbackError::FieldUnusable(name))
}

fn parse_claim(fields: &CallbackFields) -> Result<Claim, CallbackError> {
    let size = required(fields, "size")?.parse().map_err(|_| CallbackError::FieldUnusable("size"))?;
    // Some templates and simulators quote it, as HTTP does.
    let etag = required(fields, "etag")?.trim_matches('"').to_owned();
    Ok(Claim {
        size,
        etag,
        content_type: fields.field("mimeType").map(str::to_owned),
        crc64: fields.field("crc64").map(str::to_owned),
        image: fields.image(),
    })
}

fn caller_vars(fields: &CallbackFields) -> Vec<(String, String)> {
    fields
        .iter()
        .filter(|(name, _)| !OWN_VARS.contains(name))
        .filter_map(|(name, value)| Some((name.strip_prefix("x:")?.to_owned(), value.to_owned())))
        .collect()
}
