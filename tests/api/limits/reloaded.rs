//! Limits that change while the service runs.

use chrono::TimeDelta;
use oss_valet::startup::Reloaded;
use serde_json::json;

use crate::harness::TestApp;

const LIMITS: &str = "requests_per_minute = 1\nburst = 2\naddress_requests_per_minute = 0";

/// Puts the service's settings in force with this change.
async fn reload(app: &mut TestApp, from: &str, to: &str) {
    let toml = app.toml.replace(from, to);
    assert_ne!(toml, app.toml, "{from}");
    assert!(matches!(app.reload(&toml).await, Reloaded::Applied { .. }));
    app.toml = toml;
}

#[tokio::test]
async fn a_limit_that_stays_keeps_its_counts_and_another_begins_anew() {
    let mut app = TestApp::spawn_limited(LIMITS, "").await;
    for remaining in [1, 0] {
        let answer = app.get("/v1/profiles", "u-7").await;
        assert!(answer.header("ratelimit").starts_with(&format!("\"user\";r={remaining};")), "{answer:?}");
    }
    reload(&mut app, "address_requests_per_minute = 0", "address_requests_per_minute = 600\naddress_burst = 100").await;
    let refused = app.get("/v1/profiles", "u-7").await;
    refused.assert_refused(429, "rate_limited");
    assert!(refused.header("ratelimit-policy").contains("\"address\";q=100;w=10"), "{refused:?}");

    reload(&mut app, "burst = 2", "burst = 3").await;
    let answer = app.get("/v1/profiles", "u-7").await;
    assert!(answer.header("ratelimit").starts_with("\"user\";r=2;"), "{answer:?}");
    app.clock.advance(TimeDelta::hours(1));
    reload(&mut app, "requests_per_minute = 1\nburst = 3", "requests_per_minute = 0").await;
    assert!(!app.get("/v1/profiles", "u-7").await.header("ratelimit").contains("user"));
}

#[tokio::test]
async fn quotas_and_sizes_change_at_once() {
    let mut app = TestApp::spawn_limited("open_grants = 1\nmax_body = \"1 KiB\"", "").await;
    let ask = json!({"profile": "avatar", "filename": "me.png"});
    assert_eq!(app.post("/v1/uploads", "u-7", &ask).await.status, 201);
    app.post("/v1/uploads", "u-7", &ask).await.assert_refused(429, "quota_exceeded");
    reload(&mut app, "open_grants = 1", "open_grants = 2").await;
    assert_eq!(app.post("/v1/uploads", "u-7", &ask).await.status, 201);

    let large = format!("{ask}{}", " ".repeat(2000));
    app.post_raw("/v1/uploads", "u-8", large.clone()).await.assert_refused(413, "body_too_large");
    reload(&mut app, "max_body = \"1 KiB\"", "max_body = \"3 KiB\"").await;
    assert_eq!(app.post_raw("/v1/uploads", "u-8", large).await.status, 201);
}
