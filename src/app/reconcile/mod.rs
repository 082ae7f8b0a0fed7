//! Look after what never called back: OSS calls once, and never again.
//!
//! | file | what it is |
//! | --- | --- |
//! | here | steps: claim what is due, look, settle; one bucket at a time or all |
//! | `look` | one look at one grant |
//! | `pacing` | how fast, and which buckets are left alone for a while |
//!
//! One step per call, so that tests drive it without sleeping.

mod look;
mod pacing;

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, future::join_all, stream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::{
    look::{Finding, Looked},
    pacing::Pacing,
};
use super::{
    Valet,
    ports::{CheckClaim, ClaimedCheck, GrantChange, NextCheck, StoreError},
};

/// How many grants of a bucket one step looks after.
pub const BATCH: u32 = 64;

/// Looks under way at once in one bucket. A hook may take seconds for each, and is asked by the uploads themselves besides.
pub const LOOKS_AT_ONCE: usize = 32;

/// How long claimed grants are ours: far longer than a step takes, short enough to wait for when we die.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// After so many looks without an answer, and none with one, a step begins no further ones.
const SILENT_LOOKS: u32 = 4;

/// How long an answer may be missing before it is an operator's business.
const ALERT_AFTER: TimeDelta = TimeDelta::hours(1);

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// Nothing was due.
    Nothing,
    /// Looked after so many grants.
    Grants(usize),
}

impl Valet {
    /// Looks after grants that are due at `now`: one batch of each bucket, all buckets at the same time.
    ///
    /// # Errors
    /// When the ledger does not answer. OSS not answering is no error: the grant is looked after later.
    pub async fn reconcile_due(&self, now: DateTime<Utc>) -> Result<Reconciled, StoreError> {
        let looked = self.look_after_due(now).await?;
        Ok(if looked.is_empty() { Reconciled::Nothing } else { Reconciled::Grants(looked.len()) })
    }

    /// As [`Self::reconcile_due`]; tells what was found.
    ///
    /// # Errors
    /// As [`Self::reconcile_due`].
    pub async fn look_after_due(&self, now: DateTime<Utc>) -> Result<Vec<Looked>, StoreError> {
        let (buckets, never) = (self.buckets_due(now).await?, CancellationToken::new());
        let share = self.share_of_one(buckets.len());
        let batches = buckets.iter().map(|bucket| self.reconcile_bucket(bucket, share, now, &never));
        let batches: Result<Vec<_>, _> = join_all(batches).await.into_iter().collect();
        Ok(batches?.into_iter().flatten().collect())
    }

    /// The buckets that have something due, without those that are left alone for now. Each time another one comes first.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn buckets_due(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let mut due = self.store.find_due_buckets(now).await?;
        due.retain(|bucket| self.pacing.quota(bucket, now) > 0);
        self.pacing.take_turns(&mut due);
        Ok(due)
    }

    /// How many looks one of so many waiting buckets gets in a step.
    pub fn share_of_one(&self, buckets: usize) -> u32 {
        let buckets = u32::try_from(buckets).unwrap_or(u32::MAX).max(1);
        (self.pacing.per_second() / buckets).clamp(1, BATCH)
    }

    /// Claims up to `limit` due grants of one bucket and looks after them. When `stop` is cancelled, looks that have begun are
    /// finished, and the others given back.
    ///
    /// # Errors
    /// When the ledger does not answer; what it did not note is due again when the lease ends.
    pub async fn reconcile_bucket(
        &self,
        bucket: &str,
        limit: u32,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<Vec<Looked>, StoreError> {
        let claimed = self.claim_checks_due(bucket, limit, now).await?;
        let heard = Heard::default();
        let looks = claimed.into_iter().map(|check| self.look_unless(&heard, stop, check, now));
        let outcomes: Vec<_> = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE).collect().await;
        self.take_note(bucket, &heard.lock(), now);
        let looked: Result<Vec<_>, _> = outcomes.into_iter().collect();
        Ok(looked?.into_iter().flatten().collect())
    }

    /// Looks for this grant's object at once, whatever its appointment is; `None` where there is no such grant.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn look_now(&self, id: Uuid, now: DateTime<Utc>) -> Result<Option<Looked>, StoreError> {
        match self.store.find_grant(id).await? {
            Some(entry) => self.look(entry, None, now).await.map(Some),
            None => Ok(None),
        }
    }

    async fn claim_checks_due(
        &self,
        bucket: &str,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedCheck>, StoreError> {
        let permits = self.pacing.take(self.pacing.quota(bucket, now).min(limit), now);
        if permits == 0 {
            return Ok(Vec::new());
        }
        let claim = CheckClaim { bucket: bucket.to_owned(), now, leased_until: now + LEASE, limit: permits };
        let claimed = self.store.claim_checks(claim).await;
        let used = claimed.as_ref().map_or(0, Vec::len);
        self.pacing.give_back(permits - u32::try_from(used).unwrap_or(permits));
        claimed
    }

    /// A look, or the check given back where it is not to begin any more.
    async fn look_unless(
        &self,
        heard: &Heard,
        stop: &CancellationToken,
        check: ClaimedCheck,
        now: DateTime<Utc>,
    ) -> Result<Option<Looked>, StoreError> {
        if stop.is_cancelled() || heard.lock().is_silence() {
            let grant = &check.entry.grant;
            let change = GrantChange {
                next_check: NextCheck::Release(check.leased_until, Some(check.due_at)),
                ..GrantChange::new(grant.id, grant.state.alone(), grant.state)
            };
            self.store.change_grant(change).await?;
            return Ok(None);
        }
        let missing_since = self.looks.missing_since(&check.entry.grant, now);
        let looked = self.look(check.entry, Some((check.due_at, check.leased_until)), now).await?;
        heard.lock().note(&looked.finding, missing_since);
        Ok(Some(looked))
    }

    /// What a step's looks tell of the bucket: whether to leave it alone, and whether somebody must hear of it.
    fn take_note(&self, bucket: &str, heard: &Tally, now: DateTime<Utc>) {
        if heard.answered > 0 {
            self.pacing.has_answered(bucket);
        } else if heard.silent > 0 {
            self.pacing.was_silent(bucket, now);
        }
        if let Some(since) = heard.missing_since.filter(|since| now - *since >= ALERT_AFTER) {
            let (grants, since) = (heard.unknown, since.to_rfc3339());
            tracing::error!(
                bucket.name = bucket,
                grants,
                since,
                "it stays unknown whether uploads have arrived; trying on"
            );
        }
    }
}

/// What the looks of one step have brought so far.
#[derive(Default)]
struct Heard(Mutex<Tally>);

#[derive(Default)]
struct Tally {
    /// OSS has told something.
    answered: u32,
    /// OSS has told nothing.
    silent: u32,
    /// No grant's fate was decided, for whatever reason.
    unknown: u32,
    /// Since when the longest-missing answer is missing.
    missing_since: Option<DateTime<Utc>>,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn is_silence(&self) -> bool {
        self.answered == 0 && self.silent >= SILENT_LOOKS
    }

    fn note(&mut self, finding: &Finding, missing_since: DateTime<Utc>) {
        match finding {
            Finding::Unknown(_) => self.silent += 1,
            Finding::BucketUnknown => {}
            _ => self.answered += 1,
        }
        if matches!(finding, Finding::Unknown(_) | Finding::Deferred(_)) {
            self.unknown += 1;
            self.missing_since = Some(self.missing_since.map_or(missing_since, |known| known.min(missing_since)));
        }
    }
}
