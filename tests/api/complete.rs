//! `POST /v1/uploads/{id}/complete`, and what becomes of objects that come late, wrong, or after all.

use chrono::TimeDelta;
use oss_valet::clock::Clock;
use serde_json::{Value, json};

use crate::harness::{TestApp, path_of, upload};

#[tokio::test]
async fn what_is_not_there_can_not_be_completed() {
    let app = TestApp::spawn().await;
    for method in ["post", "put"] {
        let grant = app.issue("u-7", json!({"profile": "document", "method": method})).await;
        for _ in 0..2 {
            app.act(&grant, "complete").await.assert_refused(409, "not_uploaded");
        }
        assert_eq!(app.show(&grant).await["state"], "issued");
        assert_eq!(upload(&app, &grant, b"x").await.json()["state"], "completed", "nothing is lost by asking early");
    }
}

#[tokio::test]
async fn completing_a_completed_grant_answers_it_as_it_stands() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    upload(&app, &grant, b"x").await;
    let shown = app.show(&grant).await;
    app.clock.advance(TimeDelta::days(30));

    for _ in 0..2 {
        let answer = app.act(&grant, "complete").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json(), shown, "the callback stays its source");
    }
    assert_eq!(kinds(&app).await, ["completed"]);
}

#[tokio::test]
async fn a_body_is_optional_and_parts_are_for_multipart() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    app.put_object(&grant, "application/octet-stream", b"x").await;
    let path = format!("{}/complete", path_of(&grant));

    let parts = json!({"parts": [{"part_number": 1, "etag": "E"}]});
    app.post(&path, "u-7", &parts).await.assert_refused(422, "invalid_parameter");
    let bare = crate::harness::send(app.request(reqwest::Method::POST, &path, "u-7")).await;

    assert_eq!(bare.json()["state"], "completed", "{}", bare.text());
    assert_eq!(app.post(&path, "u-7", &json!({"parts": []})).await.status, 200);
}

#[tokio::test]
async fn nothing_is_known_while_oss_is_gone() {
    let mut app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let completed = app.issue("u-7", json!({"profile": "document"})).await;
    upload(&app, &completed, b"x").await;
    app.stop_simulator().await;

    let answer = app.act(&grant, "complete").await;

    answer.assert_refused(502, "oss_unavailable");
    assert!(!answer.text().contains("127.0.0.1"), "causes are for the log: {}", answer.text());
    assert_eq!(app.show(&grant).await["state"], "issued", "neither completed nor absent");
    assert_eq!(app.act(&completed, "complete").await.status, 200, "what is recorded needs no OSS");
    app.clock.advance(TimeDelta::hours(2));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
    assert_eq!(app.show(&grant).await["state"], "issued", "nor does time make it expired");
}

#[tokio::test]
async fn an_upload_that_breaks_its_grant_is_rejected_for_good() {
    let app = TestApp::spawn().await;
    // The simulator writes what OSS would not have let in under the grant's signature.
    for (why, profile, content_type, bytes, code) in [
        ("too large", "avatar", "image/png", vec![0; 5 * 1024 * 1024 + 1], "size_too_large"),
        ("too small", "avatar", "image/png", vec![], "size_too_small"),
        ("another type", "avatar", "text/html", vec![1], "content_type_not_allowed"),
        ("another type of the same family", "avatar", "image/svg+xml", vec![1], "content_type_not_allowed"),
        ("too large, to be deleted", "strict", "image/png", vec![0; 101], "size_too_large"),
    ] {
        let body = json!({"profile": profile, "content_type": "image/png", "method": "put"});
        let grant = app.issue("u-7", body).await;
        app.put_object(&grant, content_type, &bytes).await;
        let events = app.events().await.len();

        let answers = [app.act(&grant, "complete").await, app.act(&grant, "complete").await];

        for answer in &answers {
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, code), "{why}: {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["code"], code, "{why}");
        }
        assert_eq!(answers[0].json()["detail"], answers[1].json()["detail"], "{why}: repeating answers the same");
        let shown = app.show(&grant).await;
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!(code)), "{why}");
        assert_eq!(shown["completion"]["size"], bytes.len(), "{why}: what was found");
        let news = app.events().await.split_off(events);
        assert_eq!(news.len(), 1, "{why}: told once: {news:?}");
        assert_eq!(news[0]["type"], "com.oss-valet.upload.rejected", "{why}");
        assert_eq!(news[0]["data"]["reason"], code, "{why}");
        assert_eq!(news[0]["data"]["upload_id"], grant["id"], "{why}");
        assert_eq!(app.object_exists(&grant).await, profile != "strict", "{why}: on_reject");
    }
}

#[tokio::test]
async fn a_put_beyond_the_limit_is_rejected_by_its_callback() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "strict"})).await;

    let answer = upload(&app, &grant, &[b'x'; 101]).await;

    assert_eq!(answer.status, 203, "OSS took it and tells of the failed callback: {}", answer.text());
    assert_eq!(app.show(&grant).await["state"], "rejected");
    assert!(!app.object_exists(&grant).await, "on_reject = \"delete\"");
    app.act(&grant, "complete").await.assert_refused(422, "size_too_large");
    assert_eq!(kinds(&app).await, ["rejected"]);
}

#[tokio::test]
async fn a_form_beyond_the_limit_never_arrives() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "trusting"})).await;
    for size in [0, 1025] {
        let answer = upload(&app, &grant, &vec![b'x'; size]).await;
        assert_eq!(answer.status, 400, "{size}: {}", answer.text());
    }
    assert!(!app.object_exists(&grant).await);
    assert_eq!(upload(&app, &grant, &[b'x'; 1024]).await.json()["state"], "completed");
}

#[tokio::test]
async fn a_lost_callback_is_made_up_for_by_the_reconciler() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    app.set_callback_faults(&["drop"]).await;
    assert_eq!(upload(&app, &grant, b"hello").await.status, 203);
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
    app.clock.advance(TimeDelta::hours(1));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();

    let shown = app.show(&grant).await;
    assert_eq!(shown["state"], "completed", "{shown}");
    assert_eq!(shown["completion"]["source"], "reconciled");
    assert_eq!(kinds(&app).await, ["completed"]);
}

#[tokio::test]
async fn nothing_is_refused_for_being_late() {
    let app = TestApp::spawn().await;
    let (good, bad) = (app.issue("u-7", avatar()).await, app.issue("u-7", avatar()).await);
    app.clock.advance(TimeDelta::hours(1));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
    assert_eq!(app.show(&good).await["state"], "expired");
    assert_eq!(kinds(&app).await, ["expired", "expired"]);
    app.act(&good, "complete").await.assert_refused(409, "not_uploaded");
    // An upload that was begun in time and took this long.
    app.put_object(&good, "image/png", b"x").await;
    app.put_object(&bad, "text/html", b"x").await;

    let completed = app.act(&good, "complete").await;

    assert_eq!(completed.status, 200, "{}", completed.text());
    let completed = completed.json();
    assert_eq!(completed["state"], "completed");
    assert_eq!(completed["completion"]["late"], true, "{completed}");
    app.act(&bad, "complete").await.assert_refused(422, "content_type_not_allowed");
    assert_eq!(app.show(&bad).await["state"], "rejected");
    let events = app.events().await;
    assert_eq!(kinds(&app).await, ["expired", "expired", "completed", "rejected"]);
    assert_eq!(events[2]["data"]["late"], true, "{}", events[2]);
}

#[tokio::test]
async fn an_upload_between_expiry_and_the_last_check_is_late_only_after_write_until() {
    let app = TestApp::spawn().await;
    for (why, minutes, late) in [("within the skew that OSS allows", 25, false), ("after it", 26, true)] {
        let grant = app.issue("u-7", avatar()).await;
        app.put_object(&grant, "image/png", b"x").await;
        app.clock.advance(TimeDelta::minutes(minutes));
        let completed = app.act(&grant, "complete").await.json();
        assert_eq!(completed["completion"]["late"], late, "{why}: {completed}");
    }
}

#[tokio::test]
async fn an_object_that_arrives_after_a_cancellation_is_rejected() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);
    app.act(&grant, "complete").await.assert_refused(409, "grant_cancelled");
    assert_eq!(app.show(&grant).await["state"], "cancelled", "nothing has arrived yet");

    let answer = upload(&app, &grant, b"x").await;

    assert_eq!(answer.status, 203, "cancelling revokes nothing at OSS: {}", answer.text());
    let shown = app.show(&grant).await;
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("cancelled")));
    for _ in 0..2 {
        app.act(&grant, "complete").await.assert_refused(409, "grant_cancelled");
    }
    let events = app.events().await;
    assert_eq!(kinds(&app).await, ["rejected"], "told once");
    assert_eq!(events[0]["data"]["reason"], "cancelled");
    assert!(app.object_exists(&grant).await, "on_reject = \"keep\"");
}

#[tokio::test]
async fn what_arrives_after_a_cancellation_is_deleted_where_the_profile_says_so() {
    let app = TestApp::spawn().await;
    let told = app.issue("u-7", json!({"profile": "strict"})).await;
    let untold = app.issue("u-7", json!({"profile": "strict"})).await;
    for grant in [&told, &untold] {
        app.delete(&path_of(grant), "u-7").await;
    }
    app.set_callback_faults(&["drop"]).await;
    upload(&app, &untold, b"0123456789").await;
    assert_eq!(upload(&app, &told, b"0123456789").await.status, 203);
    assert!(!app.object_exists(&told).await);
    assert!(app.object_exists(&untold).await);
    app.clock.advance(TimeDelta::hours(1));

    app.valet.reconcile_due(app.clock.now()).await.unwrap();

    assert!(!app.object_exists(&untold).await, "the reconciler looks after cancelled grants too");
    assert_eq!(app.show(&untold).await["state"], "rejected");
    for grant in [&told, &untold] {
        app.act(grant, "complete").await.assert_refused(409, "grant_cancelled");
    }
    assert_eq!(kinds(&app).await, ["rejected", "rejected"]);
}

#[tokio::test]
async fn an_object_that_changes_after_its_completion_is_told_once() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "portrait", "method": "put"})).await;
    assert_eq!(upload(&app, &grant, b"first").await.status, 200);
    let shown = app.show(&grant).await;

    for _ in 0..2 {
        let again = upload(&app, &grant, b"second").await;
        assert_eq!(again.status, 203, "{}", again.text());
    }

    assert_eq!(app.show(&grant).await, shown, "the first completion stands");
    assert_eq!(kinds(&app).await, ["completed", "changed"]);
    let changed = &app.events().await[1];
    assert_eq!(changed["data"]["upload_id"], grant["id"]);
    assert_eq!(changed["data"]["size"], 6);
    assert_eq!(app.act(&grant, "complete").await.json(), shown, "complete answers what it answered");
}

#[tokio::test]
async fn a_change_that_nobody_told_of_is_found_when_the_time_to_write_is_over() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "portrait", "method": "put"})).await;
    assert_eq!(upload(&app, &grant, b"first").await.status, 200);
    app.set_callback_faults(&["drop"]).await;
    assert_eq!(upload(&app, &grant, b"second").await.status, 203);
    let shown = app.show(&grant).await;

    for _ in 0..2 {
        app.clock.advance(TimeDelta::hours(1));
        app.valet.reconcile_due(app.clock.now()).await.unwrap();
    }

    assert_eq!(kinds(&app).await, ["completed", "changed"], "found, and told once");
    assert_eq!(app.show(&grant).await, shown, "the first completion stands");
}

#[tokio::test]
async fn an_object_that_another_grant_has_replaced_is_superseded() {
    let app = TestApp::spawn().await;
    let first = app.issue("u-7", json!({"profile": "portrait"})).await;
    let second = app.issue("u-7", json!({"profile": "portrait"})).await;
    app.set_callback_faults(&["drop"]).await;
    upload(&app, &first, b"first").await;
    assert_eq!(upload(&app, &second, b"second").await.json()["state"], "completed");

    let answer = app.act(&first, "complete").await;

    assert_eq!(answer.status, 409, "{}", answer.text());
    let shown = app.show(&first).await;
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("superseded")));
    assert_eq!(app.show(&second).await["state"], "completed");
    assert!(app.object_exists(&second).await);
}

fn avatar() -> Value {
    json!({"profile": "avatar", "content_type": "image/png"})
}

/// The last words of the events' types.
async fn kinds(app: &TestApp) -> Vec<String> {
    let last = |event: Value| event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    app.events().await.into_iter().map(last).collect()
}
