//! The outbox: deliveries, their order, leases, and what ends them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{
        Claimed, Delivery, DeliveryClaim, DeliveryStanding, DeliveryState, EventFilter, Fate, GrantChange, Ledger,
        OutgoingEvent, Replay, Settled, Settlement, SinkDepth,
    },
    grant::grant::State,
};

use crate::{
    bed::Bed,
    sample::{change, completing, completion, event, grant, id, noon},
};

const SINK: &str = "backend";
const OTHER: &str = "audit";
const LEASE: TimeDelta = TimeDelta::seconds(20);

fn later(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

fn told(n: u64, number: u64, sinks: &[&str]) -> OutgoingEvent {
    OutgoingEvent { sinks: sinks.iter().map(ToString::to_string).collect(), ..event(n, number) }
}

/// The `n`th grant, completed with an event for these sinks.
async fn tell(bed: &Bed, n: u64, number: u64, sinks: &[&str]) {
    bed.store.add_grant(grant(n)).await.unwrap();
    let change = GrantChange { events: vec![told(n, number, sinks)], ..completing(n, "AA", number) };
    bed.store.change_grant(change).await.unwrap();
}

/// Its object changes; another event.
async fn tell_change(bed: &Bed, n: u64, number: u64, sinks: &[&str]) {
    let change = GrantChange {
        completion: Some(completion(n, &format!("E{number}"))),
        events: vec![told(n, number, sinks)],
        ..change(n, &[State::Completed], State::Completed)
    };
    bed.store.change_grant(change).await.unwrap();
}

async fn claim_from(store: &dyn Ledger, sink: &str, limit: u32, now: DateTime<Utc>) -> Claimed {
    let claim = DeliveryClaim { sink: sink.to_owned(), limit, now, lease: LEASE };
    store.claim_deliveries(&claim).await.unwrap()
}

async fn claim(bed: &Bed, sink: &str, now: DateTime<Utc>) -> Vec<Delivery> {
    match claim_from(&*bed.store, sink, 100, now).await {
        Claimed::Deliveries(deliveries) => deliveries,
        nothing => panic!("{nothing:?}"),
    }
}

fn numbers(deliveries: &[Delivery]) -> Vec<u128> {
    deliveries.iter().map(|delivery| delivery.event_id.as_u128() - id(1_000_000).as_u128()).collect()
}

async fn settle(bed: &Bed, sink: &str, delivery: &Delivery, fate: Fate, now: DateTime<Utc>) -> Settled {
    let Delivery { event_seq, grant_id, attempt, .. } = *delivery;
    let sink = sink.to_owned();
    bed.store.settle_delivery(Settlement { sink, event_seq, grant_id, attempt, now, fate }).await.unwrap()
}

fn retry(at: DateTime<Utc>) -> Fate {
    Fate::Retry { at, error: "it answered 500".to_owned(), pause_until: None }
}

fn dead() -> Fate {
    Fate::Dead { error: "it answered 500".to_owned() }
}

async fn standing(bed: &Bed, number: u64, sink: &str) -> DeliveryStanding {
    let entry = bed.store.find_event(id(1_000_000 + number)).await.unwrap().expect("the event is in the outbox");
    entry.deliveries.into_iter().find(|delivery| delivery.sink == sink).expect("a delivery to the sink")
}

async fn depth(bed: &Bed, sink: &str) -> SinkDepth {
    bed.store.depth().await.unwrap().into_iter().find(|depth| depth.sink == sink).expect("the sink had a delivery")
}

pub(crate) async fn an_event_is_claimed_by_each_sink_that_wants_it_and_by_no_other(bed: Bed) {
    tell(&bed, 1, 1, &[SINK, OTHER]).await;
    tell(&bed, 2, 2, &[OTHER]).await;
    tell(&bed, 3, 3, &[]).await;
    let mine = claim(&bed, SINK, noon()).await;
    assert_eq!(numbers(&mine), [1]);
    assert_eq!((mine[0].grant_id, mine[0].attempt, mine[0].since), (id(1), 1, noon()));
    assert_eq!(mine[0].payload, event(1, 1).event.payload);
    assert_eq!(numbers(&claim(&bed, OTHER, noon()).await), [1, 2]);
    assert_eq!(claim(&bed, "nobody", noon()).await, []);
    assert_eq!((bed.count("events").await, bed.count("deliveries").await), (3, 3));
}

pub(crate) async fn a_change_that_does_not_apply_makes_no_delivery(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let change = GrantChange { events: vec![told(1, 1, &[SINK])], ..change(1, &[State::Completed], State::Completed) };
    bed.store.change_grant(change).await.unwrap();
    // The second event has the id of the first: everything of the change is taken back.
    let broken = GrantChange { events: vec![told(1, 7, &[SINK]), told(1, 7, &[SINK])], ..completing(1, "AA", 7) };
    bed.store.change_grant(broken).await.unwrap_err();
    assert_eq!((bed.count("events").await, bed.count("deliveries").await), (0, 0));
}

pub(crate) async fn what_is_claimed_is_nobody_elses_until_the_lease_ends(bed: Bed) {
    tell(&bed, 1, 1, &[SINK]).await;
    let first = claim(&bed, SINK, noon()).await;
    assert_eq!(claim(&bed, SINK, later(19)).await, []);
    let second = claim(&bed, SINK, later(20)).await;
    assert_eq!((numbers(&second), second[0].attempt), (vec![1], 2), "whoever had it is gone");

    assert_eq!(settle(&bed, SINK, &first[0], dead(), later(21)).await, Settled::Lost);
    assert_eq!(settle(&bed, SINK, &first[0], retry(later(22)), later(21)).await, Settled::Lost);
    assert_eq!(standing(&bed, 1, SINK).await.due_at, Some(later(40)), "the second lease stands");
    assert_eq!(settle(&bed, SINK, &first[0], Fate::Delivered, later(21)).await, Settled::Applied, "a fact");
    assert_eq!(settle(&bed, SINK, &second[0], dead(), later(22)).await, Settled::Lost);
    assert_eq!(standing(&bed, 1, SINK).await.state, DeliveryState::Delivered);
}

pub(crate) async fn two_claimers_never_get_the_same_delivery(bed: Bed) {
    for n in 1..=60 {
        tell(&bed, n, n, &[SINK]).await;
    }
    let other = bed.open_again().await;
    let claims = (0..20).map(|n| {
        let store = if n % 2 == 0 { &bed.store } else { &other };
        async move {
            match claim_from(&**store, SINK, 4, noon()).await {
                Claimed::Deliveries(deliveries) => numbers(&deliveries),
                nothing => panic!("{nothing:?}"),
            }
        }
    });
    let claimed: Vec<u128> = join_all(claims).await.concat();
    assert_eq!(claimed.len(), 60, "all of them");
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 60, "each once");
}

pub(crate) async fn a_grants_next_event_waits_for_the_earlier_one(bed: Bed) {
    tell(&bed, 1, 1, &[SINK, OTHER]).await;
    tell_change(&bed, 1, 2, &[SINK]).await;
    tell_change(&bed, 1, 3, &[SINK, OTHER]).await;
    tell(&bed, 2, 4, &[SINK]).await;
    assert_eq!(numbers(&claim(&bed, OTHER, noon()).await), [1], "each sink has a row of its own");

    let first = claim(&bed, SINK, noon()).await;
    assert_eq!(numbers(&first), [1, 4], "another grant's does not wait");
    assert_eq!(settle(&bed, SINK, &first[0], retry(later(5)), later(1)).await, Settled::Applied);
    assert_eq!(claim(&bed, SINK, later(4)).await, [], "not while the earlier one is tried again");
    let again = claim(&bed, SINK, later(5)).await;
    assert_eq!((numbers(&again), again[0].attempt), (vec![1], 2));
    settle(&bed, SINK, &again[0], Fate::Delivered, later(6)).await;
    let second = claim(&bed, SINK, later(6)).await;
    assert_eq!(numbers(&second), [2]);
    settle(&bed, SINK, &second[0], dead(), later(7)).await;
    let third = claim(&bed, SINK, later(7)).await;
    assert_eq!(numbers(&third), [3], "what is dead keeps nobody waiting");
    settle(&bed, SINK, &third[0], Fate::Delivered, later(8)).await;

    tell_change(&bed, 1, 5, &[SINK]).await;
    assert_eq!(numbers(&claim(&bed, SINK, later(8)).await), [5], "nothing is pending: nothing to wait for");
}

pub(crate) async fn events_of_one_transaction_keep_their_order(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let events = (1..=5).map(|number| told(1, number, &[SINK])).collect();
    bed.store.change_grant(GrantChange { events, ..completing(1, "AA", 1) }).await.unwrap();
    for number in 1..=5 {
        let due = claim(&bed, SINK, noon()).await;
        assert_eq!(numbers(&due), [number]);
        settle(&bed, SINK, &due[0], Fate::Delivered, noon()).await;
    }
}

pub(crate) async fn events_recorded_while_the_earlier_one_is_settled_are_never_stuck(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    bed.store.change_grant(completing(1, "AA", 1_000)).await.unwrap();
    tell_change(&bed, 1, 0, &[SINK]).await;
    let other = bed.open_again().await;
    for number in 1..=30 {
        let due = claim(&bed, SINK, noon()).await;
        assert_eq!(due.len(), 1, "before {number}");
        let change = GrantChange {
            completion: Some(completion(1, &format!("E{number}"))),
            events: vec![told(1, number, &[SINK])],
            ..change(1, &[State::Completed], State::Completed)
        };
        let (_, recorded) =
            tokio::join!(settle(&bed, SINK, &due[0], Fate::Delivered, noon()), other.change_grant(change),);
        recorded.unwrap();
    }
    assert_eq!(numbers(&claim(&bed, SINK, noon()).await), [30]);
}

pub(crate) async fn what_is_released_is_as_if_it_had_not_been_claimed(bed: Bed) {
    tell(&bed, 1, 1, &[SINK]).await;
    let claimed = claim(&bed, SINK, noon()).await;
    assert_eq!(settle(&bed, SINK, &claimed[0], Fate::Released, later(1)).await, Settled::Applied);
    assert_eq!(claim(&bed, SINK, later(1)).await[0].attempt, 1);
}

pub(crate) async fn a_paused_sink_gets_nothing_until_its_time(bed: Bed) {
    tell(&bed, 1, 1, &[SINK, OTHER]).await;
    tell(&bed, 2, 2, &[SINK]).await;
    let Claimed::Deliveries(one) = claim_from(&*bed.store, SINK, 1, noon()).await else { panic!("nothing") };
    let fate = |until| Fate::Retry { at: until, error: "it answered 429".into(), pause_until: Some(until) };
    settle(&bed, SINK, &one[0], fate(later(60)), later(1)).await;
    assert_eq!(claim_from(&*bed.store, SINK, 9, later(59)).await, Claimed::Paused(later(60)));
    assert_eq!(numbers(&claim(&bed, OTHER, later(59)).await), [1], "others are not concerned");
    assert_eq!(depth(&bed, SINK).await.paused_until, Some(later(60)));
    let due = claim(&bed, SINK, later(60)).await;
    assert_eq!(numbers(&due), [1, 2]);
    // A pause never gets shorter.
    settle(&bed, SINK, &due[0], fate(later(300)), later(61)).await;
    settle(&bed, SINK, &due[1], fate(later(200)), later(61)).await;
    assert_eq!(claim_from(&*bed.store, SINK, 9, later(299)).await, Claimed::Paused(later(300)));
}

pub(crate) async fn a_sink_that_is_gone_is_disabled_once_and_gets_everything_when_enabled(bed: Bed) {
    tell(&bed, 1, 1, &[SINK]).await;
    tell(&bed, 2, 2, &[SINK]).await;
    let due = claim(&bed, SINK, noon()).await;
    let gone = || Fate::Gone { error: "it answered 410".to_owned() };
    assert_eq!(settle(&bed, SINK, &due[0], gone(), later(1)).await, Settled::SinkDisabled);
    assert_eq!(settle(&bed, SINK, &due[1], gone(), later(2)).await, Settled::Applied, "it is known");
    tell(&bed, 3, 3, &[SINK]).await;
    let reopened = bed.open_again().await;
    assert_eq!(claim_from(&*reopened, SINK, 9, later(900)).await, Claimed::Disabled(later(1)));
    assert_eq!(depth(&bed, SINK).await.disabled, Some((later(1), "it answered 410".to_owned())));
    assert_eq!(depth(&bed, SINK).await.pending, 3, "nothing is lost");

    assert!(reopened.enable_sink(SINK, later(1_000)).await.unwrap());
    assert!(!reopened.enable_sink(SINK, later(1_001)).await.unwrap(), "it was not disabled");
    assert!(!reopened.enable_sink("nobody", later(1_001)).await.unwrap());
    let due = claim(&bed, SINK, later(1_001)).await;
    assert_eq!(numbers(&due), [1, 2, 3]);
    assert!(due.iter().all(|delivery| delivery.since == later(1_000)), "patience begins anew");
}

pub(crate) async fn the_dead_and_the_delivered_are_replayed_under_the_same_ids(bed: Bed) {
    for n in 1..=3 {
        tell(&bed, n, n, &[SINK, OTHER]).await;
    }
    for delivery in claim(&bed, SINK, noon()).await {
        let fate = if delivery.event_id == id(1_000_001) { Fate::Delivered } else { dead() };
        settle(&bed, SINK, &delivery, fate, later(1)).await;
    }
    let event =
        |number: u64, sink: Option<&str>| Replay::Event { id: id(1_000_000 + number), sink: sink.map(Into::into) };
    assert_eq!(standing(&bed, 2, SINK).await.last_error.as_deref(), Some("it answered 500"));
    assert_eq!(depth(&bed, SINK).await.dead, 2);
    let dead = |limit| Replay::Dead { sink: SINK.to_owned(), limit };
    assert_eq!(bed.store.replay(&dead(1), later(10)).await.unwrap(), 1);
    let due = claim(&bed, SINK, later(10)).await;
    assert_eq!(numbers(&due), [2], "the oldest first");
    assert_eq!((due[0].attempt, due[0].since), (1, later(10)), "patience begins anew");
    assert_eq!(bed.store.replay(&event(2, None), later(11)).await.unwrap(), 0, "what is under way is left alone");
    assert_eq!(claim(&bed, SINK, later(11)).await, []);
    assert_eq!(bed.store.replay(&dead(100), later(12)).await.unwrap(), 1);
    assert_eq!(bed.store.replay(&event(1, Some(SINK)), later(12)).await.unwrap(), 1, "what was delivered, too");
    assert_eq!(numbers(&claim(&bed, SINK, later(12)).await), [1, 3]);
    assert_eq!(bed.store.replay(&event(1, Some("new")), later(13)).await.unwrap(), 1, "a sink that did not have it");
    assert_eq!(numbers(&claim(&bed, "new", later(13)).await), [1]);
    assert_eq!(bed.store.replay(&event(9, None), later(14)).await.unwrap(), 0, "no such event");
    assert_eq!(bed.store.replay(&event(9, Some(SINK)), later(14)).await.unwrap(), 0);
}

pub(crate) async fn a_replayed_event_does_not_hold_up_what_came_after_it(bed: Bed) {
    tell(&bed, 1, 1, &[SINK]).await;
    tell_change(&bed, 1, 2, &[SINK]).await;
    settle(&bed, SINK, &claim(&bed, SINK, noon()).await[0], dead(), noon()).await;
    bed.store.replay(&Replay::Event { id: id(1_000_001), sink: None }, noon()).await.unwrap();
    let due = claim(&bed, SINK, noon()).await;
    assert_eq!(numbers(&due), [1, 2]);
    tell_change(&bed, 1, 3, &[SINK]).await;
    settle(&bed, SINK, &due[1], Fate::Delivered, noon()).await;
    assert_eq!(claim(&bed, SINK, noon()).await, [], "the third waits for the first, which is under way again");
    settle(&bed, SINK, &due[0], Fate::Delivered, noon()).await;
    assert_eq!(numbers(&claim(&bed, SINK, noon()).await), [3]);
}

pub(crate) async fn a_clock_that_goes_back_sends_nothing_twice_and_loses_nothing(bed: Bed) {
    tell(&bed, 1, 1, &[SINK]).await;
    let claimed = claim(&bed, SINK, noon()).await;
    assert_eq!(claim(&bed, SINK, later(-3_600)).await, []);
    settle(&bed, SINK, &claimed[0], retry(later(-3_590)), later(-3_600)).await;
    assert_eq!(claim(&bed, SINK, later(-3_591)).await, []);
    let again = claim(&bed, SINK, later(-3_590)).await;
    assert_eq!(again[0].attempt, 2);
    settle(&bed, SINK, &again[0], Fate::Delivered, later(-3_590)).await;
    assert_eq!(claim(&bed, SINK, later(3_600)).await, []);
}

pub(crate) async fn events_are_listed_newest_first_with_their_deliveries(bed: Bed) {
    for n in 1..=4 {
        tell(&bed, n, n, &[SINK]).await;
    }
    tell(&bed, 5, 5, &[OTHER]).await;
    tell(&bed, 6, 6, &[]).await;
    let due = claim(&bed, SINK, noon()).await;
    settle(&bed, SINK, &due[0], Fate::Delivered, later(1)).await;
    settle(&bed, SINK, &due[1], dead(), later(1)).await;
    let everything = EventFilter { limit: 100, ..EventFilter::default() };
    let of = |state, sink: Option<&str>| EventFilter { state, sink: sink.map(Into::into), limit: 100 };
    for (what, filter, expected) in [
        ("everything", everything, vec![6, 5, 4, 3, 2, 1]),
        ("the newest two", EventFilter { limit: 2, ..EventFilter::default() }, vec![6, 5]),
        ("one sink's", of(None, Some(SINK)), vec![4, 3, 2, 1]),
        ("pending", of(Some(DeliveryState::Pending), None), vec![5, 4, 3]),
        ("pending at one sink", of(Some(DeliveryState::Pending), Some(SINK)), vec![4, 3]),
        ("delivered", of(Some(DeliveryState::Delivered), None), vec![1]),
        ("dead", of(Some(DeliveryState::Dead), Some(SINK)), vec![2]),
        ("dead elsewhere", of(Some(DeliveryState::Dead), Some(OTHER)), vec![]),
        ("nobody's", of(None, Some("nobody")), vec![]),
        ("one pending", EventFilter { limit: 1, ..of(Some(DeliveryState::Pending), None) }, vec![5]),
    ] {
        let listed = bed.store.list_events(&filter).await.unwrap();
        let listed: Vec<u128> = listed.iter().map(|entry| entry.event.id.as_u128() - id(1_000_000).as_u128()).collect();
        assert_eq!(listed, expected, "{what}");
    }
    let entry = bed.store.find_event(id(1_000_002)).await.unwrap().unwrap();
    assert_eq!(entry.event, event(2, 2).event);
    let expected = DeliveryStanding {
        sink: SINK.to_owned(),
        state: DeliveryState::Dead,
        attempts: 1,
        due_at: None,
        last_error: Some("it answered 500".to_owned()),
        settled_at: Some(later(1)),
    };
    assert_eq!(entry.deliveries, [expected]);
    assert_eq!(bed.store.find_event(id(7)).await.unwrap(), None);
}

pub(crate) async fn depth_tells_what_waits_and_since_when(bed: Bed) {
    assert_eq!(bed.store.depth().await.unwrap(), []);
    tell(&bed, 1, 1, &[SINK, OTHER]).await;
    tell(&bed, 2, 2, &[SINK]).await;
    let empty = SinkDepth {
        sink: OTHER.to_owned(),
        pending: 1,
        oldest_pending: Some(noon()),
        dead: 0,
        paused_until: None,
        disabled: None,
    };
    let both = SinkDepth { sink: SINK.to_owned(), pending: 2, ..empty.clone() };
    assert_eq!(bed.store.depth().await.unwrap(), [empty.clone(), both.clone()]);
    for delivery in claim(&bed, SINK, noon()).await {
        settle(&bed, SINK, &delivery, Fate::Delivered, noon()).await;
    }
    let none = SinkDepth { pending: 0, oldest_pending: None, ..both };
    assert_eq!(bed.store.depth().await.unwrap(), [empty, none]);
}

pub(crate) async fn deliveries_go_with_their_event(bed: Bed) {
    tell(&bed, 1, 1, &[SINK, OTHER]).await;
    tell(&bed, 2, 2, &[SINK]).await;
    bed.execute("DELETE FROM events WHERE seq = (SELECT min(seq) FROM events)").await;
    assert_eq!(bed.count("deliveries").await, 1);
}
