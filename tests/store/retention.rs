//! What is forgotten, and what never is.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{
        Claimed, DeliveryClaim, Fate, GrantChange, Ledger, NextCheck, OutgoingEvent, Purge, PurgeStep, Settlement,
    },
    grant::grant::State,
};

use crate::{
    bed::Bed,
    sample::{change, claiming, completing, event, grant, id, noon},
};

const SINK: &str = "backend";

fn later(days: i64) -> DateTime<Utc> {
    noon() + TimeDelta::days(days)
}

/// Forgets, so many days after noon, grants after 400 days and events after 30, in pieces of this size; grants, events and keys.
async fn purge_in_pieces(store: &dyn Ledger, days: i64, limit: u32) -> [usize; 3] {
    let mut removed = [0; 3];
    for (count, beginning) in removed.iter_mut().zip(PurgeStep::all()) {
        let mut next = Some(beginning);
        while let Some(step) = next {
            let (grants_before, events_before) = (later(days - 400), later(days - 30));
            let purged =
                store.purge(Purge { now: later(days), grants_before, events_before, step, limit }).await.unwrap();
            *count += purged.removed;
            next = purged.next;
        }
    }
    removed
}

async fn purge(bed: &Bed, days: i64) -> [usize; 3] {
    purge_in_pieces(&*bed.store, days, 100).await
}

async fn is_there(bed: &Bed, n: u64) -> bool {
    bed.store.find_grant(id(n)).await.unwrap().is_some()
}

/// A completed grant with an event for these sinks.
async fn tell(bed: &Bed, n: u64, sinks: &[&str]) {
    bed.store.add_grant(grant(n)).await.unwrap();
    let told = OutgoingEvent { sinks: sinks.iter().map(ToString::to_string).collect(), ..event(n, n) };
    let changed = bed.store.change_grant(GrantChange { events: vec![told], ..completing(n, "AA", n) }).await;
    changed.unwrap();
}

/// What becomes of the next delivery.
async fn settle(bed: &Bed, fate: Fate) {
    let claim = DeliveryClaim { sink: SINK.into(), limit: 1, now: noon(), lease: TimeDelta::seconds(20) };
    let Claimed::Deliveries(claimed) = bed.store.claim_deliveries(&claim).await.unwrap() else { panic!("none") };
    let settlement = Settlement {
        sink: SINK.into(),
        event_seq: claimed[0].event_seq,
        grant_id: claimed[0].grant_id,
        attempt: claimed[0].attempt,
        now: noon(),
        fate,
    };
    bed.store.settle_delivery(settlement).await.unwrap();
}

pub(crate) async fn a_grant_is_forgotten_with_its_completions_when_its_time_is_over(bed: Bed) {
    tell(&bed, 1, &[]).await;
    let settled = GrantChange { next_check: NextCheck::Never, ..change(2, &[State::Issued], State::Expired) };
    bed.store.add_grant(grant(2)).await.unwrap();
    bed.store.change_grant(settled).await.unwrap();

    assert_eq!(purge(&bed, 400).await[0], 0, "it could be written under for 25 minutes");
    assert_eq!(purge(&bed, 401).await[0], 2);

    assert!(!is_there(&bed, 1).await && !is_there(&bed, 2).await);
    assert_eq!((bed.count("grants").await, bed.count("completions").await), (0, 0));
    assert_eq!(purge(&bed, 401).await, [0, 0, 0]);
}

pub(crate) async fn what_is_looked_after_or_has_not_ended_is_never_forgotten(bed: Bed) {
    for n in 1..=3 {
        bed.store.add_grant(grant(n)).await.unwrap();
    }
    // Still to be looked for; not ended though nobody looks; ended and still to be looked for.
    bed.store
        .change_grant(GrantChange { next_check: NextCheck::Never, ..change(2, &[State::Issued], State::Issued) })
        .await
        .unwrap();
    bed.store.change_grant(change(3, &[State::Issued], State::Cancelled)).await.unwrap();

    assert_eq!(purge(&bed, 5000).await, [0, 0, 0]);

    for n in 1..=3 {
        assert!(is_there(&bed, n).await, "{n}");
    }
}

pub(crate) async fn a_renewed_grant_is_kept_from_its_new_end_on(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let lifetime = Some((later(10), later(10)));
    bed.store.change_grant(GrantChange { lifetime, ..completing(1, "AA", 1) }).await.unwrap();
    assert_eq!(purge(&bed, 410).await[0], 0);
    assert_eq!(purge(&bed, 411).await[0], 1);
}

pub(crate) async fn an_event_is_forgotten_when_every_sink_has_it(bed: Bed) {
    tell(&bed, 1, &[]).await;
    tell(&bed, 2, &[SINK]).await;
    settle(&bed, Fate::Delivered).await;
    tell(&bed, 3, &[SINK, "audit"]).await;
    settle(&bed, Fate::Delivered).await;

    assert_eq!(purge(&bed, 30).await[1], 0, "recorded at noon");
    assert_eq!(purge(&bed, 31).await[1], 2);

    assert_eq!((bed.count("events").await, bed.count("deliveries").await), (1, 2), "one sink has not got it yet");
    assert_eq!(purge(&bed, 5000).await[1], 0, "however old");
}

pub(crate) async fn what_was_given_up_is_kept_for_as_long_as_grants(bed: Bed) {
    tell(&bed, 1, &[SINK]).await;
    settle(&bed, Fate::Dead { error: "gone".into() }).await;
    assert_eq!(purge(&bed, 400).await[1], 0);
    assert_eq!(bed.count("deliveries").await, 1, "it can be replayed");
    assert_eq!(purge(&bed, 401).await[..2], [1, 1]);
    assert_eq!(bed.count("deliveries").await, 0);
}

pub(crate) async fn a_grant_is_kept_while_a_sink_is_still_to_be_told_of_it(bed: Bed) {
    tell(&bed, 1, &["audit", SINK]).await;
    tell(&bed, 2, &["audit"]).await;
    tell(&bed, 3, &[]).await;
    assert_eq!(purge(&bed, 5000).await, [1, 1, 0], "the third, and its event");
    assert!(is_there(&bed, 1).await && is_there(&bed, 2).await && !is_there(&bed, 3).await);
}

pub(crate) async fn keys_that_have_run_out_are_forgotten(bed: Bed) {
    for (n, key) in [(1, 0), (2, 9), (3, 255)] {
        bed.store.add_grant(claiming(n, key)).await.unwrap();
    }
    assert_eq!(purge(&bed, 0).await, [0, 0, 0]);
    assert_eq!(purge(&bed, 1).await, [0, 0, 3], "after 24 h");
    assert_eq!(bed.count("idempotency_keys").await, 0);
}

pub(crate) async fn any_number_is_forgotten_piece_by_piece_whoever_does_it_besides(bed: Bed) {
    let other = bed.open_again().await;
    join_all((1..=50).map(|n| tell(&bed, n, &[]))).await;
    bed.store.add_grant(grant(51)).await.unwrap();
    join_all((52..=60).map(|n| bed.store.add_grant(claiming(n, u8::try_from(n).unwrap())))).await;

    let (ours, theirs) = tokio::join!(purge_in_pieces(&*bed.store, 500, 7), purge_in_pieces(&*other, 500, 3));

    let both: Vec<usize> = ours.iter().zip(theirs).map(|(ours, theirs)| ours + theirs).collect();
    assert_eq!(both, [50, 50, 9]);
    assert_eq!(bed.count("grants").await, 10, "what has not ended");
}
