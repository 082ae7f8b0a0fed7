//! Look a grant up, list grants, wait for one to change. Strangers' grants do not exist.

use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    ports::{Caller, GrantFilter, LedgerEntry, StoreError},
};
use crate::grant::grant::State;

/// Lets a caller read anybody's grants.
pub const SCOPE_READ_ANY: &str = "uploads:read-any";
/// How often a waiter looks into the ledger unprompted: changes made by another replica wake nobody here.
const UNPROMPTED_LOOK: Duration = Duration::from_secs(1);

/// Why a grant is not shown.
#[derive(Debug, Error)]
pub enum LookUpError {
    /// Not there, or not the caller's.
    #[error("no such upload")]
    NotFound,
    /// Somebody else's list.
    #[error("listing another user's uploads needs the scope `{SCOPE_READ_ANY}`")]
    Forbidden,
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Valet {
    /// The caller's own grant: for everything that changes something.
    ///
    /// # Errors
    /// When it is not there or not the caller's.
    pub async fn own_grant(&self, caller: &Caller, id: Uuid) -> Result<LedgerEntry, LookUpError> {
        let entry = self.store.find_grant(id).await?.ok_or(LookUpError::NotFound)?;
        if entry.grant.user_id == caller.user_id { Ok(entry) } else { Err(LookUpError::NotFound) }
    }

    /// A grant that the caller may read.
    ///
    /// # Errors
    /// When it is not there or not for the caller's eyes.
    pub async fn readable_grant(&self, caller: &Caller, id: Uuid) -> Result<LedgerEntry, LookUpError> {
        let entry = self.store.find_grant(id).await?.ok_or(LookUpError::NotFound)?;
        if entry.grant.user_id == caller.user_id || caller.has_scope(SCOPE_READ_ANY) {
            Ok(entry)
        } else {
            Err(LookUpError::NotFound)
        }
    }

    /// As [`Self::readable_grant`], but holds the answer until the grant leaves `issued`, or `patience` is over.
    ///
    /// # Errors
    /// As [`Self::readable_grant`].
    pub async fn wait_for_change(
        &self,
        caller: &Caller,
        id: Uuid,
        patience: Duration,
    ) -> Result<LedgerEntry, LookUpError> {
        let mut changes = self.watch.listen();
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        loop {
            let entry = self.readable_grant(caller, id).await?;
            if entry.grant.state != State::Issued {
                return Ok(entry);
            }
            tokio::select! {
                () = changes.changed(id) => {}
                () = tokio::time::sleep(UNPROMPTED_LOOK) => {}
                () = &mut deadline => return Ok(entry),
            }
        }
    }

    /// Grants, newest first: the caller's, or those of the user named in the filter.
    ///
    /// # Errors
    /// When the caller asks for another's without the scope.
    pub async fn list(&self, caller: &Caller, mut filter: GrantFilter) -> Result<Vec<LedgerEntry>, LookUpError> {
        match &filter.user_id {
            None => filter.user_id = Some(caller.user_id.clone()),
            Some(user_id) if *user_id == caller.user_id || caller.has_scope(SCOPE_READ_ANY) => {}
            Some(_) => return Err(LookUpError::Forbidden),
        }
        Ok(self.store.list_grants(&filter).await?)
    }
}
