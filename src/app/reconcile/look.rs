//! One look at one grant: HEAD and record, by the one way in.

use chrono::{DateTime, Utc};
use tracing::instrument;
use uuid::Uuid;

use super::super::{
    Valet, audit,
    look_into_directory::Listed,
    ports::{GrantChange, GrantChanged, LedgerEntry, NextCheck, StoreError},
    record_completion::{REASON_CANCELLED, RecordError},
};
use crate::{
    grant::{
        completion::CompletionSource,
        event::{Event, EventType},
        grant::{Grant, GrantKind, State},
        looks::Patience,
        profile::Method,
    },
    instruments,
};

/// A look, and what it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The grant.
    pub id: Uuid,
    /// The bucket's real name.
    pub bucket: String,
    /// The object key, or the directory.
    pub key: String,
    /// How the grant stood before.
    pub before: State,
    /// What was found.
    pub finding: Finding,
}

/// What a look finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is there, and the grant stays as it is.
    Absent,
    /// Nothing is there, and the time is over.
    Expired,
    /// The object is there, and recorded now.
    Completed,
    /// The object is there, breaks its grant, and is recorded as that; why.
    Rejected(String),
    /// Another object has taken the place of the recorded one; told now.
    Changed,
    /// What is known already.
    Known,
    /// More under the directory than one look records: the next one goes on at once.
    Partly,
    /// Something is there that can't be recorded; why.
    Unconfirmed(String),
    /// The object is there; the hook gives no usable answer, and the profile defers then.
    Deferred(String),
    /// OSS does not tell; why.
    Unknown(String),
    /// The grant's bucket is not configured: nobody can be asked.
    BucketUnknown,
}

impl Finding {
    /// One word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Expired => "expired",
            Self::Completed => "completed",
            Self::Rejected(_) => "rejected",
            Self::Changed => "changed",
            Self::Known => "known",
            Self::Partly => "partly",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Deferred(_) => "deferred",
            Self::Unknown(_) => "unknown",
            Self::BucketUnknown => "bucket_unknown",
        }
    }

    /// More about it.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Rejected(why) | Self::Unconfirmed(why) | Self::Deferred(why) | Self::Unknown(why) => Some(why),
            _ => None,
        }
    }

    /// Whether a grant whose time is over can end by this.
    fn leaves_nothing_open(&self, kind: GrantKind) -> bool {
        match kind {
            GrantKind::Upload => *self == Self::Absent,
            GrantKind::Directory => *self == Self::Known,
        }
    }

    /// Whether it is known now how the upload stands.
    pub fn is_answer(&self) -> bool {
        self.patience().is_none() && *self != Self::Partly
    }

    /// Whether the look has to be repeated, and how soon.
    fn patience(&self) -> Option<Patience> {
        match self {
            Self::Unknown(_) | Self::Deferred(_) => Some(Patience::Little),
            // Something is there that can't be recorded, or nobody can be asked: that may change, but not by itself.
            Self::Unconfirmed(_) | Self::BucketUnknown => Some(Patience::Much),
            _ => None,
        }
    }
}

impl Valet {
    /// Looks, and makes the next appointment. `lease` is when the look was due and when its lease ends; without one the appointment
    /// is not ours to move.
    #[instrument(name = "look", skip_all, fields(grant.id = %entry.grant.id, bucket.name = entry.grant.bucket))]
    pub(super) async fn look(
        &self,
        entry: LedgerEntry,
        lease: Option<(DateTime<Utc>, DateTime<Utc>)>,
        now: DateTime<Utc>,
    ) -> Result<Looked, StoreError> {
        let grant = entry.grant.clone();
        let found = match grant.kind {
            GrantKind::Upload => self.look_for(entry, now).await.map(|entry| recorded(&entry, grant.state)),
            GrantKind::Directory => self.look_into_directory(&entry, now).await.map(listed),
        };
        let mut finding = match found {
            Ok(finding) => finding,
            Err(RecordError::Store(error)) => return Err(error),
            Err(error) => finding_of(error, grant.state),
        };
        let is_over = grant.state == State::Issued && now >= self.looks.deciding_look(&grant);
        if is_over && finding.leaves_nothing_open(grant.kind) && self.expire(&grant, now).await? {
            finding = Finding::Expired;
        }
        if let Some(why) = finding.detail().filter(|_| finding.patience().is_some()) {
            tracing::warn!(grant.id = %grant.id, look.found = finding.as_str(), error.cause = why, "a look brought no answer");
        }
        instruments::look(finding.as_str());
        self.settle_look(&grant, &finding, lease, now).await?;
        Ok(Looked { id: grant.id, bucket: grant.bucket, key: grant.key, before: grant.state, finding })
    }

    /// HEAD and record. What a multipart upload has left is aborted when its time is over; where nothing was there before, HEAD
    /// then says whether something has come in between: HEAD, Abort, HEAD.
    async fn look_for(&self, entry: LedgerEntry, now: DateTime<Utc>) -> Result<LedgerEntry, RecordError> {
        let record = |entry| self.record_completion(entry, None, CompletionSource::Reconciled, now);
        let grant = entry.grant.clone();
        let found = record(entry.clone()).await;
        let is_over = grant.method == Method::Multipart && now >= self.looks.deciding_look(&grant);
        match (found, self.bucket_named(&grant.bucket)) {
            (found, Some(bucket)) if is_over && is_told(&found) => {
                self.abort_transfer(&grant, bucket, now).await?;
                if matches!(found, Err(RecordError::Absent)) { record(entry).await } else { found }
            }
            (found, _) => found,
        }
    }

    /// Whether the grant is expired now; not where it has ended otherwise meanwhile. Of a directory it is told only where nothing
    /// ever arrived.
    async fn expire(&self, grant: &Grant, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let is_news = grant.kind == GrantKind::Upload || self.store.list_completions(grant.id, 1).await?.is_empty();
        let event = || {
            let id = self.new_id(now);
            self.address(Event::new(id, EventType::Expired, self.event_origin(), grant, None, None, now))
        };
        let change = GrantChange {
            next_check: self.next_check(grant, State::Expired, now),
            events: is_news.then(event).into_iter().collect(),
            ..GrantChange::new(grant.id, State::Issued.alone(), State::Expired)
        };
        let expired = matches!(self.store.change_grant(change).await?, GrantChanged::Applied);
        if expired {
            audit::expired(grant);
            self.watch.announce(grant.id);
        }
        Ok(expired)
    }

    /// The next appointment. Who has moved the grant on, be it ourselves, has made one that fits; only what could not be cleared
    /// away after that needs another one.
    async fn settle_look(
        &self,
        grant: &Grant,
        finding: &Finding,
        lease: Option<(DateTime<Utc>, DateTime<Utc>)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let moved_on =
            matches!(finding, Finding::Expired | Finding::Completed | Finding::Rejected(_) | Finding::Changed);
        if moved_on && grant.state != State::Completed {
            return Ok(());
        }
        let retry = finding
            .patience()
            .map(|patience| self.looks.retry(grant, lease.map_or(now, |(due_at, _)| due_at), patience, now));
        let Some((_, leased_until)) = lease else { return self.retry_if_moved_on(grant, retry).await };
        let at_once = (*finding == Finding::Partly).then_some(now);
        let next = retry.or(at_once).or_else(|| self.looks.next_look(grant, now));
        let change = GrantChange {
            next_check: NextCheck::Release(leased_until, next),
            ..GrantChange::new(grant.id, grant.state.alone(), grant.state)
        };
        match self.store.change_grant(change).await? {
            GrantChanged::Conflict(_) => self.retry_if_moved_on(grant, retry).await,
            GrantChanged::Applied | GrantChanged::Unknown => Ok(()),
        }
    }

    /// Recorded, but what the upload has left could not be cleared away: without another look nobody would.
    async fn retry_if_moved_on(&self, grant: &Grant, retry: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let (Some(retry), Some(standing)) = (retry, self.store.find_grant(grant.id).await?) else { return Ok(()) };
        let state = standing.grant.state;
        if state == grant.state || !matches!(state, State::Completed | State::Rejected) {
            return Ok(());
        }
        let change =
            GrantChange { next_check: NextCheck::At(retry), ..GrantChange::new(grant.id, state.alone(), state) };
        self.store.change_grant(change).await.map(drop)
    }
}

fn recorded(entry: &LedgerEntry, before: State) -> Finding {
    if entry.grant.state == before { Finding::Known } else { Finding::Completed }
}

fn listed(listed: Listed) -> Finding {
    match listed {
        Listed::All => Finding::Known,
        Listed::Partly => Finding::Partly,
    }
}

fn finding_of(error: RecordError, before: State) -> Finding {
    match error {
        RecordError::Rejected(_) | RecordError::Cancelled if before == State::Rejected => Finding::Known,
        RecordError::Rejected(reason) => Finding::Rejected(reason),
        RecordError::Cancelled => Finding::Rejected(REASON_CANCELLED.to_owned()),
        RecordError::Changed => Finding::Changed,
        RecordError::Absent => Finding::Absent,
        RecordError::NotConfirmed(why) => Finding::Unconfirmed(why),
        RecordError::Deferred(error) => Finding::Deferred(error.to_string()),
        RecordError::BucketUnknown(_) => Finding::BucketUnknown,
        error @ (RecordError::Unconfirmable(_) | RecordError::Store(_)) => Finding::Unknown(error.to_string()),
    }
}

/// Whether OSS has said what is there.
fn is_told(found: &Result<LedgerEntry, RecordError>) -> bool {
    !matches!(
        found,
        Err(RecordError::Unconfirmable(_)
            | RecordError::Deferred(_)
            | RecordError::BucketUnknown(_)
            | RecordError::Store(_))
    )
}
