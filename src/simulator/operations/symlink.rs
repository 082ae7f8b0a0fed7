//! `PUT /key?symlink` and `GET /key?symlink`.

use actix_web::HttpResponse;

use crate::{
    oss::encoding::{decode_path, encode_component},
    simulator::{
        access::{authorise::authorise, permissions::Action},
        errors::OssError,
        request::{Incoming, check_key},
        server::Oss,
        settings::BucketSpec,
        storage::{
            objects::WriteMode,
            record::{Attributes, Kind, Record},
        },
    },
};

const TARGET: &str = "x-oss-symlink-target";

/// Makes the key stand for another one, which need not exist yet.
pub(in crate::simulator) async fn put_symlink(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::PutObject, incoming.resource())?;
    let key = incoming.object_key()?;
    let given = incoming.header(TARGET).unwrap_or_default();
    let target = decode_path(given).unwrap_or_default();
    check_key(&target).map_err(|_| OssError::invalid_argument("Missing or invalid symlink target.", TARGET, given))?;
    let record = Record {
        version_id: None,
        kind: Kind::Symlink { target },
        last_modified: incoming.now,
        attributes: Attributes::of_headers(incoming)?,
    };
    if record.attributes.acl.is_some() {
        caller.permit(Action::PutObjectAcl, incoming.resource())?;
    }
    let mode = WriteMode { versioning: bucket.versioning, forbid_overwrite: incoming.forbids_overwrite() };
    let record = oss.objects.put(&bucket.name, key, record, mode).await?;
    let mut response = HttpResponse::Ok();
    if let Some(version) = record.version_id {
        response.insert_header(("x-oss-version-id", version));
    }
    Ok(response.finish())
}

/// Where a link points to.
pub(in crate::simulator) async fn get_symlink(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    let caller = authorise(incoming, oss)?;
    caller.permit(Action::GetObject, incoming.resource())?;
    let key = incoming.object_key()?;
    let record = oss.objects.find(&bucket.name, key, None).await?.ok_or_else(|| OssError::no_such_key(key))?;
    match record.kind {
        Kind::Symlink { target } => Ok(HttpResponse::Ok().insert_header((TARGET, encode_component(&target))).finish()),
        Kind::DeleteMarker => Err(OssError::no_such_key(key)),
        Kind::Normal(_) => Err(OssError::bad_request("NotSymlink", "The object is not symlink.")),
    }
}
