//! The callback's signature: what is signed, by whom, and how it is checked (P§2).
//!
//! RSA-512 with MD5 proves little on its own (P§8): the seal, the ledger and the HEAD carry the trust.

use std::borrow::Cow;

use bytes::Bytes;

/// Both spellings of the URL of OSS's callback key (P§2.3).
pub const OSS_KEY_URLS: [&str; 2] =
    ["http://gosspublic.alicdn.com/callback_pub_key_v1.pem", "https://gosspublic.alicdn.com/callback_pub_key_v1.pem"];

/// Keys pinned by the exact URL that names them. Nothing is ever fetched.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    _todo: (),
}

/// Why a PEM is no usable RSA public key.
#[derive(Debug, thiserror::Error)]
#[error("not an RSA public key in PEM: {0}")]
pub struct InvalidPublicKey(pub String);

impl TrustedKeys {
    /// Trusts nothing.
    pub fn none() -> Self {
        todo!()
    }

    /// OSS's real key under both spellings of its URL.
    pub fn oss() -> Self {
        todo!()
    }

    /// Adds a key of 512 to 4096 bits (SPKI or PKCS#1 PEM) under its exact URL.
    ///
    /// # Errors
    /// When the PEM holds no RSA public key of that size.
    pub fn with(self, _url: &str, _public_key_pem: &str) -> Result<Self, InvalidPublicKey> {
        todo!()
    }
}

/// A callback request as it arrived: raw bytes, nothing normalised, nothing believed.
#[derive(Debug, Clone)]
pub struct CallbackRequest<'a> {
    /// The path as it stood in the request line, still percent-encoded.
    pub raw_path: Cow<'a, str>,
    /// What followed the first `?`, undecoded; `None` without `?`.
    pub raw_query: Option<Cow<'a, str>>,
    /// All header fields, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The raw body.
    pub body: Bytes,
}

/// Header fields checked and decoded; the signature is not.
#[derive(Debug, Clone)]
pub struct UnverifiedCallback {
    _todo: (),
}

/// Signed by a trusted key. Made only by [`UnverifiedCallback::verify`].
#[derive(Debug, Clone)]
pub struct VerifiedCallback {
    _todo: (),
}

/// Why a callback's signature is not accepted, by step.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallbackRefused {
    /// Step 1, `callback_malformed`.
    #[error("{0}")]
    Malformed(&'static str),
    /// Step 2, `callback_key_not_trusted`; the decoded URL, printable.
    #[error("the key URL is not trusted: {0}")]
    KeyNotTrusted(String),
    /// Step 3, `callback_signature_invalid`.
    #[error("the signature does not verify")]
    SignatureInvalid,
}

impl UnverifiedCallback {
    /// Step 1, headers: `Authorization` and `x-oss-pub-key-url` present, single, Base64; header size ≤ 64 KiB; no control characters in the decoded path.
    ///
    /// # Errors
    /// [`CallbackRefused::Malformed`].
    pub fn parse(_request: CallbackRequest<'_>) -> Result<Self, CallbackRefused> {
        todo!()
    }

    /// The key URL named by the request, decoded; unbelieved.
    pub fn key_url(&self) -> &str {
        todo!()
    }

    /// Steps 2 and 3: exact key URL, then RSA PKCS#1 v1.5 / MD5 with the path received, then with each of `public_paths`
    /// (the percent-encoded paths of the configured public callback URLs: a proxy may have rewritten ours).
    ///
    /// # Errors
    /// [`CallbackRefused::KeyNotTrusted`], [`CallbackRefused::SignatureInvalid`].
    pub fn verify(self, _keys: &TrustedKeys, _public_paths: &[String]) -> Result<VerifiedCallback, CallbackRefused> {
        todo!()
    }
}

impl VerifiedCallback {
    /// The signed body.
    pub fn body(&self) -> &Bytes {
        todo!()
    }

    /// The `Content-Type` header as sent (unsigned).
    pub fn content_type(&self) -> Option<&str> {
        todo!()
    }
}

/// `url_decode(path) ++ ["?" ++ raw query] ++ "\n" ++ body` (P§2.2): byte-wise decoding, once; `+` kept; broken escapes kept; a bare `?` dropped.
pub fn string_to_sign(_raw_path: &str, _raw_query: Option<&str>, _body: &[u8]) -> Vec<u8> {
    todo!()
}
