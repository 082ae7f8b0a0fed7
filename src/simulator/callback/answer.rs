//! What OSS accepts as the answer to a callback (P§1.6), and what it says about the rest (P§1.7).

use std::error::Error;

use bytes::Bytes;
use reqwest::{Response, StatusCode, Url, header};

use crate::{
    oss::xml::Element,
    simulator::callback::sender::{CallbackFailure, unreachable_url},
};

/// The stricter of the two documented limits (P§1.6).
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What the uploader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Answer {
    /// `application/json`, or `application/xml` where the receiver said so.
    pub(in crate::simulator) content_type: &'static str,
    /// Verbatim.
    pub(in crate::simulator) body: Bytes,
}

/// Exactly 200, a positive `Content-Length`, and JSON, or XML that says it is XML.
pub(in crate::simulator) async fn read(response: Response) -> Result<Answer, CallbackFailure> {
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
    let is_xml = says_xml(&response);
    let body = response.bytes().await.map_err(|_| unreachable_url())?;
    if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok() {
        return Ok(Answer { content_type: "application/json", body });
    }
    if is_xml && is_document(&body) {
        return Ok(Answer { content_type: "application/xml", body });
    }
    Err(CallbackFailure::failed("Response body is not valid json format."))
}

fn says_xml(response: &Response) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/xml")
}

/// Well-formed, UTF-8, without a byte order mark.
fn is_document(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| !text.starts_with('\u{feff}') && Element::parse(text).is_some())
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
