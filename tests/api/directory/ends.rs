//! How a directory grant ends, and what still arrives then.

use chrono::TimeDelta;
use serde_json::json;

use super::{AFTER_THE_END, appserver, dir, last_grant, look_after, news, told, upload};
use crate::{
    forger::Forger,
    harness::{TestApp, path_of},
};

#[tokio::test]
async fn a_directory_that_stayed_empty_expires_and_that_is_told() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    look_after(&app, TimeDelta::minutes(5)).await;
    assert_eq!(last_grant(&app, "u-7").await["state"], "issued");

    look_after(&app, AFTER_THE_END).await;

    assert_eq!(last_grant(&app, "u-7").await["state"], "expired");
    assert_eq!(news(&app).await, [told("expired", dir(&answer))]);
}

#[tokio::test]
async fn a_directory_with_objects_ends_without_news() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    upload(&app, &answer, "a", b"hello").await;

    look_after(&app, AFTER_THE_END).await;

    assert_eq!(last_grant(&app, "u-7").await["state"], "expired");
    assert_eq!(news(&app).await, [told("completed", &format!("{}a", dir(&answer)))]);
}

#[tokio::test]
async fn after_its_end_oss_takes_nothing_and_what_it_took_is_late_but_counts() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(upload(&app, &answer, "a", b"hello").await.status, 403, "the policy's time is over");

    super::put_aside(&app, &format!("{}a", dir(&answer)), "text/plain", b"hello").await;
    let late = forger.callback(super::attacks::body(&answer, "a", b"hello")).send(&app).await;

    assert_eq!(late.status, 200, "{}", late.text());
    let grant = last_grant(&app, "u-7").await;
    assert_eq!((&grant["state"], &grant["objects"][0]["late"]), (&json!("expired"), &json!(true)), "{grant}");
}

#[tokio::test]
async fn what_arrives_after_cancelling_is_rejected() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    upload(&app, &answer, "before", b"hello").await;
    let grant = last_grant(&app, "u-7").await;
    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);
    app.act(&grant, "renew").await.assert_refused(409, "grant_cancelled");

    let after = upload(&app, &answer, "after", b"hello").await;
    assert_eq!(after.status, 203, "nobody can call a policy back: {}", after.text());
    let body = super::attacks::body(&answer, "after", b"hello");
    for _ in 0..2 {
        forger.callback(body.clone()).send(&app).await.assert_refused(409, "grant_cancelled");
    }
    super::put_aside(&app, &format!("{}aside", dir(&answer)), "text/plain", b"hello").await;
    look_after(&app, AFTER_THE_END).await;

    let grant = last_grant(&app, "u-7").await;
    assert_eq!(grant["state"], "cancelled");
    let shown = |n: usize| (grant["objects"][n]["state"].clone(), grant["objects"][n]["reason"].clone());
    assert_eq!(shown(0), (json!("rejected"), json!("cancelled")), "found by looking");
    assert_eq!(shown(1), (json!("rejected"), json!("cancelled")));
    assert_eq!(shown(2), (json!("completed"), json!(null)), "what was there before stands");
    let before = forger.callback(super::attacks::body(&answer, "before", b"hello")).send(&app).await;
    assert_eq!(before.status, 200, "{}", before.text());
    let kinds: Vec<_> = news(&app).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["completed", "rejected", "rejected"]);
}
