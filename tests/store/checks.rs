//! Claims of the checks that the reconciler makes.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{CheckClaim, ClaimedCheck, GrantChange, NextCheck, Store},
    grant::grant::State,
};
use uuid::Uuid;

use crate::{
    bed::Bed,
    sample::{change, completing, grant, id, noon},
};

const BUCKET: &str = "app-media";

fn minute(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

/// A grant in that bucket, to be checked so many minutes after noon.
async fn add(bed: &Bed, n: u64, bucket: &str, minutes: i64) {
    let mut new = grant(n);
    new.grant.bucket = bucket.into();
    new.next_check_at = minute(minutes);
    bed.store.add_grant(new).await.unwrap();
}

/// Claims at that minute, for two minutes.
async fn claim_with(store: &dyn Store, bucket: &str, minutes: i64, limit: u32) -> Vec<ClaimedCheck> {
    let claim = CheckClaim { bucket: bucket.into(), now: minute(minutes), leased_until: minute(minutes + 2), limit };
    store.claim_checks(claim).await.unwrap()
}

async fn claim(bed: &Bed, minutes: i64) -> Vec<Uuid> {
    ids(&claim_with(&*bed.store, BUCKET, minutes, 100).await)
}

fn ids(claimed: &[ClaimedCheck]) -> Vec<Uuid> {
    claimed.iter().map(|check| check.entry.grant.id).collect()
}

async fn due_buckets(bed: &Bed, minutes: i64) -> Vec<String> {
    bed.store.find_due_buckets(minute(minutes)).await.unwrap()
}

pub(crate) async fn a_claim_gives_the_earliest_of_its_bucket_with_what_is_recorded(bed: Bed) {
    for (n, bucket, minutes) in [(1, BUCKET, 3), (2, BUCKET, 1), (3, BUCKET, 2), (4, BUCKET, 60), (5, "other", 1)] {
        add(&bed, n, bucket, minutes).await;
    }
    let completed = GrantChange { next_check: NextCheck::Keep, ..completing(3, "AA", 1) };
    bed.store.change_grant(completed).await.unwrap();

    assert!(claim(&bed, 0).await.is_empty(), "nothing is due yet");
    let first = claim_with(&*bed.store, BUCKET, 3, 2).await;
    assert_eq!(ids(&first), [id(2), id(3)], "the earliest, at most two");
    assert_eq!((first[0].due_at, first[0].leased_until), (minute(1), minute(5)));
    assert_eq!(first[0].entry, bed.store.find_grant(id(2)).await.unwrap().unwrap());
    assert_eq!(first[1].entry.completion.as_ref().unwrap().etag, "AA");
    assert_eq!(claim(&bed, 3).await, [id(1)], "due at the very instant");
    assert_eq!(ids(&claim_with(&*bed.store, "other", 3, 100).await), [id(5)]);
    assert!(claim_with(&*bed.store, "unheard-of", 3, 100).await.is_empty());
}

pub(crate) async fn a_claimed_check_is_nobody_elses_until_the_lease_ends(bed: Bed) {
    let other = bed.open_again().await;
    add(&bed, 1, BUCKET, 1).await;

    assert_eq!(claim(&bed, 1).await, [id(1)]);

    assert!(claim_with(&*other, BUCKET, 2, 100).await.is_empty());
    assert!(due_buckets(&bed, 2).await.is_empty());
    assert_eq!(due_buckets(&bed, 3).await, [BUCKET]);
    let again = claim_with(&*other, BUCKET, 3, 100).await;
    assert_eq!(ids(&again), [id(1)], "the claimer died: it is due again");
    assert_eq!(again[0].due_at, minute(3));
}

pub(crate) async fn two_claimers_never_get_the_same_check(bed: Bed) {
    let other = bed.open_again().await;
    join_all((1..=120).map(|n| add(&bed, n, BUCKET, 1))).await;

    let claims = (0..40).map(|turn| {
        let store = if turn % 2 == 0 { &bed.store } else { &other };
        claim_with(&**store, BUCKET, 1, 7)
    });
    let mut claimed: Vec<Uuid> = join_all(claims).await.iter().flat_map(|claimed| ids(claimed)).collect();

    // Who came when all were taken, or locked by others, comes again.
    claimed.extend(claim(&bed, 1).await);
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=120).map(id).collect::<Vec<_>>(), "each once");
}

pub(crate) async fn only_buckets_with_something_due_are_told_of(bed: Bed) {
    for (n, bucket, minutes) in [(1, "b", 1), (2, "b", 2), (3, "d", 9), (4, "c", 1), (5, "a", 1), (6, "e", 2)] {
        add(&bed, n, bucket, minutes).await;
    }
    bed.store.change_grant(completing(4, "AA", 1)).await.unwrap();

    assert_eq!(due_buckets(&bed, 0).await, Vec::<String>::new());
    assert_eq!(due_buckets(&bed, 1).await, ["a", "b"], "neither what is done with nor what is later");
    assert_eq!(due_buckets(&bed, 9).await, ["a", "b", "d", "e"]);
}

pub(crate) async fn a_check_is_released_by_whom_it_belongs_to_alone(bed: Bed) {
    let release = async |n, lease, next| {
        let next_check = NextCheck::Release(lease, next);
        let released = GrantChange { next_check, ..change(n, &[State::Issued], State::Issued) };
        bed.store.change_grant(released).await.unwrap();
    };
    for n in 1..=3 {
        add(&bed, n, BUCKET, 1).await;
    }
    assert_eq!(claim(&bed, 1).await.len(), 3);
    // Somebody is told, meanwhile, to look at once.
    let at_once = GrantChange { next_check: NextCheck::At(minute(2)), ..change(3, &[State::Issued], State::Issued) };
    bed.store.change_grant(at_once).await.unwrap();

    release(1, minute(3), Some(minute(1))).await;
    release(2, minute(3), None).await;
    release(3, minute(3), None).await;

    assert_eq!(claim(&bed, 1).await, [id(1)], "given back");
    assert_eq!(claim(&bed, 2).await, [id(3)], "that appointment was another's");
    release(3, minute(3), None).await;
    assert_eq!(claim(&bed, 100).await, [id(1), id(3)], "a lease that has been followed by another one says nothing");
}

pub(crate) async fn a_clock_that_goes_back_claims_what_was_due_then(bed: Bed) {
    add(&bed, 1, BUCKET, 1).await;
    add(&bed, 2, BUCKET, -600_000).await;

    assert_eq!(claim(&bed, -500_000).await, [id(2)]);
    assert_eq!(claim(&bed, 1).await, [id(2), id(1)], "the lease of long ago is over");
    assert!(claim(&bed, -500_000).await.is_empty());
}

pub(crate) async fn a_corrupt_row_holds_up_no_other_check(bed: Bed) {
    for (n, minutes) in [(1, 0), (2, 1), (3, 1)] {
        add(&bed, n, BUCKET, minutes).await;
    }
    bed.execute("UPDATE grants SET method = 'pigeon' WHERE next_check_at = (SELECT min(next_check_at) FROM grants)")
        .await;

    assert_eq!(claim(&bed, 1).await, [id(2), id(3)]);
    assert!(due_buckets(&bed, 1).await.is_empty());
    assert!(bed.store.find_grant(id(1)).await.is_err());
}
