//! The many objects of a directory grant.

use futures_util::future::join_all;
use oss_valet::{
    app::ports::{GrantChange, GrantChanged, NewGrant},
    grant::{
        completion::Completion,
        grant::{Grant, GrantKind, State},
    },
};

use crate::{
    bed::Bed,
    sample::{change, completion, event, find, grant, id},
};

fn directory(n: u64) -> NewGrant {
    let new = grant(n);
    let key = format!("documents/u-7/{}/", id(n));
    NewGrant { grant: Grant { kind: GrantKind::Directory, key, content_type: "*/*".into(), ..new.grant }, ..new }
}

fn object(n: u64, key: &str, etag: &str) -> Completion {
    Completion { key: key.into(), ..completion(n, etag) }
}

/// An object of a grant that stays issued.
fn recording(n: u64, object: Completion, number: u64) -> GrantChange {
    GrantChange {
        completion: Some(object),
        events: vec![event(n, number)],
        ..change(n, &[State::Issued], State::Issued)
    }
}

async fn record(bed: &Bed, n: u64, object: Completion, number: u64) {
    let changed = bed.store.change_grant(recording(n, object, number)).await.unwrap();
    assert!(matches!(changed, GrantChanged::Applied), "{changed:?}");
}

pub(crate) async fn an_object_is_found_by_grant_key_and_etag(bed: Bed) {
    for n in [1, 2] {
        bed.store.add_grant(directory(n)).await.unwrap();
    }
    let rejected = Completion { reason: Some("size_too_large".into()), ..object(1, "d/b", "BB") };
    record(&bed, 1, object(1, "d/a", "AA"), 1).await;
    record(&bed, 1, rejected.clone(), 2).await;
    record(&bed, 1, object(1, "d/a", "CC"), 3).await;
    record(&bed, 2, object(2, "d/文 '\"\\a", "AA"), 4).await;

    for (n, key, etag, expected) in [
        (1, "d/a", "AA", Some(object(1, "d/a", "AA"))),
        (1, "d/a", "CC", Some(object(1, "d/a", "CC"))),
        (1, "d/b", "BB", Some(rejected)),
        (2, "d/文 '\"\\a", "AA", Some(object(2, "d/文 '\"\\a", "AA"))),
        (1, "d/b", "AA", None),
        (1, "d/A", "AA", None),
        (1, "d/%", "AA", None),
        (2, "d/a", "AA", None),
        (3, "d/a", "AA", None),
    ] {
        assert_eq!(bed.store.find_completion(id(n), key, etag).await.unwrap(), expected, "{n} {key} {etag}");
    }
    let entry = find(&*bed.store, 1).await;
    assert_eq!(entry.grant, directory(1).grant, "it stays as it was");
    assert_eq!(entry.completion, None, "and never completes itself");
}

pub(crate) async fn objects_are_listed_newest_first_and_at_most_so_many(bed: Bed) {
    for n in [1, 2] {
        bed.store.add_grant(directory(n)).await.unwrap();
    }
    for number in 0..5 {
        record(&bed, 1, object(1, &format!("d/{}", 9 - number), "AA"), number).await;
    }
    let keys = async |n: u64, limit: u32| {
        let listed = bed.store.list_completions(id(n), limit).await.unwrap();
        listed.into_iter().map(|object| object.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(1, 10).await, ["d/5", "d/6", "d/7", "d/8", "d/9"]);
    assert_eq!(keys(1, 2).await, ["d/5", "d/6"]);
    assert!(keys(2, 10).await.is_empty());
}

pub(crate) async fn of_many_that_record_the_same_object_the_first_stands_and_is_told_once(bed: Bed) {
    bed.store.add_grant(directory(1)).await.unwrap();
    let changes = (0..20).map(|n| recording(1, object(1, "d/a", "AA"), n));
    let answers = join_all(changes.map(|change| bed.store.change_grant(change))).await;
    assert!(answers.into_iter().all(|answer| matches!(answer.unwrap(), GrantChanged::Applied)));
    assert_eq!((bed.count("completions").await, bed.count("events").await), (1, 1));
}

pub(crate) async fn a_cancelled_directory_takes_what_was_decided_for_a_cancelled_one_alone(bed: Bed) {
    bed.store.add_grant(directory(1)).await.unwrap();
    bed.store.change_grant(change(1, &[State::Issued], State::Cancelled)).await.unwrap();
    let late = bed.store.change_grant(recording(1, object(1, "d/a", "AA"), 1)).await.unwrap();
    assert!(matches!(late, GrantChanged::Conflict(_)), "{late:?}");
    let rejected = Completion { reason: Some("cancelled".into()), ..object(1, "d/a", "AA") };
    let change = GrantChange { from: State::Cancelled.alone(), to: State::Cancelled, ..recording(1, rejected, 2) };
    assert!(matches!(bed.store.change_grant(change).await.unwrap(), GrantChanged::Applied));
    assert_eq!(find(&*bed.store, 1).await.grant.state, State::Cancelled);
    assert_eq!((bed.count("completions").await, bed.count("events").await), (1, 1));
}
