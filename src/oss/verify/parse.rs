//! Finding the signature in a request: `Authorization`, or the query, V1 or V4.

use chrono::{DateTime, Utc};

use super::{AdditionalHeadersFault, SignatureRefusal};
use crate::oss::{
    request::{SignableRequest, SignatureVersion, trim},
    sign_v4::{self, ALGORITHM, Scope},
};

/// The query parameters of a V1 signature; with one of them come all three (P§4.1).
const V1_PARAMETERS: [&str; 3] = ["OSSAccessKeyId", "Expires", "Signature"];

/// The query parameters of a V4 signature (P§4.2).
const V4_PARAMETERS: [&str; 5] =
    ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature"];

/// Headers that are read once; `x-oss-*` ones are signed together when they repeat.
const SINGLE_HEADERS: [&str; 4] = ["Authorization", "Date", "Content-Type", "Content-MD5"];

/// What a request says about its signature. Nothing here is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedSignature {
    /// Who claims to have signed.
    pub access_key_id: String,
    /// Base64 (V1) or hex (V4).
    pub signature: String,
    /// The STS token that came with it.
    pub security_token: Option<String>,
    /// Scheme and place, with what belongs to them.
    pub scheme: Scheme,
}

/// Where the signature stands and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: OSS ak:signature`.
    V1Header {
        /// The date header as it was signed.
        date: String,
        /// The same as a time.
        time: DateTime<Utc>,
    },
    /// `OSSAccessKeyId`, `Expires`, `Signature`.
    V1Query {
        /// Epoch seconds.
        expires: i64,
    },
    /// `Authorization: OSS4-HMAC-SHA256 Credential=…,AdditionalHeaders=…,Signature=…`.
    V4Header {
        /// Of the credential.
        scope: Scope,
        /// The names as listed.
        additional_headers: Vec<String>,
        /// `x-oss-date`.
        time: DateTime<Utc>,
    },
    /// `x-oss-signature-version` and its companions.
    V4Query {
        /// Of the credential.
        scope: Scope,
        /// The names as listed.
        additional_headers: Vec<String>,
        /// `x-oss-date`.
        time: DateTime<Utc>,
        /// `x-oss-expires`, seconds.
        expires_in: i64,
    },
}

impl Scheme {
    /// V1 or V4.
    pub fn version(&self) -> SignatureVersion {
        match self {
            Self::V1Header { .. } | Self::V1Query { .. } => SignatureVersion::V1,
            Self::V4Header { .. } | Self::V4Query { .. } => SignatureVersion::V4,
        }
    }
}

impl UnverifiedSignature {
    /// Finds the signature of a request; `Ok(None)` when there is none.
    ///
    /// # Errors
    /// When it is incomplete, given twice, of the obsolete V2 scheme, or not readable.
    pub fn from_request(request: &SignableRequest) -> Result<Option<Self>, SignatureRefusal> {
        check_singles(request)?;
        let authorization = request.header("authorization").map(trim).filter(|value| !value.is_empty());
        let v4_query =
            ["x-oss-signature-version", "x-oss-signature"].iter().any(|name| request.query_value(name).is_some());
        let v1_query = V1_PARAMETERS.iter().any(|name| request.query_value(name).is_some());
        match (authorization, v4_query, v1_query) {
            (None, false, false) => Ok(None),
            (Some(value), false, false) => from_header(value, request).map(Some),
            (None, true, false) => from_v4_query(request).map(Some),
            (None, false, true) => from_v1_query(request).map(Some),
            _ => Err(plain("A request must be signed in one place only: in its headers or in its URL.")),
        }
    }
}

/// Headers and parameters that a signature depends on, but does not cover itself or reads once only: given twice, one
/// could be signed and the other believed. That OSS refuses them is an assumption; no source says what it does.
fn check_singles(request: &SignableRequest) -> Result<(), SignatureRefusal> {
    for name in SINGLE_HEADERS {
        let mut values = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        if let (Some(_), Some((_, second))) = (values.next(), values.next()) {
            return Err(SignatureRefusal::argument("A header that can be given once is given twice.", name, second));
        }
    }
    for name in V1_PARAMETERS.into_iter().chain(V4_PARAMETERS) {
        let mut values = request.query.iter().filter(|(known, _)| known == name);
        if let (Some(_), Some((_, second))) = (values.next(), values.next()) {
            let message = "A query parameter that can be given once is given twice.";
            return Err(SignatureRefusal::argument(message, name, second));
        }
    }
    Ok(())
}

fn from_header(authorization: &str, request: &SignableRequest) -> Result<UnverifiedSignature, SignatureRefusal> {
    let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    match scheme {
        "OSS" => from_v1_header(rest.trim(), request),
        ALGORITHM => from_v4_header(rest, request),
        _ => Err(malformed_authorization(authorization)),
    }
}

/// `ak:signature`; the id itself may hold no colon.
fn from_v1_header(value: &str, request: &SignableRequest) -> Result<UnverifiedSignature, SignatureRefusal> {
    let parts = value.split_once(':').filter(|(id, signature)| !id.is_empty() && !signature.is_empty());
    let (access_key_id, signature) = parts.ok_or_else(|| malformed_authorization(value))?;
    // `x-oss-date` is for senders that may not set `Date`; where both stand it counts.
    let date = request.header("x-oss-date").or(request.header("date")).map(trim).unwrap_or_default();
    let time = DateTime::parse_from_rfc2822(date)
        .map_err(|_| SignatureRefusal::AccessDenied("OSS authentication requires a valid Date.".to_owned()))?;
    Ok(UnverifiedSignature {
        access_key_id: access_key_id.to_owned(),
        signature: signature.to_owned(),
        security_token: header_token(request),
        scheme: Scheme::V1Header { date: date.to_owned(), time: time.to_utc() },
    })
}

/// `Credential=…,AdditionalHeaders=…,Signature=…`, in any order, blanks after the commas allowed (oss2 writes them).
fn from_v4_header(value: &str, request: &SignableRequest) -> Result<UnverifiedSignature, SignatureRefusal> {
    let (mut credential, mut additional, mut signature) = (None, None, None);
    for part in value.split(',') {
        let slot = match part.trim().split_once('=') {
            Some(("Credential", value)) => credential.replace(value),
            Some(("AdditionalHeaders", value)) => additional.replace(value),
            Some(("Signature", value)) => signature.replace(value),
            _ => return Err(malformed_authorization(value)),
        };
        if slot.is_some() {
            return Err(malformed_authorization(value));
        }
    }
    let (Some(credential), Some(signature)) = (credential, signature) else {
        return Err(malformed_authorization(value));
    };
    let (access_key_id, scope) = parse_credential(credential)?;
    let date = request.header("x-oss-date").or(request.header("date")).map(trim).unwrap_or_default();
    Ok(UnverifiedSignature {
        access_key_id,
        signature: signature.to_owned(),
        security_token: header_token(request),
        scheme: Scheme::V4Header {
            scope,
            additional_headers: listed(additional, request, false)?,
            time: parse_date(date)?,
        },
    })
}

fn from_v1_query(request: &SignableRequest) -> Result<UnverifiedSignature, SignatureRefusal> {
    let [Some(access_key_id), Some(expires), Some(signature)] = V1_PARAMETERS.map(|name| request.query_value(name))
    else {
        let message = "Query-string authentication requires the Signature, Expires and OSSAccessKeyId parameters";
        return Err(SignatureRefusal::AccessDenied(message.to_owned()));
    };
    let expires = canonical_integer(expires).ok_or_else(|| {
        SignatureRefusal::AccessDenied(format!("Invalid date (should be seconds since epoch): {expires}"))
    })?;
    let security_token = request.query_value("security-token").map(str::to_owned);
    if security_token.is_none() && header_token(request).is_some() {
        let message = "Security-token must be provided by query string parameter.";
        return Err(SignatureRefusal::InvalidRequest(message.to_owned()));
    }
    Ok(UnverifiedSignature {
        access_key_id: access_key_id.to_owned(),
        signature: signature.to_owned(),
        security_token,
        scheme: Scheme::V1Query { expires },
    })
}

fn from_v4_query(request: &SignableRequest) -> Result<UnverifiedSignature, SignatureRefusal> {
    let needed = |name: &str| {
        let missing =
            || SignatureRefusal::AccessDenied(format!("Query-string authentication requires the {name} parameter"));
        request.query_value(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let version = needed("x-oss-signature-version")?;
    if version != ALGORITHM {
        let message = "The signature version is not supported.";
        return Err(SignatureRefusal::argument(message, "x-oss-signature-version", version));
    }
    let (access_key_id, scope) = parse_credential(needed("x-oss-credential")?)?;
    let expires = needed("x-oss-expires")?;
    let expires_in = canonical_integer(expires)
        .ok_or_else(|| SignatureRefusal::argument("x-oss-expires must be a number.", "x-oss-expires", expires))?;
    Ok(UnverifiedSignature {
        access_key_id,
        signature: needed("x-oss-signature")?.to_owned(),
        security_token: request.query_value("x-oss-security-token").map(str::to_owned),
        scheme: Scheme::V4Query {
            scope,
            additional_headers: listed(request.query_value("x-oss-additional-headers"), request, true)?,
            time: parse_date(needed("x-oss-date")?)?,
            expires_in,
        },
    })
}

/// A number in the one form that signers write: `007` and `+7` would verify as `7` otherwise.
fn canonical_integer(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// The names of a list of further signed headers, each in the request (P§4.2). In any order and case: `oss2` 2.19 sorts them by
/// their first letter only.
fn listed(names: Option<&str>, request: &SignableRequest, in_url: bool) -> Result<Vec<String>, SignatureRefusal> {
    let Some(value) = names else { return Ok(vec![]) };
    let refused = |fault| Err(SignatureRefusal::AdditionalHeaders { fault, value: value.to_owned(), in_url });
    let names: Vec<_> = value.split(';').collect();
    let absent = |name: &&str| name.contains('_') || request.header(&name.to_ascii_lowercase()).is_none();
    if value.is_empty() {
        refused(AdditionalHeadersFault::Empty)
    } else if names.contains(&"") {
        refused(AdditionalHeadersFault::EmptyName)
    } else if names.iter().any(absent) {
        refused(AdditionalHeadersFault::Missing)
    } else {
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

fn header_token(request: &SignableRequest) -> Option<String> {
    request.header("x-oss-security-token").map(|token| trim(token).to_owned())
}

pub(super) fn parse_credential(credential: &str) -> Result<(String, Scope), SignatureRefusal> {
    let malformed = || SignatureRefusal::argument("The credential is malformed.", "x-oss-credential", credential);
    Scope::parse_credential(credential).ok_or_else(malformed)
}

pub(super) fn parse_date(date: &str) -> Result<DateTime<Utc>, SignatureRefusal> {
    let malformed =
        || SignatureRefusal::argument("x-oss-date must be of the form yyyymmddThhmmssZ.", "x-oss-date", date);
    sign_v4::parse_date(date).ok_or_else(malformed)
}

fn malformed_authorization(value: &str) -> SignatureRefusal {
    SignatureRefusal::argument("The Authorization header is malformed.", "Authorization", value)
}

fn plain(message: &str) -> SignatureRefusal {
    SignatureRefusal::InvalidArgument { message: message.to_owned(), argument: None }
}
