//! When a delivery is tried again, and when no more.
//!
//! After the first failure some 5 s, then 10 s, 20 s, 40 s … doubling up to an hour; each of these is cut by up to a half by chance, so that
//! what failed together does not come back together. After three days the delivery is given up.

use chrono::{DateTime, TimeDelta, Utc};

/// Until the second attempt, at most.
const FIRST: TimeDelta = TimeDelta::seconds(5);
/// Between two attempts, at most: a sink that is back has everything within an hour.
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// For how long an event is tried.
pub const PATIENCE: TimeDelta = TimeDelta::days(3);
/// The longest that a sink may ask to be left alone at a time.
pub const MAX_RETRY_AFTER: TimeDelta = TimeDelta::hours(12);

/// `Retry-After`, as it was said (RFC 9110 §10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    In(TimeDelta),
    /// An HTTP date.
    At(DateTime<Utc>),
}

impl RetryAfter {
    /// Reads the header; what is neither a number nor a date says nothing.
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.trim();
        if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
            // Beyond what a number holds is as good as the most that is honoured.
            let seconds = header.parse().unwrap_or(i64::MAX).min(MAX_RETRY_AFTER.num_seconds());
            return Some(Self::In(TimeDelta::seconds(seconds)));
        }
        httpdate::parse_http_date(header).ok().map(|date| Self::At(date.into()))
    }

    /// The instant meant, when it is said at `now`: never in the past, and at most [`MAX_RETRY_AFTER`] away.
    pub fn until(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let until = match self {
            Self::In(delay) => now + delay.min(MAX_RETRY_AFTER),
            Self::At(date) => date,
        };
        until.clamp(now, now + MAX_RETRY_AFTER)
    }
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again then.
    At(DateTime<Utc>),
    /// Give up.
    GiveUp,
}

/// What to do when attempt number `attempt` (from 1) has failed at `now`, of a delivery that is tried `since`. Never before
/// `not_before`, if the receiver named a time. `random` is any number, evenly distributed.
pub fn after_failure(
    attempt: u32,
    since: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    random: u32,
) -> Next {
    let at = now + backoff(attempt, random);
    let at = not_before.map_or(at, |earliest| at.max(earliest));
    if at > since + PATIENCE { Next::GiveUp } else { Next::At(at) }
}

fn backoff(attempt: u32, random: u32) -> TimeDelta {
    let doublings = attempt.saturating_sub(1).min(16);
    let half = (FIRST * (1 << doublings)).min(LONGEST) / 2;
    // Half an hour in microseconds, times 2^32, fits.
    let by_chance = (half.num_microseconds().unwrap_or_default() * i64::from(random)) >> 32;
    half + TimeDelta::microseconds(by_chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_219_200 + seconds, 0).unwrap()
    }

    fn seconds_until(next: Next) -> i64 {
        match next {
            Next::At(then) => (then - at(0)).num_seconds(),
            Next::GiveUp => panic!("given up"),
        }
    }

    #[test]
    fn waiting_doubles_up_to_an_hour() {
        let longest = |attempt| seconds_until(after_failure(attempt, at(0), None, at(0), u32::MAX));
        let shortest = |attempt| seconds_until(after_failure(attempt, at(0), None, at(0), 0));
        for (attempt, least, most) in [
            (1, 2, 4),
            (2, 5, 9),
            (3, 10, 19),
            (4, 20, 39),
            (10, 1_280, 2_559),
            (11, 1_800, 3_599),
            (12, 1_800, 3_599),
            (1_000, 1_800, 3_599),
            (u32::MAX, 1_800, 3_599),
        ] {
            assert_eq!((shortest(attempt), longest(attempt)), (least, most), "attempt {attempt}");
        }
    }

    #[test]
    fn chance_is_spread_evenly() {
        let delays: Vec<_> = (0..=4)
            .map(|quarter: u32| backoff(12, (quarter << 30).saturating_sub(quarter / 4)).num_seconds())
            .collect();
        assert_eq!(delays[..4], [1_800, 2_250, 2_700, 3_150]);
    }

    #[test]
    fn three_days_is_the_end() {
        let since = at(0);
        let almost = since + PATIENCE - TimeDelta::seconds(3);
        assert_eq!(after_failure(1, since, None, almost, 0), Next::At(almost + TimeDelta::milliseconds(2_500)));
        assert_eq!(after_failure(2, since, None, almost, 0), Next::GiveUp, "it would be later than that");
        assert_eq!(after_failure(1, since, None, since + PATIENCE, 0), Next::GiveUp);
        let asked = Some(since + PATIENCE + TimeDelta::seconds(1));
        assert_eq!(after_failure(1, since, asked, almost, 0), Next::GiveUp);
    }

    #[test]
    fn what_the_receiver_asks_for_is_kept_where_it_is_longer() {
        let next = |asked: &str| {
            let asked = RetryAfter::parse(asked).map(|asked| asked.until(at(0)));
            seconds_until(after_failure(1, at(0), asked, at(0), u32::MAX))
        };
        for (header, seconds) in [
            ("120", 120),
            (" 120 ", 120),
            ("1", 4),
            ("0", 4),
            ("43200", 43_200),
            ("43201", 43_200),
            ("99999999999999999999999", 43_200),
            ("Sat, 21 Nov 2026 00:02:00 GMT", 120),
            ("Saturday, 21-Nov-26 00:02:00 GMT", 120),
            ("Sat Nov 21 00:02:00 2026", 120),
            ("Sat, 21 Nov 2020 00:02:00 GMT", 4),
            ("Sat, 21 Nov 2099 00:02:00 GMT", 43_200),
            ("", 4),
            ("-5", 4),
            ("+5", 4),
            ("1.5", 4),
            ("soon", 4),
        ] {
            assert_eq!(next(header), seconds, "{header:?}");
        }
    }
}
