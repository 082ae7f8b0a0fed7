//! The business backend: answers questions as the test likes, and keeps them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::WELCOME;

/// The newer one first.
pub(crate) const SECRETS: [&str; 2] =
    ["whsec_bmV3LXNlY3JldC1vZi10aGUtaG9vay10ZXN0cw==", "whsec_b2xkLXNlY3JldC1vZi10aGUtaG9vay10ZXN0cw=="];

/// Says the next thing of its script, and then always [`WELCOME`].
pub(crate) struct Backend {
    server: MockServer,
    script: Script,
}

#[derive(Clone, Default)]
struct Script(Arc<Mutex<VecDeque<ResponseTemplate>>>);

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        self.0.lock().unwrap().pop_front().unwrap_or_else(|| ResponseTemplate::new(200).set_body_string(WELCOME))
    }
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let script = Script::default();
        Mock::given(any()).respond_with(script.clone()).mount(&server).await;
        Self { server, script }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/oss-hook?tenant=7", self.server.uri())
    }

    /// What it says next.
    pub(crate) fn will_say(&self, status: u16, body: impl Into<Vec<u8>>) {
        self.will_answer(ResponseTemplate::new(status).set_body_bytes(body));
    }

    pub(crate) fn will_answer(&self, answer: ResponseTemplate) {
        self.script.0.lock().unwrap().push_back(answer);
    }

    pub(crate) async fn questions(&self) -> Vec<Question> {
        self.server.received_requests().await.unwrap().into_iter().map(Question).collect()
    }
}

/// What was asked.
pub(crate) struct Question(pub(super) Request);

impl Question {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.0.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.body).unwrap()
    }

    /// Whether the holder of this secret finds his signature, as the specification says how.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let signed = format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.text());
        mac.update(signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}
