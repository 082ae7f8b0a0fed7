//! What operators see of events and sinks, as JSON or as text.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::app::ports::{DeliveryStanding, OutboxEntry, SinkDepth};

/// An event and its deliveries.
#[derive(Debug, Serialize)]
pub(super) struct EventView<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(serialize_with = "rfc3339")]
    time: DateTime<Utc>,
    upload_id: Uuid,
    deliveries: Vec<DeliveryView<'a>>,
    /// The CloudEvents document, as sinks get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
struct DeliveryView<'a> {
    sink: &'a str,
    state: &'static str,
    attempts: u32,
    #[serde(serialize_with = "optional_rfc3339")]
    next_attempt_at: Option<DateTime<Utc>>,
    last_error: Option<&'a str>,
    #[serde(serialize_with = "optional_rfc3339")]
    settled_at: Option<DateTime<Utc>>,
}

impl<'a> EventView<'a> {
    /// For lists.
    pub(super) fn new(entry: &'a OutboxEntry) -> Self {
        let event = &entry.event;
        Self {
            id: event.id,
            kind: event.kind.as_str(),
            time: event.time,
            upload_id: event.grant_id,
            deliveries: entry.deliveries.iter().map(DeliveryView::new).collect(),
            event: None,
        }
    }

    /// With everything that sinks get.
    pub(super) fn with_document(entry: &'a OutboxEntry) -> Self {
        Self { event: serde_json::from_str(&entry.event.payload).ok(), ..Self::new(entry) }
    }
}

impl<'a> DeliveryView<'a> {
    fn new(delivery: &'a DeliveryStanding) -> Self {
        Self {
            sink: &delivery.sink,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.due_at,
            last_error: delivery.last_error.as_deref(),
            settled_at: delivery.settled_at,
        }
    }
}

impl fmt::Display for EventView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}  {}  upload {}", text(self.time), self.id, self.kind, self.upload_id)?;
        for delivery in &self.deliveries {
            let DeliveryView { sink, state, attempts, .. } = delivery;
            write!(f, "    {sink}: {state}, attempts: {attempts}")?;
            if let Some(next) = delivery.next_attempt_at {
                write!(f, ", next {}", text(next))?;
            }
            if let Some(error) = delivery.last_error {
                write!(f, "; {error}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// How a sink stands.
#[derive(Debug, Serialize)]
pub(super) struct SinkView<'a> {
    name: &'a str,
    configured: bool,
    pending: u64,
    #[serde(serialize_with = "optional_rfc3339")]
    oldest_pending_at: Option<DateTime<Utc>>,
    dead: u64,
    #[serde(serialize_with = "optional_rfc3339")]
    paused_until: Option<DateTime<Utc>>,
    #[serde(serialize_with = "optional_rfc3339")]
    disabled_at: Option<DateTime<Utc>>,
    disabled_reason: Option<&'a str>,
}

impl<'a> SinkView<'a> {
    /// Of a sink that had deliveries.
    pub(super) fn new(depth: &'a SinkDepth, configured: bool) -> Self {
        let disabled = depth.disabled.as_ref();
        Self {
            name: &depth.sink,
            configured,
            pending: depth.pending,
            oldest_pending_at: depth.oldest_pending,
            dead: depth.dead,
            paused_until: depth.paused_until,
            disabled_at: disabled.map(|(at, _)| *at),
            disabled_reason: disabled.map(|(_, reason)| reason.as_str()),
        }
    }

    /// Of one that is configured and never had any.
    pub(super) fn unheard(name: &'a str) -> Self {
        Self {
            name,
            configured: true,
            pending: 0,
            oldest_pending_at: None,
            dead: 0,
            paused_until: None,
            disabled_at: None,
            disabled_reason: None,
        }
    }
}

impl fmt::Display for SinkView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} pending", self.name, self.pending)?;
        if let Some(oldest) = self.oldest_pending_at {
            write!(f, " (oldest {})", text(oldest))?;
        }
        write!(f, ", {} dead", self.dead)?;
        if let Some(until) = self.paused_until {
            write!(f, ", asked to be left alone until {}", text(until))?;
        }
        if let Some(at) = self.disabled_at {
            write!(f, ", DISABLED since {}: {}", text(at), self.disabled_reason.unwrap_or_default())?;
        }
        writeln!(f, "{}", if self.configured { "" } else { ", not configured" })
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*time))
}

#[expect(clippy::ref_option, reason = "what serde hands over")]
fn optional_rfc3339<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&text(*time)),
        None => serializer.serialize_none(),
    }
}
