//! Calls to whoever hands out credentials: bounded in time and size, no redirects, no proxy.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};

/// Answers are below two kilobytes; nobody may make us hold more.
const MAX_BYTES: usize = 64 << 10;

/// How long a connection waits for the next call.
const MAX_IDLE: Duration = Duration::from_secs(10);

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// For each piece of the answer.
    pub read: Duration,
}

impl Timeouts {
    /// For the metadata service, which is next door or not there at all (P§6.4).
    pub const METADATA: Self = Self { connect: Duration::from_secs(1), read: Duration::from_secs(1) };
    /// For STS and credentials URIs (P§6.3).
    pub const STS: Self = Self { connect: Duration::from_secs(5), read: Duration::from_secs(10) };
}

/// A pooled client. A rustls provider must be installed.
#[derive(Debug, Clone)]
pub struct HttpClient(pub(super) reqwest::Client);

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl HttpClient {
    /// A client with these time-outs.
    ///
    /// # Errors
    /// When the machine has no usable certificate store.
    pub fn new(timeouts: Timeouts) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            // Calls come minutes apart, or many at once: what was idle for long is likely to have been closed by the other side.
            .pool_idle_timeout(MAX_IDLE)
            // Who sends a byte now and then is cut off too.
            .timeout(timeouts.connect + timeouts.read)
            .user_agent(concat!("oss-valet/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }
}

/// Sends, and reads the whole answer. Errors name no URL: it may hold a secret.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let mut response = request.send().await.map_err(tell)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(tell)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(format!("the answer is larger than {MAX_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status(), body })
}

fn tell(error: reqwest::Error) -> String {
    use std::error::Error;
    let error = error.without_url();
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    // The innermost cause is what says "connection refused".
    let mut cause: &dyn Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_connect() { format!("no connection: {cause}") } else { format!("the call failed: {cause}") }
}
