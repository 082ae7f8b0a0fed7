//! What we ask OSS ourselves: which answers say yes, which say no, and which say nothing.
#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic, in its helpers too")]

use std::{net::TcpListener, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use oss_valet::{
    app::ports::{
        Credential, Credentials, CredentialsUnavailable, ListedObject, ObjectFacts, ObjectStore, ObjectStoreError,
    },
    oss::{
        access_key::AccessKey,
        endpoint::{AddressingStyle, Endpoint},
        presign::{SigningContext, head_object, sign_headers},
        request::SignatureVersion,
    },
    oss_client::{HEAD_TIMEOUT, OssBucket, OssClient, Signers, build_http_client},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, method, path, query_param, query_param_is_missing},
};

const KEY: &str = "avatars/u-7/a b.png";

struct Given(Option<AccessKey>);

#[async_trait]
impl Credentials for Given {
    async fn current(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let key = self.0.clone().ok_or_else(|| CredentialsUnavailable("none today".to_owned()))?;
        Ok(Credential { key, expires_at: None })
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

fn access_key() -> AccessKey {
    AccessKey::new("AK", "sesame").with_security_token("ticket")
}

fn client_of(url: &str, version: SignatureVersion, key: Option<AccessKey>, head_timeout: Duration) -> OssClient {
    // Each test may be the first of its process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bucket = OssBucket {
        bucket: "app-media".to_owned(),
        region: "cn-hangzhou".to_owned(),
        endpoint: Endpoint::parse(url, AddressingStyle::Path).unwrap(),
        signature_version: version,
        head_timeout,
    };
    let signer = Arc::new(Given(key));
    let signers = Signers { confirm: Arc::clone(&signer) as Arc<dyn Credentials>, write: signer };
    OssClient::new(bucket, signers, build_http_client().unwrap())
}

fn client(server: &MockServer) -> OssClient {
    client_of(&server.uri(), SignatureVersion::V4, Some(access_key()), HEAD_TIMEOUT)
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

fn error(status: u16, code: &str) -> ResponseTemplate {
    let document = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
    ResponseTemplate::new(status).insert_header("x-oss-err", STANDARD.encode(document))
}

fn found() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_bytes([0; 5])
        .insert_header("etag", "\"0CC175B9C0F1B6A831C399E269772661\"")
        .insert_header("content-type", "image/png")
        .insert_header("x-oss-hash-crc64ecma", "123")
        .insert_header("x-oss-version-id", "v1")
        .insert_header("x-oss-object-type", "Normal")
        .insert_header("x-oss-meta-upload-id", "0193")
}

#[tokio::test]
async fn facts_are_read_off_the_headers() {
    let server = answering(found()).await;
    let facts = client(&server).head(KEY, now()).await.unwrap().unwrap();
    let expected = ObjectFacts {
        size: 5,
        etag: "0CC175B9C0F1B6A831C399E269772661".to_owned(),
        content_type: "image/png".to_owned(),
        crc64: Some("123".to_owned()),
        version_id: Some("v1".to_owned()),
        object_type: "Normal".to_owned(),
        meta_upload_id: Some("0193".to_owned()),
    };
    assert_eq!(facts, expected);
}

#[tokio::test]
async fn only_no_such_key_means_absent() {
    let cases = [
        ("NoSuchKey", error(404, "NoSuchKey"), true),
        ("NoSuchKey, by its ec", ResponseTemplate::new(404).insert_header("x-oss-ec", "0026-00000001"), true),
        ("NoSuchBucket", error(404, "NoSuchBucket"), false),
        ("a 404 of somebody else", ResponseTemplate::new(404), false),
        ("NoSuchKey with another status", error(403, "NoSuchKey"), false),
        ("AccessDenied", error(403, "AccessDenied"), false),
        ("an error of OSS's", error(503, "ServiceUnavailable"), false),
        ("a 200 that is not OSS's", ResponseTemplate::new(200), false),
        ("x-oss-err that is no Base64", ResponseTemplate::new(404).insert_header("x-oss-err", "NoSuchKey"), false),
    ];
    for (description, response, absent) in cases {
        let server = answering(response).await;
        match client(&server).head(KEY, now()).await {
            Ok(None) => assert!(absent, "{description}"),
            Err(ObjectStoreError::Unavailable(_)) => assert!(!absent, "{description}"),
            other => panic!("{description}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = format!("{}/elsewhere", server.uri());
    let redirect = ResponseTemplate::new(302).insert_header("location", elsewhere.as_str());
    Mock::given(path("/elsewhere")).respond_with(found()).expect(0).mount(&server).await;
    Mock::given(any()).respond_with(redirect).expect(1).mount(&server).await;
    assert!(matches!(client(&server).head(KEY, now()).await, Err(ObjectStoreError::Unavailable(_))));
}

#[tokio::test]
async fn an_oss_that_does_not_answer_is_unavailable_not_absent() {
    // Accepts (the backlog does) and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let client = client_of(&url, SignatureVersion::V4, Some(access_key()), Duration::from_millis(50));
    let error = client.head(KEY, now()).await.unwrap_err();
    assert!(matches!(error, ObjectStoreError::Unavailable(_)));
    assert!(!error.to_string().contains("sesame") && !error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn requests_are_signed_by_header_as_the_bucket_says() {
    for version in [SignatureVersion::V4, SignatureVersion::V1] {
        let server = answering(found()).await;
        client_of(&server.uri(), version, Some(access_key()), HEAD_TIMEOUT).head(KEY, now()).await.unwrap();
        let [request] = server.received_requests().await.unwrap().try_into().unwrap();
        assert_eq!(request.url.path(), "/app-media/avatars/u-7/a%20b.png", "{version:?}");
        assert_eq!(request.url.query(), None, "{version:?}");

        let endpoint = Endpoint::parse(&server.uri(), AddressingStyle::Path).unwrap();
        let key = access_key();
        let region = "cn-hangzhou";
        let context = SigningContext { version, endpoint: &endpoint, region, key: &key, signing_key: None, now: now() };
        let signed = sign_headers(head_object("app-media", KEY), &[], &context);
        assert!(signed.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")), "{version:?}");
        for (name, value) in &signed.headers {
            let sent = request.headers.get(name.as_str()).unwrap_or_else(|| panic!("{version:?}: {name}"));
            assert_eq!(sent, value, "{version:?}: {name}");
        }
    }
}

#[tokio::test]
async fn deleting_what_is_gone_is_fine_and_anything_else_is_told() {
    let cases = [
        ("gone now", ResponseTemplate::new(204), true),
        ("gone before", error(404, "NoSuchKey"), true),
        ("no bucket", error(404, "NoSuchBucket"), false),
        ("not allowed", error(403, "AccessDenied"), false),
    ];
    for (description, response, fine) in cases {
        let server = MockServer::start().await;
        Mock::given(method("DELETE")).respond_with(response).expect(1).mount(&server).await;
        assert_eq!(client(&server).delete(KEY, now()).await.is_ok(), fine, "{description}");
    }
}

#[tokio::test]
async fn without_a_credential_nothing_is_sent() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(found()).expect(0).mount(&server).await;
    let client = client_of(&server.uri(), SignatureVersion::V4, None, HEAD_TIMEOUT);
    assert!(matches!(client.head(KEY, now()).await, Err(ObjectStoreError::Credentials(_))));
}

struct Never;

#[async_trait]
impl Credentials for Never {
    async fn current(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn waiting_for_a_credential_is_part_of_the_time_that_a_call_has() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(found()).expect(0).mount(&server).await;
    let bucket = OssBucket {
        bucket: "app-media".to_owned(),
        region: "cn-hangzhou".to_owned(),
        endpoint: Endpoint::parse(&server.uri(), AddressingStyle::Path).unwrap(),
        signature_version: SignatureVersion::V4,
        head_timeout: Duration::from_millis(50),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = OssClient::new(
        bucket,
        Signers { confirm: Arc::new(Never), write: Arc::new(Never) },
        build_http_client().unwrap(),
    );
    assert!(matches!(client.head(KEY, now()).await, Err(ObjectStoreError::Credentials(_))));
}

fn listing(key: &str, next: Option<&str>) -> ResponseTemplate {
    let more = next.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |next| {
        format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>")
    });
    ResponseTemplate::new(200).set_body_string(format!(
        "<?xml version=\"1.0\"?><ListBucketResult>{more}<Contents><Key>{key}</Key><ETag>\"5D41\"</ETag>\
         <Type>Normal</Type><Size>5</Size></Contents></ListBucketResult>"
    ))
}

#[tokio::test]
async fn a_listing_is_read_page_by_page() {
    for version in [SignatureVersion::V4, SignatureVersion::V1] {
        let server = MockServer::start().await;
        let first = Mock::given(query_param("list-type", "2")).and(query_param("prefix", "a b/"));
        let first = first.and(query_param_is_missing("continuation-token"));
        first.respond_with(listing("a%20b%2Fone", Some("t+/="))).expect(1).mount(&server).await;
        let second = Mock::given(query_param("continuation-token", "t+/="));
        second.respond_with(listing("a%20b%2F%E6%96%87", None)).expect(1).mount(&server).await;
        let client = client_of(&server.uri(), version, Some(access_key()), HEAD_TIMEOUT);

        let page = client.list_objects("a b/", None, now()).await.unwrap();

        let (etag, object_type) = ("5D41".to_owned(), "Normal".to_owned());
        assert_eq!(page.objects, [ListedObject { key: "a b/one".to_owned(), size: 5, etag, object_type }]);
        let last = client.list_objects("a b/", page.next.as_deref(), now()).await.unwrap();
        assert_eq!((last.objects[0].key.as_str(), last.next), ("a b/文", None));
    }
}

#[tokio::test]
async fn a_listing_that_says_nothing_is_no_empty_directory() {
    for (what, response) in [
        ("no document", ResponseTemplate::new(200).set_body_string("hello")),
        ("cut off", ResponseTemplate::new(200).set_body_string("<ListBucketResult><Contents>")),
        ("a key elsewhere", listing("b%2Fone", None)),
        ("no token for the rest", listing("a%2Fone", Some(""))),
        ("no size", ResponseTemplate::new(200).set_body_string("<R><Contents><Key>a%2Fx</Key></Contents></R>")),
        ("AccessDenied", error(403, "AccessDenied")),
        ("NoSuchBucket", error(404, "NoSuchBucket")),
        ("down", ResponseTemplate::new(503)),
    ] {
        let server = answering(response).await;
        let answer = client(&server).list_objects("a/", None, now()).await;
        assert!(matches!(answer, Err(ObjectStoreError::Unavailable(_))), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn a_key_that_a_url_would_fold_is_not_asked_for() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(found()).expect(0).mount(&server).await;
    for key in ["a/../b", "a/./b", ".."] {
        let outcome = client(&server).head(key, now()).await;
        assert!(matches!(outcome, Err(ObjectStoreError::Unavailable(_))), "{key}: {outcome:?}");
    }
}

/// A server that reads a request of each of its first `closed` connections and closes them; then it answers one.
async fn closes_first(closed: usize) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async move {
        for number in 0..=closed {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                connection.read_buf(&mut request).await.unwrap();
            }
            if number == closed {
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"A\"\r\nx-oss-object-type: Normal\r\n\r\n";
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    };
    (url, tokio::spawn(serve))
}

#[tokio::test]
async fn a_connection_closed_under_our_hands_is_tried_once_more() {
    let client = |url: &str| client_of(url, SignatureVersion::V4, Some(access_key()), HEAD_TIMEOUT);
    let (url, server) = closes_first(1).await;
    assert_eq!(client(&url).head(KEY, now()).await.unwrap().unwrap().size, 3);
    server.await.unwrap();
    let (url, server) = closes_first(2).await;
    assert!(matches!(client(&url).head(KEY, now()).await, Err(ObjectStoreError::Unavailable(_))), "twice is enough");
    server.abort();
}
