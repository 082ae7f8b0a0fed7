//! Signing a grant anew: current credential, current profile, the grant's own facts. No signature is ever stored.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{
    Bucket, Valet,
    ports::{Credential, CredentialsUnavailable, StoreError, TokenError},
    session::TemporaryCredentials,
    transfer::BeginError,
    write_until,
};
use crate::{
    grant::{
        grant::{Grant, State},
        multipart::PartPlan,
        profile::{Method, Profile},
        request::{ClientCallback, ClientRequest, Pinning, expires_at, pin},
        session_policy::{UnsafeResource, session_duration},
    },
    instruments,
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
    /// By an SDK, which signs with temporary credentials and passes the callback on itself.
    Sts(TemporaryCredentials, ClientCallback),
}

impl Leave {
    /// The one request, for methods that have one.
    pub fn request(&self) -> Option<&ClientRequest> {
        match self {
            Self::Request(request, _) => Some(request),
            Self::Multipart(_) | Self::Sts(..) => None,
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
    /// The bucket has no role for `sts` grants.
    #[error("the bucket's credentials issue no temporary ones")]
    NoTokenService,
    /// STS issued nothing.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The grant's key fits no policy.
    #[error(transparent)]
    Unsafe(#[from] UnsafeResource),
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a grant is signed with, and how long that lasts.
pub(super) struct Means {
    /// `None` for `sts`, where we sign nothing ourselves.
    pub(super) credential: Option<Credential>,
    /// When the grant ends.
    pub(super) expires_at: DateTime<Utc>,
    /// The last instant at which OSS may accept an upload begun by these means.
    pub(super) write_until: DateTime<Utc>,
}

impl Valet {
    /// The bucket of the grant, if it is configured still.
    pub(super) fn bucket_of(&self, grant: &Grant) -> Result<&Bucket, SigningError> {
        self.bucket_named(&grant.bucket).ok_or_else(|| SigningError::BucketUnknown(grant.bucket.clone()))
    }

    /// Signs `grant`, if it is still open at `now`.
    ///
    /// # Errors
    /// When there is nothing to sign with.
    pub async fn sign(&self, grant: Grant, profile: &Profile, now: DateTime<Utc>) -> Result<SignedGrant, SigningError> {
        let bucket = self.bucket_of(&grant)?;
        if grant.state != State::Issued || now >= grant.expires_at {
            return Ok(SignedGrant { grant, leave: None });
        }
        let means = self.means(grant.method, profile, bucket, now).await?;
        self.sign_by(&means, grant, profile, bucket, now).await
    }

    /// What a grant of this method is signed with from now on. For `sts` that is one call of STS, not made yet.
    pub(super) async fn means(
        &self,
        method: Method,
        profile: &Profile,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<Means, SigningError> {
        if method == Method::Sts {
            let tokens = bucket.token_service()?;
            tokens.admit(now)?;
            let lifetime = profile.expires_in.min(tokens.longest());
            let end = now + session_duration(lifetime, tokens.longest());
            return Ok(Means { credential: None, expires_at: now + lifetime, write_until: write_until(end) });
        }
        let credential = bucket.credentials.current(now).await?;
        let end = expires_at(now, profile.expires_in, &credential.key, credential.expires_at);
        Ok(Means { credential: Some(credential), expires_at: end, write_until: write_until(end) })
    }

    /// Signs a grant that is in the ledger already.
    pub(super) async fn sign_by(
        &self,
        means: &Means,
        grant: Grant,
        profile: &Profile,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<SignedGrant, SigningError> {
        let Some(credential) = &means.credential else {
            return self.open_session(grant, profile, bucket, now).await;
        };
        let grant = self.begin_transfer(grant, profile, bucket, now).await?;
        Ok(self.sign_with(grant, profile, bucket, credential, now))
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
pub(super) fn warn_of_long_fields(grant: &Grant, request: &ClientRequest) {
    const CERTAIN_LEN: usize = 4096;
    for (name, value) in request.fields.iter().filter(|(_, value)| value.len() > CERTAIN_LEN) {
        instruments::long_form_field();
        tracing::warn!(grant.id = %grant.id, field.name = name, field.bytes = value.len(), "a form field is over 4 KB: OSS may refuse it");
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
