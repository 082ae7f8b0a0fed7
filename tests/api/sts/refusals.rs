//! When there are no credentials to be had, and what is kept of those that are.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::oss::request::SignatureVersion;
use reqwest::Method;
use serde_json::{Value, json};

use super::{grant, text, upload};
use crate::harness::{TestApp, send};

fn fault(action: &Value) -> Value {
    json!({"on": {"operation": "AssumeRole"}, "do": action})
}

fn body() -> Value {
    json!({"profile": "document", "method": "sts"})
}

#[tokio::test]
async fn a_throttling_sts_is_told_with_the_time_to_wait_and_the_grant_can_be_had_later() {
    let app = TestApp::spawn().await;
    app.set_faults(vec![fault(&json!("throttle"))]).await;
    let ask = || send(app.request(Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", "k").json(&body()));

    let refused = ask().await;

    refused.assert_refused(429, "sts_throttled");
    assert_eq!(refused.header("Retry-After"), "1");
    assert_eq!(app.grant_count().await, 1, "the row was first");
    let had = ask().await;
    assert_eq!((had.status.as_u16(), had.header("Idempotency-Replayed").as_str()), (201, "true"));
    assert_eq!(upload(&app, &had.json(), SignatureVersion::V4, b"hello").await.status, 200);
    assert_eq!(app.grant_count().await, 1);
}

#[tokio::test]
async fn an_sts_that_refuses_or_does_not_answer_is_503_and_its_words_are_for_the_log() {
    let app = TestApp::spawn().await;
    for action in [
        json!({"error": {"status": 500}}),
        json!({"drop_connection": "before"}),
        json!({"drop_connection": "after"}),
        json!({"refuse": {"status": 403, "code": "NoPermission", "message": "sesame"}}),
        json!({"refuse": {"status": 400, "code": "InvalidParameter.PolicyGrammar", "message": "sesame"}}),
    ] {
        app.set_faults(vec![fault(&action)]).await;
        let refused = app.post("/v1/uploads", "u-7", &body()).await;
        refused.assert_refused(503, "credentials_unavailable");
        for word in ["sesame", "NoPermission", "AssumeRole"] {
            assert!(!refused.text().contains(word), "{}", refused.text());
        }
    }
    let grant = grant(&app, "u-7").await;
    app.set_faults(vec![fault(&json!("throttle"))]).await;
    app.act(&grant, "renew").await.assert_refused(429, "sts_throttled");
    app.set_faults(vec![fault(&json!({"error": {"status": 500}}))]).await;
    app.act(&grant, "renew").await.assert_refused(503, "credentials_unavailable");
}

#[tokio::test]
async fn what_was_never_handed_out_expires_as_any_other() {
    let app = TestApp::spawn().await;
    app.set_faults(vec![fault(&json!({"drop_connection": "after"}))]).await;
    app.post("/v1/uploads", "u-7", &body()).await.assert_refused(503, "credentials_unavailable");
    assert_eq!(app.sts.sessions().len(), 1, "STS has issued what nobody got");
    app.clock.advance(TimeDelta::minutes(32));
    app.valet.reconcile_due(app.valet.clock.now()).await.unwrap();
    let states = app.query_ledger("SELECT state FROM grants").await;
    assert_eq!(states, [[Some("expired".to_owned())]]);
}

#[tokio::test]
async fn more_than_a_hundred_calls_a_second_are_refused_before_anything_is_recorded() {
    let app = TestApp::spawn().await;
    let body = body();
    let answers = join_all((0..105).map(|_| app.post("/v1/uploads", "u-7", &body))).await;

    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert_eq!(refused.len(), 5);
    for answer in refused {
        answer.assert_refused(429, "sts_throttled");
        assert_eq!(answer.header("Retry-After"), "1");
    }
    assert_eq!((app.grant_count().await, app.sts.sessions().len()), (100, 100));
    let put = app.post("/v1/uploads", "u-7", &json!({"profile": "document", "method": "put"})).await;
    assert_eq!(put.status, 201, "other methods ask nobody");
    app.clock.advance(TimeDelta::seconds(1));
    grant(&app, "u-7").await;
}

#[tokio::test]
async fn a_bucket_without_a_role_has_no_sts() {
    let app = TestApp::spawn_with(|settings| settings.replace("sts_credentials = \"uploads\"\n", "")).await;
    let refused = app.post("/v1/uploads", "u-7", &body()).await;
    refused.assert_refused(422, "credentials_not_supported");
    assert_eq!(refused.json()["errors"][0]["field"], "method");
    assert_eq!(app.grant_count().await, 0);
    app.post("/v1/uploads", "u-7", &json!({"profile": "strict", "method": "sts"}))
        .await
        .assert_refused(422, "method_not_allowed_by_profile");
}

#[tokio::test]
async fn a_batch_may_hold_grants_by_sts() {
    let app = TestApp::spawn().await;
    app.set_faults(vec![fault(&json!("throttle"))]).await;
    let answer = app.post("/v1/uploads/batch", "u-7", &json!({"uploads": [body(), body()]})).await.json();
    let mut statuses: Vec<_> =
        answer["uploads"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    statuses.sort_by_key(Value::as_u64);
    assert_eq!(statuses, [201, 429], "{answer}");
}

#[tokio::test]
async fn a_batch_calls_oss_and_sts_for_ten_at_most() {
    let app = TestApp::spawn().await;
    let film = json!({"profile": "film"});
    let items = |sts: usize| json!({"uploads": ([vec![body(); sts], vec![film.clone(); 4]].concat())});
    app.post("/v1/uploads/batch", "u-7", &items(7)).await.assert_refused(413, "body_too_large");
    assert_eq!((app.grant_count().await, app.sts.sessions().len()), (0, 0));
    let answer = app.post("/v1/uploads/batch", "u-7", &items(6)).await.json();
    assert!(answer["uploads"].as_array().unwrap().iter().all(|item| item["status"] == 201), "{answer}");
}

#[tokio::test]
async fn the_ledger_holds_nothing_of_the_credentials() {
    let app = TestApp::spawn().await;
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let grant = grant(&app, "u-7").await;
        let renewed = app.act(&grant, "renew").await.json();
        upload(&app, &renewed, SignatureVersion::V4, b"hello").await;
        for grant in [grant, renewed] {
            for name in ["access_key_id", "access_key_secret", "security_token"] {
                secrets.push(text(&grant["credentials"], name).to_owned());
            }
        }
    }
    assert_eq!(secrets.len(), 12);
    let mut ledger = std::fs::read(app.data.path().join("ledger.db")).unwrap();
    ledger.extend(std::fs::read(app.data.path().join("ledger.db-wal")).unwrap());
    let holds = |text: &str| ledger.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("documents/u-7/") && holds("com.oss-valet.upload.completed"), "this is where grants and events are");
    for secret in secrets {
        assert!(!holds(&secret), "{secret}");
    }
}
