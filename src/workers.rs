//! What goes on in the background: each worker steps a use case, until it is told to stop. Each step is done under the settings in
//! force when it begins.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinSet},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{Valet, live::Live, purge::Forgotten},
    instruments,
};

/// How often the reconciler asks what is due. What a step may do is counted in seconds too.
const RECONCILE_EVERY: Duration = Duration::from_secs(1);
/// How often what has been kept long enough is removed.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How often credentials are looked at: far more often than they are due.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// Steps the reconciler, each bucket for itself, so that one whose OSS or hook is slow holds up no other. Told to stop, it finishes
/// the looks that have begun and gives the others back.
pub async fn reconcile(live: Live<Valet>, stop: CancellationToken) {
    let mut every = interval(RECONCILE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut steps: JoinSet<()> = JoinSet::new();
    let mut busy: HashMap<Id, String> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(done) = steps.join_next_with_id() => {
                busy.remove(&done.map_or_else(|panicked| panicked.id(), |(id, ())| id));
                continue;
            }
            _ = every.tick() => {}
        }
        let valet = live.current();
        let due = match valet.buckets_due(valet.clock.now()).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error.cause = %error, "the reconciler could not use the store");
                continue;
            }
        };
        let share = valet.share_of_one(due.len());
        for bucket in due {
            if busy.values().all(|other| *other != bucket) {
                let step = look_after(Arc::clone(&valet), bucket.clone(), share, stop.clone());
                busy.insert(steps.spawn(step).id(), bucket);
            }
        }
    }
    while steps.join_next().await.is_some() {}
}

async fn look_after(valet: Arc<Valet>, bucket: String, share: u32, stop: CancellationToken) {
    if let Err(error) = valet.reconcile_bucket(&bucket, share, valet.clock.now(), &stop).await {
        tracing::error!(error.cause = %error, bucket.name = bucket, "the reconciler could not use the store");
    }
}

/// Sorts what was timed into its buckets, whether somebody scrapes or not.
pub async fn tidy_up_metrics(stop: CancellationToken) {
    let mut every = interval(instruments::TIDY_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => instruments::tidy_up(),
        }
    }
}

/// Removes what has been kept long enough, now and then.
pub async fn purge(live: Live<Valet>, stop: CancellationToken) {
    let mut every = interval(PURGE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let valet = live.current();
        match valet.purge(valet.clock.now(), &stop).await {
            Ok(Forgotten { grants: 0, events: 0, keys: 0 }) => {}
            Ok(Forgotten { grants, events, keys }) => {
                tracing::info!(purged.grants = grants, purged.events = events, purged.keys = keys, "purged");
            }
            Err(error) => tracing::error!(error.cause = %error, "the ledger could not be purged"),
        }
    }
}

/// Steps the renewal of credentials until told to stop, which interrupts a call that hangs.
pub async fn refresh_credentials(live: Live<Valet>, stop: CancellationToken) {
    let mut every = interval(REFRESH_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = async {
                every.tick().await;
                let valet = live.current();
                valet.refresh_credentials(valet.clock.now()).await;
            } => {}
        }
    }
}
