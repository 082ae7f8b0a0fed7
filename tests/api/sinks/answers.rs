//! What a sink gets, and what its answers do.

use chrono::TimeDelta;
use oss_valet::{app::deliver::DeliveryStep, clock::Clock};
use wiremock::ResponseTemplate;

use super::{
    SinkSpec, change, complete,
    receiver::{Receiver, SECRETS},
    row, rows, sent, sink, spawn, spawn_forged, spawn_with, step, wait_until_due,
};
use crate::forger::Forger;

#[tokio::test]
async fn an_event_arrives_as_it_was_recorded_signed_by_every_secret() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    let grant = complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(1, 0));

    let received = receiver.received().await;
    assert_eq!(received.len(), 1);
    let [event] = &received[..] else { unreachable!() };
    assert_eq!(
        (event.0.method.as_str(), event.0.url.path(), event.0.url.query()),
        ("POST", "/events", Some("tenant=7"))
    );
    assert_eq!(event.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(event.header("webhook-timestamp"), app.clock.now().timestamp().to_string());
    assert!(SECRETS.iter().all(|secret| event.is_signed_by(secret)));
    assert!(!event.is_signed_by("whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXRlc3Rz"));
    assert_eq!(event.json(), app.events().await[0], "the body is the recorded document");
    assert_eq!(event.header("webhook-id"), event.json()["id"].as_str().unwrap());
    assert_eq!(event.json()["data"]["upload_id"], grant["id"]);
    assert_eq!(event.json()["data"]["vars"]["album"], "42");
    assert_eq!(row(&app).await.state, "delivered");

    app.clock.advance(TimeDelta::days(4));
    assert_eq!(step(&app, "backend").await, DeliveryStep::Nothing, "once");
}

#[tokio::test]
async fn each_sink_gets_the_kinds_that_it_wants() {
    let forger = Forger::new();
    let (all, changes, expiries) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let sinks = [
        sink("all", all.url()),
        SinkSpec { more: "events = [\"upload.changed\", \"upload.rejected\"]", ..sink("changes", changes.url()) },
        SinkSpec { more: "events = [\"upload.expired\"]", ..sink("expiries", expiries.url()) },
    ];
    let app = crate::harness::TestApp::spawn_with(|settings| forger.trusted(super::with_sinks(settings, &sinks))).await;
    let grant = complete(&app).await;
    change(&app, &forger, &grant, b"other").await;
    for sink in ["all", "all", "changes", "expiries"] {
        step(&app, sink).await;
    }
    let kinds = async |receiver: &Receiver| -> Vec<String> {
        let received = receiver.received().await;
        received.iter().map(|event| event.json()["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&all).await, ["com.oss-valet.upload.completed", "com.oss-valet.upload.changed"]);
    assert_eq!(kinds(&changes).await, ["com.oss-valet.upload.changed"]);
    assert_eq!(kinds(&expiries).await, [""; 0]);
}

#[tokio::test]
async fn only_2xx_is_taken_for_delivered() {
    for status in [200, 201, 202, 204, 299] {
        let receiver = Receiver::start().await;
        let app = spawn_with(&receiver).await;
        complete(&app).await;
        receiver.will_say(status);
        assert_eq!(step(&app, "backend").await, sent(1, 0), "{status}");
    }
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    for status in [304, 400, 401, 404, 409, 413, 429, 500, 502, 503] {
        receiver.will_say(status);
        assert_eq!(step(&app, "backend").await, sent(0, 1), "{status}");
        assert_eq!(row(&app).await.error, Some(format!("it answered {status}")));
        wait_until_due(&app).await;
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    for status in [301, 302, 303, 307, 308] {
        receiver.will_answer(ResponseTemplate::new(status).insert_header("location", other.url()));
        assert_eq!(step(&app, "backend").await, sent(0, 1), "{status}");
        wait_until_due(&app).await;
    }
    assert_eq!(other.received().await.len(), 0);
}

#[tokio::test]
async fn a_grants_events_arrive_in_their_order_and_other_grants_do_not_wait() {
    let (forger, receiver) = (Forger::new(), Receiver::start().await);
    let app = spawn_forged(&forger, &receiver).await;
    let grant = complete(&app).await;
    change(&app, &forger, &grant, b"other").await;
    receiver.will_say(500);
    assert_eq!(step(&app, "backend").await, sent(0, 1), "the change waits");
    let other = complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(1, 0), "the other grant's");
    app.clock.advance(TimeDelta::seconds(10));
    assert_eq!(step(&app, "backend").await, sent(1, 0));
    assert_eq!(step(&app, "backend").await, sent(1, 0));
    let seen: Vec<_> = receiver
        .received()
        .await
        .iter()
        .map(|event| {
            let document = event.json();
            let kind = document["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            (document["data"]["upload_id"].clone(), kind)
        })
        .collect();
    let [first, second] = [&grant, &other].map(|grant| grant["id"].clone());
    let expected = [
        (first.clone(), "completed".to_owned()),
        (second, "completed".to_owned()),
        (first.clone(), "completed".to_owned()),
        (first, "changed".to_owned()),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn retry_after_is_honoured_for_the_whole_sink() {
    for (status, retry_after) in [(429, "120"), (503, "Sat, 21 Nov 2026 00:02:00 GMT")] {
        let receiver = Receiver::start().await;
        let app = spawn_with(&receiver).await;
        complete(&app).await;
        let start = app.clock.now();
        assert_eq!(start.to_rfc2822(), "Sat, 21 Nov 2026 00:00:00 +0000");
        receiver.will_answer(ResponseTemplate::new(status).insert_header("retry-after", retry_after));
        assert_eq!(step(&app, "backend").await, sent(0, 1));
        complete(&app).await;
        let until = start + TimeDelta::seconds(120);
        assert_eq!(step(&app, "backend").await, DeliveryStep::Paused(until), "nor anything else");
        app.clock.advance(TimeDelta::seconds(119));
        assert_eq!(step(&app, "backend").await, DeliveryStep::Paused(until));
        app.clock.advance(TimeDelta::seconds(1));
        assert_eq!(step(&app, "backend").await, sent(2, 0), "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_bounded_and_means_nothing_elsewhere() {
    for (status, retry_after, seconds) in [
        (429, "31536000", 12 * 3_600),
        (503, "Fri, 31 Dec 9999 23:59:59 GMT", 12 * 3_600),
        (500, "7200", 5),
        (404, "7200", 5),
        (429, "soon", 5),
        (503, "0", 5),
        (503, "Sat, 21 Nov 2020 00:02:00 GMT", 5),
    ] {
        let receiver = Receiver::start().await;
        let app = spawn_with(&receiver).await;
        complete(&app).await;
        receiver.will_answer(ResponseTemplate::new(status).insert_header("retry-after", retry_after));
        assert_eq!(step(&app, "backend").await, sent(0, 1));
        let wait = wait_until_due(&app).await;
        let longest = TimeDelta::seconds(seconds);
        assert!(wait <= longest && wait >= longest / 2, "{status} {retry_after}: {wait}");
    }
}

#[tokio::test]
async fn a_sink_that_is_gone_gets_nothing_more_until_it_is_enabled() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let mut app = spawn(&[sink("backend", receiver.url()), sink("other", other.url())]).await;
    complete(&app).await;
    receiver.will_answer(ResponseTemplate::new(410).set_body_string("moved\r\nto \u{1b}[31mMars"));
    assert_eq!(step(&app, "backend").await, sent(0, 1));
    let since = app.clock.now();
    complete(&app).await;
    app.clock.advance(TimeDelta::days(2));
    assert_eq!(step(&app, "backend").await, DeliveryStep::Disabled(since));
    app.restart().await;
    assert_eq!(step(&app, "backend").await, DeliveryStep::Disabled(since), "after a restart, too");
    assert_eq!(step(&app, "other").await, sent(2, 0), "others are not concerned");
    let depth = app.valet.outbox.depth().await.unwrap();
    assert_eq!(depth[0].disabled, Some((since, "it answered 410: moved to [31mMars".to_owned())));
    assert_eq!(receiver.received().await.len(), 1);

    app.clock.advance(TimeDelta::days(2));
    assert!(app.valet.outbox.enable_sink("backend", app.clock.now()).await.unwrap());
    receiver.will_say(500);
    assert_eq!(step(&app, "backend").await, sent(1, 1));
    assert_eq!(rows(&app).await.iter().filter(|row| row.state == "dead").count(), 0, "patience began anew");
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(step(&app, "backend").await, sent(1, 0));
}

#[tokio::test]
async fn what_a_refusal_says_is_kept_short_and_harmless() {
    let receiver = Receiver::start().await;
    let app = spawn_with(&receiver).await;
    complete(&app).await;
    receiver.will_answer(ResponseTemplate::new(500).set_body_string("  out of\r\n\u{7}cheese\u{202e} "));
    step(&app, "backend").await;
    assert_eq!(row(&app).await.error.as_deref().map(str::trim_end), Some("it answered 500: out of cheese"));
}
