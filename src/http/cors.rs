//! Which pages may call us from a browser, and what they may read of the answers.

use actix_cors::Cors;
use actix_web::http::{Method, header};

use super::request_id::X_REQUEST_ID;

/// How long a browser may keep a preflight's answer, in seconds.
const MAX_AGE: usize = 3600;

/// The CORS rules for `origins`; `*` allows every origin. Credentials are never allowed: we take bearer tokens only.
pub fn cors(origins: &[String]) -> Cors {
    let exposed = [
        header::DATE,
        header::RETRY_AFTER,
        header::LOCATION,
        X_REQUEST_ID,
        header::HeaderName::from_static("ratelimit"),
        header::HeaderName::from_static("ratelimit-policy"),
        header::HeaderName::from_static("idempotency-replayed"),
    ];
    let rules = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_any_header()
        .expose_headers(exposed)
        .max_age(MAX_AGE);
    origins.iter().fold(rules, |rules, origin| {
        if origin == "*" { rules.allow_any_origin().send_wildcard() } else { rules.allowed_origin(origin) }
    })
}
