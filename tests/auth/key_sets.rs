//! Key sets behind a URL: when they are fetched, and what is done when they can't be.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::auth::{AuthSetupError, Authenticator, KeySource, Unauthorized};
use serde_json::Value;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use crate::harness::{ISSUER, TestKey, after, authenticator, config, good_claims, issuer, jwks, start};

const UNKNOWN_KID: Unauthorized = Unauthorized::InvalidToken("no key of the issuer fits the token's kid and alg");

fn fetching_from(server: &MockServer) -> Authenticator {
    let url = format!("{}/jwks", server.uri()).parse().unwrap();
    authenticator(config(vec![issuer(ISSUER, KeySource::JwksUrl(url))]))
}

/// Answers the next fetches so, and expects so many in all.
async fn answer(server: &MockServer, response: ResponseTemplate, fetches: u64) {
    server.reset().await;
    Mock::given(method("GET")).and(path("/jwks")).respond_with(response).expect(fetches).mount(server).await;
}

fn document(keys: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(keys)
}

#[tokio::test]
async fn a_key_set_is_fetched_once_for_many_callers() {
    let server = MockServer::start().await;
    let (key, other) = (TestKey::ec("a"), TestKey::ed25519("b"));
    answer(&server, document(&jwks(&[&key, &other])), 1).await;
    let authenticator = fetching_from(&server);
    let tokens = [key.token(&good_claims()), other.token(&good_claims())];
    let calls = (0..20).map(|n| authenticator.authenticate(&tokens[n % 2], start()));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_unknown_kid_has_the_set_fetched_at_most_every_30_seconds() {
    let server = MockServer::start().await;
    let (key, unknown) = (TestKey::ec("a"), TestKey::ec("z"));
    let authenticator = fetching_from(&server);
    answer(&server, document(&jwks(&[&key])), 1).await;
    authenticator.authenticate(&key.token(&good_claims()), start()).await.unwrap();
    for second in [0, 1, 29] {
        let refused = authenticator.authenticate(&unknown.token(&good_claims()), after(second)).await;
        assert_eq!(refused, Err(UNKNOWN_KID), "{second}");
    }
    server.verify().await;

    answer(&server, document(&jwks(&[&key])), 1).await;
    for second in [30, 31] {
        let refused = authenticator.authenticate(&unknown.token(&good_claims()), after(second)).await;
        assert_eq!(refused, Err(UNKNOWN_KID), "{second}");
    }
}

#[tokio::test]
async fn failed_fetches_count_too_and_are_not_the_callers_fault() {
    let server = MockServer::start().await;
    let key = TestKey::ec("a");
    let authenticator = fetching_from(&server);
    answer(&server, ResponseTemplate::new(500), 1).await;
    for second in [0, 1, 29] {
        let outcome = authenticator.authenticate(&key.token(&good_claims()), after(second)).await;
        assert_eq!(outcome, Err(Unauthorized::KeysUnavailable), "{second}");
    }
    server.verify().await;

    answer(&server, document(&jwks(&[&key])), 1).await;
    assert!(authenticator.authenticate(&key.token(&good_claims()), after(30)).await.is_ok());
}

#[tokio::test]
async fn a_rotated_key_is_learnt_and_a_withdrawn_one_forgotten() {
    let server = MockServer::start().await;
    let (old, new) = (TestKey::ec("old"), TestKey::ec("new"));
    let authenticator = fetching_from(&server);
    answer(&server, document(&jwks(&[&old])), 1).await;
    authenticator.authenticate(&old.token(&good_claims()), start()).await.unwrap();

    answer(&server, document(&jwks(&[&new])), 1).await;
    assert!(authenticator.authenticate(&new.token(&good_claims()), after(60)).await.is_ok());
    let refused = authenticator.authenticate(&old.token(&good_claims()), after(61)).await;
    assert_eq!(refused, Err(UNKNOWN_KID), "though it was remembered a minute ago");
}

#[tokio::test]
async fn a_withdrawn_key_is_noticed_though_no_new_one_turns_up() {
    let server = MockServer::start().await;
    let (old, new) = (TestKey::ec("old"), TestKey::ec("new"));
    let authenticator = fetching_from(&server);
    answer(&server, document(&jwks(&[&old])), 1).await;
    authenticator.authenticate(&old.token(&good_claims()), start()).await.unwrap();

    answer(&server, document(&jwks(&[&new])), 1).await;
    let refused = authenticator.authenticate(&old.token(&good_claims()), after(601)).await;
    assert_eq!(refused, Err(UNKNOWN_KID));
}

#[tokio::test]
async fn the_last_good_set_serves_until_it_is_too_old() {
    let server = MockServer::start().await;
    let key = TestKey::ec("a");
    let url = format!("{}/jwks", server.uri()).parse().unwrap();
    let mut issuer = issuer(ISSUER, KeySource::JwksUrl(url));
    issuer.max_stale = TimeDelta::minutes(30);
    let authenticator = authenticator(config(vec![issuer]));
    answer(&server, document(&jwks(&[&key])), 1).await;
    authenticator.authenticate(&key.token(&good_claims()), start()).await.unwrap();

    answer(&server, ResponseTemplate::new(503), 2).await;
    let at = async |seconds| authenticator.authenticate(&key.token(&good_claims()), after(seconds)).await;
    assert!(at(1800).await.is_ok(), "the refresh fails, the old keys go on");
    assert_eq!(at(1831).await, Err(Unauthorized::KeysUnavailable));
}

#[tokio::test]
async fn answers_that_are_no_usable_key_set_leave_us_without_keys() {
    let key = TestKey::ec("a");
    let good = jwks(&[&key]).to_string();
    let answers = [
        ("a redirect", ResponseTemplate::new(302).insert_header("location", "/elsewhere")),
        (
            "a set larger than 1 MiB",
            ResponseTemplate::new(200).set_body_string(format!("{good}{}", " ".repeat(1 << 20))),
        ),
        ("no JSON", ResponseTemplate::new(200).set_body_string("sesame")),
        ("an empty set", document(&jwks(&[]))),
        ("201", ResponseTemplate::new(201).set_body_string(good.clone())),
    ];
    for (description, response) in answers {
        let server = MockServer::start().await;
        answer(&server, response, 1).await;
        let elsewhere = Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200).set_body_string(&good));
        elsewhere.expect(0).mount(&server).await;
        let outcome = fetching_from(&server).authenticate(&key.token(&good_claims()), start()).await;
        assert_eq!(outcome, Err(Unauthorized::KeysUnavailable), "{description}");
    }
}

#[test]
fn plain_http_is_for_this_machine_in_development() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (url, development, allowed) in [
        ("http://127.0.0.1:1/jwks", true, true),
        ("http://localhost:1/jwks", true, true),
        ("http://127.0.0.1:1/jwks", false, false),
        ("http://id.example.com/jwks", true, false),
        ("https://id.example.com/jwks", false, true),
    ] {
        let mut config = config(vec![issuer(ISSUER, KeySource::JwksUrl(url.parse().unwrap()))]);
        config.allow_loopback_http = development;
        match Authenticator::new(config) {
            Ok(_) => assert!(allowed, "{url}"),
            Err(AuthSetupError::Key { .. }) => assert!(!allowed, "{url}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_key_set_file_is_read_again_for_an_unknown_kid() {
    let (old, new) = (TestKey::ec("old"), TestKey::ec("new"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, jwks(&[&old]).to_string()).unwrap();
    let authenticator = authenticator(config(vec![issuer(ISSUER, KeySource::JwksFile(file.clone()))]));
    authenticator.authenticate(&old.token(&good_claims()), start()).await.unwrap();

    std::fs::write(&file, jwks(&[&old, &new]).to_string()).unwrap();
    assert_eq!(authenticator.authenticate(&new.token(&good_claims()), after(29)).await, Err(UNKNOWN_KID));
    assert!(authenticator.authenticate(&new.token(&good_claims()), after(30)).await.is_ok());
    std::fs::remove_file(&file).unwrap();
    assert!(authenticator.authenticate(&new.token(&good_claims()), after(3600)).await.is_ok(), "the last good set");
}

#[tokio::test]
async fn an_issuer_that_has_not_changed_keeps_its_keys_in_the_next_authenticator() {
    let server = MockServer::start().await;
    let (key, other) = (TestKey::ec("a"), TestKey::ec("b"));
    answer(&server, document(&jwks(&[&key])), 1).await;
    let url: url::Url = format!("{}/jwks", server.uri()).parse().unwrap();
    let fetched = || issuer(ISSUER, KeySource::JwksUrl(url.clone()));
    let before = fetching_from(&server);
    before.authenticate(&key.token(&good_claims()), start()).await.unwrap();

    let pinned = config(vec![issuer(ISSUER, KeySource::HmacSecret("another-secret-of-thirty-two-bytes!".into()))]);
    let kept = Authenticator::succeeding(config(vec![fetched()]), &before, |name| name == ISSUER).unwrap();
    let anew = Authenticator::succeeding(pinned, &before, |_| false).unwrap();

    kept.authenticate(&key.token(&good_claims()), after(1)).await.unwrap();
    let refused = kept.authenticate(&other.token(&good_claims()), after(2)).await;
    assert_eq!(refused, Err(UNKNOWN_KID), "nor is the set fetched again before its time");
    assert!(anew.authenticate(&key.token(&good_claims()), after(1)).await.is_err(), "what was verified is forgotten");
    server.verify().await;
}
