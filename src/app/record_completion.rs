//! The one way in: confirm → limits → hook → one transaction. Callback, `complete` and the reconciler all end here;
//! no path records without it.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{
    Bucket, Valet,
    ports::{
        GrantChange, GrantChanged, HookUnavailable, LedgerEntry, NextCheck, ObjectFacts, ObjectStoreError, StoreError,
    },
};
use crate::{
    grant::{
        completion::{Completion, CompletionSource},
        event::{Event, EventType},
        grant::{Grant, State},
        limits::judge,
        profile::{Confirm, Method, OnReject, Profile},
    },
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

/// What is found, before it is judged.
struct Found {
    completion: Completion,
    /// Another grant wrote this object (keys without `{id}` only).
    superseded: bool,
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
        // What temporary credentials may have put in its place is found only by looking.
        let looks_again = source == CompletionSource::Reconciled && entry.grant.method == Method::Sts;
        if !looks_again && is_recorded(&entry, claim) {
            return Ok(entry);
        }
        let grant = &entry.grant;
        let bucket =
            self.bucket_named(&grant.bucket).ok_or_else(|| RecordError::BucketUnknown(grant.bucket.clone()))?;
        let found = match self.confirm(&entry, bucket, claim, source, now).await {
            Err(RecordError::Unconfirmable(error)) => {
                self.look_again_at_once(&entry, source, now).await?;
                return Err(error.into());
            }
            Err(RecordError::Absent) if was_rejected(&entry, claim) => return Err(rejected_before(&entry.grant)),
            other => other?,
        };
        self.judge_and_record(entry, bucket, found, now).await
    }

    /// Confirm: what is recorded and judged is the HEAD's.
    async fn confirm(
        &self,
        entry: &LedgerEntry,
        bucket: &Bucket,
        claim: Option<&Claim>,
        source: CompletionSource,
        now: DateTime<Utc>,
    ) -> Result<Found, RecordError> {
        let grant = &entry.grant;
        let profile = self.profiles.get(&grant.profile);
        let found = |completion, superseded| Found { completion, superseded };
        if let Some(claim) = claim
            && source == CompletionSource::Callback
            && profile.is_some_and(|profile| profile.confirm == Confirm::Off)
        {
            return Ok(found(claimed_completion(grant, claim, source, now), false));
        }
        let head = bucket.objects.head(&grant.key, now).await?.ok_or(RecordError::Absent)?;
        if !matches!(head.object_type.as_str(), "Normal" | "Multipart") {
            return Err(RecordError::NotConfirmed(format!("it is of type {}", head.object_type)));
        }
        let superseded =
            profile.is_some_and(Profile::shares_keys) && head.meta_upload_id.as_deref() != Some(&grant.id.to_string());
        if let Some(claim) = claim
            && !superseded
        {
            compare(claim, &head)?;
        }
        let image = claim.and_then(|claim| claim.image.clone());
        Ok(found(confirmed_completion(grant, head, image, source, now), superseded))
    }

    /// Limits, the hook, then one transaction: state, completion, event.
    async fn judge_and_record(
        &self,
        entry: LedgerEntry,
        bucket: &Bucket,
        mut found: Found,
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, RecordError> {
        let mut entry = entry;
        let mut turn = None;
        loop {
            let news = match Verdict::of(&entry, &found) {
                Verdict::Recorded => return Ok(entry),
                Verdict::Refuse(reason) => return Err(self.refuse(&entry.grant, bucket, &reason, now).await),
                Verdict::Record(news) => news,
            };
            let news = match (news, self.hook_of(&entry.grant)) {
                (News::Complete, Some(hook)) => {
                    let Some(turn) = &mut turn else {
                        turn = Some(self.hook_turns.take(entry.grant.id).await);
                        // Who had the turn before may have recorded it meanwhile.
                        entry = self.store.find_grant(entry.grant.id).await?.ok_or(RecordError::Absent)?;
                        continue;
                    };
                    let objection = self.hear_hook(hook, &entry, &mut found.completion, turn, now).await?;
                    objection.map_or(News::Complete, |reason| News::Reject(reason.to_owned()))
                }
                (news, _) => news,
            };
            let change = match &news {
                News::Complete => self.completing(&entry.grant, &found.completion, now),
                News::Reject(reason) => self.rejecting(&entry.grant, &found.completion, reason, now),
                News::Change => self.changing(&entry.grant, &found.completion, now),
            };
            match self.store.change_grant(change).await? {
                GrantChanged::Applied => {
                    drop(turn);
                    self.watch.announce(entry.grant.id);
                    return self.conclude(entry.grant, news, found, bucket, now).await;
                }
                // Somebody else was faster: judge by how the grant stands now.
                GrantChanged::Conflict(current) => entry = *current,
                GrantChanged::Unknown => return Err(RecordError::Absent),
            }
        }
    }

    /// After the commit: what the caller is told, and what becomes of a rejected object.
    async fn conclude(
        &self,
        grant: Grant,
        news: News,
        found: Found,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, RecordError> {
        match news {
            News::Complete => {
                let grant = Grant { state: State::Completed, ..grant };
                Ok(LedgerEntry { grant, completion: Some(found.completion) })
            }
            News::Change => Err(RecordError::Changed),
            News::Reject(reason) => Err(self.refuse(&grant, bucket, &reason, now).await),
        }
    }

    fn completing(&self, grant: &Grant, completion: &Completion, now: DateTime<Utc>) -> GrantChange {
        GrantChange {
            events: vec![self.event(EventType::Completed, grant, completion, None, now)],
            completion: Some(completion.clone()),
            next_check: self.next_check(grant, State::Completed, now),
            ..GrantChange::new(grant.id, grant.state.alone(), State::Completed)
        }
    }

    fn rejecting(&self, grant: &Grant, completion: &Completion, reason: &str, now: DateTime<Utc>) -> GrantChange {
        GrantChange {
            reason: Some(reason.to_owned()),
            events: vec![self.event(EventType::Rejected, grant, completion, Some(reason), now)],
            completion: Some(completion.clone()),
            next_check: self.next_check(grant, State::Rejected, now),
            ..GrantChange::new(grant.id, grant.state.alone(), State::Rejected)
        }
    }

    fn changing(&self, grant: &Grant, completion: &Completion, now: DateTime<Utc>) -> GrantChange {
        GrantChange {
            events: vec![self.event(EventType::Changed, grant, completion, None, now)],
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
            &self.event_source,
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
    /// whatever the profile says.
    async fn refuse(&self, grant: &Grant, bucket: &Bucket, reason: &str, now: DateTime<Utc>) -> RecordError {
        let profile = self.profiles.get(&grant.profile);
        if reason != REASON_SUPERSEDED
            && profile.is_some_and(|profile| profile.on_reject == OnReject::Delete)
            && let Err(error) = bucket.objects.delete(&grant.key, now).await
        {
            tracing::warn!(upload.id = %grant.id, error = %error, "a rejected object could not be deleted");
        }
        refusal(reason)
    }
}

/// What is to be done about what was found.
enum Verdict {
    /// It is in the ledger already.
    Recorded,
    /// The grant was rejected before; nothing is recorded twice.
    Refuse(String),
    /// The ledger must hear of it.
    Record(News),
}

/// What the ledger must hear of.
enum News {
    /// The grant's completion.
    Complete,
    /// An object that breaks the grant, and how.
    Reject(String),
    /// The completed grant's object is another one now.
    Change,
}

impl Verdict {
    fn of(entry: &LedgerEntry, found: &Found) -> Self {
        let grant = &entry.grant;
        let reject = |reason: &str| Self::Record(News::Reject(reason.to_owned()));
        match grant.state {
            State::Rejected => Self::Refuse(grant.reason.clone().unwrap_or_default()),
            State::Cancelled => reject(REASON_CANCELLED),
            State::Completed if is_same(entry, &found.completion.etag, found.completion.size) => Self::Recorded,
            // A later grant's object under a shared key is no change of this one's.
            State::Completed if found.superseded => Self::Recorded,
            State::Completed => Self::Record(News::Change),
            State::Issued | State::Expired if found.superseded => reject(REASON_SUPERSEDED),
            State::Issued | State::Expired => {
                match judge(grant, found.completion.size, &found.completion.content_type) {
                    Some(breach) => reject(breach.code().as_str()),
                    None => Self::Record(News::Complete),
                }
            }
        }
    }
}

/// Whether the ledger already holds this very object as the grant's completion; without a claim, any will do.
fn is_recorded(entry: &LedgerEntry, claim: Option<&Claim>) -> bool {
    entry.grant.state == State::Completed && claim.is_none_or(|claim| is_same(entry, &claim.etag, claim.size))
}

fn is_same(entry: &LedgerEntry, etag: &str, size: u64) -> bool {
    entry.completion.as_ref().is_some_and(|recorded| recorded.etag.eq_ignore_ascii_case(etag) && recorded.size == size)
}

/// Whether this very object was rejected before; it may be deleted by now.
fn was_rejected(entry: &LedgerEntry, claim: Option<&Claim>) -> bool {
    entry.grant.state == State::Rejected && claim.is_some_and(|claim| is_same(entry, &claim.etag, claim.size))
}

fn rejected_before(grant: &Grant) -> RecordError {
    refusal(grant.reason.as_deref().unwrap_or_default())
}

fn compare(claim: &Claim, head: &ObjectFacts) -> Result<(), RecordError> {
    if claim.size != head.size {
        return Err(RecordError::NotConfirmed(format!("{} bytes claimed, {} found", claim.size, head.size)));
    }
    if !claim.etag.eq_ignore_ascii_case(&head.etag) {
        return Err(RecordError::NotConfirmed("its ETag is another".to_owned()));
    }
    Ok(())
}

/// What a rejection recorded for `reason` is answered with.
pub(super) fn refusal(reason: &str) -> RecordError {
    if reason == REASON_CANCELLED { RecordError::Cancelled } else { RecordError::Rejected(reason.to_owned()) }
}

/// Whether an object found at `now` is late for its grant.
fn is_late(grant: &Grant, now: DateTime<Utc>) -> bool {
    grant.state == State::Expired || now > grant.write_until
}

fn confirmed_completion(
    grant: &Grant,
    head: ObjectFacts,
    image: Option<ImageInfo>,
    source: CompletionSource,
    now: DateTime<Utc>,
) -> Completion {
    Completion {
        key: grant.key.clone(),
        size: head.size,
        etag: head.etag,
        content_type: head.content_type,
        crc64: head.crc64,
        version_id: head.version_id,
        image,
        completed_at: now,
        source,
        late: is_late(grant, now),
        hook: None,
        reason: None,
    }
}

fn claimed_completion(grant: &Grant, claim: &Claim, source: CompletionSource, now: DateTime<Utc>) -> Completion {
    Completion {
        key: grant.key.clone(),
        size: claim.size,
        etag: claim.etag.clone(),
        content_type: claim.content_type.clone().unwrap_or_else(|| grant.content_type.clone()),
        crc64: claim.crc64.clone(),
        version_id: None,
        image: claim.image.clone(),
        completed_at: now,
        source,
        late: is_late(grant, now),
        hook: None,
        reason: None,
    }
}
