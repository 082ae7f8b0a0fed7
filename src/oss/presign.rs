//! Presigned URLs and signed headers: Put, UploadPart, Initiate, Complete, Abort, Get, Head (P§4, P§5).

use chrono::{DateTime, Utc};

use super::{
    access_key::AccessKey,
    endpoint::Endpoint,
    request::{SignableRequest, SignatureVersion},
    sign_v4::SigningKey,
};

/// All that a signature depends on beside the request.
#[derive(Debug, Clone)]
pub struct SigningContext<'a> {
    /// V1 or V4.
    pub version: SignatureVersion,
    /// Where the request goes.
    pub endpoint: &'a Endpoint,
    /// `cn-hangzhou`; V4 only.
    pub region: &'a str,
    /// Signs, and lends its id and token.
    pub key: &'a AccessKey,
    /// A derived V4 key to reuse (it must be `key`'s, for `now`'s day and `region`); derived afresh when `None`.
    pub signing_key: Option<&'a SigningKey>,
    /// The clock.
    pub now: DateTime<Utc>,
}

/// A request ready to be sent: URL, and the headers that must go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// `PUT`, ….
    pub method: String,
    /// Absolute URL with the whole query.
    pub url: String,
    /// The final query parameters, decoded, in the order of the URL.
    pub query: Vec<(String, String)>,
    /// Headers that were signed and must be sent as they are (for header signatures: `Authorization` and dates too).
    pub headers: Vec<(String, String)>,
    /// The signature.
    pub signature: String,
    /// The stage before the signature.
    pub string_to_sign: String,
    /// V4 only.
    pub canonical_request: Option<String>,
}

/// Why a request can't be presigned.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PresignError {
    /// OSS accepts `x-oss-expires` from 1 to 604,800 (P§4.2).
    #[error("expires_in must be between 1 and 604800 seconds")]
    ExpiryOutOfRange,
}

/// Signs into the query: a URL that anyone may use until `now + expires_in` seconds.
///
/// # Errors
/// When the lifetime is outside what OSS accepts.
pub fn presign(
    _request: SignableRequest,
    _additional_headers: &[String],
    _expires_in: i64,
    _context: &SigningContext<'_>,
) -> Result<SignedRequest, PresignError> {
    todo!()
}

/// Signs into the `Authorization` header, for calls that we make ourselves.
pub fn sign_headers(
    _request: SignableRequest,
    _additional_headers: &[String],
    _context: &SigningContext<'_>,
) -> SignedRequest {
    todo!()
}

// Constructors of the requests that get signed; each fixes method and sub-resources.

/// `PUT /key`.
pub fn put_object(_bucket: &str, _key: &str, _headers: Vec<(String, String)>) -> SignableRequest {
    todo!()
}

/// `HEAD /key`.
pub fn head_object(_bucket: &str, _key: &str) -> SignableRequest {
    todo!()
}
