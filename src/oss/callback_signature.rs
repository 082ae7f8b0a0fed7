//! The callback's signature: what is signed, by whom, and how it is checked (P§2).
//!
//! RSA-512 with MD5 proves little on its own (P§8): the seal, the ledger and the HEAD carry the trust.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use rsa::RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::DigestVerifier as _;
use rsa::traits::PublicKeyParts as _;

/// Both spellings of the URL of OSS's callback key (P§2.3).
pub const OSS_KEY_URLS: [&str; 2] =
    ["http://gosspublic.alicdn.com/callback_pub_key_v1.pem", "https://gosspublic.alicdn.com/callback_pub_key_v1.pem"];

/// OSS's real key, the same for every region and customer (P§2.3). Pinned: what lies behind the URL is never asked.
const OSS_KEY_PEM: &str = "-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKs/JBGzwUB2aVht4crBx3oIPBLNsjGs
C0fTXv+nvlmklvkcolvpvXLTjaxUHR3W9LXxQ2EHXAJfCB+6H2YF1k8CAwEAAQ==
-----END PUBLIC KEY-----
";

/// Bits of a key that may be trusted. OSS's own has 512: a higher floor would refuse every real callback.
const KEY_BITS: std::ops::RangeInclusive<usize> = 512..=4096;

/// Names and values of all header fields together, in bytes. OSS sends about 1 KB.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Header that carries the signature.
pub const AUTHORIZATION: &str = "authorization";
/// Header that names the key.
pub const PUB_KEY_URL: &str = "x-oss-pub-key-url";

/// Keys pinned by the exact URL that names them. Nothing is ever fetched.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    keys: Vec<(String, VerifyingKey<Md5>)>,
}

/// Why a PEM is no usable RSA public key.
#[derive(Debug, thiserror::Error)]
#[error("not an RSA public key in PEM: {0}")]
pub struct InvalidPublicKey(pub String);

impl TrustedKeys {
    /// Trusts nothing.
    pub fn none() -> Self {
        Self { keys: Vec::new() }
    }

    /// OSS's real key under both spellings of its URL.
    pub fn oss() -> Self {
        OSS_KEY_URLS
            .iter()
            .fold(Self::none(), |keys, url| keys.with(url, OSS_KEY_PEM).expect("the pinned key is a key"))
    }

    /// Adds a key of 512 to 4096 bits (SPKI or PKCS#1 PEM) under its exact URL, in place of one that was there.
    ///
    /// # Errors
    /// When the PEM holds no RSA public key of that size.
    pub fn with(mut self, url: &str, public_key_pem: &str) -> Result<Self, InvalidPublicKey> {
        let key = parse_public_key(public_key_pem)?;
        self.keys.retain(|(known, _)| known != url);
        self.keys.push((url.to_owned(), VerifyingKey::new(key)));
        Ok(self)
    }

    /// These, and behind them `others`: where both have a key under one URL, these are believed.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self
    }

    /// The URLs, in the order they were added.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(url, _)| url.as_str())
    }

    /// Length in bytes of a signature by the key under this URL; 64 for OSS's own.
    pub fn signature_len(&self, url: &str) -> Option<usize> {
        self.get(url).map(|key| key.as_ref().size())
    }

    fn get(&self, url: &str) -> Option<&VerifyingKey<Md5>> {
        self.keys.iter().find(|(known, _)| known == url).map(|(_, key)| key)
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
    raw_path: String,
    raw_query: Option<String>,
    key_url: String,
    signature: Vec<u8>,
    content_type: Option<String>,
    body: Bytes,
}

/// Signed by a trusted key. Made only by [`UnverifiedCallback::verify`].
#[derive(Debug, Clone)]
pub struct VerifiedCallback {
    content_type: Option<String>,
    body: Bytes,
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
    /// Step 1, headers: `Authorization` and `x-oss-pub-key-url` present, single, Base64; header size ≤ 64 KiB; no control
    /// characters in the decoded path, nor in the query: both could move the newline that ends them (P§2.2).
    ///
    /// # Errors
    /// [`CallbackRefused::Malformed`].
    pub fn parse(request: CallbackRequest<'_>) -> Result<Self, CallbackRefused> {
        use CallbackRefused::Malformed;
        let header_bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if header_bytes > MAX_HEADER_BYTES {
            return Err(Malformed("the header is larger than 64 KiB"));
        }
        let authorization = single(&request.headers, AUTHORIZATION)
            .map_err(|n| Malformed(n.pick("no Authorization header", "more than one Authorization header")))?;
        let signature = strict_base64(authorization).ok_or(Malformed("the Authorization header is not Base64"))?;
        let key_url = single(&request.headers, PUB_KEY_URL)
            .map_err(|n| Malformed(n.pick("no x-oss-pub-key-url header", "more than one x-oss-pub-key-url header")))?;
        let key_url = strict_base64(key_url).ok_or(Malformed("the x-oss-pub-key-url header is not Base64"))?;
        let key_url = String::from_utf8(key_url).map_err(|_| Malformed("the key URL is not UTF-8"))?;
        if percent_decode_str(&request.raw_path).any(|byte| byte.is_ascii_control()) {
            return Err(Malformed("the decoded path holds control characters"));
        }
        if request.raw_query.as_ref().is_some_and(|query| query.bytes().any(|byte| byte.is_ascii_control())) {
            return Err(Malformed("the query holds control characters"));
        }
        Ok(Self {
            raw_path: request.raw_path.into_owned(),
            raw_query: request.raw_query.map(Cow::into_owned),
            key_url,
            signature,
            content_type: content_type(&request.headers),
            body: request.body,
        })
    }

    /// The key URL named by the request, decoded; unbelieved.
    pub fn key_url(&self) -> &str {
        &self.key_url
    }

    /// Step 2 alone: whether the key URL is exactly one of the trusted ones.
    ///
    /// # Errors
    /// [`CallbackRefused::KeyNotTrusted`].
    pub fn check_key_url(&self, keys: &TrustedKeys) -> Result<(), CallbackRefused> {
        self.key(keys).map(|_| ())
    }

    /// Steps 2 and 3: exact key URL, then RSA PKCS#1 v1.5 / MD5 with the path received, then with each of `public_paths`
    /// (the percent-encoded paths of the configured public callback URLs: a proxy may have rewritten ours).
    ///
    /// # Errors
    /// [`CallbackRefused::KeyNotTrusted`], [`CallbackRefused::SignatureInvalid`].
    pub fn verify(self, keys: &TrustedKeys, public_paths: &[String]) -> Result<VerifiedCallback, CallbackRefused> {
        let key = self.key(keys)?;
        let signature =
            Signature::try_from(self.signature.as_slice()).map_err(|_| CallbackRefused::SignatureInvalid)?;
        let rewritten = public_paths.iter().filter(|path| **path != self.raw_path);
        let signed = std::iter::once(&self.raw_path)
            .chain(rewritten)
            .any(|path| key.verify_digest(self.digest(path), &signature).is_ok());
        if !signed {
            return Err(CallbackRefused::SignatureInvalid);
        }
        Ok(VerifiedCallback { content_type: self.content_type, body: self.body })
    }

    /// For diagnosis only: the URL of a key that the signature fits, the one that the request names before all others.
    pub fn signed_by<'k>(&self, keys: &'k TrustedKeys) -> Option<&'k str> {
        let signature = Signature::try_from(self.signature.as_slice()).ok()?;
        let fits = |key: &VerifyingKey<Md5>| key.verify_digest(self.digest(&self.raw_path), &signature).is_ok();
        let (named, others): (Vec<_>, Vec<_>) = keys.keys.iter().partition(|(url, _)| *url == self.key_url);
        named.into_iter().chain(others).find(|(_, key)| fits(key)).map(|(url, _)| url.as_str())
    }

    /// The decoded signature; unbelieved.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    fn key<'k>(&self, keys: &'k TrustedKeys) -> Result<&'k VerifyingKey<Md5>, CallbackRefused> {
        keys.get(&self.key_url).ok_or_else(|| {
            CallbackRefused::KeyNotTrusted(self.key_url.chars().take(200).flat_map(char::escape_default).collect())
        })
    }

    fn digest(&self, raw_path: &str) -> Md5 {
        let mut digest = Md5::new();
        signed_parts(raw_path, self.raw_query.as_deref(), &self.body, |bytes| digest.update(bytes));
        digest
    }
}

impl VerifiedCallback {
    /// The signed body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The `Content-Type` header as sent (unsigned).
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}

/// `url_decode(path) ++ ["?" ++ raw query] ++ "\n" ++ body` (P§2.2): byte-wise decoding, once; `+` kept; broken escapes kept; a bare `?` dropped.
pub fn string_to_sign(raw_path: &str, raw_query: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(raw_path.len() + raw_query.map_or(0, str::len) + body.len() + 2);
    signed_parts(raw_path, raw_query, body, |bytes| signed.extend_from_slice(bytes));
    signed
}

/// The one place that knows the rule: feeds the digest without building the text.
fn signed_parts(raw_path: &str, raw_query: Option<&str>, body: &[u8], mut out: impl FnMut(&[u8])) {
    out(&Cow::from(percent_decode_str(raw_path)));
    if let Some(query) = raw_query.filter(|query| !query.is_empty()) {
        out(b"?");
        out(query.as_bytes());
    }
    out(b"\n");
    out(body);
}

fn parse_public_key(pem: &str) -> Result<RsaPublicKey, InvalidPublicKey> {
    let key = if pem.contains("BEGIN RSA PUBLIC KEY") {
        RsaPublicKey::from_pkcs1_pem(pem).map_err(|e| InvalidPublicKey(e.to_string()))?
    } else {
        RsaPublicKey::from_public_key_pem(pem).map_err(|e| InvalidPublicKey(e.to_string()))?
    };
    let bits = key.n().bits();
    if KEY_BITS.contains(&bits) {
        Ok(key)
    } else {
        Err(InvalidPublicKey(format!("{bits} bits; {} to {} are accepted", KEY_BITS.start(), KEY_BITS.end())))
    }
}

/// How often a header that must occur once did.
enum Occurs {
    Never,
    Often,
}

impl Occurs {
    fn pick(&self, never: &'static str, often: &'static str) -> &'static str {
        match self {
            Self::Never => never,
            Self::Often => often,
        }
    }
}

fn single<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Result<&'a [u8], Occurs> {
    let mut values = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice());
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Occurs::Never),
        (Some(_), Some(_)) => Err(Occurs::Often),
    }
}

fn content_type(headers: &[(String, Vec<u8>)]) -> Option<String> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    std::str::from_utf8(value).ok().map(str::to_owned)
}

/// Canonical standard Base64 with padding, not empty. Anything sloppier has several texts for one value.
fn strict_base64(value: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(value).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUB_KEY: &str = "aHR0cDovL2dvc3NwdWJsaWMuYWxpY2RuLmNvbS9jYWxsYmFja19wdWJfa2V5X3YxLnBlbQ==";
    const AUTH: &str = "kKQeGTRccDKyHB3H9vF+xYMSrmhMZjzzl2/kdD1ktNVgbWEfYTQG0G2SU/RaHBovRCE8OkQDjC3uG33esH2txA==";

    /// The documentation's own example, genuinely signed.
    fn genuine() -> CallbackRequest<'static> {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        CallbackRequest {
            raw_path: "/index.php".into(),
            raw_query: Some("id=1&index=2".into()),
            headers: vec![
                header("Authorization", AUTH),
                header("x-oss-pub-key-url", PUB_KEY),
                header("Content-Type", "application/x-www-form-urlencoded"),
            ],
            body: Bytes::from_static(b"bucket=yonghu-test"),
        }
    }

    fn verify(request: CallbackRequest<'_>, public_paths: &[String]) -> Result<VerifiedCallback, CallbackRefused> {
        UnverifiedCallback::parse(request)?.verify(&TrustedKeys::oss(), public_paths)
    }

    #[test]
    fn a_genuine_callback_verifies() {
        let verified = verify(genuine(), &[]).unwrap();
        assert_eq!(verified.body(), "bucket=yonghu-test");
        assert_eq!(verified.content_type(), Some("application/x-www-form-urlencoded"));
    }

    #[test]
    fn a_rewritten_path_verifies_only_with_the_public_path() {
        let rewritten = CallbackRequest { raw_path: "/php/index.php".into(), ..genuine() };
        assert_eq!(verify(rewritten.clone(), &[]).unwrap_err(), CallbackRefused::SignatureInvalid);
        let paths = ["/other".to_owned(), "/index%2Ephp".to_owned()];
        assert!(verify(rewritten.clone(), &paths).is_ok());
        assert_eq!(verify(rewritten, &paths[..1]).unwrap_err(), CallbackRefused::SignatureInvalid);
    }

    #[test]
    fn the_string_to_sign_decodes_the_path_once_and_keeps_the_query() {
        let cases: [(&str, Option<&str>, &str); 6] = [
            ("/a+b%20c", None, "/a+b c\nB"),
            ("/a%252Fb", Some("x=%2F"), "/a%2Fb?x=%2F\nB"),
            ("/a%zz/b%", None, "/a%zz/b%\nB"),
            ("/cb", Some(""), "/cb\nB"),
            ("/cb", Some("?"), "/cb??\nB"),
            ("/%E4%B8%AD", None, "/中\nB"),
        ];
        for (path, query, signed) in cases {
            assert_eq!(String::from_utf8(string_to_sign(path, query, b"B")).unwrap(), signed, "{path} {query:?}");
        }
        assert_eq!(string_to_sign("/%D6", None, b""), b"/\xD6\n");
    }

    #[test]
    fn malformed_headers_are_refused() {
        type Change = fn(&mut CallbackRequest<'_>);
        let cases: [(&str, Change); 12] = [
            ("no signature", |r| drop(r.headers.remove(0))),
            ("no key URL", |r| drop(r.headers.remove(1))),
            ("two signatures", |r| r.headers.push(r.headers[0].clone())),
            ("two signatures, another case", |r| r.headers.push(("AUTHORIZATION".into(), b"AA==".to_vec()))),
            ("two key URLs", |r| r.headers.push(r.headers[1].clone())),
            ("an empty signature", |r| r.headers[0].1.clear()),
            ("a signature without padding", |r| r.headers[0].1.truncate(86)),
            ("a key URL that is not UTF-8", |r| r.headers[1].1 = b"//79".to_vec()),
            ("a header over 64 KiB", |r| r.headers.push(("x".into(), vec![b'a'; MAX_HEADER_BYTES]))),
            ("a newline in the decoded path", |r| r.raw_path = "/a%0Ab".into()),
            ("DEL in the decoded path", |r| r.raw_path = "/a%7Fb".into()),
            ("a newline in the query", |r| r.raw_query = Some("a\nb".into())),
        ];
        for (what, change) in cases {
            let mut request = genuine();
            change(&mut request);
            assert!(matches!(verify(request, &[]), Err(CallbackRefused::Malformed(_))), "{what}");
        }
    }

    #[test]
    fn only_the_exact_key_url_is_trusted_and_it_is_printed_harmlessly() {
        let url = format!("{}\r\nX: 1", OSS_KEY_URLS[1]);
        let mut request = genuine();
        request.headers[1].1 = STANDARD.encode(&url).into_bytes();
        let refused = verify(request, &[]).unwrap_err();
        assert_eq!(refused, CallbackRefused::KeyNotTrusted(format!("{}\\r\\nX: 1", OSS_KEY_URLS[1])));
        let callback = UnverifiedCallback::parse(genuine()).unwrap();
        assert!(callback.check_key_url(&TrustedKeys::none()).is_err());
        assert_eq!(callback.check_key_url(&TrustedKeys::oss()), Ok(()));
    }

    #[test]
    fn what_is_no_rsa_key_is_refused_and_a_key_replaces_its_predecessor() {
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        for pem in ["", "nonsense", ed25519, "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"] {
            assert!(TrustedKeys::none().with("u", pem).is_err(), "{pem:?}");
        }
        let keys = TrustedKeys::oss().with(OSS_KEY_URLS[0], OSS_KEY_PEM).unwrap();
        assert_eq!(keys.urls().collect::<Vec<_>>(), [OSS_KEY_URLS[1], OSS_KEY_URLS[0]]);
    }
}
