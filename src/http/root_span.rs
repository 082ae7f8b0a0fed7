//! The root span of a request, around every log line about it, named as OpenTelemetry names things. No path, no query, no token: what
//! a caller may write there is a ticket, an id, anything.

use std::fmt;

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderMap,
};
use tracing::{Span, field};
use tracing_actix_web::RootSpanBuilder;
use uuid::Uuid;

use super::{
    caller::KnownCaller,
    client_address::ClientAddress,
    measure::{RoutePattern, method_label},
    problem::Problem,
    request_id::RequestId,
};
use crate::{
    app::{audit, ports::Caller},
    grant::trace_context::TraceContext,
    trace,
};

/// Builds spans named `request`; to a collector, `POST /v1/uploads`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let extensions = request.extensions();
        let request_id = extensions.get::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
        let method = method_label(request.method()).unwrap_or("_OTHER");
        let route = extensions.get::<RoutePattern>().map(|pattern| &*pattern.0);
        let span = tracing::info_span!(
            "request",
            otel.name = %SpanName { method, route },
            otel.kind = "server",
            otel.status_code = field::Empty,
            trace_id = field::Empty,
            request.id = request_id,
            client.address = extensions.get::<ClientAddress>().map(|address| field::display(address.0)),
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

/// What a collector calls a request: `POST /v1/uploads`.
struct SpanName<'a> {
    method: &'a str,
    route: Option<&'a str>,
}

impl fmt::Display for SpanName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method)?;
        self.route.map_or(Ok(()), |route| write!(f, " {route}"))
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
