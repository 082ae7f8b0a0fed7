//! A sink that is told by webhook: one signed POST for each attempt.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::{Client, Response, StatusCode, header};

use super::public_only::{PublicOnly, judge_literal};
use crate::{
    app::ports::{Message, Sink, SinkAnswer},
    grant::{event::EventType, retry::RetryAfter},
    webhooks::{WebhookTarget, client_builder, read_until_beyond, tell},
};

/// How much of a refusal's body is read, in bytes; and how much of that is told, in characters.
const MAX_READ: usize = 4 << 10;
const MAX_TOLD: usize = 200;

/// Whom to tell, how, and what of.
#[derive(Debug, Clone)]
pub struct SinkTarget {
    /// Where to, signed by whom, for how long.
    pub webhook: WebhookTarget,
    /// Which events; empty = all.
    pub events: Vec<EventType>,
    /// Whether it may live at a private address.
    pub allow_private: bool,
}

/// The clients that all sinks share.
#[derive(Debug, Clone)]
pub struct SinkClients {
    anywhere: Client,
    public_only: Client,
}

/// Pooled clients, one of them for public addresses only.
///
/// # Errors
/// When the machine has no usable certificate store.
pub fn build_http_clients() -> Result<SinkClients, reqwest::Error> {
    Ok(SinkClients {
        anywhere: client_builder().build()?,
        public_only: client_builder().dns_resolver(PublicOnly).build()?,
    })
}

/// A sink reached over HTTP.
#[derive(Debug)]
pub struct WebhookSink {
    target: SinkTarget,
    http: Client,
}

impl WebhookSink {
    /// Tells `target` over the clients of [`build_http_clients`].
    pub fn new(target: SinkTarget, clients: &SinkClients) -> Self {
        let http = if target.allow_private { &clients.anywhere } else { &clients.public_only };
        Self { http: http.clone(), target }
    }
}

#[async_trait]
impl Sink for WebhookSink {
    async fn send(&self, message: &Message<'_>, now: DateTime<Utc>) -> SinkAnswer {
        let failed = |error| SinkAnswer::Failed { error, retry_after: None };
        if !self.target.allow_private
            && let Err(refused) = judge_literal(&self.target.webhook.url)
        {
            return failed(format!("no connection: {refused}"));
        }
        match self.target.webhook.post(&self.http, message.id, message.payload, now).send().await {
            // Whatever it says besides: it has it.
            Ok(response) if response.status().is_success() => SinkAnswer::Accepted,
            Ok(response) => refusal(response).await,
            Err(error) => failed(tell(error)),
        }
    }

    fn timeout(&self) -> Duration {
        self.target.webhook.timeout
    }

    fn wants(&self, kind: EventType) -> bool {
        self.target.events.is_empty() || self.target.events.contains(&kind)
    }
}

async fn refusal(mut response: Response) -> SinkAnswer {
    let status = response.status();
    let retry_after = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let header = response.headers().get(header::RETRY_AFTER);
            header.and_then(|value| value.to_str().ok()).and_then(RetryAfter::parse)
        }
        _ => None,
    };
    // The status is the answer; the text is for whoever reads about it, where it comes at all.
    let body = read_until_beyond(&mut response, MAX_READ).await.unwrap_or_default();
    let error = match excerpt(&body) {
        text if text.is_empty() => format!("it answered {}", status.as_u16()),
        text => format!("it answered {}: {text}", status.as_u16()),
    };
    if status == StatusCode::GONE { SinkAnswer::Gone(error) } else { SinkAnswer::Failed { error, retry_after } }
}

/// The beginning of what it said, in one line, without anything that could move a terminal's cursor; and without our signature, if it
/// sends back what it received.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(MAX_READ)]);
    let printable = |c: char| if c.is_control() || is_invisible(c) { ' ' } else { c };
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains("v1,") { "…".to_owned() } else { word.chars().map(printable).collect() })
        .collect();
    words.join(" ").chars().take(MAX_TOLD).collect()
}

/// Marks of direction and the like, which turn a line around.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sink_says_is_told_in_one_short_harmless_line() {
        for (body, told) in [
            (b"".as_slice(), ""),
            (b"  no \r\n\t luck \n", "no luck"),
            (b"\x1b[31mred\x07", "[31mred"),
            ("a\u{202e}b\u{200b}c".as_bytes(), "a b c"),
            (b"\xff\xfeok", "\u{fffd}\u{fffd}ok"),
            (
                br#"{"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}"#,
                "{\"webhook-signature\": …",
            ),
        ] {
            assert_eq!(excerpt(body).trim(), told, "{body:?}");
        }
        assert_eq!(excerpt(&vec![b'x'; MAX_READ + 1]).len(), MAX_TOLD);
    }
}
