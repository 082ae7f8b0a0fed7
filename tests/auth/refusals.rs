//! Every way in which a token is not accepted.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oss_valet::auth::{AuthSetupError, Authenticator, KeySource, Unauthorized};
use serde_json::{Value, json};

use crate::harness::{ISSUER, RSA, TestKey, authenticator, claims_with, config, good_claims, issuer, start, trusting};

async fn refusal(authenticator: &Authenticator, token: &str) -> Unauthorized {
    authenticator.authenticate(token, start()).await.expect_err(token)
}

#[tokio::test]
async fn a_good_token_with_one_thing_wrong_is_refused() {
    let key = TestKey::ec("ec");
    let now = start().timestamp();
    let claims: [(&str, Value, &str); 13] = [
        ("exp", json!(now - 31), "the token has expired"),
        ("exp", json!("tomorrow"), "the token's exp is no time"),
        ("exp", Value::Null, "the token has no exp"),
        ("nbf", json!(now + 31), "the token is not valid yet"),
        ("nbf", json!("soon"), "the token's nbf is no time"),
        ("aud", json!("other"), "the token is for another audience"),
        ("aud", json!(["other", "uploads "]), "the token is for another audience"),
        ("aud", Value::Null, "the token is for another audience"),
        ("iss", json!("https://evil.example.com"), "the token's issuer is not trusted"),
        ("iss", Value::Null, "the token names no issuer"),
        ("sub", Value::Null, "the token names no usable user"),
        ("sub", json!(""), "the token names no usable user"),
        ("sub", json!("a\nb"), "the token names no usable user"),
    ];
    let authenticator = trusting(&key);
    for (claim, value, reason) in claims {
        let token = key.token(&claims_with(claim, value.clone()));
        assert_eq!(refusal(&authenticator, &token).await, Unauthorized::InvalidToken(reason), "{claim} = {value}");
    }
    assert!(
        authenticator.authenticate(&key.token(&good_claims()), start()).await.is_ok(),
        "the one that is changed is good"
    );
}

#[tokio::test]
async fn what_is_no_jwt_is_an_invalid_request() {
    let authenticator = trusting(&TestKey::ec("ec"));
    let long = format!("a.{}.c", "b".repeat(17_000));
    for token in ["", "sesame", "a.b", "a.b.c.d", &long] {
        assert_eq!(refusal(&authenticator, token).await.bearer_error(), Some("invalid_request"), "{token:.20}");
    }
    assert_eq!(refusal(&authenticator, "a.b.c").await.bearer_error(), Some("invalid_token"));
}

#[tokio::test]
async fn the_algorithm_none_is_refused_in_any_spelling() {
    let authenticator = trusting(&TestKey::ec("ec"));
    let payload = URL_SAFE_NO_PAD.encode(good_claims().to_string());
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "typ": "JWT" }).to_string());
        let token = format!("{header}.{payload}.");
        let expected = Unauthorized::InvalidToken("the token's algorithm is not accepted");
        assert_eq!(refusal(&authenticator, &token).await, expected, "{algorithm}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_hmac_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("public.pem");
    std::fs::write(&path, &RSA.public_pem).unwrap();
    let hmac = KeySource::HmacSecret("0123456789abcdef0123456789abcdef".into());
    let mut config = config(vec![issuer(ISSUER, KeySource::PublicKeyFile(path)), issuer("hmac", hmac)]);
    config.algorithms.push(Algorithm::HS256);

    let secret = EncodingKey::from_secret(RSA.public_pem.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good_claims(), &secret).unwrap();
    let expected = Unauthorized::InvalidToken("no key of the issuer fits the token's kid and alg");
    assert_eq!(refusal(&authenticator(config), &token).await, expected);
}

#[tokio::test]
async fn the_keys_of_one_issuer_count_for_no_other() {
    let (ours, theirs) = (TestKey::ec("k"), TestKey::ec("k"));
    let folder = tempfile::tempdir().unwrap();
    let source = |name: &str, key: &TestKey| {
        let path = folder.path().join(name);
        std::fs::write(&path, &key.public_pem).unwrap();
        KeySource::PublicKeyFile(path)
    };
    let issuers =
        vec![issuer(ISSUER, source("ours", &ours)), issuer("https://their.example", source("theirs", &theirs))];
    let authenticator = authenticator(config(issuers));

    let forged = theirs.token(&good_claims());
    assert_eq!(
        refusal(&authenticator, &forged).await,
        Unauthorized::InvalidToken("the token's signature does not verify")
    );
    let own = theirs.token(&claims_with("iss", json!("https://their.example")));
    assert!(authenticator.authenticate(&own, start()).await.is_ok());
}

#[tokio::test]
async fn headers_that_name_or_bring_a_key_are_not_followed() {
    let (ours, theirs) = (TestKey::ec("k"), TestKey::ec("k"));
    let authenticator = trusting(&ours);
    let brought = serde_json::from_value(theirs.jwk.clone()).unwrap();
    let tokens = [
        ("jwk", theirs.token_with(|header| header.jwk = Some(brought), &good_claims())),
        ("jku", theirs.token_with(|header| header.jku = Some("https://evil.example/jwks".to_owned()), &good_claims())),
        ("x5u", theirs.token_with(|header| header.x5u = Some("https://evil.example/cert".to_owned()), &good_claims())),
    ];
    for (name, token) in tokens {
        let expected = Unauthorized::InvalidToken("the token's signature does not verify");
        assert_eq!(refusal(&authenticator, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn an_extension_that_must_be_understood_is_refused_though_the_signature_is_good() {
    let key = TestKey::ec("k");
    let token = key.token_with(|header| header.crit = Some(vec!["b64".to_owned()]), &good_claims());
    let expected = Unauthorized::InvalidToken("the token demands an extension that is not understood");
    assert_eq!(refusal(&trusting(&key), &token).await, expected);
}

#[tokio::test]
async fn a_changed_payload_is_refused() {
    let key = TestKey::ec("k");
    let token = key.token(&good_claims());
    let parts: Vec<_> = token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(claims_with("sub", json!("admin")).to_string());
    let changed = format!("{}.{payload}.{}", parts[0], parts[2]);
    let expected = Unauthorized::InvalidToken("the token's signature does not verify");
    assert_eq!(refusal(&trusting(&key), &changed).await, expected);
}

#[test]
fn a_short_rsa_key_is_refused_at_the_start() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.pem");
    std::fs::write(&path, TestKey::rsa("short", 1024).public_pem).unwrap();
    let outcome = Authenticator::new(config(vec![issuer(ISSUER, KeySource::PublicKeyFile(path))]));
    let Err(AuthSetupError::Key { reason, .. }) = outcome else { panic!("accepted") };
    assert!(reason.contains("2048"), "{reason}");
}
