//! STS grants: temporary credentials for one object, used as SDKs use them.

mod escapes;
mod refusals;
mod replays;
mod story;

use oss_valet::{
    clock::Clock,
    oss::{
        access_key::AccessKey,
        endpoint::{AddressingStyle, Endpoint},
        presign::{self, SignedRequest, SigningContext},
        request::{SignableRequest, SignatureVersion},
    },
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, send};

pub(super) const BOTH: [SignatureVersion; 2] = [SignatureVersion::V4, SignatureVersion::V1];

/// A grant of the profile `document`, by STS.
pub(super) async fn grant(app: &TestApp, user: &str) -> Value {
    app.issue(user, json!({"profile": "document", "method": "sts", "filename": "a.txt"})).await
}

/// What an SDK is set up with.
pub(super) fn key_of(grant: &Value) -> AccessKey {
    let field = |name: &str| grant["credentials"][name].as_str().unwrap_or_else(|| panic!("no {name}: {grant}"));
    AccessKey::new(field("access_key_id"), field("access_key_secret")).with_security_token(field("security_token"))
}

pub(super) fn text<'a>(grant: &'a Value, name: &str) -> &'a str {
    grant[name].as_str().unwrap()
}

/// A PUT of the grant's object as an SDK makes it: type, callback in headers.
pub(super) fn put_with_callback(grant: &Value) -> SignableRequest {
    let callback = &grant["callback"];
    let headers = [
        ("Content-Type", text(grant, "content_type")),
        ("x-oss-callback", text(callback, "callback")),
        ("x-oss-callback-var", text(callback, "callback_var")),
    ];
    put_with(grant, &headers)
}

/// A PUT of the grant's object with these headers.
pub(super) fn put_with(grant: &Value, headers: &[(&str, &str)]) -> SignableRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    presign::put_object(text(grant, "bucket"), text(grant, "key"), headers)
}

/// Signed in the header with these credentials and their token.
pub(super) fn signed(
    app: &TestApp,
    key: &AccessKey,
    version: SignatureVersion,
    request: SignableRequest,
) -> RequestBuilder {
    in_context(app, key, version, |context| presign::sign_headers(request, &[], context))
}

/// Signed in the query with these credentials and their token.
pub(super) fn presigned(
    app: &TestApp,
    key: &AccessKey,
    version: SignatureVersion,
    request: SignableRequest,
) -> RequestBuilder {
    in_context(app, key, version, |context| presign::presign(request, &[], 600, context).unwrap())
}

fn in_context(
    app: &TestApp,
    key: &AccessKey,
    version: SignatureVersion,
    sign: impl FnOnce(&SigningContext<'_>) -> SignedRequest,
) -> RequestBuilder {
    let endpoint = Endpoint::parse(&app.simulator, AddressingStyle::Path).unwrap();
    let (region, now) = ("cn-hangzhou", app.clock.now());
    let signed = sign(&SigningContext { version, endpoint: &endpoint, region, key, signing_key: None, now });
    let method = Method::from_bytes(signed.method.as_bytes()).unwrap();
    let headers = signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    headers.fold(app.http.request(method, &signed.url), |request, (name, value)| request.header(name, value))
}

/// Sends the bytes under the grant, with its callback.
pub(super) async fn upload(app: &TestApp, grant: &Value, version: SignatureVersion, bytes: &[u8]) -> Answer {
    send(signed(app, &key_of(grant), version, put_with_callback(grant)).body(bytes.to_vec())).await
}

/// `403 AccessDenied`: what OSS says no with.
pub(super) fn oss_refusal(answer: &Answer) -> String {
    let text = answer.text();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    format!("{} {}", answer.status.as_u16(), code.map_or("", |(code, _)| code))
}
