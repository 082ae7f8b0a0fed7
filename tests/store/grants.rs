//! Adding and finding.

use std::sync::Arc;

use futures_util::future::join_all;
use oss_valet::{
    app::ports::{GrantAdded, NewGrant},
    grant::{grant::Grant, profile::Method},
};

use crate::{
    bed::Bed,
    sample::{completing, find, grant, id},
};

pub(crate) async fn a_grant_is_found_as_it_was_added(bed: Bed) {
    let plain = grant(1);
    let rich = NewGrant {
        grant: Grant {
            method: Method::Sts,
            created_by: Some("https://issuer.example machine-1".into()),
            key: "u~E4/图片'\";--.png".into(),
            min_size: 0,
            max_size: i64::MAX as u64,
            filename: Some("头像 \u{1F600}\n.png".into()),
            vars: [("album".into(), "4\"2".into()), ("note".into(), "é".into())].into(),
            overwrite: true,
            oss_upload_id: None,
            ..grant(2).grant
        },
        ..grant(2)
    };
    for new in [plain, rich] {
        assert!(matches!(bed.store.add_grant(new.clone()).await.unwrap(), GrantAdded::Added));
        let entry = bed.store.find_grant(new.grant.id).await.unwrap().unwrap();
        assert_eq!(entry.grant, new.grant);
        assert_eq!(entry.completion, None);
    }
}

pub(crate) async fn an_unknown_grant_is_not_found(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    assert_eq!(bed.store.find_grant(id(2)).await.unwrap(), None);
}

pub(crate) async fn a_number_beyond_the_ledger_is_refused(bed: Bed) {
    let mut huge = grant(1);
    huge.grant.max_size = u64::MAX;
    let refused = bed.store.add_grant(huge).await.unwrap_err().to_string();
    assert!(refused.contains("max_size"), "{refused}");
    assert_eq!(bed.count("grants").await, 0);
}

pub(crate) async fn an_id_is_taken_once(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let mut second = grant(1);
    second.grant.user_id = "u-8".into();
    bed.store.add_grant(second).await.unwrap_err();
    assert_eq!(find(&*bed.store, 1).await.grant, grant(1).grant);
}

pub(crate) async fn concurrent_adds_are_all_there_and_share_transactions(bed: Bed) {
    let before = bed.counters.commits();
    for added in join_all((0..500).map(|n| bed.store.add_grant(grant(n)))).await {
        assert!(matches!(added.unwrap(), GrantAdded::Added));
    }
    for n in 0..500 {
        assert_eq!(find(&*bed.store, n).await.grant, grant(n).grant);
    }
    let commits = bed.counters.commits() - before;
    assert!((1..=20).contains(&commits), "{commits} transactions for 500 grants");
    assert_eq!(bed.counters.operations(), 500);
}

pub(crate) async fn concurrent_look_ups_each_get_their_own(bed: Bed) {
    join_all((0..100).map(|n| bed.store.add_grant(grant(n)))).await;
    let found = join_all((0..200).map(|n| bed.store.find_grant(id(n % 150)))).await;
    for (n, found) in (0..200).zip(found) {
        let expected = (n % 150 < 100).then(|| grant(n % 150).grant);
        assert_eq!(found.unwrap().map(|entry| entry.grant), expected, "look-up {n}");
    }
}

pub(crate) async fn concurrent_look_ups_of_one_completed_grant_all_see_its_completion(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    bed.store.change_grant(completing(1, "AA", 1)).await.unwrap();
    for found in join_all((0..100).map(|_| bed.store.find_grant(id(1)))).await {
        let entry = found.unwrap().expect("it was added");
        assert_eq!(entry.completion.expect("it was completed").etag, "AA");
    }
}

pub(crate) async fn a_ledger_answers_a_ping(bed: Bed) {
    let before = bed.counters.commits();
    bed.store.ping().await.unwrap();
    assert_eq!(bed.counters.commits(), before + 1, "a ping proves that the ledger can be written");
}

pub(crate) async fn dropping_the_ledger_finishes_what_is_queued(bed: Bed) {
    let adds: Vec<_> = (0..100)
        .map(|n| {
            let store = Arc::clone(&bed.store);
            tokio::spawn(async move { store.add_grant(grant(n)).await })
        })
        .collect();
    let again = bed.open_again().await;
    drop(bed.store);
    for added in adds {
        assert!(matches!(added.await.unwrap().unwrap(), GrantAdded::Added));
    }
    for n in 0..100 {
        find(&*again, n).await;
    }
}
