//! Who signed a call: RPC version 1.0 with HMAC-SHA1, or ACS3-HMAC-SHA256 (P§6.1).

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{answer::StsError, call::Call};
use crate::{
    oss::{
        access_key::AccessKey,
        sign_acs3::{self, Acs3Authorization, Acs3Request},
        sign_rpc,
        verify::MAX_CLOCK_SKEW,
    },
    simulator::{
        access::authorise::{Credential, Identity},
        server::Oss,
    },
};

/// Whoever proved to have a key.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) access_key_id: String,
    pub(super) identity: Identity,
}

/// What both schemes say, in different places.
struct Claim<'a> {
    access_key_id: &'a str,
    nonce: &'a str,
    timestamp: &'a str,
    security_token: Option<&'a str>,
}

/// Verifies the signature, and that the call is fresh.
pub(super) fn verify(oss: &Oss, call: &Call) -> Result<Signer, StsError> {
    match call.header("authorization") {
        Some(authorization) => verify_acs3(oss, call, authorization),
        None => verify_rpc(oss, call),
    }
}

fn verify_rpc(oss: &Oss, call: &Call) -> Result<Signer, StsError> {
    let claim = Claim {
        access_key_id: call.needed("AccessKeyId")?,
        nonce: call.needed("SignatureNonce")?,
        timestamp: call.needed("Timestamp")?,
        security_token: call.parameter("SecurityToken"),
    };
    let signature = call.needed("Signature")?;
    if call.needed("SignatureMethod")? != "HMAC-SHA1" {
        return Err(StsError::new(400, "InvalidSignatureMethod", "Specified signature method is not valid."));
    }
    if call.needed("SignatureVersion")? != "1.0" {
        // No source gives code and message: an assumption after the one above.
        return Err(StsError::new(400, "InvalidSignatureVersion", "Specified signature version is not valid."));
    }
    check(oss, call, &claim, |key| {
        let parameters: Vec<_> = call.parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
        let text = sign_rpc::string_to_sign(&call.method, &parameters);
        if sign_rpc::verify_text(&text, key, signature) { Ok(()) } else { Err(mismatch(&text)) }
    })
}

fn verify_acs3(oss: &Oss, call: &Call, authorization: &str) -> Result<Signer, StsError> {
    // No source gives code and message: an assumption.
    let malformed = || StsError::new(400, "InvalidAuthorization", "Specified Authorization header is not valid.");
    let parsed = Acs3Authorization::parse(authorization).ok_or_else(malformed)?;
    let header = |name: &str| call.header(name).ok_or_else(|| StsError::missing(name));
    let claim = Claim {
        access_key_id: &parsed.access_key_id,
        nonce: header("x-acs-signature-nonce")?,
        timestamp: header("x-acs-date")?,
        security_token: call.header("x-acs-security-token"),
    };
    let content_sha256 = header("x-acs-content-sha256")?;
    let body_sha256 = hex::encode(Sha256::digest(&call.body));
    check(oss, call, &claim, |key| {
        let request = Acs3Request {
            method: &call.method,
            path: &call.path,
            query: &call.query,
            headers: &call.headers,
            content_sha256,
        };
        let canonical = sign_acs3::canonical_request(&request, &parsed.signed_headers);
        let text = sign_acs3::string_to_sign(&canonical);
        // What is not signed could be exchanged on the way.
        let complete = sign_acs3::mandatory_headers(&call.headers)
            .iter()
            .all(|name| name == "content-type" || parsed.signed_headers.contains(name));
        let genuine =
            complete && content_sha256 == body_sha256 && sign_acs3::verify_text(&text, key, &parsed.signature);
        if genuine { Ok(()) } else { Err(mismatch(&text)) }
    })
}

/// Time, key, token, signature, nonce; the nonce last, so that only a true signature can use one up.
fn check(
    oss: &Oss,
    call: &Call,
    claim: &Claim<'_>,
    signature: impl FnOnce(&AccessKey) -> Result<(), StsError>,
) -> Result<Signer, StsError> {
    check_time(claim.timestamp, call.now)?;
    let not_found = || StsError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
    let credential = Credential::find(claim.access_key_id, oss).ok_or_else(not_found)?;
    let known = credential.known_key();
    check_token(&known.key, known.expires_at, claim.security_token, call.now)?;
    signature(&known.key)?;
    oss.sts.guard.note_nonce(claim.access_key_id, claim.nonce, call.now)?;
    Ok(Signer { access_key_id: claim.access_key_id.to_owned(), identity: credential.identity(oss) })
}

fn check_time(timestamp: &str, now: DateTime<Utc>) -> Result<(), StsError> {
    let Ok(time) = DateTime::parse_from_rfc3339(timestamp) else {
        let message = "Specified time stamp or date value is not well formatted.";
        return Err(StsError::new(400, "InvalidTimeStamp.Format", message));
    };
    let off: TimeDelta = now.signed_duration_since(time).abs();
    if off > MAX_CLOCK_SKEW {
        let message = "Specified time stamp or date value is expired.";
        return Err(StsError::new(400, "InvalidTimeStamp.Expired", message));
    }
    Ok(())
}

fn check_token(
    key: &AccessKey,
    expires_at: Option<DateTime<Utc>>,
    given: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StsError> {
    match (key.expose_security_token(), given) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(StsError::missing("SecurityToken")),
        (Some(known), Some(given)) if bool::from(known.as_bytes().ct_eq(given.as_bytes())) => {
            if expires_at.is_some_and(|expires_at| now >= expires_at) {
                return Err(StsError::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."));
            }
            Ok(())
        }
        (_, Some(_)) => {
            let message = "Specified SecurityToken mismatch with the AccessKey.";
            Err(StsError::new(400, "InvalidSecurityToken.MismatchWithAccessKey", message))
        }
    }
}

/// Shows what the server signed, as the gateway does, so that a client can compare.
fn mismatch(string_to_sign: &str) -> StsError {
    let message =
        format!("Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}");
    StsError::new(400, "SignatureDoesNotMatch", message)
}
