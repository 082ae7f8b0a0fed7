//! A request to OSS as the signers see it, before and after signing.

/// Which signature scheme (P§4.1, P§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureVersion {
    /// HMAC-SHA1.
    V1,
    /// HMAC-SHA256 with a derived key; the default.
    #[default]
    V4,
}

/// What is to be signed. Names and values are decoded text; the signers encode where the protocol says so.
#[derive(Debug, Clone, Default)]
pub struct SignableRequest {
    /// `PUT`, `GET`, ….
    pub method: String,
    /// `None` only for service-level calls.
    pub bucket: Option<String>,
    /// The object key, un-encoded; empty for bucket-level calls.
    pub key: String,
    /// Request headers, in any case and order.
    pub headers: Vec<(String, String)>,
    /// Query parameters; `""` means a name without `=value`.
    pub query: Vec<(String, String)>,
}
