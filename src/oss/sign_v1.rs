//! V1 signatures: HMAC-SHA1 over a string to sign, for headers, query and policy (P§4.1, P§3.3).
//!
//! Stages: canonicalized headers, canonicalized resource, string to sign, signature.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{
    access_key::AccessKey,
    request::{SignableRequest, push_canonical_headers, trim},
};

/// The query parameters that V1 signs (P§4.1): the union of the long fixed lists of the Python, Java and Go SDKs, sorted.
///
/// A name missing here is a parameter that anyone may change in a signed URL, and a URL that OSS refuses.
const SUB_RESOURCES: [&str; 88] = [
    "acl",
    "append",
    "asyncFetch",
    "bucketInfo",
    "callback",
    "callback-var",
    "cloudboxes",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "encryption",
    "endTime",
    "group",
    "img",
    "inventory",
    "inventoryId",
    "lifecycle",
    "link",
    "live",
    "location",
    "logging",
    "metaQuery",
    "objectInfo",
    "objectMeta",
    "partNumber",
    "policy",
    "position",
    "processConf",
    "qos",
    "qosInfo",
    "referer",
    "regionList",
    "replication",
    "replicationLocation",
    "replicationProgress",
    "requestPayment",
    "resourceGroup",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "transferAcceleration",
    "udf",
    "udfApplication",
    "udfApplicationLog",
    "udfId",
    "udfImage",
    "udfImageDesc",
    "udfName",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "vip",
    "vod",
    "vpcip",
    "website",
    "withHashContext",
    "worm",
    "wormExtend",
    "wormId",
    "x-oss-ac-forward-allow",
    "x-oss-ac-source-ip",
    "x-oss-ac-subnet-mask",
    "x-oss-ac-vpc-id",
    "x-oss-enable-md5",
    "x-oss-enable-sha1",
    "x-oss-enable-sha256",
    "x-oss-hash-ctx",
    "x-oss-md5-ctx",
    "x-oss-process",
    "x-oss-request-payer",
    "x-oss-traffic-limit",
];

/// The result of each stage, so that a failing signature says which stage broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1Signature {
    /// The text that was signed.
    pub string_to_sign: String,
    /// Base64.
    pub signature: String,
}

/// Signs for the query (`Expires`, epoch seconds, takes the date's place). The caller has put `security-token` into the query.
pub fn sign_query(request: &SignableRequest, key: &AccessKey, expires: i64) -> V1Signature {
    sign(request, key, &expires.to_string())
}

/// Signs for the `Authorization` header; `date` is the value of the `Date` (or `x-oss-date`) header.
pub fn sign_header(request: &SignableRequest, key: &AccessKey, date: &str) -> V1Signature {
    sign(request, key, date)
}

/// Signs a Base64 policy: Base64(HMAC-SHA1(secret, policy)) (P§3.3).
pub fn sign_policy(policy_base64: &str, key: &AccessKey) -> String {
    sign_text(policy_base64, key)
}

/// The last stage alone: Base64(HMAC-SHA1(secret, text)).
pub fn sign_text(text: &str, key: &AccessKey) -> String {
    BASE64.encode(mac(text, key).finalize().into_bytes())
}

/// Whether `signature` is the Base64 of `text`'s MAC, compared in constant time.
pub fn verify_text(text: &str, key: &AccessKey, signature: &str) -> bool {
    BASE64.decode(signature).is_ok_and(|bytes| mac(text, key).verify_slice(&bytes).is_ok())
}

/// Third stage: the text to sign. `date` is a date header's value or, in a URL, `Expires`.
pub fn string_to_sign(request: &SignableRequest, date: &str) -> String {
    let mut text = String::with_capacity(256 + request.key.len());
    for line in [
        &request.method,
        trim(request.header("content-md5").unwrap_or_default()),
        trim(request.header("content-type").unwrap_or_default()),
        date,
    ] {
        text.push_str(line);
        text.push('\n');
    }
    push_canonicalized_headers(&mut text, request);
    push_canonicalized_resource(&mut text, request);
    text
}

/// First stage: every `x-oss-*` header, `name:value\n`, sorted.
pub fn canonicalized_headers(request: &SignableRequest) -> String {
    let mut text = String::new();
    push_canonicalized_headers(&mut text, request);
    text
}

/// Second stage: `/bucket/key?sub-resources`, nothing encoded, sorted by parameter name (not by `name=value`: `callback` goes before `callback-var`).
pub fn canonicalized_resource(request: &SignableRequest) -> String {
    let mut text = String::new();
    push_canonicalized_resource(&mut text, request);
    text
}

fn sign(request: &SignableRequest, key: &AccessKey, date: &str) -> V1Signature {
    let string_to_sign = string_to_sign(request, date);
    let signature = sign_text(&string_to_sign, key);
    V1Signature { string_to_sign, signature }
}

fn mac(text: &str, key: &AccessKey) -> Hmac<Sha1> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac
}

fn push_canonicalized_headers(text: &mut String, request: &SignableRequest) {
    push_canonical_headers(text, &request.headers, |name| name.starts_with("x-oss-"));
}

fn push_canonicalized_resource(text: &mut String, request: &SignableRequest) {
    request.push_resource(text, String::push_str);
    let mut signed: Vec<&(String, String)> = request.query.iter().filter(|(name, _)| is_sub_resource(name)).collect();
    signed.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (index, (name, value)) in signed.into_iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(name);
        if !value.is_empty() {
            text.push('=');
            text.push_str(value);
        }
    }
}

fn is_sub_resource(name: &str) -> bool {
    SUB_RESOURCES.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &[(&str, &str)], headers: &[(&str, &str)]) -> SignableRequest {
        let own = |list: &[(&str, &str)]| list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let mut request = SignableRequest::object("PUT", "examplebucket", "dir/a b.jpg");
        request.query = own(query);
        request.headers = own(headers);
        request
    }

    #[test]
    fn the_list_of_sub_resources_is_sorted_and_free_of_doubles() {
        assert!(SUB_RESOURCES.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn headers_stage_holds_only_what_oss_calls_its_own() {
        let request = request(&[], &[("X-OSS-Magic", " abc "), ("Content-Type", "a/b"), ("x-oss-acl", "private")]);
        assert_eq!(canonicalized_headers(&request), "x-oss-acl:private\nx-oss-magic:abc\n");
    }

    #[test]
    fn resource_stage_sorts_by_name_keeps_values_raw_and_skips_the_unknown() {
        let request = request(
            &[("callback-var", "b="), ("foo", "1"), ("callback", "a+/="), ("uploads", ""), ("x-oss-foo", "1")],
            &[],
        );
        assert_eq!(
            canonicalized_resource(&request),
            "/examplebucket/dir/a b.jpg?callback=a+/=&callback-var=b=&uploads",
        );
    }

    #[test]
    fn resource_of_a_bucket_ends_with_a_slash_and_of_the_service_is_one() {
        let mut request = request(&[], &[]);
        request.key = String::new();
        assert_eq!(canonicalized_resource(&request), "/examplebucket/");
        request.bucket = None;
        assert_eq!(canonicalized_resource(&request), "/");
    }

    /// The documentation's example (P§4.4).
    #[test]
    fn the_documented_header_signature_comes_out() {
        let key = AccessKey::new("44CF9590006BF252F707", "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV");
        let mut request = SignableRequest::object("PUT", "oss-example", "nelson");
        request.headers = [
            ("Content-MD5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="),
            ("Content-Type", "text/html"),
            ("X-OSS-Meta-Author", "foo@bar.com"),
            ("X-OSS-Magic", "abracadabra"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let signed = sign_header(&request, &key, "Thu, 17 Nov 2005 18:49:58 GMT");
        assert_eq!(signed.signature, "26NBxoKdsyly4EDv6inkoDft/yA=");
        assert!(verify_text(&signed.string_to_sign, &key, &signed.signature));
        assert!(!verify_text(&signed.string_to_sign, &key, "26NBxoKdsyly4EDv6inkoDft/yB="));
        assert!(!verify_text(&signed.string_to_sign, &key, "no base64"));
    }
}
