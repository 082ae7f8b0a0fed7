//! OSS's operations, one file each or a family together; here is which request is which.

pub(in crate::simulator) mod post_form;
pub(in crate::simulator) mod stored;

mod callback_policy;
mod delete_object;
mod get_object;
mod multipart;
mod post_object;
mod put_object;
mod symlink;
mod trigger_callback;

use actix_web::{HttpRequest, HttpResponse};

use self::{
    callback_policy::callback_policy,
    delete_object::delete_object,
    get_object::{get_object, head_object},
    post_object::post_object,
    put_object::put_object,
    symlink::{get_symlink, put_symlink},
    trigger_callback::trigger_callback,
};
use super::{body::Body, cors, errors::OssError, request::Incoming, server::Oss, settings::BucketSpec};

/// Sub-resources of objects that OSS has and the simulator has not.
const NOT_HERE: [&str; 6] = ["append", "acl", "tagging", "restore", "delete", "x-oss-process"];

/// Finds the bucket and the operation that the request means, and runs it.
pub(super) async fn dispatch(
    oss: &Oss,
    incoming: &Incoming,
    request: &HttpRequest,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let name = incoming.bucket().ok_or_else(|| OssError::method_not_allowed(&incoming.method))?;
    let bucket = oss.settings.bucket(name).ok_or_else(|| OssError::no_such_bucket(name))?;
    if incoming.method == "OPTIONS" {
        return cors::preflight(incoming, &bucket.cors);
    }
    if incoming.key.is_empty() && callback_policy::is_meant(incoming) {
        return callback_policy(oss, incoming, bucket, body).await;
    }
    if !incoming.key.is_empty() && incoming.method == "POST" && incoming.query("x-oss-process").is_some() {
        return trigger_callback(oss, incoming, bucket, body).await;
    }
    if let Some(feature) = NOT_HERE.iter().find(|name| incoming.query(name).is_some()) {
        return Err(OssError::not_implemented(feature));
    }
    if incoming.key.is_empty() {
        return bucket_operation(oss, incoming, bucket, request, body).await;
    }
    object_operation(oss, incoming, bucket, body).await
}

async fn bucket_operation(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    request: &HttpRequest,
    body: Body,
) -> Result<HttpResponse, OssError> {
    match incoming.method.as_str() {
        "POST" => post_object(oss, incoming, bucket, request, body).await,
        "GET" | "HEAD" | "PUT" | "DELETE" => Err(OssError::not_implemented("bucket operations")),
        method => Err(OssError::method_not_allowed(method)),
    }
}

async fn object_operation(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let symlink = incoming.query("symlink").is_some();
    let multipart = incoming.query("uploadId").is_some();
    match incoming.method.as_str() {
        "POST" if incoming.query("uploads").is_some() => multipart::initiate(oss, incoming, bucket).await,
        "POST" if multipart => multipart::complete(oss, incoming, bucket, body).await,
        "PUT" if multipart => multipart::upload_part(oss, incoming, bucket, body).await,
        "GET" if multipart => multipart::list_parts(oss, incoming, bucket).await,
        "DELETE" if multipart => multipart::abort(oss, incoming, bucket).await,
        "PUT" if symlink => put_symlink(oss, incoming, bucket).await,
        "PUT" if incoming.header("x-oss-copy-source").is_some() => Err(OssError::not_implemented("x-oss-copy-source")),
        "PUT" => put_object(oss, incoming, bucket, body).await,
        "GET" if symlink => get_symlink(oss, incoming, bucket).await,
        "GET" => get_object(oss, incoming, bucket).await,
        "HEAD" => head_object(oss, incoming, bucket).await,
        "DELETE" => delete_object(oss, incoming, bucket).await,
        method => Err(OssError::method_not_allowed(method)),
    }
}
