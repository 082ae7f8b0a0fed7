//! What STS remembers of calls: nonces, and how many there were in this second.

use std::{
    collections::{HashSet, VecDeque},
    sync::Mutex,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::answer::StsError;
use crate::oss::verify::MAX_CLOCK_SKEW;

/// Against replays and floods. Forgotten when the simulator stops.
pub(super) struct Guard {
    nonces: Mutex<Nonces>,
    calls_per_second: Option<u32>,
    /// The second and the calls in it.
    counted: Mutex<(i64, u32)>,
}

#[derive(Default)]
struct Nonces {
    used: HashSet<(String, String)>,
    by_age: VecDeque<(DateTime<Utc>, (String, String))>,
}

impl Guard {
    pub(super) fn new(calls_per_second: Option<u32>) -> Self {
        Self { nonces: Mutex::default(), calls_per_second, counted: Mutex::default() }
    }

    /// Notes a key's nonce; refuses one that was used before, for as long as its timestamp could still pass.
    pub(super) fn note_nonce(&self, access_key_id: &str, nonce: &str, now: DateTime<Utc>) -> Result<(), StsError> {
        let remembered: TimeDelta = MAX_CLOCK_SKEW * 2;
        let mut nonces = self.nonces.lock().expect("no holder of this lock panics");
        while let Some((at, _)) = nonces.by_age.front()
            && now - *at > remembered
        {
            if let Some((_, old)) = nonces.by_age.pop_front() {
                nonces.used.remove(&old);
            }
        }
        let nonce = (access_key_id.to_owned(), nonce.to_owned());
        if !nonces.used.insert(nonce.clone()) {
            return Err(StsError::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
        }
        nonces.by_age.push_back((now, nonce));
        Ok(())
    }

    /// Counts a call; refuses it when the account has had its calls of this second (P§6.1: 100).
    pub(super) fn admit(&self, now: DateTime<Utc>) -> Result<(), StsError> {
        let Some(limit) = self.calls_per_second else { return Ok(()) };
        let mut counted = self.counted.lock().expect("no holder of this lock panics");
        let second = now.timestamp();
        if counted.0 != second {
            *counted = (second, 0);
        }
        if counted.1 >= limit {
            return Err(StsError::throttled());
        }
        counted.1 += 1;
        Ok(())
    }
}
