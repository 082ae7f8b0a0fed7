//! Keys that are rotated: those of tokens, of callbacks, and the seal's.

use std::fmt::Write as _;

use jsonwebtoken::{EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use super::{apply, with};
use crate::{
    forger::{Forger, body_of, facts, put_aside},
    harness::{
        Answer, ISSUER, JWT_SECRET, OLD_SEAL_SECRET, OTHER_ISSUER, OTHER_JWT_SECRET, SEAL_SECRET, TestApp, send, upload,
    },
};

const NEW_JWT_SECRET: &str = "new-jwt-secret-of-the-tests-0123456789abc";
const NEW_SEAL_SECRET: &str = "new-seal-secret-of-the-tests-0123456789ab";

fn token(app: &TestApp, issuer: &str, secret: &str) -> String {
    use oss_valet::clock::Clock;
    let exp = app.clock.now().timestamp() + 3_600;
    let claims = json!({"iss": issuer, "aud": "uploads", "sub": "u-7", "exp": exp});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

#[tokio::test]
async fn a_tokens_key_counts_until_it_is_replaced_and_no_longer() {
    let app = TestApp::spawn().await;
    let call = async |token: &str| {
        send(app.http.get(format!("{}/v1/profiles", app.service)).bearer_auth(token)).await.status.as_u16()
    };
    let [old, new] = [JWT_SECRET, NEW_JWT_SECRET].map(|secret| token(&app, ISSUER, secret));
    let other = token(&app, OTHER_ISSUER, OTHER_JWT_SECRET);
    // Verified, and so remembered.
    assert_eq!((call(&old).await, call(&new).await, call(&other).await), (200, 401, 200));

    let changed = apply(&app, &with(&app.toml, JWT_SECRET, NEW_JWT_SECRET)).await;

    assert_eq!(changed, ["auth.issuers[0].hmac_secret"]);
    assert_eq!((call(&old).await, call(&new).await, call(&other).await), (401, 200, 200));
    let only_other = app.toml.replace(ISSUER, "https://nobody.example.com");
    apply(&app, &only_other).await;
    assert_eq!((call(&old).await, call(&new).await, call(&other).await), (401, 401, 200), "its issuer is gone");
}

#[tokio::test]
async fn a_callback_key_is_trusted_from_one_reload_to_the_next() {
    let (app, forger) = (TestApp::spawn().await, Forger::new());
    let call = async || {
        let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
        put_aside(&app, &grant, b"hello").await;
        forger.callback(body_of(&grant, &facts(&grant, b"hello"))).send(&app).await
    };
    call().await.assert_refused(403, "callback_key_not_trusted");
    apply(&app, &forger.trusted(app.toml.clone())).await;
    assert_eq!(call().await.status, 200);
    apply(&app, &app.toml).await;
    call().await.assert_refused(403, "callback_key_not_trusted");
}

/// The settings with these seal secrets, newest first.
fn sealed(app: &TestApp, secrets: &[(&str, &str)]) -> String {
    let begin = app.toml.find("[[callback.seal_secrets]]").unwrap();
    let end = app.toml.find("[store]").unwrap();
    let listed = secrets.iter().fold(String::new(), |mut listed, (kid, secret)| {
        let _ = write!(listed, "[[callback.seal_secrets]]\nkid = {kid:?}\nsecret = {secret:?}\n");
        listed
    });
    format!("{}{listed}{}", &app.toml[..begin], &app.toml[end..])
}

/// A grant, and a ticket.
async fn hand_out(app: &TestApp) -> (Value, String) {
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    (grant, app.ticket("u-7", "document").await)
}

async fn enter(app: &TestApp, ticket: &str) -> Answer {
    app.enter(Method::GET, ticket, "companion/s3/params?filename=a.txt").await
}

#[tokio::test]
async fn a_seal_secret_is_rotated_in_three_steps_and_nothing_handed_out_is_lost() {
    let app = TestApp::spawn().await;
    let (k1, k2, k3) = (("k1", OLD_SEAL_SECRET), ("k2", SEAL_SECRET), ("k3", NEW_SEAL_SECRET));
    let mut handed_out = vec![hand_out(&app).await];
    for (step, secrets, kid) in [("known", vec![k2, k3, k1], "k2"), ("used", vec![k3, k2, k1], "k3")] {
        // One grant is on its way through the reload.
        let under_way = hand_out(&app).await;
        apply(&app, &sealed(&app, &secrets)).await;
        handed_out.extend([under_way, hand_out(&app).await]);
        assert!(handed_out.last().unwrap().1.starts_with(&format!("t1.{kid}.")), "{step}");
    }
    let last_of_k2 = handed_out.remove(0);
    for (grant, ticket) in &handed_out {
        let answer = upload(&app, grant, b"hello").await;
        assert_eq!(answer.json()["state"], "completed", "{}", answer.text());
        assert_eq!(enter(&app, ticket).await.status, 200);
    }

    let of_k3 = hand_out(&app).await;
    apply(&app, &sealed(&app, &[k3])).await;

    let (grant, ticket) = &last_of_k2;
    let answer = upload(&app, grant, b"hello").await;
    assert_eq!(answer.status, 203, "OSS tells that the callback was refused: {}", answer.text());
    enter(&app, ticket).await.assert_refused(401, "unauthorized");
    let answer = upload(&app, &of_k3.0, b"hello").await;
    assert_eq!(answer.json()["state"], "completed", "{}", answer.text());
    assert_eq!(enter(&app, &of_k3.1).await.status, 200);
}
