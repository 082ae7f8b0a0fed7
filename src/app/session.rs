//! Temporary credentials for one grant: a session of the bucket's role, narrowed to the grant's key or directory.
//!
//! The grant's row is always there first, and always says how long such credentials may write: what STS has issued can't be
//! called back, not even where its answer is lost.

use chrono::{DateTime, Utc};

use super::{
    Bucket, Valet,
    ports::{GrantChange, GrantChanged, Session, TokenService},
    signing::{Leave, SignedGrant, SigningError},
    write_until,
};
use crate::{
    grant::{
        grant::{Grant, State},
        profile::Profile,
        request::client_callback,
        session_policy::{session_duration, session_name, session_policy},
    },
    oss::access_key::AccessKey,
};

/// What an SDK signs with. Made anew for each answer, kept nowhere.
#[derive(Debug, Clone)]
pub struct TemporaryCredentials {
    /// Id, secret and security token.
    pub key: AccessKey,
    /// When OSS takes them no more.
    pub expiration: DateTime<Utc>,
}

impl Bucket {
    /// What issues credentials for its `sts` grants.
    ///
    /// # Errors
    /// When no role is configured for it.
    pub(super) fn token_service(&self) -> Result<&dyn TokenService, SigningError> {
        self.tokens.as_deref().ok_or(SigningError::NoTokenService)
    }
}

impl Valet {
    /// Asks STS for credentials that may write what this grant is for and nothing else. A call of STS's must have been admitted.
    pub(super) async fn open_session(
        &self,
        grant: Grant,
        profile: &Profile,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<SignedGrant, SigningError> {
        let tokens = bucket.token_service()?;
        let policy = session_policy(&grant)?;
        let duration = session_duration(grant.expires_at - now, tokens.longest());
        let grant = self.allow_writing(grant, now + duration, now).await?;
        if grant.state != State::Issued {
            return Ok(SignedGrant { grant, leave: None });
        }
        let session = Session { name: session_name(&grant.user_id), policy, duration };
        let credential = tokens.issue(&session, now).await?;
        let expiration = credential.expires_at.unwrap_or(now + duration);
        // STS counts from its own clock.
        let grant = self.allow_writing(grant, expiration, now).await?;
        let leave = (grant.state == State::Issued).then(|| {
            let callback = client_callback(&grant, profile, &self.seal_keys, &self.callback_urls);
            Leave::Sts(TemporaryCredentials { key: credential.key, expiration }, callback)
        });
        Ok(SignedGrant { grant, leave })
    }

    /// The grant, after the ledger knows that credentials for it may live until `expiration`; or as it stands, where it has
    /// ended meanwhile.
    async fn allow_writing(
        &self,
        grant: Grant,
        expiration: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Grant, SigningError> {
        let write_until = write_until(expiration);
        if write_until <= grant.write_until {
            return Ok(grant);
        }
        let extended = Grant { write_until, ..grant };
        let change = GrantChange {
            lifetime: Some((extended.expires_at, write_until)),
            next_check: self.next_check(&extended, State::Issued, now),
            ..GrantChange::new(extended.id, State::Issued.alone(), State::Issued)
        };
        match self.store.change_grant(change).await? {
            GrantChanged::Applied => Ok(extended),
            GrantChanged::Conflict(entry) => Ok(entry.grant),
            GrantChanged::Unknown => Ok(Grant { state: State::Expired, ..extended }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_secret_nor_token() {
        let key = AccessKey::new("STS.id", "sesame").with_security_token("ticket");
        let shown = format!("{:?}", TemporaryCredentials { key, expiration: DateTime::UNIX_EPOCH });
        assert!(shown.contains("STS.id") && !shown.contains("sesame") && !shown.contains("ticket"), "{shown}");
    }
}
