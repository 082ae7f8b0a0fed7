//! What a token says: read before anything is believed, judged after the signature has been.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuthConfig, Caller, Unauthorized};

/// Longer ones are refused unread: they would cost more than they can be worth.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Which key a token asks for. Nothing here is believed.
#[derive(Debug)]
pub(super) struct UnverifiedToken {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) issuer: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl UnverifiedToken {
    /// Reads header and `iss`.
    pub(super) fn parse(token: &str) -> Result<Self, Unauthorized> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Unauthorized::InvalidRequest("the bearer token is no JWT"));
        };
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Unauthorized::InvalidRequest("the bearer token is too long"));
        }
        let header: Header = decode(header).ok_or(Unauthorized::InvalidToken("the token's header can't be read"))?;
        if header.crit {
            return Err(Unauthorized::InvalidToken("the token demands an extension that is not understood"));
        }
        let algorithm =
            header.alg.parse().map_err(|_| Unauthorized::InvalidToken("the token's algorithm is not accepted"))?;
        let Issuer { iss } = decode(payload).ok_or(Unauthorized::InvalidToken("the token names no issuer"))?;
        Ok(Self { algorithm, kid: header.kid, issuer: iss })
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Whatever the value is: that it is there is what counts.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// When a token may be used; seconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validity {
    expires: i64,
    not_before: Option<i64>,
}

impl Validity {
    /// Reads `exp`, which must be there, and `nbf`.
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, Unauthorized> {
        let expires = claims.get("exp").ok_or(Unauthorized::InvalidToken("the token has no exp"))?;
        let expires = seconds(expires).ok_or(Unauthorized::InvalidToken("the token's exp is no time"))?;
        let not_before = claims
            .get("nbf")
            .map(|value| seconds(value).ok_or(Unauthorized::InvalidToken("the token's nbf is no time")));
        Ok(Self { expires, not_before: not_before.transpose()? })
    }

    /// Judges both by `now`.
    pub(super) fn check(self, now: DateTime<Utc>, leeway: TimeDelta) -> Result<(), Unauthorized> {
        let (now, leeway) = (now.timestamp(), leeway.num_seconds());
        if now >= self.expires.saturating_add(leeway) {
            return Err(Unauthorized::InvalidToken("the token has expired"));
        }
        if self.not_before.is_some_and(|not_before| now < not_before.saturating_sub(leeway)) {
            return Err(Unauthorized::InvalidToken("the token is not valid yet"));
        }
        Ok(())
    }
}

/// A `NumericDate`, which may have a fraction (RFC 7519 §2).
#[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole second, saturating")]
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|number| number.is_finite()).map(|number| number as i64))
}

/// Whether `aud` names one of ours; without any of ours it is not asked.
pub(super) fn check_audience(claims: &Map<String, Value>, ours: &[String]) -> Result<(), Unauthorized> {
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| ours.iter().any(|name| name == text));
    let named = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(is_ours),
        Some(value) => is_ours(value),
        None => false,
    };
    if named || ours.is_empty() { Ok(()) } else { Err(Unauthorized::InvalidToken("the token is for another audience")) }
}

/// Who calls, of claims whose signature has been verified.
pub(super) fn caller_of(
    claims: &Map<String, Value>,
    issuer: &str,
    config: &AuthConfig,
) -> Result<Caller, Unauthorized> {
    let user_id = match claims.get(&config.user_id_claim) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
        _ => String::new(),
    };
    if user_id.is_empty() || user_id.chars().any(char::is_control) {
        return Err(Unauthorized::InvalidToken("the token names no usable user"));
    }
    let scopes = match claims.get(&config.scope_claim) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => std::collections::BTreeSet::new(),
    };
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or(&user_id).to_owned();
    Ok(Caller { issuer: issuer.to_owned(), subject, user_id, scopes })
}
