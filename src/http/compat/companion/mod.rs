//! `companion/s3/…`: Uppy Companion's S3 contract, as `@uppy/aws-s3` calls it (5.x with `endpoint` and `headers`, 6.x with
//! `companionEndpoint`). The `uploadId` that clients get is the grant's id: OSS's own stays with us.

mod ask;
mod begin;
mod finish;
mod parts;
mod query;
mod transfer;

use actix_web::{HttpResponse, http::header, web::ServiceConfig};
use serde::Serialize;

use crate::http::resource::{delete, get, issuing_get, post, resource};

/// The routes, as Companion has them, and one more: `complete` for single files.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(resource("/companion/s3/params", vec![issuing_get(begin::params)]))
        .service(resource("/companion/s3/complete", vec![post(finish::complete_single)]))
        .service(resource("/companion/s3/multipart", vec![post(begin::multipart)]))
        .service(resource("/companion/s3/multipart/{id}", vec![get(parts::list), delete(finish::abort)]))
        .service(resource("/companion/s3/multipart/{id}/batch", vec![get(parts::sign_batch)]))
        .service(resource("/companion/s3/multipart/{id}/complete", vec![post(finish::complete)]))
        .service(resource("/companion/s3/multipart/{id}/{part}", vec![get(parts::sign_one)]));
}

/// Companion says 200 to everything that goes well. Never to be cached.
fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
