//! Turns settings into the shells' own types, so that neither side knows the other. Part of the start-up.

mod credentials;
mod hooks;
mod sinks;
mod telemetry;

use std::{cell::OnceCell, collections::BTreeMap, sync::Arc};

use anyhow::{Context, anyhow};
use chrono::{DateTime, TimeDelta, Utc};

pub use self::{
    credentials::{CredentialParts, KeptProvider, Providers, credentials},
    hooks::hooks,
    sinks::sinks,
    telemetry::{telemetry, telemetry_config},
};
use crate::{
    app::ports::{Credentials, ObjectStore},
    auth::{AuthConfig, AuthSetupError, Authenticator, IssuerConfig, KeySource, TokenRequest, mint},
    oss::endpoint::Endpoint,
    oss_client::{HEAD_TIMEOUT, OssBucket, OssClient, Signers, inspect::BucketInspector},
    settings::{BucketSettings, IssuerKeys, IssuerSettings, Settings},
};

/// The authenticator of `[auth]`. Issuers whose settings are the same in `before` keep the keys that they have there.
///
/// # Errors
/// When a key can't be used.
pub fn authenticator(
    settings: &Settings,
    before: Option<(&Settings, &Authenticator)>,
) -> Result<Authenticator, AuthSetupError> {
    let config = AuthConfig {
        user_id_claim: settings.auth.user_id_claim.clone(),
        scope_claim: settings.auth.scope_claim.clone(),
        leeway: settings.auth.leeway,
        algorithms: settings.auth.algorithms.clone(),
        issuers: settings.auth.issuers.iter().map(issuer).collect(),
        allow_loopback_http: settings.is_development(),
    };
    let Some((settings_before, before)) = before else { return Authenticator::new(config) };
    let is_same = |issuer: &str| {
        let place = |settings: &Settings| {
            let place = settings.auth.issuers.iter().position(|known| known.issuer == issuer)?;
            Some(format!("auth.issuers[{place}]"))
        };
        let (now, then) = (place(settings), place(settings_before));
        now.zip(then).is_some_and(|(now, then)| settings.is_same(&now, settings_before, &then))
    };
    Authenticator::succeeding(config, before, is_same)
}

/// What is in the cell, made when it is needed first.
fn once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&T> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}

/// A client per `[buckets.NAME]`, by that name, signed by its `confirm_credentials`, and where it writes by its `credentials`.
///
/// # Errors
/// When no HTTP client can be built.
pub fn object_stores(
    settings: &Settings,
    credentials: &BTreeMap<String, Arc<dyn Credentials>>,
) -> anyhow::Result<BTreeMap<String, Arc<dyn ObjectStore>>> {
    let http = crate::oss_client::build_http_client().context("no HTTP client")?;
    let client = |bucket: &BucketSettings| -> Option<Arc<dyn ObjectStore>> {
        let target = target(bucket, &bucket.service_endpoint);
        Some(Arc::new(OssClient::new(target, signers(bucket, credentials)?, http.clone())))
    };
    // Settings are valid only when every bucket's credentials exist, so none is left out here.
    Ok(settings.buckets.iter().filter_map(|(name, bucket)| Some((name.clone(), client(bucket)?))).collect())
}

/// What asks about one bucket.
pub struct Inspectors {
    /// As we reach the bucket.
    pub service: BucketInspector,
    /// As clients reach it, where that is another way.
    pub clients: Option<BucketInspector>,
}

/// The inspectors of each `[buckets.NAME]`, by that name.
///
/// # Errors
/// When no HTTP client can be built.
pub fn bucket_inspectors(
    settings: &Settings,
    credentials: &BTreeMap<String, Arc<dyn Credentials>>,
) -> anyhow::Result<BTreeMap<String, Inspectors>> {
    let http = crate::oss_client::build_http_client().context("no HTTP client")?;
    let inspectors = |bucket: &BucketSettings| -> Option<Inspectors> {
        let signers = signers(bucket, credentials)?;
        let at = |endpoint| BucketInspector::new(target(bucket, endpoint), signers.clone(), http.clone());
        let another = bucket.client_endpoint != bucket.service_endpoint;
        Some(Inspectors {
            service: at(&bucket.service_endpoint),
            clients: another.then(|| at(&bucket.client_endpoint)),
        })
    };
    Ok(settings.buckets.iter().filter_map(|(name, bucket)| Some((name.clone(), inspectors(bucket)?))).collect())
}

fn signers(bucket: &BucketSettings, credentials: &BTreeMap<String, Arc<dyn Credentials>>) -> Option<Signers> {
    Some(Signers {
        confirm: Arc::clone(credentials.get(&bucket.confirm_credentials)?),
        write: Arc::clone(credentials.get(&bucket.credentials)?),
    })
}

fn target(bucket: &BucketSettings, endpoint: &Endpoint) -> OssBucket {
    OssBucket {
        bucket: bucket.bucket.clone(),
        region: bucket.region.clone(),
        endpoint: endpoint.clone(),
        signature_version: bucket.signature_version,
        head_timeout: HEAD_TIMEOUT,
    }
}

/// A token of the first issuer whose HMAC secret is configured.
///
/// # Errors
/// When there is no such issuer: tokens signed by a private key are not ours to make.
pub fn development_token(
    settings: &Settings,
    user: &str,
    scopes: &[String],
    ttl: TimeDelta,
    now: DateTime<Utc>,
) -> anyhow::Result<String> {
    let held = settings.auth.issuers.iter().find_map(|issuer| match &issuer.keys {
        IssuerKeys::HmacSecret(secret) => Some((issuer, secret)),
        _ => None,
    });
    let (issuer, secret) = held.ok_or_else(|| anyhow!("no issuer in auth.issuers has an hmac_secret to sign with"))?;
    let request = TokenRequest {
        issuer: &issuer.issuer,
        audience: issuer.audience.first().map(String::as_str),
        secret,
        user_id_claim: &settings.auth.user_id_claim,
        user,
        scope_claim: &settings.auth.scope_claim,
        scopes,
        ttl,
    };
    mint(&request, now).context("the token can't be signed")
}

fn issuer(settings: &IssuerSettings) -> IssuerConfig {
    IssuerConfig {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        keys: match &settings.keys {
            IssuerKeys::JwksUrl(url) => KeySource::JwksUrl(url.clone()),
            IssuerKeys::JwksFile(path) => KeySource::JwksFile(path.clone()),
            IssuerKeys::PublicKeyFile(path) => KeySource::PublicKeyFile(path.clone()),
            IssuerKeys::HmacSecret(secret) => KeySource::HmacSecret(secret.clone()),
        },
        max_stale: settings.jwks_max_stale,
    }
}
