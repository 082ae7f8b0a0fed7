//! What clients ask the service, as often as it takes.

use std::time::Duration;

use rand::Rng as _;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Client;
use crate::facts::{Promise, plain_id};

/// How long a client waits for an answer; OSS's callback may take five seconds of it.
const ANSWER: Duration = Duration::from_secs(7);
/// How long a client keeps asking: far longer than any trouble lasts.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two attempts, in milliseconds.
const RETRY: std::ops::Range<u64> = 50..300;

/// A status and the whole body.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A client that follows nothing and waits for nothing forever.
pub(super) fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.timeout(ANSWER).build().unwrap()
}

/// The answer, if it came whole.
pub(super) async fn send(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status();
    Some(Answer { status, body: response.bytes().await.ok()?.to_vec() })
}

impl Client {
    /// A request to the service by this user.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.service)).bearer_auth(&self.token)
    }

    /// Asks until there is an answer that is not "later".
    pub(super) async fn persist(&mut self, what: &str, request: RequestBuilder) -> Option<Answer> {
        let until = Instant::now() + PATIENCE;
        let mut last = String::from("no answer");
        while Instant::now() < until {
            if let Some(answer) = send(request.try_clone().unwrap()).await {
                if !answer.status.is_server_error() && answer.status != StatusCode::TOO_MANY_REQUESTS {
                    return Some(answer);
                }
                last = answer.text();
            }
            self.pause().await;
        }
        self.diary.surprise(format!("{what}: for {PATIENCE:?} nothing but {last}"));
        None
    }

    pub(super) async fn pause(&mut self) {
        let pause = Duration::from_millis(self.rng.gen_range(RETRY));
        tokio::time::sleep(pause).await;
    }

    /// The grant for this question; repeated under the same idempotency key until there is one.
    pub(super) async fn issue(&mut self, ask: &str, question: &Value) -> Option<Value> {
        let request = self.request(Method::POST, "/v1/uploads").header("Idempotency-Key", ask).json(question);
        let answer = self.persist("issue", request).await?;
        if answer.status == StatusCode::CREATED {
            return Some(answer.json());
        }
        self.diary.surprise(format!("asked for {question}: {}", answer.text()));
        None
    }

    /// "I am done."
    pub(super) async fn complete(&mut self, grant: &Value) {
        let path = format!("/v1/uploads/{}/complete", grant["id"].as_str().unwrap());
        let Some(answer) = self.persist("complete", self.request(Method::POST, &path).json(&json!({}))).await else {
            return;
        };
        let told = answer.json();
        match (answer.status.as_u16(), told["code"].as_str()) {
            (200, _) => self.believe(&told, &told["completion"]["etag"]),
            // The first is what an uploader hears who is not sure that anything arrived.
            (409, Some("not_uploaded" | "object_changed" | "grant_ended")) => {}
            _ => self.diary.surprise(format!("complete {}: {}", grant["id"], answer.text())),
        }
    }

    pub(super) async fn cancel(&mut self, grant: &Value) {
        let id = grant["id"].as_str().unwrap();
        let request = self.request(Method::DELETE, &format!("/v1/uploads/{id}"));
        let Some(answer) = self.persist("cancel", request).await else { return };
        match answer.status.as_u16() {
            204 => self.diary.write(Promise::Cancelled { id: plain_id(id) }),
            // The answer to an earlier attempt was lost.
            409 => {}
            _ => self.diary.surprise(format!("cancel {id}: {}", answer.text())),
        }
    }

    /// Signed URLs for these parts.
    pub(super) async fn sign_parts(&mut self, grant: &Value, numbers: &[u32]) -> Option<Vec<String>> {
        let path = format!("/v1/uploads/{}/parts", grant["id"].as_str().unwrap());
        let request = self.request(Method::POST, &path).json(&json!({"part_numbers": numbers}));
        let answer = self.persist("parts", request).await?;
        match answer.status.as_u16() {
            200 => {
                let parts = answer.json();
                let urls =
                    parts["parts"].as_array().unwrap().iter().map(|part| part["url"].as_str().unwrap().to_owned());
                Some(urls.collect())
            }
            // Cancelled or expired meanwhile.
            409 => None,
            _ => {
                self.diary.surprise(format!("parts of {}: {}", grant["id"], answer.text()));
                None
            }
        }
    }

    /// Writes down that the grant is said to be completed.
    pub(super) fn believe(&self, told: &Value, etag: &Value) {
        let (Some(id), Some(etag), "completed") =
            (told["id"].as_str(), etag.as_str(), told["state"].as_str().unwrap_or_default())
        else {
            return self.diary.surprise(format!("no completion: {told}"));
        };
        self.diary.write(Promise::Completed { id: plain_id(id), etag: etag.to_owned() });
    }
}
