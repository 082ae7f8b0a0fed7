//! The other side of signing: is a received request signed as it says? (P§4.1, P§4.2, P§3.3)
//!
//! Pure: the caller looks keys up and brings the time. What it cannot verify it refuses in OSS's own words.

mod form;
mod parse;
mod refusal;

pub use form::{VerifiedForm, verify_post_form};
pub use parse::{Scheme, UnverifiedSignature};
pub use refusal::{AdditionalHeadersFault, SignatureRefusal};

use chrono::{DateTime, TimeDelta, Utc};
use subtle::ConstantTimeEq;

use super::{
    access_key::AccessKey,
    presign::{MAX_V4_EXPIRY, MAX_V4_EXPIRY_WITH_TOKEN},
    request::{SignableRequest, SignatureVersion},
    sign_v1,
    sign_v4::{self, Scope, SigningKey},
};

/// How far a sender's clock may be off (P§4.2). More, and captured requests live longer; less, and honest clients fail.
pub const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::minutes(15);

/// What a server knows beside the request.
#[derive(Debug, Clone, Copy)]
pub struct VerifyingContext<'a> {
    /// The server's clock.
    pub now: DateTime<Utc>,
    /// The region that V4 scopes must name; any when `None`.
    pub region: Option<&'a str>,
}

/// A key that exists, as the server knows it.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// With the security token that belongs to it, if it is a temporary one.
    pub key: AccessKey,
    /// From then on a temporary key is refused as [`SignatureRefusal::SecurityTokenExpired`].
    pub expires_at: Option<DateTime<Utc>>,
}

impl From<AccessKey> for KnownKey {
    fn from(key: AccessKey) -> Self {
        Self { key, expires_at: None }
    }
}

impl KnownKey {
    /// Whether the given token is this key's, and still good at `now`.
    ///
    /// A temporary key is unknown without its token (P§3.5), and a token belongs to one key.
    fn check(&self, given: Option<&str>, now: DateTime<Utc>) -> Result<(), SignatureRefusal> {
        match (self.key.expose_security_token(), given) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(SignatureRefusal::InvalidAccessKeyId),
            (Some(known), Some(given)) if bool::from(known.as_bytes().ct_eq(given.as_bytes())) => {
                let expired = self.expires_at.is_some_and(|expires_at| now >= expires_at);
                if expired { Err(SignatureRefusal::SecurityTokenExpired) } else { Ok(()) }
            }
            (_, Some(_)) => Err(SignatureRefusal::InvalidSecurityToken),
        }
    }
}

/// Proof that a request was signed with a known key; only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    access_key_id: String,
    version: SignatureVersion,
}

impl VerifiedSignature {
    /// The id of the key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scheme it signed with.
    pub fn version(&self) -> SignatureVersion {
        self.version
    }
}

/// Verifies the signature of a received request, in its headers or its query; `Ok(None)` when it carries none (an anonymous request).
///
/// `request` holds what arrived: query decoded, headers as sent, bucket and key resolved by the server. `find_key` gives the key of
/// an id, with the security token that belongs to it if it is a temporary one.
///
/// # Errors
/// What OSS would answer.
pub fn verify<K: Into<KnownKey>>(
    request: &SignableRequest,
    find_key: impl FnOnce(&str) -> Option<K>,
    context: &VerifyingContext<'_>,
) -> Result<Option<VerifiedSignature>, SignatureRefusal> {
    let Some(unverified) = UnverifiedSignature::from_request(request)? else { return Ok(None) };
    check_time(&unverified, context.now)?;
    check_region(&unverified.scheme, context)?;
    let known: KnownKey = find_key(&unverified.access_key_id).ok_or(SignatureRefusal::InvalidAccessKeyId)?.into();
    known.check(unverified.security_token.as_deref(), context.now)?;
    check_signature(request, &unverified, &known.key)?;
    let UnverifiedSignature { access_key_id, scheme, .. } = unverified;
    Ok(Some(VerifiedSignature { access_key_id, version: scheme.version() }))
}

fn check_time(unverified: &UnverifiedSignature, now: DateTime<Utc>) -> Result<(), SignatureRefusal> {
    match &unverified.scheme {
        Scheme::V1Header { time, .. } | Scheme::V4Header { time, .. } => check_skew(*time, now),
        Scheme::V1Query { expires } if now.timestamp() > *expires => Err(SignatureRefusal::expired()),
        Scheme::V1Query { .. } => Ok(()),
        Scheme::V4Query { time, expires_in, .. } => {
            let longest = if unverified.security_token.is_some() { MAX_V4_EXPIRY_WITH_TOKEN } else { MAX_V4_EXPIRY };
            if !(1..=longest).contains(expires_in) {
                let message = format!("x-oss-expires must be between 1 and {longest} seconds.");
                return Err(SignatureRefusal::argument(message, "x-oss-expires", &expires_in.to_string()));
            }
            check_window(*time, TimeDelta::seconds(*expires_in), now)
        }
    }
}

fn check_skew(time: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SignatureRefusal> {
    let skew = now.signed_duration_since(time).abs();
    if skew > MAX_CLOCK_SKEW {
        Err(SignatureRefusal::RequestTimeTooSkewed { request_time: time, server_time: now })
    } else {
        Ok(())
    }
}

/// Valid from 15 minutes before its date until it expires (P§4.2).
fn check_window(from: DateTime<Utc>, life: TimeDelta, now: DateTime<Utc>) -> Result<(), SignatureRefusal> {
    let age = now.signed_duration_since(from);
    if age > life {
        Err(SignatureRefusal::expired())
    } else if age < -MAX_CLOCK_SKEW {
        Err(SignatureRefusal::AccessDenied("Request is not valid yet.".to_owned()))
    } else {
        Ok(())
    }
}

fn check_region(scheme: &Scheme, context: &VerifyingContext<'_>) -> Result<(), SignatureRefusal> {
    match scheme {
        Scheme::V4Header { scope, time, .. } | Scheme::V4Query { scope, time, .. } => {
            check_scope(scope, *time, context)
        }
        Scheme::V1Header { .. } | Scheme::V1Query { .. } => Ok(()),
    }
}

/// The scope must be of the request's day, the server's region and the product `oss`.
fn check_scope(scope: &Scope, time: DateTime<Utc>, context: &VerifyingContext<'_>) -> Result<(), SignatureRefusal> {
    let expected = Scope::oss(time, context.region.unwrap_or(&scope.region));
    let wrong = |what: &str, value: &str| {
        Err(SignatureRefusal::argument(format!("Invalid signing {what} in credential."), what, value))
    };
    if scope.date != expected.date {
        wrong("date", &scope.date)
    } else if scope.region != expected.region {
        wrong("region", &scope.region)
    } else if scope.product != expected.product {
        wrong("product", &scope.product)
    } else {
        Ok(())
    }
}

fn check_signature(
    request: &SignableRequest,
    unverified: &UnverifiedSignature,
    key: &AccessKey,
) -> Result<(), SignatureRefusal> {
    let (matches, string_to_sign, canonical_request) = match &unverified.scheme {
        Scheme::V1Header { date, .. } => v1(request, unverified, key, date),
        Scheme::V1Query { expires } => v1(request, unverified, key, &expires.to_string()),
        Scheme::V4Header { scope, additional_headers, time }
        | Scheme::V4Query { scope, additional_headers, time, .. } => {
            let timestamp = sign_v4::format_date(*time);
            let additional = sign_v4::effective_additional_headers(request, additional_headers);
            let canonical_request = sign_v4::canonical_request(request, &additional);
            let string_to_sign = sign_v4::string_to_sign(&canonical_request, &timestamp, scope);
            let matches = SigningKey::derive(key, scope).verify_text(&string_to_sign, &unverified.signature);
            (matches, string_to_sign, Some(canonical_request))
        }
    };
    if matches {
        return Ok(());
    }
    Err(SignatureRefusal::SignatureDoesNotMatch {
        access_key_id: unverified.access_key_id.clone(),
        signature_provided: unverified.signature.clone(),
        string_to_sign,
        canonical_request,
    })
}

fn v1(
    request: &SignableRequest,
    unverified: &UnverifiedSignature,
    key: &AccessKey,
    date: &str,
) -> (bool, String, Option<String>) {
    let string_to_sign = sign_v1::string_to_sign(request, date);
    (sign_v1::verify_text(&string_to_sign, key, &unverified.signature), string_to_sign, None)
}

#[cfg(test)]
mod tests;
