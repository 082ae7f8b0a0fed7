//! V4 signatures: HMAC-SHA256 with a derived key, for headers, query and policy (P§4.2, P§3.3).
//!
//! Stages: canonical request → string to sign → signing key → signature.

use chrono::{DateTime, Utc};

use super::{access_key::AccessKey, request::SignableRequest};

/// The scheme's name, in every V4 request.
pub const ALGORITHM: &str = "OSS4-HMAC-SHA256";

/// The result of each stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V4Signature {
    /// First stage.
    pub canonical_request: String,
    /// Second stage.
    pub string_to_sign: String,
    /// Last stage, lower-case hex.
    pub signature: String,
}

/// The credential scope: date, region, product (`oss`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `yyyymmdd`.
    pub date: String,
    /// `cn-hangzhou`, as given.
    pub region: String,
    /// `oss`.
    pub product: String,
}

impl Scope {
    /// The scope of product `oss` on the day of `now`.
    pub fn oss(_now: DateTime<Utc>, _region: &str) -> Self {
        todo!()
    }

    /// `<AK>/<yyyymmdd>/<region>/oss/aliyun_v4_request`.
    pub fn credential(&self, _access_key_id: &str) -> String {
        todo!()
    }
}

/// A derived signing key. Depends on secret and scope only, so it may be kept for the day.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// Third stage.
    pub fn derive(_key: &AccessKey, _scope: &Scope) -> Self {
        todo!()
    }

    /// The raw key, for the workbench and the vector tests.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Signs a Base64 policy, lower-case hex (P§3.3).
    pub fn sign_policy(&self, _policy_base64: &str) -> String {
        todo!()
    }
}

/// `yyyymmddThhmmssZ`.
pub fn format_date(_now: DateTime<Utc>) -> String {
    todo!()
}

/// Signs a request whose `x-oss-*` query parameters or headers are already in place; `timestamp` is its `x-oss-date`.
pub fn sign(
    _request: &SignableRequest,
    _additional_headers: &[String],
    _timestamp: &str,
    _scope: &Scope,
    _key: &SigningKey,
) -> V4Signature {
    todo!()
}
