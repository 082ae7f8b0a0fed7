//! `PUT /key?symlink` and `GET /key?symlink`.

use actix_web::{HttpResponse, http::header};
use md5::{Digest, Md5};

use crate::{
    oss::{
        encoding::{decode_path, encode_component},
        presign::http_date,
    },
    simulator::{
        access::{authorise::authorise, permissions::Action},
        errors::OssError,
        operations::{
            reading::find_readable,
            stored::{permit_attributes, write_mode},
        },
        request::{Incoming, check_key},
        server::Oss,
        settings::BucketSpec,
        storage::{
            attributes::Attributes,
            record::{Kind, Record},
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
    let etag = etag_of_link(&target);
    let attributes = Attributes::of_headers(incoming)?;
    permit_attributes(&caller, &attributes, incoming.resource())?;
    let record = Record { version_id: None, kind: Kind::Symlink { target }, last_modified: incoming.now, attributes };
    let mode = write_mode(bucket, incoming.forbids_overwrite());
    let record = oss.objects.put(&bucket.name, key, record, mode).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, format!("\"{etag}\"")));
    if let Some(version) = bucket.version_of(&record) {
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
    let (_, record) = find_readable(oss, incoming, bucket).await?;
    let Kind::Symlink { target } = &record.kind else {
        return Err(OssError::bad_request("NotSymlink", "The object is not symlink."));
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((TARGET, encode_component(target)))
        .insert_header((header::ETAG, format!("\"{}\"", etag_of_link(target))))
        .insert_header((header::LAST_MODIFIED, http_date(record.last_modified)));
    record.attributes.show_metadata(&mut response);
    if let Some(version) = bucket.version_of(&record) {
        response.insert_header(("x-oss-version-id", version));
    }
    Ok(response.finish())
}

/// A link's own `ETag`. OSS shows 32 hex digits and does not say of what: the MD5 of the target's key is an assumption.
pub(in crate::simulator) fn etag_of_link(target: &str) -> String {
    hex::encode_upper(Md5::digest(target))
}
