//! `[[sinks]]` → who is told of events.

use std::{cell::OnceCell, collections::BTreeMap, sync::Arc};

use anyhow::Context;

use super::once;
use crate::{
    app::ports::Sink,
    outbox::{SinkTarget, WebhookSink, build_http_clients},
    settings::Settings,
    webhooks::WebhookTarget,
};

/// A sink per `[[sinks]]`, by its name: what `kept` gives for its place and name, else a new one.
///
/// # Errors
/// When no HTTP client can be built.
pub fn sinks(
    settings: &Settings,
    kept: impl Fn(usize, &str) -> Option<Arc<dyn Sink>>,
) -> anyhow::Result<BTreeMap<String, Arc<dyn Sink>>> {
    // The same clients for all of them, if any is to be made.
    let clients = OnceCell::new();
    let sinks = settings.sinks.iter().enumerate().map(|(place, sink)| -> anyhow::Result<(String, Arc<dyn Sink>)> {
        if let Some(kept) = kept(place, &sink.name) {
            return Ok((sink.name.clone(), kept));
        }
        let clients = once(&clients, || build_http_clients().context("no HTTP client"))?;
        let timeout = sink.timeout.to_std().with_context(|| format!("the timeout of the sink {}", sink.name))?;
        let webhook = WebhookTarget { url: sink.url.clone(), secrets: sink.secrets.clone(), timeout };
        let target = SinkTarget { webhook, events: sink.events.clone(), allow_private: sink.allow_private };
        Ok((sink.name.clone(), Arc::new(WebhookSink::new(target, clients))))
    });
    sinks.collect()
}
