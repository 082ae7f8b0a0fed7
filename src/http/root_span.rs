//! The root span of a request, around every log line about it, named as OpenTelemetry names things. No path, no query, no token: what
//! a caller may write there is a ticket, an id, anything.

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderMap},
};
use tracing::{Span, field};
use tracing_actix_web::RootSpanBuilder;
use uuid::Uuid;

use super::{caller::KnownCaller, client_address::ClientAddress, problem::Problem, request_id::RequestId};
use crate::{
    app::{audit, ports::Caller},
    grant::trace_context::TraceContext,
    trace,
};

/// Who sends another method has no claim on a name of his own.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Builds spans named `request`; to a collector, `POST /v1/uploads`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let method = METHODS.iter().find(|method| *method == request.method()).map_or("_OTHER", Method::as_str);
        let route = request.match_pattern();
        let name = route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
        let span = tracing::info_span!(
            "request",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = field::Empty,
            trace_id = field::Empty,
            request.id = request_id,
            client.address = ClientAddress::of(request).map(field::display),
            http.request.method = method,
            http.route = route,
            http.response.status_code = field::Empty,
            error.type = field::Empty,
            user.id = field::Empty,
            profile.name = field::Empty,
            grant.id = field::Empty,
        );
        trace::continue_from(&span, trace_context(request.headers()).as_ref());
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let Ok(response) = outcome else { return };
        let status = response.status();
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
        let Some(problem) = response.response().error().and_then(|error| error.as_error::<Problem>()) else { return };
        span.record("error.type", problem.code().as_str());
        if let Some(KnownCaller(caller)) = response.request().extensions().get::<KnownCaller>() {
            span.in_scope(|| tell_refusal(caller, None, problem));
        }
    }
}

/// What a caller is refused is audited; a failure of ours has its own line.
pub(super) fn tell_refusal(caller: &Caller, profile: Option<&str>, problem: &Problem) {
    if problem.code().status().is_client_error() {
        audit::refused(caller, profile, problem.code().as_str(), problem.detail());
    }
}

/// Says which profile the request is about, once that is known.
pub(super) fn note_profile(name: &str) {
    Span::current().record("profile.name", name);
}

/// Says which grant the request is about, once that is known.
pub(super) fn note_grant(id: Uuid) {
    Span::current().record("grant.id", field::display(id));
}

/// The caller's place in its trace. What is malformed, or said twice, is none.
fn trace_context(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent");
    let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
    let states: Vec<_> = headers.get_all("tracestate").filter_map(|state| state.to_str().ok()).collect();
    TraceContext::parse(parent.to_str().ok()?, Some(&states.join(",")))
}
