//! `/v1/uploads/{id}`: show, wait, renew, cancel.

use chrono::TimeDelta;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{TestApp, path_of, upload},
    support::{ISSUE_FOR, READ_ANY},
};

#[tokio::test]
async fn a_grant_is_shown_to_its_owner_without_secrets() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "1"}})).await;

    let answer = app.get(&path_of(&grant), "u-7").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let shown = answer.json();
    let mut expected = grant.clone();
    for secret in ["request", "callback"] {
        expected.as_object_mut().unwrap().remove(secret);
    }
    assert_eq!(shown, expected);
    let signature = grant["request"]["fields"]["x-oss-signature"].as_str().unwrap();
    let seal = grant["request"]["fields"]["x:seal"].as_str().unwrap();
    assert!(!answer.text().contains(signature) && !answer.text().contains(seal));

    upload(&app, &grant, b"hello").await;
    let completion = app.show(&grant).await["completion"].clone();
    for (name, value) in [
        ("size", json!(5)),
        ("etag", json!("5D41402ABC4B2A76B9719D911017C592")),
        ("content_type", json!("text/plain")),
        ("version_id", Value::Null),
        ("image", Value::Null),
        ("completed_at", json!("2026-11-21T00:00:00Z")),
        ("source", json!("callback")),
        ("late", json!(false)),
    ] {
        assert_eq!(completion[name], value, "{name}");
    }
    assert!(completion["crc64"].as_str().unwrap().parse::<u64>().is_ok(), "{completion}");
}

#[tokio::test]
async fn a_strangers_grant_does_not_exist() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let path = path_of(&grant);
    let nowhere = "/v1/uploads/01980000-0000-7000-8000-000000000000";
    let reader = app.token_with("u-8", &[READ_ANY, ISSUE_FOR, "uploads:staff"]);

    for (who, token, can_read) in [
        ("a stranger", app.token("u-8"), false),
        ("one who may read all", reader, true),
        ("another u-7", app.token("U-7"), false),
    ] {
        for (method, suffix) in [
            (Method::GET, ""),
            (Method::GET, "?wait=1"),
            (Method::POST, "/complete"),
            (Method::POST, "/renew"),
            (Method::DELETE, ""),
        ] {
            let ask = |path: &str| {
                let request = app.request_by(method.clone(), &format!("{path}{suffix}"), &token);
                crate::harness::send(if method == Method::POST { request.json(&json!({})) } else { request })
            };
            let unknown = ask(nowhere).await;
            unknown.assert_refused(404, "not_found");
            if can_read && method == Method::GET {
                if suffix.is_empty() {
                    assert_eq!(ask(&path).await.json()["id"], grant["id"], "{who} {method} {suffix}");
                }
                continue;
            }
            let answer = ask(&path).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{who} {method} {suffix}");
            assert_eq!(answer.json()["detail"], unknown.json()["detail"], "{who} learns nothing");
        }
    }
    assert_eq!(app.show(&grant).await["state"], "issued");
}

#[tokio::test]
async fn an_id_that_is_none_is_not_found() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let id = grant["id"].as_str().unwrap();
    for (why, text) in [
        ("no uuid", "nope".to_owned()),
        ("too short", id[1..].to_owned()),
        ("too long", format!("{id}0")),
        ("a wildcard", "%25".to_owned()),
        ("SQL", "'%20OR%201=1--".to_owned()),
        ("no UTF-8", "%ff%fe".to_owned()),
        ("NUL", "%00".to_owned()),
        ("a long one", "x".repeat(5_000)),
        ("nil", uuid::Uuid::nil().to_string()),
    ] {
        for (method, suffix) in
            [(Method::GET, ""), (Method::POST, "/complete"), (Method::POST, "/renew"), (Method::DELETE, "")]
        {
            let request = app.request(method.clone(), &format!("/v1/uploads/{text}{suffix}"), "u-7");
            let answer =
                crate::harness::send(if method == Method::POST { request.json(&json!({})) } else { request }).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{why} {method}{suffix}");
        }
    }
}

#[tokio::test]
async fn waiting_ends_when_the_grant_changes() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let path = format!("{}?wait=30", path_of(&grant));

    let (waited, uploaded) = tokio::join!(app.get(&path, "u-7"), upload(&app, &grant, b"x"));

    assert_eq!(uploaded.status, 200);
    assert_eq!(waited.json()["state"], "completed", "{}", waited.text());
    assert_eq!(waited.json()["completion"]["size"], 1);
    assert_eq!(app.get(&path, "u-7").await.json()["state"], "completed", "an ended grant is not waited for");

    let cancelled = app.issue("u-7", json!({"profile": "document"})).await;
    let path = path_of(&cancelled);
    let waiting = format!("{path}?wait=30");
    let (waited, _) = tokio::join!(app.get(&waiting, "u-7"), app.delete(&path, "u-7"));
    assert_eq!(waited.json()["state"], "cancelled", "any change counts");
}

#[tokio::test]
async fn waiting_ends_when_its_time_is_over() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;

    let answer = app.get(&format!("{}?wait=1", path_of(&grant)), "u-7").await;

    assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &json!("issued")));
    let at_once = app.get(&format!("{}?wait=0", path_of(&grant)), "u-7").await;
    assert_eq!(at_once.json()["state"], "issued");
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_refused() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    for query in
        ["wait=31", "wait=-1", "wait=x", "wait=", "wait=1.5", "wait=1&wait=2", "wait=99999999999999999999", "wat=1"]
    {
        let answer = app.get(&format!("{}?{query}", path_of(&grant)), "u-7").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "invalid_parameter"), "{query}");
        assert_eq!(answer.json()["errors"][0]["code"], "invalid_parameter", "{query}");
    }
}

#[tokio::test]
async fn four_requests_of_one_user_may_wait() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let path = format!("{}?wait=30", path_of(&grant));
    // Nothing changes yet: only a refused one can come back.
    let mut waiting: FuturesUnordered<_> = (0..5).map(|_| app.get(&path, "u-7")).collect();
    let refused = waiting.next().await.unwrap();

    refused.assert_refused(429, "rate_limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(app.get(&path_of(&grant), "u-7").await.status, 200, "looking without waiting is still allowed");
    let others = app.issue("u-8", json!({"profile": "document"})).await;
    let others_path = format!("{}?wait=30", path_of(&others));
    let (their_wait, _) = tokio::join!(app.get(&others_path, "u-8"), upload(&app, &others, b"x"));
    assert_eq!(their_wait.json()["state"], "completed", "another user is not held up");

    let (four, _) = tokio::join!(waiting.collect::<Vec<_>>(), upload(&app, &grant, b"x"));
    assert_eq!(four.len(), 4);
    for answer in four {
        assert_eq!(answer.json()["state"], "completed", "{}", answer.text());
    }
    assert_eq!(app.get(&path, "u-7").await.status, 200, "the seats are free again");
}

#[tokio::test]
async fn renewing_gives_fresh_signatures_and_a_longer_life() {
    let app = TestApp::spawn().await;
    for (profile, method) in [("document", "post"), ("document", "put"), ("old", "post"), ("old", "put")] {
        let grant = app.issue("u-7", json!({"profile": profile, "method": method})).await;
        app.clock.advance(TimeDelta::minutes(9));

        let answer = app.act(&grant, "renew").await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        let renewed = answer.json();
        for name in ["id", "key", "user_id", "method", "content_type", "issued_at", "state", "vars"] {
            assert_eq!(renewed[name], grant[name], "{profile} {method}: {name}");
        }
        assert!(renewed["expires_at"].as_str() > grant["expires_at"].as_str(), "{profile} {method}");
        assert_ne!(renewed["request"], grant["request"], "{profile} {method}");
        assert_eq!(app.show(&grant).await["expires_at"], renewed["expires_at"]);
        app.clock.advance(TimeDelta::minutes(5));
        let stale = upload(&app, &grant, b"x").await;
        assert_eq!(stale.status, 403, "{profile} {method}: the old signature ends as it said: {}", stale.text());
        let fresh = upload(&app, &renewed, b"hello").await;
        assert_eq!(fresh.json()["state"], "completed", "{profile} {method}: {}", fresh.text());
    }
}

#[tokio::test]
async fn a_grant_out_of_time_but_not_ended_can_be_renewed() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    app.clock.advance(TimeDelta::hours(2));

    let renewed = app.act(&grant, "renew").await.json();

    assert_eq!(renewed["expires_at"], "2026-11-21T02:10:00Z");
    assert_eq!(upload(&app, &renewed, b"x").await.json()["state"], "completed");
}

#[tokio::test]
async fn an_ended_grant_can_be_neither_renewed_nor_cancelled() {
    let app = TestApp::spawn().await;
    let issue = || app.issue("u-7", json!({"profile": "strict"}));
    let (completed, rejected, expired, cancelled) = (issue().await, issue().await, issue().await, issue().await);
    upload(&app, &completed, b"0123456789").await;
    upload(&app, &rejected, b"0").await;
    app.delete(&path_of(&cancelled), "u-7").await;
    expire(&app).await;
    for (state, grant, code) in [
        ("completed", &completed, "grant_ended"),
        ("rejected", &rejected, "grant_ended"),
        ("expired", &expired, "grant_ended"),
        ("cancelled", &cancelled, "grant_cancelled"),
    ] {
        let before = app.show(grant).await;
        assert_eq!(before["state"], state);

        let renew = app.act(grant, "renew").await;
        let cancel = app.delete(&path_of(grant), "u-7").await;

        assert_eq!((renew.status.as_u16(), renew.code().as_str()), (409, code), "{state}");
        assert_eq!((cancel.status.as_u16(), cancel.code().as_str()), (409, code), "{state}");
        assert_eq!(app.show(grant).await, before, "{state}: nothing is changed");
    }
}

#[tokio::test]
async fn a_profile_that_is_lost_can_not_be_renewed_under() {
    let app = TestApp::spawn().await;
    let staff = app.token_with("u-7", &["uploads:staff"]);
    let grant = app.post_by("/v1/uploads", &staff, &json!({"profile": "staff"})).await.json();

    app.act(&grant, "renew").await.assert_refused(403, "profile_not_allowed");
    let renewed = app.post_by(&format!("{}/renew", path_of(&grant)), &staff, &json!({})).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
}

#[tokio::test]
async fn cancelling_ends_a_grant_once() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let path = path_of(&grant);

    let answers = join_all((0..5).map(|_| app.delete(&path, "u-7"))).await;

    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 204).collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    assert!(done[0].body.is_empty());
    for late in answers.iter().filter(|answer| answer.status != 204) {
        late.assert_refused(409, "grant_cancelled");
    }
    let shown = app.show(&grant).await;
    assert_eq!(shown["state"], "cancelled");
    assert_eq!(shown.get("completion"), None);
    assert!(app.events().await.is_empty(), "nobody is told of what the user knows");
}

/// Lets every grant run out.
async fn expire(app: &TestApp) {
    use oss_valet::clock::Clock;
    app.clock.advance(TimeDelta::hours(1));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
}
