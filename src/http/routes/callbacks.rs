//! `POST /v1/callbacks/oss`: what OSS calls when an upload is done. Raw bytes in, nothing normalised.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Payload};

use crate::{
    http::{house::Current, json_body::BodyBounds, problem::Problem, to_its_end::to_its_end},
    oss::{callback_body::MAX_BODY_BYTES, callback_signature::CallbackRequest},
};

/// Verifies, confirms, records; answers exactly 200 with JSON and a Content-Length, or a problem.
///
/// # Errors
/// Each refusal with its code.
pub async fn accept(request: HttpRequest, payload: Payload, valet: Current) -> Result<HttpResponse, Problem> {
    let body = BodyBounds::fixed(MAX_BODY_BYTES, &request).read(payload.into_inner()).await?;
    let callback = CallbackRequest {
        raw_path: request.uri().path().to_owned().into(),
        raw_query: request.uri().query().map(|query| query.to_owned().into()),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body,
    };
    let valet = valet.into_inner();
    let answer = to_its_end(async move { valet.accept_callback(callback, valet.clock.now()).await }).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(answer.into_json()))
}
