//! Several replicas, and crashes between claim and delivery.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::{deliver::DeliveryStep, ports::Claimed},
    clock::Clock,
};

use super::{complete, receiver::Receiver, row, sent, spawn_with, step};

#[tokio::test]
async fn of_two_replicas_each_event_is_sent_by_one() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    for _ in 0..20 {
        complete(&app).await;
    }
    let other = app.replica().await;
    let now = app.clock.now();
    let steps = (0..8).map(|n| {
        let valet = if n % 2 == 0 { &app.valet } else { &other };
        valet.deliver_due("backend", now)
    });
    for step in join_all(steps).await {
        assert!(matches!(step.unwrap(), DeliveryStep::Nothing | DeliveryStep::Sent { failed: 0, .. }));
    }
    let ids = receiver.ids().await;
    assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (20, 20));
}

#[tokio::test]
async fn what_was_claimed_by_a_process_that_died_is_sent_when_its_lease_has_ended() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    let claimed = app.valet.claim_deliveries_due("backend", 8, app.clock.now()).await.unwrap();
    let Claimed::Deliveries(deliveries) = claimed else { panic!("{claimed:?}") };
    assert_eq!(deliveries.len(), 1);
    drop(deliveries);

    let other = app.replica().await;
    // The sink's time limit is 10 s, and there is a margin of 10 s.
    app.clock.advance(TimeDelta::seconds(19));
    assert_eq!(other.deliver_due("backend", app.clock.now()).await.unwrap(), DeliveryStep::Nothing);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(other.deliver_due("backend", app.clock.now()).await.unwrap(), sent(1, 0));
    assert_eq!(receiver.received().await.len(), 1);
    assert_eq!(row(&app).await.attempts, 2);
}

#[tokio::test]
async fn what_was_delivered_by_a_process_that_died_before_it_could_say_so_arrives_again_under_the_same_id() {
    let receiver = Receiver::start().await;
    let mut app = spawn_with(&receiver).await;
    complete(&app).await;
    let claimed = app.valet.claim_deliveries_due("backend", 8, app.clock.now()).await.unwrap();
    let Claimed::Deliveries(deliveries) = claimed else { panic!("{claimed:?}") };
    let message = oss_valet::app::ports::Message { id: deliveries[0].event_id, payload: &deliveries[0].payload };
    app.valet.sinks["backend"].send(&message, app.clock.now()).await;
    app.restart().await;
    app.clock.advance(TimeDelta::seconds(20));
    assert_eq!(step(&app, "backend").await, sent(1, 0));
    let ids = receiver.ids().await;
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}
