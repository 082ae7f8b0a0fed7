//! `POST /v1/callbacks/oss`: what OSS calls when an upload is done. Raw bytes in, nothing normalised.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Payload};

use crate::{
    http::{
        callback_refusals::code_of,
        house::Current,
        json_body::BodyBounds,
        openapi::schemas::{CallbackAnswer, CallbackBody},
        problem::{Code, Problem},
        to_its_end::to_its_end,
    },
    instruments::{self, Stopwatch},
    oss::{callback_body::MAX_BODY_BYTES, callback_signature::CallbackRequest},
};

/// What a callback has come to when it is answered with 200.
const RECORDED: &str = "recorded";

/// Verifies, confirms, records; answers exactly 200 with JSON and a Content-Length, or a problem.
///
/// # Errors
/// Each refusal with its code.
#[utoipa::path(
    post,
    path = "/v1/callbacks/oss",
    operation_id = "acceptCallback",
    tag = "Callbacks",
    summary = "OSS reports an upload",
    description = "Called by OSS alone, when an object is stored. The signature is checked against pinned keys, the seal against our secret, \
                   the object against OSS by HEAD; only then is it recorded. OSS hands the answer to the client.",
    params(("x-oss-pub-key-url" = String, Header, description = "Base64 of the URL of the key that signed; exactly a trusted one.",
            pattern = "^[A-Za-z0-9+/]+={0,2}$")),
    request_body(
        description = "The `callbackBody` that was part of the grant, with OSS's values in it.",
        content((CallbackBody = "application/x-www-form-urlencoded"), (CallbackBody = "application/json"))
    ),
    responses((status = 200, description = "Recorded now or before: what was recorded, or the hook's answer.", body = CallbackAnswer,
               content_type = "application/json")),
    security(("ossSignature" = []))
)]
pub async fn accept(request: HttpRequest, payload: Payload, valet: Current) -> Result<HttpResponse, Problem> {
    let watch = Stopwatch::start();
    let read = BodyBounds::fixed(MAX_BODY_BYTES, &request).read(payload.into_inner()).await;
    let body = read.inspect_err(|problem| count_refusal(problem.code(), watch))?;
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
    let answered = to_its_end(async move {
        let outcome = valet.accept_callback(callback, valet.clock.now()).await;
        // In here, since it counts also where nobody waits for it any more.
        match &outcome {
            Ok(_) => instruments::callback(RECORDED, RECORDED, watch.elapsed()),
            Err(error) => count_refusal(code_of(error), watch),
        }
        outcome
    });
    let answer = answered.await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(answer.into_json()))
}

/// Its own doing, or ours.
fn count_refusal(code: Code, watch: Stopwatch) {
    let result = if code.status().is_server_error() { "failed" } else { "refused" };
    instruments::callback(code.as_str(), result, watch.elapsed());
}
