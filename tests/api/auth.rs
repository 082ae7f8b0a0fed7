//! Bearer tokens at the door: who is let in, and what the others are told.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oss_valet::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, ISSUER, JWT_SECRET, OTHER_ISSUER, OTHER_JWT_SECRET, TestApp, send};

/// Every call that is for signed-in users.
const CALLS: [(Method, &str); 9] = [
    (Method::POST, "/v1/uploads"),
    (Method::GET, "/v1/uploads"),
    (Method::POST, "/v1/uploads/batch"),
    (Method::GET, "/v1/uploads/01980000-0000-7000-8000-000000000000"),
    (Method::DELETE, "/v1/uploads/01980000-0000-7000-8000-000000000000"),
    (Method::POST, "/v1/uploads/01980000-0000-7000-8000-000000000000/complete"),
    (Method::POST, "/v1/uploads/01980000-0000-7000-8000-000000000000/renew"),
    (Method::GET, "/v1/profiles"),
    (Method::GET, "/v1/uploads?limit=nonsense"),
];

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let app = TestApp::spawn().await;
    for (method, path) in CALLS {
        let mut request = app.http.request(method.clone(), format!("{}{path}", app.service));
        if method == Method::POST {
            request = request.json(&json!({"profile": "document"}));
        }
        let answer = send(request).await;
        assert_unauthorized(&answer, "invalid_request", &format!("{method} {path}"));
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn the_header_is_one_bearer_token() {
    let app = TestApp::spawn().await;
    let good = app.token("u-7");
    for (why, values, error) in [
        ("twice", vec![format!("Bearer {good}"), format!("Bearer {good}")], "invalid_request"),
        ("another scheme", vec!["Basic dTpw".to_owned()], "invalid_request"),
        ("another scheme with a token", vec![format!("Token {good}")], "invalid_request"),
        ("no scheme", vec![good.clone()], "invalid_request"),
        ("no token", vec!["Bearer".to_owned()], "invalid_request"),
        ("an empty token", vec!["Bearer  ".to_owned()], "invalid_request"),
        ("no JWT", vec!["Bearer abc".to_owned()], "invalid_token"),
        ("two tokens", vec![format!("Bearer {good}, Bearer {good}")], "invalid_token"),
        ("quotes in it", vec!["Bearer \"a.b.c\"".to_owned()], "invalid_token"),
    ] {
        let mut request = app.http.get(format!("{}/v1/profiles", app.service));
        for value in values {
            request = request.header("Authorization", value);
        }
        assert_unauthorized(&send(request).await, error, why);
    }
    let request =
        app.http.get(format!("{}/v1/profiles", app.service)).header("Authorization", format!("bEARER {good}"));
    assert_eq!(send(request).await.status, 200, "schemes have no case");
}

#[tokio::test]
async fn a_token_is_judged_by_its_claims_and_its_issuers_key() {
    let app = TestApp::spawn().await;
    let hour = |hours: i64| json!((app.clock.now() + TimeDelta::hours(hours)).timestamp());
    let good = json!({"iss": ISSUER, "aud": "uploads", "sub": "u-7", "exp": hour(1)});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&claims, JWT_SECRET)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        signed(&claims, JWT_SECRET)
    };
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let genuine = signed(&good, JWT_SECRET);
    let (body, signature) = genuine.rsplit_once('.').unwrap();
    for (why, token) in [
        ("expired", with("exp", hour(-1))),
        ("no end", without("exp")),
        ("an end that is no time", with("exp", json!("soon"))),
        ("not yet valid", with("nbf", hour(1))),
        ("another audience", with("aud", json!("downloads"))),
        ("no audience", without("aud")),
        ("another issuer", with("iss", json!("https://evil.example.com"))),
        ("no issuer", without("iss")),
        ("the other issuer's name, this issuer's secret", with("iss", json!(OTHER_ISSUER))),
        ("this issuer's name, the other issuer's secret", signed(&good, OTHER_JWT_SECRET)),
        ("no user", without("sub")),
        ("an empty user", with("sub", json!(""))),
        ("a user with a line break", with("sub", json!("a\nb"))),
        ("a user that is no text", with("sub", json!({"id": 7}))),
        ("no algorithm", format!("{}.{}.", part(&json!({"alg": "none"})), part(&good))),
        ("no algorithm, but a signature", format!("{}.{}.{signature}", part(&json!({"alg": "none"})), part(&good))),
        ("no signature", format!("{body}.")),
        ("a signature of something else", format!("{}.{signature}", body.replace('A', "B"))),
        ("an algorithm that is not listed", signed_with(&Header::new(Algorithm::HS512), &good)),
        ("a critical extension", {
            let header = part(&json!({"alg": "HS256", "crit": ["exp"]}));
            format!("{header}.{}.{signature}", part(&good))
        }),
        ("17 KiB", with("x", json!("y".repeat(17 * 1024)))),
    ] {
        let answer = app.get_by("/v1/profiles", &token).await;
        assert_unauthorized(&answer, "invalid_token", why);
        assert!(!answer.text().contains(&token), "{why}: no token comes back");
    }
    assert_eq!(app.get_by("/v1/profiles", &genuine).await.status, 200, "unchanged it is good");
}

#[tokio::test]
async fn a_token_ends_by_the_clock_however_often_it_was_good() {
    let app = TestApp::spawn().await;
    let claims = json!({
        "iss": ISSUER, "aud": "uploads", "sub": "u-7", "exp": (app.clock.now() + TimeDelta::minutes(4)).timestamp(),
    });
    let token = signed(&claims, JWT_SECRET);
    for _ in 0..3 {
        assert_eq!(app.get_by("/v1/profiles", &token).await.status, 200);
    }
    app.clock.advance(TimeDelta::minutes(10));

    assert_unauthorized(&app.get_by("/v1/profiles", &token).await, "invalid_token", "cached or not");
}

#[tokio::test]
async fn each_issuer_speaks_with_its_own_secret() {
    let app = TestApp::spawn().await;
    let token = app.token_of_other_issuer("u-9");

    let grant = app.post_by("/v1/uploads", &token, &json!({"profile": "document"})).await.json();

    assert_eq!(grant["user_id"], "u-9");
}

#[tokio::test]
async fn scopes_may_be_text_or_a_list() {
    let app = TestApp::spawn().await;
    let end = (app.clock.now() + TimeDelta::hours(1)).timestamp();
    for (why, scope, status) in [
        ("text", json!("a uploads:staff b"), 201),
        ("a list", json!(["a", "uploads:staff"]), 201),
        ("a part of a word", json!("xuploads:staff"), 403),
        ("another separator", json!("a,uploads:staff"), 403),
        ("a list in a list", json!([["uploads:staff"]]), 403),
        ("no text", json!(7), 403),
    ] {
        let claims = json!({"iss": ISSUER, "aud": "uploads", "sub": "u-7", "exp": end, "scope": scope});
        let answer = app.post_by("/v1/uploads", &signed(&claims, JWT_SECRET), &json!({"profile": "staff"})).await;
        assert_eq!(answer.status, status, "{why}: {}", answer.text());
    }
}

#[track_caller]
fn assert_unauthorized(answer: &Answer, error: &str, why: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthorized"), "{why}: {}", answer.text());
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with(&format!("Bearer error=\"{error}\"")), "{why}: {challenge}");
}

fn signed(claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn signed_with(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).unwrap()
}
