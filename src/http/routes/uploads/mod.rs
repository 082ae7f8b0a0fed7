//! `/v1/uploads`: grants, for their owners.

mod batch;
mod issue;
mod list;
mod one;

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use serde::Serialize;

pub use self::{
    batch::issue_batch,
    issue::issue,
    list::list,
    one::{cancel, complete, renew, show},
};

/// A JSON answer about grants: never to be cached.
fn answer(mut response: HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(body).expect("views are plain data with text keys");
    response.content_type("application/json").insert_header((header::CACHE_CONTROL, "no-store")).body(body)
}
