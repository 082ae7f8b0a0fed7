//! What a refused signature's document repeats of the request, so that a client finds its mistake.
//!
//! The elements are as in documents that OSS sent: `OSSAccessKeyId` for an unknown key; `Expires`, `ServerTime` and EC
//! 0002-00000069 for a URL that is too old.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    oss::{
        sign_v4::Scope,
        verify::{Scheme, SignatureRefusal, UnverifiedSignature},
    },
    simulator::{errors::OssError, operations::post_form::PostForm, request::Incoming},
};

/// The refusal of a request signed in header or query.
pub(super) fn request(refusal: SignatureRefusal, incoming: &Incoming) -> OssError {
    let Ok(Some(unverified)) = UnverifiedSignature::from_request(&incoming.signable()) else { return refusal.into() };
    match (&refusal, expiry(&unverified.scheme)) {
        (SignatureRefusal::InvalidAccessKeyId, _) => unknown_key(refusal, &unverified.access_key_id),
        (SignatureRefusal::AccessDenied(message), Some(expires)) if message == "Request has expired." => {
            OssError::from(refusal)
                .ec("0002-00000069")
                .detail("Expires", printed(expires))
                .detail("ServerTime", printed(incoming.now))
        }
        _ => refusal.into(),
    }
}

/// The refusal of a form.
pub(super) fn form(refusal: SignatureRefusal, form: &PostForm) -> OssError {
    let v4_id = || form.get("x-oss-credential").and_then(Scope::parse_credential).map(|(id, _)| id);
    match form.get("OSSAccessKeyId").map(str::to_owned).or_else(v4_id) {
        Some(id) if refusal == SignatureRefusal::InvalidAccessKeyId => unknown_key(refusal, &id),
        _ => refusal.into(),
    }
}

fn unknown_key(refusal: SignatureRefusal, id: &str) -> OssError {
    OssError::from(refusal).detail("OSSAccessKeyId", id)
}

/// Until when a URL is good.
fn expiry(scheme: &Scheme) -> Option<DateTime<Utc>> {
    match scheme {
        Scheme::V1Query { expires } => DateTime::from_timestamp(*expires, 0),
        Scheme::V4Query { time, expires_in, .. } => time.checked_add_signed(TimeDelta::try_seconds(*expires_in)?),
        Scheme::V1Header { .. } | Scheme::V4Header { .. } => None,
    }
}

/// `2026-01-01T00:00:00.000Z`.
fn printed(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
