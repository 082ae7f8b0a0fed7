//! Each metric moves by what it counts.

use chrono::TimeDelta;
use oss_valet::clock::Clock;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use super::{Scrape, assert_grew, value};
use crate::{
    forger::{Forger, body_of, facts, put_aside},
    harness::{TestApp, path_of, send, upload},
    support::PNG,
};

#[tokio::test]
async fn a_request_is_counted_by_its_route_method_and_status() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let before = Scrape::of(&app).await;
    app.show(&grant).await;
    app.get("/v1/uploads/nobody-knows-it", "u-7").await.assert_refused(404, "not_found");
    app.get("/nowhere", "u-7").await.assert_refused(404, "not_found");
    app.delete("/v1/profiles", "u-7").await.assert_refused(405, "method_not_allowed");
    assert_eq!(send(app.http.get(format!("{}/livez", app.ops))).await.status, 200);
    let after = Scrape::of(&app).await;

    for [listener, method, route, status] in [
        ["public", "GET", "/v1/uploads/{id}", "200"],
        ["public", "GET", "/v1/uploads/{id}", "404"],
        ["public", "GET", "(none)", "404"],
        ["public", "DELETE", "/v1/profiles", "405"],
        ["ops", "GET", "/livez", "200"],
    ] {
        let labels = [
            format!("listener=\"{listener}\""),
            format!("method=\"{method}\""),
            format!("route=\"{route}\""),
            format!("status=\"{status}\""),
        ];
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        assert_grew(&before, &after, 1.0, "oss_valet_http_requests_total", &labels);
        assert_grew(&before, &after, 1.0, "oss_valet_http_request_duration_seconds_count", &labels[..3]);
    }
}

#[tokio::test]
async fn a_request_is_in_flight_until_it_is_answered() {
    let app = TestApp::spawn().await;
    let during = value(&app, "oss_valet_http_requests_in_flight{listener=\"ops\"}").await;
    assert!(during >= Some(1.0), "the scrape itself: {during:?}");
    assert!(value(&app, "oss_valet_http_requests_in_flight{listener=\"public\"}").await >= Some(0.0));
}

#[tokio::test]
async fn a_grant_is_counted_by_what_became_of_it() {
    let app = TestApp::spawn().await;
    let ask = |body| app.request(Method::POST, "/v1/uploads", "u-7").header("idempotency-key", "k").json(body);
    let before = Scrape::of(&app).await;
    let body = json!({"profile": "document", "method": "put"});
    assert_eq!(send(ask(&body)).await.status, 201);
    assert_eq!(send(ask(&body)).await.status, 201);
    let batch =
        json!({"uploads": [{"profile": "avatar", "size": 1, "content_type": "text/plain"}, {"profile": "odd"}]});
    assert_eq!(app.post("/v1/uploads/batch", "u-7", &batch).await.status, 200);
    let method = json!({"profile": "film", "method": "odd"});
    app.post("/v1/uploads", "u-7", &method).await.assert_refused(422, "method_not_allowed_by_profile");
    assert_eq!(app.get("/compat/appserver/v4?profile=document", "u-7").await.status, 200);
    assert_eq!(app.get("/compat/sts?profile=document", "u-7").await.status, 200);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(app.get("/compat/sts?profile=document", "u-7").await.status, 200);
    let after = Scrape::of(&app).await;

    for [profile, method, outcome] in [
        ["document", "put", "issued"],
        ["document", "put", "replayed"],
        ["avatar", "post", "content_type_not_allowed"],
        ["(none)", "(none)", "profile_not_allowed"],
        ["film", "(none)", "method_not_allowed_by_profile"],
        ["document", "post", "issued"],
        ["document", "sts", "issued"],
        ["document", "sts", "replayed"],
    ] {
        let labels =
            [format!("profile=\"{profile}\""), format!("method=\"{method}\""), format!("outcome=\"{outcome}\"")];
        assert_grew(&before, &after, 1.0, "oss_valet_grants_total", &labels.each_ref().map(String::as_str));
    }
}

#[tokio::test]
async fn a_form_field_that_may_be_too_long_is_counted() {
    let app = TestApp::spawn_with(|settings| {
        let long = "x".repeat(5000);
        settings.replace(
            "headers = { \"Cache-Control\"",
            &format!("headers = {{ \"x-oss-meta-long\" = \"{long}\", \"Cache-Control\""),
        )
    })
    .await;
    let before = Scrape::of(&app).await;
    app.issue("u-7", json!({"profile": "picture", "filename": "a.png"})).await;
    assert_grew(&before, &Scrape::of(&app).await, 1.0, "oss_valet_long_form_fields_total", &[]);
}

#[tokio::test]
async fn a_callback_is_counted_by_its_code_with_its_confirmation_and_what_it_records() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    let too_large = app.issue("u-7", json!({"profile": "strict"})).await;
    put_aside(&app, &grant, b"hello").await;
    put_aside(&app, &too_large, &[0; 101]).await;
    let before = Scrape::of(&app).await;
    let good = forger.callback(body_of(&grant, &facts(&grant, b"hello")));
    assert_eq!(good.send(&app).await.status, 200);
    forger.callback("nonsense").send(&app).await.assert_refused(400, "callback_unparseable");
    let breach = forger.callback(body_of(&too_large, &facts(&too_large, &[0; 101])));
    breach.send(&app).await.assert_refused(422, "callback_violates_grant");
    put_aside(&app, &grant, b"other").await;
    let change = forger.callback(body_of(&grant, &facts(&grant, b"other")));
    change.send(&app).await.assert_refused(409, "object_changed");
    let after = Scrape::of(&app).await;

    for outcome in ["recorded", "callback_unparseable", "callback_violates_grant", "object_changed"] {
        assert_grew(&before, &after, 1.0, "oss_valet_callbacks_total", &[&format!("outcome=\"{outcome}\"")]);
    }
    assert_grew(&before, &after, 1.0, "oss_valet_callback_duration_seconds_count", &["result=\"recorded\""]);
    assert_grew(&before, &after, 3.0, "oss_valet_callback_duration_seconds_count", &["result=\"refused\""]);
    assert_grew(&before, &after, 3.0, "oss_valet_confirm_duration_seconds_count", &["outcome=\"found\""]);
    for [profile, state] in [["document", "completed"], ["strict", "rejected"], ["document", "changed"]] {
        let labels = [format!("profile=\"{profile}\""), format!("state=\"{state}\""), "source=\"callback\"".to_owned()];
        assert_grew(&before, &after, 1.0, "oss_valet_completions_total", &labels.each_ref().map(String::as_str));
    }
}

#[tokio::test]
async fn a_callback_that_oss_does_not_confirm_now_is_our_failure() {
    let forger = Forger::new();
    let mut app = forger.spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    app.stop_simulator().await;
    let before = Scrape::of(&app).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, b"hello")));
    callback.send(&app).await.assert_refused(503, "oss_unavailable");
    let after = Scrape::of(&app).await;
    assert_grew(&before, &after, 1.0, "oss_valet_callbacks_total", &["outcome=\"oss_unavailable\""]);
    assert_grew(&before, &after, 1.0, "oss_valet_callback_duration_seconds_count", &["result=\"failed\""]);
    assert_grew(&before, &after, 1.0, "oss_valet_confirm_duration_seconds_count", &["outcome=\"unavailable\""]);
}

#[tokio::test]
async fn who_completes_is_told_from_who_calls_back_and_who_looks() {
    let app = TestApp::spawn().await;
    app.set_callback_faults(&["drop", "drop"]).await;
    let (told, found) = (
        app.issue("u-7", json!({"profile": "avatar", "filename": "a.png"})).await,
        app.issue("u-7", json!({"profile": "avatar", "filename": "a.png"})).await,
    );
    for grant in [&told, &found] {
        upload(&app, grant, PNG).await;
    }
    let before = Scrape::of(&app).await;
    assert_eq!(app.act(&told, "complete").await.status, 200);
    let id = found["id"].as_str().unwrap().parse().unwrap();
    app.valet.look_now(id, app.clock.now()).await.unwrap().unwrap();
    let absent = app.issue("u-7", json!({"profile": "document"})).await;
    app.act(&absent, "complete").await.assert_refused(409, "not_uploaded");
    let after = Scrape::of(&app).await;

    for source in ["complete", "reconciled"] {
        let labels = ["profile=\"avatar\"", "state=\"completed\"", &format!("source=\"{source}\"")];
        assert_grew(&before, &after, 1.0, "oss_valet_completions_total", &labels);
    }
    assert_grew(&before, &after, 1.0, "oss_valet_reconciler_looks_total", &["finding=\"completed\""]);
    assert_grew(&before, &after, 1.0, "oss_valet_confirm_duration_seconds_count", &["outcome=\"absent\""]);
}

#[tokio::test]
async fn the_ledgers_commits_and_failures_are_counted() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let before = Scrape::of(&app).await;
    app.issue("u-7", json!({"profile": "document"})).await;
    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);
    let after = Scrape::of(&app).await;
    assert_grew(&before, &after, 2.0, "oss_valet_store_batch_operations_sum", &[]);
    assert_grew(&before, &after, 2.0, "oss_valet_store_commit_duration_seconds_count", &[]);

    let url = format!("sqlite://{}", app.data.path().join("ledger.db").display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("ALTER TABLE grants RENAME TO put_aside").await.unwrap();
    let body = json!({"profile": "document"});
    app.post("/v1/uploads", "u-7", &body).await.assert_refused(503, "store_unavailable");
    let failed = Scrape::of(&app).await;
    assert_grew(&after, &failed, 1.0, "oss_valet_store_errors_total", &["kind=\"sql\""]);
    assert_grew(&after, &failed, 1.0, "oss_valet_grants_total", &["outcome=\"store_unavailable\""]);
}
