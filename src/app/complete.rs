//! "I am done": joins the parts of a multipart upload; then HEAD and record at once, also for a 203 or a lost answer.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    look_up::LookUpError,
    ports::{Caller, LedgerEntry},
    record_completion::{RecordError, refusal},
    transfer::JoinError,
};
use crate::grant::{
    completion::CompletionSource,
    grant::{Grant, GrantKind, State},
    multipart::NamedPart,
    profile::Method,
};

/// Why a grant is not completed.
#[derive(Debug, Error)]
pub enum CompleteError {
    /// Not the caller's, or not there.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// A directory grant is never complete.
    #[error("a directory grant is never complete: each object under it is recorded by itself")]
    Directory,
    /// Parts were named for a grant that has none.
    #[error("a grant of method {} has no parts", .0.as_str())]
    NoParts(Method),
    /// The parts don't become an object.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Nothing to record, or not to be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Valet {
    /// Completes the caller's grant with the object that is there, of a multipart grant after joining its parts: the named ones,
    /// or all that OSS holds. Repeating answers the same.
    ///
    /// # Errors
    /// When it is not the caller's, the object is not there, or breaks the grant.
    pub async fn complete(
        &self,
        caller: &Caller,
        id: Uuid,
        parts: &[NamedPart],
        now: DateTime<Utc>,
    ) -> Result<LedgerEntry, CompleteError> {
        let entry = self.own_grant(caller, id).await?;
        if entry.grant.kind == GrantKind::Directory {
            return Err(CompleteError::Directory);
        }
        self.join_open(&entry.grant, parts, now).await?;
        let (state, reason) = (entry.grant.state, entry.grant.reason.clone());
        match self.record_completion(entry, None, CompletionSource::Complete, now).await {
            Err(RecordError::Absent) => Err(absent(state, reason).into()),
            other => Ok(other?),
        }
    }

    /// Joins the parts of a multipart grant that may still become an object.
    async fn join_open(&self, grant: &Grant, parts: &[NamedPart], now: DateTime<Utc>) -> Result<(), CompleteError> {
        if grant.method != Method::Multipart {
            return if parts.is_empty() { Ok(()) } else { Err(CompleteError::NoParts(grant.method)) };
        }
        match (grant.state, self.bucket_named(&grant.bucket)) {
            (State::Issued | State::Expired, Some(bucket)) => Ok(self.join(grant, bucket, parts, now).await?),
            // What has ended is answered as it stands.
            _ => Ok(()),
        }
    }
}

/// What "nothing is there" means: a rejected object may be deleted by now, and nobody should upload under a cancelled
/// grant.
fn absent(state: State, reason: Option<String>) -> RecordError {
    match state {
        State::Rejected => refusal(&reason.unwrap_or_default()),
        State::Cancelled => RecordError::Cancelled,
        State::Issued | State::Completed | State::Expired => RecordError::Absent,
    }
}
