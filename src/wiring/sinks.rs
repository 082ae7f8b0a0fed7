//! `[[sinks]]` → who is told of events.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;

use crate::{
    app::ports::Sink,
    outbox::{SinkTarget, WebhookSink, build_http_clients},
    settings::Settings,
    webhooks::WebhookTarget,
};

/// A sink per `[[sinks]]`, by its name.
///
/// # Errors
/// When no HTTP client can be built.
pub fn sinks(settings: &Settings) -> anyhow::Result<BTreeMap<String, Arc<dyn Sink>>> {
    if settings.sinks.is_empty() {
        return Ok(BTreeMap::new());
    }
    let clients = build_http_clients().context("no HTTP client")?;
    let sinks = settings.sinks.iter().map(|sink| -> anyhow::Result<(String, Arc<dyn Sink>)> {
        let timeout = sink.timeout.to_std().with_context(|| format!("the timeout of the sink {}", sink.name))?;
        let webhook = WebhookTarget { url: sink.url.clone(), secrets: sink.secrets.clone(), timeout };
        let target = SinkTarget { webhook, events: sink.events.clone(), allow_private: sink.allow_private };
        Ok((sink.name.clone(), Arc::new(WebhookSink::new(target, &clients))))
    });
    sinks.collect()
}
