//! Idempotency keys.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{GrantAdded, LedgerEntry},
    grant::grant::State,
};

use crate::{
    bed::Bed,
    sample::{claiming, completing, find, id, noon},
};

fn earlier(added: GrantAdded) -> (LedgerEntry, [u8; 32]) {
    match added {
        GrantAdded::AlreadyClaimed { entry, request_digest } => (*entry, request_digest),
        other => panic!("the key was claimed: {other:?}"),
    }
}

pub(crate) async fn a_claimed_key_gives_the_earlier_grant(bed: Bed) {
    bed.store.add_grant(claiming(1, 9)).await.unwrap();
    let mut second = claiming(2, 9);
    second.idempotency.as_mut().unwrap().request_digest = [0xCD; 32];

    let (entry, request_digest) = earlier(bed.store.add_grant(second).await.unwrap());

    assert_eq!(entry.grant, claiming(1, 9).grant);
    assert_eq!(request_digest, [0xAB; 32], "the earlier request's digest, for the caller to compare");
    assert_eq!(bed.store.find_grant(id(2)).await.unwrap(), None, "nothing was added");
}

pub(crate) async fn of_two_claimers_at_once_one_wins(bed: Bed) {
    for round in 0..20_u8 {
        let numbers = [u64::from(round) * 2, u64::from(round) * 2 + 1];
        let answers = join_all(numbers.map(|n| bed.store.add_grant(claiming(n, round)))).await;
        assert_one_winner(answers.into_iter().map(Result::unwrap).collect());
    }
    assert_eq!(bed.count("grants").await, 20);
}

pub(crate) async fn of_two_processes_that_claim_one_wins(bed: Bed) {
    let other = bed.open_again().await;
    for round in 0..20_u8 {
        let (ours, theirs) = (claiming(u64::from(round) * 2, round), claiming(u64::from(round) * 2 + 1, round));
        let (ours, theirs) = tokio::join!(bed.store.add_grant(ours), other.add_grant(theirs));
        assert_one_winner(vec![ours.unwrap(), theirs.unwrap()]);
    }
    assert_eq!(bed.count("grants").await, 20);
}

fn assert_one_winner(answers: Vec<GrantAdded>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|added| matches!(added, GrantAdded::Added));
    assert_eq!((won.len(), lost.len()), (1, 1));
}

pub(crate) async fn another_key_is_another_claim(bed: Bed) {
    assert!(matches!(bed.store.add_grant(claiming(1, 1)).await.unwrap(), GrantAdded::Added));
    assert!(matches!(bed.store.add_grant(claiming(2, 2)).await.unwrap(), GrantAdded::Added));
}

pub(crate) async fn a_claim_that_has_run_out_is_taken_over(bed: Bed) {
    bed.store.add_grant(claiming(1, 9)).await.unwrap();
    let at = |n, issued_at| {
        let mut new = claiming(n, 9);
        new.grant.issued_at = issued_at;
        new.idempotency.as_mut().unwrap().expires_at = issued_at + TimeDelta::hours(24);
        new
    };
    let end = noon() + TimeDelta::hours(24);

    let just_before = bed.store.add_grant(at(2, end - TimeDelta::microseconds(1))).await.unwrap();
    assert_eq!(earlier(just_before).0.grant.id, id(1));

    assert!(matches!(bed.store.add_grant(at(3, end)).await.unwrap(), GrantAdded::Added));
    let after = bed.store.add_grant(at(4, end + TimeDelta::hours(1))).await.unwrap();
    assert_eq!(earlier(after).0.grant.id, id(3), "the claim is the new grant's, with a new end");
    find(&*bed.store, 1).await;
}

pub(crate) async fn a_replay_shows_how_the_grant_stands_now(bed: Bed) {
    bed.store.add_grant(claiming(1, 9)).await.unwrap();
    bed.store.change_grant(completing(1, "AA", 1)).await.unwrap();
    let (entry, _) = earlier(bed.store.add_grant(claiming(2, 9)).await.unwrap());
    assert_eq!(entry.grant.state, State::Completed);
    assert_eq!(entry.completion.unwrap().etag, "AA");
}
