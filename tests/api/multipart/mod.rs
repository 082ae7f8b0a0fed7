//! Multipart grants: parts signed in windows, joined by us from checked parts, never left behind.

mod attacks;
mod crashes;
mod story;

use md5::{Digest, Md5};
use oss_valet::{
    clock::Clock,
    oss::{
        access_key::AccessKey,
        encoding::decode_path,
        endpoint::{AddressingStyle, Endpoint},
        presign::{self, SigningContext},
        request::{SignableRequest, SignatureVersion},
        xml::Element,
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, OWNER, TestApp, path_of, send};

/// The smallest part that may be followed by another.
pub(super) const PART: usize = 100 * 1024;

pub(super) async fn film(app: &TestApp) -> Value {
    app.issue("u-7", json!({"profile": "film", "filename": "holiday.mp4"})).await
}

/// Leave to send these parts.
pub(super) async fn sign(app: &TestApp, grant: &Value, numbers: &[u32]) -> Answer {
    app.post(&format!("{}/parts", path_of(grant)), "u-7", &json!({ "part_numbers": numbers })).await
}

/// Sends one part; its `ETag`.
pub(super) async fn send_part(app: &TestApp, grant: &Value, number: u32, bytes: &[u8]) -> String {
    let signed = sign(app, grant, &[number]).await;
    assert_eq!(signed.status, 200, "{}", signed.text());
    let url = signed.json()["parts"][0]["url"].as_str().unwrap().to_owned();
    let sent = send(app.http.put(url).body(bytes.to_vec())).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    sent.header("etag")
}

/// The list of parts as OSS holds it.
pub(super) async fn held(app: &TestApp, grant: &Value) -> Value {
    let answer = app.get(&format!("{}/parts", path_of(grant)), "u-7").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["parts"].clone()
}

pub(super) async fn complete(app: &TestApp, grant: &Value, body: &Value) -> Answer {
    app.post(&format!("{}/complete", path_of(grant)), "u-7", body).await
}

/// `[{part_number, etag}]` for `complete`.
pub(super) fn named(parts: &[(u32, &str)]) -> Value {
    let parts: Vec<_> = parts.iter().map(|(number, etag)| json!({"part_number": number, "etag": etag})).collect();
    json!({ "parts": parts })
}

pub(super) fn bytes(seed: u8, len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).map(|byte: u8| seed.wrapping_add(byte)).collect()
}

pub(super) fn etag(bytes: &[u8]) -> String {
    hex::encode_upper(Md5::digest(bytes))
}

/// The keys of the unfinished multipart uploads that OSS holds.
pub(super) async fn unfinished(app: &TestApp) -> Vec<String> {
    let request = presign::list_multipart_uploads("app-media", "", "", "");
    let answer = ask_oss(app, request, "").await;
    let root = Element::parse(&answer.text()).unwrap();
    root.children_named("Upload").map(|upload| decode_path(upload.child_text("Key").unwrap()).unwrap()).collect()
}

/// Asks OSS as the owner of the bucket, behind the service's back.
pub(super) async fn ask_oss(app: &TestApp, request: SignableRequest, body: &str) -> Answer {
    let key = AccessKey::new(OWNER[0], OWNER[1]);
    let endpoint = Endpoint::parse(&app.simulator, AddressingStyle::Path).unwrap();
    let context = SigningContext {
        version: SignatureVersion::V4,
        endpoint: &endpoint,
        region: "cn-hangzhou",
        key: &key,
        signing_key: None,
        now: app.clock.now(),
    };
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    let signed = presign::presign(request, &[], 60, &context).unwrap();
    let answer = send(app.http.request(method, signed.url).body(body.to_owned())).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    answer
}
