//! Renew a grant: fresh signatures and a fresh lifetime for what is still `issued`; same id and key.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    look_up::LookUpError,
    ports::{Caller, GrantChange, GrantChanged, StoreError},
    signing::{SignedGrant, SigningError},
};
use crate::grant::grant::{Grant, State};

/// Why a grant is not renewed.
#[derive(Debug, Error)]
pub enum RenewError {
    /// Not the caller's, or not there.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// Its profile is gone, or not the caller's any more.
    #[error("this profile is not available to you")]
    ProfileNotAllowed,
    /// It has ended.
    #[error("the grant is {}", .0.as_str())]
    Ended(State),
    /// Nothing to sign with.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Valet {
    /// Renews the caller's grant.
    ///
    /// # Errors
    /// When it is not the caller's, has ended, or something we stand on fails.
    pub async fn renew(&self, caller: &Caller, id: Uuid, now: DateTime<Utc>) -> Result<SignedGrant, RenewError> {
        let grant = self.own_grant(caller, id).await?.grant;
        if grant.state != State::Issued {
            return Err(RenewError::Ended(grant.state));
        }
        let profile = self.profile_for(caller, &grant.profile).ok_or(RenewError::ProfileNotAllowed)?;
        let bucket = self.bucket_of(&grant)?;
        let means = self.means(grant.method, profile, bucket, now).await?;

        // Never shorter than before: signatures already given out live on.
        let renewed = Grant {
            expires_at: means.expires_at.max(grant.expires_at),
            write_until: means.write_until.max(grant.write_until),
            ..grant
        };
        let change = GrantChange {
            lifetime: Some((renewed.expires_at, renewed.write_until)),
            next_check: self.next_check(&renewed, State::Issued, now),
            ..GrantChange::new(id, &[State::Issued], State::Issued)
        };
        match self.store.change_grant(change).await? {
            GrantChanged::Applied => Ok(self.sign_by(&means, renewed, profile, bucket, now).await?),
            GrantChanged::Conflict(entry) => Err(RenewError::Ended(entry.grant.state)),
            GrantChanged::Unknown => Err(LookUpError::NotFound.into()),
        }
    }
}
