//! One signed POST of an event (Standard Webhooks): what the hook and the sinks have in common.
//!
//! Redirects are not followed: what is signed for one place goes to no other. Proxies of the environment are not used.

use std::{error::Error, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, header};
use url::Url;
use uuid::Uuid;

use crate::{
    grant::webhook::{WebhookSecret, sign_webhook},
    trace,
};

/// Structured-mode CloudEvents.
const CLOUDEVENTS_JSON: &str = "application/cloudevents+json; charset=utf-8";
/// How long a connection waits for the next message: shorter than what servers allow, so that hardly any is closed under our hands.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// Who is told, and how.
#[derive(Debug, Clone)]
pub struct WebhookTarget {
    /// Where to.
    pub url: Url,
    /// Every one signs.
    pub secrets: Vec<WebhookSecret>,
    /// For connecting and the whole answer.
    pub timeout: Duration,
}

impl WebhookTarget {
    /// The request that says `payload` under this id, signed at `now`; part of the trace that we are in.
    pub fn post(&self, http: &Client, id: Uuid, payload: &str, now: DateTime<Utc>) -> RequestBuilder {
        let body = payload.as_bytes().to_vec();
        let signed = sign_webhook(&self.secrets, &id.to_string(), now, &body);
        let trace = trace::current();
        let trace = trace
            .iter()
            .flat_map(|trace| [("traceparent", Some(trace.traceparent())), ("tracestate", trace.tracestate())]);
        let request = http
            .post(self.url.clone())
            .timeout(self.timeout)
            .header(header::CONTENT_TYPE, CLOUDEVENTS_JSON)
            .header(header::ACCEPT, "application/json");
        let request = trace
            .filter_map(|(name, value)| Some((name, value?)))
            .fold(request, |request, (name, value)| request.header(name, value));
        signed.into_iter().fold(request, |request, (name, value)| request.header(name, value)).body(body)
    }
}

/// A pooled client without redirects and proxies, to be finished. A rustls provider must be installed.
pub fn client_builder() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_idle_timeout(MAX_IDLE)
        .user_agent(concat!("oss-valet/", env!("CARGO_PKG_VERSION")))
}

/// The beginning of an answer's body: it is read until there are more bytes than `limit`, or there is no more.
///
/// # Errors
/// When it breaks off, or does not come in time.
pub async fn read_until_beyond(response: &mut Response, limit: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() <= limit {
        let Some(chunk) = response.chunk().await? else { break };
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why there is no answer; without the URL, whose query may hold a secret.
pub fn tell(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    // The innermost cause is what says "connection refused".
    let mut cause: &dyn Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let what = if error.is_connect() { "no connection" } else { "the call failed" };
    format!("{what}: {cause}")
}
