//! `signing.json`: what the official SDKs make of the same inputs, stage by stage.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use oss_valet::oss::{
    access_key::AccessKey,
    encoding,
    endpoint::{AddressingStyle, Endpoint},
    post_form,
    post_policy::PostPolicy,
    presign::{self, DateHeader, SignedRequest, SigningContext},
    request::{SignableRequest, SignatureVersion},
    sign_v1,
    sign_v4::{self, SigningKey},
};
use serde::Deserialize;
use serde_json::Value;

type Pairs = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Suite {
    presign: Vec<Case>,
    header: Vec<Case>,
    post: Vec<PostCase>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    version: SignatureVersion,
    method: String,
    bucket: String,
    key: String,
    endpoint: CaseEndpoint,
    region: String,
    credentials: Credentials,
    now: i64,
    expires_in: i64,
    headers: Pairs,
    query: Pairs,
    additional_headers: Vec<String>,
    expected: Value,
    disagree: Value,
}

#[derive(Deserialize)]
struct CaseEndpoint {
    url: String,
    style: AddressingStyle,
}

#[derive(Deserialize)]
struct Credentials {
    access_key_id: String,
    access_key_secret: String,
    security_token: Option<String>,
}

#[derive(Deserialize)]
struct ExpectedUrl {
    base_url: String,
    path: String,
    signature: String,
    query: Pairs,
    string_to_sign: String,
    headers_to_send: Pairs,
    canonical_request: Option<String>,
    signing_key_hex: Option<String>,
}

#[derive(Deserialize)]
struct ExpectedHeaders {
    signature: String,
    string_to_sign: String,
    headers: Pairs,
    canonical_request: Option<String>,
}

#[derive(Deserialize)]
struct PostCase {
    id: String,
    version: SignatureVersion,
    region: String,
    now: i64,
    x_oss_date: String,
    credentials: Credentials,
    policy: Option<Value>,
    policy_text_given: Option<String>,
    variants: Vec<PostVariant>,
}

#[derive(Deserialize)]
struct PostVariant {
    policy_text: String,
    policy_base64: String,
    signature: String,
    form_fields: Pairs,
}

impl Credentials {
    fn key(&self) -> AccessKey {
        let key = AccessKey::new(&self.access_key_id, &self.access_key_secret);
        match &self.security_token {
            Some(token) => key.with_security_token(token),
            None => key,
        }
    }
}

impl Case {
    fn request(&self) -> SignableRequest {
        SignableRequest {
            method: self.method.clone(),
            bucket: Some(self.bucket.clone()),
            key: self.key.clone(),
            headers: self.headers.clone().into_iter().collect(),
            query: self.query.clone().into_iter().collect(),
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.endpoint.url, self.endpoint.style).unwrap()
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.now, 0).unwrap()
    }

    fn context<'a>(&'a self, endpoint: &'a Endpoint, key: &'a AccessKey) -> SigningContext<'a> {
        let (version, region, now) = (self.version, self.region.as_str(), self.now());
        SigningContext { version, endpoint, region, key, signing_key: None, now }
    }

    /// The case's name, and which SDK sees it otherwise and why.
    fn label(&self) -> String {
        format!("{} (other readings: {})", self.id, self.disagree)
    }
}

fn suite() -> Suite {
    serde_json::from_str(include_str!("signing.json")).unwrap()
}

fn pairs(list: &[(String, String)]) -> Pairs {
    list.iter().cloned().collect()
}

#[test]
fn every_presigned_url_is_the_one_the_sdks_agree_on() {
    let cases = suite().presign;
    assert_eq!(cases.len(), 207, "a case was added or lost");
    for case in &cases {
        let expected: ExpectedUrl = serde_json::from_value(case.expected.clone()).unwrap();
        let (endpoint, key) = (case.endpoint(), case.credentials.key());
        let context = case.context(&endpoint, &key);
        let signed = presign::presign_unchecked(case.request(), &case.additional_headers, case.expires_in, &context);
        check_stages(case, &expected, &context, &signed);
        check_url(case, &expected, &signed);
    }
}

fn check_stages(case: &Case, expected: &ExpectedUrl, context: &SigningContext<'_>, signed: &SignedRequest) {
    let label = case.label();
    assert_eq!(signed.canonical_request, expected.canonical_request, "canonical request of {label}");
    assert_eq!(signed.string_to_sign, expected.string_to_sign, "string to sign of {label}");
    let signing_key = (case.version == SignatureVersion::V4)
        .then(|| hex::encode(SigningKey::derive(context.key, &context.scope()).expose_bytes()));
    assert_eq!(signing_key, expected.signing_key_hex, "signing key of {label}");
    assert_eq!(signed.signature, expected.signature, "signature of {label}");
}

/// By decoded path and query: the text of a URL differs between SDKs.
fn check_url(case: &Case, expected: &ExpectedUrl, signed: &SignedRequest) {
    let label = case.label();
    let after_base = signed.url.strip_prefix(&expected.base_url).unwrap_or_else(|| panic!("base URL of {label}"));
    let (path, query) = after_base.split_once('?').unwrap();
    assert_eq!(encoding::decode_path(path), encoding::decode_path(&expected.path), "path of {label}");
    assert_eq!(pairs(&encoding::decode_query(query).unwrap()), expected.query, "query of {label}");
    assert_eq!(pairs(&signed.query), expected.query, "query parameters of {label}");
    assert_eq!(pairs(&signed.headers), expected.headers_to_send, "headers of {label}");
}

#[test]
fn every_authorization_header_is_the_one_the_sdks_agree_on() {
    let cases = suite().header;
    assert_eq!(cases.len(), 169, "a case was added or lost");
    let mut forms = 0;
    for case in &cases {
        let expected: BTreeMap<String, ExpectedHeaders> = serde_json::from_value(case.expected.clone()).unwrap();
        let (endpoint, key) = (case.endpoint(), case.credentials.key());
        for (form, expected) in expected {
            let date_header = if form == "date" { DateHeader::Date } else { DateHeader::OssDate };
            let context = case.context(&endpoint, &key);
            let signed = presign::sign_headers_dated(case.request(), &case.additional_headers, date_header, &context);
            let label = format!("{} with {form}", case.label());
            assert_eq!(signed.canonical_request, expected.canonical_request, "canonical request of {label}");
            assert_eq!(signed.string_to_sign, expected.string_to_sign, "string to sign of {label}");
            assert_eq!(signed.signature, expected.signature, "signature of {label}");
            assert_eq!(pairs(&signed.headers), expected.headers, "headers of {label}");
            forms += 1;
        }
    }
    assert_eq!(forms, 87 + 2 * 82, "V4 has one form, V1 two");
}

#[test]
fn every_post_form_is_signed_as_the_official_tools_sign_it() {
    let cases = suite().post;
    assert_eq!(cases.len(), 47, "a case was added or lost");
    let mut variants = 0;
    for case in &cases {
        for variant in &case.variants {
            check_variant(case, variant);
            variants += 1;
        }
        check_given_text(case);
    }
    assert_eq!(variants, 91, "a variant was added or lost");
}

fn check_variant(case: &PostCase, variant: &PostVariant) {
    let id = &case.id;
    let policy_base64 = BASE64.encode(&variant.policy_text);
    assert_eq!(policy_base64, variant.policy_base64, "Base64 of {id}");
    let now = DateTime::from_timestamp(case.now, 0).unwrap();
    assert_eq!(sign_v4::format_date(now), case.x_oss_date, "date of {id}");
    let endpoint = Endpoint::parse("https://oss-cn-hangzhou.aliyuncs.com", AddressingStyle::Virtual).unwrap();
    let (version, region, key) = (case.version, case.region.as_str(), case.credentials.key());
    let context = SigningContext { version, endpoint: &endpoint, region, key: &key, signing_key: None, now };
    let signature = match version {
        SignatureVersion::V1 => sign_v1::sign_policy(&policy_base64, &key),
        SignatureVersion::V4 => SigningKey::derive(&key, &context.scope()).sign_policy(&policy_base64),
    };
    assert_eq!(signature, variant.signature, "signature of {id}");
    for (name, value) in post_form::signature_fields_for_text(&variant.policy_text, &context) {
        assert_eq!(Some(&value), variant.form_fields.get(&name), "field {name} of {id}");
    }
}

/// The policy is compact JSON of what was given, or the very text; and what we can express we write alike.
fn check_given_text(case: &PostCase) {
    let id = &case.id;
    let text = match (&case.policy, &case.policy_text_given) {
        (Some(policy), None) => policy.to_string(),
        (None, Some(text)) => text.clone(),
        _ => panic!("{id} has neither policy nor text, or both"),
    };
    if let Some(policy) = &case.policy {
        let parsed = PostPolicy::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{id}: {error}"));
        let written: Value = serde_json::from_str(&parsed.to_json()).unwrap();
        assert_eq!(written["conditions"], policy["conditions"], "conditions of {id}");
    } else {
        let known = case.variants.iter().any(|variant| variant.policy_text == text);
        assert!(known, "the text of {id} is signed byte for byte");
    }
}
