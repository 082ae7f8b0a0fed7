//! When to renew and when to try again: pure, with time and chance as parameters.

use chrono::{DateTime, TimeDelta, Utc};

/// With so little left it is high time: here the official SDKs renew (P§6.3).
const FLOOR: TimeDelta = TimeDelta::seconds(180);
/// The first attempt after a failure comes so much later, at most.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(1);
/// Attempts are at most so far apart while something usable is held …
const LAST_RETRY: TimeDelta = TimeDelta::seconds(60);
/// … and while nothing is: callers are waiting.
const LAST_RETRY_WITHOUT: TimeDelta = TimeDelta::seconds(10);

/// When to renew a credential fetched at `now`: at a random point between one half and three quarters of its life, not later
/// than [`FLOOR`] before its end, but never within its first quarter (the metadata service hands out the same credential until it
/// is nearly over). `chance` is any number: what is random is spread over its whole range.
pub(super) fn renew_at(now: DateTime<Utc>, expires_at: DateTime<Utc>, chance: u32) -> DateTime<Utc> {
    let life = expires_at - now;
    let aimed = now + life / 2 + share(life / 4, chance);
    aimed.min(expires_at - FLOOR).max(now + life / 4)
}

/// From when on a caller renews, should the background not have done it: when so little is left as at [`FLOOR`], or the last
/// quarter of a shorter life.
pub(super) fn urgent_at(now: DateTime<Utc>, expires_at: DateTime<Utc>) -> DateTime<Utc> {
    expires_at - FLOOR.min((expires_at - now) / 4)
}

/// How long to wait after so many failures in a row (from 1 on) with so much life `left` in what is held: doubling, with a random
/// half, and never past the middle of what is left.
pub(super) fn retry_after(failures: u32, left: Option<TimeDelta>, chance: u32) -> TimeDelta {
    let cap = left.map_or(LAST_RETRY_WITHOUT, |left| (left / 2).clamp(FIRST_RETRY, LAST_RETRY));
    let doubled = FIRST_RETRY * (1 << failures.saturating_sub(1).min(10));
    let full = doubled.min(cap);
    full / 2 + share(full / 2, chance)
}

/// The part of `whole` that `chance` stands for.
fn share(whole: TimeDelta, chance: u32) -> TimeDelta {
    let milliseconds = i128::from(whole.num_milliseconds()) * i128::from(chance) / (i128::from(u32::MAX) + 1);
    TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn renewal(life: i64, chance: u32) -> i64 {
        let now = DateTime::UNIX_EPOCH;
        (renew_at(now, now + TimeDelta::seconds(life), chance) - now).num_seconds()
    }

    #[test]
    fn renewal_comes_between_half_and_three_quarters_and_before_the_floor() {
        for (why, life, earliest, latest) in [
            ("an hour", 3600, 1800, 2699),
            ("the shortest that STS gives", 900, 450, 674),
            ("the floor is nearer than three quarters", 480, 240, 300),
            ("the floor lies before the middle", 300, 120, 120),
            ("shorter than the floor: a quarter of it", 100, 25, 25),
        ] {
            assert_eq!((renewal(life, 0), renewal(life, u32::MAX)), (earliest, latest), "{why}");
        }
    }

    #[test]
    fn retries_double_up_to_their_cap_and_never_sleep_through_the_end() {
        let seconds = |failures, left: Option<i64>, chance| {
            retry_after(failures, left.map(TimeDelta::seconds), chance).num_milliseconds()
        };
        assert_eq!((seconds(1, None, 0), seconds(1, None, u32::MAX)), (500, 999));
        assert_eq!((seconds(3, None, 0), seconds(3, None, u32::MAX)), (2000, 3999));
        assert_eq!(seconds(40, None, u32::MAX), 9999, "somebody is waiting");
        assert_eq!(seconds(40, Some(3600), u32::MAX), 59_999, "nobody is");
        assert_eq!(seconds(40, Some(20), u32::MAX), 9999, "not past the middle of what is left");
        assert_eq!(seconds(40, Some(0), 0), 500, "nor without a pause");
    }

    proptest! {
        #[test]
        fn renewal_lies_within_the_life_whatever_the_chance(life in 1_i64..100_000, chance: u32) {
            let at = renewal(life, chance);
            prop_assert!(at < life && at * 4 >= life - 4, "{at} of {life}");
            prop_assert!(at * 4 <= life * 3, "{at} of {life}");
            let now = DateTime::UNIX_EPOCH;
            let urgent = (urgent_at(now, now + TimeDelta::seconds(life)) - now).num_seconds();
            prop_assert!((at..=life).contains(&urgent), "{at}, {urgent} of {life}");
            prop_assert!(life < 240 || life - at >= FLOOR.num_seconds(), "{at} of {life}");
        }
    }
}
