//! Signs callbacks as OSS would: with a key of the test's own, which a service may be told to trust.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use oss_valet::{
    grant::{
        grant::GrantKind,
        seal::{SealKey, SealKeys, SealedFacts},
    },
    oss::{
        callback::{CallbackBodyType, SystemVariables, substitute},
        callback_signature::string_to_sign,
    },
};
use rsa::{
    Pkcs1v15Sign,
    pkcs8::{EncodePublicKey, LineEnding},
    rand_core::OsRng,
};
use serde_json::Value;

use crate::harness::{Answer, TestApp, pairs, send};

/// Where OSS finds the callback route.
pub(crate) const PATH: &str = "/v1/callbacks/oss";
/// Under this URL the forger's key is trusted.
pub(crate) const KEY_URL: &str = "https://keys.example.com/callback.pem";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Holds a private key of OSS's size.
pub(crate) struct Forger {
    #[expect(clippy::disallowed_types, reason = "tests play OSS, which signs")]
    key: rsa::RsaPrivateKey,
}

impl Forger {
    pub(crate) fn new() -> Self {
        #[expect(clippy::disallowed_types, reason = "tests play OSS, which signs")]
        let key = rsa::RsaPrivateKey::new(&mut OsRng, 512).unwrap();
        Self { key }
    }

    pub(crate) fn public_pem(&self) -> String {
        self.key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
    }

    /// Settings that trust this key under [`KEY_URL`].
    pub(crate) fn trusted(&self, settings: String) -> String {
        settings + &format!("\n[[callback.trusted_keys]]\nurl = {KEY_URL:?}\npem = '''\n{}'''\n", self.public_pem())
    }

    /// A service that trusts this key.
    pub(crate) async fn spawn(&self) -> TestApp {
        TestApp::spawn_with(|settings| self.trusted(settings)).await
    }

    /// `Authorization`.
    pub(crate) fn sign(&self, path: &str, query: Option<&str>, body: &[u8]) -> String {
        let digest = Md5::digest(string_to_sign(path, query, body));
        STANDARD.encode(self.key.sign(Pkcs1v15Sign::new::<Md5>(), &digest).unwrap())
    }

    /// The callback with this body, signed for the route.
    pub(crate) fn callback(&self, body: impl Into<Vec<u8>>) -> Callback {
        let body = body.into();
        let headers = vec![
            ("Content-Type", FORM.as_bytes().to_vec()),
            ("Authorization", self.sign(PATH, None, &body).into_bytes()),
            ("x-oss-pub-key-url", STANDARD.encode(KEY_URL).into_bytes()),
        ];
        Callback { target: PATH.to_owned(), headers, body }
    }
}

/// A callback request, to be changed as the test likes.
#[derive(Clone)]
pub(crate) struct Callback {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Callback {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn twice(mut self, name: &'static str) -> Self {
        let (_, value) = self.headers.iter().find(|(known, _)| *known == name).unwrap().clone();
        self.headers.push((name, value));
        self
    }

    pub(crate) async fn send(&self, app: &TestApp) -> Answer {
        let mut request = app.http.post(format!("{}{}", app.service, self.target)).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value.as_slice());
        }
        send(request).await
    }
}

/// What OSS would say of an object of this content under the grant's key.
pub(crate) fn facts(grant: &Value, content: &[u8]) -> SystemVariables {
    let text = |name: &str| grant[name].as_str().unwrap().to_owned();
    SystemVariables {
        bucket: text("bucket"),
        object: text("key"),
        etag: hex::encode_upper(Md5::digest(content)),
        size: content.len() as u64,
        mime_type: text("content_type"),
        operation: "PutObject".to_owned(),
        ..SystemVariables::default()
    }
}

/// The body that OSS would make of the grant's own template.
pub(crate) fn body_of(grant: &Value, facts: &SystemVariables) -> String {
    let callback = &grant["callback"];
    let body_type = if callback["body_type"] == FORM { CallbackBodyType::Form } else { CallbackBodyType::Json };
    substitute(callback["body"].as_str().unwrap(), body_type, facts, &pairs(&callback["vars"]))
}

/// The body with one field's value replaced; the field must be there.
pub(crate) fn with_field(body: &str, name: &str, value: &str) -> String {
    assert!(body.split('&').any(|field| field.split('=').next() == Some(name)), "{name} in {body}");
    let replace = |field: &str| match field.split_once('=') {
        Some((known, _)) if known == name => format!("{name}={value}"),
        _ => field.to_owned(),
    };
    body.split('&').map(replace).collect::<Vec<_>>().join("&")
}

/// The body without one field; the field must be there.
pub(crate) fn without_field(body: &str, name: &str) -> String {
    let kept: Vec<_> = body.split('&').filter(|field| field.split('=').next() != Some(name)).collect();
    assert!(kept.len() < body.split('&').count(), "{name} in {body}");
    kept.join("&")
}

/// The seal that the holder of this secret would give an upload without variables.
pub(crate) fn seal(kid: &str, secret: &str, [upload_id, user_id, bucket, key]: [&str; 4], app: &TestApp) -> String {
    use oss_valet::clock::Clock;
    let keys = SealKeys::new(vec![SealKey::derive(kid, secret.as_bytes()).unwrap()]).unwrap();
    let facts = SealedFacts { kind: GrantKind::Upload, upload_id, user_id, bucket, key, vars: &[] };
    keys.seal(&facts, app.clock.now())
}

/// Puts an object there as if somebody had uploaded it, without a callback.
pub(crate) async fn put_aside(app: &TestApp, grant: &Value, content: &[u8]) {
    let [bucket, key] = ["bucket", "key"].map(|name| grant[name].as_str().unwrap());
    let url = format!("{}/-/objects/{bucket}/{key}", app.simulator);
    let content_type = grant["content_type"].as_str().unwrap();
    let answer = send(app.http.put(url).header("content-type", content_type).body(content.to_vec())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
