//! How many grants a user may have, whoever asks for them at the same time.

use std::sync::Arc;

use crate::{
    bed::Bed,
    sample::{change, claiming, completing, grant, noon},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{GrantAdded, GrantChange, GrantFilter, Ledger, NewGrant},
    grant::{
        grant::{Grant, GrantKind, State},
        profile::Method,
        quota::{Quota, Quotas},
    },
};

/// No quotas.
const NONE: Quotas = Quotas { open_grants: None, grants_per_day: None, open_multiparts: None };

/// The `n`th grant of a day, with an id of its time.
fn issued(n: u64, at: DateTime<Utc>, quotas: Quotas) -> NewGrant {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    let millis = u64::try_from(at.timestamp_millis()).unwrap();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    let new = grant(n);
    NewGrant { grant: Grant { id, issued_at: at, ..new.grant }, quotas, ..new }
}

fn of(user_id: &str, new: NewGrant) -> NewGrant {
    NewGrant { grant: Grant { user_id: user_id.to_owned(), ..new.grant }, ..new }
}

fn by(method: Method, new: NewGrant) -> NewGrant {
    NewGrant { grant: Grant { method, ..new.grant }, ..new }
}

async fn add(store: &Arc<dyn Ledger>, new: NewGrant) -> Result<(), (Quota, Option<DateTime<Utc>>)> {
    match store.add_grant(new).await.unwrap() {
        GrantAdded::Added => Ok(()),
        GrantAdded::QuotaExhausted { quota, free_at } => Err((quota, free_at)),
        GrantAdded::AlreadyClaimed { .. } => panic!("nothing was claimed"),
    }
}

pub(crate) async fn open_grants_count_until_they_end(bed: Bed) {
    let quotas = Quotas { open_grants: Some(3), ..NONE };
    let new = |n| NewGrant { quotas, ..grant(n) };
    for n in 1..=3 {
        assert_eq!(add(&bed.store, new(n)).await, Ok(()));
    }
    assert_eq!(add(&bed.store, new(4)).await, Err((Quota::OpenGrants, None)));
    assert_eq!(add(&bed.store, of("u-8", new(5))).await, Ok(()), "another user is not held up");
    assert_eq!(bed.count("grants").await, 4, "what is refused is not there");

    bed.store.change_grant(change(1, &[State::Issued], State::Issued)).await.unwrap();
    assert_eq!(add(&bed.store, new(6)).await, Err((Quota::OpenGrants, None)), "a renewed one has not ended");
    let ends: [fn(u64) -> _; 2] = [|n| completing(n, "AA", n), |n| change(n, &[State::Issued], State::Expired)];
    for (n, end) in (1..).zip(ends) {
        bed.store.change_grant(end(n)).await.unwrap();
        assert_eq!(add(&bed.store, new(10 + n)).await, Ok(()), "one has ended");
        assert_eq!(add(&bed.store, new(20 + n)).await, Err((Quota::OpenGrants, None)), "and only one");
    }
}

pub(crate) async fn grants_of_a_day_count_whatever_becomes_of_them(bed: Bed) {
    let quotas = Quotas { grants_per_day: Some(3), ..NONE };
    let (first, hour) = (noon(), TimeDelta::hours(1));
    for n in 0..3 {
        let new = issued(n, first + hour * i32::try_from(n).unwrap(), quotas);
        let id = new.grant.id;
        assert_eq!(add(&bed.store, new).await, Ok(()));
        let ended = GrantChange::new(id, &[State::Issued], State::Cancelled);
        bed.store.change_grant(ended).await.unwrap();
    }
    let day = TimeDelta::days(1);
    let just_before = issued(4, first + day - TimeDelta::milliseconds(1), quotas);
    assert_eq!(add(&bed.store, just_before).await, Err((Quota::GrantsPerDay, Some(first + day))));
    assert_eq!(add(&bed.store, issued(5, first + day, quotas)).await, Ok(()), "the first is of another day");
    let next = Err((Quota::GrantsPerDay, Some(first + day + hour)));
    assert_eq!(add(&bed.store, issued(6, first + day, quotas)).await, next);
    let fewer = Quotas { grants_per_day: Some(1), ..NONE };
    let last = Err((Quota::GrantsPerDay, Some(first + day + day)));
    assert_eq!(add(&bed.store, issued(7, first + day, fewer)).await, last, "room for one comes with the last of them");
}

pub(crate) async fn multiparts_count_apart(bed: Bed) {
    let quotas = Quotas { open_multiparts: Some(1), ..NONE };
    let new = |n| NewGrant { quotas, ..grant(n) };
    assert_eq!(add(&bed.store, by(Method::Multipart, new(1))).await, Ok(()));
    assert_eq!(add(&bed.store, by(Method::Multipart, new(2))).await, Err((Quota::OpenMultiparts, None)));
    assert_eq!(add(&bed.store, by(Method::Put, new(3))).await, Ok(()));
    bed.store.change_grant(change(1, &[State::Issued], State::Cancelled)).await.unwrap();
    assert_eq!(add(&bed.store, by(Method::Multipart, new(4))).await, Ok(()));
}

pub(crate) async fn directories_count_as_grants(bed: Bed) {
    let quotas = Quotas { open_grants: Some(1), ..NONE };
    let new = NewGrant { quotas, ..grant(1) };
    let directory = NewGrant { grant: Grant { kind: GrantKind::Directory, ..new.grant }, ..new };
    assert_eq!(add(&bed.store, directory).await, Ok(()));
    assert_eq!(add(&bed.store, NewGrant { quotas, ..grant(2) }).await, Err((Quota::OpenGrants, None)));
}

pub(crate) async fn a_replay_is_answered_and_a_refusal_claims_nothing(bed: Bed) {
    let quotas = Quotas { open_grants: Some(1), grants_per_day: Some(50), ..NONE };
    let new = |n, key| NewGrant { quotas, ..claiming(n, key) };
    assert!(matches!(bed.store.add_grant(new(1, 9)).await.unwrap(), GrantAdded::Added));
    let replayed = bed.store.add_grant(new(2, 9)).await.unwrap();
    assert!(matches!(replayed, GrantAdded::AlreadyClaimed { .. }), "the quota is used up by what it repeats");

    let together = join_all([3, 4, 5].map(|n| bed.store.add_grant(new(n, 8)))).await;
    for answer in together {
        assert!(matches!(answer.unwrap(), GrantAdded::QuotaExhausted { quota: Quota::OpenGrants, .. }));
    }
    assert_eq!(bed.count("idempotency_keys").await, 1, "what was refused may be asked for again");
    bed.store.change_grant(change(1, &[State::Issued], State::Cancelled)).await.unwrap();
    assert!(matches!(bed.store.add_grant(new(6, 8)).await.unwrap(), GrantAdded::Added));
}

/// Many askers at once, in two processes, with and without keys: as many as there is room for are granted, not one more and
/// not one fewer.
pub(crate) async fn a_quota_is_exact_whoever_asks_at_the_same_time(bed: Bed) {
    let other = bed.open_again().await;
    let quotas = Quotas { open_grants: Some(7), grants_per_day: Some(100), open_multiparts: Some(3) };
    let users = ["u-1", "u-2", "u-3", "u-4"];
    let asks = (0..400_u64).map(|n| {
        let store = if n % 2 == 0 { &bed.store } else { &other };
        let method = if n % 3 == 0 { Method::Multipart } else { Method::Post };
        let new = match u8::try_from(n / 2) {
            Ok(key) if n % 5 == 0 => NewGrant { quotas, ..claiming(n, key) },
            _ => NewGrant { quotas, ..grant(n) },
        };
        add(store, of(users[usize::try_from(n).unwrap() % users.len()], by(method, new)))
    });
    let granted = join_all(asks).await.into_iter().flatten().count();
    assert_eq!(granted, users.len() * 7);
    assert_eq!(bed.count("grants").await, 28);
    for user in users {
        let filter = GrantFilter { user_id: Some(user.to_owned()), limit: 100, ..GrantFilter::default() };
        let held = bed.store.list_grants(&filter).await.unwrap();
        assert_eq!(held.len(), 7, "{user}");
        let multiparts = held.iter().filter(|entry| entry.grant.method == Method::Multipart).count();
        assert!(multiparts <= 3, "{user}: {multiparts}");
    }
}
