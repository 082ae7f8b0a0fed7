//! What the ledger must never hold: whatever could be used by somebody who reads it.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use crate::harness::{
    JWT_SECRET, OLD_SEAL_SECRET, OTHER_JWT_SECRET, SEAL_SECRET, SIGNER, TestApp, fields_of, pairs, path_of, send,
    upload,
};

#[tokio::test]
async fn the_ledger_holds_no_signature_no_policy_no_secret_and_no_token() {
    let app = TestApp::spawn().await;
    let token = app.token("u-7");
    let mut secrets: Vec<(String, String)> = [
        ("the key's secret", SIGNER[1]),
        ("the seal secret", SEAL_SECRET),
        ("the old seal secret", OLD_SEAL_SECRET),
        ("the issuer's secret", JWT_SECRET),
        ("the other issuer's secret", OTHER_JWT_SECRET),
        ("the idempotency key", "my-idempotency-key"),
        ("the token", &token),
        ("the token's signature", token.rsplit('.').next().unwrap()),
    ]
    .map(|(what, text)| (what.to_owned(), text.to_owned()))
    .to_vec();
    for (profile, method) in
        [("document", "post"), ("document", "put"), ("old", "post"), ("old", "put"), ("portrait", "put")]
    {
        let request = app
            .request_by(Method::POST, "/v1/uploads", &token)
            .header("Idempotency-Key", "my-idempotency-key-".to_owned() + profile + method);
        let answer = send(request.json(&json!({"profile": profile, "method": method, "filename": "a.txt"}))).await;
        let grant = answer.json();
        app.clock.advance(TimeDelta::seconds(1));
        let renewed = app.act(&grant, "renew").await.json();
        upload(&app, &renewed, b"hello").await;
        app.act(&renewed, "complete").await;
        for grant in [&grant, &renewed] {
            let mut given = fields_of(grant);
            let url = url::Url::parse(grant["request"]["url"].as_str().unwrap()).unwrap();
            given.extend(url.query_pairs().into_owned());
            given.extend(pairs(&grant["callback"]["vars"]));
            for (name, value) in given {
                if ["policy", "Signature", "x-oss-signature", "x-oss-credential", "callback", "callback-var", "x:seal"]
                    .contains(&name.as_str())
                {
                    secrets.push((format!("{profile} {method}: {name}"), value));
                }
            }
        }
    }
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    app.delete(&path_of(&grant), "u-7").await;
    assert!(secrets.len() > 30, "this test has found what to look for: {}", secrets.len());

    let mut ledger = std::fs::read(app.data.path().join("ledger.db")).unwrap();
    ledger.extend(std::fs::read(app.data.path().join("ledger.db-wal")).unwrap());

    let holds = |text: &str| ledger.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("documents/u-7/") && holds("com.oss-valet.upload.completed"), "this is where grants and events are");
    for (what, text) in secrets {
        assert!(!holds(&text), "{what} is in the ledger: {text}");
    }
}
