//! Several replicas over one ledger, and one that dies.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{CheckClaim, NextCheck},
    clock::Clock,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{heads, issue, kinds, state, step};
use crate::{forger::put_aside, harness::TestApp};

async fn several(app: &TestApp, count: usize) -> Vec<Value> {
    join_all((0..count).map(|_| issue(app))).await
}

#[tokio::test]
async fn two_replicas_look_at_each_grant_once_each_time_it_is_due() {
    let app = TestApp::spawn().await;
    let other = app.replica().await;
    let grants = several(&app, 40).await;
    for (round, minutes) in (1..).zip([5, 22, 58, 1380]) {
        app.clock.advance(TimeDelta::minutes(minutes));
        let now = app.clock.now();
        let steps = join_all([&*app.valet, &other, &*app.valet, &other].map(|valet| valet.look_after_due(now))).await;
        let looked: usize = steps.iter().map(|step| step.as_ref().unwrap().len()).sum();
        assert_eq!(looked, grants.len(), "round {round}");
        assert_eq!(heads(&app, &grants).await, vec![round; grants.len()], "round {round}");
    }
    assert_eq!(kinds(&app).await, vec!["expired"; grants.len()], "each once");
}

#[tokio::test]
async fn what_a_replica_claimed_before_it_died_is_looked_for_when_its_lease_ends() {
    let app = TestApp::spawn().await;
    let grant = issue(&app).await;
    put_aside(&app, &grant, b"hello").await;
    app.clock.advance(TimeDelta::minutes(5));
    let now = app.clock.now();
    let dead = app.replica().await;
    let claim = CheckClaim { bucket: "app-media".into(), now, leased_until: now + TimeDelta::minutes(2), limit: 10 };
    assert_eq!(dead.store.claim_checks(claim).await.unwrap().len(), 1);
    drop(dead);

    app.clock.advance(TimeDelta::seconds(119));
    assert!(step(&app).await.is_empty(), "it may be at it still");
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(step(&app).await[0].finding.as_str(), "completed");

    assert_eq!(state(&app, &grant).await, "completed");
    assert_eq!(kinds(&app).await, ["completed"]);
}

#[tokio::test]
async fn a_replica_that_stops_gives_back_what_it_has_not_begun() {
    let app = TestApp::spawn().await;
    let grants = several(&app, 10).await;
    app.clock.advance(TimeDelta::minutes(5));
    let (stopping, now) = (app.replica().await, app.clock.now());
    let stop = CancellationToken::new();
    stop.cancel();

    assert!(stopping.reconcile_bucket("app-media", 10, now, &stop).await.unwrap().is_empty());

    assert_eq!(heads(&app, &grants).await, [0; 10]);
    assert_eq!(step(&app).await.len(), 10, "another one need not wait for the lease");
}

#[tokio::test]
async fn who_is_told_to_look_at_once_is_not_forgotten_over_a_look_that_ends_later() {
    let app = TestApp::spawn().await;
    let grant = issue(&app).await;
    app.clock.advance(TimeDelta::minutes(5));
    let (other, now) = (app.replica().await, app.clock.now());
    let lease = now + TimeDelta::minutes(2);
    let claim = CheckClaim { bucket: "app-media".into(), now, leased_until: lease, limit: 10 };
    let claimed = other.store.claim_checks(claim).await.unwrap();
    // The look finds nothing; before that is noted, a callback comes and can't be confirmed.
    put_aside(&app, &grant, b"hello").await;
    let looked_in_vain = &claimed[0].entry.grant;
    let change = |next_check| oss_valet::app::ports::GrantChange {
        next_check,
        ..oss_valet::app::ports::GrantChange::new(looked_in_vain.id, looked_in_vain.state.alone(), looked_in_vain.state)
    };
    app.valet.store.change_grant(change(NextCheck::At(now))).await.unwrap();
    other.store.change_grant(change(NextCheck::Release(lease, Some(now + TimeDelta::minutes(22))))).await.unwrap();

    assert_eq!(step(&app).await[0].finding.as_str(), "completed");
}
