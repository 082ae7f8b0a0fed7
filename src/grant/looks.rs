//! When the reconciler looks for a grant's object. OSS calls back once and never again, so somebody has to look.
//!
//! Which look is due follows from the grant's times and state alone: nothing counts looks, so that none is missed after a crash
//! or a long stop, and none is made up for twice.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::{
    grant::{Grant, State},
    profile::Method,
};

/// The first retry of a look that brought no answer.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(30);
/// The longest pause between two retries.
const LONGEST_RETRY: TimeDelta = TimeDelta::minutes(5);
/// As [`FIRST_RETRY`], where only an operator can change the answer.
const FIRST_PATIENT_RETRY: TimeDelta = TimeDelta::hours(1);
/// As [`LONGEST_RETRY`], where only an operator can change the answer.
const LONGEST_PATIENT_RETRY: TimeDelta = TimeDelta::hours(24);

/// `[reconciler] margin, late_checks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookSchedule {
    /// How long after `write_until` the deciding look is.
    pub margin: TimeDelta,
    /// Further looks, counted from `write_until`, earliest first.
    pub late: Vec<TimeDelta>,
}

/// How soon to look again after a look that told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may answer again any moment.
    Little,
    /// It changes only when somebody changes it.
    Much,
}

impl LookSchedule {
    /// The look that decides: what is not there then has not been uploaded in time.
    pub fn deciding_look(&self, grant: &Grant) -> DateTime<Utc> {
        grant.write_until + self.margin
    }

    /// The last look of all.
    pub fn last_look(&self, grant: &Grant) -> DateTime<Utc> {
        self.deciding_look(grant).max(grant.write_until + self.latest())
    }

    /// How long after `write_until` the last look is.
    pub fn longest(&self) -> TimeDelta {
        self.margin.max(self.latest())
    }

    /// The first look after `now`, if the grant is looked after any more.
    ///
    /// What is completed or rejected is settled, except where another object may still take its place, or
    /// a multipart upload may have left something: one look more, when the time to write is over.
    pub fn next_look(&self, grant: &Grant, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_look_as(grant, grant.state, now)
    }

    /// As [`Self::next_look`], once the grant is in this state.
    pub fn next_look_as(&self, grant: &Grant, state: State, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.looks(grant, state).into_iter().filter(|look| *look > now).min()
    }

    /// When to look again after a look at `now` told nothing; `due_at` is when that look was due. At once at first, then ever later:
    /// a retry waits as long as the answer has been missing already.
    pub fn retry(&self, grant: &Grant, due_at: DateTime<Utc>, patience: Patience, now: DateTime<Utc>) -> DateTime<Utc> {
        let (first, longest) = match patience {
            Patience::Little => (FIRST_RETRY, LONGEST_RETRY),
            Patience::Much => (FIRST_PATIENT_RETRY, LONGEST_PATIENT_RETRY),
        };
        let is_first_try = self.looks(grant, grant.state).contains(&due_at);
        let missing_for = now - self.missing_since(grant, now);
        let pause = if is_first_try { first } else { missing_for.clamp(first, longest) };
        let retry = now + pause;
        // A patient retry must not sleep over a scheduled look.
        self.next_look(grant, now).map_or(retry, |next| next.min(retry))
    }

    /// The last scheduled look up to `now`, or the issuing: since when an answer has been missing, where none has come.
    pub fn missing_since(&self, grant: &Grant, now: DateTime<Utc>) -> DateTime<Utc> {
        self.looks(grant, grant.state).into_iter().filter(|look| *look <= now).max().unwrap_or(grant.issued_at)
    }

    fn looks(&self, grant: &Grant, state: State) -> Vec<DateTime<Utc>> {
        let deciding = self.deciding_look(grant);
        let late = self.late.iter().map(|late| grant.write_until + *late).filter(|look| *look > deciding);
        match state {
            State::Issued | State::Cancelled => [midway(grant), deciding].into_iter().chain(late).collect(),
            State::Expired => [deciding].into_iter().chain(late).collect(),
            State::Completed | State::Rejected if may_differ_later(grant) => vec![deciding],
            State::Completed | State::Rejected => Vec::new(),
        }
    }

    fn latest(&self) -> TimeDelta {
        self.late.iter().copied().max().unwrap_or_default()
    }
}

/// Half way through the life of the signatures: by then most uploads are over, and somebody may still be waiting.
fn midway(grant: &Grant) -> DateTime<Utc> {
    // Whole microseconds, as the ledger keeps them.
    (grant.issued_at + (grant.expires_at - grant.issued_at) / 2).trunc_subsecs(6)
}

/// Whether another object may have taken the place of the recorded one and nobody told us, or parts may be left that nobody knows of.
fn may_differ_later(grant: &Grant) -> bool {
    grant.may_be_replaced() || grant.method == Method::Multipart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::grant::GrantKind;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    fn minutes(minutes: i64) -> TimeDelta {
        TimeDelta::minutes(minutes)
    }

    fn schedule() -> LookSchedule {
        LookSchedule { margin: minutes(2), late: vec![minutes(60), minutes(24 * 60)] }
    }

    /// Issued at noon for ten minutes.
    fn grant(state: State, method: Method) -> Grant {
        Grant {
            id: uuid::Uuid::from_u128(7),
            kind: GrantKind::Upload,
            profile: "avatar".into(),
            method,
            state,
            reason: None,
            user_id: "u-7".into(),
            created_by: None,
            bucket: "app-media".into(),
            region: "cn-hangzhou".into(),
            key: "avatars/u-7/7.png".into(),
            content_type: "image/png".into(),
            min_size: 0,
            max_size: 1,
            declared_size: None,
            filename: None,
            vars: [].into(),
            overwrite: false,
            oss_upload_id: None,
            issued_at: noon(),
            expires_at: noon() + minutes(10),
            write_until: noon() + minutes(25),
        }
    }

    /// The minutes after noon at which such a grant is looked at, asked one after the other.
    fn looks(state: State, method: Method) -> Vec<i64> {
        let (schedule, grant, mut now) = (schedule(), grant(state, method), noon());
        std::iter::from_fn(|| {
            now = schedule.next_look(&grant, now)?;
            Some((now - noon()).num_minutes())
        })
        .collect()
    }

    #[test]
    fn what_has_not_ended_is_looked_at_midway_at_its_end_and_twice_late() {
        for method in Method::ALL {
            assert_eq!(looks(State::Issued, method), [5, 27, 85, 1465], "{method:?}");
            assert_eq!(looks(State::Cancelled, method), [5, 27, 85, 1465], "{method:?}");
            assert_eq!(looks(State::Expired, method), [27, 85, 1465], "{method:?}");
        }
    }

    #[test]
    fn what_is_settled_is_looked_at_once_more_where_something_may_be_left() {
        for state in [State::Completed, State::Rejected] {
            for method in [Method::Multipart, Method::Sts] {
                assert_eq!(looks(state, method), [27], "{state:?} {method:?}");
            }
            for method in [Method::Post, Method::Put] {
                assert_eq!(looks(state, method), [0_i64; 0], "{state:?} {method:?}");
                let replaceable = Grant { overwrite: true, ..grant(state, method) };
                let deciding = Some(noon() + minutes(27));
                assert_eq!(schedule().next_look(&replaceable, noon()), deciding, "{state:?} {method:?}");
            }
        }
    }

    #[test]
    fn after_a_long_stop_the_looks_that_were_missed_are_one() {
        let (schedule, issued) = (schedule(), grant(State::Issued, Method::Put));
        assert_eq!(schedule.next_look(&issued, noon() + minutes(90)), Some(noon() + minutes(1465)));
        assert_eq!(schedule.next_look(&issued, noon() + minutes(2000)), None);
    }

    #[test]
    fn a_late_check_within_the_margin_is_no_look_of_its_own() {
        let schedule = LookSchedule { margin: minutes(2), late: vec![minutes(1), minutes(2), minutes(3)] };
        let expired = grant(State::Expired, Method::Put);
        assert_eq!(schedule.next_look(&expired, noon()), Some(noon() + minutes(27)));
        assert_eq!(schedule.next_look(&expired, noon() + minutes(27)), Some(noon() + minutes(28)));
        assert_eq!(schedule.last_look(&expired), noon() + minutes(28));
        let without = LookSchedule { margin: minutes(2), late: vec![] };
        assert_eq!(without.last_look(&expired), noon() + minutes(27));
        assert_eq!(without.longest(), minutes(2));
    }

    #[test]
    fn retries_come_soon_then_ever_later_and_never_after_a_scheduled_look() {
        let (schedule, issued) = (schedule(), grant(State::Issued, Method::Put));
        let retry = |due, now: TimeDelta| {
            let at = schedule.retry(&issued, noon() + due, Patience::Little, noon() + now);
            (at - noon() - now).num_seconds()
        };
        assert_eq!(retry(minutes(27), minutes(27)), 30, "the deciding look's first");
        assert_eq!(retry(minutes(27), minutes(40)), 30, "the first, however late it was");
        assert_eq!(retry(minutes(28), minutes(28)), 60, "unanswered for a minute");
        assert_eq!(retry(minutes(30), minutes(30)), 180);
        assert_eq!(retry(minutes(60), minutes(60)), 300, "never more than five minutes");
        assert_eq!(retry(minutes(82), minutes(82)), 180, "the next look is due before");
        assert_eq!(retry(minutes(3), minutes(3)), 120, "told to look before any look was due");
    }

    #[test]
    fn what_only_an_operator_can_change_is_left_alone_for_longer() {
        let (schedule, issued) = (schedule(), grant(State::Issued, Method::Put));
        let retry = |due: i64, now: i64| {
            let at = schedule.retry(&issued, noon() + minutes(due), Patience::Much, noon() + minutes(now));
            (at - noon()).num_minutes() - now
        };
        assert_eq!(retry(5, 5), 22, "the deciding look comes before");
        assert_eq!(retry(85, 85), 60);
        assert_eq!(retry(285, 285), 200);
        assert_eq!(retry(9000, 9000), 24 * 60);
    }
}
