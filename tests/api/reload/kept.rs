//! What means the same under both configurations goes on: what it holds would be asked for again otherwise.

use std::sync::Arc;

use serde_json::json;

use super::{apply, with};
use crate::harness::{TestApp, pairs};

#[tokio::test]
async fn what_has_not_changed_is_taken_over_and_what_has_is_made_anew() {
    let app = TestApp::spawn().await;
    let first = app.live.current();

    apply(&app, &with(&app.toml, "\"5 MiB\"", "\"6 MiB\"")).await;
    let second = app.live.current();
    for bucket in ["media", "old"] {
        assert!(Arc::ptr_eq(&first.buckets[bucket], &second.buckets[bucket]), "{bucket}");
    }
    assert!(Arc::ptr_eq(&first.credentials["signer"], &second.credentials["signer"]));
    assert!(Arc::ptr_eq(&first.pacing, &second.pacing));

    // `uploads` stands on `signer`; only `media` is signed by V4 under another name of the region.
    let other_bucket = with(&app.toml, "signature_version = \"v1\"", "signature_version = \"v4\"");
    apply(&app, &other_bucket).await;
    let third = app.live.current();
    assert!(Arc::ptr_eq(&first.buckets["media"], &third.buckets["media"]));
    assert!(!Arc::ptr_eq(&first.buckets["old"], &third.buckets["old"]));
    assert!(Arc::ptr_eq(&first.credentials["signer"], &third.credentials["signer"]));

    apply(&app, &with(&app.toml, "LTAIsigner000001", "LTAIowner0000001")).await;
    let fourth = app.live.current();
    assert!(!Arc::ptr_eq(&first.credentials["signer"], &fourth.credentials["signer"]));
    assert!(!Arc::ptr_eq(&first.buckets["media"], &fourth.buckets["media"]), "it is signed by other credentials");

    apply(&app, &(app.toml.clone() + "\n[reconciler]\nrate = 7\n")).await;
    assert!(!Arc::ptr_eq(&first.pacing, &app.live.current().pacing));
}

#[tokio::test]
async fn new_credentials_are_there_when_they_are_put_in_force() {
    let app = TestApp::spawn().await;
    apply(&app, &app.toml.replace("\ncredentials = \"signer\"", "\ncredentials = \"uploads\"")).await;
    let valet = app.live.current();
    let statuses = valet.credential_statuses(valet.clock.now()).await;
    let usable: Vec<_> = statuses.iter().map(|(name, status)| (*name, status.usable)).collect();
    assert_eq!(usable, [("uploads", true)], "nobody has asked for them yet");
}

#[tokio::test]
async fn lent_credentials_are_lent_on_unless_what_they_are_for_has_changed() {
    let app = TestApp::spawn().await;
    let lend = async || {
        let answer = app.get("/compat/sts?profile=document", "u-7").await;
        let fields = answer.json();
        assert_eq!(fields["StatusCode"], 200, "{fields}");
        fields["AccessKeyId"].as_str().unwrap().to_owned()
    };
    let first = lend().await;
    apply(&app, &with(&app.toml, "\"5 MiB\"", "\"6 MiB\"")).await;
    assert_eq!(lend().await, first, "another profile has changed");
    apply(&app, &with(&app.toml, "[\"album\", \"note\"]", "[\"album\"]")).await;
    let second = lend().await;
    assert_ne!(second, first, "this profile has changed");
    apply(&app, &with(&app.toml, "role/uploads", "role/nobodys")).await;
    let answer = app.get("/compat/sts?profile=document", "u-7").await.json();
    assert_ne!(answer["StatusCode"], 200, "the role has changed: {answer}");
}

#[tokio::test]
async fn a_grant_is_shown_and_renewed_under_what_is_in_force() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "method": "put", "filename": "a.txt"})).await;
    apply(&app, &with(&app.toml, "headers = { \"x-oss-meta-origin\" = \"app\" }", "")).await;
    let renewed = app.post(&format!("{}/renew", crate::harness::path_of(&grant)), "u-7", &json!({})).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert_eq!(renewed.json()["key"], grant["key"]);
    assert!(!pairs(&renewed.json()["request"]["headers"]).is_empty());
}
