//! What is asked at the scrape, and how it is written.

use oss_valet::instruments::catalogue::{ALL, Kind};
use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use super::{Scrape, assert_grew, value};
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
}

#[tokio::test]
async fn every_metric_of_the_catalogue_is_named_and_nothing_else_stands_there() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    assert_eq!(upload(&app, &grant, b"hello").await.status, 200);
    let page = send(app.http.get(format!("{}/metrics", app.ops))).await.text();

    for instrument in ALL {
        let (name, kind) = (instrument.name, instrument.kind.as_str());
        let head = format!("# HELP {name} {}\n# TYPE {name} {kind}\n", instrument.help);
        assert_eq!(page.matches(&head).count(), 1, "{name}");
    }
    assert_eq!(page.lines().filter(|line| line.starts_with("# TYPE ")).count(), ALL.len());
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let names = |kind: Kind, known: &str| match kind {
            Kind::Histogram(_) => ["bucket", "sum", "count"].iter().any(|part| format!("{known}_{part}") == name),
            Kind::Counter | Kind::Gauge => known == name,
        };
        let known = ALL.iter().find(|known| names(known.kind, known.name)).unwrap_or_else(|| panic!("{name}"));
        for label in labels.split("\",").filter_map(|pair| pair.split_once("=\"")).map(|(label, _)| label) {
            assert!(known.labels.contains(&label) || (label == "le" && name.ends_with("_bucket")), "{line}");
        }
    }
}

#[tokio::test]
async fn the_process_tells_how_it_does() {
    let app = TestApp::spawn().await;
    let before = Scrape::of(&app).await;
    let of = |name: &str| before.sum(name, &[]);
    assert!(of("process_resident_memory_bytes") > 1e6);
    assert!(of("process_virtual_memory_bytes") > of("process_resident_memory_bytes"));
    assert!(of("process_open_fds") > 3.0);
    assert!(of("process_max_fds") > of("process_open_fds"));
    assert!(of("process_threads") >= 1.0);
    assert!(of("process_start_time_seconds") > 1.7e9);
    let worked = (0..50_000_000_u64).fold(0, |sum: u64, n| std::hint::black_box(sum.rotate_left(5) ^ n));
    assert_ne!(worked, 0);
    assert_grew(&before, &Scrape::of(&app).await, 0.01, "process_cpu_seconds_total", &[]);
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
