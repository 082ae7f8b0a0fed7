//! Uppy Companion's S3 contract, as a client of either major version calls it.

mod attacks;
mod parts;
mod singles;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, send};

/// The smallest part that Uppy cuts, bytes.
pub(super) const S3_PART: usize = 5 * 1024 * 1024;

/// One client: with a bearer token, or with a ticket in the path.
pub(super) struct Companion<'a> {
    app: &'a TestApp,
    base: String,
    token: Option<String>,
}

impl<'a> Companion<'a> {
    pub(super) fn bearer(app: &'a TestApp, user: &str) -> Self {
        Self { app, base: format!("{}/compat/companion/s3", app.service), token: Some(app.token(user)) }
    }

    pub(super) async fn by_ticket(app: &'a TestApp, user: &str, profile: &str) -> Self {
        let ticket = app.ticket(user, profile).await;
        Self { app, base: format!("{}/compat/t/{ticket}/companion/s3", app.service), token: None }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.app.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// Begins an upload in parts; its id and key.
    pub(super) async fn begin(&self, body: &Value) -> Transfer {
        let answer = self.post("/multipart", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Transfer { id: text("uploadId"), key: text("key") }
    }

    /// Signs one part and sends it; its `ETag`, quoted as it came.
    pub(super) async fn send_part(&self, transfer: &Transfer, number: u32, bytes: &[u8]) -> String {
        let signed = self.get(&transfer.path(&format!("/{number}"))).await;
        assert_eq!(signed.status, 200, "{}", signed.text());
        let url = signed.json()["url"].as_str().unwrap().to_owned();
        let sent = send(self.app.http.put(url).body(bytes.to_vec())).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        sent.header("etag")
    }
}

/// An upload in parts.
pub(super) struct Transfer {
    pub(super) id: String,
    pub(super) key: String,
}

impl Transfer {
    /// `/multipart/{id}{rest}?key=…`
    pub(super) fn path(&self, rest: &str) -> String {
        let key = url::form_urlencoded::byte_serialize(self.key.as_bytes()).collect::<String>();
        format!("/multipart/{}{rest}?key={key}", self.id)
    }
}

/// `{"parts": [{PartNumber, ETag}]}`
pub(super) fn named(parts: &[(u32, &str)]) -> Value {
    let parts: Vec<_> = parts.iter().map(|(number, etag)| json!({"PartNumber": number, "ETag": etag})).collect();
    json!({ "parts": parts })
}

/// The grant as its owner sees it.
pub(super) async fn grant(app: &TestApp, user: &str, id: &str) -> Value {
    let answer = app.get(&format!("/v1/uploads/{id}"), user).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}
