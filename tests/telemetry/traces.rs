//! Traces: what a collector is sent, and how far a caller's trace reaches.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    receiver::{Told, find},
    world::{World, answer},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7";
const TRACED: [(&str, &str); 1] = [("TELEMETRY__OTLP_ENDPOINT", "{collector}")];

fn named<'s>(spans: &'s [Told], name: &str) -> Vec<&'s Told> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn only<'s>(spans: &'s [Told], name: &str) -> &'s Told {
    let found = named(spans, name);
    assert_eq!(found.len(), 1, "{name} among {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

#[tokio::test]
async fn spans_reach_the_collector_with_names_parents_and_attributes() {
    let world = World::start(&[TRACED[0], ("TELEMETRY__SERVICE_NAME", "valet-of-the-tests")]);
    let grant = world.issue("post").await;
    let (status, _) = world.upload(&grant).await;
    assert_eq!(status, 200);
    world.sink.wait_for(1);
    let ended = world.end();

    let spans = ended.collector.spans();
    let issued = only(&spans, "POST /v1/uploads");
    assert_eq!((issued.kind, issued.parent.as_str(), issued.is_error), (SpanKind::Server, "", false));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/uploads"),
        ("http.response.status_code", "201"),
        ("client.address", "127.0.0.1"),
        ("user.id", "u-dev"),
        ("profile.name", "document"),
        ("trace_id", &issued.trace),
    ] {
        assert_eq!(issued.attribute(name), value, "{name}");
    }
    assert!(!issued.attribute("request.id").is_empty());
    assert_eq!(find(&issued.resource, "service.name"), "valet-of-the-tests");
    assert_eq!(find(&issued.resource, "service.version"), env!("CARGO_PKG_VERSION"));

    let called_back = only(&spans, "POST /v1/callbacks/oss");
    assert_eq!(called_back.attribute("grant.id"), grant["id"]);
    let children = |parent: &Told| -> Vec<&Told> { spans.iter().filter(|span| span.parent == parent.id).collect() };
    let head = children(called_back).into_iter().find(|span| span.name == "oss HEAD").expect("it is confirmed");
    assert_eq!((head.kind, head.trace == called_back.trace), (SpanKind::Client, true));
    assert_eq!((head.attribute("bucket.name"), head.attribute("http.response.status_code")), ("dev-media", "200"));
    assert!(children(called_back).iter().any(|span| span.name == "commit"));
    assert!(children(issued).iter().any(|span| span.name == "commit"));
    let delivered = only(&spans, "deliver");
    assert_eq!((delivered.trace == called_back.trace, delivered.parent == called_back.id), (true, true));
    assert_eq!((delivered.attribute("sink.name"), delivered.attribute("delivery.attempt")), ("dev", "1"));
    // Log lines are told elsewhere.
    assert!(spans.iter().all(|span| span.events == 0));
}

#[tokio::test]
async fn a_callers_trace_runs_through_the_outbox_to_the_receiver() {
    let world = World::start(&TRACED);
    let grant = world.issue("put").await;
    world.put_object(&grant).await;
    let complete = world.request(Method::POST, &format!("/v1/uploads/{}/complete", grant["id"].as_str().unwrap()));
    let complete = complete.header("traceparent", PARENT).header("tracestate", STATE).json(&json!({}));
    let (status, done) = answer(complete).await;
    assert_eq!(status, 200, "{done}");
    let webhook = world.sink.wait_for(1).remove(0);
    let ended = world.end();

    let spans = ended.collector.spans();
    let completed = only(&spans, "POST /v1/uploads/{id}/complete");
    assert_eq!((completed.trace.as_str(), completed.parent.as_str()), (TRACE, "00f067aa0ba902b7"));
    let delivered = only(&spans, "deliver");
    assert_eq!((delivered.trace.as_str(), &delivered.parent), (TRACE, &completed.id));
    assert_eq!(webhook.header("traceparent").unwrap(), format!("00-{TRACE}-{}-01", delivered.id));
    assert_eq!(webhook.header("tracestate"), Some(STATE));
    let event: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(event["traceparent"], format!("00-{TRACE}-{}-01", completed.id), "where it was recorded");
    assert_eq!(event["tracestate"], STATE);
    let told = ended.audit("complete").remove(0);
    assert_eq!(told["trace_id"], TRACE);
}

#[tokio::test]
async fn a_trace_passes_through_where_none_is_exported() {
    let world = World::start(&[]);
    let grant = world.issue("put").await;
    world.put_object(&grant).await;
    let complete = world.request(Method::POST, &format!("/v1/uploads/{}/complete", grant["id"].as_str().unwrap()));
    let (status, _) = answer(complete.header("traceparent", PARENT).header("tracestate", STATE).json(&json!({}))).await;
    assert_eq!(status, 200);
    let webhook = world.sink.wait_for(1).remove(0);
    let ended = world.end();

    assert_eq!((webhook.header("traceparent"), webhook.header("tracestate")), (Some(PARENT), Some(STATE)));
    let event: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(event["traceparent"], PARENT);
    assert_eq!(ended.audit("complete")[0]["trace_id"], TRACE);
    assert!(ended.audit("issue")[0].get("trace_id").is_none(), "nobody knows of a trace");
    assert!(ended.collector.received().is_empty());
}

#[tokio::test]
async fn what_is_no_trace_context_is_ignored() {
    let world = World::start(&TRACED);
    for parents in [
        vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"],
        vec!["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
        vec!["\u{e9}"],
        vec![PARENT, PARENT],
    ] {
        let mut request = world.request(Method::GET, "/v1/profiles");
        for parent in &parents {
            request = request.header("traceparent", parent.as_bytes());
        }
        let (status, body) = answer(request).await;
        assert_eq!(status, 200, "{parents:?}: {body}");
    }
    let spans = world.end().collector.spans();
    let roots = named(&spans, "GET /v1/profiles");
    assert_eq!(roots.len(), 4);
    assert!(roots.iter().all(|span| span.parent.is_empty() && span.trace != TRACE), "{roots:#?}");
}

#[tokio::test]
async fn only_the_share_that_was_asked_for_is_recorded_and_what_comes_in_recorded_stays_so() {
    let world = World::start(&[TRACED[0], ("TELEMETRY__SAMPLING", "0")]);
    let grant = world.issue("put").await;
    world.put_object(&grant).await;
    let list = world.request(Method::GET, "/v1/uploads").header("traceparent", PARENT);
    assert_eq!(answer(list).await.0, 200);
    let (status, _) = world.post(&format!("/v1/uploads/{}/complete", grant["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(status, 200);
    let webhook = world.sink.wait_for(1).remove(0);
    let spans = world.end().collector.spans();
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    assert_eq!(only(&spans, "GET /v1/uploads").parent, "00f067aa0ba902b7");
    assert!(webhook.header("traceparent").unwrap().ends_with("-00"), "nobody is told to record it");
}

#[tokio::test]
async fn a_failure_of_ours_is_an_error_and_a_refusal_is_none() {
    let world = World::start(&TRACED);
    let grant = world.issue("put").await;
    let path = format!("/v1/uploads/{}/complete", grant["id"].as_str().unwrap());
    assert_eq!(world.post(&path, json!({})).await.0, 409);
    world.break_head(500).await;
    assert_eq!(world.post(&path, json!({})).await.0, 502);
    let ended = world.end();
    let errors: Vec<_> = ended.lines().into_iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "one line for one failure: {errors:#?}");
    assert_eq!((&errors[0]["error.code"], &errors[0]["grant.id"]), (&json!("oss_unavailable"), &grant["id"]));
    let spans = ended.collector.spans();
    let [refused, failed] = named(&spans, "POST /v1/uploads/{id}/complete")[..] else { panic!("{spans:#?}") };
    assert_eq!((refused.is_error, refused.attribute("error.type")), (false, "not_uploaded"));
    assert_eq!(refused.attribute("http.response.status_code"), "409");
    assert_eq!((failed.is_error, failed.attribute("error.type")), (true, "oss_unavailable"));
}

#[tokio::test]
async fn headers_for_the_collector_come_from_a_file_and_show_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    std::fs::write(&file, "Authorization: Basic c2VzYW1l\nx-project: uploads\n").unwrap();
    let world = World::start(&[
        TRACED[0],
        ("TELEMETRY__OTLP_HEADERS_FILE", file.to_str().unwrap()),
        ("TELEMETRY__LOG_FILTER", "trace"),
    ]);
    world.issue("post").await;
    let ended = world.end();
    let sent = ended.collector.received();
    assert!(!sent.is_empty());
    for request in sent {
        assert_eq!(request.header("authorization"), Some("Basic c2VzYW1l"));
        assert_eq!(request.header("x-project"), Some("uploads"));
    }
    assert!(!ended.output.contains("c2VzYW1l"));
}

#[tokio::test]
async fn a_dead_collector_costs_nothing_but_a_line() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = World::start(&[("TELEMETRY__OTLP_ENDPOINT", &format!("http://{nobody}"))]);
    for _ in 0..5 {
        world.issue("post").await;
    }
    let ended = world.end();
    let told: Vec<_> =
        ended.lines().into_iter().filter(|line| line["message"].as_str().unwrap().contains("collector")).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["level"], "WARN");
    assert!(told[0]["error.cause"].as_str().unwrap().contains("refused"), "{}", told[0]);
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_nobody() {
    // It accepts, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::start(&[("TELEMETRY__OTLP_ENDPOINT", &format!("http://{}", silent.local_addr().unwrap()))]);
    world.issue("post").await;
    let begun = std::time::Instant::now();
    world.end();
    assert!(begun.elapsed() < std::time::Duration::from_secs(8), "the end is not waited for: {:?}", begun.elapsed());
}
