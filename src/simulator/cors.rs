//! Cross-origin rules of a bucket (P§3.5).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

use super::{errors::OssError, request::Incoming};

/// One rule. `*` stands for anything, also inside an origin (`https://*.example.com`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsRule {
    /// `https://app.example.com`, `*`.
    pub allowed_origins: Vec<String>,
    /// `POST`, `PUT`, ….
    pub allowed_methods: Vec<String>,
    /// Request headers, any case, `*`.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may remember the preflight.
    pub max_age_seconds: u32,
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
            max_age_seconds: 600,
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
}

/// Answers a preflight.
pub(super) fn preflight(incoming: &Incoming, rules: &[CorsRule]) -> Result<HttpResponse, OssError> {
    let (Some(origin), Some(method)) = (incoming.header("origin"), incoming.header("access-control-request-method"))
    else {
        return Err(OssError::bad_request("BadRequest", "Insufficient information. Origin request header needed."));
    };
    let wanted = incoming.header("access-control-request-headers").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let rule = rules.iter().find(|rule| rule.allows(origin, method, &wanted)).ok_or_else(forbidden)?;
    let mut response = HttpResponse::Ok();
    if !wanted.is_empty() {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.join(", ")));
    }
    response.insert_header((header::ACCESS_CONTROL_MAX_AGE, rule.max_age_seconds.to_string()));
    Ok(response.finish())
}

/// The headers of every answer to `origin`, when a rule matches `method`.
pub(super) fn decorate(incoming: &Incoming, rules: &[CorsRule], response: &mut HeaderMap) {
    let Some(origin) = incoming.header("origin") else { return };
    let method = match incoming.header("access-control-request-method") {
        Some(wanted) if incoming.method == "OPTIONS" => wanted,
        _ => incoming.method.as_str(),
    };
    let Some(rule) = rules.iter().find(|rule| rule.allows(origin, method, &[])) else { return };
    let anyone = rule.allowed_origins.iter().any(|allowed| allowed == "*");
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.insert(name, value);
        }
    };
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, if anyone { "*" } else { origin });
    set(header::ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
    set(header::ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose_headers.join(", "));
    set(header::VARY, "Origin");
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
