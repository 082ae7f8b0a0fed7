//! Who signed a request, in the header or in the query, V1 or V4 (P§4.1, P§4.2).

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    errors::OssError,
    permissions::Action,
    request::Incoming,
    settings::{KeySpec, SimulatorSettings},
};
use crate::oss::{
    sign_v1,
    sign_v4::{self, ALGORITHM, Scope, SigningKey},
};

/// OSS's tolerance between its clock and the signer's (P§3.3, P§4.2).
pub(super) const MAX_SKEW: TimeDelta = TimeDelta::minutes(15);

/// Longest life of a V4 URL (P§4.2).
const MAX_EXPIRES: i64 = 604_800;

/// Longest life of a V4 URL signed with STS credentials (P§4.2).
const MAX_EXPIRES_WITH_TOKEN: i64 = 43_200;

/// Finds the credential that signed, and checks that it really did.
pub(super) fn authorise<'a>(incoming: &Incoming, settings: &'a SimulatorSettings) -> Result<&'a KeySpec, OssError> {
    let header = incoming.header("authorization");
    let v4_query = incoming.query("x-oss-signature-version").is_some() || incoming.query("x-oss-signature").is_some();
    let v1_query = incoming.query("OSSAccessKeyId").is_some() || incoming.query("Signature").is_some();
    match (header, v4_query, v1_query) {
        (None, false, false) => Err(OssError::anonymous()),
        (Some(header), false, false) => {
            if let Some(fields) = header.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' ')) {
                v4_header(fields, incoming, settings)
            } else if let Some(credentials) = header.strip_prefix("OSS ") {
                v1_header(credentials.trim(), incoming, settings)
            } else {
                Err(OssError::invalid_argument("Invalid Authorization header.", "Authorization", header))
            }
        }
        (None, true, false) => v4_in_query(incoming, settings),
        (None, false, true) => v1_in_query(incoming, settings),
        _ => Err(OssError::bad_request("InvalidArgument", "Only one authentication mechanism is allowed.")),
    }
}

/// Refuses when RAM does not allow the action.
pub(super) fn permit(spec: &KeySpec, action: Action) -> Result<(), OssError> {
    if spec.permissions.allow(action) { Ok(()) } else { Err(OssError::not_permitted()) }
}

/// The known credential `id`, with the STS token it came with.
pub(super) fn find_key<'a>(
    id: &str,
    token: Option<&str>,
    settings: &'a SimulatorSettings,
) -> Result<&'a KeySpec, OssError> {
    let spec = settings.access_key(id).ok_or_else(|| OssError::invalid_access_key_id(id))?;
    match (spec.key.expose_security_token(), token) {
        (None, None) => Ok(spec),
        (Some(expected), Some(given)) if expected == given => Ok(spec),
        (Some(_), None) => Err(OssError::invalid_access_key_id(id)),
        _ => Err(OssError::invalid_security_token()),
    }
}

/// Refuses a scope that names another day than `x-oss-date`, another region than the bucket's, or another product.
pub(super) fn check_scope(scope: &Scope, date: &str, region: Option<&str>, credential: &str) -> Result<(), OssError> {
    let refuse = |message: &'static str| Err(OssError::invalid_argument(message, "x-oss-credential", credential));
    if !date.starts_with(&scope.date) {
        return refuse("Invalid signing date in Authorization header.");
    }
    if region.is_some_and(|region| region != scope.region) {
        return refuse("Invalid signing region in Authorization header.").map_err(|error| error.ec("0002-00000226"));
    }
    if scope.product != "oss" {
        return refuse("Invalid signing product in Authorization header.");
    }
    Ok(())
}

/// The dates and the scope of a V4 signature, wherever they stood.
struct V4Claim<'a> {
    credential: &'a str,
    date: &'a str,
    additional: Vec<String>,
    signature: &'a str,
    token: Option<&'a str>,
}

impl V4Claim<'_> {
    fn parse(&self) -> Result<(String, Scope, DateTime<Utc>), OssError> {
        let (id, scope) = Scope::parse_credential(self.credential).ok_or_else(|| {
            OssError::invalid_argument("Invalid credential in Authorization header.", "credential", self.credential)
        })?;
        let date = sign_v4::parse_date(self.date).ok_or_else(invalid_date)?;
        Ok((id, scope, date))
    }

    fn verify<'a>(&self, incoming: &Incoming, settings: &'a SimulatorSettings) -> Result<&'a KeySpec, OssError> {
        let (id, scope, _) = self.parse()?;
        let spec = find_key(&id, self.token, settings)?;
        let bucket = incoming.bucket().and_then(|bucket| settings.bucket(bucket));
        check_scope(&scope, self.date, bucket.map(|bucket| bucket.region.as_str()), self.credential)?;
        let key = SigningKey::derive(&spec.key, &scope);
        let signed = sign_v4::sign(&incoming.signable(), &self.additional, self.date, &scope, &key);
        if key.verify_text(&signed.string_to_sign, self.signature) {
            return Ok(spec);
        }
        Err(OssError::signature_mismatch(&id, self.signature, &signed.string_to_sign)
            .detail("CanonicalRequest", signed.canonical_request))
    }
}

fn v4_header<'a>(fields: &str, incoming: &Incoming, settings: &'a SimulatorSettings) -> Result<&'a KeySpec, OssError> {
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(credential), Some(signature)) = (field("Credential"), field("Signature")) else {
        return Err(OssError::invalid_argument("Invalid Authorization header.", "Authorization", fields));
    };
    let date = incoming.header("x-oss-date").ok_or_else(invalid_date)?;
    let token = incoming.header("x-oss-security-token");
    let claim = V4Claim { credential, date, additional: split_names(field("AdditionalHeaders")), signature, token };
    check_skew(claim.parse()?.2, incoming.now)?;
    claim.verify(incoming, settings)
}

fn v4_in_query<'a>(incoming: &Incoming, settings: &'a SimulatorSettings) -> Result<&'a KeySpec, OssError> {
    let required = |name: &str| {
        let message = "Query string authentication requires x-oss-signature-version, x-oss-credential, x-oss-date, \
                       x-oss-expires and x-oss-signature.";
        incoming.query(name).ok_or_else(|| OssError::invalid_argument(message, name, ""))
    };
    if required("x-oss-signature-version")? != ALGORITHM {
        return Err(OssError::invalid_argument("Invalid signature version.", "x-oss-signature-version", ""));
    }
    let claim = V4Claim {
        credential: required("x-oss-credential")?,
        date: required("x-oss-date")?,
        additional: split_names(incoming.query("x-oss-additional-headers")),
        signature: required("x-oss-signature")?,
        token: query_token(incoming, "x-oss-security-token")?,
    };
    let expires = required("x-oss-expires")?;
    let limit = if claim.token.is_some() { MAX_EXPIRES_WITH_TOKEN } else { MAX_EXPIRES };
    let seconds = expires
        .parse()
        .ok()
        .filter(|seconds| (1..=limit).contains(seconds))
        .ok_or_else(|| OssError::invalid_argument("x-oss-expires is out of range.", "x-oss-expires", expires))?;
    let date = claim.parse()?.2;
    if incoming.now < date - MAX_SKEW {
        return Err(OssError::access_denied("Request is not valid yet."));
    }
    if incoming.now > date + TimeDelta::seconds(seconds) {
        return Err(expired().ec("0002-00000236").detail("Expires", expires));
    }
    check_ambiguity(incoming)?;
    claim.verify(incoming, settings)
}

/// A query parameter that repeats a signed header's name must repeat its value (P§4.2).
fn check_ambiguity(incoming: &Incoming) -> Result<(), OssError> {
    for (name, value) in &incoming.query {
        if name.starts_with("x-oss-") && incoming.header(name).is_some_and(|header| header != value) {
            return Err(OssError::invalid_argument("Header and query parameter contradict each other.", name, value));
        }
    }
    Ok(())
}

fn v1_header<'a>(
    credentials: &str,
    incoming: &Incoming,
    settings: &'a SimulatorSettings,
) -> Result<&'a KeySpec, OssError> {
    let (id, signature) = credentials
        .split_once(':')
        .ok_or_else(|| OssError::invalid_argument("Invalid Authorization header.", "Authorization", credentials))?;
    let date = incoming.header("x-oss-date").or_else(|| incoming.header("date")).ok_or_else(invalid_date)?;
    let parsed = DateTime::parse_from_rfc2822(date).map_err(|_| invalid_date())?;
    check_skew(parsed.to_utc(), incoming.now)?;
    let spec = find_key(id, incoming.header("x-oss-security-token"), settings)?;
    verify_v1(spec, &sign_v1::string_to_sign(&incoming.signable(), date), signature)
}

fn v1_in_query<'a>(incoming: &Incoming, settings: &'a SimulatorSettings) -> Result<&'a KeySpec, OssError> {
    let triple = (incoming.query("OSSAccessKeyId"), incoming.query("Expires"), incoming.query("Signature"));
    let (Some(id), Some(expires), Some(signature)) = triple else {
        return Err(OssError::access_denied(
            "Query string authentication requires the Signature, Expires and OSSAccessKeyId parameters.",
        ));
    };
    let limit = expires.parse::<i64>().map_err(|_| {
        OssError::access_denied("Invalid date (should be seconds since epoch).").detail("Expires", expires)
    })?;
    if incoming.now.timestamp() > limit {
        return Err(expired().ec("0002-00000069").detail("Expires", expires));
    }
    let spec = find_key(id, query_token(incoming, "security-token")?, settings)?;
    verify_v1(spec, &sign_v1::string_to_sign(&incoming.signable(), expires), signature)
}

fn verify_v1<'a>(spec: &'a KeySpec, string_to_sign: &str, signature: &str) -> Result<&'a KeySpec, OssError> {
    if sign_v1::verify_text(string_to_sign, &spec.key, signature) {
        return Ok(spec);
    }
    Err(OssError::signature_mismatch(spec.key.id(), signature, string_to_sign))
}

/// The token of a signed URL: in the query, nowhere else (P§4.1).
fn query_token<'a>(incoming: &'a Incoming, name: &str) -> Result<Option<&'a str>, OssError> {
    let token = incoming.query(name);
    if token.is_none() && incoming.header("x-oss-security-token").is_some() {
        let message = "Security-token must be provided by query string parameter.";
        return Err(OssError::invalid_argument(message, "x-oss-security-token", ""));
    }
    Ok(token)
}

fn split_names(names: Option<&str>) -> Vec<String> {
    names.into_iter().flat_map(|names| names.split(';')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn check_skew(date: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), OssError> {
    if (now - date).abs() <= MAX_SKEW { Ok(()) } else { Err(OssError::time_too_skewed()) }
}

fn invalid_date() -> OssError {
    OssError::access_denied("OSS authentication requires a valid Date.").ec("0002-00000503")
}

fn expired() -> OssError {
    OssError::access_denied("Request has expired.")
}
