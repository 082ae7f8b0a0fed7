//! What a look finds, and what becomes of it.

use chrono::TimeDelta;
use oss_valet::clock::Clock;
use serde_json::{Value, json};

use super::{heads, issue, issue_by, kinds, state, step, step_at};
use crate::{
    forger::put_aside,
    harness::{TestApp, path_of, send},
};

/// HEAD goes wrong in this way, until told otherwise.
async fn break_head(app: &TestApp, what: Value) {
    app.set_faults(vec![json!({"on": {"operation": "HeadObject"}, "times": null, "do": what})]).await;
}

#[tokio::test]
async fn an_object_is_recorded_by_the_first_look_that_finds_it() {
    for (minutes, late) in [(5, false), (27, true), (85, true), (1465, true)] {
        let app = TestApp::spawn().await;
        let (grant, began) = (issue(&app).await, app.clock.now());
        for earlier in [5, 27, 85, 1465].into_iter().filter(|earlier| *earlier < minutes) {
            step_at(&app, began, earlier).await;
        }
        put_aside(&app, &grant, b"hello").await;

        assert_eq!(step_at(&app, began, minutes).await, ["completed"], "{minutes}");

        let shown = app.show(&grant).await;
        assert_eq!(shown["state"], "completed", "{minutes}: {shown}");
        assert_eq!(shown["completion"]["source"], "reconciled", "{minutes}");
        assert_eq!(shown["completion"]["late"], late, "{minutes}");
        let told = app.events().await.pop().unwrap();
        assert_eq!((&told["type"], &told["data"]["late"]), (&json!("com.oss-valet.upload.completed"), &json!(late)));
        assert_eq!(step_at(&app, began, 100_000).await, [""; 0], "{minutes}: nobody looks again");
    }
}

#[tokio::test]
async fn what_arrives_after_its_grant_has_expired_is_a_late_completion_beside_the_expiry() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    step_at(&app, began, 27).await;
    put_aside(&app, &grant, b"hello").await;
    step_at(&app, began, 85).await;
    assert_eq!(kinds(&app).await, ["expired", "completed"]);
}

#[tokio::test]
async fn what_arrives_after_a_cancellation_is_found_and_rejected() {
    for minutes in [5, 27, 85, 1465] {
        let app = TestApp::spawn().await;
        let (grant, began) = (issue(&app).await, app.clock.now());
        assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);
        for earlier in [5, 27, 85].into_iter().filter(|earlier| *earlier < minutes) {
            step_at(&app, began, earlier).await;
        }
        put_aside(&app, &grant, b"hello").await;

        assert_eq!(step_at(&app, began, minutes).await, ["rejected"], "{minutes}");

        let shown = app.show(&grant).await;
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("cancelled")), "{minutes}");
        assert_eq!(kinds(&app).await, ["rejected"], "{minutes}");
    }
}

#[tokio::test]
async fn what_breaks_its_grant_is_rejected_wherever_it_is_found() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    step_at(&app, began, 27).await;
    put_aside(&app, &grant, &vec![b'x'; 1024 * 1024 + 1]).await;
    assert_eq!(step_at(&app, began, 85).await, ["rejected"]);
    assert_eq!(app.show(&grant).await["reason"], "size_too_large");
    assert_eq!(kinds(&app).await, ["expired", "rejected"]);
}

#[tokio::test]
async fn only_an_answer_that_names_the_key_means_that_nothing_is_there() {
    let refuse = |status: u16, code: &str| json!({"refuse": {"status": status, "code": code, "message": "…"}});
    for what in [
        refuse(404, "NoSuchBucket"),
        refuse(403, "AccessDenied"),
        json!({"error": {"status": 500}}),
        json!("throttle"),
        json!({"drop_connection": "before"}),
    ] {
        let app = TestApp::spawn().await;
        let (grant, began) = (issue(&app).await, app.clock.now());
        break_head(&app, what.clone()).await;
        for minutes in [27, 30, 90, 1500, 3000] {
            assert_eq!(step_at(&app, began, minutes).await, ["unknown"], "{what} {minutes}");
            assert_eq!(state(&app, &grant).await, "issued", "{what} {minutes}: the grant stays");
        }
        assert!(app.events().await.is_empty(), "{what}");
        app.set_faults(vec![]).await;

        assert_eq!(step_at(&app, began, 3010).await, ["expired"], "{what}: now it is known");

        assert_eq!(step_at(&app, began, 9000).await, [""; 0], "{what}: all looks have been due meanwhile");
    }
}

#[tokio::test]
async fn an_object_that_was_there_all_along_is_found_once_oss_answers() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    put_aside(&app, &grant, b"hello").await;
    break_head(&app, json!({"error": {"status": 503}})).await;
    for minutes in [5, 27, 85] {
        step_at(&app, began, minutes).await;
    }
    app.set_faults(vec![]).await;
    // At most five minutes after the last try.
    assert_eq!(step_at(&app, began, 90).await, ["completed"]);
    assert_eq!(kinds(&app).await, ["completed"]);
}

#[tokio::test]
async fn an_answer_that_is_missing_is_asked_for_soon_then_ever_later() {
    let app = TestApp::spawn().await;
    let grant = issue(&app).await;
    app.clock.advance(TimeDelta::minutes(27));
    break_head(&app, json!({"refuse": {"status": 403, "code": "AccessDenied", "message": "…"}})).await;
    let (began, mut tries) = (app.clock.now(), Vec::new());
    for _ in 0..60 {
        if !step(&app).await.is_empty() {
            tries.push((app.clock.now() - began).num_seconds());
        }
        app.clock.advance(TimeDelta::seconds(30));
    }
    assert_eq!(tries, [0, 30, 60, 120, 240, 480, 780, 1080, 1380, 1680]);
    assert_eq!(heads(&app, &[grant]).await, [tries.len()], "each is one question");
}

#[tokio::test]
async fn something_that_can_not_be_recorded_is_left_to_the_operator() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    put_aside(&app, &grant, b"hello").await;
    // The bucket's section is gone from the configuration of another replica.
    let mut other = app.replica().await;
    other.buckets.clear();
    app.clock.advance(began + TimeDelta::minutes(27) - app.clock.now());

    let looked = other.look_after_due(app.clock.now()).await.unwrap();

    assert_eq!(looked[0].finding.as_str(), "bucket_unknown");
    assert_eq!(state(&app, &grant).await, "issued");
    assert_eq!(step_at(&app, began, 84).await, [""; 0], "patiently");
    assert_eq!(step_at(&app, began, 85).await, ["completed"], "at the next scheduled look, by who knows the bucket");
}

#[tokio::test]
async fn a_multipart_upload_that_can_not_be_aborted_is_tried_again_though_its_object_is_recorded() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue_by(&app, "multipart").await, app.clock.now());
    put_aside(&app, &grant, b"hello").await;
    let fault = json!({"on": {"operation": "AbortMultipartUpload"}, "times": null, "do": {"error": {"status": 500}}});
    app.set_faults(vec![fault]).await;

    assert_eq!(step_at(&app, began, 27).await, ["unknown"]);
    assert_eq!(state(&app, &grant).await, "completed", "what was found is recorded all the same");
    app.set_faults(vec![]).await;
    assert_eq!(step_at(&app, began, 30).await, ["known"]);
    assert_eq!(step_at(&app, began, 10_000).await, [""; 0]);

    let log = send(app.http.get(format!("{}/-/log", app.simulator))).await.json();
    let aborted = |entry: &&Value| entry["operation"] == "AbortMultipartUpload" && entry["status"] == 204;
    assert_eq!(log.as_array().unwrap().iter().filter(aborted).count(), 1);
    assert_eq!(kinds(&app).await, ["completed"]);
}
