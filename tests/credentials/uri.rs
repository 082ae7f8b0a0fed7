//! `uri`: a GET, and the four members.

use chrono::TimeDelta;
use oss_valet::{
    clock::Clock,
    credentials::{CredentialSource, CredentialsUri, Timeouts},
};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::harness::{clock, http, issued, parts, parts_of};

async fn answering(answer: ResponseTemplate) -> (MockServer, CredentialsUri) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let url = format!("{}/credentials?pass=open-sesame", server.uri());
    (server, CredentialsUri { url: url.into(), http: http(Timeouts::STS) })
}

#[tokio::test]
async fn the_url_is_asked_as_it_is() {
    let clock = clock();
    let end = clock.now() + TimeDelta::hours(1);
    let mut body = issued("uri", end);
    // Some agents say this too.
    body["Code"] = json!("Success");
    let (server, source) = answering(ResponseTemplate::new(200).set_body_json(body)).await;

    let credential = source.fetch(clock.now()).await.unwrap();

    assert_eq!(parts(&credential), parts_of("uri", end));
    let [request] = server.received_requests().await.unwrap().try_into().unwrap();
    assert_eq!(request.method.as_str(), "GET");
    assert_eq!((request.url.path(), request.url.query()), ("/credentials", Some("pass=open-sesame")));
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn anything_else_is_no_credential_and_the_url_is_never_told() {
    let clock = clock();
    let end = clock.now() + TimeDelta::hours(1);
    let mut endless = issued("uri", end);
    endless.as_object_mut().unwrap().remove("Expiration");
    for (description, answer) in [
        ("an error", ResponseTemplate::new(500).set_body_json(issued("uri", end))),
        ("created", ResponseTemplate::new(201).set_body_json(issued("uri", end))),
        ("elsewhere", ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:1/")),
        ("no JSON", ResponseTemplate::new(200).set_body_string("open-sesame")),
        ("without an end", ResponseTemplate::new(200).set_body_json(endless)),
    ] {
        let (server, source) = answering(answer).await;
        let error = source.fetch(clock.now()).await.unwrap_err().to_string();
        assert!(error.contains("credentials URI: "), "{description}: {error}");
        assert!(!error.contains("sesame") && !error.contains(&server.uri()), "{description}: {error}");
    }
}
