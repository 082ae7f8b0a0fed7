//! Fresh credentials for a grant that is there: repeated requests and renewals.

use chrono::TimeDelta;
use oss_valet::oss::request::SignatureVersion;
use reqwest::Method;
use serde_json::{Value, json};

use super::{grant, key_of, text, upload};
use crate::harness::{Answer, TestApp, path_of, send};

async fn ask(app: &TestApp) -> Answer {
    let request = app.request(Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", "k");
    send(request.json(&json!({"profile": "document", "method": "sts"}))).await
}

/// The ledger's `write_until` of the only grant, in seconds after midnight.
async fn write_until(app: &TestApp) -> i64 {
    let rows = app.query_ledger("SELECT CAST(write_until AS TEXT) FROM grants").await;
    let micros: i64 = rows[0][0].as_deref().unwrap().parse().unwrap();
    micros / 1_000_000 - 1_795_219_200
}

#[tokio::test]
async fn each_replay_has_credentials_of_its_own_for_the_same_grant() {
    let app = TestApp::spawn().await;
    let mut answers: Vec<Value> = Vec::new();
    for (minute, replayed) in [(0, ""), (0, "true"), (9, "true")] {
        app.clock.advance(TimeDelta::minutes(minute));
        let answer = ask(&app).await;
        assert_eq!((answer.status.as_u16(), answer.header("Idempotency-Replayed").as_str()), (201, replayed));
        answers.push(answer.json());
    }
    for answer in &answers[1..] {
        for name in ["id", "key", "issued_at", "expires_at", "callback"] {
            assert_eq!(answer[name], answers[0][name], "{name}");
        }
    }
    let mut ids: Vec<_> = answers.iter().map(|answer| text(&answer["credentials"], "access_key_id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "nothing is kept to be answered again");
    let ends: Vec<_> = answers.iter().map(|answer| text(&answer["credentials"], "expiration")).collect();
    assert_eq!(ends, ["2026-11-21T00:15:00Z", "2026-11-21T00:15:00Z", "2026-11-21T00:24:00Z"]);
    assert_eq!(write_until(&app).await, (24 + 15) * 60, "the ledger knows of the last ones");
    assert_eq!(app.grant_count().await, 1);
    // The first ones are as good as the last.
    assert_eq!(upload(&app, &answers[0], SignatureVersion::V4, b"hello").await.status, 200);
}

#[tokio::test]
async fn an_ended_grant_is_replayed_without_credentials() {
    let app = TestApp::spawn().await;
    let first = ask(&app).await.json();
    app.clock.advance(TimeDelta::minutes(10));
    let late = ask(&app).await.json();
    assert_eq!(
        (&late["id"], &late["request"], late.get("credentials")),
        (&first["id"], &Value::Null, None),
        "out of time"
    );
    app.delete(&path_of(&first), "u-7").await;
    let cancelled = ask(&app).await.json();
    assert_eq!((&cancelled["state"], cancelled.get("credentials")), (&json!("cancelled"), None));
    assert_eq!(app.sts.sessions().len(), 1, "nobody was asked");
}

#[tokio::test]
async fn a_renewal_brings_fresh_credentials_and_time() {
    let app = TestApp::spawn().await;
    let grant = grant(&app, "u-7").await;
    assert_eq!(write_until(&app).await, (15 + 15) * 60);
    app.clock.advance(TimeDelta::minutes(20));

    let renewed = app.act(&grant, "renew").await;

    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let renewed = renewed.json();
    assert_eq!((&renewed["id"], &renewed["key"]), (&grant["id"], &grant["key"]));
    assert_eq!(renewed["expires_at"], "2026-11-21T00:30:00Z");
    assert_eq!(renewed["credentials"]["expiration"], "2026-11-21T00:35:00Z");
    assert_eq!(write_until(&app).await, (35 + 15) * 60);
    assert_ne!(key_of(&renewed).id(), key_of(&grant).id());
    assert_eq!(upload(&app, &grant, SignatureVersion::V4, b"hello").await.status, 403, "the first ones are over");
    assert_eq!(upload(&app, &renewed, SignatureVersion::V4, b"hello").await.status, 200);
    app.act(&renewed, "renew").await.assert_refused(409, "grant_ended");
}

#[tokio::test]
async fn credentials_that_outlive_what_was_asked_for_are_known_to_the_ledger() {
    let app = TestApp::spawn().await;
    app.oss_clock.set_ahead(TimeDelta::minutes(3));
    let grant = grant(&app, "u-7").await;
    assert_eq!(grant["credentials"]["expiration"], "2026-11-21T00:18:00Z", "STS counts from its own clock");
    assert_eq!(write_until(&app).await, (18 + 15) * 60);
}
