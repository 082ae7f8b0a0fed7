//! The engine: one call for all, early renewal, patience after failures, nothing expired handed out.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use oss_valet::{
    app::ports::{CredentialState, Credentials},
    clock::{Clock, ManualClock},
    credentials::RefreshingCredentials,
};

use crate::harness::{Numbered, Shared, clock, refreshing};

struct Bed {
    clock: Arc<ManualClock>,
    source: Arc<Numbered>,
    provider: Arc<RefreshingCredentials>,
}

impl Bed {
    fn new(life: TimeDelta) -> Self {
        let clock = clock();
        let source = Numbered::new(&clock, life);
        let provider = refreshing(Shared(source.clone()), &clock);
        Self { clock, source, provider }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn id(&self) -> String {
        self.provider.current(self.now()).await.unwrap().key.id().to_owned()
    }

    async fn step_after(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
        self.provider.refresh_due(self.now()).await;
    }

    async fn state(&self) -> (CredentialState, bool) {
        let status = self.provider.status(self.now()).await;
        (status.state, status.usable)
    }
}

#[tokio::test]
async fn a_thousand_callers_make_one_call() {
    let bed = Bed::new(TimeDelta::hours(1));
    bed.source.gate.forget_permits(usize::MAX);
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let (provider, now) = (bed.provider.clone(), bed.now());
            tokio::spawn(async move { provider.current(now).await.map(|credential| credential.key.id().to_owned()) })
        })
        .collect();
    while bed.source.calls() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.state().await, (CredentialState::Refreshing, false));
    bed.source.gate.add_permits(1);
    for caller in join_all(callers).await {
        assert_eq!(caller.unwrap().unwrap(), "STS.1");
    }
    assert_eq!(bed.source.calls(), 1);
}

#[tokio::test]
async fn a_thousand_callers_share_one_failure_too() {
    let bed = Bed::new(TimeDelta::hours(1));
    bed.source.set_failing(true);
    bed.source.gate.forget_permits(usize::MAX);
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let (provider, now) = (bed.provider.clone(), bed.now());
            tokio::spawn(async move { provider.current(now).await.unwrap_err().to_string() })
        })
        .collect();
    while bed.source.calls() == 0 {
        tokio::task::yield_now().await;
    }
    // The call has taken long; who waited does not try again after it.
    bed.clock.advance(TimeDelta::seconds(10));
    bed.source.gate.add_permits(1);
    for caller in join_all(callers).await {
        assert!(caller.unwrap().contains("attempt 1 failed"));
    }
    assert_eq!(bed.source.calls(), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_way_free() {
    let bed = Bed::new(TimeDelta::hours(1));
    bed.source.gate.forget_permits(usize::MAX);
    let impatient = tokio::spawn({
        let (provider, now) = (bed.provider.clone(), bed.now());
        async move { provider.current(now).await.is_ok() }
    });
    while bed.source.calls() == 0 {
        tokio::task::yield_now().await;
    }
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    assert_eq!(bed.state().await, (CredentialState::Refreshing, false), "the first is still to come");
    bed.source.gate.add_permits(1);
    assert_eq!(bed.id().await, "STS.2");
    assert_eq!(bed.state().await, (CredentialState::Ok, true), "what was given up is not under way for ever");
}

#[tokio::test]
async fn renewal_comes_in_the_third_quarter_of_the_life_and_not_before() {
    let bed = Bed::new(TimeDelta::seconds(3600));
    assert_eq!(bed.id().await, "STS.1");
    bed.step_after(1799).await;
    assert_eq!(bed.source.calls(), 1, "not in the first half");
    bed.step_after(901).await;
    assert_eq!(bed.source.calls(), 2, "but before the last quarter");
    assert_eq!(bed.id().await, "STS.2");
    bed.step_after(1).await;
    assert_eq!(bed.source.calls(), 2, "and not again");
}

#[tokio::test]
async fn renewals_of_many_services_do_not_come_at_once() {
    let mut renewed_at = std::collections::BTreeSet::new();
    for _ in 0..30 {
        let bed = Bed::new(TimeDelta::seconds(3600));
        bed.id().await;
        bed.clock.advance(TimeDelta::seconds(1799));
        for second in 1799..=2700 {
            bed.step_after(1).await;
            if bed.source.calls() == 2 {
                renewed_at.insert(second / 60);
                break;
            }
        }
    }
    // Thirty, over fifteen minutes: that they meet in fewer than five is beyond chance.
    assert!(renewed_at.len() >= 5, "{renewed_at:?}");
}

#[tokio::test]
async fn callers_are_not_kept_waiting_by_a_renewal() {
    let bed = Bed::new(TimeDelta::seconds(3600));
    bed.id().await;
    bed.clock.advance(TimeDelta::seconds(2700));
    bed.source.gate.forget_permits(usize::MAX);
    let renewal = tokio::spawn({
        let (provider, now) = (bed.provider.clone(), bed.now());
        async move { provider.refresh_due(now).await }
    });
    while bed.source.calls() == 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.id().await, "STS.1");
    assert_eq!(bed.state().await, (CredentialState::Refreshing, true));
    bed.provider.refresh_due(bed.now()).await;
    assert_eq!(bed.source.calls(), 2, "a second step does not ask beside the first");
    bed.source.gate.add_permits(1);
    renewal.await.unwrap();
    assert_eq!(bed.id().await, "STS.2");
    assert_eq!(bed.state().await, (CredentialState::Ok, true));
}

#[tokio::test]
async fn with_little_left_one_caller_renews_and_the_others_go_on() {
    let bed = Bed::new(TimeDelta::seconds(3600));
    bed.id().await;
    bed.clock.advance(TimeDelta::seconds(3600 - 181));
    assert_eq!(bed.id().await, "STS.1", "no caller renews before that");
    bed.clock.advance(TimeDelta::seconds(1));
    bed.source.gate.forget_permits(usize::MAX);
    let first = tokio::spawn({
        let (provider, now) = (bed.provider.clone(), bed.now());
        async move { provider.current(now).await.unwrap().key.id().to_owned() }
    });
    while bed.source.calls() == 1 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        assert_eq!(bed.id().await, "STS.1");
    }
    bed.source.gate.add_permits(1);
    assert_eq!(first.await.unwrap(), "STS.2");
    assert_eq!((bed.id().await.as_str(), bed.source.calls()), ("STS.2", 2));
}

#[tokio::test]
async fn the_last_good_one_serves_until_it_really_expires_and_not_a_second_longer() {
    let bed = Bed::new(TimeDelta::seconds(900));
    bed.id().await;
    let failing_since = bed.now() + TimeDelta::seconds(700);
    bed.source.set_failing(true);
    bed.step_after(700).await;
    assert_eq!(bed.state().await, (CredentialState::Failing, true));
    bed.step_after(199).await;
    assert_eq!(bed.id().await, "STS.1");
    bed.clock.advance(TimeDelta::seconds(1));
    let error = bed.provider.current(bed.now()).await.unwrap_err().to_string();
    assert!(error.starts_with("no usable credential: attempt "), "{error}");
    let status = bed.provider.status(bed.now()).await;
    assert_eq!((status.state, status.usable), (CredentialState::Expired, false));
    assert_eq!((status.failing_since, status.expires_at), (Some(failing_since), Some(bed.now())));

    bed.source.set_failing(false);
    bed.step_after(10).await;
    assert_eq!(bed.state().await, (CredentialState::Ok, true));
    assert_eq!(bed.provider.status(bed.now()).await.failing_since, None);
    bed.provider.current(bed.now()).await.unwrap();
}

#[tokio::test]
async fn attempts_after_failures_come_ever_more_rarely() {
    let bed = Bed::new(TimeDelta::hours(10));
    bed.id().await;
    bed.source.set_failing(true);
    bed.clock.advance(TimeDelta::hours(8));
    for _ in 0..600 {
        bed.step_after(1).await;
    }
    // Ten minutes: 1, 2, 4, … 64 s with jitter, then once or twice a minute.
    let attempts = bed.source.calls() - 1;
    assert!((12..=30).contains(&attempts), "{attempts}");

    let waiting = Bed::new(TimeDelta::hours(1));
    waiting.source.set_failing(true);
    for _ in 0..600 {
        waiting.clock.advance(TimeDelta::seconds(1));
        assert!(waiting.provider.current(waiting.now()).await.is_err());
    }
    let attempts = waiting.source.calls();
    assert!((55..=130).contains(&attempts), "with nothing in hand every 5 to 10 seconds: {attempts}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_prolong_a_pause() {
    let bed = Bed::new(TimeDelta::hours(1));
    bed.source.set_failing(true);
    assert!(bed.provider.current(bed.now()).await.is_err());
    bed.source.set_failing(false);
    bed.clock.advance(TimeDelta::hours(-3));
    assert_eq!(bed.id().await, "STS.2");
}

#[tokio::test]
async fn what_is_over_when_a_wait_ends_is_not_handed_out() {
    let bed = Bed::new(TimeDelta::seconds(900));
    bed.source.gate.forget_permits(usize::MAX);
    let asked_at = bed.now();
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let provider = bed.provider.clone();
            tokio::spawn(async move { provider.current(asked_at).await })
        })
        .collect();
    while bed.source.calls() == 0 {
        tokio::task::yield_now().await;
    }
    *bed.source.life.lock().unwrap() = TimeDelta::zero();
    bed.source.gate.add_permits(1);
    for caller in callers {
        assert!(caller.await.unwrap().is_err());
    }
}

#[tokio::test]
async fn what_expires_during_an_attempt_of_ones_own_is_not_handed_out() {
    let bed = Bed::new(TimeDelta::seconds(900));
    bed.id().await;
    bed.clock.advance(TimeDelta::seconds(895));
    bed.source.set_failing(true);
    bed.source.gate.forget_permits(usize::MAX);
    let renewing = tokio::spawn({
        let (provider, now) = (bed.provider.clone(), bed.now());
        async move { provider.current(now).await }
    });
    while bed.source.calls() == 1 {
        tokio::task::yield_now().await;
    }
    // The call times out after all that was left.
    bed.clock.advance(TimeDelta::seconds(10));
    bed.source.gate.add_permits(1);
    assert!(renewing.await.unwrap().unwrap_err().to_string().contains("attempt 2 failed"));
}
