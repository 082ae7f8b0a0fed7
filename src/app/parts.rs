//! Sign a window of parts, and list what OSS holds of them.

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Valet, audit,
    look_up::LookUpError,
    ports::{Caller, LedgerEntry, ObjectStoreError},
    signing::SigningError,
    transfer::BeginError,
};
use crate::{
    grant::{
        fault::{Fault, FaultCode},
        grant::State,
        multipart::{Cutting, MAX_PARTS, UploadedPart},
        profile::Method,
    },
    oss::presign::{presign, upload_part},
};

/// Most parts that one call signs.
pub const MAX_WINDOW: usize = 1000;

/// Leave to send one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPart {
    /// Which.
    pub part_number: u32,
    /// Where to PUT its bytes.
    pub url: String,
}

/// A window of signed parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedParts {
    /// In the order they were asked for.
    pub parts: Vec<SignedPart>,
    /// When their signatures end.
    pub expires_at: DateTime<Utc>,
}

/// Why no part is signed or listed.
#[derive(Debug, Error)]
pub enum PartsError {
    /// Not the caller's, or not there.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// It is no multipart grant.
    #[error("this grant's method is {}", .0.as_str())]
    NotMultipart(Method),
    /// It has ended, or its signatures' time is over.
    #[error("the grant is {}", .0.as_str())]
    Ended(State),
    /// Its profile is gone, or not the caller's any more.
    #[error("this profile is not available to you")]
    ProfileNotAllowed,
    /// Numbers that no part of this grant can have.
    #[error("these parts can't be signed")]
    Faulty(Vec<Fault>),
    /// Nothing to sign with.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The upload is not begun, and can't be now.
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// OSS did not answer, or would not.
    #[error(transparent)]
    ObjectStore(#[from] ObjectStoreError),
}

impl Valet {
    /// Signs the URLs of these parts.
    ///
    /// # Errors
    /// When the grant is not an open multipart grant of the caller's, or a number is beyond it.
    pub async fn sign_parts(
        &self,
        caller: &Caller,
        id: Uuid,
        numbers: &[u32],
        cutting: Cutting,
        now: DateTime<Utc>,
    ) -> Result<SignedParts, PartsError> {
        let grant = self.own_transfer(caller, id).await?.grant;
        check_numbers(numbers, cutting.max_parts(&grant)).map_err(PartsError::Faulty)?;
        if grant.state != State::Issued {
            return Err(PartsError::Ended(grant.state));
        }
        if now >= grant.expires_at {
            return Err(PartsError::Ended(State::Expired));
        }
        let profile = self.profile_for(caller, &grant.profile).ok_or(PartsError::ProfileNotAllowed)?;
        let bucket = self.bucket_of(&grant)?;
        let grant = self.begin_transfer(grant, profile, bucket, now).await?;
        let oss_upload_id = grant.oss_upload_id.as_deref().ok_or(PartsError::Ended(grant.state))?;

        let credential = bucket.credentials.current(now).await.map_err(SigningError::from)?;
        // No signature outlives its credential.
        let expires_at = credential.expires_at.map_or(grant.expires_at, |end| end.min(grant.expires_at));
        let signing_key = bucket.signing_key(&credential.key, now);
        let context = bucket.signing_context(&credential.key, signing_key.as_ref(), now);
        let seconds = (expires_at - now).num_seconds();
        let sign = |&part_number: &u32| {
            let request = upload_part(&grant.bucket, &grant.key, oss_upload_id, part_number);
            presign(request, &[], seconds, &context).map(|signed| SignedPart { part_number, url: signed.url })
        };
        // The only failure is a lifetime that no signature can have.
        let parts = numbers.iter().map(sign).collect::<Result<_, _>>();
        let parts = parts.map_err(|_| PartsError::Ended(State::Expired))?;
        audit::parts_signed(caller, &grant, numbers, expires_at);
        Ok(SignedParts { parts, expires_at })
    }

    /// The parts that OSS holds, for resuming; none before the upload is begun and after it has ended.
    ///
    /// # Errors
    /// When the grant is not a multipart grant of the caller's, or OSS does not answer.
    pub async fn list_parts(
        &self,
        caller: &Caller,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<UploadedPart>, PartsError> {
        let grant = self.own_transfer(caller, id).await?.grant;
        let Some(oss_upload_id) = &grant.oss_upload_id else { return Ok(Vec::new()) };
        let bucket = self.bucket_of(&grant)?;
        Ok(bucket.objects.list_parts(&grant.key, oss_upload_id, now).await?.unwrap_or_default())
    }

    async fn own_transfer(&self, caller: &Caller, id: Uuid) -> Result<LedgerEntry, PartsError> {
        let entry = self.own_grant(caller, id).await?;
        match entry.grant.method {
            Method::Multipart => Ok(entry),
            other => Err(PartsError::NotMultipart(other)),
        }
    }
}

fn check_numbers(numbers: &[u32], max_parts: u32) -> Result<(), Vec<Fault>> {
    let fault = |code, message: String| Err(vec![Fault::new("part_numbers", code, message)]);
    if numbers.is_empty() || numbers.len() > MAX_WINDOW {
        return fault(FaultCode::InvalidParameter, format!("1 to {MAX_WINDOW} numbers"));
    }
    if numbers.contains(&0) || numbers.iter().any(|number| *number > MAX_PARTS) {
        return fault(FaultCode::InvalidParameter, format!("a part number is 1 to {MAX_PARTS}"));
    }
    if numbers.iter().any(|number| *number > max_parts) {
        return fault(FaultCode::SizeTooLarge, format!("a file within this grant has at most {max_parts} parts"));
    }
    Ok(())
}
