//! When a delivery is tried again, and when no more.

use chrono::TimeDelta;
use oss_valet::{
    app::{deliver::DeliveryStep, ports::Replay},
    clock::Clock,
};
use uuid::Uuid;

use super::{change, complete, receiver::Receiver, row, rows, sent, spawn_forged, spawn_with, step, wait_until_due};
use crate::forger::Forger;

#[tokio::test]
async fn waiting_doubles_up_to_an_hour_and_three_days_are_the_end() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    let recorded = app.clock.now();
    for attempt in 1_u32.. {
        receiver.will_say(500);
        assert_eq!(step(&app, "backend").await, sent(0, 1), "attempt {attempt}");
        if row(&app).await.state == "dead" {
            break;
        }
        assert_eq!(step(&app, "backend").await, DeliveryStep::Nothing, "not at once");
        let wait = wait_until_due(&app).await;
        let longest = TimeDelta::seconds(5 << (attempt - 1).min(20)).min(TimeDelta::hours(1));
        assert!(wait >= longest / 2 && wait <= longest, "after attempt {attempt}: {wait}");
        assert!(app.clock.now() - recorded <= TimeDelta::days(3));
    }
    let dead = row(&app).await;
    assert_eq!((dead.state.as_str(), dead.due_at), ("dead", None));
    assert_eq!(dead.error.as_deref(), Some("it answered 500"));
    assert!(app.clock.now() - recorded > TimeDelta::days(3) - TimeDelta::hours(1), "not earlier than need be");
    let attempts = receiver.ids().await;
    assert_eq!(attempts.len(), usize::try_from(dead.attempts).unwrap());
    assert!((72..=160).contains(&attempts.len()), "{} attempts", attempts.len());
    assert!(attempts.iter().all(|id| *id == attempts[0]), "always the same event");

    app.clock.advance(TimeDelta::days(30));
    assert_eq!(step(&app, "backend").await, DeliveryStep::Nothing, "nobody tries again by himself");
}

#[tokio::test]
async fn every_attempt_is_signed_for_its_own_time() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    let mut times = Vec::new();
    for _ in 0..3 {
        receiver.will_say(500);
        times.push(app.clock.now().timestamp().to_string());
        step(&app, "backend").await;
        wait_until_due(&app).await;
        app.clock.advance(TimeDelta::seconds(1));
    }
    let received = receiver.received().await;
    let stamps: Vec<_> = received.iter().map(|event| event.header("webhook-timestamp").to_owned()).collect();
    assert_eq!(stamps, times);
    assert!(received.iter().all(|event| event.is_signed_by(super::SECRETS[0])));
}

#[tokio::test]
async fn a_dead_event_keeps_nobody_waiting_and_is_replayed_under_its_id() {
    let (forger, receiver) = (Forger::new(), Receiver::start().await);
    let app = spawn_forged(&forger, &receiver).await;
    let grant = complete(&app).await;
    app.clock.advance(TimeDelta::days(4));
    change(&app, &forger, &grant, b"other").await;
    receiver.will_say(500);
    assert_eq!(step(&app, "backend").await, sent(0, 1), "the first, at last, and never again");
    assert_eq!(rows(&app).await.iter().map(|row| row.state.as_str()).collect::<Vec<_>>(), ["dead", "pending"]);
    assert_eq!(step(&app, "backend").await, sent(1, 0), "the second");

    let ids = receiver.ids().await;
    let replay = Replay::Event { id: Uuid::parse_str(&ids[0]).unwrap(), sink: None };
    assert_eq!(app.valet.outbox.replay(&replay, app.clock.now()).await.unwrap(), 1);
    receiver.will_say(500);
    assert_eq!(step(&app, "backend").await, sent(0, 1), "three more days");
    app.clock.advance(TimeDelta::seconds(5));
    assert_eq!(step(&app, "backend").await, sent(1, 0));
    assert_eq!(receiver.ids().await, [&ids[0], &ids[1], &ids[0], &ids[0]].map(Clone::clone));
}
