//! "I am done": HEAD and record at once, for a 203 or a lost answer.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    look_up::LookUpError,
    ports::{Caller, LedgerEntry},
    record_completion::{RecordError, refusal},
};
use crate::grant::{completion::CompletionSource, grant::State};

/// Why a grant is not completed.
#[derive(Debug, Error)]
pub enum CompleteError {
    /// Not the caller's, or not there.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// Nothing to record, or not to be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Valet {
    /// Completes the caller's grant with the object that is there; repeating answers the same.
    ///
    /// # Errors
    /// When it is not the caller's, the object is not there, or breaks the grant.
    pub async fn complete(&self, caller: &Caller, id: Uuid, now: DateTime<Utc>) -> Result<LedgerEntry, CompleteError> {
        let entry = self.own_grant(caller, id).await?;
        let (state, reason) = (entry.grant.state, entry.grant.reason.clone());
        match self.record_completion(entry, None, CompletionSource::Complete, now).await {
            Err(RecordError::Absent) => Err(absent(state, reason).into()),
            other => Ok(other?),
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
