//! The outbox's way out: webhooks to sinks, and the worker that steps [`crate::app::deliver`].

mod public_only;
mod webhook_sink;
mod worker;

pub use self::{
    webhook_sink::{SinkClients, SinkTarget, WebhookSink, build_http_clients},
    worker::{Stop, run},
};
