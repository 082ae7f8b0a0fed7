//! The few calls that we make to OSS ourselves, for one bucket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use crate::{
    app::ports::{Credentials, CredentialsUnavailable, ObjectFacts, ObjectStore, ObjectStoreError},
    oss::{
        endpoint::Endpoint,
        presign::{SigningContext, head_object, sign_headers},
        request::{SignableRequest, SignatureVersion},
        xml::ErrorDocument,
    },
};

/// What HEAD may take of OSS's five seconds for a callback.
pub const HEAD_TIMEOUT: Duration = Duration::from_millis(1_200);
/// Nobody waits for a DELETE.
const DELETE_TIMEOUT: Duration = Duration::from_secs(5);
/// `x-oss-ec` of `NoSuchKey`, for answers without `x-oss-err`. An assumption (the protocol reference gives no EC for it): should it be
/// wrong, such an answer counts as "unknown", never as "absent".
const NO_SUCH_KEY_EC: &str = "0026-00000001";

/// No offset of clocks: far beyond any that there can be.
const NEVER_ANSWERED: i64 = i64::MAX;

/// Which bucket, and how it is reached.
#[derive(Debug, Clone)]
pub struct OssBucket {
    /// The real name.
    pub bucket: String,
    /// `cn-hangzhou`.
    pub region: String,
    /// As we reach it: internal where there is one.
    pub endpoint: Endpoint,
    /// How requests are signed.
    pub signature_version: SignatureVersion,
    /// [`HEAD_TIMEOUT`], unless a test is in a hurry.
    pub head_timeout: Duration,
}

/// OSS's bucket, over the network.
pub struct OssClient {
    bucket: OssBucket,
    credentials: Arc<dyn Credentials>,
    http: reqwest::Client,
    /// How far OSS's clock was ahead of ours at its last answer, in seconds; [`NEVER_ANSWERED`] before the first.
    clock_offset: AtomicI64,
}

/// A pooled client without redirects and proxies. One serves all buckets; a rustls provider must be installed.
///
/// # Errors
/// When the machine has no usable certificate store.
pub fn build_http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(DELETE_TIMEOUT)
        .pool_max_idle_per_host(64)
        .user_agent(concat!("oss-valet/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl OssClient {
    /// Calls `bucket`, signed by `credentials`, over the client of [`build_http_client`].
    pub fn new(bucket: OssBucket, credentials: Arc<dyn Credentials>, http: reqwest::Client) -> Self {
        Self { bucket, credentials, http, clock_offset: AtomicI64::new(NEVER_ANSWERED) }
    }

    async fn send(
        &self,
        request: SignableRequest,
        timeout: Duration,
        now: DateTime<Utc>,
    ) -> Result<Response, ObjectStoreError> {
        // What is waited for a credential comes out of the same budget.
        let start = Instant::now();
        let credential = tokio::time::timeout(timeout, self.credentials.current(now))
            .await
            .map_err(|_| CredentialsUnavailable("it did not come in time".to_owned()))??;
        if !credential.is_valid_at(now) {
            return Err(CredentialsUnavailable("it has expired".to_owned()).into());
        }
        let key = credential.key;
        let url = exact_url(&self.bucket.endpoint.object_url(&self.bucket.bucket, &request.key))?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(unavailable)?;
        let context = SigningContext {
            version: self.bucket.signature_version,
            endpoint: &self.bucket.endpoint,
            region: &self.bucket.region,
            key: &key,
            signing_key: None,
            now,
        };
        let headers = header_map(sign_headers(request, &[], &context).headers)?;
        let left = timeout.saturating_sub(start.elapsed());
        let sent = self.send_twice_if_closed(method, url, headers, left).await;
        // Without the URL: it adds nothing, and errors are logged in many places.
        let response = sent.map_err(|error| unavailable(error.without_url()))?;
        if let Some(theirs) = date_of(response.headers()) {
            self.clock_offset.store((theirs.to_utc() - now).num_seconds(), Ordering::Relaxed);
        }
        Ok(response)
    }
}

impl OssClient {
    /// A pooled connection may be closed by the other side just when we use it. All that we ask may be asked twice, so it is; the
    /// time for both is `timeout`.
    async fn send_twice_if_closed(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        timeout: Duration,
    ) -> reqwest::Result<Response> {
        let start = Instant::now();
        let send =
            |timeout| self.http.request(method.clone(), url.clone()).headers(headers.clone()).timeout(timeout).send();
        match send(timeout).await {
            Err(error) if error.is_request() && !error.is_connect() && !error.is_timeout() => {
                send(timeout.saturating_sub(start.elapsed())).await
            }
            sent => sent,
        }
    }
}

#[async_trait]
impl ObjectStore for OssClient {
    async fn head(&self, key: &str, now: DateTime<Utc>) -> Result<Option<ObjectFacts>, ObjectStoreError> {
        let request = head_object(&self.bucket.bucket, key);
        let response = self.send(request, self.bucket.head_timeout, now).await?;
        match response.status() {
            StatusCode::OK => facts_of(response.headers()).map(Some),
            StatusCode::NOT_FOUND if says_no_such_key(response.headers()) => Ok(None),
            status => Err(refused("HEAD", status, response.headers())),
        }
    }

    async fn delete(&self, key: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError> {
        let request = SignableRequest::object("DELETE", &self.bucket.bucket, key);
        let response = self.send(request, DELETE_TIMEOUT, now).await?;
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            StatusCode::NOT_FOUND if says_no_such_key(response.headers()) => Ok(()),
            status => Err(refused("DELETE", status, response.headers())),
        }
    }

    fn clock_offset(&self) -> Option<TimeDelta> {
        let seconds = self.clock_offset.load(Ordering::Relaxed);
        (seconds != NEVER_ANSWERED).then(|| TimeDelta::seconds(seconds))
    }
}

/// An answer's `Date`.
fn date_of(headers: &HeaderMap) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc2822(headers.get("date")?.to_str().ok()?).ok()
}

/// The URL, if it means to the HTTP client what it meant to the signer: `url` would fold `.` and `..` segments.
fn exact_url(text: &str) -> Result<Url, ObjectStoreError> {
    let url = Url::parse(text).map_err(unavailable)?;
    if url.as_str() == text { Ok(url) } else { Err(unavailable("the key can't be written into a URL")) }
}

fn header_map(headers: Vec<(String, String)>) -> Result<HeaderMap, ObjectStoreError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unavailable)?;
        let mut value = HeaderValue::from_str(&value).map_err(unavailable)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

fn facts_of(headers: &HeaderMap) -> Result<ObjectFacts, ObjectStoreError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let need = |name: &'static str| text(name).ok_or_else(|| unavailable(format!("the answer to HEAD has no {name}")));
    Ok(ObjectFacts {
        size: need("content-length")?.parse().map_err(unavailable)?,
        etag: need("etag")?.trim_matches('"').to_owned(),
        content_type: text("content-type").unwrap_or_default(),
        crc64: text("x-oss-hash-crc64ecma"),
        version_id: text("x-oss-version-id"),
        object_type: need("x-oss-object-type")?,
        meta_upload_id: text("x-oss-meta-upload-id"),
    })
}

/// Whether a 404 speaks of the object. One that speaks of the bucket, or of nothing, proves nothing about it.
fn says_no_such_key(headers: &HeaderMap) -> bool {
    match error_code(headers) {
        Some(code) => code == "NoSuchKey",
        None => headers.get("x-oss-ec").is_some_and(|ec| ec == NO_SUCH_KEY_EC),
    }
}

/// The `Code` of the error document that OSS puts into `x-oss-err` where an answer has no body.
fn error_code(headers: &HeaderMap) -> Option<String> {
    let document = String::from_utf8(STANDARD.decode(headers.get("x-oss-err")?).ok()?).ok()?;
    Some(ErrorDocument::parse(&document)?.code)
}

fn refused(verb: &str, status: StatusCode, headers: &HeaderMap) -> ObjectStoreError {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let code = error_code(headers).unwrap_or_else(|| "no code".to_owned());
    let (ec, request_id) = (header("x-oss-ec"), header("x-oss-request-id"));
    unavailable(format!("{verb} was answered {status} ({code}, ec {ec}, request {request_id})"))
}

fn unavailable(reason: impl std::fmt::Display) -> ObjectStoreError {
    ObjectStoreError::Unavailable(reason.to_string())
}
