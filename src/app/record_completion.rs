//! The one way in: confirm → limits → hook → one transaction. Callback, `complete` and the reconciler all end here;
//! no path records without it. Under a directory grant each object is a completion of its own, and the grant stays as it is.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Bucket, Valet, audit,
    confirm::{Found, Sighting},
    ports::{GrantChange, GrantChanged, HookUnavailable, LedgerEntry, NextCheck, ObjectStoreError, StoreError},
    verdict::{News, Verdict, is_same},
};
use crate::{
    grant::{
        completion::{Completion, CompletionSource},
        directory::has_dot_segments,
        event::{Event, EventType},
        grant::{Grant, GrantKind, State},
        profile::OnReject,
    },
    instruments,
    oss::callback::ImageInfo,
};

/// `reason` of a grant whose object arrived after it was cancelled.
pub const REASON_CANCELLED: &str = "cancelled";
/// `reason` of a grant whose object was replaced by another grant's before it could be confirmed.
pub const REASON_SUPERSEDED: &str = "superseded";

/// What somebody says about the object; believed only as far as HEAD agrees (or `confirm = "off"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// As OSS's callback says.
    pub content_type: Option<String>,
    /// As OSS's callback says.
    pub crc64: Option<String>,
    /// As OSS's callback says; HEAD does not tell.
    pub image: Option<ImageInfo>,
}

/// Why an object is not recorded as its grant's completion.
#[derive(Debug, Error)]
pub enum RecordError {
    /// HEAD says that nothing is there.
    #[error("the object is not there")]
    Absent,
    /// HEAD says something else than was claimed, or it is no plain object.
    #[error("the object is not what was claimed: {0}")]
    NotConfirmed(String),
    /// The object breaks its grant; recorded as rejected. The reason is a code.
    #[error("the upload was rejected: {0}")]
    Rejected(String),
    /// The grant had been cancelled; recorded as rejected.
    #[error("the grant was cancelled")]
    Cancelled,
    /// The completed grant's object has changed since; told once.
    #[error("the object changed after it was completed")]
    Changed,
    /// OSS did not tell; the reconciler looks at once.
    #[error(transparent)]
    Unconfirmable(#[from] ObjectStoreError),
    /// The hook gave no usable answer, and the profile defers then; the reconciler asks again at once.
    #[error(transparent)]
    Deferred(#[from] HookUnavailable),
    /// The grant's bucket is not configured any more.
    #[error("the bucket `{0}` is not configured")]
    BucketUnknown(String),
    /// The ledger does not answer; nothing is known to have changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Valet {
    /// Confirms and records the object of a grant. A completion already recorded with the same ETag and size is
    /// answered as it stands, and nothing else happens.
    ///
    /// # Errors
    /// When the object is not confirmed, breaks the grant, or something we stand on fails.
    pub async fn record_completion(
        &self,
        entry: LedgerEntry,
        claim: Option<&Claim>,
        source: CompletionSource,
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, RecordError> {
        let key = entry.grant.key.clone();
        self.record_object(entry, Sighting { key: &key, claim, listed: None, source }, now).await
    }

    /// The same for any object of a grant: the answered entry holds that object's completion.
    ///
    /// # Errors
    /// As [`Self::record_completion`].
    pub(super) async fn record_object(
        &self,
        entry: LedgerEntry,
        sighting: Sighting<'_>,
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, RecordError> {
        let Sighting { key, claim, source, .. } = sighting;
        let entry = match claim {
            Some(claim) => self.with_known_object(entry, key, &claim.etag).await?,
            None => entry,
        };
        // What may have taken its place is found only by looking, where nobody told us.
        let looks_again = source == CompletionSource::Reconciled && entry.grant.may_be_replaced();
        if !looks_again && is_recorded(&entry, claim) {
            return answer(entry);
        }
        let grant = &entry.grant;
        let bucket =
            self.bucket_named(&grant.bucket).ok_or_else(|| RecordError::BucketUnknown(grant.bucket.clone()))?;
        let found = match self.confirm(grant, bucket, sighting, now).await {
            Err(RecordError::Unconfirmable(error)) => {
                self.look_again_at_once(&entry, source, now).await?;
                return Err(error.into());
            }
            Err(RecordError::Absent) if was_rejected(&entry, claim) => return Err(rejected_before(&entry.grant)),
            other => other?,
        };
        let entry = self.with_known_object(entry, key, &found.completion.etag).await?;
        self.judge_and_record(entry, bucket, found, now).await
    }

    /// The entry with what the ledger knows of this very object; of an upload grant it says so anyway.
    async fn with_known_object(&self, entry: LedgerEntry, key: &str, etag: &str) -> Result<LedgerEntry, StoreError> {
        if entry.grant.kind == GrantKind::Upload {
            return Ok(entry);
        }
        let completion = self.store.find_completion(entry.grant.id, key, etag).await?;
        Ok(LedgerEntry { completion, ..entry })
    }

    /// How the object stands in the ledger now.
    async fn look_up_again(&self, entry: &LedgerEntry, found: &Found) -> Result<LedgerEntry, RecordError> {
        let entry = self.store.find_grant(entry.grant.id).await?.ok_or(RecordError::Absent)?;
        Ok(self.with_known_object(entry, &found.completion.key, &found.completion.etag).await?)
    }

    /// Limits, the hook, then one transaction: state, completion, event.
    async fn judge_and_record(
        &self,
        mut entry: LedgerEntry,
        bucket: &Bucket,
        mut found: Found,
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, RecordError> {
        let mut turn = None;
        loop {
            let news = match Verdict::of(&entry, &found) {
                Verdict::Recorded => return Ok(entry),
                Verdict::Refuse(reason) => {
                    return Err(self.refuse(&entry.grant, bucket, &found, &reason, now).await);
                }
                Verdict::Record(news) => news,
            };
            let news = match (news, self.hook_of(&entry.grant)) {
                (News::Complete, Some(hook)) => {
                    let Some(turn) = &mut turn else {
                        turn = Some(self.hook_turns.take(whose_turn(&entry.grant, &found.completion)).await);
                        // Who had the turn before may have recorded it meanwhile.
                        entry = self.look_up_again(&entry, &found).await?;
                        continue;
                    };
                    let objection = self.hear_hook(hook, &entry, &mut found.completion, turn, now).await?;
                    objection.map_or(News::Complete, |reason| News::Reject(reason.to_owned()))
                }
                (news, _) => news,
            };
            match self.store.change_grant(self.change_for(&news, &entry.grant, &found.completion, now)).await? {
                GrantChanged::Applied => {
                    drop(turn);
                    let profile = self.profile_label(&entry.grant.profile);
                    instruments::recorded(found.completion.source.as_str(), profile, news.as_str());
                    self.watch.announce(entry.grant.id);
                    audit::recorded(&news, &entry.grant, &found.completion);
                    return self.conclude(entry, news, found, bucket, now).await;
                }
                // Somebody else was faster: judge by how the grant stands now.
                GrantChanged::Conflict(current) => {
                    let Completion { key, etag, .. } = &found.completion;
                    entry = self.with_known_object(*current, key, etag).await?;
                }
                GrantChanged::Unknown => return Err(RecordError::Absent),
            }
        }
    }

    /// After the commit: what the caller is told, and what becomes of a rejected object.
    async fn conclude(
        &self,
        entry: LedgerEntry,
        news: News,
        found: Found,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, RecordError> {
        match news {
            // Of two that record the same object at once, what the ledger took first stands.
            News::Complete if entry.grant.kind == GrantKind::Directory => {
                answer(self.look_up_again(&entry, &found).await?)
            }
            News::Complete => {
                let grant = Grant { state: State::Completed, ..entry.grant };
                Ok(LedgerEntry { grant, completion: Some(found.completion) })
            }
            News::Change => Err(RecordError::Changed),
            News::Reject(reason) => Err(self.refuse(&entry.grant, bucket, &found, &reason, now).await),
        }
    }

    fn change_for(&self, news: &News, grant: &Grant, completion: &Completion, now: DateTime<Utc>) -> GrantChange {
        match news {
            News::Complete => self.completing(grant, completion, now),
            News::Reject(reason) => self.rejecting(grant, completion, reason, now),
            News::Change => self.changing(grant, completion, now),
        }
    }

    fn completing(&self, grant: &Grant, completion: &Completion, now: DateTime<Utc>) -> GrantChange {
        let (to, next_check) = match grant.kind {
            GrantKind::Upload => (State::Completed, self.next_check(grant, State::Completed, now)),
            GrantKind::Directory => (grant.state, NextCheck::Keep),
        };
        GrantChange {
            events: vec![self.address(self.event(EventType::Completed, grant, completion, None, now))],
            completion: Some(completion.clone()),
            next_check,
            ..GrantChange::new(grant.id, grant.state.alone(), to)
        }
    }

    fn rejecting(&self, grant: &Grant, completion: &Completion, reason: &str, now: DateTime<Utc>) -> GrantChange {
        let events = vec![self.address(self.event(EventType::Rejected, grant, completion, Some(reason), now))];
        let reason = Some(reason.to_owned());
        match grant.kind {
            GrantKind::Upload => GrantChange {
                reason,
                events,
                completion: Some(completion.clone()),
                next_check: self.next_check(grant, State::Rejected, now),
                ..GrantChange::new(grant.id, grant.state.alone(), State::Rejected)
            },
            GrantKind::Directory => GrantChange {
                events,
                completion: Some(Completion { reason, ..completion.clone() }),
                ..GrantChange::new(grant.id, grant.state.alone(), grant.state)
            },
        }
    }

    fn changing(&self, grant: &Grant, completion: &Completion, now: DateTime<Utc>) -> GrantChange {
        GrantChange {
            events: vec![self.address(self.event(EventType::Changed, grant, completion, None, now))],
            completion: Some(completion.clone()),
            ..GrantChange::new(grant.id, grant.state.alone(), State::Completed)
        }
    }

    pub(super) fn event(
        &self,
        kind: EventType,
        grant: &Grant,
        completion: &Completion,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Event {
        // Not a fresh id: whoever is told, or asked, twice of the same thing must be able to tell.
        Event::new(
            Event::id_of(kind, grant, completion),
            kind,
            self.event_origin(),
            grant,
            Some(completion),
            reason,
            now,
        )
    }

    /// Tells the reconciler, unless it is the one that has just looked.
    pub(super) async fn look_again_at_once(
        &self,
        entry: &LedgerEntry,
        source: CompletionSource,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if source == CompletionSource::Reconciled {
            return Ok(());
        }
        let grant = &entry.grant;
        let change = GrantChange {
            next_check: NextCheck::At(now),
            ..GrantChange::new(grant.id, grant.state.alone(), grant.state)
        };
        // A conflict means that somebody else has just found out more: fine.
        self.store.change_grant(change).await.map(drop)
    }

    /// `on_reject`, and what a rejection is answered with. A superseding object belongs to another grant and stays
    /// whatever the profile says; what can't be asked for can't be deleted either.
    async fn refuse(
        &self,
        grant: &Grant,
        bucket: &Bucket,
        found: &Found,
        reason: &str,
        now: DateTime<Utc>,
    ) -> RecordError {
        let profile = self.profiles.get(&grant.profile);
        let key = &found.completion.key;
        if reason != REASON_SUPERSEDED
            && profile.is_some_and(|profile| profile.on_reject == OnReject::Delete)
            && !has_dot_segments(key)
            && let Err(error) = bucket.objects.delete(key, now).await
        {
            tracing::warn!(grant.id = %grant.id, error.cause = %error, "a rejected object could not be deleted");
        }
        refusal(reason)
    }
}

/// Whose turn it is to ask the hook: a grant's, or under a directory grant each object's.
fn whose_turn(grant: &Grant, completion: &Completion) -> Uuid {
    match grant.kind {
        GrantKind::Upload => grant.id,
        GrantKind::Directory => Event::id_of(EventType::Completed, grant, completion),
    }
}

/// What is recorded, as an answer: an object that was rejected under a directory grant is refused again.
fn answer(entry: LedgerEntry) -> Result<LedgerEntry, RecordError> {
    match entry.completion.as_ref().and_then(|completion| completion.reason.as_deref()) {
        Some(reason) => Err(refusal(reason)),
        None => Ok(entry),
    }
}

/// Whether the ledger already holds this very object as a completion of the grant; without a claim, any will do.
fn is_recorded(entry: &LedgerEntry, claim: Option<&Claim>) -> bool {
    match (entry.grant.kind, claim) {
        (GrantKind::Upload, None) => entry.grant.state == State::Completed,
        (GrantKind::Upload, Some(claim)) => {
            entry.grant.state == State::Completed && is_same(entry, &claim.etag, claim.size)
        }
        (GrantKind::Directory, None) => false,
        (GrantKind::Directory, Some(claim)) => is_same(entry, &claim.etag, claim.size),
    }
}

/// Whether this very object was rejected before; it may be deleted by now.
fn was_rejected(entry: &LedgerEntry, claim: Option<&Claim>) -> bool {
    entry.grant.state == State::Rejected && claim.is_some_and(|claim| is_same(entry, &claim.etag, claim.size))
}

fn rejected_before(grant: &Grant) -> RecordError {
    refusal(grant.reason.as_deref().unwrap_or_default())
}

/// What a rejection recorded for `reason` is answered with.
pub(super) fn refusal(reason: &str) -> RecordError {
    if reason == REASON_CANCELLED { RecordError::Cancelled } else { RecordError::Rejected(reason.to_owned()) }
}
