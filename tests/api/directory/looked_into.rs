//! Objects that nobody told us about are found by listing the directory.

use chrono::TimeDelta;
use oss_valet::{app::reconcile::Reconciled, clock::Clock};
use reqwest::Method;
use serde_json::json;

use super::{AFTER_THE_END, appserver, dir, last_grant, look_after, news, put_aside, told, upload};
use crate::harness::{TestApp, send};

#[tokio::test]
async fn an_object_whose_callback_was_lost_is_found() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    upload(&app, &answer, "told", b"told").await;
    app.set_callback_faults(&["drop"]).await;
    upload(&app, &answer, "sub/lost 文件", b"lost").await;

    look_after(&app, AFTER_THE_END).await;

    let expected = ["told", "sub/lost 文件"].map(|name| told("completed", &format!("{}{name}", dir(&answer))));
    assert_eq!(news(&app).await, expected);
    let grant = last_grant(&app, "u-7").await;
    assert_eq!(grant["state"], "expired");
    let found = &grant["objects"][0];
    assert_eq!((&found["source"], &found["content_type"]), (&json!("reconciled"), &json!("text/html")), "{found}");
}

#[tokio::test]
async fn a_callback_that_could_not_be_confirmed_is_made_good_at_once() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    app.set_faults(vec![json!({"on": {"operation": "HeadObject"}, "do": {"error": {"status": 503}}})]).await;
    let unsure = upload(&app, &answer, "a", b"hello").await;
    assert_eq!(unsure.status, 203, "{}", unsure.text());

    assert_eq!(look_after(&app, TimeDelta::zero()).await, Reconciled::Grants(1));

    assert_eq!(news(&app).await, [told("completed", &format!("{}a", dir(&answer)))]);
    assert_eq!(last_grant(&app, "u-7").await["state"], "issued", "and its time goes on");
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(last_grant(&app, "u-7").await["state"], "expired");
}

#[tokio::test]
async fn a_directory_of_many_is_looked_through_in_several_steps() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    for n in 0..230 {
        put_aside(&app, &format!("{}{n:03}", dir(&answer)), "text/plain", b"hello").await;
    }
    let mut counts = Vec::new();
    app.clock.advance(AFTER_THE_END);
    while app.valet.reconcile_due(app.clock.now()).await.unwrap() != Reconciled::Nothing {
        counts.push(app.events().await.len());
    }
    assert_eq!(counts, [100, 200, 230], "each object once");
    assert_eq!(last_grant(&app, "u-7").await["state"], "expired");
}

#[tokio::test]
async fn a_bucket_of_the_old_signature_is_listed_too() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace("[profiles.old]\n", "[profiles.old]\ndirectory = \"old/{user_id}/{id}/\"\n")
    })
    .await;
    let answer = appserver(&app, "u-7", "old").await;
    app.set_callback_faults(&["drop"]).await;
    upload(&app, &answer, "lost +&文件", b"lost").await;
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(news(&app).await, [told("completed", &format!("{}lost +&文件", dir(&answer)))]);
}

#[tokio::test]
async fn where_oss_does_not_answer_nothing_ends() {
    let app = TestApp::spawn().await;
    appserver(&app, "u-7", "document").await;
    app.set_faults(vec![json!({"on": {"operation": "ListObjectsV2"}, "do": {"error": {"status": 503}}, "times": 9})])
        .await;
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(last_grant(&app, "u-7").await["state"], "issued");
    app.set_faults(vec![]).await;
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(last_grant(&app, "u-7").await["state"], "expired");
}

#[tokio::test]
async fn what_breaks_the_grant_is_rejected_and_deleted_where_the_profile_says_so() {
    let app = TestApp::spawn_with(|settings| {
        settings
            .replace("[profiles.strict]\n", "[profiles.strict]\ndirectory = \"strict/{id}/\"\n")
            .replace("methods = [\"put\"]\nmin_size = 10", "methods = [\"post\"]\nmin_size = 10")
    })
    .await;
    let answer = appserver(&app, "u-7", "strict").await;
    put_aside(&app, &format!("{}short", dir(&answer)), "text/plain", b"short").await;
    put_aside(&app, &format!("{}good", dir(&answer)), "text/plain", b"long enough").await;
    look_after(&app, AFTER_THE_END).await;
    let key = |name: &str| format!("{}{name}", dir(&answer));
    assert_eq!(news(&app).await, [told("completed", &key("good")), told("rejected", &key("short"))]);
    let left = app.objects("app-media").await.to_string();
    assert!(left.contains(&key("good")) && !left.contains(&key("short")), "{left}");
}

#[tokio::test]
async fn the_directory_itself_is_no_object_under_it() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let url = format!("{}/-/objects/app-media/{}", app.simulator, dir(&answer));
    send(app.http.request(Method::PUT, url).header("content-type", "text/plain").body("")).await;
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(news(&app).await, [told("rejected", dir(&answer))]);
    assert_eq!(last_grant(&app, "u-7").await["objects"][0]["reason"], "key_not_allowed");
}
