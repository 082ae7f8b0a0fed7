//! What the hook is asked, when, and where its answer goes.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{app::reconcile::Reconciled, clock::Clock};
use serde_json::{Value, json};

use super::{
    CONTENT, WELCOME,
    backend::{Backend, SECRETS},
    callback, issue, spawn, standing,
};
use crate::{
    forger::{Forger, put_aside},
    harness::{path_of, upload},
};

#[tokio::test]
async fn the_hooks_json_is_what_the_uploader_gets() {
    let backend = Backend::start().await;
    let app = spawn(&Forger::new(), &backend, "reject").await;
    for (number, method) in ["post", "put"].into_iter().enumerate() {
        let body = json!({"profile": "hooked", "filename": "a.txt", "method": method, "vars": {"album": "42"}});
        let grant = app.issue("u-7", body).await;

        let answer = upload(&app, &grant, CONTENT).await;

        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, WELCOME), "{method}: as it was written");
        assert_eq!(answer.header("content-type"), "application/json", "{method}");
        assert_eq!(backend.questions().await.len(), number + 1, "{method}: asked once");
        let shown = app.show(&grant).await;
        assert_eq!((&shown["state"], &shown["completion"]["source"]), (&json!("completed"), &json!("callback")));
        assert!(!shown.to_string().contains("photo"), "it is the uploader's, not the API's: {shown}");
    }
}

#[tokio::test]
async fn asked_is_the_very_event_that_is_recorded_signed_with_every_secret() {
    let backend = Backend::start().await;
    let app = spawn(&Forger::new(), &backend, "reject").await;
    let grant = issue(&app, "hooked").await;
    upload(&app, &grant, CONTENT).await;

    let questions = backend.questions().await;
    let question = &questions[0];

    assert_eq!((question.0.method.as_str(), question.0.url.path()), ("POST", "/oss-hook"));
    assert_eq!(question.0.url.query(), Some("tenant=7"));
    assert_eq!(question.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(question.header("webhook-timestamp"), app.clock.now().timestamp().to_string());
    for secret in SECRETS {
        assert!(question.is_signed_by(secret), "{}", question.header("webhook-signature"));
    }
    assert!(!question.is_signed_by("whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LWVudGlyZWx5"));
    let recorded = app.query_ledger("SELECT payload FROM events").await;
    assert_eq!(recorded, [[Some(question.text().to_owned())]], "byte by byte");
    let event = question.json();
    assert_eq!(event["id"], question.header("webhook-id"));
    assert_eq!(event["type"], "com.oss-valet.upload.completed");
    assert_eq!((&event["data"]["upload_id"], &event["data"]["size"]), (&grant["id"], &json!(5)));
    assert_eq!((&event["data"]["user_id"], &event["data"]["vars"]), (&json!("u-7"), &json!({"album": "42"})));
}

#[tokio::test]
async fn repeats_are_answered_the_same_also_after_a_restart() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let mut app = spawn(&forger, &backend, "reject").await;
    let grant = issue(&app, "hooked").await;
    assert_eq!(upload(&app, &grant, CONTENT).await.text(), WELCOME);
    backend.will_say(403, "asked again?");

    let callback = callback(&forger, &grant);
    assert_eq!(callback.send(&app).await.text(), WELCOME);
    app.restart().await;
    assert_eq!(callback.send(&app).await.text(), WELCOME);
    assert_eq!(app.act(&grant, "complete").await.json(), app.show(&grant).await, "the grant, as always");
    app.clock.advance(TimeDelta::hours(48));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();

    assert_eq!(backend.questions().await.len(), 1, "asked once");
    assert_eq!(app.events().await.len(), 1);
}

#[tokio::test]
async fn callbacks_at_the_same_time_ask_once_and_are_answered_the_same() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;
    let grant = issue(&app, "hooked").await;
    put_aside(&app, &grant, CONTENT).await;
    let callback = callback(&forger, &grant);

    let (answers, completed) = tokio::join!(join_all((0..8).map(|_| callback.send(&app))), app.act(&grant, "complete"));

    for answer in answers {
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, WELCOME));
    }
    assert_eq!(completed.json()["state"], "completed", "{}", completed.text());
    assert_eq!(backend.questions().await.len(), 1);
    assert_eq!(app.events().await.len(), 1);
}

#[tokio::test]
async fn complete_asks_too_and_leaves_the_answer_to_the_callback() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;
    let grant = issue(&app, "hooked").await;
    put_aside(&app, &grant, CONTENT).await;

    let completed = app.act(&grant, "complete").await;

    assert_eq!((completed.status.as_u16(), &completed.json()["state"]), (200, &json!("completed")));
    assert!(!completed.text().contains("photo"), "{}", completed.text());
    assert_eq!(callback(&forger, &grant).send(&app).await.text(), WELCOME);
    let questions = backend.questions().await;
    assert_eq!(questions.len(), 1);
    assert_eq!(questions[0].json()["data"]["source"], "complete");
}

#[tokio::test]
async fn the_reconciler_asks_too() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;
    let grant = issue(&app, "hooked").await;
    put_aside(&app, &grant, CONTENT).await;
    app.clock.advance(TimeDelta::hours(1));

    assert_eq!(app.valet.reconcile_due(app.clock.now()).await.unwrap(), Reconciled::Grants(1));

    assert_eq!(standing(&app, &grant).await, ("completed".to_owned(), Value::Null));
    assert_eq!(backend.questions().await[0].json()["data"]["source"], "reconciled");
    assert_eq!(callback(&forger, &grant).send(&app).await.text(), WELCOME, "a late callback is answered as well");
    assert_eq!(backend.questions().await.len(), 1);
}

#[tokio::test]
async fn an_unconfirmed_upload_is_asked_about_as_well() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;
    let grant = issue(&app, "unconfirmed").await;
    let callback = callback(&forger, &grant);

    for _ in 0..2 {
        assert_eq!(callback.send(&app).await.text(), WELCOME, "no object is there: the callback's word counts");
    }
    let questions = backend.questions().await;
    assert_eq!(questions.len(), 1);
    assert_eq!(questions[0].json()["data"]["size"], CONTENT.len());
}

#[tokio::test]
async fn nothing_is_asked_about_what_will_not_be_completed() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;

    let absent = issue(&app, "hooked").await;
    callback(&forger, &absent).send(&app).await.assert_refused(403, "callback_not_confirmed");
    let large = issue(&app, "hooked").await;
    app.put_object(&large, "text/plain", &[b'x'; 1025]).await;
    app.act(&large, "complete").await.assert_refused(422, "size_too_large");
    let cancelled = issue(&app, "hooked").await;
    app.delete(&path_of(&cancelled), "u-7").await;
    put_aside(&app, &cancelled, CONTENT).await;
    callback(&forger, &cancelled).send(&app).await.assert_refused(409, "grant_cancelled");
    let elsewhere = issue(&app, "document").await;
    assert_eq!(upload(&app, &elsewhere, CONTENT).await.json()["state"], "completed");

    assert_eq!(backend.questions().await.len(), 0);
}

#[tokio::test]
async fn an_object_that_changes_afterwards_is_told_of_and_not_asked_about() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "reject").await;
    let grant = issue(&app, "hooked").await;
    upload(&app, &grant, CONTENT).await;
    put_aside(&app, &grant, b"other").await;

    let other = forger.callback(crate::forger::body_of(&grant, &crate::forger::facts(&grant, b"other")));
    other.send(&app).await.assert_refused(409, "object_changed");

    assert_eq!(backend.questions().await.len(), 1);
    assert_eq!(callback(&forger, &grant).send(&app).await.text(), WELCOME, "the completion stands, with its answer");
    let ids: Vec<_> = app.events().await.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1], "each piece of news has its own id");
}

#[tokio::test]
async fn joined_parts_are_asked_about() {
    let backend = Backend::start().await;
    let app = spawn(&Forger::new(), &backend, "defer").await;
    let grant = issue(&app, "joined").await;
    let signed = app.post(&format!("{}/parts", path_of(&grant)), "u-7", &json!({"part_numbers": [1]})).await.json();
    let url = signed["parts"][0]["url"].as_str().unwrap();
    let put = crate::harness::send(app.http.put(url).body(CONTENT)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    backend.will_say(503, "");

    app.act(&grant, "complete").await.assert_refused(503, "hook_unavailable");
    let completed = app.act(&grant, "complete").await;

    assert_eq!(completed.json()["state"], "completed", "what was joined is not lost: {}", completed.text());
    let questions = backend.questions().await;
    assert_eq!(questions.len(), 2);
    assert_eq!(questions[0].header("webhook-id"), questions[1].header("webhook-id"));
}
