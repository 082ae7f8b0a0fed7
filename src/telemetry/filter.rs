//! Which lines there are. Our own spans are always there, whatever the filter says: without them an error would not tell which
//! request it belongs to.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::{
    Metadata, callsite,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, ParseError},
    layer::{Context, Filter},
};

use crate::app::audit::AUDIT;

/// What ours are called.
const OURS: &str = "oss_valet";

/// What the HTTP library reports there as errors are requests that are none: whoever sends such could fill the log. The operator's
/// own choice comes behind it, and may say otherwise.
const OF_STRANGERS: &str = "actix_http::h1=off";

/// Whether it is a span of ours that everybody sees.
pub(super) fn is_our_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= tracing::Level::INFO && metadata.target().starts_with(OURS)
}

/// The operator's choice.
#[derive(Debug)]
pub(super) struct Chosen {
    filter: EnvFilter,
    audit: bool,
}

impl Chosen {
    /// What is decided without the filter.
    fn decided(&self, metadata: &Metadata<'_>) -> Option<bool> {
        match metadata.target() {
            AUDIT => Some(self.audit),
            _ if is_our_span(metadata) => Some(true),
            _ => None,
        }
    }
}

/// The filter of log lines; every clone is the same one.
#[derive(Debug, Clone)]
pub(super) struct LogFilter(Arc<ArcSwap<Chosen>>);

impl LogFilter {
    pub(super) fn new(directives: &str, audit: bool) -> Result<Self, ParseError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Self::parse(directives, audit)?))))
    }

    pub(super) fn parse(directives: &str, audit: bool) -> Result<Chosen, ParseError> {
        Ok(Chosen { filter: EnvFilter::try_new(format!("{OF_STRANGERS},{directives}"))?, audit })
    }

    pub(super) fn set(&self, chosen: Chosen) {
        self.0.store(Arc::new(chosen));
        // Who asked before remembers the answer.
        callsite::rebuild_interest_cache();
    }
}

impl<S> Filter<S> for LogFilter {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        let chosen = self.0.load();
        chosen.decided(metadata).unwrap_or_else(|| chosen.filter.enabled(metadata, context.clone()))
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let chosen = self.0.load();
        match chosen.decided(metadata) {
            Some(true) => Interest::always(),
            Some(false) => Interest::never(),
            None => Filter::<S>::callsite_enabled(&chosen.filter, metadata),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // No less than our spans and audit lines.
        Filter::<S>::max_level_hint(&self.0.load().filter).map(|level| level.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.load().filter.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.load().filter.on_record(id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.load().filter.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.load().filter.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.load().filter.on_close(id, context);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::{Event, Subscriber};
    use tracing_subscriber::{Layer, layer::SubscriberExt as _};

    use super::*;

    struct Counted(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Counted {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many of a library's and our own error come through.
    fn counted(directives: &str) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let lines = Counted(Arc::clone(&count)).with_filter(LogFilter::new(directives, false).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: request parse error");
            tracing::error!(target: "oss_valet::http", "request failed");
        });
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_no_request_is_no_error_of_ours_unless_the_operator_wants_to_see_it() {
        assert_eq!(counted("info"), 1);
        assert_eq!(counted("trace"), 1);
        assert_eq!(counted("info,actix_http::h1=error"), 2);
        assert_eq!(counted("info,actix_http::h1::dispatcher=error"), 2);
    }
}
