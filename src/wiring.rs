//! Turns settings into the shells' own types, so that neither side knows the other. Part of the start-up.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    app::ports::{Credentials, ObjectStore},
    auth::{AuthConfig, AuthSetupError, Authenticator, IssuerConfig, KeySource},
    credentials::{EnvCredentials, Part, StaticCredentials},
    oss_client::{HEAD_TIMEOUT, OssBucket, OssClient},
    settings::{CredentialSettings, Environment, IssuerKeys, IssuerSettings, SecretSource, Settings},
};

/// The authenticator of `[auth]`.
///
/// # Errors
/// When a key can't be used.
pub fn authenticator(settings: &Settings) -> Result<Authenticator, AuthSetupError> {
    Authenticator::new(AuthConfig {
        user_id_claim: settings.auth.user_id_claim.clone(),
        scope_claim: settings.auth.scope_claim.clone(),
        leeway: settings.auth.leeway,
        algorithms: settings.auth.algorithms.clone(),
        issuers: settings.auth.issuers.iter().map(issuer).collect(),
        allow_loopback_http: settings.is_development(),
    })
}

/// A provider per `[credentials.NAME]`, by name.
pub fn credentials(settings: &Settings, environment: &Environment) -> BTreeMap<String, Arc<dyn Credentials>> {
    let provider = |section: &CredentialSettings| -> Arc<dyn Credentials> {
        match section {
            CredentialSettings::Env => Arc::new(EnvCredentials::new(|name| environment.get(name))),
            CredentialSettings::Static { access_key_id, access_key_secret, security_token } => Arc::new(
                StaticCredentials::new(part(access_key_id), part(access_key_secret), security_token.as_ref().map(part)),
            ),
        }
    };
    settings.credentials.iter().map(|(name, section)| (name.clone(), provider(section))).collect()
}

/// A client per `[buckets.NAME]`, by that name, signed by its `confirm_credentials`.
///
/// # Errors
/// When no HTTP client can be built.
pub fn object_stores(
    settings: &Settings,
    credentials: &BTreeMap<String, Arc<dyn Credentials>>,
) -> Result<BTreeMap<String, Arc<dyn ObjectStore>>, reqwest::Error> {
    let http = crate::oss_client::build_http_client()?;
    let client = |bucket: &crate::settings::BucketSettings| -> Option<Arc<dyn ObjectStore>> {
        let signer = Arc::clone(credentials.get(&bucket.confirm_credentials)?);
        let target = OssBucket {
            bucket: bucket.bucket.clone(),
            region: bucket.region.clone(),
            endpoint: bucket.service_endpoint.clone(),
            signature_version: bucket.signature_version,
            head_timeout: HEAD_TIMEOUT,
        };
        Some(Arc::new(OssClient::new(target, signer, http.clone())))
    };
    // Settings are valid only when every bucket's credentials exist, so none is left out here.
    Ok(settings.buckets.iter().filter_map(|(name, bucket)| Some((name.clone(), client(bucket)?))).collect())
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

fn part(source: &SecretSource) -> Part {
    match source {
        SecretSource::Inline(secret) => Part::Inline(secret.clone()),
        SecretSource::File(path) => Part::File(path.clone()),
    }
}
