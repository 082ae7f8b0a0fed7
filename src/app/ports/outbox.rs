//! The outbox: which sink is still to be told of which event; and the sinks.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::StoreError;
use crate::grant::{
    event::{Event, EventType},
    retry::RetryAfter,
    trace_context::TraceContext,
};

/// An event that is about to be recorded, and who is to be told of it.
///
/// Whom it concerns is decided now: in one transaction with the event there is a delivery for each of these sinks, so that nothing
/// can get lost in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingEvent {
    /// The news.
    pub event: Event,
    /// Names of sinks, each once.
    pub sinks: Vec<String>,
}

/// What of the ledger the delivery of events needs. Everything answered `Ok` is durable.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes deliveries of one sink that are due, earliest first. Each counts as an attempt and belongs to the caller until its
    /// lease ends: if it is not settled by then, it is due again. Of one grant's events for a sink only the first that is still
    /// pending is ever due.
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Claimed, StoreError>;

    /// Writes down what became of a claimed delivery. When it is settled for good, the grant's next event is due.
    async fn settle_delivery(&self, settlement: Settlement) -> Result<Settled, StoreError>;

    /// Lets a disabled sink have its events again: whatever is pending gets its full time anew. `false` when it was not disabled.
    async fn enable_sink(&self, sink: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Makes deliveries that are over pending again, under the same event ids; how many. What is pending stays as it is.
    async fn replay(&self, replay: &Replay, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Lists recorded events with their deliveries, newest first.
    async fn list_events(&self, filter: &EventFilter) -> Result<Vec<OutboxEntry>, StoreError>;

    /// One recorded event.
    async fn find_event(&self, id: Uuid) -> Result<Option<OutboxEntry>, StoreError>;

    /// How every sink stands that ever had a delivery, by name.
    async fn depth(&self) -> Result<Vec<SinkDepth>, StoreError>;
}

/// Asks for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryClaim {
    /// Whose.
    pub sink: String,
    /// At most so many.
    pub limit: u32,
    /// The present.
    pub now: DateTime<Utc>,
    /// For how long they belong to the caller.
    pub lease: TimeDelta,
}

/// What there is to do for a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// These; may be none.
    Deliveries(Vec<Delivery>),
    /// It asked to be left alone until then.
    Paused(DateTime<Utc>),
    /// It said that it is gone, then.
    Disabled(DateTime<Utc>),
}

/// One delivery under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event's place in the outbox.
    pub event_seq: i64,
    /// The event's id.
    pub event_id: Uuid,
    /// The grant that it tells of.
    pub grant_id: Uuid,
    /// The CloudEvents document.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When patience began: the event was recorded or replayed, or its sink was enabled again, whichever was last.
    pub since: DateTime<Utc>,
    /// Where in a trace the event was recorded.
    pub trace: Option<TraceContext>,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Whose.
    pub sink: String,
    /// As claimed.
    pub event_seq: i64,
    /// As claimed: whose next event it is that may be due by this.
    pub grant_id: Uuid,
    /// As claimed: an attempt whose lease was lost settles nothing, unless it delivered.
    pub attempt: u32,
    /// When it was known.
    pub now: DateTime<Utc>,
    /// What.
    pub fate: Fate,
}

/// How an attempt ended. Errors are for operators and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The sink has it.
    Delivered,
    /// It is tried again.
    Retry {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        error: String,
        /// Until when the sink wants nothing at all.
        pause_until: Option<DateTime<Utc>>,
    },
    /// Nobody tries again by himself.
    Dead {
        /// Why.
        error: String,
    },
    /// The sink said that it is gone: it is disabled, and its events wait.
    Gone {
        /// What it said.
        error: String,
    },
    /// Nothing was tried: as if it had not been claimed.
    Released,
}

/// What became of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Written down.
    Applied,
    /// Written down, and by it the sink was disabled.
    SinkDisabled,
    /// Nothing to write down: the lease was lost, or somebody else has settled it.
    Lost,
}

/// Which deliveries to make again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// Those of one event: of this sink, which may not have wanted it then, or of all that had it.
    Event {
        /// Its id.
        id: Uuid,
        /// To this sink only.
        sink: Option<String>,
    },
    /// At most so many dead ones of a sink, oldest first.
    Dead {
        /// Whose.
        sink: String,
        /// In one transaction.
        limit: u32,
    },
}

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// With a delivery in this state.
    pub state: Option<DeliveryState>,
    /// With a delivery to this sink.
    pub sink: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// A recorded event, and who is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The news.
    pub event: Event,
    /// By the sink's name.
    pub deliveries: Vec<DeliveryStanding>,
}

/// How one delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStanding {
    /// To whom.
    pub sink: String,
    /// In one word.
    pub state: DeliveryState,
    /// Attempts begun.
    pub attempts: u32,
    /// When it is tried next, or the present attempt's lease ends; `None` for what is over, or waits for an earlier event of its grant.
    pub due_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was over.
    pub settled_at: Option<DateTime<Utc>>,
}

/// A delivery's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Still to be made.
    Pending,
    /// The sink has it.
    Delivered,
    /// Given up; may be replayed.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// As the ledger and the command line write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// How one sink stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkDepth {
    /// Its name; it may not be configured any more.
    pub sink: String,
    /// Deliveries still to be made.
    pub pending: u64,
    /// When the oldest of those events was recorded.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// Deliveries given up.
    pub dead: u64,
    /// Until when it asked to be left alone.
    pub paused_until: Option<DateTime<Utc>>,
    /// Since when it gets nothing, and what it said.
    pub disabled: Option<(DateTime<Utc>, String)>,
}

/// A receiver of events.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Sends one event, within the sink's own time limit. `now` is when it is sent.
    async fn send(&self, message: &Message<'_>, now: DateTime<Utc>) -> SinkAnswer;

    /// The longest that [`Self::send`] takes.
    fn timeout(&self) -> Duration;

    /// Whether it wants such events.
    fn wants(&self, kind: EventType) -> bool;
}

/// What a sink is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The event's id: the same in every attempt.
    pub id: Uuid,
    /// The CloudEvents document.
    pub payload: &'a str,
}

/// What a sink answers. Errors are for operators and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkAnswer {
    /// It has it.
    Accepted,
    /// It is gone for good, and wants nothing more (410).
    Gone(String),
    /// Not this time.
    Failed {
        /// Why.
        error: String,
        /// When it wants to be asked again, where it says so.
        retry_after: Option<RetryAfter>,
    },
}
