//! Finding an object for somebody who may read it.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use chrono::{DateTime, Utc};

use crate::{
    oss::presign::http_date,
    simulator::{
        access::{
            authorise::{Caller, identify},
            permissions::{Action, Resource},
        },
        bucket::Acl,
        errors::OssError,
        request::{Incoming, check_key},
        server::Oss,
        settings::BucketSpec,
        storage::record::{Content, Kind, ObjectType, Record},
    },
};

/// An object that a reader may see, symbolic links followed.
pub(in crate::simulator) struct Found {
    /// The object, or the link that led to it.
    pub(in crate::simulator) record: Record,
    pub(in crate::simulator) content: Content,
    /// Of the object or the link, whichever is later.
    pub(in crate::simulator) last_modified: DateTime<Utc>,
    is_symlink: bool,
    version: Option<String>,
    storage_class: &'static str,
    /// Nobody signed for it.
    pub(in crate::simulator) anonymous: bool,
    /// Only for somebody who may read the tags.
    tagging_count: Option<usize>,
}

/// The version that a request names; an empty name is refused.
pub(in crate::simulator) fn version_id(incoming: &Incoming) -> Result<Option<&str>, OssError> {
    match incoming.query("versionId") {
        Some("") => Err(OssError::invalid_argument("Version id can not be the empty string.", "versionId", "")),
        version => Ok(version),
    }
}

/// The record of a key, or of one of its versions, that is no delete marker.
pub(in crate::simulator) async fn find_record(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    key: &str,
    version: Option<&str>,
) -> Result<Record, OssError> {
    let record = oss.objects.find(&bucket.name, key, version).await?;
    let record = record.ok_or_else(|| match version {
        Some(version) => OssError::no_such_version(key, version),
        None => OssError::no_such_key(key),
    })?;
    match record.kind {
        Kind::DeleteMarker => Err(marked_as_deleted(incoming, bucket, key, version, &record)),
        Kind::Normal(_) | Kind::Symlink { .. } => Ok(record),
    }
}

/// A delete marker on top hides the key; named itself, it can only be deleted.
fn marked_as_deleted(
    incoming: &Incoming,
    bucket: &BucketSpec,
    key: &str,
    version: Option<&str>,
    marker: &Record,
) -> OssError {
    let error = match version {
        None => OssError::no_such_key(key),
        Some(_) => OssError::method_not_allowed(&incoming.method)
            .detail("ResourceType", "DeleteMarker")
            .header("allow", "DELETE"),
    };
    let version = bucket.version_of(marker).unwrap_or("null");
    error.header("x-oss-delete-marker", "true").header("x-oss-version-id", version)
}

/// Lets a caller read whom RAM allows it, and anybody what its ACL opens to all.
pub(in crate::simulator) fn permit_read(
    caller: Option<&Caller>,
    resource: Resource<'_>,
    version: Option<&str>,
    is_public: bool,
) -> Result<(), OssError> {
    let permitted = || {
        let caller = caller.ok_or_else(OssError::anonymous)?;
        caller.permit(Action::GetObject, resource)?;
        if version.is_some() { caller.permit(Action::GetObjectVersion, resource) } else { Ok(()) }
    };
    if is_public { Ok(()) } else { permitted() }
}

/// Whether anybody may read the object; without an ACL of its own its bucket's counts.
pub(in crate::simulator) fn is_public(record: Option<&Record>, bucket: &BucketSpec) -> bool {
    let acl = record.and_then(|record| record.attributes.acl).filter(|acl| *acl != Acl::Default);
    acl.unwrap_or(bucket.acl).lets_everybody_read()
}

/// The record that a request names, as it stands: a link is not followed. With it, who may read it.
pub(in crate::simulator) async fn find_readable(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<(Option<Caller>, Record), OssError> {
    let caller = identify(incoming, oss)?;
    let (key, version) = (incoming.object_key()?, version_id(incoming)?);
    let there = oss.objects.find(&bucket.name, key, version).await?;
    // Who may not read the key must not learn whether it is there.
    permit_read(caller.as_ref(), incoming.resource(), version, is_public(there.as_ref(), bucket))?;
    let record = find_record(oss, incoming, bucket, key, version).await?;
    Ok((caller, record))
}

/// The object that a GET or HEAD is about.
pub(in crate::simulator) async fn find(oss: &Oss, incoming: &Incoming, bucket: &BucketSpec) -> Result<Found, OssError> {
    let (caller, record) = find_readable(oss, incoming, bucket).await?;
    let tags_readable =
        caller.as_ref().is_some_and(|caller| caller.permit(Action::GetObjectTagging, incoming.resource()).is_ok());
    let (content, target) = match &record.kind {
        Kind::Symlink { target } => {
            let (content, target_record) = follow(oss, bucket, target).await?;
            let resource = Resource { bucket: &bucket.name, key: target };
            permit_read(caller.as_ref(), resource, None, is_public(Some(&target_record), bucket))?;
            (content, Some(target_record))
        }
        Kind::Normal(content) => (content.clone(), None),
        Kind::DeleteMarker => return Err(OssError::no_such_key(&incoming.key)),
    };
    let last_modified =
        target.as_ref().map_or(record.last_modified, |target| target.last_modified.max(record.last_modified));
    Ok(Found {
        content,
        last_modified,
        is_symlink: target.is_some(),
        anonymous: caller.is_none(),
        version: bucket.version_of(&record).map(str::to_owned),
        storage_class: record.attributes.storage_class.unwrap_or(bucket.storage_class).name(),
        tagging_count: tags_readable.then_some(record.attributes.tags.len()).filter(|count| *count > 0),
        record,
    })
}

async fn follow(oss: &Oss, bucket: &BucketSpec, target: &str) -> Result<(Content, Record), OssError> {
    let missing = || {
        OssError::new(StatusCode::NOT_FOUND, "SymlinkTargetNotExist", "The symlink target object does not exist.")
            // The protocol reference gives no EC for this: an assumption.
            .ec("0026-00000002")
    };
    check_key(target).map_err(|_| missing())?;
    let record = oss.objects.find(&bucket.name, target, None).await?.ok_or_else(missing)?;
    match &record.kind {
        Kind::Normal(content) => Ok((content.clone(), record)),
        Kind::DeleteMarker => Err(missing()),
        // The wording is an assumption.
        Kind::Symlink { .. } => {
            Err(OssError::bad_request("InvalidTargetType", "The symlink target object type is invalid."))
        }
    }
}

impl Found {
    /// Everything that GET and HEAD say about the object.
    pub(in crate::simulator) fn headers(&self, response: &mut HttpResponseBuilder) {
        let object_type = if self.is_symlink { "Symlink" } else { self.content.object_type.name() };
        response
            .insert_header(("x-oss-object-type", object_type))
            .insert_header(("x-oss-storage-class", self.storage_class))
            .insert_header(("x-oss-hash-crc64ecma", self.content.crc64.to_string()))
            .insert_header((header::ACCEPT_RANGES, "bytes"));
        if let Some(md5) = self.content.content_md5() {
            response.insert_header(("Content-MD5", md5));
        }
        if self.content.object_type == ObjectType::Appendable && !self.is_symlink {
            response.insert_header(("x-oss-next-append-position", self.content.size.to_string()));
        }
        if let Some(count) = self.tagging_count {
            response.insert_header(("x-oss-tagging-count", count.to_string()));
        }
        self.record.attributes.show(response);
        self.identity(response);
    }

    /// `ETag`, date and version: all that tells one state of the object from another.
    fn identity(&self, response: &mut HttpResponseBuilder) {
        response
            .insert_header((header::ETAG, format!("\"{}\"", self.content.etag)))
            .insert_header((header::LAST_MODIFIED, http_date(self.last_modified)));
        if let Some(version) = &self.version {
            response.insert_header(("x-oss-version-id", version.as_str()));
        }
    }

    /// 304, without a body.
    pub(in crate::simulator) fn not_modified(&self) -> HttpResponse {
        let mut response = HttpResponse::NotModified();
        self.identity(&mut response);
        response.finish()
    }
}
