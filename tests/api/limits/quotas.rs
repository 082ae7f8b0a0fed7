//! Grants of one user, counted in the ledger.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, TestApp, path_of, send, upload},
    support::{ISSUE_FOR, PNG},
};

fn avatar() -> Value {
    json!({"profile": "avatar", "filename": "me.png", "size": PNG.len()})
}

async fn issue(app: &TestApp, user: &str) -> Answer {
    app.post("/v1/uploads", user, &avatar()).await
}

#[tokio::test]
async fn a_user_has_so_many_open_grants() {
    let app = TestApp::spawn_limited("open_grants = 2", "").await;
    let (first, second) = (issue(&app, "u-7").await.json(), issue(&app, "u-7").await.json());
    let refused = issue(&app, "u-7").await;
    refused.assert_refused(429, "quota_exceeded");
    assert_eq!(refused.header("retry-after"), "", "nobody knows when one of them ends");
    assert_eq!(issue(&app, "u-8").await.status, 201, "another user is not held up");

    assert_eq!(upload(&app, &first, PNG).await.status, 200);
    assert_eq!(issue(&app, "u-7").await.status, 201, "an upload ends a grant");
    issue(&app, "u-7").await.assert_refused(429, "quota_exceeded");
    assert_eq!(app.delete(&path_of(&second), "u-7").await.status, 204);
    assert_eq!(issue(&app, "u-7").await.status, 201, "so does giving it up");
}

#[tokio::test]
async fn a_user_has_so_many_grants_a_day_and_hears_when_there_is_room() {
    let app = TestApp::spawn_limited("grants_per_day = 2", "").await;
    issue(&app, "u-7").await;
    app.clock.advance(TimeDelta::milliseconds(1500));
    issue(&app, "u-7").await;
    app.clock.advance(TimeDelta::seconds(10));
    let refused = issue(&app, "u-7").await;
    refused.assert_refused(429, "quota_exceeded");
    assert_eq!(refused.header("retry-after"), (86_400 - 11).to_string(), "11.5 s have gone, and it is rounded up");

    app.clock.advance(TimeDelta::milliseconds(86_400_000 - 11_500 - 1));
    assert_eq!(issue(&app, "u-7").await.header("retry-after"), "1");
    app.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(issue(&app, "u-7").await.status, 201);
    issue(&app, "u-7").await.assert_refused(429, "quota_exceeded");
}

#[tokio::test]
async fn a_user_has_so_many_open_multiparts() {
    let app = TestApp::spawn_limited("open_multiparts = 1", "").await;
    let film = json!({"profile": "film", "filename": "a.mp4", "method": "multipart"});
    let first = app.issue("u-7", film.clone()).await;
    app.post("/v1/uploads", "u-7", &film).await.assert_refused(429, "quota_exceeded");
    assert_eq!(issue(&app, "u-7").await.status, 201, "a form is none");
    assert_eq!(app.delete(&path_of(&first), "u-7").await.status, 204);
    app.issue("u-7", film).await;
}

#[tokio::test]
async fn each_upload_of_a_batch_has_its_own_verdict() {
    let app = TestApp::spawn_limited("open_grants = 3", "").await;
    issue(&app, "u-7").await;
    let batch = json!({"uploads": vec![avatar(); 5]});
    let answer = app.post("/v1/uploads/batch", "u-7", &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let uploads = answer["uploads"].as_array().unwrap();
    assert_eq!(uploads.iter().filter(|item| item["status"] == 201).count(), 2, "{answer}");
    let refused: Vec<_> = uploads.iter().filter(|item| item["problem"]["code"] == "quota_exceeded").collect();
    assert_eq!(refused.len(), 3, "{answer}");
    assert!(refused.iter().all(|item| item["status"] == 429), "{answer}");
}

#[tokio::test]
async fn a_repeated_request_is_answered_whatever_the_user_has() {
    let app = TestApp::spawn_limited("open_grants = 1", "").await;
    let ask =
        |key: &str| app.request(Method::POST, "/v1/uploads", "u-7").header("idempotency-key", key).json(&avatar());
    let first = send(ask("a")).await;
    assert_eq!(first.status, 201, "{}", first.text());
    send(ask("b")).await.assert_refused(429, "quota_exceeded");
    let replayed = send(ask("a")).await;
    assert_eq!((replayed.status.as_u16(), &replayed.json()["id"]), (201, &first.json()["id"]), "{}", replayed.text());
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert_eq!(app.delete(&path_of(&first.json()), "u-7").await.status, 204);
    let second = send(ask("b")).await;
    assert_eq!((second.status.as_u16(), second.header("idempotency-replayed")), (201, String::new()), "not claimed");
}

#[tokio::test]
async fn directories_count_and_are_refused_in_each_clients_own_words() {
    let app = TestApp::spawn_limited("open_grants = 1", "").await;
    assert_eq!(app.get("/compat/appserver?profile=document", "u-7").await.status, 200);
    app.get("/compat/appserver/v4?profile=document", "u-7").await.assert_refused(429, "quota_exceeded");
    let params = "/compat/companion/s3/params?filename=a.png&type=image/png&metadata%5Bprofile%5D=avatar";
    app.get(params, "u-7").await.assert_refused(429, "quota_exceeded");
    let lent = app.get("/compat/sts?profile=document", "u-8").await;
    assert_eq!(lent.json()["StatusCode"], 200, "{}", lent.text());
    let again = app.get("/compat/sts?profile=document", "u-8").await;
    assert_eq!(again.json()["StatusCode"], 200, "the same directory is lent again: {}", again.text());
    let refused = app.get("/compat/sts?profile=document", "u-7").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["ErrorCode"]), (200, &json!("quota_exceeded")));
}

#[tokio::test]
async fn who_a_grant_is_for_counts_whoever_asked_for_it() {
    let app = TestApp::spawn_limited("open_grants = 1", "").await;
    let machine = app.token_with("machine", &[ISSUE_FOR]);
    let mut ask = avatar();
    for (user, status) in [("u-1", 201), ("u-2", 201), ("u-2", 429)] {
        ask["user_id"] = json!(user);
        assert_eq!(app.post_by("/v1/uploads", &machine, &ask).await.status, status, "{user}");
    }
}

#[tokio::test]
async fn two_replicas_that_issue_at_once_keep_to_the_quota() {
    let app = TestApp::spawn_limited("open_grants = 5", "").await;
    let other = app.replica().await;
    let theirs = oss_valet::app::ports::Caller {
        issuer: crate::harness::ISSUER.to_owned(),
        subject: "u-7".to_owned(),
        user_id: "u-7".to_owned(),
        scopes: Vec::new().into_iter().collect(),
    };
    let ask = || oss_valet::app::issue::IssueRequest {
        profile: "avatar".to_owned(),
        user_id: None,
        ask: oss_valet::grant::limits::UncheckedAsk { filename: Some("me.png".to_owned()), ..Default::default() },
    };
    let ours = join_all((0..20).map(|_| issue(&app, "u-7")));
    let theirs = join_all((0..20).map(|_| other.issue(&theirs, ask(), None, other.clock.now())));
    let (ours, theirs) = tokio::join!(ours, theirs);
    let granted =
        ours.iter().filter(|answer| answer.status == 201).count() + theirs.iter().filter(|one| one.is_ok()).count();
    assert_eq!(granted, 5);
    assert_eq!(app.grant_count().await, 5);
}
