//! Sinks that never answer, or never stop: nobody else notices, and nothing grows.

use oss_valet::app::{
    deliver::{CONCURRENCY, DeliveryStep},
    ports::DeliveryState,
};

use super::{
    SinkSpec, complete,
    receiver::{Manners, Receiver, RudeReceiver},
    row, rows, sent, sink, spawn, step,
};
use crate::harness::TestApp;

async fn spawn_rude(receiver: &RudeReceiver) -> TestApp {
    spawn(&[SinkSpec { more: "timeout = \"500ms\"", ..sink("backend", receiver.url()) }]).await
}

#[tokio::test]
async fn a_sink_that_never_answers_slows_neither_callbacks_nor_other_sinks_and_holds_few_events() {
    let (mut silent, other) = (RudeReceiver::start(Manners::Silent).await, Receiver::start().await);
    let limit = CONCURRENCY as usize;
    // Longer than the test may take: only the abort below ends these calls.
    let silent_sink = SinkSpec { more: "timeout = \"1m\"", ..sink("silent", silent.url()) };
    let app = spawn(&[silent_sink, sink("other", other.url())]).await;
    for _ in 0..limit + 3 {
        complete(&app).await;
    }
    let valet = app.valet.clone();
    let now = oss_valet::clock::Clock::now(&*app.clock);
    let stuck = tokio::spawn(async move { valet.deliver_due("silent", now).await });
    for _ in 0..limit {
        silent.requests.recv().await.unwrap();
    }

    // The callbacks of these are answered while the sink hangs.
    for _ in 0..5 {
        complete(&app).await;
    }
    assert_eq!(step(&app, "other").await, sent(limit, 0));
    assert_eq!(step(&app, "other").await, sent(limit, 0));
    assert_eq!(other.received().await.len(), limit + limit);
    assert_eq!(silent.count(), 0, "no more than {limit} at a time");
    assert!(!stuck.is_finished());
    stuck.abort();
    let depth = app.valet.outbox.depth().await.unwrap();
    assert_eq!((depth[1].sink.as_str(), depth[1].pending), ("silent", limit as u64 + 8), "they wait in the ledger");
}

#[tokio::test]
async fn no_answer_in_time_is_a_failure() {
    let mut receiver = RudeReceiver::start(Manners::Silent).await;
    let app = spawn_rude(&receiver).await;
    complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(0, 1));
    assert_eq!(receiver.count(), 1);
    assert_eq!(row(&app).await.error.as_deref(), Some("no answer in time"));
}

#[tokio::test]
async fn of_an_acceptance_the_head_is_enough() {
    for head in
        ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]
    {
        let receiver = RudeReceiver::start(Manners::Stuck(head)).await;
        let app = spawn_rude(&receiver).await;
        complete(&app).await;
        assert_eq!(step(&app, "backend").await, sent(1, 0));
    }
    let receiver = RudeReceiver::start(Manners::Endless("HTTP/1.1 200 OK\r\n\r\n")).await;
    let app = spawn_rude(&receiver).await;
    complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(1, 0));
}

#[tokio::test]
async fn of_an_endless_refusal_a_little_is_read() {
    let receiver = RudeReceiver::start(Manners::Endless("HTTP/1.1 500 Oh\r\n\r\n")).await;
    // Were it read to its end, this would take a minute.
    let app = spawn(&[SinkSpec { more: "timeout = \"1m\"", ..sink("backend", receiver.url()) }]).await;
    complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(0, 1));
    let error = row(&app).await.error.unwrap();
    assert_eq!(error, format!("it answered 500: {}", "x".repeat(200)));
}

#[tokio::test]
async fn of_a_refusal_that_gets_stuck_the_status_is_known() {
    let head = "HTTP/1.1 503 Oh\r\nretry-after: 60\r\ncontent-length: 5\r\n\r\n";
    let receiver = RudeReceiver::start(Manners::Stuck(head)).await;
    let app = spawn_rude(&receiver).await;
    complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(0, 1));
    let rows = rows(&app).await;
    assert_eq!(rows[0].error.as_deref(), Some("it answered 503"));
    assert_eq!(rows[0].state, DeliveryState::Pending.as_str());
    assert!(matches!(step(&app, "backend").await, DeliveryStep::Paused(_)));
}
