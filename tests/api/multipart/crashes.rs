//! A crash at any point between our row and OSS leaves nothing stuck. What our process did not live to see is what OSS's answer
//! does not reach.

use chrono::TimeDelta;
use oss_valet::{clock::Clock, oss::presign::complete_multipart_upload};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PART, ask_oss, bytes, complete, film, held, send_part, sign, unfinished};
use crate::harness::{Answer, TestApp, path_of, send};

/// What happens to the next requests of that operation.
async fn fault(app: &TestApp, operation: &str, times: u32, what: Value) {
    let rules = json!([{"on": {"operation": operation}, "times": times, "do": what}]);
    let answer = send(app.http.put(format!("{}/-/faults", app.simulator)).json(&rules)).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

async fn ask(app: &TestApp) -> Answer {
    let request = app.request(Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", "k");
    send(request.json(&json!({"profile": "film", "filename": "a.mp4"}))).await
}

/// When the grant's time and the reconciler's patience are over.
async fn reconcile_at_the_end(app: &TestApp) {
    app.clock.advance(TimeDelta::hours(2));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
}

/// A refused and a lost answer are asked for twice each.
const EACH: u32 = 2;

#[tokio::test]
async fn between_the_row_and_initiate() {
    let app = TestApp::spawn().await;
    fault(&app, "InitiateMultipartUpload", 1, json!({"error": {"status": 500}})).await;

    ask(&app).await.assert_refused(502, "oss_unavailable");

    assert_eq!(app.grant_count().await, 1, "the row was there first");
    let grant = ask(&app).await.json();
    assert!(grant["multipart"]["oss_upload_id"].is_string(), "asking again begins it: {grant}");
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    assert_eq!(complete(&app, &grant, &json!({})).await.status, 200);
}

#[tokio::test]
async fn between_the_row_and_initiate_for_ever() {
    let app = TestApp::spawn().await;
    fault(&app, "InitiateMultipartUpload", 1, json!({"error": {"status": 500}})).await;
    ask(&app).await.assert_refused(502, "oss_unavailable");

    reconcile_at_the_end(&app).await;

    assert_eq!(ask(&app).await.json()["state"], "expired");
}

#[tokio::test]
async fn between_initiate_and_its_row() {
    let app = TestApp::spawn().await;
    fault(&app, "InitiateMultipartUpload", EACH, json!({"drop_connection": "after"})).await;
    ask(&app).await.assert_refused(502, "oss_unavailable");
    assert!(!unfinished(&app).await.is_empty(), "OSS has begun what we know nothing of");

    let grant = ask(&app).await.json();
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    assert_eq!(complete(&app, &grant, &json!({})).await.status, 200);
    assert!(!unfinished(&app).await.is_empty());

    reconcile_at_the_end(&app).await;
    assert!(unfinished(&app).await.is_empty(), "found by its key and aborted");
    assert_eq!(app.show(&grant).await["state"], "completed");
}

#[tokio::test]
async fn between_joining_and_recording() {
    for answer_is_lost in [true, false] {
        let app = TestApp::spawn().await;
        let grant = film(&app).await;
        let etag = send_part(&app, &grant, 1, &bytes(1, PART)).await;
        if answer_is_lost {
            fault(&app, "CompleteMultipartUpload", EACH, json!({"drop_connection": "after"})).await;
            let completed = complete(&app, &grant, &json!({})).await;
            assert_eq!(completed.json()["state"], "completed", "HEAD decides: {}", completed.text());
            continue;
        }
        // We were gone for good: OSS has joined what we asked for.
        let id = grant["multipart"]["oss_upload_id"].as_str().unwrap();
        let request = complete_multipart_upload("app-media", grant["key"].as_str().unwrap(), id, Vec::new());
        let list = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
        ask_oss(&app, request, &format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>")).await;

        reconcile_at_the_end(&app).await;

        let shown = app.show(&grant).await;
        assert_eq!((&shown["state"], &shown["completion"]["source"]), (&json!("completed"), &json!("reconciled")));
        assert_eq!(complete(&app, &grant, &json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn while_joining_fails() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    fault(&app, "CompleteMultipartUpload", 1, json!({"error": {"status": 503}})).await;

    complete(&app, &grant, &json!({})).await.assert_refused(409, "not_uploaded");

    assert_eq!(complete(&app, &grant, &json!({})).await.status, 200, "nothing was lost by it");
}

#[tokio::test]
async fn between_cancelling_and_aborting() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    fault(&app, "AbortMultipartUpload", 1, json!({"error": {"status": 500}})).await;

    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);
    assert_eq!(unfinished(&app).await.len(), 1);

    reconcile_at_the_end(&app).await;
    assert!(unfinished(&app).await.is_empty());
    assert_eq!(app.show(&grant).await["state"], "cancelled");
}

#[tokio::test]
async fn between_looking_and_aborting() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    fault(&app, "AbortMultipartUpload", EACH, json!({"drop_connection": "after"})).await;

    reconcile_at_the_end(&app).await;
    assert_eq!(app.show(&grant).await["state"], "issued", "unknown is not absent");
    app.clock.advance(TimeDelta::minutes(1));
    app.valet.reconcile_due(app.clock.now()).await.unwrap();

    assert_eq!(app.show(&grant).await["state"], "expired");
    assert_eq!(held(&app, &grant).await, json!([]));
    sign(&app, &grant, &[1]).await.assert_refused(409, "grant_ended");
}

/// A part's URL may be used up to its last second, and a client may join at the end of it.
#[tokio::test]
async fn what_is_joined_at_the_last_moment_is_recorded() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    app.clock.advance(TimeDelta::minutes(80));

    let completed = complete(&app, &grant, &json!({})).await;

    assert_eq!(completed.json()["completion"]["late"], true, "{}", completed.text());
}
