//! Two services over one PostgreSQL: neither holds anything that the other would need.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::{
    harness::{TestApp, path_of, send, upload},
    ledger,
};

/// Longer than any wait here may take.
const PATIENCE: Duration = Duration::from_secs(60);

async fn spawn() -> TestApp {
    TestApp::spawn_at(tempfile::tempdir().unwrap(), ledger::fresh_postgres().await, |_| (), |settings| settings).await
}

#[tokio::test]
async fn what_one_replica_issued_the_other_shows_renews_and_ends() {
    let app = spawn().await;
    let other = app.spawn_replica().await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "filename": "me.png", "size": 4})).await;

    let shown = send(other.request(Method::GET, &path_of(&grant), "u-7")).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let renewed = send(other.request(Method::POST, &format!("{}/renew", path_of(&grant)), "u-7")).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let cancelled = send(other.request(Method::DELETE, &path_of(&grant), "u-7")).await;
    assert_eq!(cancelled.status, 204, "{}", cancelled.text());
    assert_eq!(app.show(&grant).await["state"], "cancelled");
}

#[tokio::test]
async fn an_idempotency_key_is_one_for_all_replicas() {
    let app = spawn().await;
    let other = app.spawn_replica().await;
    let body = json!({"profile": "avatar", "filename": "me.png", "size": 4});
    for round in 0..10 {
        let key = format!("key-{round}");
        let here = app.request(Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", &key).json(&body);
        let there = other.request(Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", &key).json(&body);
        let (here, there) = tokio::join!(send(here), send(there));
        assert_eq!(here.json()["id"], there.json()["id"], "{} {}", here.text(), there.text());
    }
    assert_eq!(app.query_ledger("SELECT id FROM grants").await.len(), 10);
}

#[tokio::test]
async fn whoever_waits_at_one_replica_is_told_when_the_callback_reaches_the_other() {
    let app = spawn().await;
    let other = app.spawn_replica().await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "filename": "me.png", "size": 4})).await;
    let waits = other.request(Method::GET, &format!("{}?wait=30", path_of(&grant)), "u-7");
    // The simulator calls the first replica back.
    let (waited, uploaded) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(send(waits), upload(&app, &grant, b"\x89PNG")) })
            .await
            .expect("an answer");
    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
    assert_eq!((waited.status.as_u16(), &waited.json()["state"]), (200, &json!("completed")), "{}", waited.text());
}
