//! Who calls: bearer JWTs, verified with the keys of their own issuer.
//!
//! The header never chooses: keys and algorithms come from the configuration; `jku`, `x5u` and `jwk` are ignored. Time is a
//! parameter, so `exp` and `nbf` are judged with the caller's `now`, on every use of a cached token too.

mod authenticator;
mod claims;
mod fetch;
mod issuer;
mod keys;
mod mint;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use url::Url;

pub use self::{
    authenticator::Authenticator,
    mint::{TokenRequest, mint},
};
use crate::app::ports::{self, Caller, KeySetStatus, Unauthenticated};

/// Why a token is not accepted. `Display` may be shown to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// Not even a token: `invalid_request`.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// A token that is not accepted: `invalid_token`.
    #[error("{0}")]
    InvalidToken(&'static str),
    /// The issuer's keys can't be had at present: not the client's fault.
    #[error("the keys of the token's issuer are unavailable")]
    KeysUnavailable,
}

impl Unauthorized {
    /// RFC 6750's `error`; `None` when the client is not to blame.
    pub fn bearer_error(&self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest(_) => Some("invalid_request"),
            Self::InvalidToken(_) => Some("invalid_token"),
            Self::KeysUnavailable => None,
        }
    }
}

#[async_trait]
impl ports::Authenticator for Authenticator {
    async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Caller>, Unauthenticated> {
        self.authenticate(token, now).await.map_err(|why| match why {
            Unauthorized::KeysUnavailable => Unauthenticated::KeysUnavailable,
            Unauthorized::InvalidRequest(text) | Unauthorized::InvalidToken(text) => {
                Unauthenticated::InvalidToken(text.to_owned())
            }
        })
    }

    fn key_sets(&self) -> Vec<KeySetStatus> {
        self.key_sets()
    }
}

/// How tokens are judged.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The claim that names the user.
    pub user_id_claim: String,
    /// The claim that lists scopes: space-separated text or an array.
    pub scope_claim: String,
    /// How far clocks may differ.
    pub leeway: TimeDelta,
    /// Accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Whose tokens are believed.
    pub issuers: Vec<IssuerConfig>,
    /// Development: key sets may be fetched by plain http from this machine.
    pub allow_loopback_http: bool,
}

/// One issuer and its keys.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// The exact `iss`.
    pub issuer: String,
    /// `aud` must name one of these; empty = not checked.
    pub audience: Vec<String>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// How long fetched keys are used while their host can't be reached.
    pub max_stale: TimeDelta,
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Fetched when needed.
    JwksUrl(Url),
    /// A JWK set on disk, re-read when an unknown `kid` turns up.
    JwksFile(PathBuf),
    /// One public key in PEM.
    PublicKeyFile(PathBuf),
    /// A shared secret (HS256).
    HmacSecret(SecretString),
}

/// Why there can be no authenticator.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// A key file can't be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key or key set can't be used.
    #[error("issuer `{issuer}`: {reason}")]
    Key {
        /// Whose.
        issuer: String,
        /// Why.
        reason: String,
    },
    /// No HTTP client.
    #[error("no HTTP client for key sets: {0}")]
    Client(#[source] reqwest::Error),
}
