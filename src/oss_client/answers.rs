//! What OSS's answers mean.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, FixedOffset};
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use crate::{
    app::ports::{ObjectFacts, ObjectStoreError},
    oss::xml::{Element, ErrorDocument, MAX_DOCUMENT},
};

/// `x-oss-ec` of `NoSuchKey`, for answers without `x-oss-err`. An assumption (the protocol reference gives no EC for it): should it be
/// wrong, such an answer counts as "unknown", never as "absent".
const NO_SUCH_KEY_EC: &str = "0026-00000001";

/// An answer's `Date`.
pub(super) fn date_of(headers: &HeaderMap) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc2822(headers.get("date")?.to_str().ok()?).ok()
}

/// The URL, if it means to the HTTP client what it meant to the signer: `url` would fold `.` and `..` segments.
pub(super) fn exact_url(text: &str) -> Result<Url, ObjectStoreError> {
    let url = Url::parse(text).map_err(unavailable)?;
    if url.as_str() == text { Ok(url) } else { Err(unavailable("the key can't be written into a URL")) }
}

pub(super) fn header_map(headers: Vec<(String, String)>) -> Result<HeaderMap, ObjectStoreError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unavailable)?;
        let mut value = HeaderValue::from_str(&value).map_err(unavailable)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

pub(super) fn facts_of(headers: &HeaderMap) -> Result<ObjectFacts, ObjectStoreError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let need = |name: &'static str| text(name).ok_or_else(|| unavailable(format!("the answer to HEAD has no {name}")));
    Ok(ObjectFacts {
        size: need("content-length")?.parse().map_err(unavailable)?,
        etag: need("etag")?.trim_matches('"').to_owned(),
        content_type: text("content-type").unwrap_or_default(),
        crc64: text("x-oss-hash-crc64ecma"),
        version_id: text("x-oss-version-id"),
        object_type: need("x-oss-object-type")?,
        meta_upload_id: text("x-oss-meta-upload-id"),
    })
}

/// Whether a 404 speaks of the object. One that speaks of the bucket, or of nothing, proves nothing about it.
pub(super) fn says_no_such_key(headers: &HeaderMap) -> bool {
    match error_code(headers) {
        Some(code) => code == "NoSuchKey",
        None => headers.get("x-oss-ec").is_some_and(|ec| ec == NO_SUCH_KEY_EC),
    }
}

/// The `Code` of the error document that OSS puts into `x-oss-err` where an answer has no body.
pub(super) fn error_code(headers: &HeaderMap) -> Option<String> {
    Some(error_document(headers)?.code)
}

/// That document.
pub(super) fn error_document(headers: &HeaderMap) -> Option<ErrorDocument> {
    let document = String::from_utf8(STANDARD.decode(headers.get("x-oss-err")?).ok()?).ok()?;
    ErrorDocument::parse(&document)
}

pub(super) fn refused(verb: &str, status: StatusCode, headers: &HeaderMap) -> ObjectStoreError {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let code = error_code(headers).unwrap_or_else(|| "no code".to_owned());
    let (ec, request_id) = (header("x-oss-ec"), header("x-oss-request-id"));
    unavailable(format!("{verb} was answered {status} ({code}, ec {ec}, request {request_id})"))
}

pub(super) fn unavailable(reason: impl std::fmt::Display) -> ObjectStoreError {
    ObjectStoreError::Unavailable(reason.to_string())
}

/// An answer with a body: a document, or a refusal.
pub(super) struct Answer {
    operation: &'static str,
    status: StatusCode,
    request_id: String,
    body: String,
    refusal: Option<ErrorDocument>,
}

impl Answer {
    /// Reads it, up to the largest document there is.
    pub(super) async fn read(operation: &'static str, mut response: Response) -> Result<Self, ObjectStoreError> {
        let status = response.status();
        let request_id = response.headers().get("x-oss-request-id").and_then(|value| value.to_str().ok());
        let request_id = request_id.unwrap_or("-").to_owned();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(error.without_url()))? {
            if body.len() + chunk.len() > MAX_DOCUMENT {
                return Err(unavailable(format!("the answer to {operation} is too long")));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(body).map_err(|_| unavailable(format!("the answer to {operation} is no text")))?;
        let refusal = (!status.is_success()).then(|| ErrorDocument::parse(&body).unwrap_or_default());
        Ok(Self { operation, status, request_id, body, refusal })
    }

    /// OSS's `Code`, when it refused; empty when what refused was not OSS.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_ref().map(|document| document.code.as_str())
    }

    /// The document of a refusal; an empty one when what refused was not OSS, or put it elsewhere.
    pub(super) fn refusal_document(&self) -> Option<&ErrorDocument> {
        self.refusal.as_ref()
    }

    /// Whether OSS refused with this code.
    pub(super) fn is(&self, code: &str) -> bool {
        self.refusal() == Some(code)
    }

    /// The document of an answer that is no refusal.
    pub(super) fn document(&self) -> Result<Element, ObjectStoreError> {
        self.accepted()?;
        Element::parse(&self.body).ok_or_else(|| unavailable(format!("the answer to {} can't be read", self.operation)))
    }

    /// Nothing but a success.
    pub(super) fn accepted(&self) -> Result<(), ObjectStoreError> {
        let Some(document) = &self.refusal else { return Ok(()) };
        let Self { operation, status, request_id, .. } = self;
        let ErrorDocument { code, ec, .. } = document;
        let ec = ec.as_deref().unwrap_or("-");
        Err(unavailable(format!("{operation} was answered {status} ({code}, ec {ec}, request {request_id})")))
    }
}
