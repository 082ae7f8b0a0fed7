//! The business backend: answers questions as the test likes, and keeps them.

use wiremock::ResponseTemplate;

use super::WELCOME;
use crate::webhook_server::{SignedPost, WebhookServer};

/// The newer one first.
pub(crate) const SECRETS: [&str; 2] =
    ["whsec_bmV3LXNlY3JldC1vZi10aGUtaG9vay10ZXN0cw==", "whsec_b2xkLXNlY3JldC1vZi10aGUtaG9vay10ZXN0cw=="];

/// Says the next thing of its script, and then always [`WELCOME`].
pub(crate) struct Backend(WebhookServer);

impl Backend {
    pub(crate) async fn start() -> Self {
        Self(WebhookServer::start(ResponseTemplate::new(200).set_body_string(WELCOME)).await)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/oss-hook?tenant=7", self.0.url())
    }

    /// What it says next.
    pub(crate) fn will_say(&self, status: u16, body: impl Into<Vec<u8>>) {
        self.will_answer(ResponseTemplate::new(status).set_body_bytes(body));
    }

    pub(crate) fn will_answer(&self, answer: ResponseTemplate) {
        self.0.will_answer(answer);
    }

    pub(crate) async fn questions(&self) -> Vec<SignedPost> {
        self.0.received().await
    }
}
