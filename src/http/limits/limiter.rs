//! One rate for many: each user, or each address, has a bucket of its own (GCRA).

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use governor::{Quota, RateLimiter, clock, middleware::StateInformationMiddleware, state::keyed::DashMapStateStore};

use crate::{clock::Clock, grant::quota::Rate};

/// Requests after which full buckets are thrown away, at the latest when there are as many as before.
const SWEEP_EVERY: usize = 8192;

/// Buckets by key; full ones are forgotten, so that memory follows those who have just asked.
pub(super) struct Limiter<K: Hash + Eq + Clone> {
    rate: Rate,
    buckets: RateLimiter<K, DashMapStateStore<K>, Timeline, StateInformationMiddleware>,
    until_sweep: AtomicUsize,
}

/// How a bucket stands, as the `RateLimit` field tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Requests that it has left.
    pub(super) remaining: u32,
    /// Seconds until it is full again, rounded up.
    pub(super) full_in: u64,
}

/// What became of a request for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was taken.
    Room(Standing),
    /// There is not enough, for so many seconds, rounded up.
    Later(Standing, u64),
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(super) fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let buckets = RateLimiter::new(quota, DashMapStateStore::default(), Timeline(clock));
        Self { rate, buckets, until_sweep: AtomicUsize::new(SWEEP_EVERY) }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes `n` requests out of the bucket of `key`, all or none. More than a burst are never in it: that is asked for as a burst.
    pub(super) fn take(&self, key: &K, n: NonZeroU32) -> Taken {
        self.sweep_in_turn();
        let n = n.min(self.rate.burst);
        match self.buckets.check_key_n(key, n).expect("a bucket has room for a burst") {
            Ok(state) => Taken::Room(self.standing(state.remaining_burst_capacity())),
            Err(not_until) => {
                let wait = not_until.wait_time_from(clock::Clock::now(self.buckets.clock()));
                Taken::Later(self.standing(n.get().saturating_sub(self.given_back_in(wait))), seconds(wait).max(1))
            }
        }
    }

    fn standing(&self, remaining: u32) -> Standing {
        let missing = u64::from(self.rate.burst.get().saturating_sub(remaining));
        Standing { remaining, full_in: (missing * 60).div_ceil(self.rate.per_minute.get().into()) }
    }

    /// Requests that a bucket gets back in that time, rounded up.
    fn given_back_in(&self, time: Duration) -> u32 {
        const NANOS_PER_MINUTE: u128 = 60_000_000_000;
        let requests = (time.as_nanos() * u128::from(self.rate.per_minute.get())).div_ceil(NANOS_PER_MINUTE);
        u32::try_from(requests).unwrap_or(u32::MAX)
    }

    /// As many requests later as there are buckets: then the work of throwing away is that of a few of them each.
    fn sweep_in_turn(&self) {
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
            self.until_sweep.store(self.buckets.len().max(SWEEP_EVERY), Ordering::Relaxed);
        }
    }
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Our clock, as the library takes one.
#[derive(Clone)]
struct Timeline(Arc<dyn Clock>);

impl clock::Clock for Timeline {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.uptime()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::clock::ManualClock;

    fn limiter(per_minute: u32, burst: u32) -> (Limiter<String>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(DateTime::from_timestamp(1_795_219_200, 0).unwrap()));
        let rate = Rate { per_minute: per_minute.try_into().unwrap(), burst: burst.try_into().unwrap() };
        (Limiter::new(rate, clock.clone()), clock)
    }

    fn take(limiter: &Limiter<String>, key: &str, n: u32) -> Taken {
        limiter.take(&key.to_owned(), n.try_into().unwrap())
    }

    fn room(remaining: u32, full_in: u64) -> Taken {
        Taken::Room(Standing { remaining, full_in })
    }

    fn later(remaining: u32, full_in: u64, wait: u64) -> Taken {
        Taken::Later(Standing { remaining, full_in }, wait)
    }

    #[test]
    fn a_burst_is_had_at_once_and_given_back_one_by_one() {
        let (limiter, clock) = limiter(20, 3);
        assert_eq!(take(&limiter, "u-1", 1), room(2, 3));
        assert_eq!(take(&limiter, "u-1", 1), room(1, 6));
        assert_eq!(take(&limiter, "u-1", 1), room(0, 9));
        assert_eq!(take(&limiter, "u-1", 1), later(0, 9, 3));
        clock.advance(TimeDelta::milliseconds(2999));
        assert_eq!(take(&limiter, "u-1", 1), later(0, 9, 1), "a millisecond is a second, rounded up");
        clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(take(&limiter, "u-1", 1), room(0, 9));
        assert_eq!(take(&limiter, "u-2", 1), room(2, 3), "another one has a bucket of his own");
        clock.advance(TimeDelta::hours(1));
        assert_eq!(take(&limiter, "u-1", 1), room(2, 3), "it never holds more than a burst");
    }

    #[test]
    fn several_are_taken_together_or_not_at_all() {
        let (limiter, clock) = limiter(60, 10);
        assert_eq!(take(&limiter, "u-1", 7), room(3, 7));
        assert_eq!(take(&limiter, "u-1", 5), later(3, 7, 2));
        assert_eq!(take(&limiter, "u-1", 3), room(0, 10));
        clock.advance(TimeDelta::seconds(4));
        assert_eq!(take(&limiter, "u-1", 5), later(4, 6, 1));
    }

    #[test]
    fn who_has_not_asked_for_a_while_is_forgotten() {
        let (limiter, clock) = limiter(60, 2);
        for n in 0..200_000 {
            take(&limiter, &format!("u-{n}"), 1);
            clock.advance(TimeDelta::milliseconds(1));
        }
        // A thousand have asked within the last second, before which a bucket is not full again.
        assert!(limiter.buckets.len() <= 1000 + SWEEP_EVERY, "{} buckets", limiter.buckets.len());
        take(&limiter, "busy", 2);
        for _ in 0..=SWEEP_EVERY {
            take(&limiter, "another", 1);
        }
        assert!(matches!(take(&limiter, "busy", 1), Taken::Later(..)), "who has just asked is remembered");
    }
}
