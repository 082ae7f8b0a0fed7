//! `PUT`, `GET` and `DELETE /key?tagging`.

use actix_web::HttpResponse;

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    body::Body,
    errors::OssError,
    operations::{
        object_acl::{change, name_version, permit},
        reading::{find_record, version_id},
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::tags,
};

/// Ten tags of 384 bytes and their elements need no more.
const MAX_TAGGING_BYTES: usize = 16 * 1024;

/// Replaces the object's tags.
pub(in crate::simulator) async fn put_object_tagging(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    permit(&authorise(incoming, oss)?, incoming, Action::PutObjectTagging)?;
    let tags = tags::parse_xml(&body.read_checked(incoming, MAX_TAGGING_BYTES).await?)?;
    let record = change(oss, incoming, bucket, |record| record.attributes.tags = tags).await?;
    let mut response = HttpResponse::Ok();
    name_version(&mut response, bucket, &record);
    Ok(response.finish())
}

/// The object's tags; none is an empty set.
pub(in crate::simulator) async fn get_object_tagging(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    permit(&authorise(incoming, oss)?, incoming, Action::GetObjectTagging)?;
    let record = find_record(oss, incoming, bucket, incoming.object_key()?, version_id(incoming)?).await?;
    let mut response = HttpResponse::Ok();
    name_version(&mut response, bucket, &record);
    Ok(response.content_type("application/xml").body(tags::to_xml(&record.attributes.tags)))
}

/// Takes all tags away.
pub(in crate::simulator) async fn delete_object_tagging(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    permit(&authorise(incoming, oss)?, incoming, Action::DeleteObjectTagging)?;
    let record = change(oss, incoming, bucket, |record| record.attributes.tags.clear()).await?;
    let mut response = HttpResponse::NoContent();
    name_version(&mut response, bucket, &record);
    Ok(response.finish())
}
