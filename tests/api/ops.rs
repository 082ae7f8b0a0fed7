//! The operations listener: alive, ready, and why not.

use chrono::TimeDelta;
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::harness::{Answer, TestApp, path_of, send, upload};

#[tokio::test]
async fn a_fresh_service_is_live_and_ready() {
    let app = TestApp::spawn().await;
    let live = ops(&app, "/livez").await;
    assert_eq!((live.status.as_u16(), live.json()), (200, json!({"status": "live"})));
    let ready = ops(&app, "/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.json()), (200, json!({"status": "ready"})));
    assert_ne!(ready.header("x-request-id"), "");
}

#[tokio::test]
async fn a_draining_service_is_live_but_not_ready() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace("grace = \"1s\"\ndrain_delay = \"0s\"", "grace = \"60s\"\ndrain_delay = \"30s\"")
    })
    .await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    // The fifth is refused, so the other four have begun.
    let path = format!("{}?wait=30", path_of(&grant));
    let mut waiting: FuturesUnordered<_> = (0..5).map(|_| app.get(&path, "u-7")).collect();
    waiting.next().await.unwrap().assert_refused(429, "rate_limited");

    app.drain();

    let ready = ops(&app, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json(), json!({"status": "not ready", "reasons": ["draining"]}));
    assert_eq!(ops(&app, "/livez").await.status, 200);
    while let Some(answer) = waiting.next().await {
        assert_eq!((answer.status.as_u16(), answer.header("connection").as_str()), (200, "close"), "at once");
        assert_eq!(answer.json()["state"], "issued");
    }
    // The listener stays open for whoever has not heard of it, and closes each connection after its answer.
    let late = app.post("/v1/uploads", "u-7", &json!({"profile": "document"})).await;
    assert_eq!((late.status.as_u16(), late.header("connection").as_str()), (201, "close"));
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_is_told_and_comes_back() {
    let app = TestApp::spawn().await;
    let url = format!("sqlite://{}", app.data.path().join("ledger.db").display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();

    let ready = ops(&app, "/readyz").await;
    let issued = app.post("/v1/uploads", "u-7", &json!({"profile": "document"})).await;

    assert_eq!(ready.status, 503);
    assert_eq!(ready.json(), json!({"status": "not ready", "reasons": ["store down"]}));
    assert_eq!(ops(&app, "/livez").await.status, 200, "restarting would not help");
    issued.assert_refused(503, "store_unavailable");
    assert!(!issued.text().contains("locked"), "causes are for the log: {}", issued.text());
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(ops(&app, "/readyz").await.status, 200);
    assert_eq!(app.grant_count().await, 0, "what was answered 503 is not there");
    app.issue("u-7", json!({"profile": "document"})).await;
}

#[tokio::test]
async fn a_clock_that_is_off_from_osss_is_told_until_it_is_right_again() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    upload(&app, &grant, b"hello").await;
    assert_eq!(ops(&app, "/readyz").await.status, 200, "OSS has answered, and agrees on the time");

    app.oss_clock.set_ahead(TimeDelta::seconds(61));
    let next = app.issue("u-7", json!({"profile": "document"})).await;
    assert_eq!(upload(&app, &next, b"hello").await.status, 200, "OSS is patient for a quarter of an hour");

    let ready = ops(&app, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json(), json!({"status": "not ready", "reasons": ["clock off from OSS's"]}));
    app.oss_clock.set_ahead(TimeDelta::seconds(-59));
    assert_eq!(ops(&app, "/readyz").await.status, 200, "without any other traffic");
}

async fn ops(app: &TestApp, path: &str) -> Answer {
    send(app.http.get(format!("{}{path}", app.ops))).await
}
