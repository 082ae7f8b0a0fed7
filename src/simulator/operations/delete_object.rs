//! `DELETE /key`, and what `POST /?delete` does for each of its keys.

use actix_web::HttpResponse;

use crate::simulator::{
    access::{
        authorise::{Caller, authorise},
        permissions::{Action, Resource},
    },
    errors::OssError,
    operations::{reading::version_id, stored::write_mode},
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        attributes::Attributes,
        record::{Kind, Record},
    },
};

/// What a deletion did.
pub(in crate::simulator) struct Deletion {
    /// The delete marker that it put on top, or that it removed.
    pub(in crate::simulator) is_marker: bool,
    /// The version that was named, or that the new marker has; `None` where the bucket knows no versions.
    pub(in crate::simulator) version: Option<String>,
}

/// Removes the object, or one version; where versions are known and none is named, puts a delete marker on top.
pub(in crate::simulator) async fn delete_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    let version = version_id(incoming)?;
    permit_deletion(&caller, incoming.resource(), version)?;
    let deletion = delete(oss, incoming, bucket, incoming.object_key()?, version).await?;
    let mut response = HttpResponse::NoContent();
    if deletion.is_marker {
        response.insert_header(("x-oss-delete-marker", "true"));
    }
    if let Some(version) = deletion.version {
        response.insert_header(("x-oss-version-id", version));
    }
    Ok(response.finish())
}

/// DeleteObject, and for a named version the right to versions.
pub(in crate::simulator) fn permit_deletion(
    caller: &Caller,
    resource: Resource<'_>,
    version: Option<&str>,
) -> Result<(), OssError> {
    caller.permit(Action::DeleteObject, resource)?;
    if version.is_some() { caller.permit(Action::DeleteObjectVersion, resource) } else { Ok(()) }
}

/// Deletes; what is not there is deleted already.
pub(in crate::simulator) async fn delete(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    key: &str,
    version: Option<&str>,
) -> Result<Deletion, OssError> {
    if version.is_none() && bucket.versioning.knows_versions() {
        let marker = Record {
            version_id: None,
            kind: Kind::DeleteMarker,
            last_modified: incoming.now,
            attributes: Attributes::default(),
        };
        let marker = oss.objects.put(&bucket.name, key, marker, write_mode(bucket, false)).await?;
        return Ok(Deletion { is_marker: true, version: bucket.version_of(&marker).map(str::to_owned) });
    }
    let removed = match version {
        Some(_) => oss.objects.find(&bucket.name, key, version).await?,
        None => None,
    };
    oss.objects.remove(&bucket.name, key, version).await?;
    let is_marker = removed.is_some_and(|record| matches!(record.kind, Kind::DeleteMarker));
    Ok(Deletion { is_marker, version: version.map(str::to_owned) })
}
