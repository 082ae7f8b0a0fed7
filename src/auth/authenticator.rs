//! Verifies bearer tokens, and remembers what it has verified.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::sync::Cache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    AuthConfig, AuthSetupError, Caller, IssuerConfig, Unauthorized,
    claims::{UnverifiedToken, Validity, caller_of, check_audience},
    fetch::build_client,
    issuer::Issuer,
};
use crate::app::ports::KeySetStatus;

/// A verified token is trusted unread for at most so long: a withdrawn key stops counting after it.
const MAX_CACHED: TimeDelta = TimeDelta::minutes(5);
/// Bounds the cache's memory.
const MAX_CACHED_TOKENS: u64 = 50_000;

/// Verifies bearer tokens. Cheap for a token that was seen before.
pub struct Authenticator {
    config: AuthConfig,
    issuers: Vec<Arc<Issuer>>,
    generation: Arc<AtomicU64>,
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone)]
struct Verified {
    caller: Arc<Caller>,
    validity: Validity,
    at: DateTime<Utc>,
}

impl Authenticator {
    /// Reads key files; key sets behind URLs are fetched when first needed.
    ///
    /// # Errors
    /// When a key can't be used, or a key set's URL is not https.
    pub fn new(config: AuthConfig) -> Result<Self, AuthSetupError> {
        Self::build(config, Arc::default(), |_| None)
    }

    /// As [`Self::new`], after another one: the issuers of which `is_same` says that nothing about them has changed keep their keys,
    /// and how long ago they were fetched. Tokens are verified anew.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn succeeding(
        config: AuthConfig,
        before: &Self,
        is_same: impl Fn(&str) -> bool,
    ) -> Result<Self, AuthSetupError> {
        let kept = |name: &str| before.issuers.iter().find(|issuer| issuer.name == name && is_same(name)).cloned();
        Self::build(config, Arc::clone(&before.generation), kept)
    }

    fn build(
        config: AuthConfig,
        generation: Arc<AtomicU64>,
        kept: impl Fn(&str) -> Option<Arc<Issuer>>,
    ) -> Result<Self, AuthSetupError> {
        let client = build_client().map_err(AuthSetupError::Client)?;
        let issuer = |issuer: &IssuerConfig| match kept(&issuer.issuer) {
            Some(kept) => Ok(kept),
            None => Issuer::new(issuer, config.allow_loopback_http, &client, &generation).map(Arc::new),
        };
        let issuers = config.issuers.iter().map(issuer).collect::<Result<_, _>>()?;
        let lifetime = Duration::from_secs(MAX_CACHED.num_seconds().unsigned_abs());
        let verified = Cache::builder().max_capacity(MAX_CACHED_TOKENS).time_to_live(lifetime).build();
        Ok(Self { config, issuers, generation, verified })
    }

    /// Who calls with this token (without `Bearer `).
    ///
    /// # Errors
    /// When the token is not accepted, or its issuer's keys can't be had.
    pub async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Caller>, Unauthorized> {
        let digest = self.digest(token);
        if let Some(verified) = self.verified.get(&digest)
            && now - verified.at < MAX_CACHED
        {
            verified.validity.check(now, self.config.leeway)?;
            return Ok(verified.caller);
        }
        let verified = self.verify(token, now).await?;
        self.verified.insert(digest, verified.clone());
        Ok(verified.caller)
    }

    /// How the keys of each issuer stand.
    pub fn key_sets(&self) -> Vec<KeySetStatus> {
        self.issuers.iter().map(|issuer| issuer.status()).collect()
    }

    /// Of the whole token, so that one with another signature is another; and of the key sets it was verified with.
    fn digest(&self, token: &str) -> [u8; 32] {
        let generation = self.generation.load(Ordering::Acquire);
        Sha256::new().chain_update(generation.to_be_bytes()).chain_update(token).finalize().into()
    }

    async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Unauthorized> {
        let unverified = UnverifiedToken::parse(token)?;
        if !self.config.algorithms.contains(&unverified.algorithm) {
            return Err(Unauthorized::InvalidToken("the token's algorithm is not accepted"));
        }
        let issuer = self.issuers.iter().find(|issuer| issuer.name == unverified.issuer);
        let issuer = issuer.ok_or(Unauthorized::InvalidToken("the token's issuer is not trusted"))?;
        let key = issuer.key(unverified.kid.as_deref(), unverified.algorithm, now).await?;
        let claims = verify_signature(token, &key, unverified.algorithm)?;
        if claims.get("iss").and_then(Value::as_str) != Some(&issuer.name) {
            return Err(Unauthorized::InvalidToken("the token's issuer is not trusted"));
        }
        let validity = Validity::read(&claims)?;
        validity.check(now, self.config.leeway)?;
        check_audience(&claims, &issuer.audience)?;
        let caller = Arc::new(caller_of(&claims, &issuer.name, &self.config)?);
        Ok(Verified { caller, validity, at: now })
    }
}

/// The signature and nothing else: jsonwebtoken would judge times by the wall clock.
fn verify_signature(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Map<String, Value>, Unauthorized> {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation);
    decoded.map(|data| data.claims).map_err(|_| Unauthorized::InvalidToken("the token's signature does not verify"))
}
