//! Look a grant up, list grants, wait for one to change. Strangers' grants do not exist.

use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    ports::{Caller, GrantFilter, LedgerEntry, StoreError},
};
use crate::grant::{
    completion::Completion,
    grant::{GrantKind, State},
};

/// Lets a caller read anybody's grants.
pub const SCOPE_READ_ANY: &str = "uploads:read-any";
/// How many objects of a directory grant are shown.
const LAST_OBJECTS: u32 = 100;
/// How often a waiter looks into the ledger unprompted: news of what another replica did may be lost.
const UNPROMPTED_LOOK: Duration = Duration::from_secs(1);
/// How many grants are looked at in one go, when one is looked for by its key,
const KEYS_AT_ONCE: u32 = 200;
/// and how often.
const KEY_LOOKS: u32 = 5;

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

    /// The caller's latest grant for this object key, of that profile if one is named: for clients that were told nothing else. Looks at the latest thousand
    /// grants only: the ledger has no index by key.
    ///
    /// # Errors
    /// When there is none among them.
    pub async fn own_grant_by_key(
        &self,
        caller: &Caller,
        profile: Option<&str>,
        key: &str,
    ) -> Result<LedgerEntry, LookUpError> {
        let mut filter = GrantFilter {
            user_id: Some(caller.user_id.clone()),
            profile: profile.map(str::to_owned),
            limit: KEYS_AT_ONCE,
            ..GrantFilter::default()
        };
        for _ in 0..KEY_LOOKS {
            let entries = self.store.list_grants(&filter).await?;
            filter.before = entries.last().map(|last| last.grant.id);
            if let Some(found) = entries.into_iter().find(|entry| entry.grant.key == key) {
                return Ok(found);
            }
            if filter.before.is_none() {
                break;
            }
        }
        Err(LookUpError::NotFound)
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

    /// The last objects recorded under a directory grant, newest first; `None` for any other grant.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn objects_of(&self, entry: &LedgerEntry) -> Result<Option<Vec<Completion>>, LookUpError> {
        if entry.grant.kind == GrantKind::Upload {
            return Ok(None);
        }
        Ok(Some(self.store.list_completions(entry.grant.id, LAST_OBJECTS).await?))
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
