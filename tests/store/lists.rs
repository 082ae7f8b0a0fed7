//! Lists.

use chrono::TimeDelta;
use oss_valet::{
    app::ports::{GrantFilter, LedgerEntry, NextCheck},
    grant::grant::State,
};
use uuid::Uuid;

use crate::{
    bed::Bed,
    sample::{change, completing, grant, id, noon},
};

fn ids(entries: &[LedgerEntry]) -> Vec<Uuid> {
    entries.iter().map(|entry| entry.grant.id).collect()
}

fn everything() -> GrantFilter {
    GrantFilter { limit: 100, ..GrantFilter::default() }
}

pub(crate) async fn newest_first_and_only_what_matches(bed: Bed) {
    for n in 1..=6 {
        let mut new = grant(n);
        new.grant.user_id = if n % 2 == 0 { "u-even" } else { "u-odd" }.into();
        new.grant.profile = if n <= 3 { "avatar" } else { "document" }.into();
        bed.store.add_grant(new).await.unwrap();
    }
    bed.store.change_grant(completing(4, "AA", 1)).await.unwrap();
    let even = || Some("u-even".to_owned());
    let cases = [
        ("everything", everything(), vec![6, 5, 4, 3, 2, 1]),
        ("one user's", GrantFilter { user_id: even(), ..everything() }, vec![6, 4, 2]),
        ("nobody's", GrantFilter { user_id: Some("u-eve".into()), ..everything() }, vec![]),
        ("one state", GrantFilter { state: Some(State::Completed), ..everything() }, vec![4]),
        ("one profile", GrantFilter { profile: Some("avatar".into()), ..everything() }, vec![3, 2, 1]),
        ("before an id", GrantFilter { before: Some(id(3)), ..everything() }, vec![2, 1]),
        ("at most two", GrantFilter { limit: 2, ..everything() }, vec![6, 5]),
        (
            "all at once",
            GrantFilter {
                user_id: even(),
                state: Some(State::Issued),
                profile: Some("document".into()),
                before: Some(id(7)),
                limit: 1,
            },
            vec![6],
        ),
    ];
    for (case, filter, expected) in cases {
        let found = bed.store.list_grants(&filter).await.unwrap();
        assert_eq!(ids(&found), expected.into_iter().map(id).collect::<Vec<_>>(), "{case}");
    }
    let completed =
        bed.store.list_grants(&GrantFilter { before: Some(id(5)), limit: 1, ..everything() }).await.unwrap();
    assert_eq!(completed[0].completion.as_ref().unwrap().etag, "AA", "a list tells completions too");
}

pub(crate) async fn pages_neither_repeat_nor_skip_while_grants_are_added(bed: Bed) {
    for n in 1..=25 {
        bed.store.add_grant(grant(n)).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut before = None;
    for page in 1.. {
        let filter = GrantFilter { user_id: Some("u-7".into()), before, limit: 10, ..GrantFilter::default() };
        let entries = bed.store.list_grants(&filter).await.unwrap();
        let Some(last) = entries.last() else { break };
        before = Some(last.grant.id);
        seen.extend(ids(&entries));
        bed.store.add_grant(grant(100 + page)).await.unwrap();
    }
    assert_eq!(seen, (1..=25).rev().map(id).collect::<Vec<_>>());
}

pub(crate) async fn a_clock_that_goes_back_hides_nothing(bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    let mut earlier = grant(2);
    earlier.grant.issued_at = noon() - TimeDelta::days(400);
    earlier.next_check_at = noon() - TimeDelta::days(399);
    bed.store.add_grant(earlier.clone()).await.unwrap();

    assert_eq!(ids(&bed.store.list_grants(&everything()).await.unwrap()), [id(2), id(1)], "ordered by id alone");
    let mut again = change(2, &[State::Issued], State::Issued);
    again.next_check = NextCheck::At(noon() - TimeDelta::days(500));
    bed.store.change_grant(again).await.unwrap();
    assert_eq!(bed.store.find_grant(id(2)).await.unwrap().unwrap().grant, earlier.grant);
}
