//! Every request has an id: the caller's, if it is harmless, else a fresh one. It is in every answer and every problem.

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};
use tokio::task_local;

use super::house::House;

/// The header, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest inbound id that is kept.
const MAX_LEN: usize = 64;

task_local! {
    static REQUEST_ID: String;
}

/// The id of the request being answered; a request extension, for the root span.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The id of the request that this task is answering.
pub fn current_request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Middleware: gives the request its id and the answer its header.
///
/// # Errors
/// Those of the inner service.
pub async fn identify<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let id = inbound_id(&request).unwrap_or_else(|| fresh_id(&request));
    request.extensions_mut().insert(RequestId(id.clone()));
    let value = HeaderValue::from_str(&id).expect("ids are plain ASCII");
    let mut response = REQUEST_ID.scope(id, next.call(request)).await?;
    response.headers_mut().insert(X_REQUEST_ID, value);
    Ok(response)
}

fn inbound_id(request: &ServiceRequest) -> Option<String> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let is_harmless = (1..=MAX_LEN).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    is_harmless.then(|| id.to_owned())
}

fn fresh_id(request: &ServiceRequest) -> String {
    let house = House::of(request.request());
    house.valet.new_id(house.valet.clock.now()).to_string()
}
