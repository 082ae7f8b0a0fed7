//! The root span of a request: our field names, no token, no query.

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::{Span, field::Empty};
use tracing_actix_web::RootSpanBuilder;

use super::request_id::RequestId;

/// Builds spans named `request` with the route's pattern, never the raw path.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let extensions = request.extensions();
        let request_id = extensions.get::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
        tracing::info_span!(
            "request",
            request.id = request_id,
            http.request.method = request.method().as_str(),
            http.route = Empty,
            http.response.status_code = Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            let pattern = response.request().match_pattern();
            span.record("http.route", pattern.as_deref().unwrap_or("unmatched"));
            span.record("http.response.status_code", response.status().as_u16());
        }
    }
}
