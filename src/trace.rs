//! The trace that we are part of: from the headers of a request to those of our own calls, and through the outbox.
//!
//! Where traces are exported it is our own span that others are told to be children of. Where they are not, whoever comes next is a
//! child of whoever asked us: nobody's trace breaks off because of us.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Registry, registry::LookupSpan};

use crate::grant::trace_context::TraceContext;

/// Makes the span a child of whoever this is, and fills in its `trace_id`, where it has that field.
pub fn continue_from(span: &Span, parent: Option<&TraceContext>) {
    if let Some(parent) = parent {
        // It is only refused where traces are not exported.
        let _ = span.set_parent(Context::new().with_remote_span_context(span_context(parent)));
        span.with_subscriber(|(id, dispatch)| {
            if let Some(span) = dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id)) {
                span.extensions_mut().insert(parent.clone());
            }
        });
    }
    if let Some(context) = context_of(span) {
        span.record("trace_id", context.trace_id());
    }
}

/// Where we are now, for whoever comes next.
pub fn current() -> Option<TraceContext> {
    context_of(&Span::current())
}

fn context_of(span: &Span) -> Option<TraceContext> {
    let exported = span.context();
    let place = exported.span().span_context().clone();
    if place.is_valid() {
        let (trace_id, span_id) = (place.trace_id().to_bytes(), place.span_id().to_bytes());
        return TraceContext::new(trace_id, span_id, place.is_sampled(), &place.trace_state().header());
    }
    span.with_subscriber(|(id, dispatch)| {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        span.scope().find_map(|around| around.extensions().get::<TraceContext>().cloned())
    })?
}

fn span_context(context: &TraceContext) -> SpanContext {
    let state = context.tracestate().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    SpanContext::new(
        TraceId::from_hex(context.trace_id()).unwrap_or(TraceId::INVALID),
        SpanId::from_hex(context.span_id()).unwrap_or(SpanId::INVALID),
        TraceFlags::default().with_sampled(context.is_sampled()),
        true,
        state,
    )
}
