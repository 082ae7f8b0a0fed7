//! What is accepted, and what is remembered.

use jsonwebtoken::Algorithm;
use oss_valet::auth::{KeySource, TokenRequest, Unauthorized, mint};
use serde_json::json;

use crate::harness::{
    ISSUER, RSA, TestKey, after, authenticator, claims_with, config, good_claims, issuer, start, trusting,
};

#[tokio::test]
async fn tokens_of_every_default_algorithm_are_accepted() {
    for key in [&TestKey::ec("ec"), &TestKey::ed25519("ed"), &*RSA] {
        let caller = trusting(key).authenticate(&key.token(&good_claims()), start()).await.unwrap();
        assert_eq!((caller.issuer.as_str(), caller.user_id.as_str()), (ISSUER, "u-7"), "{:?}", key.algorithm);
        assert!(caller.has_scope("uploads:read-any") && caller.has_scope("uploads:issue-for"));
        assert!(!caller.has_scope("uploads"), "a scope is a whole word");
    }
}

#[tokio::test]
async fn user_and_scopes_come_from_the_configured_claims() {
    let key = TestKey::ec("ec");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("public.pem");
    std::fs::write(&path, &key.public_pem).unwrap();
    let mut config = config(vec![issuer(ISSUER, KeySource::PublicKeyFile(path))]);
    config.user_id_claim = "uid".to_owned();
    config.scope_claim = "roles".to_owned();
    let mut claims = claims_with("uid", json!(42));
    claims["roles"] = json!(["a", "b c"]);

    let caller = authenticator(config).authenticate(&key.token(&claims), start()).await.unwrap();
    assert_eq!((caller.user_id.as_str(), caller.subject.as_str()), ("42", "u-7"));
    assert!(caller.has_scope("b c") && !caller.has_scope("uploads:read-any"));
}

#[tokio::test]
async fn a_minted_development_token_is_accepted_where_hs256_is_listed() {
    let secret = "0123456789abcdef0123456789abcdef".into();
    let request = TokenRequest {
        issuer: "dev",
        audience: Some("uploads"),
        secret: &secret,
        user_id_claim: "sub",
        user: "u-dev",
        scope_claim: "scope",
        scopes: &["a".to_owned(), "b".to_owned()],
        ttl: chrono::TimeDelta::hours(1),
    };
    let token = mint(&request, start()).unwrap();
    let mut config = config(vec![issuer("dev", KeySource::HmacSecret(secret.clone()))]);
    let refused = authenticator(config.clone()).authenticate(&token, start()).await.unwrap_err();
    assert_eq!(refused, Unauthorized::InvalidToken("the token's algorithm is not accepted"));

    config.algorithms.push(Algorithm::HS256);
    let caller = authenticator(config).authenticate(&token, start()).await.unwrap();
    assert_eq!(caller.user_id, "u-dev");
    assert!(caller.has_scope("a") && caller.has_scope("b"));
}

#[tokio::test]
async fn times_are_judged_with_leeway_and_again_for_a_remembered_token() {
    let key = TestKey::ec("ec");
    let claims = claims_with("nbf", json!(start().timestamp() + 100));
    let token = key.token(&claims);
    let authenticator = trusting(&key);
    let at = async |seconds| authenticator.authenticate(&token, after(seconds)).await;

    assert_eq!(at(69).await, Err(Unauthorized::InvalidToken("the token is not valid yet")));
    assert!(at(70).await.is_ok(), "30 s of leeway");
    assert_eq!(at(69).await, Err(Unauthorized::InvalidToken("the token is not valid yet")), "remembered, judged again");
    assert!(at(3629).await.is_ok());
    assert_eq!(at(3630).await, Err(Unauthorized::InvalidToken("the token has expired")), "remembered, judged again");
}

#[tokio::test]
async fn a_remembered_token_lends_nothing_to_one_with_another_signature() {
    let (key, other) = (TestKey::ec("ec"), TestKey::ec("ec"));
    let authenticator = trusting(&key);
    let token = key.token(&good_claims());
    authenticator.authenticate(&token, start()).await.unwrap();
    authenticator.authenticate(&token, start()).await.unwrap();

    let forged = other.token(&good_claims());
    assert_eq!(forged.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().0, "the same but for the signature");
    assert!(authenticator.authenticate(&forged, start()).await.is_err());
}
