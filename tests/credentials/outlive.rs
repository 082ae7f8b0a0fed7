//! No signature outlives its credential: grants, forms, URLs, and our own calls.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use oss_valet::{
    app::{
        Valet,
        issue::IssueRequest,
        ports::{Caller, Credential, Credentials, CredentialsUnavailable, ObjectStore, ObjectStoreError},
        signing::{Leave, SignedGrant},
    },
    clock::{Clock, ManualClock},
    grant::{limits::UncheckedAsk, profile::Method, request::ClientRequest},
    oss::{
        access_key::AccessKey,
        endpoint::{AddressingStyle, Endpoint},
        request::SignatureVersion,
    },
    oss_client::{HEAD_TIMEOUT, OssBucket, OssClient, Signers, build_http_client},
    settings::{Environment, Settings},
    startup::{Parts, build_valet},
};
use tempfile::TempDir;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use crate::harness::{clock, entropy, http, issued};

/// What each credential lives; shorter than the profile's hour.
const LIFE: TimeDelta = TimeDelta::minutes(20);

struct Bed {
    clock: Arc<ManualClock>,
    valet: Valet,
    issued: Arc<AtomicUsize>,
    /// Of the next credential.
    life: Arc<Mutex<TimeDelta>>,
    _server: MockServer,
    _data: TempDir,
}

impl Bed {
    async fn start() -> Self {
        http(oss_valet::credentials::Timeouts::STS);
        let clock = clock();
        let server = MockServer::start().await;
        let count = Arc::new(AtomicUsize::new(0));
        let life = Arc::new(Mutex::new(LIFE));
        let (counting, ticking, lasting) = (count.clone(), clock.clone(), life.clone());
        let answer = move |_: &Request| {
            let number = counting.fetch_add(1, Ordering::SeqCst) + 1;
            let end = ticking.now() + *lasting.lock().unwrap();
            ResponseTemplate::new(200).set_body_json(issued(&number.to_string(), end))
        };
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let data = tempfile::tempdir().unwrap();
        let toml = include_str!("outlive.toml")
            .replace("{uri}", &server.uri())
            .replace("{ledger}", &data.path().join("ledger.db").display().to_string());
        let settings = Settings::from_toml_str("development", "outlive.toml", &toml).unwrap();
        let parts = Parts {
            clock: clock.clone(),
            entropy: entropy(),
            environment: Environment::default(),
            static_answer: None,
            reconcile: false,
            listeners: None,
            telemetry: None,
        };
        let valet = build_valet(&settings, &parts).await.unwrap();
        Self { clock, valet, issued: count, life, _server: server, _data: data }
    }

    /// The request of a fresh grant, and until when the grant says it lives.
    async fn issue(&self, profile: &str, method: Method) -> (ClientRequest, DateTime<Utc>) {
        let signed = self.issue_signed(profile, method).await;
        (signed.leave.as_ref().and_then(Leave::request).unwrap().clone(), signed.grant.expires_at)
    }

    async fn issue_signed(&self, profile: &str, method: Method) -> SignedGrant {
        let ask = UncheckedAsk { method: Some(method.as_str().to_owned()), ..UncheckedAsk::default() };
        let request = IssueRequest { profile: profile.to_owned(), user_id: None, ask };
        let caller = Caller {
            issuer: "dev".to_owned(),
            subject: "u-7".to_owned(),
            user_id: "u-7".to_owned(),
            scopes: BTreeSet::new(),
        };
        self.valet.issue(&caller, request, None, self.clock.now()).await.unwrap().signed
    }
}

/// Until when OSS accepts the request, by what is signed in it.
fn end_of(request: &ClientRequest) -> DateTime<Utc> {
    if let Some((_, policy)) = request.fields.iter().find(|(name, _)| name == "policy") {
        let policy: serde_json::Value = serde_json::from_slice(&STANDARD.decode(policy).unwrap()).unwrap();
        return policy["expiration"].as_str().unwrap().parse().unwrap();
    }
    let url = url::Url::parse(&request.url).unwrap();
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if let Some(expires) = value("Expires") {
        return DateTime::from_timestamp(expires.parse().unwrap(), 0).unwrap();
    }
    let date = NaiveDateTime::parse_from_str(&value("x-oss-date").unwrap(), "%Y%m%dT%H%M%SZ").unwrap();
    date.and_utc() + TimeDelta::seconds(value("x-oss-expires").unwrap().parse().unwrap())
}

fn token_of(request: &ClientRequest) -> String {
    let named = |name: &str| name.eq_ignore_ascii_case("x-oss-security-token") || name == "security-token";
    let field = request.fields.iter().find(|(name, _)| named(name)).map(|(_, value)| value.clone());
    let url = url::Url::parse(&request.url).unwrap();
    field.or_else(|| url.query_pairs().find(|(name, _)| named(name)).map(|(_, value)| value.into_owned())).unwrap()
}

#[tokio::test]
async fn grants_forms_and_urls_end_with_what_signed_them() {
    let bed = Bed::start().await;
    let all = [("v4", Method::Post), ("v4", Method::Put), ("v1", Method::Post), ("v1", Method::Put)];
    bed.issue("v4", Method::Post).await;
    let first_end = bed.clock.now() + LIFE;
    for minutes in [0, 4, 12] {
        bed.clock.advance(TimeDelta::minutes(minutes));
        for (profile, method) in all {
            let (request, expires_at) = bed.issue(profile, method).await;
            assert_eq!(token_of(&request), "ticket-of-1", "the background has not renewed it");
            assert_eq!((end_of(&request), expires_at), (first_end, first_end), "{profile} {method:?}");
        }
    }

    bed.valet.refresh_credentials(bed.clock.now()).await;

    for (profile, method) in all {
        let (request, expires_at) = bed.issue(profile, method).await;
        let end = bed.clock.now() + LIFE;
        assert_eq!((token_of(&request).as_str(), end_of(&request), expires_at), ("ticket-of-2", end, end));
    }
    assert_eq!(bed.issued.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_grant_that_is_signed_again_ends_with_what_signs_it_then() {
    let bed = Bed::start().await;
    for (profile, method) in [("v4", Method::Post), ("v4", Method::Put), ("v1", Method::Post), ("v1", Method::Put)] {
        bed.clock.advance(TimeDelta::hours(3));
        *bed.life.lock().unwrap() = TimeDelta::minutes(61);
        let grant = bed.issue_signed(profile, method).await.grant;
        assert_eq!(grant.expires_at, bed.clock.now() + TimeDelta::hours(1), "as long as the profile says");
        // Past three quarters of what it was signed with comes a short-lived successor.
        bed.clock.advance(TimeDelta::minutes(46));
        *bed.life.lock().unwrap() = TimeDelta::minutes(5);
        bed.valet.refresh_credentials(bed.clock.now()).await;

        let profile = &bed.valet.profiles[profile];
        let signed = bed.valet.sign(grant.clone(), profile, bed.clock.now()).await.unwrap();

        assert_eq!(
            end_of(signed.leave.as_ref().and_then(Leave::request).unwrap()),
            bed.clock.now() + TimeDelta::minutes(5)
        );
        assert_eq!(signed.grant.expires_at, grant.expires_at, "what the ledger says stays");
    }
}

struct Fixed(Credential);

#[async_trait]
impl Credentials for Fixed {
    async fn current(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn our_own_head_is_not_signed_with_what_has_expired() {
    http(oss_valet::credentials::Timeouts::STS);
    let clock = clock();
    let server = MockServer::start().await;
    let found = ResponseTemplate::new(200)
        .set_body_bytes([0; 5])
        .insert_header("etag", "\"x\"")
        .insert_header("x-oss-object-type", "Normal");
    Mock::given(any()).respond_with(found).expect(1).mount(&server).await;
    let bucket = OssBucket {
        bucket: "app-media".to_owned(),
        region: "cn-hangzhou".to_owned(),
        endpoint: Endpoint::parse(&server.uri(), AddressingStyle::Path).unwrap(),
        signature_version: SignatureVersion::V4,
        head_timeout: HEAD_TIMEOUT,
    };
    let key = AccessKey::new("STS.1", "sesame").with_security_token("ticket");
    let signer: Arc<dyn Credentials> =
        Arc::new(Fixed(Credential { key, expires_at: Some(clock.now() + TimeDelta::seconds(1)) }));
    let client =
        OssClient::new(bucket, Signers { confirm: Arc::clone(&signer), write: signer }, build_http_client().unwrap());

    assert!(client.head("a", clock.now()).await.unwrap().is_some());
    clock.advance(TimeDelta::seconds(1));

    let error = client.head("a", clock.now()).await.unwrap_err();
    assert!(matches!(error, ObjectStoreError::Credentials(_)), "{error:?}");
}
