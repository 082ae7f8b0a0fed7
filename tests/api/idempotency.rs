//! `Idempotency-Key`: the same request twice is one grant.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, TestApp, send, upload},
    support::ISSUE_FOR,
};

#[tokio::test]
async fn a_repeated_request_answers_the_same_grant_signed_anew() {
    let app = TestApp::spawn().await;
    for (profile, method) in [("document", "post"), ("document", "put"), ("old", "post"), ("old", "put")] {
        let body = json!({"profile": profile, "method": method, "filename": "a.txt", "vars": {"album": "1"}});
        let key = format!("{profile} {method}");
        let first = issue(&app, "u-7", &key, &body).await;
        app.clock.advance(TimeDelta::minutes(9));

        let second = issue(&app, "u-7", &key, &body).await;

        assert_eq!((first.status.as_u16(), first.header("idempotency-replayed").as_str()), (201, ""));
        assert_eq!((second.status.as_u16(), second.header("idempotency-replayed").as_str()), (201, "true"));
        assert_eq!(first.header("location"), second.header("location"));
        let (first, second) = (first.json(), second.json());
        for name in ["id", "key", "state", "issued_at", "expires_at", "content_type", "vars", "callback"] {
            assert_eq!(first[name], second[name], "{key}: {name}");
        }
        let answer = upload(&app, &second, b"hello").await;
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        assert_eq!(answer.json()["id"], first["id"]);
    }
    assert_eq!(app.grant_count().await, 4);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "document", "filename": "a.txt", "size": 5, "vars": {"album": "1"}});
    assert_eq!(issue(&app, "u-7", "k", &body).await.status, 201);
    for (why, name, value) in [
        ("another profile", "profile", json!("large")),
        ("another file name", "filename", json!("b.txt")),
        ("another size", "size", json!(6)),
        ("a type where there was none", "content_type", json!("text/plain")),
        ("a method where there was none", "method", json!("post")),
        ("another variable", "vars", json!({"album": "2"})),
        ("no variable", "vars", json!({})),
    ] {
        let mut other = body.clone();
        other[name] = value;
        if name == "profile" {
            other = json!({"profile": "avatar", "filename": "a.png"});
        }
        let answer = issue(&app, "u-7", "k", &other).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "idempotency_conflict"), "{why}");
    }
    assert_eq!(app.grant_count().await, 1);

    let spaced =
        " {\"vars\":{\"album\":\"1\"}, \"size\":5,\n\"filename\":\"a.txt\",\"profile\":\"document\",\"method\":null}";
    let request = app.request(Method::POST, "/v1/uploads", "u-7").header("content-type", "application/json");
    let answer = send(request.header("Idempotency-Key", "k").body(spaced)).await;
    assert_eq!(answer.header("idempotency-replayed"), "true", "written otherwise, it says the same: {}", answer.text());
}

#[tokio::test]
async fn a_faulty_request_does_not_use_its_key_up() {
    let app = TestApp::spawn().await;
    let answer = issue(&app, "u-7", "k", &json!({"profile": "document", "size": 1_u64 << 40})).await;
    answer.assert_refused(422, "size_too_large");

    let answer = issue(&app, "u-7", "k", &json!({"profile": "document", "size": 1})).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("idempotency-replayed").as_str()),
        (201, ""),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn racing_requests_make_one_grant() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "document"});

    let answers = join_all((0..20).map(|_| issue(&app, "u-7", "k", &body))).await;

    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let id = answers[0].json()["id"].clone();
    assert!(answers.iter().all(|answer| answer.json()["id"] == id));
    let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
    assert_eq!(replayed, 19);
    assert_eq!(app.grant_count().await, 1);

    let others = join_all((0..20).map(|i| {
        let body = json!({"profile": "document", "size": i});
        let app = &app;
        async move { issue(app, "u-7", "k2", &body).await.status.as_u16() }
    }))
    .await;
    assert_eq!(others.iter().filter(|status| **status == 201).count(), 1, "{others:?}");
    assert_eq!(others.iter().filter(|status| **status == 409).count(), 19, "{others:?}");
    assert_eq!(app.grant_count().await, 2);
}

#[tokio::test]
async fn a_key_is_its_issuers_subjects_and_effective_users_own() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "document"});
    let machine = app.token_with("backend", &[ISSUE_FOR]);
    let for_user = |user: &str| json!({"profile": "document", "user_id": user});
    for (why, token, body) in [
        ("a user", app.token("u-7"), body.clone()),
        ("another user", app.token("u-8"), body.clone()),
        ("the same subject of another issuer", app.token_of_other_issuer("u-7"), body.clone()),
        ("a machine for the first user", machine.clone(), for_user("u-7")),
        ("the machine for another user", machine.clone(), for_user("u-8")),
        ("the machine for itself", machine.clone(), body.clone()),
    ] {
        let answer = issue_by(&app, &token, "k", &body).await;
        assert_eq!((answer.status.as_u16(), answer.header("idempotency-replayed").as_str()), (201, ""), "{why}");
    }
    assert_eq!(app.grant_count().await, 6);
    let again = issue_by(&app, &machine, "k", &for_user("u-8")).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json()["user_id"], "u-8");
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "document"});
    let first = issue(&app, "u-7", "k", &body).await.json();
    app.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    let same = issue(&app, "u-7", "k", &body).await;
    assert_eq!(same.header("idempotency-replayed"), "true");
    assert_eq!(same.json()["id"], first["id"]);
    app.clock.advance(TimeDelta::seconds(1));

    let next = issue(&app, "u-7", "k", &json!({"profile": "avatar", "filename": "a.png"})).await;

    assert_eq!(next.header("idempotency-replayed"), "");
    assert_ne!(next.json()["id"], first["id"]);
    assert_eq!(next.status, 201, "even another request may have it: {}", next.text());
}

#[tokio::test]
async fn an_ended_grant_is_answered_without_a_request() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "document"});
    let completed = issue(&app, "u-7", "completed", &body).await.json();
    upload(&app, &completed, b"x").await;
    let cancelled = issue(&app, "u-7", "cancelled", &body).await.json();
    app.delete(&crate::harness::path_of(&cancelled), "u-7").await;
    issue(&app, "u-7", "out of time", &body).await;
    app.clock.advance(TimeDelta::minutes(10));

    for (key, state) in [("completed", "completed"), ("cancelled", "cancelled"), ("out of time", "issued")] {
        let answer = issue(&app, "u-7", key, &body).await;
        assert_eq!((answer.status.as_u16(), answer.header("idempotency-replayed").as_str()), (201, "true"), "{key}");
        let grant = answer.json();
        assert_eq!(grant["state"], state, "{key}");
        assert_eq!(grant["request"], Value::Null, "{key}");
        assert_eq!(grant["callback"], Value::Null, "{key}");
        assert!(grant.get("request").is_some(), "{key}: the member is there: {grant}");
    }
}

#[tokio::test]
async fn an_unusable_key_is_refused() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "document"});
    let ask = |keys: Vec<Vec<u8>>| {
        let mut request = app.request(Method::POST, "/v1/uploads", "u-7").json(&body);
        for key in keys {
            request = request.header("Idempotency-Key", key);
        }
        send(request)
    };
    for (why, keys) in [
        ("empty", vec![b"".to_vec()]),
        ("256 bytes", vec![vec![b'k'; 256]]),
        ("twice", vec![b"a".to_vec(), b"a".to_vec()]),
        ("no text", vec![b"\xff\xfe".to_vec()]),
    ] {
        let answer = ask(keys).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "invalid_parameter"), "{why}");
        assert_eq!(answer.json()["errors"][0]["field"], "Idempotency-Key", "{why}");
    }
    assert_eq!(app.grant_count().await, 0);
    assert_eq!(ask(vec![vec![b'k'; 255]]).await.status, 201);
}

#[tokio::test]
async fn a_batch_with_a_key_is_repeated_item_by_item() {
    let app = TestApp::spawn().await;
    let body = json!({"uploads": [{"profile": "document"}, {"profile": "nope"}, {"profile": "document"}]});
    let ask = |body: Value| {
        send(app.request(Method::POST, "/v1/uploads/batch", "u-7").header("Idempotency-Key", "k").json(&body))
    };
    let first = ask(body.clone()).await.json();

    let second = ask(body.clone()).await.json();

    for index in [0, 2] {
        assert_eq!(first["uploads"][index]["upload"]["id"], second["uploads"][index]["upload"]["id"]);
    }
    assert_ne!(first["uploads"][0]["upload"]["id"], first["uploads"][2]["upload"]["id"], "the same item, but another");
    assert_eq!(second["uploads"][1]["status"], 403);
    assert_eq!(app.grant_count().await, 2);

    let other = json!({"uploads": [{"profile": "document", "size": 1}, {"profile": "nope"}, {"profile": "document"}]});
    let third = ask(other).await.json();
    assert_eq!(third["uploads"][0]["problem"]["code"], "idempotency_conflict");
    assert_eq!(third["uploads"][2]["upload"]["id"], first["uploads"][2]["upload"]["id"]);

    let single = issue(&app, "u-7", "k 0", &json!({"profile": "document"})).await;
    assert_eq!(single.header("idempotency-replayed"), "", "a single request's key is never a batch's");
}

async fn issue(app: &TestApp, user: &str, key: &str, body: &Value) -> Answer {
    issue_by(app, &app.token(user), key, body).await
}

async fn issue_by(app: &TestApp, token: &str, key: &str, body: &Value) -> Answer {
    send(app.request_by(Method::POST, "/v1/uploads", token).header("Idempotency-Key", key).json(body)).await
}
