//! `PUT /key?acl` and `GET /key?acl`.

use actix_web::{HttpResponse, HttpResponseBuilder};

use crate::simulator::{
    access::{
        authorise::{Caller, authorise},
        permissions::Action,
    },
    bucket::Acl,
    errors::OssError,
    operations::{
        bucket_info::access_control_policy,
        reading::{find_record, version_id},
    },
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::{attributes::parse_acl, record::Record},
};

/// Sets the object's own ACL.
pub(in crate::simulator) async fn put_object_acl(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    permit(&authorise(incoming, oss)?, incoming, Action::PutObjectAcl)?;
    let given = incoming.header("x-oss-object-acl").ok_or_else(|| OssError::missing_argument("x-oss-object-acl"))?;
    let acl = parse_acl(given)?;
    let record = change(oss, incoming, bucket, |record| record.attributes.acl = Some(acl)).await?;
    let mut response = HttpResponse::Ok();
    name_version(&mut response, bucket, &record);
    Ok(response.finish())
}

/// The object's own ACL, or `default`.
pub(in crate::simulator) async fn get_object_acl(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    permit(&authorise(incoming, oss)?, incoming, Action::GetObjectAcl)?;
    let record = find_record(oss, incoming, bucket, incoming.object_key()?, version_id(incoming)?).await?;
    let mut response = HttpResponse::Ok();
    name_version(&mut response, bucket, &record);
    let acl = record.attributes.acl.unwrap_or(Acl::Default);
    Ok(access_control_policy(bucket, acl.name()).answer_as(&mut response))
}

/// The action, and for a named version the right to versions.
pub(in crate::simulator) fn permit(caller: &Caller, incoming: &Incoming, action: Action) -> Result<(), OssError> {
    caller.permit(action, incoming.resource())?;
    match version_id(incoming)? {
        Some(_) => caller.permit(Action::GetObjectVersion, incoming.resource()),
        None => Ok(()),
    }
}

/// Changes the attributes of an object, or of one of its versions; its date stays.
pub(in crate::simulator) async fn change(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    change: impl FnOnce(&mut Record),
) -> Result<Record, OssError> {
    let (key, version) = (incoming.object_key()?, version_id(incoming)?);
    // Says what is missing, or that a delete marker stands there.
    find_record(oss, incoming, bucket, key, version).await?;
    let changed = oss.objects.amend(&bucket.name, key, version, change).await?;
    changed.ok_or_else(|| OssError::no_such_key(key))
}

/// `x-oss-version-id`, where the bucket knows versions.
pub(in crate::simulator) fn name_version(response: &mut HttpResponseBuilder, bucket: &BucketSpec, record: &Record) {
    if let Some(version) = bucket.version_of(record) {
        response.insert_header(("x-oss-version-id", version));
    }
}
