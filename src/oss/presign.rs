//! Presigned URLs and signed headers: Put, `UploadPart`, Initiate, Complete, Abort, Get, Head (P§4, P§5).

use chrono::{DateTime, Utc};

use super::{
    access_key::AccessKey,
    encoding::push_query,
    endpoint::Endpoint,
    request::{SignableRequest, SignatureVersion},
    sign_v1,
    sign_v4::{self, ALGORITHM, Scope, SigningKey, UNSIGNED_PAYLOAD},
};

/// The longest life of a V4 URL, seconds (P§4.2). OSS refuses a URL that asks for more.
pub const MAX_V4_EXPIRY: i64 = 604_800;

/// The longest life of a V4 URL signed with a security token, seconds (P§4.2).
pub const MAX_V4_EXPIRY_WITH_TOKEN: i64 = 43_200;

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

impl SigningContext<'_> {
    /// The V4 scope of the context's day and region.
    pub fn scope(&self) -> Scope {
        Scope::oss(self.now, self.region)
    }

    /// Runs `sign` with the derived key at hand, or with one made for the purpose.
    pub(super) fn with_signing_key<T>(&self, sign: impl FnOnce(&SigningKey) -> T) -> T {
        match self.signing_key {
            Some(key) => sign(key),
            None => sign(&SigningKey::derive(self.key, &self.scope())),
        }
    }
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
    #[error("expires_in must be between 1 and {MAX_V4_EXPIRY} seconds")]
    ExpiryOutOfRange,
    /// With a security token OSS accepts `x-oss-expires` from 1 to 43,200 (P§4.2).
    #[error("expires_in must be between 1 and {MAX_V4_EXPIRY_WITH_TOKEN} seconds with a security token")]
    TokenExpiryOutOfRange,
}

/// Which header carries the date of a V1 header signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateHeader {
    /// `Date`.
    #[default]
    Date,
    /// `x-oss-date`, for senders that may not set `Date` (browsers).
    OssDate,
}

/// Signs into the query: a URL that anyone may use until `now + expires_in` seconds.
///
/// # Errors
/// When the lifetime is outside what OSS accepts.
pub fn presign(
    request: SignableRequest,
    additional_headers: &[String],
    expires_in: i64,
    context: &SigningContext<'_>,
) -> Result<SignedRequest, PresignError> {
    if context.version == SignatureVersion::V4 {
        if !(1..=MAX_V4_EXPIRY).contains(&expires_in) {
            return Err(PresignError::ExpiryOutOfRange);
        }
        if context.key.expose_security_token().is_some() && expires_in > MAX_V4_EXPIRY_WITH_TOKEN {
            return Err(PresignError::TokenExpiryOutOfRange);
        }
    }
    Ok(presign_unchecked(request, additional_headers, expires_in, context))
}

/// [`presign`] for any lifetime, also one that OSS refuses: for the workbench, which reproduces what SDKs sign.
pub fn presign_unchecked(
    request: SignableRequest,
    additional_headers: &[String],
    expires_in: i64,
    context: &SigningContext<'_>,
) -> SignedRequest {
    match context.version {
        SignatureVersion::V1 => presign_v1(request, expires_in, context),
        SignatureVersion::V4 => presign_v4(request, additional_headers, expires_in, context),
    }
}

/// Signs into the `Authorization` header, for calls that we make ourselves.
pub fn sign_headers(
    request: SignableRequest,
    additional_headers: &[String],
    context: &SigningContext<'_>,
) -> SignedRequest {
    sign_headers_dated(request, additional_headers, DateHeader::Date, context)
}

/// [`sign_headers`] with a choice of date header, which is kept if the request has it; V4 always uses `x-oss-date`, set to now.
pub fn sign_headers_dated(
    mut request: SignableRequest,
    additional_headers: &[String],
    date_header: DateHeader,
    context: &SigningContext<'_>,
) -> SignedRequest {
    if let Some(token) = context.key.expose_security_token() {
        set_header(&mut request, "x-oss-security-token", token.to_owned());
    }
    match context.version {
        SignatureVersion::V1 => sign_headers_v1(request, date_header, context),
        SignatureVersion::V4 => sign_headers_v4(request, additional_headers, context),
    }
}

/// `Thu, 17 Nov 2005 18:49:58 GMT`: the date of HTTP and of V1.
pub fn http_date(now: DateTime<Utc>) -> String {
    now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

// Constructors of the requests that get signed; each fixes method and sub-resources (P§5).

/// `PUT /key`.
pub fn put_object(bucket: &str, key: &str, headers: Vec<(String, String)>) -> SignableRequest {
    SignableRequest { headers, ..SignableRequest::object("PUT", bucket, key) }
}

/// `GET /key`.
pub fn get_object(bucket: &str, key: &str) -> SignableRequest {
    SignableRequest::object("GET", bucket, key)
}

/// `HEAD /key`.
pub fn head_object(bucket: &str, key: &str) -> SignableRequest {
    SignableRequest::object("HEAD", bucket, key)
}

/// `POST /key?uploads`; `headers` are the object's (type, metadata, overwrite, …).
pub fn initiate_multipart_upload(bucket: &str, key: &str, headers: Vec<(String, String)>) -> SignableRequest {
    SignableRequest { headers, ..with_query("POST", bucket, key, &[("uploads", "")]) }
}

/// `PUT /key?partNumber=N&uploadId=…`.
pub fn upload_part(bucket: &str, key: &str, upload_id: &str, part_number: u32) -> SignableRequest {
    with_query("PUT", bucket, key, &[("partNumber", &part_number.to_string()), ("uploadId", upload_id)])
}

/// `GET /key?uploadId=…`.
pub fn list_parts(bucket: &str, key: &str, upload_id: &str) -> SignableRequest {
    with_query("GET", bucket, key, &[("uploadId", upload_id)])
}

/// `GET /?uploads`: unfinished uploads of keys that begin with `prefix`, from behind the marker on.
pub fn list_multipart_uploads(bucket: &str, prefix: &str, key_marker: &str, upload_id_marker: &str) -> SignableRequest {
    let mut query = vec![("uploads", ""), ("encoding-type", "url"), ("max-uploads", "1000"), ("prefix", prefix)];
    if !key_marker.is_empty() {
        query.extend([("key-marker", key_marker), ("upload-id-marker", upload_id_marker)]);
    }
    with_query("GET", bucket, "", &query)
}

/// `GET /?list-type=2`: objects whose keys begin with `prefix`, a thousand at a time; `token` asks for the next page.
pub fn list_objects(bucket: &str, prefix: &str, token: Option<&str>) -> SignableRequest {
    let mut query = vec![("list-type", "2"), ("encoding-type", "url"), ("max-keys", "1000"), ("prefix", prefix)];
    query.extend(token.map(|token| ("continuation-token", token)));
    with_query("GET", bucket, "", &query)
}

/// `POST /key?uploadId=…`; `headers` may carry the callback or `x-oss-complete-all`.
pub fn complete_multipart_upload(
    bucket: &str,
    key: &str,
    upload_id: &str,
    headers: Vec<(String, String)>,
) -> SignableRequest {
    SignableRequest { headers, ..with_query("POST", bucket, key, &[("uploadId", upload_id)]) }
}

/// `DELETE /key?uploadId=…`.
pub fn abort_multipart_upload(bucket: &str, key: &str, upload_id: &str) -> SignableRequest {
    with_query("DELETE", bucket, key, &[("uploadId", upload_id)])
}

fn with_query(method: &str, bucket: &str, key: &str, query: &[(&str, &str)]) -> SignableRequest {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    SignableRequest { query, ..SignableRequest::object(method, bucket, key) }
}

fn presign_v1(mut request: SignableRequest, expires_in: i64, context: &SigningContext<'_>) -> SignedRequest {
    if let Some(token) = context.key.expose_security_token() {
        push(&mut request.query, "security-token", token.to_owned());
    }
    let expires = context.now.timestamp().saturating_add(expires_in);
    let signed = sign_v1::sign_query(&request, context.key, expires);
    push(&mut request.query, "OSSAccessKeyId", context.key.id().to_owned());
    push(&mut request.query, "Expires", expires.to_string());
    push(&mut request.query, "Signature", signed.signature.clone());
    finish(request, context.endpoint, signed.signature, signed.string_to_sign, None)
}

fn presign_v4(
    mut request: SignableRequest,
    additional_headers: &[String],
    expires_in: i64,
    context: &SigningContext<'_>,
) -> SignedRequest {
    let scope = context.scope();
    let timestamp = sign_v4::format_date(context.now);
    let additional = sign_v4::effective_additional_headers(&request, additional_headers);
    push(&mut request.query, "x-oss-signature-version", ALGORITHM.to_owned());
    push(&mut request.query, "x-oss-credential", scope.credential(context.key.id()));
    push(&mut request.query, "x-oss-date", timestamp.clone());
    push(&mut request.query, "x-oss-expires", expires_in.to_string());
    if !additional.is_empty() {
        push(&mut request.query, "x-oss-additional-headers", additional.join(";"));
    }
    if let Some(token) = context.key.expose_security_token() {
        push(&mut request.query, "x-oss-security-token", token.to_owned());
    }
    let signed = context.with_signing_key(|key| sign_v4::sign(&request, &additional, &timestamp, &scope, key));
    push(&mut request.query, "x-oss-signature", signed.signature.clone());
    finish(request, context.endpoint, signed.signature, signed.string_to_sign, Some(signed.canonical_request))
}

fn sign_headers_v1(
    mut request: SignableRequest,
    date_header: DateHeader,
    context: &SigningContext<'_>,
) -> SignedRequest {
    let name = match date_header {
        DateHeader::Date => "Date",
        DateHeader::OssDate => "x-oss-date",
    };
    let date = request.header(&name.to_ascii_lowercase()).map_or_else(|| http_date(context.now), str::to_owned);
    set_header(&mut request, name, date.clone());
    let signed = sign_v1::sign_header(&request, context.key, &date);
    set_header(&mut request, "Authorization", format!("OSS {}:{}", context.key.id(), signed.signature));
    finish(request, context.endpoint, signed.signature, signed.string_to_sign, None)
}

fn sign_headers_v4(
    mut request: SignableRequest,
    additional_headers: &[String],
    context: &SigningContext<'_>,
) -> SignedRequest {
    let scope = context.scope();
    let timestamp = sign_v4::format_date(context.now);
    set_header(&mut request, "x-oss-date", timestamp.clone());
    if request.header("x-oss-content-sha256").is_none() {
        push(&mut request.headers, "x-oss-content-sha256", UNSIGNED_PAYLOAD.to_owned());
    }
    let additional = sign_v4::effective_additional_headers(&request, additional_headers);
    let signed = context.with_signing_key(|key| sign_v4::sign(&request, &additional, &timestamp, &scope, key));
    let credential = scope.credential(context.key.id());
    let listed =
        if additional.is_empty() { String::new() } else { format!("AdditionalHeaders={},", additional.join(";")) };
    let authorization = format!("{ALGORITHM} Credential={credential},{listed}Signature={}", signed.signature);
    set_header(&mut request, "Authorization", authorization);
    finish(request, context.endpoint, signed.signature, signed.string_to_sign, Some(signed.canonical_request))
}

fn finish(
    request: SignableRequest,
    endpoint: &Endpoint,
    signature: String,
    string_to_sign: String,
    canonical_request: Option<String>,
) -> SignedRequest {
    let mut url = match &request.bucket {
        Some(bucket) => endpoint.object_url(bucket, &request.key),
        None => endpoint.service_url() + "/",
    };
    if !request.query.is_empty() {
        url.push('?');
        push_query(&mut url, &request.query);
    }
    let SignableRequest { method, headers, query, .. } = request;
    SignedRequest { method, url, query, headers, signature, string_to_sign, canonical_request }
}

fn push(list: &mut Vec<(String, String)>, name: &str, value: String) {
    list.push((name.to_owned(), value));
}

/// Sets a header of which there can be only one.
fn set_header(request: &mut SignableRequest, name: &str, value: String) {
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    push(&mut request.headers, name, value);
}

#[cfg(test)]
#[path = "presign_tests.rs"]
mod tests;
