//! A backend that never answers: uploads go on as if nothing were, events wait, and nothing grows without bound.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    checker::check,
    clients::{Client, Diary},
    process::memory_mib,
    schedule::{Engine, Wire},
    settle,
    sink::Mood,
    world::{Wish, World, token},
};

/// Clients at once.
const CLIENTS: usize = 8;
/// Uploads of each client: first those after which memory is measured, then the others.
const WARM_UP: usize = 50;
const MEASURED: usize = 150;
/// What OSS gives a callback; slower ones count as failed there.
const CALLBACK: Duration = Duration::from_secs(5);
/// How much a process may grow over all the events that wait, MiB. A task and a connection for each would be ten times that.
const GROWTH: f64 = 16.0;
/// How many connections to the backend, and how many descriptors, may be open at once.
const AT_ONCE: usize = 16;
const DESCRIPTORS: usize = 128;

/// Uploads against a silent backend, then lets it answer; whether all was as it has to be.
pub(crate) async fn run(seed: u64) -> bool {
    let lifetime = Duration::from_mins(30);
    let world = Arc::new(World::start(&Wish { engine: Engine::Sqlite, lifetime }).await);
    let diary = Arc::new(Diary::default());
    world.sink.set_mood(Mood::Silent);
    let process = world.replicas[0].id().await;
    upload(&world, &diary, seed, 0, WARM_UP).await;
    let before = memory_mib(process);
    let mut took = upload(&world, &diary, seed, CLIENTS, MEASURED).await;
    let (grown, descriptors) = (memory_mib(process) - before, open_descriptors(process));
    took.sort_unstable();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    let waiting = settle::undelivered(&world).await;
    let tries = *world.sink.unanswered().borrow();

    world.sink.set_mood(Mood::Well);
    settle::deliver(&world).await;
    let facts = settle::gather(&world, &diary).await;
    let verdict = check(&facts);
    let most = world.wires[&Wire::Sink].most_open();
    println!(
        "a silent backend, seed {seed}: {} uploads while it was silent, {median:.1?} each, {slowest:.1?} at most; \
         {waiting} events waited, {tries} tries, {most} connections at once, {grown:+.1} MiB; afterwards {} lost, {} duplicated",
        facts.objects.len(),
        verdict.lost.len(),
        verdict.duplicated,
    );
    let mut wrong = diary.surprises();
    wrong.extend(verdict.faults().map(|(kind, what)| format!("{kind}: {what}")));
    wrong.extend(world.accidents().await);
    wrong.extend(world.stop().await);
    let expected = (WARM_UP + MEASURED) * CLIENTS;
    for (is_wrong, what) in [
        (tries == 0, "nobody has tried to deliver anything".to_owned()),
        (waiting != expected, format!("{expected} events should have waited, it was {waiting}")),
        (slowest > CALLBACK, format!("an upload took {slowest:?}")),
        (grown > GROWTH, format!("the process has grown by {grown:.1} MiB")),
        (most > AT_ONCE, format!("{most} connections to the backend at once")),
        (descriptors > DESCRIPTORS, format!("{descriptors} open files and connections")),
    ] {
        wrong.extend(is_wrong.then_some(what));
    }
    for what in &wrong {
        println!("  {what}");
    }
    wrong.is_empty()
}

/// So many uploads by each client.
async fn upload(world: &World, diary: &Arc<Diary>, seed: u64, first: usize, count: usize) -> Vec<Duration> {
    let mut clients = JoinSet::new();
    for number in first..first + CLIENTS {
        let client = Client::new(seed, number, &world.places(), token(&format!("u-{number}")), Arc::clone(diary));
        clients.spawn(client.run_steadily(count));
    }
    clients.join_all().await.into_iter().flatten().collect()
}

fn open_descriptors(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}
