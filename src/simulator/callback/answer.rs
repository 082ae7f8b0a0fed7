//! What OSS accepts as the answer to a callback (P§1.6), and what it says about the rest (P§1.7).

use std::error::Error;

use bytes::Bytes;
use reqwest::{Response, StatusCode, Url, header};

use crate::simulator::callback::sender::{CallbackFailure, unreachable_url};

/// The stricter of the two documented limits (P§1.6).
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Exactly 200, a positive `Content-Length`, JSON: the body, verbatim.
pub(in crate::simulator) async fn read(response: Response) -> Result<Bytes, CallbackFailure> {
    if response.status() != StatusCode::OK {
        return Err(CallbackFailure::failed(format!("Error status : {}.", response.status().as_u16())));
    }
    let Some(length) = response.headers().get(header::CONTENT_LENGTH) else {
        return Err(CallbackFailure::failed("Error Status : 400.User server missing content-length."));
    };
    match length.to_str().ok().and_then(|length| length.parse::<usize>().ok()) {
        None | Some(0) => return Err(invalid_length()),
        Some(length) if length > MAX_ANSWER_BYTES => {
            let message = "Error Status : 400.User server return too long content-length value.";
            return Err(CallbackFailure::failed(message));
        }
        Some(_) => {}
    }
    let body = response.bytes().await.map_err(|_| unreachable_url())?;
    match serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
        Ok(_) => Ok(body),
        Err(_) => Err(CallbackFailure::failed("Response body is not valid json format.")),
    }
}

/// Nobody there, no TLS, or no HTTP.
pub(in crate::simulator) fn transport_failure(url: &Url, error: &reqwest::Error) -> CallbackFailure {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(inner) = cause {
        if inner.to_string().contains("content-length") {
            return invalid_length();
        }
        cause = inner.source();
    }
    if error.is_connect() && url.scheme() == "https" {
        return CallbackFailure::failed("Error status : 502.");
    }
    unreachable_url()
}

fn invalid_length() -> CallbackFailure {
    CallbackFailure::failed("Error Status : 400.User server return invalid conent-length value.")
}
