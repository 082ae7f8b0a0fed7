//! Afterwards: time passes until every grant has ended and every event has arrived, or until patience ends.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    clients::{Client, Diary},
    facts::{Facts, Ledger, StoredObject, plain_id},
    troubles::a_while,
    world::World,
};

/// How long it may take until all is as it has to be.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// When the backend has got nothing for so long, whoever waits for the time of a retry has waited enough.
const QUIET: Duration = Duration::from_millis(1500);
/// What has not been looked at so long after its time came gets more time: another hour, in which the reconciler tries again.
const AGAIN: Duration = Duration::from_secs(6);
const HOUR: Duration = Duration::from_hours(1);

/// Lets the time of all grants come, late uploads arrive, the late looks be taken, and every event be delivered.
pub(crate) async fn settle(world: &Arc<World>, diary: &Arc<Diary>, late: Client, lifetime: Duration) {
    pass(world, a_while(lifetime), HOUR, |ledger, _| open_grants(ledger) == 0).await;
    // Half of what is late is not even told.
    let late_grants = diary.take_late();
    let untold = json!([{"on": {"operation": "Callback"}, "times": late_grants.len() / 2 + 1, "do": "drop"}]);
    world.set_oss_rules(&untold).await;
    late.bring_late(late_grants).await;
    world.set_oss_rules(&json!([])).await;
    pass(world, HOUR, 6 * HOUR, |ledger, objects| unrecorded(ledger, objects) == 0).await;
    deliver(world).await;
}

/// Waits until every event has arrived, or until patience ends; retries that are far away come nearer.
pub(crate) async fn deliver(world: &World) {
    let until = Instant::now() + PATIENCE;
    let mut accepted = world.sink.accepted();
    while undelivered(world).await > 0 && Instant::now() < until {
        world.books.age_deliveries(HOUR).await;
        // News, or time for another try.
        while let Ok(Ok(())) = tokio::time::timeout(QUIET, accepted.changed()).await {}
    }
}

/// Everything that is known in the end.
pub(crate) async fn gather(world: &World, diary: &Diary) -> Facts {
    Facts {
        promises: diary.promises(),
        objects: world.objects().await,
        ledger: world.books.read().await,
        receipts: world.sink.receipts(),
    }
}

/// Lets this much time pass, then more, until the ledger and the bucket are so.
async fn pass(
    world: &World,
    first: Duration,
    then: Duration,
    is_done: impl Fn(&Ledger, &[StoredObject]) -> bool,
) -> bool {
    let until = Instant::now() + PATIENCE;
    world.books.age_grants(first, i64::MIN).await;
    let mut aged = Instant::now();
    while !is_done(&world.books.read().await, &world.objects().await) {
        if Instant::now() > until {
            return false;
        }
        if aged.elapsed() > AGAIN {
            world.books.age_grants(then, i64::MIN).await;
            aged = Instant::now();
        }
        sleep(LOOK).await;
    }
    true
}

fn open_grants(ledger: &Ledger) -> usize {
    ledger.grants.iter().filter(|grant| grant.state == "issued").count()
}

/// Objects that no completion tells of, as they are now.
fn unrecorded(ledger: &Ledger, objects: &[StoredObject]) -> usize {
    let recorded: HashSet<_> = ledger.completions.iter().map(|row| (&row.key, &row.etag)).collect();
    objects.iter().filter(|object| !recorded.contains(&(&object.key, &object.etag))).count()
}

/// Events that the backend has not got.
pub(crate) async fn undelivered(world: &World) -> usize {
    let received: HashSet<_> = world.sink.receipts().iter().map(|receipt| plain_id(&receipt.id)).collect();
    world.books.read().await.events.iter().filter(|event| !received.contains(&event.id)).count()
}
