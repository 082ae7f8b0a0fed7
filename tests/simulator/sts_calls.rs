//! Calls of STS: signed in the RPC way or with ACS3, and what comes back.

use chrono::SecondsFormat;
use oss_valet::{
    oss::{
        access_key::AccessKey,
        encoding::push_query,
        sign_acs3::{self, Acs3Request},
        sign_rpc,
    },
    simulator::{Permissions, RoleSpec, SimulatorSettings},
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{World, own, owner, send, text};

/// Parameters instead of the good ones.
pub(crate) type Changes<'a> = &'a [(&'a str, &'a str)];
/// What is done, how, and what comes of it.
pub(crate) type Case<'a> = (&'a str, Changes<'a>, &'a str);

pub(crate) const ROLE: &str = "acs:ram::1234567890123456:role/uploads";

/// What the role of these tests may do at most.
pub(crate) const ROLE_POLICY: &str = r#"{"Version":"1","Statement":[
    {"Effect":"Allow","Action":["oss:PutObject","oss:GetObject"],"Resource":"acs:oss:*:*:dev-media/*"}]}"#;

/// With the role `uploads`.
pub(crate) fn with_role(settings: &mut SimulatorSettings) {
    settings.roles.push(RoleSpec::new("uploads", Permissions::policy(ROLE_POLICY).expect("a policy")));
}

pub(crate) async fn world() -> World {
    World::with(with_role).await
}

/// The parameters of `AssumeRole`, with `more` in place of those of the same name; an empty value removes one.
pub(crate) fn assume_role(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut parameters = own(&[("Action", "AssumeRole"), ("RoleArn", ROLE), ("RoleSessionName", "alice")]);
    for (name, value) in more {
        parameters.retain(|(known, _)| known != name);
        if !value.is_empty() {
            parameters.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    parameters
}

/// What an RPC call has beside its action's parameters, all but the signature.
pub(crate) fn rpc_parameters(world: &World, key: &AccessKey, nonce: &str) -> Vec<(String, String)> {
    let timestamp = world.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut parameters = own(&[
        ("Version", "2015-04-01"),
        ("Format", "JSON"),
        ("AccessKeyId", key.id()),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", nonce),
        ("Timestamp", &timestamp),
    ]);
    parameters.extend(key.expose_security_token().map(|token| ("SecurityToken".to_owned(), token.to_owned())));
    parameters
}

/// Signed, sent as a form.
pub(crate) fn post(world: &World, mut parameters: Vec<(String, String)>, key: &AccessKey) -> RequestBuilder {
    let signed = sign_rpc::sign("POST", &parameters, key);
    parameters.push(("Signature".to_owned(), signed.signature));
    unsigned(world, &parameters)
}

/// Sent as a form, as it is.
pub(crate) fn unsigned(world: &World, parameters: &[(String, String)]) -> RequestBuilder {
    let mut body = String::new();
    push_query(&mut body, parameters);
    let content_type = "application/x-www-form-urlencoded";
    world.client.post(format!("{}/", world.url)).header("content-type", content_type).body(body)
}

/// The call with these parameters, by the owner.
pub(crate) async fn call(world: &World, nonce: &str, parameters: Vec<(String, String)>) -> (StatusCode, Value) {
    let mut all = rpc_parameters(world, &owner(), nonce);
    all.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
    all.extend(parameters);
    answer(post(world, all, &owner())).await
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = send(request).await;
    let (status, body) = (response.status(), text(response).await);
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("no JSON: {body}")))
}

/// `403 NoPermission`.
pub(crate) fn summary((status, body): &(StatusCode, Value)) -> String {
    format!("{} {}", status.as_u16(), body["Code"].as_str().unwrap_or("no code"))
}

/// The credentials of an answer.
pub(crate) fn key_of((status, body): &(StatusCode, Value)) -> AccessKey {
    assert_eq!(status.as_u16(), 200, "{body}");
    let field = |name: &str| body["Credentials"][name].as_str().expect("a text").to_owned();
    AccessKey::new(field("AccessKeyId"), field("AccessKeySecret")).with_security_token(field("SecurityToken"))
}

/// An ACS3 call in the making: its parameters stand in the query.
pub(crate) struct Acs3 {
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Acs3 {
    pub(crate) fn new(world: &World, nonce: &str) -> Self {
        let host = world.url.trim_start_matches("http://").to_owned();
        let date = world.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let headers = own(&[
            ("host", &host),
            ("x-acs-action", "AssumeRole"),
            ("x-acs-version", "2015-04-01"),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-content-sha256", &hex::encode(Sha256::digest(""))),
        ]);
        let query = own(&[("RoleArn", ROLE), ("RoleSessionName", "alice/".trim_end_matches('/'))]);
        Self { query, headers, body: String::new() }
    }

    /// Signs `signed_headers`, and gives the request.
    pub(crate) fn request(&self, world: &World, key: &AccessKey, signed_headers: &[String]) -> RequestBuilder {
        let content_sha256 = &self.headers.iter().find(|(name, _)| name == "x-acs-content-sha256").expect("it").1;
        let request =
            Acs3Request { method: "POST", path: "/", query: &self.query, headers: &self.headers, content_sha256 };
        let canonical = sign_acs3::canonical_request(&request, signed_headers);
        let signature = sign_acs3::sign_text(&sign_acs3::string_to_sign(&canonical), key);
        let authorization = format!(
            "{} Credential={},SignedHeaders={},Signature={signature}",
            sign_acs3::ALGORITHM,
            key.id(),
            signed_headers.join(";")
        );
        let mut raw = String::new();
        push_query(&mut raw, &self.query);
        let request = world.client.post(format!("{}/?{raw}", world.url)).header("authorization", authorization);
        let sent = self.headers.iter().filter(|(name, _)| name != "host");
        sent.fold(request, |request, (name, value)| request.header(name, value)).body(self.body.clone())
    }
}
