//! Makes tokens for development: only an issuer whose secret we hold can have them.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// What a development token says.
#[derive(Debug, Clone)]
pub struct TokenRequest<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`, where the issuer's tokens need one.
    pub audience: Option<&'a str>,
    /// The issuer's shared secret.
    pub secret: &'a SecretString,
    /// The claim that names the user; `sub` names him too.
    pub user_id_claim: &'a str,
    /// The user.
    pub user: &'a str,
    /// The claim that lists scopes.
    pub scope_claim: &'a str,
    /// Scopes.
    pub scopes: &'a [String],
    /// How long it lives.
    pub ttl: TimeDelta,
}

/// Signs a token with HS256.
///
/// # Errors
/// When the token can't be signed.
pub fn mint(request: &TokenRequest<'_>, now: DateTime<Utc>) -> Result<String, jsonwebtoken::errors::Error> {
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    say("iss", request.issuer.into());
    say("sub", request.user.into());
    say(request.user_id_claim, request.user.into());
    if let Some(audience) = request.audience {
        say("aud", audience.into());
    }
    if !request.scopes.is_empty() {
        say(request.scope_claim, request.scopes.join(" ").into());
    }
    say("iat", now.timestamp().into());
    say("exp", (now + request.ttl).timestamp().into());
    let key = EncodingKey::from_secret(request.secret.expose_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}
