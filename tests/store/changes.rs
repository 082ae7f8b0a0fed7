//! Conditional changes, with their completions and events.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{GrantChange, GrantChanged, NextCheck},
    grant::{
        completion::{Completion, CompletionSource},
        grant::State,
        hook::{HookOutcome, HookRecord},
    },
    oss::callback::ImageInfo,
};

use crate::{
    bed::Bed,
    sample::{change, completing, completion, event, find, grant, id, noon},
};

fn applied(changed: &GrantChanged) -> bool {
    matches!(changed, GrantChanged::Applied)
}

async fn apply(bed: &Bed, change: GrantChange) {
    let changed = bed.store.change_grant(change).await.unwrap();
    assert!(applied(&changed), "{changed:?}");
}

async fn etag(bed: &Bed, n: u64) -> String {
    find(&*bed.store, n).await.completion.expect("a completion").etag
}

/// A later object of a completed grant.
fn replaced(n: u64, etag: &str, minutes: i64, event_number: u64) -> GrantChange {
    let completed_at = noon() + TimeDelta::minutes(minutes);
    GrantChange {
        completion: Some(Completion { completed_at, ..completion(n, etag) }),
        events: vec![event(n, event_number)],
        ..change(n, &[State::Completed], State::Completed)
    }
}

pub(crate) async fn a_completion_is_recorded_with_its_event(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let recorded = Completion {
        crc64: Some("12345678901234567890".into()),
        version_id: Some("v-1".into()),
        image: Some(ImageInfo { width: 640, height: u32::MAX, format: "png".into() }),
        source: CompletionSource::Reconciled,
        late: true,
        hook: Some(HookRecord { outcome: HookOutcome::Accepted, answer: Some(r#"{"photo": "schön"}"#.into()) }),
        ..completion(1, "5B3C1A2E053D763E1B002CC607C5A0FE")
    };
    apply(&bed, GrantChange { completion: Some(recorded.clone()), ..completing(1, "", 1) }).await;

    let entry = find(&*bed.store, 1).await;
    assert_eq!(entry.grant.state, State::Completed);
    assert_eq!(entry.completion, Some(recorded));
    assert_eq!(bed.count("events").await, 1);
}

pub(crate) async fn a_change_from_another_state_changes_nothing(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    apply(&bed, change(1, &[State::Issued], State::Cancelled)).await;
    let before = find(&*bed.store, 1).await;

    let mut late = completing(1, "AA", 1);
    late.lifetime = Some((noon(), noon()));
    match bed.store.change_grant(late).await.unwrap() {
        GrantChanged::Conflict(entry) => assert_eq!(*entry, before, "how the grant stands"),
        other => panic!("{other:?}"),
    }
    assert_eq!(find(&*bed.store, 1).await, before);
    assert_eq!((bed.count("completions").await, bed.count("events").await), (0, 0));
}

pub(crate) async fn an_unknown_grant_can_not_be_changed(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let changed = bed.store.change_grant(completing(2, "AA", 1)).await.unwrap();
    assert!(matches!(changed, GrantChanged::Unknown), "{changed:?}");
    assert_eq!(bed.count("events").await, 0);
}

pub(crate) async fn of_two_completions_at_once_one_applies(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let changes = [completing(1, "AA", 1), completing(1, "BB", 2)];
    let answers = join_all(changes.map(|change| bed.store.change_grant(change))).await;
    assert_one_applied(&answers.into_iter().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!((bed.count("completions").await, bed.count("events").await), (1, 1));
}

pub(crate) async fn of_two_processes_that_complete_one_applies(bed: Bed) {
    let other = bed.open_again().await;
    for n in 0..20 {
        bed.store.add_grant(grant(n)).await.unwrap();
        let (ours, theirs) = (completing(n, "AA", 2 * n), completing(n, "BB", 2 * n + 1));
        let (ours, theirs) = tokio::join!(bed.store.change_grant(ours), other.change_grant(theirs));
        assert_one_applied(&[ours.unwrap(), theirs.unwrap()]);
    }
    assert_eq!((bed.count("completions").await, bed.count("events").await), (20, 20));
}

pub(crate) async fn of_many_completions_at_once_every_loser_sees_the_winners(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let answers = join_all((0..50).map(|n| bed.store.change_grant(completing(1, "AA", n)))).await;
    for changed in answers.into_iter().map(Result::unwrap) {
        if let GrantChanged::Conflict(entry) = changed {
            assert_eq!(entry.completion.expect("the winner's").etag, "AA");
        }
    }
    assert_eq!((bed.count("completions").await, bed.count("events").await), (1, 1));
}

fn assert_one_applied(answers: &[GrantChanged]) {
    assert_eq!(answers.iter().filter(|changed| applied(changed)).count(), 1, "{answers:?}");
    let loser = answers.iter().find_map(|changed| match changed {
        GrantChanged::Conflict(entry) => Some(entry),
        _ => None,
    });
    let entry = loser.unwrap_or_else(|| panic!("a conflict among {answers:?}"));
    assert_eq!(entry.grant.state, State::Completed, "the loser is told what the winner did");
    assert!(entry.completion.is_some());
}

pub(crate) async fn a_late_object_completes_an_expired_grant(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    apply(&bed, change(1, &[State::Issued], State::Expired)).await;
    apply(&bed, GrantChange { from: &[State::Issued, State::Expired], ..completing(1, "AA", 1) }).await;
    assert_eq!(find(&*bed.store, 1).await.grant.state, State::Completed);
}

pub(crate) async fn the_first_completion_stands_when_the_object_changes(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    apply(&bed, completing(1, "AA", 1)).await;
    apply(&bed, replaced(1, "BB", 1, 2)).await;
    assert_eq!(etag(&bed, 1).await, "AA");
    assert_eq!(bed.count("completions").await, 2, "what it changed into is kept beside it");
    assert_eq!(bed.count("events").await, 2);
}

pub(crate) async fn a_known_completion_is_neither_recorded_nor_told_again(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    apply(&bed, completing(1, "AA", 1)).await;
    let twice_at_once = [2, 3].map(|event| bed.store.change_grant(replaced(1, "BB", 1, event)));
    for changed in join_all(twice_at_once).await {
        assert!(applied(&changed.unwrap()));
    }
    apply(&bed, replaced(1, "BB", 2, 4)).await;
    apply(&bed, replaced(1, "AA", 3, 5)).await;
    assert_eq!((bed.count("completions").await, bed.count("events").await), (2, 2));
    let kept = find(&*bed.store, 1).await.completion.unwrap();
    assert_eq!((kept.etag.as_str(), kept.completed_at), ("AA", noon()));
}

pub(crate) async fn a_rejection_keeps_its_reason_until_the_grant_leaves_it(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let reject = change(1, &[State::Issued], State::Rejected);
    apply(&bed, GrantChange { reason: Some("size_too_large".into()), completion: Some(completion(1, "AA")), ..reject })
        .await;
    let entry = find(&*bed.store, 1).await;
    assert_eq!(entry.grant.reason.as_deref(), Some("size_too_large"));
    assert_eq!(entry.completion.unwrap().etag, "AA", "what was found");

    apply(&bed, change(1, &[State::Rejected], State::Rejected)).await;
    assert_eq!(find(&*bed.store, 1).await.grant.reason.as_deref(), Some("size_too_large"));
    apply(&bed, change(1, &[State::Rejected], State::Completed)).await;
    assert_eq!(find(&*bed.store, 1).await.grant.reason, None);
}

pub(crate) async fn a_renewal_moves_the_lifetime_alone(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let lifetime = (noon() + TimeDelta::hours(2), noon() + TimeDelta::hours(3));
    apply(&bed, GrantChange { lifetime: Some(lifetime), ..change(1, &[State::Issued], State::Issued) }).await;

    let mut expected = grant(1).grant;
    (expected.expires_at, expected.write_until) = lifetime;
    assert_eq!(find(&*bed.store, 1).await.grant, expected);
    apply(&bed, change(1, &[State::Issued], State::Issued)).await;
    assert_eq!(find(&*bed.store, 1).await.grant, expected, "a change without a lifetime leaves it");
    let shorter = (lifetime.0 - TimeDelta::hours(1), lifetime.1 + TimeDelta::hours(1));
    apply(&bed, GrantChange { lifetime: Some(shorter), ..change(1, &[State::Issued], State::Issued) }).await;
    expected.write_until = shorter.1;
    assert_eq!(find(&*bed.store, 1).await.grant, expected, "no end comes nearer: what was given out lives on");
}

pub(crate) async fn the_next_check_is_kept_moved_or_dropped(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let first = noon() + TimeDelta::minutes(1);
    let moved = noon() + TimeDelta::minutes(30);
    let due = async |at| bed.store.find_due_buckets(at).await.unwrap().len();
    let issued = || change(1, &[State::Issued], State::Issued);

    apply(&bed, GrantChange { next_check: NextCheck::Keep, ..issued() }).await;
    assert_eq!(due(first).await, 1);
    apply(&bed, GrantChange { next_check: NextCheck::At(moved), ..issued() }).await;
    assert_eq!((due(first).await, due(moved).await), (0, 1));
    apply(&bed, GrantChange { next_check: NextCheck::Never, ..issued() }).await;
    assert_eq!(due(moved + TimeDelta::days(365)).await, 0);
}

pub(crate) async fn changes_of_one_grant_in_one_batch_see_each_other(bed: Bed) {
    join_all((0..10).map(|n| bed.store.add_grant(grant(n)))).await;
    let before = bed.counters.commits();
    let first = (0..10).map(|n| bed.store.change_grant(completing(n, "AA", n)));
    let second = (0..10).map(|n| bed.store.change_grant(replaced(n, "BB", 1, 1000 + n)));
    for changed in join_all(first.chain(second)).await {
        assert!(applied(&changed.unwrap()));
    }
    for n in 0..10 {
        assert_eq!(etag(&bed, n).await, "AA", "grant {}", id(n));
    }
    assert_eq!((bed.count("completions").await, bed.count("events").await), (20, 20));
    assert!(bed.counters.commits() - before < 10);
}
