//! What a refused signature's document repeats of the request, so that a client finds its mistake.
//!
//! The elements are as in documents that OSS sent: `OSSAccessKeyId` for an unknown key; `MaxAllowedSkewMilliseconds`,
//! `RequestTime`, `ServerTime` for a wrong clock; `Expires`, `ServerTime` and EC 0002-00000069 for a URL that is too old.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    oss::{
        sign_v4::{self, Scope},
        verify::{MAX_CLOCK_SKEW, Scheme, SignatureRefusal, UnverifiedSignature},
    },
    simulator::{errors::OssError, operations::post_form::PostForm, request::Incoming},
};

/// What a request claims and nobody has proved.
#[derive(Default)]
struct Claims {
    access_key_id: Option<String>,
    time: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
}

/// The refusal of a request signed in header or query.
pub(super) fn request(refusal: SignatureRefusal, incoming: &Incoming) -> OssError {
    let claims = match UnverifiedSignature::from_request(&incoming.signable()) {
        Ok(Some(unverified)) => Claims::of(unverified),
        Ok(None) | Err(_) => Claims::default(),
    };
    explained(refusal, &claims, incoming.now)
}

/// The refusal of a form.
pub(super) fn form(refusal: SignatureRefusal, form: &PostForm, now: DateTime<Utc>) -> OssError {
    let v4_id = || form.get("x-oss-credential").and_then(Scope::parse_credential).map(|(id, _)| id);
    let access_key_id = form.get("OSSAccessKeyId").map(str::to_owned).or_else(v4_id);
    let time = form.get("x-oss-date").and_then(sign_v4::parse_date);
    explained(refusal, &Claims { access_key_id, time, expires: None }, now)
}

impl Claims {
    fn of(unverified: UnverifiedSignature) -> Self {
        let (time, expires) = match unverified.scheme {
            Scheme::V1Header { time, .. } | Scheme::V4Header { time, .. } => (Some(time), None),
            Scheme::V1Query { expires } => (None, DateTime::from_timestamp(expires, 0)),
            Scheme::V4Query { time, expires_in, .. } => {
                let lifetime = TimeDelta::try_seconds(expires_in);
                (Some(time), lifetime.and_then(|lifetime| time.checked_add_signed(lifetime)))
            }
        };
        Self { access_key_id: Some(unverified.access_key_id), time, expires }
    }
}

fn explained(refusal: SignatureRefusal, claims: &Claims, now: DateTime<Utc>) -> OssError {
    let expired = matches!(&refusal, SignatureRefusal::AccessDenied(message) if message == "Request has expired.");
    let unknown = matches!(refusal, SignatureRefusal::InvalidAccessKeyId);
    let skewed = matches!(refusal, SignatureRefusal::RequestTimeTooSkewed);
    let error = OssError::from(refusal);
    match (&claims.access_key_id, claims.time, claims.expires) {
        (Some(id), ..) if unknown => error.detail("OSSAccessKeyId", id),
        (_, Some(time), _) if skewed => error
            .detail("MaxAllowedSkewMilliseconds", MAX_CLOCK_SKEW.num_milliseconds().to_string())
            .detail("RequestTime", printed(time))
            .detail("ServerTime", printed(now)),
        (.., Some(expires)) if expired => {
            error.ec("0002-00000069").detail("Expires", printed(expires)).detail("ServerTime", printed(now))
        }
        _ => error,
    }
}

/// `2026-01-01T00:00:00.000Z`.
fn printed(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
