//! Tell the sinks: each event goes to those that want it, until they have it or patience ends.
//!
//! One step per call, so that tests drive it without sleeping. What is claimed belongs to us for as long as its lease, whatever
//! becomes of this process; who is told of it is decided before, in [`Valet::address`].

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tracing::{Instrument, field};

use super::{
    Valet,
    ports::{
        Claimed, Delivery, DeliveryClaim, Fate, Message, OutgoingEvent, Settled, Settlement, Sink, SinkAnswer,
        StoreError,
    },
};
use crate::{
    grant::{
        event::Event,
        retry::{Next, after_failure},
    },
    instruments::{self, Stopwatch},
    trace,
};

/// How many events one sink is sent at the same time, by one process.
pub const CONCURRENCY: u32 = 8;
/// How much longer than the sink's time limit a lease is: for the settlement, and for clocks of replicas that differ.
const LEASE_MARGIN: TimeDelta = TimeDelta::seconds(10);

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStep {
    /// Nothing was due.
    Nothing,
    /// So many were sent.
    Sent {
        /// Accepted by the sink.
        delivered: usize,
        /// To be tried again, or given up.
        failed: usize,
    },
    /// The sink asked to be left alone until then.
    Paused(DateTime<Utc>),
    /// The sink said that it is gone, then.
    Disabled(DateTime<Utc>),
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The sink has it.
    Delivered,
    /// It is tried again.
    Failed,
    /// It was given up.
    Dead,
    /// The sink said that it is gone.
    Gone,
}

impl Attempt {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Gone => "gone",
        }
    }
}

impl Valet {
    /// Decides who is to be told of an event. That is done when it is recorded: a sink configured later is not told of it.
    pub(super) fn address(&self, event: Event) -> OutgoingEvent {
        let wanting = self.sinks.iter().filter(|(_, sink)| sink.wants(event.kind));
        OutgoingEvent { sinks: wanting.map(|(name, _)| name.clone()).collect(), event }
    }

    /// Sends what is due to the sink of that name at `now`: at most [`CONCURRENCY`] events, all at once.
    ///
    /// # Errors
    /// When the ledger does not answer. A sink that does not is no error: it is told later.
    pub async fn deliver_due(&self, sink: &str, now: DateTime<Utc>) -> Result<DeliveryStep, StoreError> {
        let deliveries = match self.claim_deliveries_due(sink, CONCURRENCY, now).await? {
            Claimed::Paused(until) => return Ok(DeliveryStep::Paused(until)),
            Claimed::Disabled(since) => return Ok(DeliveryStep::Disabled(since)),
            Claimed::Deliveries(none) if none.is_empty() => return Ok(DeliveryStep::Nothing),
            Claimed::Deliveries(deliveries) => deliveries,
        };
        let attempts = join_all(deliveries.iter().map(|delivery| self.deliver(sink, delivery))).await;
        let mut delivered = 0;
        for attempt in attempts {
            delivered += usize::from(attempt? == Attempt::Delivered);
        }
        Ok(DeliveryStep::Sent { delivered, failed: deliveries.len() - delivered })
    }

    /// Takes at most `limit` deliveries that are due to the sink, to be made by [`Self::deliver`] or given back by [`Self::release`].
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn claim_deliveries_due(
        &self,
        sink: &str,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Claimed, StoreError> {
        let Some(receiver) = self.sinks.get(sink) else { return Ok(Claimed::Deliveries(Vec::new())) };
        let lease = TimeDelta::from_std(receiver.timeout()).unwrap_or(TimeDelta::hours(1)) + LEASE_MARGIN;
        self.outbox.claim_deliveries(&DeliveryClaim { sink: sink.to_owned(), limit, now, lease }).await
    }

    /// Makes one attempt, and writes down what became of it.
    ///
    /// # Errors
    /// When the ledger does not answer: the delivery is due again when its lease has ended.
    pub async fn deliver(&self, sink: &str, delivery: &Delivery) -> Result<Attempt, StoreError> {
        let Some(receiver) = self.sinks.get(sink).map(AsRef::as_ref) else { return Ok(Attempt::Failed) };
        let span = tracing::info_span!(
            "deliver",
            otel.kind = "client",
            trace_id = field::Empty,
            sink.name = sink,
            event.id = %delivery.event_id,
            grant.id = %delivery.grant_id,
            delivery.attempt = delivery.attempt,
        );
        trace::continue_from(&span, delivery.trace.as_ref());
        self.attempt(sink, receiver, delivery).instrument(span).await
    }

    async fn attempt(&self, sink: &str, receiver: &dyn Sink, delivery: &Delivery) -> Result<Attempt, StoreError> {
        let message = Message { id: delivery.event_id, payload: &delivery.payload };
        let watch = Stopwatch::start();
        let answer = receiver.send(&message, self.clock.now()).await;
        let took = watch.elapsed();
        let now = self.clock.now();
        let fate = self.judge(delivery, answer, now);
        let attempt = match &fate {
            Fate::Delivered => Attempt::Delivered,
            Fate::Retry { .. } | Fate::Released => Attempt::Failed,
            Fate::Dead { .. } => Attempt::Dead,
            Fate::Gone { .. } => Attempt::Gone,
        };
        instruments::delivery(sink, attempt.as_str(), took);
        let told = fate.clone();
        let settled = self.settle_delivery_as(sink, delivery, fate, now).await?;
        log(sink, &told, settled);
        Ok(attempt)
    }

    /// Gives a claimed delivery back untried: somebody else may have it at once.
    ///
    /// # Errors
    /// When the ledger does not answer: the delivery is due again when its lease has ended.
    pub async fn release(&self, sink: &str, delivery: &Delivery) -> Result<(), StoreError> {
        self.settle_delivery_as(sink, delivery, Fate::Released, self.clock.now()).await.map(drop)
    }

    fn judge(&self, delivery: &Delivery, answer: SinkAnswer, now: DateTime<Utc>) -> Fate {
        let (error, retry_after) = match answer {
            SinkAnswer::Accepted => return Fate::Delivered,
            SinkAnswer::Gone(error) => return Fate::Gone { error },
            SinkAnswer::Failed { error, retry_after } => (error, retry_after),
        };
        let mut random = [0; 4];
        self.entropy.fill(&mut random);
        let not_before = retry_after.map(|asked| asked.until(now));
        match after_failure(delivery.attempt, delivery.since, not_before, now, u32::from_be_bytes(random)) {
            Next::At(at) => Fate::Retry { at, error, pause_until: not_before.filter(|until| *until > now) },
            Next::GiveUp => Fate::Dead { error },
        }
    }

    async fn settle_delivery_as(
        &self,
        sink: &str,
        delivery: &Delivery,
        fate: Fate,
        now: DateTime<Utc>,
    ) -> Result<Settled, StoreError> {
        let Delivery { event_seq, grant_id, attempt, .. } = *delivery;
        let sink = sink.to_owned();
        self.outbox.settle_delivery(Settlement { sink, event_seq, grant_id, attempt, now, fate }).await
    }
}

/// What somebody has to look after is told once; an ordinary failure is tried again by itself. Which delivery it was says the span.
fn log(sink: &str, fate: &Fate, settled: Settled) {
    match (fate, settled) {
        (Fate::Gone { error }, Settled::SinkDisabled) => {
            tracing::error!(
                sink.name = sink,
                error.cause = error,
                "the sink says that it is gone: it gets no more events until it is enabled again"
            );
        }
        (Fate::Dead { error }, Settled::Applied) => {
            tracing::warn!(error.cause = error, "an event is given up: it can be replayed");
        }
        (Fate::Retry { error, .. }, _) => {
            tracing::debug!(error.cause = error, "an event is tried again later");
        }
        _ => {}
    }
}
