//! The multipart upload behind a grant: begun once, joined from checked parts, aborted when it is stale.
//!
//! The grant's row is always there first. A crash between OSS's answer and our row leaves an upload that nobody knows the
//! id of: it is found by its key, which no other grant has, and aborted when the grant ends.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{
    Bucket, Valet,
    ports::{GrantChange, GrantChanged, Joined, ObjectStoreError, PendingUpload, StoreError},
};
use crate::grant::{
    fault::Fault,
    grant::{Grant, State},
    multipart::{NamedPart, choose},
    profile::{Method, Profile},
    request::upload_headers,
};

/// Why a multipart upload can't be begun.
#[derive(Debug, Error)]
pub enum BeginError {
    /// OSS did not answer, or would not.
    #[error(transparent)]
    ObjectStore(#[from] ObjectStoreError),
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why parts don't become an object.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The parts are not those that OSS holds, or break the grant.
    #[error("the parts can't be joined")]
    Faulty(Vec<Fault>),
    /// OSS does not accept them; its code.
    #[error("OSS does not join the parts: {0}")]
    Refused(String),
    /// OSS did not answer, or would not.
    #[error(transparent)]
    ObjectStore(#[from] ObjectStoreError),
}

impl Valet {
    /// The grant with its multipart upload begun, if it is a multipart grant without one. Of two that begin at once, one upload
    /// stays and the other is aborted.
    pub(super) async fn begin_transfer(
        &self,
        grant: Grant,
        profile: &Profile,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<Grant, BeginError> {
        if grant.method != Method::Multipart || grant.oss_upload_id.is_some() {
            return Ok(grant);
        }
        let ours = bucket.objects.initiate(&grant.key, upload_headers(&grant, profile), now).await?;
        let change = GrantChange {
            oss_upload_id: Some(ours.clone()),
            ..GrantChange::new(grant.id, &[State::Issued], State::Issued)
        };
        let applied = self.store.change_grant(change).await?;
        let known = match applied {
            GrantChanged::Applied => self.store.find_grant(grant.id).await?.map(|entry| entry.grant),
            GrantChanged::Conflict(entry) => Some(entry.grant),
            GrantChanged::Unknown => None,
        };
        let known = known.unwrap_or(grant);
        if known.oss_upload_id.as_ref() != Some(&ours) {
            self.abort_quietly(&known, bucket, &ours, now).await;
        }
        Ok(known)
    }

    /// Joins the named parts, or all that OSS holds where none is named, into the object. When the upload is gone, an
    /// earlier attempt may have joined it: HEAD tells, so that is no error.
    pub(super) async fn join(
        &self,
        grant: &Grant,
        bucket: &Bucket,
        named: &[NamedPart],
        now: DateTime<Utc>,
    ) -> Result<(), JoinError> {
        let Some(oss_upload_id) = &grant.oss_upload_id else { return Ok(()) };
        let Some(held) = bucket.objects.list_parts(&grant.key, oss_upload_id, now).await? else { return Ok(()) };
        let parts = choose(grant, named, held).map_err(JoinError::Faulty)?;
        let upload = PendingUpload { key: &grant.key, oss_upload_id, forbid_overwrite: !grant.overwrite };
        match bucket.objects.join_parts(&upload, &parts, now).await {
            Ok(Joined::Done | Joined::Gone) => Ok(()),
            Ok(Joined::Refused(code)) => Err(JoinError::Refused(code)),
            // OSS goes on when a connection breaks: HEAD decides.
            Err(ObjectStoreError::Unavailable(why)) => {
                tracing::warn!(grant.id = %grant.id, error.cause = why, "OSS did not say whether the parts are joined");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Aborts what was begun for a grant that has ended: the known upload, and any other one of its key that nobody
    /// knows of.
    pub(super) async fn abort_transfer(
        &self,
        grant: &Grant,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<(), ObjectStoreError> {
        if let Some(known) = &grant.oss_upload_id {
            bucket.objects.abort(&grant.key, known, now).await?;
        }
        // Under a shared key the others belong to other grants.
        if self.profiles.get(&grant.profile).is_some_and(Profile::shares_keys) {
            return Ok(());
        }
        for stray in bucket.objects.list_uploads(&grant.key, now).await? {
            bucket.objects.abort(&grant.key, &stray, now).await?;
        }
        Ok(())
    }

    async fn abort_quietly(&self, grant: &Grant, bucket: &Bucket, oss_upload_id: &str, now: DateTime<Utc>) {
        if let Err(error) = bucket.objects.abort(&grant.key, oss_upload_id, now).await {
            tracing::warn!(grant.id = %grant.id, error.cause = %error, "a second multipart upload could not be aborted; the reconciler will");
        }
    }
}
