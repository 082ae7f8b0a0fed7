//! `[auth]`: whose tokens are believed.

use std::path::PathBuf;

use chrono::TimeDelta;
use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    reader::{Section, parse_choice},
    server::parse_web_url,
};

/// The JWT algorithms that may be listed. Nothing else is ever verified.
const ALGORITHMS: [(&str, Algorithm); 7] = [
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("EdDSA", Algorithm::EdDSA),
    ("HS256", Algorithm::HS256),
];

/// RFC 7518 §3.2: an HS256 key is at least as long as its digest.
const MIN_HMAC_SECRET: usize = 32;

/// `[auth]`.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// The claim that names the user.
    pub user_id_claim: String,
    /// The claim that lists scopes.
    pub scope_claim: String,
    /// How far clocks may differ.
    pub leeway: TimeDelta,
    /// Accepted algorithms; HS256 only if listed.
    pub algorithms: Vec<Algorithm>,
    /// Whose tokens are believed, each by its own keys.
    pub issuers: Vec<IssuerSettings>,
}

/// `[[auth.issuers]]`.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// The exact `iss`.
    pub issuer: String,
    /// `aud` must name one of these; empty = not checked.
    pub audience: Vec<String>,
    /// Where its keys come from.
    pub keys: IssuerKeys,
    /// How long fetched keys are still used while their host can't be reached.
    pub jwks_max_stale: TimeDelta,
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone)]
pub enum IssuerKeys {
    /// Fetched, and fetched again when an unknown `kid` turns up.
    JwksUrl(Url),
    /// A JWK set on disk.
    JwksFile(PathBuf),
    /// One public key in PEM.
    PublicKeyFile(PathBuf),
    /// A shared secret (HS256).
    HmacSecret(SecretString),
}

impl AuthSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let user_id_claim = section.required_text("user_id_claim");
        let scope_claim = section.required_text("scope_claim");
        let leeway = section.required_duration("leeway");
        let algorithms = section.parsed_texts("algorithms", |text| parse_choice(text, &ALGORITHMS));
        if algorithms.is_empty() {
            section.fault("algorithms", "list at least one");
        }
        let hmac_listed = algorithms.contains(&Algorithm::HS256);
        if !section.has("issuers") {
            section.fault("issuers", "missing: without an issuer nobody can call");
        }
        let issuers = section.items("issuers", |item| IssuerSettings::read(item, hmac_listed));
        for (index, issuer) in issuers.iter().enumerate() {
            if issuers[..index].iter().any(|other| other.issuer == issuer.issuer) {
                section.fault("issuers", format!("`{}` occurs twice", issuer.issuer));
            }
        }
        Self { user_id_claim, scope_claim, leeway, algorithms, issuers }
    }
}

impl IssuerSettings {
    fn read(section: &mut Section<'_>, hmac_listed: bool) -> Option<Self> {
        let issuer = section.required_text("issuer");
        let audience = section.text_or_texts("audience");
        let jwks_max_stale = section.duration("jwks_max_stale").unwrap_or(TimeDelta::hours(24));
        let given: Vec<_> = [
            section.parse("jwks_url", parse_web_url).map(IssuerKeys::JwksUrl),
            section.content_path("jwks_file").map(IssuerKeys::JwksFile),
            section.content_path("public_key_file").map(IssuerKeys::PublicKeyFile),
            section.secret("hmac_secret").map(IssuerKeys::HmacSecret),
        ]
        .into_iter()
        .flatten()
        .collect();
        let Ok([keys]) = <[IssuerKeys; 1]>::try_from(given) else {
            section.fault("", "give exactly one of jwks_url, jwks_file, public_key_file, hmac_secret_file");
            return None;
        };
        if let IssuerKeys::HmacSecret(secret) = &keys {
            if !hmac_listed {
                section.fault("", "an HMAC secret needs \"HS256\" in auth.algorithms");
            }
            if secret.expose_secret().len() < MIN_HMAC_SECRET {
                section.fault("hmac_secret", format!("an HMAC secret needs at least {MIN_HMAC_SECRET} bytes"));
            }
        }
        Some(Self { issuer, audience, keys, jwks_max_stale })
    }
}
