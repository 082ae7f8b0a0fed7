//! Look into the directory of a grant: what arrived there without a callback is recorded by the one way in.

use chrono::{DateTime, Utc};

use super::{
    Bucket, Valet,
    confirm::Sighting,
    ports::{LedgerEntry, ListedObject, ObjectStoreError},
    record_completion::RecordError,
};
use crate::grant::{
    completion::CompletionSource,
    directory::has_dot_segments,
    grant::Grant,
    profile::{Method, OnReject},
};

/// How many objects that are news one look records: who looks after many grants must get on to the next.
const MOST_NEWS: usize = 100;
/// Pages of a thousand: a directory with more objects than this is no listing of OSS's.
const MAX_PAGES: usize = 1000;

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Everything under the directory is in the ledger.
    All,
    /// There is more than one look records: look again.
    Partly,
}

impl Valet {
    /// Records what is under the grant's directory and not in the ledger yet. Of an `sts` grant whose time is over, unfinished
    /// multipart uploads are aborted, and what came in between is recorded too.
    ///
    /// # Errors
    /// When something we stand on fails, for any object; the others have been recorded all the same.
    pub async fn look_into_directory(&self, entry: &LedgerEntry, now: DateTime<Utc>) -> Result<Listed, RecordError> {
        let grant = &entry.grant;
        let bucket =
            self.bucket_named(&grant.bucket).ok_or_else(|| RecordError::BucketUnknown(grant.bucket.clone()))?;
        let looked = self.record_listed(entry, bucket, now).await?;
        let is_over = grant.method == Method::Sts && now >= self.looks.deciding_look(grant);
        if looked == Listed::All && is_over && abort_uploads(grant, bucket, now).await? {
            return self.record_listed(entry, bucket, now).await;
        }
        Ok(looked)
    }

    async fn record_listed(
        &self,
        entry: &LedgerEntry,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<Listed, RecordError> {
        let mut news = 0;
        let mut failure = None;
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = bucket.objects.list_objects(&entry.grant.key, token.as_deref(), now).await?;
            for listed in &page.objects {
                if self.is_settled(&entry.grant, bucket, listed, now).await? {
                    continue;
                }
                if news == MOST_NEWS {
                    return failure.map_or(Ok(Listed::Partly), Err);
                }
                news += 1;
                match self.record_found(entry.clone(), listed, now).await {
                    Err(error @ RecordError::Store(_)) => return Err(error),
                    Err(error) => failure = Some(error),
                    Ok(()) => {}
                }
            }
            token = page.next;
            if token.is_none() {
                return failure.map_or(Ok(Listed::All), Err);
            }
        }
        Err(ObjectStoreError::Unavailable("the list of objects does not end".to_owned()).into())
    }

    /// Whether the ledger knows this very object. One that was rejected and is still there is deleted again, where the profile
    /// says so.
    async fn is_settled(
        &self,
        grant: &Grant,
        bucket: &Bucket,
        listed: &ListedObject,
        now: DateTime<Utc>,
    ) -> Result<bool, RecordError> {
        let Some(known) = self.store.find_completion(grant.id, &listed.key, &listed.etag).await? else {
            return Ok(false);
        };
        let deletes = self.profiles.get(&grant.profile).is_some_and(|profile| profile.on_reject == OnReject::Delete);
        if known.reason.is_some() && deletes && !has_dot_segments(&listed.key) {
            bucket.objects.delete(&listed.key, now).await?;
        }
        Ok(true)
    }

    /// One that was there a moment ago: what is gone or replaced by now is no failure, and a rejection is as good as a completion.
    async fn record_found(
        &self,
        entry: LedgerEntry,
        listed: &ListedObject,
        now: DateTime<Utc>,
    ) -> Result<(), RecordError> {
        let source = CompletionSource::Reconciled;
        let sighting = Sighting { key: &listed.key, claim: None, listed: Some(listed), source };
        match self.record_object(entry, sighting, now).await {
            Ok(_) | Err(RecordError::Absent | RecordError::Rejected(_) | RecordError::Cancelled) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Aborts what was begun and never finished under the directory; whether there was anything. What can't be asked for is left to
/// the bucket's lifecycle rule.
async fn abort_uploads(grant: &Grant, bucket: &Bucket, now: DateTime<Utc>) -> Result<bool, ObjectStoreError> {
    let unfinished = bucket.objects.list_uploads_under(&grant.key, now).await?;
    for upload in &unfinished {
        if has_dot_segments(&upload.key) {
            tracing::warn!(grant.id = %grant.id, "an unfinished multipart upload of an impossible key can't be aborted");
        } else {
            bucket.objects.abort(&upload.key, &upload.oss_upload_id, now).await?;
        }
    }
    Ok(!unfinished.is_empty())
}
