//! Signing a grant anew: current credential, current profile, the grant's own facts. No signature is ever stored.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{
    Bucket, Valet,
    ports::{Credential, CredentialsUnavailable},
};
use crate::{
    grant::{
        grant::{Grant, State},
        profile::Profile,
        request::{ClientCallback, ClientRequest, Pinning, pin},
    },
    oss::{
        access_key::AccessKey,
        presign::SigningContext,
        request::SignatureVersion,
        sign_v4::{Scope, SigningKey},
    },
};

/// A grant with what its client needs to send the bytes; `None` once nothing can be sent under it any more.
#[derive(Debug, Clone)]
pub struct SignedGrant {
    /// The grant.
    pub grant: Grant,
    /// Request and callback.
    pub request: Option<(ClientRequest, ClientCallback)>,
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
            return Ok(SignedGrant { grant, request: None });
        }
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
        // No signature outlives its credential, though the grant itself may.
        let ledger_expiry = grant.expires_at;
        if let Some(end) = credential.expires_at {
            grant.expires_at = grant.expires_at.min(end);
        }
        let signing_key = (bucket.signature_version == SignatureVersion::V4)
            .then(|| bucket.signing_keys.get(&credential.key, &Scope::oss(now, &bucket.region)));
        let pinning = Pinning {
            profile,
            signing: SigningContext {
                version: bucket.signature_version,
                endpoint: &bucket.endpoint,
                region: &bucket.region,
                key: &credential.key,
                signing_key: signing_key.as_ref(),
                now,
            },
            seal_keys: &self.seal_keys,
            callback_urls: &self.callback_urls,
        };
        // The only failure is a lifetime that no signature can have: then nothing can be sent any more.
        let request = pin(&grant, &pinning).ok();
        grant.expires_at = ledger_expiry;
        if let Some((request, _)) = &request {
            warn_of_long_fields(&grant, request);
        }
        SignedGrant { grant, request }
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
