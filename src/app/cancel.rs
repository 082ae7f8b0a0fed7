//! Cancel a grant. Revokes no signature at OSS: an object that still arrives is rejected when we learn of it. A multipart upload
//! is aborted.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet, audit,
    look_up::LookUpError,
    ports::{Caller, GrantChange, GrantChanged, StoreError},
};
use crate::grant::{
    grant::{Grant, State},
    profile::Method,
};

/// Why a grant is not cancelled.
#[derive(Debug, Error)]
pub enum CancelError {
    /// Not the caller's, or not there.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// It has ended already.
    #[error("the grant is {}", .0.as_str())]
    Ended(State),
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Valet {
    /// Cancels the caller's grant.
    ///
    /// # Errors
    /// When it is not the caller's, or has ended.
    pub async fn cancel(&self, caller: &Caller, id: Uuid, now: DateTime<Utc>) -> Result<(), CancelError> {
        let grant = self.own_grant(caller, id).await?.grant;
        if grant.state != State::Issued {
            return Err(CancelError::Ended(grant.state));
        }
        // The reconciler keeps its appointment: an object may still turn up.
        let change = GrantChange::new(id, &[State::Issued], State::Cancelled);
        match self.store.change_grant(change).await? {
            GrantChanged::Applied => {
                self.watch.announce(id);
                audit::cancelled(caller, &grant);
                self.abort_cancelled(&grant, now).await;
                Ok(())
            }
            GrantChanged::Conflict(entry) => Err(CancelError::Ended(entry.grant.state)),
            GrantChanged::Unknown => Err(LookUpError::NotFound.into()),
        }
    }

    /// Takes the parts away at once; where OSS does not answer, the reconciler does it later.
    async fn abort_cancelled(&self, grant: &Grant, now: DateTime<Utc>) {
        if let (Method::Multipart, Some(bucket)) = (grant.method, self.bucket_named(&grant.bucket))
            && let Err(error) = self.abort_transfer(grant, bucket, now).await
        {
            tracing::warn!(grant.id = %grant.id, error.cause = %error, "a cancelled multipart upload could not be aborted");
        }
    }
}
