//! Makes what is planned happen, at its time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use oss_valet::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    proxy::Mode,
    schedule::{Fault, Planned, Victim},
    sink::Mood,
    world::World,
};

/// What passes when time passes: more than signatures live, and credentials, and all that comes on top.
pub(crate) fn a_while(lifetime: Duration) -> Duration {
    lifetime.max(Duration::from_mins(15)) + Duration::from_mins(20)
}

/// Lets everything happen, and tells when it is over and all is well again.
pub(crate) async fn strike(world: &Arc<World>, planned: Vec<Planned>, lifetime: Duration) {
    let start = Instant::now();
    // A start may take longer than planned: the next trouble of the same part waits for it.
    let turns: HashMap<Victim, Arc<Mutex<()>>> =
        planned.iter().map(|planned| (planned.fault.victim(), Arc::default())).collect();
    let tasks: Vec<_> = planned
        .into_iter()
        .map(|Planned { at, lasts, fault }| {
            let (world, turn) = (Arc::clone(world), Arc::clone(&turns[&fault.victim()]));
            tokio::spawn(async move {
                sleep_until(start + at).await;
                let _turn = turn.lock().await;
                happen(&world, &fault, lasts, lifetime).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// From its beginning to its end.
async fn happen(world: &World, fault: &Fault, lasts: Duration, lifetime: Duration) {
    match fault {
        Fault::KillReplica(number) => {
            world.kill_replica(*number).await;
            sleep(lasts).await;
            world.start_replica(*number).await;
        }
        Fault::PauseReplica(number) => {
            world.replicas[*number].signal("STOP").await;
            sleep(lasts).await;
            world.replicas[*number].signal("CONT").await;
        }
        Fault::KillOss => {
            world.oss.kill().await;
            sleep(lasts).await;
            world.oss.start().await;
        }
        Fault::KillDatabase => {
            let database = world.database.as_ref().expect("planned for an engine that has one");
            database.crash().await;
            sleep(lasts).await;
            database.start().await;
        }
        Fault::Wire(wire, mode) => {
            world.wires[wire].set_mode(*mode);
            sleep(lasts).await;
            world.wires[wire].set_mode(Mode::Open);
        }
        Fault::Cut(wire) => world.wires[wire].cut(),
        Fault::Sink(mood) => {
            world.sink.set_mood(*mood);
            sleep(lasts).await;
            world.sink.set_mood(Mood::Well);
        }
        Fault::Oss(operation, what) => {
            let what: Value = serde_json::from_str(what).unwrap();
            world.set_oss_rules(&json!([{"on": {"operation": operation}, "times": null, "do": what}])).await;
            sleep(lasts).await;
            world.set_oss_rules(&json!([])).await;
        }
        Fault::TimePasses => world.books.age_grants(a_while(lifetime), SystemClock.now().timestamp_micros()).await,
    }
}
