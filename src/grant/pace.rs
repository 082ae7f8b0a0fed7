//! How fast we may go: so many steps a second, saved up for one second at most.

use chrono::{DateTime, TimeDelta, Utc};

/// Permits that grow with time: a token bucket.
#[derive(Debug, Clone)]
pub struct Pace {
    per_second: u32,
    permits: f64,
    counted_at: DateTime<Utc>,
}

impl Pace {
    /// Full at `now`.
    pub fn new(per_second: u32, now: DateTime<Utc>) -> Self {
        Self { per_second, permits: f64::from(per_second), counted_at: now }
    }

    /// Takes as many permits as there are, `wanted` at most.
    pub fn take(&mut self, wanted: u32, now: DateTime<Utc>) -> u32 {
        // A clock that was set back has let no time pass.
        let passed = (now - self.counted_at).max(TimeDelta::zero());
        let grown = passed.as_seconds_f64() * f64::from(self.per_second);
        self.permits = (self.permits + grown).min(f64::from(self.per_second));
        self.counted_at = now;
        let taken = (1..=wanted).take_while(|count| f64::from(*count) <= self.permits).count();
        let taken = u32::try_from(taken).unwrap_or(wanted);
        self.permits -= f64::from(taken);
        taken
    }

    /// Gives back permits that were not used.
    pub fn give_back(&mut self, unused: u32) {
        self.permits = (self.permits + f64::from(unused)).min(f64::from(self.per_second));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_795_262_400_000 + millis).unwrap()
    }

    #[test]
    fn no_second_sees_more_than_its_permits_and_what_was_saved_for_one() {
        let mut pace = Pace::new(10, at(0));
        assert_eq!(pace.take(4, at(0)), 4);
        assert_eq!(pace.take(40, at(0)), 6, "all that there are");
        assert_eq!(pace.take(1, at(0)), 0);
        assert_eq!(pace.take(40, at(50)), 0, "half a permit is none");
        assert_eq!(pace.take(40, at(100)), 1);
        assert_eq!(pace.take(40, at(1_000_000)), 10, "saved for one second at most");
    }

    #[test]
    fn what_is_not_used_is_given_back() {
        let mut pace = Pace::new(10, at(0));
        let taken = pace.take(10, at(0));
        pace.give_back(taken - 3);
        assert_eq!(pace.take(10, at(0)), 7);
        pace.give_back(100);
        assert_eq!(pace.take(100, at(0)), 10);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_and_stops_nothing() {
        let mut pace = Pace::new(10, at(0));
        assert_eq!(pace.take(10, at(0)), 10);
        assert_eq!(pace.take(10, at(-60_000)), 0);
        assert_eq!(pace.take(10, at(-59_000)), 10, "time goes on from there");
    }
}
