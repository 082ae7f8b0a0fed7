//! V4 signatures: HMAC-SHA256 with a derived key, for headers, query and policy (P§4.2, P§3.3).
//!
//! Stages: canonical request → string to sign → signing key → signature.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::{
    access_key::AccessKey,
    encoding::{COMPONENT, PATH, push_encoded},
    request::{SignableRequest, lower_case, push_canonical_headers, trim},
};

/// The scheme's name, in every V4 request.
pub const ALGORITHM: &str = "OSS4-HMAC-SHA256";

/// Stands for the body's hash: OSS does not ask for it (P§4.2).
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The last part of every credential scope.
pub const SCOPE_TERMINATOR: &str = "aliyun_v4_request";

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
    pub fn oss(now: DateTime<Utc>, region: &str) -> Self {
        Self { date: format_day(now), region: region.to_owned(), product: "oss".to_owned() }
    }

    /// `<AK>/<yyyymmdd>/<region>/oss/aliyun_v4_request`.
    pub fn credential(&self, access_key_id: &str) -> String {
        format!("{access_key_id}/{self}")
    }

    /// Reads a credential back into access key id and scope; `None` when it is not of that form.
    pub fn parse_credential(credential: &str) -> Option<(String, Self)> {
        let mut parts = credential.rsplitn(5, '/');
        let terminator = parts.next()?;
        let (product, region, date) = (parts.next()?, parts.next()?, parts.next()?);
        let access_key_id = parts.next()?;
        let plausible = terminator == SCOPE_TERMINATOR
            && date.len() == 8
            && date.bytes().all(|byte| byte.is_ascii_digit())
            && [product, region, access_key_id].iter().all(|part| !part.is_empty());
        plausible.then(|| {
            let scope = Self { date: date.to_owned(), region: region.to_owned(), product: product.to_owned() };
            (access_key_id.to_owned(), scope)
        })
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{SCOPE_TERMINATOR}", self.date, self.region, self.product)
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
    pub fn derive(key: &AccessKey, scope: &Scope) -> Self {
        let seed = [b"aliyun_v4", key.expose_secret().as_bytes()].concat();
        let date = hmac_sha256(&seed, scope.date.as_bytes());
        let region = hmac_sha256(&date, scope.region.as_bytes());
        let product = hmac_sha256(&region, scope.product.as_bytes());
        Self(hmac_sha256(&product, SCOPE_TERMINATOR.as_bytes()))
    }

    /// The raw key, for the workbench and the vector tests.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Signs a Base64 policy, lower-case hex (P§3.3).
    pub fn sign_policy(&self, policy_base64: &str) -> String {
        self.sign_text(policy_base64)
    }

    /// Last stage: lower-case hex of the text's MAC.
    pub fn sign_text(&self, text: &str) -> String {
        hex::encode(hmac_sha256(&self.0, text.as_bytes()))
    }

    /// Whether `signature` is the lower-case hex of `text`'s MAC, compared in constant time.
    pub fn verify_text(&self, text: &str, signature: &str) -> bool {
        let lower = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
        lower && hex::decode(signature).is_ok_and(|bytes| mac(&self.0, text.as_bytes()).verify_slice(&bytes).is_ok())
    }
}

/// `yyyymmddThhmmssZ`.
pub fn format_date(now: DateTime<Utc>) -> String {
    format!("{}T{:02}{:02}{:02}Z", format_day(now), now.hour(), now.minute(), now.second())
}

/// `yyyymmdd`; by hand, since chrono's own formatter reads its pattern anew each time.
fn format_day(now: DateTime<Utc>) -> String {
    format!("{:04}{:02}{:02}", now.year(), now.month(), now.day())
}

/// Reads `yyyymmddThhmmssZ`; nothing else.
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    // chrono alone would take signs, and blanks of every kind, for digits.
    let fits = |(place, byte): (usize, u8)| match place {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    let exact = text.len() == 16 && text.bytes().enumerate().all(fits);
    let time = exact.then(|| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()).flatten()?;
    Some(time.and_utc())
}

/// Signs a request whose `x-oss-*` query parameters or headers are already in place; `timestamp` is its `x-oss-date`.
pub fn sign(
    request: &SignableRequest,
    additional_headers: &[String],
    timestamp: &str,
    scope: &Scope,
    key: &SigningKey,
) -> V4Signature {
    let canonical_request = canonical_request(request, &effective_additional_headers(request, additional_headers));
    let string_to_sign = string_to_sign(&canonical_request, timestamp, scope);
    let signature = key.sign_text(&string_to_sign);
    V4Signature { canonical_request, string_to_sign, signature }
}

/// What of `requested` goes into `AdditionalHeaders`: lower case, sorted, once each, present in the request, and not signed anyway (P§4.2).
pub fn effective_additional_headers(request: &SignableRequest, requested: &[String]) -> Vec<String> {
    let mut names: Vec<String> = requested
        .iter()
        .map(|name| trim(name).to_ascii_lowercase())
        .filter(|name| !is_always_signed(name) && request.header(name).is_some())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// First stage. `additional_headers` as [`effective_additional_headers`] gives them.
pub fn canonical_request(request: &SignableRequest, additional_headers: &[String]) -> String {
    let mut text = String::with_capacity(768 + request.key.len());
    text.push_str(&request.method);
    text.push('\n');
    request.push_resource(&mut text, |out, part| push_encoded(out, part, PATH));
    text.push('\n');
    push_canonical_query(&mut text, &request.query);
    text.push('\n');
    push_canonical_headers(&mut text, &request.headers, |name| {
        is_always_signed(name) || additional_headers.iter().any(|known| known == name)
    });
    text.push('\n');
    push_joined(&mut text, additional_headers);
    text.push('\n');
    text.push_str(request.header("x-oss-content-sha256").map_or(UNSIGNED_PAYLOAD, trim));
    text
}

/// Second stage.
pub fn string_to_sign(canonical_request: &str, timestamp: &str, scope: &Scope) -> String {
    let mut text = String::with_capacity(160);
    write!(text, "{ALGORITHM}\n{timestamp}\n{scope}\n").expect("a String takes what is written to it");
    let mut digest = [0; 64];
    hex::encode_to_slice(Sha256::digest(canonical_request), &mut digest).expect("32 bytes are 64 hex digits");
    text.push_str(std::str::from_utf8(&digest).expect("hex digits are ASCII"));
    text
}

/// Names that V4 signs wherever they occur (P§4.2).
fn is_always_signed(name: &str) -> bool {
    name.starts_with("x-oss-") || name == "content-type" || name == "content-md5"
}

/// Encodes once into one buffer, then sorts the pieces by their encoded names.
fn push_canonical_query(text: &mut String, query: &[(String, String)]) {
    let mut encoded = String::with_capacity(64 * query.len());
    let mut pieces = Vec::with_capacity(query.len());
    // The signature itself can't be signed; verifiers hand it in with the rest.
    for (name, value) in query.iter().filter(|(name, _)| name != "x-oss-signature") {
        let start = encoded.len();
        push_encoded(&mut encoded, name, COMPONENT);
        let name_end = encoded.len();
        if !value.is_empty() {
            encoded.push('=');
            push_encoded(&mut encoded, value, COMPONENT);
        }
        pieces.push((start, name_end, encoded.len()));
    }
    pieces.sort_by(|a, b| encoded[a.0..a.1].cmp(&encoded[b.0..b.1]));
    for (index, (start, _, end)) in pieces.into_iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(&encoded[start..end]);
    }
}

/// `a;b;c`, in lower case.
fn push_joined(text: &mut String, names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(';');
        }
        text.push_str(&lower_case(name));
    }
}

fn mac(key: &[u8], data: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    mac(key, data).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn scope() -> Scope {
        Scope { date: "20231217".into(), region: "cn-hangzhou".into(), product: "oss".into() }
    }

    /// The Go SDK's presigned case (P§4.4).
    fn published() -> SignableRequest {
        let mut request = SignableRequest::object("PUT", "bucket", "1234+-/123/1.txt");
        request.headers = own(&[("x-oss-head1", "value"), ("content-type", "application/octet-stream")]);
        request.query = own(&[
            ("param1", "value1"),
            ("+param1", "value3"),
            ("|param1", "value4"),
            ("+param2", ""),
            ("|param2", ""),
            ("param2", ""),
            ("x-oss-signature-version", ALGORITHM),
            ("x-oss-credential", "ak/20231217/cn-hangzhou/oss/aliyun_v4_request"),
            ("x-oss-date", "20231217T025437Z"),
            ("x-oss-expires", "599"),
        ]);
        request
    }

    const PUBLISHED_CANONICAL: &str = "PUT\n/bucket/1234%2B-/123/1.txt\n%2Bparam1=value3&%2Bparam2&%7Cparam1=value4&%7Cparam2&param1=value1&param2\
        &x-oss-credential=ak%2F20231217%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20231217T025437Z&x-oss-expires=599\
        &x-oss-signature-version=OSS4-HMAC-SHA256\ncontent-type:application/octet-stream\nx-oss-head1:value\n\n\nUNSIGNED-PAYLOAD";

    #[test]
    fn the_published_case_comes_out_stage_by_stage() {
        let canonical = canonical_request(&published(), &[]);
        assert_eq!(canonical, PUBLISHED_CANONICAL);
        let text = string_to_sign(&canonical, "20231217T025437Z", &scope());
        assert_eq!(
            text,
            "OSS4-HMAC-SHA256\n20231217T025437Z\n20231217/cn-hangzhou/oss/aliyun_v4_request\n\
             48814c11f278d51662015bf2f896b66ca10b6de0187ed8d952e341bbce0aa336",
        );
        let key = SigningKey::derive(&AccessKey::new("ak", "sk"), &scope());
        let signature = "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe";
        assert_eq!(key.sign_text(&text), signature);
        assert!(key.verify_text(&text, signature));
        assert!(!key.verify_text(&text, &signature.to_ascii_uppercase()));
        assert!(!key.verify_text(&text, &signature[..62]));
        assert_eq!(sign(&published(), &[], "20231217T025437Z", &scope(), &key).signature, signature);
    }

    #[test]
    fn an_empty_request_has_three_line_ends_before_its_payload() {
        let request = SignableRequest::object("GET", "b", "");
        assert_eq!(canonical_request(&request, &[]), "GET\n/b/\n\n\n\nUNSIGNED-PAYLOAD");
    }

    #[test]
    fn additional_headers_leave_out_the_absent_and_those_signed_anyway() {
        let mut request = published();
        request.headers.extend(own(&[("ZAbc", "1"), ("abc", "2")]));
        let asked = ["x-oss-none", "ZAbc", "x-oss-head1", "abc", "Content-Type", "ABC", "absent"].map(str::to_owned);
        assert_eq!(effective_additional_headers(&request, &asked), ["abc", "zabc"]);
    }

    #[test]
    fn a_given_payload_hash_takes_the_last_line() {
        let mut request = SignableRequest::object("PUT", "b", "k");
        request.headers = own(&[("X-OSS-Content-SHA256", "e3b0")]);
        assert!(canonical_request(&request, &[]).ends_with("x-oss-content-sha256:e3b0\n\n\ne3b0"));
    }

    #[test]
    fn a_credential_reads_back_as_it_was_written() {
        let text = scope().credential("STS.abc");
        assert_eq!(text, "STS.abc/20231217/cn-hangzhou/oss/aliyun_v4_request");
        assert_eq!(Scope::parse_credential(&text), Some(("STS.abc".to_owned(), scope())));
        for broken in [
            "",
            "ak",
            "ak/20231217/cn-hangzhou/oss",
            "ak/2023/r/oss/aliyun_v4_request",
            "/20231217/r/oss/aliyun_v4_request",
        ] {
            assert_eq!(Scope::parse_credential(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn dates_read_back_and_nothing_else_is_a_date() {
        let now = DateTime::from_timestamp(1_702_781_677, 0).unwrap();
        assert_eq!(format_date(now), "20231217T025437Z");
        assert_eq!(parse_date("20231217T025437Z"), Some(now));
        for broken in [
            "20231217T025437",
            "2023-12-17T02:54:37Z",
            "20231317T025437Z",
            "20231217T 25437Z",
            "20231217T02543\u{b}Z",
            "２0231217T02543Z",
        ] {
            assert_eq!(parse_date(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = SigningKey::derive(&AccessKey::new("ak", "sk"), &scope());
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }
}
