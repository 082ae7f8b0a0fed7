//! Many callers, hours of time, credentials of a quarter of an hour: no failure, nothing expired, few calls.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{CredentialState, Credentials},
    clock::{Clock, ManualClock},
};

use crate::{
    assume_role,
    harness::{clock, refreshing},
    sts::{Sts, refusal},
};

const HOURS: i64 = 12;
const STEP: TimeDelta = TimeDelta::seconds(30);

/// What callers have seen.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    asked: AtomicUsize,
    expired: AtomicUsize,
    refused: AtomicUsize,
}

fn call_on_and_on(
    provider: &Arc<dyn Credentials>,
    clock: &Arc<ManualClock>,
    seen: &Arc<Seen>,
) -> tokio::task::JoinHandle<()> {
    let (provider, clock, seen) = (provider.clone(), clock.clone(), seen.clone());
    tokio::spawn(async move {
        while !seen.stop.load(Ordering::SeqCst) {
            let now = clock.now();
            match provider.current(now).await {
                // What is valid at the caller's `now`: later ones are the next call's.
                Ok(credential) if credential.is_valid_at(now) => {}
                Ok(_) => drop(seen.expired.fetch_add(1, Ordering::SeqCst)),
                Err(_) => drop(seen.refused.fetch_add(1, Ordering::SeqCst)),
            }
            seen.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    })
}

/// Lets `hours` go by while sixteen callers ask without a pause; `before_step` is told the second.
async fn under_load(
    provider: &Arc<dyn Credentials>,
    clock: &Arc<ManualClock>,
    hours: i64,
    mut before_step: impl FnMut(i64),
) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let callers: Vec<_> = (0..16).map(|_| call_on_and_on(provider, clock, &seen)).collect();
    for second in (0..hours * 3600).step_by(30) {
        before_step(second);
        provider.refresh_due(clock.now()).await;
        // Every caller has had its turn at this time.
        let asked = seen.asked.load(Ordering::SeqCst);
        while seen.asked.load(Ordering::SeqCst) < asked + 32 {
            tokio::task::yield_now().await;
        }
        clock.advance(STEP);
    }
    seen.stop.store(true, Ordering::SeqCst);
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    seen
}

#[tokio::test]
async fn hours_of_rotation_fail_nobody_and_cost_few_calls() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let provider: Arc<dyn Credentials> = refreshing(assume_role::source(&sts), &clock);

    let seen = under_load(&provider, &clock, HOURS, |_| {}).await;

    assert_eq!((seen.expired.load(Ordering::SeqCst), seen.refused.load(Ordering::SeqCst)), (0, 0));
    assert!(seen.asked.load(Ordering::SeqCst) > 20_000, "there was load");
    // One per half a life at most, and one per three quarters at least.
    let calls = sts.received().await.len();
    let lives = usize::try_from(HOURS * 4).unwrap();
    assert!((lives..=lives * 2 + 1).contains(&calls), "{calls}");
}

#[tokio::test]
async fn an_sts_that_fails_for_a_while_is_not_noticed_by_callers() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let provider: Arc<dyn Credentials> = refreshing(assume_role::source(&sts), &clock);

    // In each hour three minutes of errors, then of throttling: shorter than what is left at the latest renewal.
    let seen = under_load(&provider, &clock, 2, |second| {
        sts.set_outage(match second % 3600 {
            600..780 => Some(refusal(503, "ServiceUnavailable")),
            1800..1980 => Some(refusal(400, "Throttling.User")),
            _ => None,
        });
    })
    .await;

    assert_eq!((seen.expired.load(Ordering::SeqCst), seen.refused.load(Ordering::SeqCst)), (0, 0));
    let calls = sts.received().await.len();
    assert!(calls < 2 * 4 * 2 + 4 * 12, "failures did not make us hammer: {calls}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_sts_that_fails_for_long_refuses_callers_and_then_serves_them_again() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let provider: Arc<dyn Credentials> = refreshing(assume_role::source(&sts), &clock);

    // From the tenth minute on for half an hour.
    let seen = under_load(&provider, &clock, 1, |second| {
        sts.set_outage((600..2400).contains(&second).then(|| refusal(500, "InternalError")));
    })
    .await;

    assert_eq!(seen.expired.load(Ordering::SeqCst), 0, "an expired credential is worse than none");
    assert!(seen.refused.load(Ordering::SeqCst) > 0);
    assert_eq!(provider.status(clock.now()).await.state, CredentialState::Ok);
}
