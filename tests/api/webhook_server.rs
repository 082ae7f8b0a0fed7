//! A server that is called by signed webhooks: answers from a script, and keeps what it got.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// Says the next thing of its script, and then always the same.
pub(crate) struct WebhookServer {
    server: MockServer,
    script: Script,
}

#[derive(Clone)]
struct Script {
    next: Arc<Mutex<VecDeque<ResponseTemplate>>>,
    otherwise: ResponseTemplate,
}

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        self.next.lock().unwrap().pop_front().unwrap_or_else(|| self.otherwise.clone())
    }
}

impl WebhookServer {
    /// `otherwise` is what it says beside its script.
    pub(crate) async fn start(otherwise: ResponseTemplate) -> Self {
        let server = MockServer::start().await;
        let script = Script { next: Arc::default(), otherwise };
        Mock::given(any()).respond_with(script.clone()).mount(&server).await;
        Self { server, script }
    }

    /// Without a slash at its end.
    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// What it says next.
    pub(crate) fn will_answer(&self, answer: ResponseTemplate) {
        self.script.next.lock().unwrap().push_back(answer);
    }

    /// In the order of arrival.
    pub(crate) async fn received(&self) -> Vec<SignedPost> {
        self.server.received_requests().await.unwrap().into_iter().map(SignedPost).collect()
    }
}

/// One call.
pub(crate) struct SignedPost(pub(crate) Request);

impl SignedPost {
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
