//! Fetches a JWK set: https, no redirects, bounded in size and time.

use std::{path::PathBuf, time::Duration};

use url::{Host, Url};

/// A key set is a few kilobytes; nobody may make us hold more.
const MAX_BYTES: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a JWK set is read again and again.
#[derive(Debug)]
pub(super) enum JwksOrigin {
    /// Over the network.
    Url(reqwest::Client, Url),
    /// From disk.
    File(PathBuf),
}

/// Why there is no fresh JWK set. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the key set can't be fetched: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the key host answered {0}, not 200")]
    Status(reqwest::StatusCode),
    #[error("the key set is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the key set can't be read: {0}")]
    File(#[from] std::io::Error),
}

/// A client for key sets: no redirects (a key host that redirects could be made to name another), no proxy.
pub(super) fn build_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .no_proxy()
        .user_agent(concat!("oss-valet/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// https always; http only in development and only to this machine.
pub(super) fn is_allowed(url: &Url, allow_loopback_http: bool) -> bool {
    url.scheme() == "https" || (allow_loopback_http && url.scheme() == "http" && is_loopback(url))
}

impl JwksOrigin {
    /// The document's bytes.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::Url(client, url) => fetch_url(client, url).await,
            Self::File(path) => {
                let bytes = tokio::fs::read(path).await?;
                if bytes.len() > MAX_BYTES { Err(FetchError::TooLarge) } else { Ok(bytes) }
            }
        }
    }
}

async fn fetch_url(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, FetchError> {
    let mut response = client.get(url.clone()).header("accept", "application/json").send().await?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
