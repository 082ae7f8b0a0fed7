//! Confirm an object: what is recorded and judged is OSS's own words, not what somebody claims.

use chrono::{DateTime, Utc};

use super::{
    Bucket, Valet,
    ports::{ListedObject, ObjectFacts, ObjectStoreError},
    record_completion::{Claim, RecordError},
};
use crate::{
    grant::{
        completion::{Completion, CompletionSource},
        directory::{has_dot_segments, is_usable_key},
        grant::{Grant, GrantKind, State},
        profile::{Confirm, Profile},
    },
    instruments::{self, Stopwatch},
    oss::callback::ImageInfo,
};

/// `reason` of an object whose key is the directory itself, or has `.` or `..` as a segment.
pub const REASON_KEY: &str = "key_not_allowed";
/// `reason` of an object under a directory that is no plain one: a symlink, or one that can be appended to.
pub const REASON_OBJECT_TYPE: &str = "object_type_not_allowed";

/// An object that we have heard of, before anything of it is believed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'a> {
    /// Its key: the grant's, or one under its directory.
    pub(super) key: &'a str,
    /// What a callback says of it.
    pub(super) claim: Option<&'a Claim>,
    /// What a listing says of it.
    pub(super) listed: Option<&'a ListedObject>,
    /// Who tells.
    pub(super) source: CompletionSource,
}

/// What is found, before it is judged.
pub(super) struct Found {
    pub(super) completion: Completion,
    /// Another grant wrote this object (keys without `{id}` only).
    pub(super) superseded: bool,
    /// Why no grant could take it, whatever its limits are.
    pub(super) objection: Option<&'static str>,
}

impl Valet {
    /// What OSS says of the object.
    pub(super) async fn confirm(
        &self,
        grant: &Grant,
        bucket: &Bucket,
        sighting: Sighting<'_>,
        now: DateTime<Utc>,
    ) -> Result<Found, RecordError> {
        let profile = self.profiles.get(&grant.profile);
        let usable_key = grant.kind == GrantKind::Upload || is_usable_key(&grant.key, sighting.key);
        let objection = (!usable_key).then_some(REASON_KEY);
        if let Some(claim) = sighting.claim
            && sighting.source == CompletionSource::Callback
            && profile.is_some_and(|profile| profile.confirm == Confirm::Off)
        {
            let completion = claimed_completion(grant, sighting, claim, now);
            return Ok(Found { completion, superseded: false, objection });
        }
        let watch = Stopwatch::start();
        let asked = ask(bucket, sighting, now).await;
        instruments::confirmed(word_of(&asked), watch.elapsed());
        let facts = asked?.ok_or(RecordError::Absent)?;
        let is_plain = is_plain(&facts.object_type);
        if grant.kind == GrantKind::Upload && !is_plain {
            return Err(RecordError::NotConfirmed(format!("it is of type {}", facts.object_type)));
        }
        let superseded = grant.kind == GrantKind::Upload
            && profile.is_some_and(Profile::shares_keys)
            && facts.meta_upload_id.as_deref() != Some(&grant.id.to_string());
        if let Some(claim) = sighting.claim
            && !superseded
        {
            compare(claim, &facts)?;
        }
        let objection = objection.or((!is_plain).then_some(REASON_OBJECT_TYPE));
        let image = sighting.claim.and_then(|claim| claim.image.clone());
        let completion = confirmed_completion(grant, sighting, facts, image, now);
        Ok(Found { completion, superseded, objection })
    }
}

/// HEAD; but not where a link would be followed to somewhere else, nor where a key can't be asked for: then a listing tells as much
/// as a rejection needs.
async fn ask(
    bucket: &Bucket,
    sighting: Sighting<'_>,
    now: DateTime<Utc>,
) -> Result<Option<ObjectFacts>, ObjectStoreError> {
    match sighting.listed {
        Some(listed) if !is_plain(&listed.object_type) || has_dot_segments(sighting.key) => {
            Ok(Some(facts_of(listed.clone())))
        }
        None if has_dot_segments(sighting.key) => {
            // No other key with this beginning stands before it.
            let page = bucket.objects.list_objects(sighting.key, None, now).await?;
            Ok(page.objects.into_iter().find(|listed| listed.key == sighting.key).map(facts_of))
        }
        _ => bucket.objects.head(sighting.key, now).await,
    }
}

/// What OSS said, in one word.
fn word_of(asked: &Result<Option<ObjectFacts>, ObjectStoreError>) -> &'static str {
    match asked {
        Ok(Some(_)) => "found",
        Ok(None) => "absent",
        Err(ObjectStoreError::Unavailable(_)) => "unavailable",
        Err(ObjectStoreError::Credentials(_)) => "credentials",
    }
}

/// Not a symlink, and nothing that can still grow.
fn is_plain(object_type: &str) -> bool {
    matches!(object_type, "Normal" | "Multipart")
}

fn facts_of(listed: ListedObject) -> ObjectFacts {
    let ListedObject { size, etag, object_type, .. } = listed;
    let content_type = String::new();
    ObjectFacts { size, etag, content_type, crc64: None, version_id: None, object_type, meta_upload_id: None }
}

fn compare(claim: &Claim, facts: &ObjectFacts) -> Result<(), RecordError> {
    if claim.size != facts.size {
        return Err(RecordError::NotConfirmed(format!("{} bytes claimed, {} found", claim.size, facts.size)));
    }
    if !claim.etag.eq_ignore_ascii_case(&facts.etag) {
        return Err(RecordError::NotConfirmed("its ETag is another".to_owned()));
    }
    Ok(())
}

/// Whether an object found at `now` is late for its grant.
fn is_late(grant: &Grant, now: DateTime<Utc>) -> bool {
    grant.state == State::Expired || now > grant.write_until
}

fn confirmed_completion(
    grant: &Grant,
    sighting: Sighting<'_>,
    facts: ObjectFacts,
    image: Option<ImageInfo>,
    now: DateTime<Utc>,
) -> Completion {
    Completion {
        key: sighting.key.to_owned(),
        size: facts.size,
        etag: facts.etag,
        content_type: facts.content_type,
        crc64: facts.crc64,
        version_id: facts.version_id,
        image,
        completed_at: now,
        source: sighting.source,
        late: is_late(grant, now),
        hook: None,
        reason: None,
    }
}

fn claimed_completion(grant: &Grant, sighting: Sighting<'_>, claim: &Claim, now: DateTime<Utc>) -> Completion {
    // Where the callback does not tell, an object of an upload grant has the pinned type.
    let granted = || if grant.kind == GrantKind::Upload { grant.content_type.clone() } else { String::new() };
    Completion {
        key: sighting.key.to_owned(),
        size: claim.size,
        etag: claim.etag.clone(),
        content_type: claim.content_type.clone().unwrap_or_else(granted),
        crc64: claim.crc64.clone(),
        version_id: None,
        image: claim.image.clone(),
        completed_at: now,
        source: sighting.source,
        late: is_late(grant, now),
        hook: None,
        reason: None,
    }
}
