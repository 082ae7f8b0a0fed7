//! `DELETE /key`.

use actix_web::HttpResponse;

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    errors::OssError,
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{
        objects::WriteMode,
        record::{Attributes, Kind, Record},
    },
};

/// Removes the object, or one version; with versioning and no version named, puts a delete marker on top.
pub(in crate::simulator) async fn delete_object(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::DeleteObject, incoming.resource())?;
    let version = incoming.query("versionId");
    if version.is_some() {
        caller.permit(Action::DeleteObjectVersion, incoming.resource())?;
    }
    let key = incoming.object_key()?;
    let mut response = HttpResponse::NoContent();
    if version.is_none() && bucket.versioning {
        let marker = Record {
            version_id: None,
            kind: Kind::DeleteMarker,
            last_modified: incoming.now,
            attributes: Attributes::default(),
        };
        let mode = WriteMode { versioning: true, forbid_overwrite: false };
        let marker = oss.objects.put(&bucket.name, key, marker, mode).await?;
        response.insert_header(("x-oss-delete-marker", "true"));
        response.insert_header(("x-oss-version-id", marker.version_id.unwrap_or_default()));
    } else {
        oss.objects.remove(&bucket.name, key, version).await?;
    }
    Ok(response.finish())
}
