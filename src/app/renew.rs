//! Renew a grant: fresh signatures and a fresh lifetime for what is still `issued`; same id and key.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet,
    audit::{self, Given},
    look_up::LookUpError,
    ports::{Caller, GrantChange, GrantChanged, StoreError},
    signing::{Means, SignedGrant, SigningError},
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

/// What became of a longer life.
pub(super) enum Prolonged {
    /// The ledger knows it.
    Done(Box<Grant>),
    /// The grant has ended meanwhile.
    Ended(State),
    /// It is not there.
    Unknown,
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
        match self.prolong(grant, &means, now).await? {
            Prolonged::Done(renewed) => {
                let signed = self.sign_by(&means, *renewed, profile, bucket, now).await?;
                audit::granted(Given::Renew, caller, &signed);
                Ok(signed)
            }
            Prolonged::Ended(state) => Err(RenewError::Ended(state)),
            Prolonged::Unknown => Err(LookUpError::NotFound.into()),
        }
    }

    /// The grant with the lifetime that these means give it.
    pub(super) async fn prolong(
        &self,
        grant: Grant,
        means: &Means,
        now: DateTime<Utc>,
    ) -> Result<Prolonged, StoreError> {
        // Never shorter than before: signatures already given out live on.
        let renewed = Grant {
            expires_at: means.expires_at.max(grant.expires_at),
            write_until: means.write_until.max(grant.write_until),
            ..grant
        };
        let change = GrantChange {
            lifetime: Some((renewed.expires_at, renewed.write_until)),
            next_check: self.next_check(&renewed, State::Issued, now),
            ..GrantChange::new(renewed.id, &[State::Issued], State::Issued)
        };
        Ok(match self.store.change_grant(change).await? {
            GrantChanged::Applied => Prolonged::Done(Box::new(renewed)),
            GrantChanged::Conflict(entry) => Prolonged::Ended(entry.grant.state),
            GrantChanged::Unknown => Prolonged::Unknown,
        })
    }
}
