//! The synchronous question to the business backend: one signed POST, bounded in time and size.
//!
//! The backend is the operator's own and may live anywhere, at private addresses too. Redirects are not followed: what is signed for one
//! place goes to no other.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde::de::IgnoredAny;

use crate::{
    app::ports::{Hook, HookAnswer, HookUnavailable},
    grant::event::Event,
    webhooks::{WebhookTarget, client_builder, read_until_beyond, tell},
};

/// The largest answer that is taken.
pub const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Until there is a connection; the hook's own time limit may end it sooner.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A hook reached over HTTP.
#[derive(Debug)]
pub struct HttpHook {
    target: WebhookTarget,
    http: reqwest::Client,
}

/// A pooled client without redirects and proxies. One serves all hooks; a rustls provider must be installed.
///
/// # Errors
/// When the machine has no usable certificate store.
pub fn build_http_client() -> Result<reqwest::Client, reqwest::Error> {
    client_builder().connect_timeout(CONNECT_TIMEOUT).build()
}

impl HttpHook {
    /// Asks `target` over the client of [`build_http_client`].
    pub fn new(target: WebhookTarget, http: reqwest::Client) -> Self {
        Self { target, http }
    }

    async fn send(&self, news: &Event, now: DateTime<Utc>) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
        let mut response = self.target.post(&self.http, news.id, &news.payload, now).send().await?;
        let status = response.status();
        // Of a refusal or a failure nothing is used; and one byte more than allowed tells enough.
        let answer =
            if status.is_success() { read_until_beyond(&mut response, MAX_ANSWER_BYTES).await? } else { Vec::new() };
        Ok((status, answer))
    }
}

#[async_trait]
impl Hook for HttpHook {
    async fn ask(&self, news: &Event, now: DateTime<Utc>) -> Result<HookAnswer, HookUnavailable> {
        let (status, answer) = self.send(news, now).await.map_err(|error| HookUnavailable(tell(error)))?;
        if status.is_client_error() {
            return Ok(HookAnswer::Rejected);
        }
        if !status.is_success() {
            return Err(HookUnavailable(format!("it answered {}", status.as_u16())));
        }
        read_answer(answer).map(HookAnswer::Accepted)
    }
}

/// The answer, if it is one JSON document of a size that can be handed on.
fn read_answer(answer: Vec<u8>) -> Result<String, HookUnavailable> {
    if answer.len() > MAX_ANSWER_BYTES {
        return Err(HookUnavailable(format!("its answer is larger than {MAX_ANSWER_BYTES} bytes")));
    }
    let text = String::from_utf8(answer).map_err(|_| HookUnavailable("its answer is not UTF-8".to_owned()))?;
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(IgnoredAny) => Ok(text.trim().to_owned()),
        Err(error) => Err(HookUnavailable(format!("its answer is not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::grant::webhook::WebhookSecret;

    #[test]
    fn an_answer_is_handed_on_as_it_was_written() {
        for (answer, expected) in
            [("{\"b\":1, \"a\":1.50}", "{\"b\":1, \"a\":1.50}"), (" {}\r\n", "{}"), ("null", "null"), ("[1]", "[1]")]
        {
            assert_eq!(read_answer(answer.into()).unwrap(), expected);
        }
        let largest = format!("\"{}\"", "x".repeat(MAX_ANSWER_BYTES - 2));
        assert_eq!(read_answer(largest.clone().into()).unwrap(), largest);
        read_answer(format!("{largest} ").into()).unwrap_err();
    }

    #[test]
    fn what_is_no_json_is_no_answer() {
        for (why, answer) in [
            ("empty", b"".as_slice()),
            ("text", b"OK"),
            ("two documents", b"{}{}"),
            ("cut off", b"{\"a\":"),
            ("a byte order mark", b"\xef\xbb\xbf{}"),
            ("no UTF-8", b"\"\xff\""),
        ] {
            assert!(read_answer(answer.to_vec()).is_err(), "{why}");
        }
    }
    #[tokio::test]
    async fn neither_a_failure_nor_debug_tells_a_secret() {
        // Another test may have been faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let target = WebhookTarget {
            url: Url::parse(&format!("http://{closed}/hook?token=sesame")).unwrap(),
            secrets: vec![WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()],
            timeout: Duration::from_secs(2),
        };
        assert!(!format!("{:?}", target.secrets).contains("MfKQ"));
        let hook = HttpHook::new(target, build_http_client().unwrap());
        let now = DateTime::from_timestamp(1_795_219_200, 0).unwrap();
        let id = uuid::Uuid::from_u128(1);
        let kind = crate::grant::event::EventType::Completed;
        let news = Event { id, grant_id: id, kind, time: now, payload: "{}".to_owned(), trace: None };

        let failure = hook.ask(&news, now).await.unwrap_err().to_string();

        assert!(failure.contains("no connection"), "{failure}");
        assert!(!failure.contains("sesame") && !failure.contains("MfKQ"), "{failure}");
    }
}
