//! Cross-origin rules of a bucket (P§3.5).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

use serde::{Deserialize, Serialize};

use super::{errors::OssError, request::Incoming, settings::BucketSpec};

/// One rule. `*` stands for anything, also inside an origin (`https://*.example.com`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CorsRule {
    /// `https://app.example.com`, `*`.
    pub allowed_origins: Vec<String>,
    /// `POST`, `PUT`, ….
    pub allowed_methods: Vec<String>,
    /// Request headers, any case, `*`.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may remember the preflight; nothing is said when `None`.
    pub max_age_seconds: Option<u32>,
}

impl CorsRule {
    /// Everyone, every method, every header; `ETag` and the request id readable.
    pub fn open() -> Self {
        let texts = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        Self {
            allowed_origins: texts(&["*"]),
            allowed_methods: texts(&["GET", "HEAD", "PUT", "POST", "DELETE"]),
            allowed_headers: texts(&["*"]),
            expose_headers: texts(&["ETag", "x-oss-request-id", "x-oss-hash-crc64ecma", "x-oss-version-id"]),
            max_age_seconds: Some(600),
        }
    }

    fn allows(&self, origin: &str, method: &str, headers: &[&str]) -> bool {
        let method_allowed = self.allowed_methods.iter().any(|allowed| allowed == method || allowed == "*");
        let header_allowed = |wanted: &&str| {
            self.allowed_headers.iter().any(|allowed| matches(&allowed.to_lowercase(), &wanted.to_lowercase()))
        };
        self.allowed_origins.iter().any(|allowed| matches(allowed, origin))
            && method_allowed
            && headers.iter().all(header_allowed)
    }

    fn show(&self, origin: &str, headers: &mut HeaderMap) {
        let anyone = self.allowed_origins.iter().any(|allowed| allowed == "*");
        set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, if anyone { "*" } else { origin });
        set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &self.allowed_methods.join(", "));
        if !self.expose_headers.is_empty() {
            set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(", "));
        }
        if let Some(seconds) = self.max_age_seconds {
            set(headers, header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
    }
}

/// Answers a preflight, for a bucket or any of its objects, signed or not. The first rule that allows origin, method and headers
/// speaks; without one the refusal carries no CORS header (P§3.5).
pub(super) fn preflight(incoming: &Incoming, bucket: &BucketSpec) -> Result<HttpResponse, OssError> {
    let origin = incoming.header("origin").ok_or_else(|| insufficient("Origin request header"))?;
    let method = incoming
        .header("access-control-request-method")
        .ok_or_else(|| insufficient("Request Access-Control-Request-Method header"))?;
    let wanted = incoming.header("access-control-request-headers").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let rule = bucket.cors.iter().find(|rule| rule.allows(origin, method, &wanted)).ok_or_else(forbidden)?;
    let mut response = HttpResponse::Ok().finish();
    let headers = response.headers_mut();
    rule.show(origin, headers);
    if !wanted.is_empty() {
        set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(", "));
    }
    Ok(response)
}

/// The headers of every answer to `origin` but a preflight's, when a rule matches the method.
pub(super) fn decorate(incoming: &Incoming, bucket: &BucketSpec, headers: &mut HeaderMap) {
    if bucket.response_vary && !bucket.cors.is_empty() {
        set(headers, header::VARY, "Origin");
    }
    let Some(origin) = incoming.header("origin").filter(|_| incoming.method != "OPTIONS") else { return };
    if let Some(rule) = bucket.cors.iter().find(|rule| rule.allows(origin, &incoming.method, &[])) {
        rule.show(origin, headers);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn insufficient(what: &str) -> OssError {
    OssError::bad_request("BadRequest", format!("Insufficient information. {what} needed."))
}

fn forbidden() -> OssError {
    OssError::new(
        StatusCode::FORBIDDEN,
        "AccessForbidden",
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
         request method / Access-Control-Request-Method or Access-Control-Requet-Headers are not whitelisted \
         by the resource's CORS spec.",
    )
    .ec("0003-00000602")
}

/// `*` matches any run of characters; one is allowed, as in OSS.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let cases = [
            ("*", "https://a.test", true),
            ("https://*.a.test", "https://x.a.test", true),
            ("https://*.a.test", "https://a.test", false),
            ("https://a.test", "https://a.test.evil", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
