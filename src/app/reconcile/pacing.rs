//! How fast the reconciler goes, and which buckets it leaves alone for a while because OSS does not answer for them.
//!
//! Kept by each process for itself: nothing here is needed for correctness.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};

use super::BATCH;
use crate::grant::pace::Pace;

/// How long a bucket is left alone at first.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// And at most.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// Looks by which it is tried whether OSS answers again.
const PROBES: u32 = 4;

/// The reconciler's speed.
pub struct Pacing {
    per_second: u32,
    pace: Mutex<Pace>,
    silences: Mutex<HashMap<String, Silence>>,
    turn: AtomicUsize,
}

/// OSS has not answered for a bucket.
#[derive(Clone)]
struct Silence {
    pause: TimeDelta,
    until: DateTime<Utc>,
}

impl Pacing {
    /// So many looks a second, counted from `now`.
    pub fn new(per_second: u32, now: DateTime<Utc>) -> Self {
        Self {
            per_second,
            pace: Mutex::new(Pace::new(per_second, now)),
            silences: Mutex::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The same at another rate: what is left alone stays so.
    #[must_use]
    pub fn at_rate(&self, per_second: u32, now: DateTime<Utc>) -> Self {
        Self { silences: Mutex::new(lock(&self.silences).clone()), ..Self::new(per_second, now) }
    }

    pub(super) fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Permits for up to so many looks.
    pub(super) fn take(&self, wanted: u32, now: DateTime<Utc>) -> u32 {
        lock(&self.pace).take(wanted, now)
    }

    /// Permits for looks that were not made.
    pub(super) fn give_back(&self, unused: u32) {
        lock(&self.pace).give_back(unused);
    }

    /// How many of a bucket's grants may be looked at in a step: none while it is left alone, a few where it is not known whether
    /// OSS answers again.
    pub(super) fn quota(&self, bucket: &str, now: DateTime<Utc>) -> u32 {
        match lock(&self.silences).get(bucket) {
            Some(silence) if now < silence.until => 0,
            Some(_) => PROBES,
            None => BATCH,
        }
    }

    pub(super) fn has_answered(&self, bucket: &str) {
        lock(&self.silences).remove(bucket);
    }

    /// Leaves the bucket alone, each time in a row for twice as long.
    pub(super) fn was_silent(&self, bucket: &str, now: DateTime<Utc>) {
        let mut silences = lock(&self.silences);
        let pause =
            silences.get(bucket).map_or(FIRST_PAUSE, |silence| (silence.pause + silence.pause).min(LONGEST_PAUSE));
        tracing::warn!(
            bucket.name = bucket,
            pause_seconds = pause.num_seconds(),
            "OSS does not answer: the bucket is left alone"
        );
        silences.insert(bucket.to_owned(), Silence { pause, until: now + pause });
    }

    /// Lets another one be first each time.
    pub(super) fn take_turns(&self, buckets: &mut [String]) {
        if !buckets.is_empty() {
            buckets.rotate_left(self.turn.fetch_add(1, Ordering::Relaxed) % buckets.len());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    #[test]
    fn a_silent_bucket_is_left_alone_for_ever_longer_until_it_answers() {
        let (pacing, mut now) = (Pacing::new(50, noon()), noon());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pacing.was_silent("a", now);
            let pause = (1..=600).find(|seconds| pacing.quota("a", now + TimeDelta::seconds(*seconds)) > 0).unwrap();
            pauses.push(pause);
            now += TimeDelta::seconds(pause);
            assert_eq!(pacing.quota("a", now), PROBES, "tried with a few");
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pacing.quota("b", noon()), BATCH, "others are not");
        pacing.has_answered("a");
        assert_eq!(pacing.quota("a", now), BATCH);
    }

    #[test]
    fn every_bucket_comes_first_in_its_turn() {
        let pacing = Pacing::new(50, noon());
        let firsts: Vec<String> = (0..4)
            .map(|_| {
                let mut buckets = ["a", "b", "c"].map(str::to_owned);
                pacing.take_turns(&mut buckets);
                buckets[0].clone()
            })
            .collect();
        assert_eq!(firsts, ["a", "b", "c", "a"]);
        pacing.take_turns(&mut []);
    }
}
