//! The worker: it sends without being stepped, and stops without losing.

use oss_valet::outbox::{Stop, run};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    SinkSpec, complete,
    receiver::{Manners, Receiver, RudeReceiver},
    row, sent, sink, spawn, spawn_with, step,
};
use crate::harness::TestApp;

fn start(app: &TestApp) -> (JoinHandle<()>, Stop) {
    let stop = Stop { soft: CancellationToken::new(), hard: CancellationToken::new() };
    (tokio::spawn(run(app.live.clone(), stop.clone())), stop)
}

#[tokio::test]
async fn the_worker_sends_what_is_recorded_while_it_runs_and_what_was_before() {
    let mut first =
        RudeReceiver::start(Manners::Stuck("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")).await;
    let app = spawn(&[sink("backend", first.url())]).await;
    complete(&app).await;
    let (worker, stop) = start(&app);
    first.requests.recv().await.unwrap();
    for _ in 0..20 {
        complete(&app).await;
        first.requests.recv().await.unwrap();
    }
    stop.soft.cancel();
    worker.await.unwrap();
    let left = app.query_ledger("SELECT state FROM deliveries WHERE state != 'delivered'").await;
    assert_eq!(left.len(), 0, "what was sent is settled before the worker ends");
}

#[tokio::test]
async fn a_sink_that_hangs_keeps_no_other_waiting() {
    let (mut silent, mut fine) = (
        RudeReceiver::start(Manners::Silent).await,
        RudeReceiver::start(Manners::Stuck("HTTP/1.1 204 OK\r\nconnection: close\r\n\r\n")).await,
    );
    let hanging = SinkSpec { more: "timeout = \"1m\"", ..sink("silent", silent.url()) };
    let app = spawn(&[hanging, sink("fine", fine.url())]).await;
    let (worker, stop) = start(&app);
    for _ in 0..20 {
        complete(&app).await;
        fine.requests.recv().await.unwrap();
    }
    for _ in 0..8 {
        silent.requests.recv().await.unwrap();
    }
    assert_eq!(silent.count(), 0, "eight are under way, the rest waits in the ledger");
    stop.soft.cancel();
    stop.hard.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn out_of_patience_the_worker_gives_back_what_it_has_claimed() {
    let mut silent = RudeReceiver::start(Manners::Silent).await;
    let mut app = spawn(&[SinkSpec { more: "timeout = \"1m\"", ..sink("backend", silent.url()) }]).await;
    complete(&app).await;
    let (worker, stop) = start(&app);
    silent.requests.recv().await.unwrap();
    stop.soft.cancel();
    stop.hard.cancel();
    worker.await.unwrap();
    let given_back = row(&app).await;
    assert_eq!((given_back.state.as_str(), given_back.attempts), ("pending", 0));
    let now = oss_valet::clock::Clock::now(&*app.clock);
    assert_eq!(given_back.due_at, Some(now), "not when the lease would have ended");
    app.restart().await;
    assert_eq!(row(&app).await.attempts, 0);
}

#[tokio::test]
async fn asked_to_stop_the_worker_claims_no_more() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    let (worker, stop) = start(&app);
    stop.soft.cancel();
    worker.await.unwrap();
    complete(&app).await;
    assert_eq!(receiver.received().await.len(), 0);
    assert_eq!(step(&app, "backend").await, sent(1, 0), "the next one has it");
}
