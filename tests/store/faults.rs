//! What must not follow from a fault.

use futures_util::future::join_all;
use oss_valet::{
    app::ports::{GrantChange, GrantFilter},
    grant::grant::State,
};

use crate::{
    bed::Bed,
    sample::{completing, completion, event, find, grant, id},
};

pub(crate) async fn an_operation_that_fails_leaves_its_neighbours_alone(bed: Bed) {
    bed.store.add_grant(grant(50)).await.unwrap();
    let before = bed.counters.commits();
    let answers = join_all((0..100).map(|n| bed.store.add_grant(grant(n)))).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.is_err(), n == 50, "grant {n}: {answer:?}");
    }
    assert_eq!(bed.count("grants").await, 100);
    assert_eq!(bed.counters.commits() - before, 99, "each had its own transaction");
}

pub(crate) async fn a_change_that_fails_half_way_changes_nothing(bed: Bed) {
    join_all((0..3).map(|n| bed.store.add_grant(grant(n)))).await;
    // The second event has the id of the first: the grant and its completion have been written when that shows.
    let broken = GrantChange { events: vec![event(1, 7), event(1, 7)], ..completing(1, "AA", 7) };
    let changes = [completing(0, "AA", 1), broken, completing(2, "AA", 2)];
    let answers = join_all(changes.map(|change| bed.store.change_grant(change))).await;
    let failed: Vec<bool> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false]);

    let entry = find(&*bed.store, 1).await;
    assert_eq!((entry.grant.state, entry.completion), (State::Issued, None));
    assert_eq!(find(&*bed.store, 0).await.completion, Some(completion(0, "AA")));
    assert_eq!((bed.count("completions").await, bed.count("events").await), (2, 2));
}

pub(crate) async fn a_locked_ledger_says_no_and_recovers(bed: Bed) {
    let mut other = bed.lock_out_writers().await;
    let answers = join_all((0..10).map(|n| bed.store.add_grant(grant(n)))).await;
    for answer in answers {
        let refused = answer.unwrap_err().to_string();
        assert!(refused.contains("lock"), "{refused}");
    }
    assert_eq!(bed.store.find_grant(id(1)).await.unwrap(), None, "reading goes on");

    other.execute("ROLLBACK").await;
    bed.store.add_grant(grant(1)).await.unwrap();
    find(&*bed.store, 1).await;
}

pub(crate) async fn a_corrupt_row_is_named_and_hides_no_other(bed: Bed) {
    join_all((0..10).map(|n| bed.store.add_grant(grant(n)))).await;
    let damages = [
        ("state", "'lost'"),
        ("method", "'pigeon'"),
        ("vars", "'[1'"),
        ("max_size", "-1"),
        ("expires_at", "9223372036854775807"),
    ];
    for (n, (column, value)) in (0..).zip(damages) {
        bed.execute(&format!("UPDATE grants SET {column} = {value} WHERE id = {}", bed.literal(id(n)))).await;
        let found = join_all((0..10).map(|n| bed.store.find_grant(id(n)))).await;
        for (other, found) in (0..10).zip(found) {
            assert_eq!(found.is_err(), other <= n, "{column}: grant {other}");
        }
        let told = bed.store.find_grant(id(n)).await.unwrap_err().to_string();
        assert!(told.contains(column) && told.contains(&id(n).to_string()), "{told}");
    }
    let listed = bed.store.list_grants(&GrantFilter { limit: 100, ..GrantFilter::default() }).await;
    assert!(listed.is_err(), "a list does not pass over what it can't read");
}
