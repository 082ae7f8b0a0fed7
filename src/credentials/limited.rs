//! STS takes a hundred calls a second of an account (P§6.1): beyond that we refuse ourselves, and record nothing for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::app::ports::{Credential, Session, TokenError, TokenService};

/// Calls of `AssumeRole` in any second (P§6.1).
const CALLS: usize = 100;
const WINDOW: TimeDelta = TimeDelta::seconds(1);

/// A token service that keeps to STS's limit. The limit is the account's, and we are not its only caller: STS may throttle
/// earlier.
pub struct LimitedTokenService {
    inner: Arc<dyn TokenService>,
    recent: Mutex<CallWindow>,
}

impl LimitedTokenService {
    /// Counts the calls from now on.
    pub fn new(inner: Arc<dyn TokenService>) -> Self {
        Self { inner, recent: Mutex::default() }
    }
}

#[async_trait]
impl TokenService for LimitedTokenService {
    fn admit(&self, now: DateTime<Utc>) -> Result<(), TokenError> {
        let admitted = self.recent.lock().expect("no holder of this lock panics").admit(now);
        if admitted { Ok(()) } else { Err(TokenError::Throttled(format!("{CALLS} calls a second are our own limit"))) }
    }

    fn longest(&self) -> TimeDelta {
        self.inner.longest()
    }

    async fn issue(&self, session: &Session, now: DateTime<Utc>) -> Result<Credential, TokenError> {
        self.inner.issue(session, now).await
    }
}

/// When the last calls were, at most [`CALLS`] of them, oldest first.
#[derive(Debug, Default)]
struct CallWindow(VecDeque<DateTime<Utc>>);

impl CallWindow {
    /// Takes a call at `now`, unless that many were taken in the second before. (A clock that was set back frees all of them
    /// once it is a second behind.)
    fn admit(&mut self, now: DateTime<Utc>) -> bool {
        if self.0.len() == CALLS {
            if self.0.front().is_some_and(|oldest| (now - *oldest).abs() < WINDOW) {
                return false;
            }
            self.0.pop_front();
        }
        self.0.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_a_hundred_calls() {
        let (mut window, noon) = (CallWindow::default(), DateTime::from_timestamp(1_795_219_200, 0).unwrap());
        let at = |millis: i64| noon + TimeDelta::milliseconds(millis);
        for call in 0..100 {
            assert!(window.admit(at(call * 5)), "call {call}");
        }
        assert!(!window.admit(at(500)) && !window.admit(at(999)), "the first was at 0");
        assert!(window.admit(at(1000)) && !window.admit(at(1004)) && window.admit(at(1005)), "as they grow old");
    }

    #[test]
    fn every_second_has_its_hundred() {
        let (mut window, noon) = (CallWindow::default(), DateTime::from_timestamp(1_795_219_200, 0).unwrap());
        for second in [0, 1, 2, 60, 0] {
            let now = noon + TimeDelta::seconds(second);
            let admitted = (0..1000).filter(|_| window.admit(now)).count();
            assert_eq!(admitted, CALLS, "second {second}; the last one after the clock was set back");
        }
    }
}
