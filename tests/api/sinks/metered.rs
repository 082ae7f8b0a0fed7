//! What `/metrics` tells of the outbox.

use chrono::{DateTime, TimeDelta};
use oss_valet::clock::Clock;

use super::{complete, receiver::Receiver, sent, spawn_with, step};
use crate::{
    harness::TestApp,
    metrics::{Scrape, assert_grew, value},
};

#[tokio::test]
async fn what_waits_what_is_dead_and_who_is_disabled_is_told_of_each_sink() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    assert_eq!(backend(&app, "outbox_pending").await, None, "nothing has been recorded for it");
    let recorded_at = (app.clock.now() - DateTime::UNIX_EPOCH).as_seconds_f64();
    complete(&app).await;
    complete(&app).await;
    assert_eq!(backend(&app, "outbox_pending").await, Some(2.0));
    app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(backend(&app, "outbox_oldest_pending_age_seconds").await, Some(300.0));
    let oldest = backend(&app, "outbox_oldest_pending_timestamp_seconds").await.unwrap();
    assert!((oldest - recorded_at).abs() < 1.0, "{oldest}");

    receiver.will_say(204);
    receiver.will_say(410);
    assert_eq!(step(&app, "backend").await, sent(1, 1));
    assert_eq!(backend(&app, "outbox_pending").await, Some(1.0));
    assert_eq!(backend(&app, "sink_disabled").await, Some(1.0));
    assert_eq!(backend(&app, "outbox_dead").await, Some(0.0));
}

#[tokio::test]
async fn a_dead_letter_is_counted() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    app.clock.advance(TimeDelta::days(4));
    receiver.will_say(500);
    assert_eq!(step(&app, "backend").await, sent(0, 1));
    assert_eq!(backend(&app, "outbox_dead").await, Some(1.0));
    assert_eq!(backend(&app, "outbox_oldest_pending_timestamp_seconds").await, None);
    assert_eq!(backend(&app, "outbox_oldest_pending_age_seconds").await, Some(0.0));
}

#[tokio::test]
async fn each_attempt_is_counted_by_its_outcome() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    for (says, outcome) in [(204, "delivered"), (500, "failed"), (410, "gone")] {
        let before = Scrape::of(&app).await;
        complete(&app).await;
        receiver.will_say(says);
        step(&app, "backend").await;
        let after = Scrape::of(&app).await;
        let labels = ["sink=\"backend\"", &format!("outcome=\"{outcome}\"")];
        assert_grew(&before, &after, 1.0, "oss_valet_deliveries_total", &labels);
        assert_grew(&before, &after, 1.0, "oss_valet_delivery_duration_seconds_count", &labels[..1]);
    }
}

async fn backend(app: &TestApp, name: &str) -> Option<f64> {
    value(app, &format!("oss_valet_{name}{{sink=\"backend\"}}")).await
}
