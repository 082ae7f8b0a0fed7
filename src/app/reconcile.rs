//! Look after what never called back: OSS calls once, and never again.
//!
//! One step per call, so that tests drive it without sleeping.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Valet,
    look_into_directory::Looked,
    ports::{GrantChange, LedgerEntry, NextCheck, StoreError},
    record_completion::RecordError,
};
use crate::grant::{
    completion::CompletionSource,
    event::{Event, EventType},
    grant::{GrantKind, State},
    profile::Method,
};

/// How many grants one step looks after.
pub const BATCH: u32 = 100;
/// When to look again after OSS gave no usable answer.
const RETRY: TimeDelta = TimeDelta::seconds(30);

/// When to look again at what does not change by itself.
const PATIENT_RETRY: TimeDelta = TimeDelta::hours(1);

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// Nothing was due.
    Nothing,
    /// Looked after so many grants.
    Grants(usize),
}

impl Valet {
    /// Looks after the grants that are due at `now`.
    ///
    /// # Errors
    /// When the ledger does not answer. OSS not answering is no error: the grant is looked after later.
    pub async fn reconcile_due(&self, now: DateTime<Utc>) -> Result<Reconciled, StoreError> {
        let due = self.store.find_due_checks(now, BATCH).await?;
        if due.is_empty() {
            return Ok(Reconciled::Nothing);
        }
        let count = due.len();
        for entry in due {
            self.reconcile(entry, now).await?;
        }
        Ok(Reconciled::Grants(count))
    }

    /// HEAD and record. What a multipart upload has left is aborted when its time is over; where nothing was there before, HEAD
    /// then says whether something has come in between: HEAD, Abort, HEAD.
    async fn look_for(&self, entry: LedgerEntry, now: DateTime<Utc>) -> Result<LedgerEntry, RecordError> {
        let record = |entry| self.record_completion(entry, None, CompletionSource::Reconciled, now);
        let grant = entry.grant.clone();
        let found = record(entry.clone()).await;
        let is_over = grant.method == Method::Multipart && now >= self.final_check_at(&grant);
        match (found, self.bucket_named(&grant.bucket)) {
            (found @ (Ok(_) | Err(RecordError::Absent)), Some(bucket)) if is_over => {
                self.abort_transfer(&grant, bucket, now).await?;
                if found.is_ok() { found } else { record(entry).await }
            }
            (found, _) => found,
        }
    }

    async fn reconcile(&self, entry: LedgerEntry, now: DateTime<Utc>) -> Result<(), StoreError> {
        let grant = entry.grant.clone();
        let looked = match grant.kind {
            GrantKind::Upload => self.look_for(entry, now).await,
            GrantKind::Directory => match self.look_into_directory(&entry, now).await {
                Ok(Looked::Partly) => return self.look_again_at_once(&entry, now).await,
                Ok(Looked::All) => Err(RecordError::Absent),
                Err(error) => Err(error),
            },
        };
        let next_check = match looked {
            Err(RecordError::Store(error)) => return Err(error),
            Err(RecordError::Absent) if now < self.final_check_at(&grant) => NextCheck::At(self.final_check_at(&grant)),
            Err(RecordError::Absent) if grant.state == State::Issued && grant.kind == GrantKind::Directory => {
                let change = self.end_directory(&grant, now).await?;
                self.store.change_grant(change).await?;
                self.watch.announce(grant.id);
                return Ok(());
            }
            Err(RecordError::Absent) if grant.state == State::Issued => {
                let id = self.new_id(now);
                let event = Event::new(id, EventType::Expired, &self.event_source, &grant, None, None, now);
                let change = GrantChange {
                    next_check: NextCheck::Never,
                    events: vec![event],
                    ..GrantChange::new(grant.id, &[State::Issued], State::Expired)
                };
                self.store.change_grant(change).await?;
                self.watch.announce(grant.id);
                return Ok(());
            }
            Err(RecordError::Unconfirmable(error)) => {
                tracing::warn!(upload.id = %grant.id, error = %error, "OSS did not tell whether the object is there");
                NextCheck::At(now + RETRY)
            }
            Err(RecordError::Deferred(error)) => {
                tracing::warn!(upload.id = %grant.id, error = %error, "the hook is asked again later");
                NextCheck::At(now + RETRY)
            }
            // Something is there that can't be recorded, or nobody can be asked: that may change.
            Err(RecordError::NotConfirmed(_) | RecordError::BucketUnknown(_)) => NextCheck::At(now + PATIENT_RETRY),
            // It is there, but what it may have left is not cleared away yet, or it may still be replaced.
            Ok(entry)
                if matches!(entry.grant.method, Method::Multipart | Method::Sts)
                    && now < self.final_check_at(&grant) =>
            {
                NextCheck::At(self.final_check_at(&grant))
            }
            Ok(_) | Err(_) => NextCheck::Never,
        };
        // Where the state has moved on meanwhile, whoever moved it has set the next check.
        let change = GrantChange { next_check, ..GrantChange::new(grant.id, grant.state.alone(), grant.state) };
        self.store.change_grant(change).await.map(drop)
    }
}
