//! Traces switched on, off and over while the process runs.

use oss_valet::telemetry::{Format, Telemetry, TelemetryConfig, TracesConfig};
use reqwest::Method;

use crate::{
    receiver::Receiver,
    world::{World, answer},
};

fn config(collector: Option<&Receiver>) -> TelemetryConfig {
    let traces = collector.map(|collector| TracesConfig {
        endpoint: collector.url.parse().unwrap(),
        headers: Vec::new(),
        sampling: 1.0,
        service_name: "test".to_owned(),
    });
    TelemetryConfig { format: Format::Json, filter: "off".to_owned(), audit: false, traces }
}

fn span(name: &str) {
    // As ours are: what others are called is not traced.
    tracing::info_span!(target: "oss_valet::test", "work", otel.name = name).in_scope(|| ());
    tracing::info_span!(target: "hyper", "work", otel.name = "a library's").in_scope(|| ());
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_go_where_the_last_configuration_says_or_nowhere() {
    // Another test may have been faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (one, other) = (Receiver::start(), Receiver::start());
    let telemetry = Telemetry::init(&config(None)).unwrap();
    span("before");
    telemetry.apply(&config(Some(&one))).unwrap();
    span("to the one");
    telemetry.apply(&config(Some(&one))).unwrap();
    span("to the one still");
    telemetry.apply(&config(Some(&other))).unwrap();
    span("to the other");
    telemetry.apply(&config(None)).unwrap();
    span("to nobody");
    let unreadable = TelemetryConfig { filter: "oss_valet=loud".to_owned(), ..config(Some(&one)) };
    assert!(telemetry.apply(&unreadable).is_err());
    span("still to nobody");
    telemetry.apply(&config(Some(&other))).unwrap();
    span("to the other again");
    telemetry.shut_down().await;
    span("after the end");

    // What was switched away from is sent while the next one works already.
    one.wait_for(1);
    other.wait_for(2);
    let names = |receiver: &Receiver| -> Vec<String> { receiver.spans().into_iter().map(|span| span.name).collect() };
    assert_eq!(names(&one), ["to the one", "to the one still"]);
    assert_eq!(names(&other), ["to the other", "to the other again"]);
}

#[tokio::test]
async fn a_reload_switches_traces_on() {
    let world = World::start(&[]);
    world.reconfigure("[telemetry]\notlp_endpoint = \"{collector}\"\n");
    let ask = || answer(world.request(Method::GET, "/v1/profiles"));
    while world.collector.received().is_empty() {
        assert_eq!(ask().await.0, 200);
    }
    let ended = world.end();
    assert!(ended.collector.spans().iter().any(|span| span.name == "GET /v1/profiles"));
    let reloaded =
        ended.lines().into_iter().find(|line| line["message"] == "another configuration is in force").unwrap();
    assert_eq!(reloaded["settings.changed"], "telemetry.otlp_endpoint");
}
