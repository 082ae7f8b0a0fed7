//! The few calls that we make to OSS ourselves, for one bucket.

mod answers;
pub mod inspect;
mod list;
mod multipart;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tracing::{Instrument, field};

use self::answers::{date_of, exact_url, facts_of, header_map, refused, says_no_such_key, unavailable};
use crate::{
    app::ports::{
        Credentials, CredentialsUnavailable, Joined, ObjectFacts, ObjectPage, ObjectStore, ObjectStoreError,
        PendingUpload, UnfinishedUpload,
    },
    grant::{multipart::UploadedPart, request::Pairs},
    oss::{
        endpoint::Endpoint,
        presign::{SigningContext, head_object, sign_headers},
        request::{SignableRequest, SignatureVersion},
    },
};

/// What HEAD may take of OSS's five seconds for a callback.
pub const HEAD_TIMEOUT: Duration = Duration::from_millis(1_200);
/// Nobody waits for a DELETE.
const DELETE_TIMEOUT: Duration = Duration::from_secs(5);

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

/// What signs our calls.
#[derive(Clone)]
pub struct Signers {
    /// HEAD and DELETE: confirms, and removes what was rejected.
    pub confirm: Arc<dyn Credentials>,
    /// Multipart uploads: the right to write, as grants are signed.
    pub write: Arc<dyn Credentials>,
}

/// A request of ours.
struct Call {
    request: SignableRequest,
    body: String,
    timeout: Duration,
}

/// OSS's bucket, over the network.
pub struct OssClient {
    bucket: OssBucket,
    signers: Signers,
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
    /// Calls `bucket`, signed by `signers`, over the client of [`build_http_client`].
    pub fn new(bucket: OssBucket, signers: Signers, http: reqwest::Client) -> Self {
        Self { bucket, signers, http, clock_offset: AtomicI64::new(NEVER_ANSWERED) }
    }

    /// Asks without a body, as the confirming credential.
    async fn ask(
        &self,
        request: SignableRequest,
        timeout: Duration,
        now: DateTime<Utc>,
    ) -> Result<Response, ObjectStoreError> {
        self.send(Call { request, body: String::new(), timeout }, &*self.signers.confirm, now).await
    }

    async fn send(
        &self,
        call: Call,
        signer: &dyn Credentials,
        now: DateTime<Utc>,
    ) -> Result<Response, ObjectStoreError> {
        let method = call.request.method.clone();
        let span = tracing::info_span!(
            "oss",
            otel.name = format!("oss {method}"),
            otel.kind = "client",
            http.request.method = method,
            http.response.status_code = field::Empty,
            bucket.name = self.bucket.bucket,
            server.address = self.bucket.endpoint.hostname(),
        );
        let sent = self.send_signed(call, signer, now).instrument(span.clone()).await;
        if let Ok(response) = &sent {
            span.record("http.response.status_code", response.status().as_u16());
        }
        sent
    }

    /// Without the trace that we are in: OSS has no use for it, and whose trace it is concerns nobody there.
    async fn send_signed(
        &self,
        call: Call,
        signer: &dyn Credentials,
        now: DateTime<Utc>,
    ) -> Result<Response, ObjectStoreError> {
        let Call { request, body, timeout } = call;
        // What is waited for a credential comes out of the same budget.
        let start = Instant::now();
        let credential = tokio::time::timeout(timeout, signer.current(now))
            .await
            .map_err(|_| CredentialsUnavailable("it did not come in time".to_owned()))??;
        if !credential.is_valid_at(now) {
            return Err(CredentialsUnavailable("it has expired".to_owned()).into());
        }
        let key = credential.key;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(unavailable)?;
        let context = SigningContext {
            version: self.bucket.signature_version,
            endpoint: &self.bucket.endpoint,
            region: &self.bucket.region,
            key: &key,
            signing_key: None,
            now,
        };
        let signed = sign_headers(request, &[], &context);
        let request = self.http.request(method, exact_url(&signed.url)?).headers(header_map(signed.headers)?);
        let request = if body.is_empty() { request } else { request.body(body) };
        let sent = send_twice_if_closed(&request, timeout.saturating_sub(start.elapsed())).await;
        // Without the URL: it adds nothing, and errors are logged in many places.
        let response = sent.map_err(|error| unavailable(error.without_url()))?;
        if let Some(theirs) = date_of(response.headers()) {
            self.clock_offset.store((theirs.to_utc() - now).num_seconds(), Ordering::Relaxed);
        }
        Ok(response)
    }
}

/// A pooled connection may be closed by the other side just when we use it. All that we ask may be asked twice, so it is; the
/// time for both is `timeout`.
async fn send_twice_if_closed(request: &RequestBuilder, timeout: Duration) -> reqwest::Result<Response> {
    let start = Instant::now();
    let send = |timeout| {
        let again = request.try_clone().expect("a body that is text can be sent again");
        again.timeout(timeout).send()
    };
    match send(timeout).await {
        Err(error) if error.is_request() && !error.is_connect() && !error.is_timeout() => {
            send(timeout.saturating_sub(start.elapsed())).await
        }
        sent => sent,
    }
}

#[async_trait]
impl ObjectStore for OssClient {
    async fn head(&self, key: &str, now: DateTime<Utc>) -> Result<Option<ObjectFacts>, ObjectStoreError> {
        let request = head_object(&self.bucket.bucket, key);
        let response = self.ask(request, self.bucket.head_timeout, now).await?;
        match response.status() {
            StatusCode::OK => facts_of(response.headers()).map(Some),
            StatusCode::NOT_FOUND if says_no_such_key(response.headers()) => Ok(None),
            status => Err(refused("HEAD", status, response.headers())),
        }
    }

    async fn delete(&self, key: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError> {
        let request = SignableRequest::object("DELETE", &self.bucket.bucket, key);
        let response = self.ask(request, DELETE_TIMEOUT, now).await?;
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            StatusCode::NOT_FOUND if says_no_such_key(response.headers()) => Ok(()),
            status => Err(refused("DELETE", status, response.headers())),
        }
    }

    async fn initiate(&self, key: &str, headers: Pairs, now: DateTime<Utc>) -> Result<String, ObjectStoreError> {
        self.initiate_upload(key, headers, now).await
    }

    async fn list_parts(
        &self,
        key: &str,
        oss_upload_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<UploadedPart>>, ObjectStoreError> {
        self.list_all_parts(key, oss_upload_id, now).await
    }

    async fn join_parts(
        &self,
        upload: &PendingUpload<'_>,
        parts: &[UploadedPart],
        now: DateTime<Utc>,
    ) -> Result<Joined, ObjectStoreError> {
        self.complete_upload(upload, parts, now).await
    }

    async fn abort(&self, key: &str, oss_upload_id: &str, now: DateTime<Utc>) -> Result<(), ObjectStoreError> {
        self.abort_upload(key, oss_upload_id, now).await
    }

    async fn list_uploads(&self, key: &str, now: DateTime<Utc>) -> Result<Vec<String>, ObjectStoreError> {
        let found = self.list_unfinished(key, now).await?;
        Ok(found.into_iter().filter(|upload| upload.key == key).map(|upload| upload.oss_upload_id).collect())
    }

    async fn list_uploads_under(
        &self,
        prefix: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<UnfinishedUpload>, ObjectStoreError> {
        self.list_unfinished(prefix, now).await
    }

    async fn list_objects(
        &self,
        prefix: &str,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<ObjectPage, ObjectStoreError> {
        self.list_page(prefix, token, now).await
    }

    fn clock_offset(&self) -> Option<TimeDelta> {
        let seconds = self.clock_offset.load(Ordering::Relaxed);
        (seconds != NEVER_ANSWERED).then(|| TimeDelta::seconds(seconds))
    }
}
