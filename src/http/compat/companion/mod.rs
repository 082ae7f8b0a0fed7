//! `companion/s3/…`: Uppy Companion's S3 contract, as `@uppy/aws-s3` calls it (5.x with `endpoint` and `headers`, 6.x with
//! `companionEndpoint`). The `uploadId` that clients get is the grant's id: OSS's own stays with us.

mod ask;
mod begin;
mod finish;
mod parts;
mod query;
mod transfer;

use actix_web::{HttpResponse, http::header};
use serde::Serialize;
use utoipa::OpenApi;

use crate::http::resource::{Endpoint, delete, get, issuing_get, post, resource};

/// This folder's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    begin::params,
    begin::multipart,
    finish::complete,
    finish::complete_single,
    finish::abort,
    parts::list,
    parts::sign_one,
    parts::sign_batch
))]
pub(in crate::http) struct CompanionApi;

/// The routes, as Companion has them, and one more: `complete` for single files.
pub(super) fn table() -> Vec<Endpoint> {
    vec![
        resource("/companion/s3/params", vec![issuing_get(begin::params)]),
        resource("/companion/s3/complete", vec![post(finish::complete_single)]),
        resource("/companion/s3/multipart", vec![post(begin::multipart)]),
        resource("/companion/s3/multipart/{id}", vec![get(parts::list), delete(finish::abort)]),
        resource("/companion/s3/multipart/{id}/batch", vec![get(parts::sign_batch)]),
        resource("/companion/s3/multipart/{id}/complete", vec![post(finish::complete)]),
        resource("/companion/s3/multipart/{id}/{part}", vec![get(parts::sign_one)]),
    ]
}

/// Companion says 200 to everything that goes well. Never to be cached.
fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
