//! The worker: steps the delivery to each sink, one task a sink, so that one that is down slows no other.
//!
//! Woken by what is recorded in this process, and by a timer for what others left. Under way for one sink are never more than
//! [`CONCURRENCY`] events; everything else waits in the ledger.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{Id, JoinSet},
    time::{Interval, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::app::{
    Valet,
    deliver::{Attempt, CONCURRENCY},
    live::{Live, Replacements},
    ports::{Claimed, Delivery, StoreError},
    watch::GrantChanges,
};

/// How often the ledger is asked for what nobody here has announced: retries, other replicas' events, replays.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When to stop.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Claim no more; finish what is under way.
    pub soft: CancellationToken,
    /// Give back what is under way.
    pub hard: CancellationToken,
}

/// Delivers to every configured sink until told to stop, and nothing is under way. A sink that a reload adds gets its worker; the
/// worker of one that it removes ends.
pub async fn run(live: Live<Valet>, stop: Stop) {
    let mut replaced = live.listen();
    let mut workers: JoinSet<()> = JoinSet::new();
    let mut working: HashMap<Id, String> = HashMap::new();
    while !stop.soft.is_cancelled() {
        let at_work: BTreeSet<_> = working.values().cloned().collect();
        for sink in live.current().sinks.keys().filter(|sink| !at_work.contains(*sink)) {
            let worker = Worker::new(live.clone(), sink, stop.clone());
            working.insert(workers.spawn(worker.run()).id(), sink.clone());
        }
        tokio::select! {
            () = stop.soft.cancelled() => {}
            () = replaced.next() => {}
            // Its sink was removed; should it be back already, it gets another one.
            Some(ended) = workers.join_next_with_id() => {
                // One that panicked is not begun again: it would panic in a circle.
                if let Ok((id, ())) = ended {
                    working.remove(&id);
                }
            }
        }
    }
    while workers.join_next().await.is_some() {}
}

struct Worker {
    live: Live<Valet>,
    replaced: Replacements,
    sink: Arc<str>,
    stop: Stop,
    news: GrantChanges,
    timer: Interval,
    under_way: JoinSet<Option<Result<Attempt, StoreError>>>,
    condition: Condition,
}

/// What was last told about the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Fine,
    Failing,
    Disabled,
}

impl Worker {
    fn new(live: Live<Valet>, sink: &str, stop: Stop) -> Self {
        let mut timer = interval(LOOK_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            news: live.current().watch.listen(),
            replaced: live.listen(),
            live,
            sink: sink.into(),
            stop,
            timer,
            under_way: JoinSet::new(),
            condition: Condition::Fine,
        }
    }

    async fn run(mut self) {
        while !self.stop.soft.is_cancelled() {
            let valet = self.live.current();
            if !valet.sinks.contains_key(&*self.sink) {
                break;
            }
            let looked = self.claim(valet).await;
            self.wait(looked).await;
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.note(ended.ok().flatten());
        }
    }

    /// Begins as many deliveries as there is room for; says whether news are worth another look.
    async fn claim(&mut self, valet: Arc<Valet>) -> bool {
        let room = CONCURRENCY - u32::try_from(self.under_way.len()).unwrap_or(CONCURRENCY).min(CONCURRENCY);
        if room == 0 {
            return false;
        }
        match valet.claim_deliveries_due(&self.sink, room, valet.clock.now()).await {
            Ok(Claimed::Deliveries(deliveries)) => {
                for delivery in deliveries {
                    self.begin(Arc::clone(&valet), delivery);
                }
                true
            }
            Ok(Claimed::Paused(_)) => false,
            Ok(Claimed::Disabled(since)) => {
                self.turn(Condition::Disabled, |sink| {
                    tracing::warn!(sink.name = sink, since = %since, "the sink is disabled: its events wait");
                });
                false
            }
            Err(error) => {
                tracing::error!(sink.name = &*self.sink, error.cause = %error, "the outbox could not use the store");
                false
            }
        }
    }

    /// Under the settings that claimed it, whatever replaces them meanwhile.
    fn begin(&mut self, valet: Arc<Valet>, delivery: Delivery) {
        let (sink, hard) = (Arc::clone(&self.sink), self.stop.hard.clone());
        self.under_way.spawn(async move {
            tokio::select! {
                attempt = valet.deliver(&sink, &delivery) => Some(attempt),
                () = hard.cancelled() => {
                    // Where the ledger does not answer either, the lease ends by itself.
                    let _ = valet.release(&sink, &delivery).await;
                    None
                }
            }
        });
    }

    /// Until there may be something to do.
    async fn wait(&mut self, for_news: bool) {
        tokio::select! {
            () = self.stop.soft.cancelled() => {}
            Some(ended) = self.under_way.join_next() => {
                self.note(ended.ok().flatten());
                while let Some(ended) = self.under_way.try_join_next() {
                    self.note(ended.ok().flatten());
                }
            }
            () = self.replaced.next() => {}
            () = self.news.any(), if for_news => {}
            _ = self.timer.tick() => {}
        }
    }

    /// Tells when a sink begins to fail and when it is fine again, not each failure.
    fn note(&mut self, ended: Option<Result<Attempt, StoreError>>) {
        match ended {
            Some(Ok(Attempt::Delivered)) => {
                self.turn(Condition::Fine, |sink| tracing::info!(sink.name = sink, "the sink takes events again"));
            }
            Some(Ok(Attempt::Failed | Attempt::Dead)) if self.condition == Condition::Fine => {
                self.turn(Condition::Failing, |sink| {
                    tracing::warn!(sink.name = sink, "the sink does not take an event: it is tried again");
                });
            }
            // It has been told of where it was settled.
            Some(Ok(Attempt::Gone)) => self.condition = Condition::Disabled,
            Some(Ok(Attempt::Failed | Attempt::Dead)) | None => {}
            Some(Err(error)) => {
                tracing::error!(sink.name = &*self.sink, error.cause = %error, "an attempt could not be written down: it is repeated");
            }
        }
    }

    fn turn(&mut self, condition: Condition, tell: impl FnOnce(&str)) {
        if self.condition != condition {
            self.condition = condition;
            tell(&self.sink);
        }
    }
}
