//! Signing a grant anew: current credential, current profile, the grant's own facts. No signature is ever stored.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{
    Bucket, Valet,
    ports::{Credential, CredentialsUnavailable},
    transfer::BeginError,
};
use crate::{
    grant::{
        grant::{Grant, State},
        multipart::PartPlan,
        profile::{Method, Profile},
        request::{ClientCallback, ClientRequest, Pinning, pin},
    },
    oss::{
        access_key::AccessKey,
        sign_v4::{Scope, SigningKey},
    },
};

/// A grant with what its client needs to send the bytes.
#[derive(Debug, Clone)]
pub struct SignedGrant {
    /// The grant.
    pub grant: Grant,
    /// `None` once nothing can be sent under it any more.
    pub leave: Option<Leave>,
}

/// How the bytes get to OSS.
#[derive(Debug, Clone)]
pub enum Leave {
    /// By one request that is sent as it is.
    Request(ClientRequest, ClientCallback),
    /// In parts, whose URLs are asked for in windows.
    Multipart(PartPlan),
}

impl Leave {
    /// The one request, for methods that have one.
    pub fn request(&self) -> Option<&ClientRequest> {
        match self {
            Self::Request(request, _) => Some(request),
            Self::Multipart(_) => None,
        }
    }
}

/// Why a grant can't be signed.
#[derive(Debug, Error)]
pub enum SigningError {
    /// Its bucket is not configured (any more).
    #[error("the bucket `{0}` is not configured")]
    BucketUnknown(String),
    /// No usable credential.
    #[error(transparent)]
    Credentials(#[from] CredentialsUnavailable),
    /// The multipart upload can't be begun.
    #[error(transparent)]
    Begin(#[from] BeginError),
}

impl Valet {
    /// Signs `grant`, if it is still open at `now`.
    ///
    /// # Errors
    /// When there is nothing to sign with.
    pub async fn sign(&self, grant: Grant, profile: &Profile, now: DateTime<Utc>) -> Result<SignedGrant, SigningError> {
        let bucket =
            self.bucket_named(&grant.bucket).ok_or_else(|| SigningError::BucketUnknown(grant.bucket.clone()))?;
        if grant.state != State::Issued || now >= grant.expires_at {
            return Ok(SignedGrant { grant, leave: None });
        }
        let grant = self.begin_transfer(grant, profile, bucket, now).await?;
        let credential = bucket.credentials.current(now).await?;
        Ok(self.sign_with(grant, profile, bucket, &credential, now))
    }

    /// Signs `grant` with a credential already at hand.
    pub fn sign_with(
        &self,
        mut grant: Grant,
        profile: &Profile,
        bucket: &Bucket,
        credential: &Credential,
        now: DateTime<Utc>,
    ) -> SignedGrant {
        if grant.method == Method::Multipart {
            let leave = Some(Leave::Multipart(PartPlan::of(&grant)));
            return SignedGrant { grant, leave };
        }
        // No signature outlives its credential, though the grant itself may.
        let ledger_expiry = grant.expires_at;
        if let Some(end) = credential.expires_at {
            grant.expires_at = grant.expires_at.min(end);
        }
        let signing_key = bucket.signing_key(&credential.key, now);
        let pinning = Pinning {
            profile,
            signing: bucket.signing_context(&credential.key, signing_key.as_ref(), now),
            seal_keys: &self.seal_keys,
            callback_urls: &self.callback_urls,
        };
        // The only failure is a lifetime that no signature can have: then nothing can be sent any more.
        let leave = pin(&grant, &pinning).ok().map(|(request, callback)| Leave::Request(request, callback));
        grant.expires_at = ledger_expiry;
        if let Some(request) = leave.as_ref().and_then(Leave::request) {
            warn_of_long_fields(&grant, request);
        }
        SignedGrant { grant, leave }
    }
}

/// OSS's documents disagree on how long a form field may be (P§9.5): 4 KB or 2 MB. Told, not refused.
fn warn_of_long_fields(grant: &Grant, request: &ClientRequest) {
    const CERTAIN_LEN: usize = 4096;
    for (name, value) in request.fields.iter().filter(|(_, value)| value.len() > CERTAIN_LEN) {
        tracing::warn!(upload.id = %grant.id, field = name, bytes = value.len(), "a form field is over 4 KB: OSS may refuse it");
    }
}

/// Keeps the derived V4 key of the last credential, day and region: four HMACs saved per signature.
#[derive(Debug, Default)]
pub struct SigningKeyCache(Mutex<Option<CachedKey>>);

#[derive(Debug)]
struct CachedKey {
    key: AccessKey,
    scope: Scope,
    signing_key: SigningKey,
}

impl SigningKeyCache {
    /// The derived key, from the cache where key and scope are the same.
    pub fn get(&self, key: &AccessKey, scope: &Scope) -> SigningKey {
        let mut cached = self.0.lock().expect("no holder of this lock panics");
        if let Some(found) = &*cached
            && found.scope == *scope
            && found.key.id() == key.id()
            && found.key.expose_secret() == key.expose_secret()
        {
            return found.signing_key.clone();
        }
        let signing_key = SigningKey::derive(key, scope);
        *cached = Some(CachedKey { key: key.clone(), scope: scope.clone(), signing_key: signing_key.clone() });
        signing_key
    }
}
