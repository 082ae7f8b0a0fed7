//! The tracer that can be switched on, off and over while spans are under way. Off, a span costs a look at a flag.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use opentelemetry::{
    Context as TraceContext,
    trace::{SpanBuilder, Tracer, TracerProvider},
};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use tracing::{Metadata, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

use super::filter::is_our_span;

/// Every clone is the same one.
#[derive(Debug, Clone)]
pub(super) struct Switch {
    is_on: Arc<AtomicBool>,
    tracer: Arc<ArcSwap<SdkTracer>>,
}

impl Default for Switch {
    fn default() -> Self {
        // Nobody hears of its spans.
        let deaf = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build().tracer("off");
        Self { is_on: Arc::default(), tracer: Arc::new(ArcSwap::from_pointee(deaf)) }
    }
}

impl Switch {
    pub(super) fn on(&self, tracer: SdkTracer) {
        self.tracer.store(Arc::new(tracer));
        self.is_on.store(true, Ordering::Relaxed);
    }

    pub(super) fn off(&self) {
        self.is_on.store(false, Ordering::Relaxed);
    }

    pub(super) fn tracer(&self) -> SwitchedTracer {
        SwitchedTracer(Arc::clone(&self.tracer))
    }
}

/// Which spans are traced; no log lines, since those are told elsewhere.
impl<S> Filter<S> for Switch {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.is_on.load(Ordering::Relaxed) && is_our_span(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_our_span(metadata) { Interest::sometimes() } else { Interest::never() }
    }
}

/// Begins spans by whatever tracer there is now.
pub(super) struct SwitchedTracer(Arc<ArcSwap<SdkTracer>>);

impl Tracer for SwitchedTracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &TraceContext) -> Span {
        self.0.load().build_with_context(builder, parent)
    }
}
