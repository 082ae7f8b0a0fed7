//! `/metrics` of the operations listener: Prometheus' text format, and what it tells.

use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::harness::{TestApp, send, upload};

#[tokio::test]
async fn a_fresh_service_tells_how_it_stands() {
    let app = TestApp::spawn().await;
    let answer = send(app.http.get(format!("{}/metrics", app.ops))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    for line in [
        concat!("oss_valet_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\",revision=\"unknown\"} 1"),
        "oss_valet_draining 0",
        "oss_valet_store_up 1",
        "oss_valet_credentials_usable{credentials=\"signer\"} 1",
        "oss_valet_credentials_state{credentials=\"signer\",state=\"ok\"} 1",
        "oss_valet_credentials_state{credentials=\"signer\",state=\"failing\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
        assert!(text.contains(&format!("# TYPE {name} gauge")), "{name} has no type");
    }
}

#[tokio::test]
async fn osss_clock_is_told_once_it_is_known() {
    let app = TestApp::spawn().await;
    assert_eq!(value(&app, "oss_valet_clock_offset_seconds{bucket=\"media\"}").await, None);
    app.oss_clock.set_ahead(chrono::TimeDelta::seconds(30));
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    assert_eq!(upload(&app, &grant, b"hello").await.status, 200);
    assert_eq!(value(&app, "oss_valet_clock_offset_seconds{bucket=\"media\"}").await, Some(30.0));
}

#[tokio::test]
async fn a_draining_service_says_so() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace("grace = \"1s\"\ndrain_delay = \"0s\"", "grace = \"60s\"\ndrain_delay = \"30s\"")
    })
    .await;
    app.drain();
    assert_eq!(value(&app, "oss_valet_draining").await, Some(1.0));
}

#[tokio::test]
async fn a_ledger_that_can_not_be_read_leaves_the_rest_to_be_told() {
    let app = TestApp::spawn().await;
    let url = format!("sqlite://{}", app.data.path().join("ledger.db").display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("ALTER TABLE deliveries RENAME TO put_aside").await.unwrap();
    assert_eq!(value(&app, "oss_valet_store_up").await, Some(0.0));
    assert_eq!(value(&app, "oss_valet_credentials_usable{credentials=\"signer\"}").await, Some(1.0));
}

/// The value behind that name and its labels.
pub(crate) async fn value(app: &TestApp, series: &str) -> Option<f64> {
    let text = send(app.http.get(format!("{}/metrics", app.ops))).await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}
