//! Cancel a grant. Revokes nothing at OSS: an object that still arrives is rejected when we learn of it.

use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    look_up::LookUpError,
    ports::{Caller, GrantChange, GrantChanged, StoreError},
};
use crate::grant::grant::State;

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
    pub async fn cancel(&self, caller: &Caller, id: Uuid) -> Result<(), CancelError> {
        let grant = self.own_grant(caller, id).await?.grant;
        if grant.state != State::Issued {
            return Err(CancelError::Ended(grant.state));
        }
        // The reconciler keeps its appointment: an object may still turn up.
        let change = GrantChange::new(id, &[State::Issued], State::Cancelled);
        match self.store.change_grant(change).await? {
            GrantChanged::Applied => {
                self.watch.announce(id);
                Ok(())
            }
            GrantChanged::Conflict(entry) => Err(CancelError::Ended(entry.grant.state)),
            GrantChanged::Unknown => Err(LookUpError::NotFound.into()),
        }
    }
}
