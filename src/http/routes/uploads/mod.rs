//! `/v1/uploads`: grants, for their owners.

mod batch;
mod issue;
mod list;
mod one;
mod parts;

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use serde::Serialize;
use utoipa::OpenApi;

pub use self::{
    batch::issue_batch,
    issue::issue,
    list::list,
    one::{cancel, complete, renew, show},
    parts::{list_parts, sign_parts},
};

/// This folder's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    list::list,
    issue::issue,
    batch::issue_batch,
    one::show,
    one::cancel,
    one::complete,
    one::renew,
    parts::list_parts,
    parts::sign_parts
))]
pub(in crate::http) struct UploadsApi;

/// Room for a signed grant, in bytes; others make do or grow.
const USUAL_LEN: usize = 6 * 1024;

/// A JSON answer about grants: never to be cached.
fn answer(mut response: HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    let mut bytes = Vec::with_capacity(USUAL_LEN);
    serde_json::to_writer(&mut bytes, body).expect("views are plain data with text keys");
    response.content_type("application/json").insert_header((header::CACHE_CONTROL, "no-store")).body(bytes)
}
