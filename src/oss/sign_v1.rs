//! V1 signatures: HMAC-SHA1 over a string to sign, for headers, query and policy (P§4.1, P§3.3).
//!
//! Stages: canonicalized headers, canonicalized resource, string to sign, signature.

use super::{access_key::AccessKey, request::SignableRequest};

/// The result of each stage, so that a failing signature says which stage broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1Signature {
    /// The text that was signed.
    pub string_to_sign: String,
    /// Base64.
    pub signature: String,
}

/// Signs for the query (`Expires`, epoch seconds, takes the date's place). The caller has put `security-token` into the query.
pub fn sign_query(_request: &SignableRequest, _key: &AccessKey, _expires: i64) -> V1Signature {
    todo!()
}

/// Signs for the `Authorization` header; `date` is the value of the `Date` (or `x-oss-date`) header.
pub fn sign_header(_request: &SignableRequest, _key: &AccessKey, _date: &str) -> V1Signature {
    todo!()
}

/// Signs a Base64 policy: Base64(HMAC-SHA1(secret, policy)) (P§3.3).
pub fn sign_policy(_policy_base64: &str, _key: &AccessKey) -> String {
    todo!()
}
