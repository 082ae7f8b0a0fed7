//! A configuration that is no good changes nothing.

use std::sync::Arc;

use chrono::TimeDelta;
use oss_valet::{clock::Clock, startup::Reloaded};
use serde_json::json;

use super::{apply, with};
use crate::{
    harness::{JWT_SECRET, TestApp},
    metrics::{Scrape, assert_grew, value},
};

const COUNTER: &str = "oss_valet_config_reloads_total";
const GAUGE: &str = "oss_valet_config_last_reload_success_timestamp_seconds";

async fn refused(app: &TestApp, settings: &str) -> Vec<String> {
    match app.reload(settings).await {
        Reloaded::Refused(reasons) => reasons,
        applied @ Reloaded::Applied { .. } => panic!("{applied:?}"),
    }
}

#[tokio::test]
async fn every_fault_is_named_and_the_old_configuration_stays_until_a_good_one_comes() {
    let app = TestApp::spawn().await;
    let before = app.live.current();
    let place = "tests/api/settings.toml";
    for (why, settings, expected) in [
        ("no TOML", app.toml.clone() + "\n[", vec![format!("{place}: ")]),
        (
            "an unknown key",
            with(&app.toml, "workers = 2", "wrokers = 2"),
            vec![format!("{place}: server.wrokers: unknown key")],
        ),
        (
            "two faults",
            with(&with(&app.toml, "\"5 MiB\"", "\"5 mib\""), "credentials = \"signer\"", "credentials = \"nobody\""),
            vec![
                format!("{place}: buckets.media.credentials: there is no [credentials.nobody]"),
                format!("{place}: profiles.avatar.max_size: `5 mib` is no size"),
            ],
        ),
        (
            "a secret that is too short",
            with(&app.toml, JWT_SECRET, "sesame"),
            vec![format!("{place}: auth.issuers[0].hmac_secret: an HMAC secret needs at least 32 bytes")],
        ),
        (
            "a file that is not there",
            with(&app.toml, &format!("hmac_secret = {JWT_SECRET:?}"), "public_key_file = \"/nowhere/jwt.pem\""),
            vec!["auth: /nowhere/jwt.pem".to_owned()],
        ),
        (
            "what `check` would refuse",
            app.toml.clone()
                + "\n[[sinks]]\nname = \"inside\"\nurl = \"https://10.0.0.7/\"\nsecrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]\n",
            vec![format!("{place}: sinks[0].url: ")],
        ),
    ] {
        let reasons = refused(&app, &settings).await;
        assert_eq!(reasons.len(), expected.len(), "{why}: {reasons:#?}");
        for (reason, expected) in reasons.iter().zip(expected) {
            assert!(reason.starts_with(&expected), "{why}: {reason}");
            assert!(!reason.contains("sesame") && !reason.contains("MDEy"), "{why}: {reason}");
        }
        assert!(Arc::ptr_eq(&before, &app.live.current()), "{why}: nothing is replaced");
        app.issue("u-7", json!({"profile": "avatar", "filename": "me.png", "size": 4})).await;
    }
    let ready = app.http.get(format!("{}/readyz", app.ops)).send().await.unwrap();
    assert_eq!(ready.status(), 200, "a configuration that was refused makes nobody unready");

    assert_eq!(apply(&app, &with(&app.toml, "\"5 MiB\"", "\"6 MiB\"")).await, ["profiles.avatar.max_size"]);
    assert!(!Arc::ptr_eq(&before, &app.live.current()));
}

#[tokio::test]
async fn reloads_are_counted_and_the_last_good_one_is_dated() {
    let app = TestApp::spawn().await;
    let begun = app.clock.now().timestamp();
    let dated = async || value(&app, GAUGE).await.unwrap();
    let is = |seconds: i64, value: f64| format!("{value}") == format!("{}", begun + seconds);
    assert!(is(0, dated().await), "a start counts, too");
    let before = Scrape::of(&app).await;

    app.clock.advance(TimeDelta::seconds(60));
    refused(&app, "[").await;
    assert!(is(0, dated().await));
    app.clock.advance(TimeDelta::seconds(60));
    apply(&app, &app.toml).await;
    assert!(is(120, dated().await));

    let after = Scrape::of(&app).await;
    for outcome in ["applied", "refused"] {
        assert_grew(&before, &after, 1.0, COUNTER, &[&format!("outcome=\"{outcome}\"")]);
    }
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_is_applied() {
    let app = TestApp::spawn().await;
    let other = with(&with(&app.toml, "workers = 2", "workers = 3"), "\"5 MiB\"", "\"6 MiB\"");
    let expected = |changed: &[&str], waiting: &[&str]| Reloaded::Applied {
        changed: changed.iter().map(ToString::to_string).collect(),
        waiting: waiting.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(app.reload(&other).await, expected(&["profiles.avatar.max_size"], &["server.workers"]));
    assert_eq!(app.live.current().profiles["avatar"].max_size, 6 << 20);
    assert_eq!(app.reload(&other).await, expected(&[], &["server.workers"]), "told until it is so");
    assert_eq!(app.reload(&app.toml).await, expected(&["profiles.avatar.max_size"], &[]), "as it was started");
}
