//! A simulator on a free port, and requests signed for it.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use oss_valet::{
    clock::{Clock, ManualClock},
    oss::{
        access_key::AccessKey,
        callback_signature::TrustedKeys,
        endpoint::{AddressingStyle, Endpoint},
        post_form,
        post_policy::{Condition, PostPolicy},
        presign::{self, SignedRequest, SigningContext},
        request::{SignableRequest, SignatureVersion},
        xml::ErrorDocument,
    },
    simulator::{Action, BucketSpec, Permissions, Simulator, SimulatorSettings, StsHandle, Versioning},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The unversioned bucket.
pub(crate) const BUCKET: &str = "dev-media";
/// The versioned bucket, also reachable as `media.example.com`.
pub(crate) const VERSIONED: &str = "dev-archive";
pub(crate) const BOTH: [SignatureVersion; 2] = [SignatureVersion::V1, SignatureVersion::V4];
/// CRC-64 of `123456789`, the check value of its parameters.
pub(crate) const DIGITS_CRC: &str = "11051210869376104954";

/// A running simulator with everything needed to talk to it.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    pub(crate) key_url: String,
    pub(crate) key_pem: String,
    pub(crate) sts: StsHandle,
    pub(crate) folder: Arc<TempDir>,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// May do everything.
pub(crate) fn owner() -> AccessKey {
    AccessKey::new("LTAI5tOwner", "owner-secret")
}

/// May upload, and nothing else: no ACL, no reading.
pub(crate) fn uploader() -> AccessKey {
    AccessKey::new("LTAI5tUploader", "uploader-secret")
}

/// From STS.
pub(crate) fn session() -> AccessKey {
    AccessKey::new("STS.Session", "session-secret").with_security_token("TOKEN+/=")
}

pub(crate) fn start_of_time() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().expect("a date")
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().expect("a folder")), change).await
    }

    #[expect(clippy::unused_async, reason = "a runtime must be there to serve")]
    pub(crate) async fn in_folder(folder: Arc<TempDir>, change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ManualClock::at(start_of_time()));
        let mut versioned = BucketSpec::new(VERSIONED, "cn-beijing");
        versioned.versioning = Versioning::Enabled;
        versioned.cname_hosts = vec!["media.example.com".to_owned()];
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut settings = SimulatorSettings::new(listen, folder.path(), Arc::clone(&clock) as Arc<dyn Clock>)
            .with_bucket(BucketSpec::new(BUCKET, "cn-hangzhou"))
            .with_bucket(versioned)
            .with_key(owner(), Permissions::all())
            .with_key(session(), Permissions::all())
            .with_key(uploader(), Permissions::of([Action::PutObject]));
        change(&mut settings);
        let simulator = Simulator::bind(settings).expect("a free port");
        let url = simulator.url();
        let (key_url, key_pem) = (simulator.callback_key_url(), simulator.callback_public_key_pem());
        let sts = simulator.sts();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(simulator.run(shutdown.clone()));
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self {
            endpoint: Endpoint::parse(&url, AddressingStyle::Path).expect("an endpoint"),
            url,
            clock,
            client: client.expect("a client"),
            key_url,
            key_pem,
            sts,
            folder,
            shutdown,
            running,
        }
    }

    /// Stops, and waits until it has.
    pub(crate) async fn stop(self) -> Arc<TempDir> {
        self.shutdown.cancel();
        self.running.await.expect("no panic").expect("a clean stop");
        self.folder
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn trusted_keys(&self) -> TrustedKeys {
        TrustedKeys::none().with(&self.key_url, &self.key_pem).expect("a public key")
    }

    pub(crate) fn context<'a>(&'a self, version: SignatureVersion, key: &'a AccessKey) -> SigningContext<'a> {
        SigningContext {
            version,
            endpoint: &self.endpoint,
            region: "cn-hangzhou",
            key,
            signing_key: None,
            now: self.now(),
        }
    }

    /// Signed in the header by `key`.
    pub(crate) fn signed_by(
        &self,
        key: &AccessKey,
        version: SignatureVersion,
        request: SignableRequest,
    ) -> RequestBuilder {
        self.request(&presign::sign_headers(request, &[], &self.context(version, key)))
    }

    /// Signed in the header by the owner.
    pub(crate) fn signed(&self, version: SignatureVersion, request: SignableRequest) -> RequestBuilder {
        self.signed_by(&owner(), version, request)
    }

    /// Signed in the query by `key`, for ten minutes.
    pub(crate) fn presigned_by(
        &self,
        key: &AccessKey,
        version: SignatureVersion,
        request: SignableRequest,
    ) -> RequestBuilder {
        let signed = presign::presign(request, &[], 600, &self.context(version, key)).expect("ten minutes are allowed");
        self.request(&signed)
    }

    pub(crate) fn request(&self, signed: &SignedRequest) -> RequestBuilder {
        let method = Method::from_bytes(signed.method.as_bytes()).expect("a method");
        let headers = signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        headers.fold(self.client.request(method, &signed.url), |request, (name, value)| request.header(name, value))
    }

    /// Stores `body` under `key`, signed by the owner.
    pub(crate) async fn store(&self, key: &str, body: &str) -> Response {
        let request = presign::put_object(BUCKET, key, vec![]);
        ok(self.signed(SignatureVersion::V4, request).body(body.to_owned())).await
    }

    pub(crate) async fn head(&self, key: &str) -> Response {
        send(self.signed(SignatureVersion::V4, presign::head_object(BUCKET, key))).await
    }

    /// Every key that the bucket holds.
    pub(crate) async fn keys(&self, bucket: &str) -> Vec<String> {
        let listed = send(self.client.get(format!("{}/-/objects/{bucket}", self.url))).await;
        let listed: serde_json::Value = serde_json::from_str(&text(listed).await).expect("JSON");
        let keys =
            listed.as_array().expect("a list").iter().map(|file| file["key"].as_str().expect("a key").to_owned());
        keys.collect()
    }

    /// How many files hold bytes of objects and parts.
    pub(crate) fn content_files(&self) -> usize {
        content_files(self.folder.path())
    }

    /// Posts a form to the bucket.
    pub(crate) async fn post(&self, form: &Form) -> Response {
        let (content_type, body) = form.encode();
        send(self.client.post(format!("{}/{BUCKET}/", self.url)).header("content-type", content_type).body(body)).await
    }
}

/// A PostObject form in the making.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) file: Option<FilePart>,
    pub(crate) trailing: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct FilePart {
    pub(crate) name: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Form {
    /// The owner's form for `key`, satisfying `conditions` with `fields`.
    pub(crate) fn new(
        world: &World,
        version: SignatureVersion,
        key: &str,
        conditions: Vec<Condition>,
        fields: &[(&str, &str)],
    ) -> Self {
        Self::signed_by(&owner(), world, version, key, conditions, fields)
    }

    pub(crate) fn signed_by(
        access_key: &AccessKey,
        world: &World,
        version: SignatureVersion,
        key: &str,
        mut conditions: Vec<Condition>,
        fields: &[(&str, &str)],
    ) -> Self {
        let context = world.context(version, access_key);
        conditions.push(Condition::Simple("bucket".to_owned(), BUCKET.to_owned()));
        let own = post_form::signature_conditions(&context);
        conditions.extend(own.into_iter().map(|(name, value)| Condition::Simple(name, value)));
        let policy = PostPolicy { expiration: world.now() + TimeDelta::hours(1), conditions };
        let mut form = Self { fields: vec![], file: None, trailing: vec![] };
        form.set("key", key);
        form.fields.extend(post_form::signature_fields(&policy, &context));
        for (name, value) in fields {
            form.set(name, value);
        }
        form.file("hello.txt", Some("text/plain"), b"123456789")
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn file(mut self, name: &str, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let content_type = content_type.map(str::to_owned);
        self.file = Some(FilePart { name: name.to_owned(), content_type, bytes: bytes.to_owned() });
        self
    }

    /// `Content-Type` and body.
    pub(crate) fn encode(&self) -> (String, Vec<u8>) {
        const BOUNDARY: &str = "----oss-valet-test-boundary";
        let mut body = Vec::new();
        let mut part = |head: String, bytes: &[u8]| {
            body.extend_from_slice(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.fields {
            part(format!("name=\"{name}\""), value.as_bytes());
        }
        if let Some(file) = &self.file {
            let kind = file.content_type.as_ref().map(|kind| format!("\r\nContent-Type: {kind}")).unwrap_or_default();
            part(format!("name=\"file\"; filename=\"{}\"{kind}", file.name), &file.bytes);
        }
        for (name, value) in &self.trailing {
            part(format!("name=\"{name}\""), value.as_bytes());
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }
}

/// What OSS refused, and how.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) document: ErrorDocument,
}

impl Refusal {
    /// `403 AccessDenied`.
    pub(crate) fn summary(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.document.code)
    }
}

/// Reads a refusal from the body or, for HEAD, from `x-oss-err`.
pub(crate) async fn refusal(response: Response) -> Refusal {
    let status = response.status();
    let in_header = header(&response, "x-oss-err")
        .map(|value| String::from_utf8(STANDARD.decode(value).expect("Base64")).expect("UTF-8"));
    let body = text(response).await;
    let xml = in_header.unwrap_or(body);
    let document = ErrorDocument::parse(&xml).unwrap_or_else(|| panic!("no error document: {status} {xml}"));
    Refusal { status, document }
}

/// How many files of a data folder hold bytes of objects and parts.
pub(crate) fn content_files(data: &Path) -> usize {
    std::fs::read_dir(data.join("content")).expect("a folder").count()
}

pub(crate) async fn send(request: RequestBuilder) -> Response {
    request.timeout(Duration::from_secs(30)).send().await.expect("an answer")
}

/// Sends, and insists on success.
pub(crate) async fn ok(request: RequestBuilder) -> Response {
    let response = send(request).await;
    let refused = !response.status().is_success();
    assert!(!refused, "refused: {:?} {}", response.status(), text(response).await);
    response
}

pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

pub(crate) async fn text(response: Response) -> String {
    response.text().await.expect("a body")
}

pub(crate) fn own(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
