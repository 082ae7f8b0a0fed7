//! OSS's operations, one file each or a family together; here is which request is which.

pub(in crate::simulator) mod post_form;
pub(in crate::simulator) mod stored;

mod append_object;
mod bucket_info;
mod bucket_rules;
mod callback_policy;
mod conditions;
mod copy_object;
mod copy_source;
mod delete_object;
mod delete_objects;
mod get_object;
mod list_objects;
mod list_uploads;
mod multipart;
mod object_acl;
mod object_tagging;
mod paging;
mod post_object;
mod put_object;
mod reading;
mod symlink;
mod trigger_callback;

use actix_web::{HttpRequest, HttpResponse};

use self::{
    append_object::append_object,
    bucket_info::{get_bucket_acl, get_bucket_info, get_bucket_location, get_bucket_stat},
    bucket_rules::{self as rules, Rules},
    callback_policy::callback_policy,
    copy_object::copy_object,
    delete_object::delete_object,
    delete_objects::delete_multiple_objects,
    get_object::{get_object, get_object_meta, head_object},
    list_objects::list_objects,
    list_uploads::list_multipart_uploads,
    object_acl::{get_object_acl, put_object_acl},
    object_tagging::{delete_object_tagging, get_object_tagging, put_object_tagging},
    post_object::post_object,
    put_object::put_object,
    symlink::{get_symlink, put_symlink},
    trigger_callback::trigger_callback,
};
use super::{
    access::authorise::authorise, body::Body, cors, errors::OssError, request::Incoming, server::Oss,
    settings::BucketSpec,
};

/// Sub-resources that OSS has and the simulator has not.
const NOT_HERE: [&str; 20] = [
    "accessmonitor",
    "cname",
    "encryption",
    "img",
    "inventory",
    "live",
    "logging",
    "metaQuery",
    "policy",
    "qosInfo",
    "referer",
    "replication",
    "requestPayment",
    "resourceGroup",
    "restore",
    "style",
    "versions",
    "website",
    "worm",
    "x-oss-process",
];

/// Those that it has, of buckets and of objects. Of several the first here decides.
const BUCKETS: [&str; 9] =
    ["bucketInfo", "location", "stat", "acl", "cors", "lifecycle", "versioning", "uploads", "delete"];
const OBJECTS: [&str; 7] = ["uploads", "uploadId", "append", "symlink", "objectMeta", "acl", "tagging"];

/// Finds the bucket and the operation that the request means, and runs it.
pub(super) async fn dispatch(
    oss: &Oss,
    incoming: &Incoming,
    request: &HttpRequest,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let name = incoming.bucket().ok_or_else(|| OssError::method_not_allowed(&incoming.method))?;
    check_bucket_name(name)?;
    let bucket = oss.buckets.get(name).ok_or_else(|| OssError::no_such_bucket(name))?;
    incoming.check_address()?;
    if incoming.method == "OPTIONS" {
        return cors::preflight(incoming, &bucket);
    }
    if incoming.key.is_empty() && callback_policy::is_meant(incoming) {
        return callback_policy(oss, incoming, &bucket, body).await;
    }
    if !incoming.key.is_empty() && incoming.method == "POST" && incoming.query("x-oss-process").is_some() {
        return trigger_callback(oss, incoming, &bucket, body).await;
    }
    if let Some(feature) = incoming.first_of(&NOT_HERE) {
        return refuse(oss, incoming, OssError::not_implemented(feature));
    }
    if incoming.key.is_empty() {
        return bucket_operation(oss, incoming, &bucket, request, body).await;
    }
    object_operation(oss, incoming, &bucket, body).await
}

/// OSS's rules for buckets: 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end.
fn check_bucket_name(name: &str) -> Result<(), OssError> {
    let all_allowed = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let valid = (3..=63).contains(&name.len()) && all_allowed && !name.starts_with('-') && !name.ends_with('-');
    if valid { Ok(()) } else { Err(OssError::invalid_bucket_name(name)) }
}

/// What is not to be done is told to those who signed; who changed a signed request learns that first. A method that OSS does not
/// know at all is refused as it stands.
fn refuse(oss: &Oss, incoming: &Incoming, error: OssError) -> Result<HttpResponse, OssError> {
    if ["GET", "HEAD", "PUT", "POST", "DELETE"].contains(&incoming.method.as_str()) {
        authorise(incoming, oss)?;
    }
    Err(error)
}

async fn bucket_operation(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    request: &HttpRequest,
    body: Body,
) -> Result<HttpResponse, OssError> {
    match (incoming.method.as_str(), incoming.first_of(&BUCKETS).unwrap_or_default()) {
        ("POST", "") => post_object(oss, incoming, bucket, request, body).await,
        ("POST", "delete") => delete_multiple_objects(oss, incoming, bucket, body).await,
        ("GET" | "HEAD", "") => list_objects(oss, incoming, bucket).await,
        ("GET" | "HEAD", "bucketInfo") => get_bucket_info(oss, incoming, bucket),
        ("GET" | "HEAD", "location") => get_bucket_location(oss, incoming, bucket),
        ("GET" | "HEAD", "stat") => get_bucket_stat(oss, incoming, bucket).await,
        ("GET" | "HEAD", "acl") => get_bucket_acl(oss, incoming, bucket),
        ("GET" | "HEAD", "uploads") => list_multipart_uploads(oss, incoming, bucket).await,
        ("GET" | "HEAD", "cors") => rules::get(Rules::Cors, oss, incoming, bucket),
        ("GET" | "HEAD", "lifecycle") => rules::get(Rules::Lifecycle, oss, incoming, bucket),
        ("GET" | "HEAD", "versioning") => rules::get(Rules::Versioning, oss, incoming, bucket),
        ("PUT", "cors") => rules::put(Rules::Cors, oss, incoming, bucket, body).await,
        ("PUT", "lifecycle") => rules::put(Rules::Lifecycle, oss, incoming, bucket, body).await,
        ("PUT", "versioning") => rules::put(Rules::Versioning, oss, incoming, bucket, body).await,
        ("DELETE", "cors") => rules::delete(Rules::Cors, oss, incoming, bucket),
        ("DELETE", "lifecycle") => rules::delete(Rules::Lifecycle, oss, incoming, bucket),
        // Buckets come from the settings.
        ("PUT" | "DELETE", "") => refuse(oss, incoming, OssError::not_implemented("bucket operations")),
        ("PUT", "acl") => refuse(oss, incoming, OssError::not_implemented("acl")),
        (method, _) => refuse(oss, incoming, OssError::method_not_allowed(method)),
    }
}

async fn object_operation(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let is_copy = incoming.header("x-oss-copy-source").is_some();
    match (incoming.method.as_str(), incoming.first_of(&OBJECTS).unwrap_or_default()) {
        ("POST", "uploads") => multipart::initiate(oss, incoming, bucket).await,
        ("PUT", "uploadId") if is_copy => multipart::upload_part_copy(oss, incoming, bucket).await,
        ("PUT", "uploadId") => multipart::upload_part(oss, incoming, bucket, body).await,
        ("GET", "uploadId") => multipart::list_parts(oss, incoming, bucket).await,
        ("POST", "uploadId") => multipart::complete(oss, incoming, bucket, body).await,
        ("DELETE", "uploadId") => multipart::abort(oss, incoming, bucket).await,
        ("POST", "append") => append_object(oss, incoming, bucket, body).await,
        ("PUT", "symlink") => put_symlink(oss, incoming, bucket).await,
        ("GET", "symlink") => get_symlink(oss, incoming, bucket).await,
        ("PUT", "acl") => put_object_acl(oss, incoming, bucket).await,
        ("GET", "acl") => get_object_acl(oss, incoming, bucket).await,
        ("PUT", "tagging") => put_object_tagging(oss, incoming, bucket, body).await,
        ("GET", "tagging") => get_object_tagging(oss, incoming, bucket).await,
        ("DELETE", "tagging") => delete_object_tagging(oss, incoming, bucket).await,
        ("GET" | "HEAD", "objectMeta") => get_object_meta(oss, incoming, bucket).await,
        ("PUT", "") if is_copy => copy_object(oss, incoming, bucket).await,
        ("PUT", "") => put_object(oss, incoming, bucket, body).await,
        ("GET", "") => get_object(oss, incoming, bucket).await,
        ("HEAD", "") => head_object(oss, incoming, bucket).await,
        ("DELETE", "") => delete_object(oss, incoming, bucket).await,
        (method, _) => refuse(oss, incoming, OssError::method_not_allowed(method)),
    }
}
