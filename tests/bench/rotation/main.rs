//! A minute of real load over credentials that rotate: `cargo bench --bench rotation [-- --seconds 60]`.
//!
//! Service and simulator share a clock that runs a hundred times too fast, so that the shortest sessions that STS gives, a
//! quarter of an hour, last nine seconds. Everything else is real: HTTP, signatures, STS, callbacks, the ledger, and the
//! background that renews. Not one request may fail. The whole run is one test: the last line says whether it passed.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks, and stops where it can't go on")]

#[path = "../../credentials/world.rs"]
mod world;

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use oss_valet::clock::Clock;

use crate::world::{Plan, World};

/// How many seconds go by in one.
const SPEED: i32 = 100;
/// At the same time.
const CLIENTS: usize = 8;
const WAYS: [(&str, &str); 4] = [("role", "post"), ("role", "put"), ("pod", "post"), ("pod", "put")];

/// A clock that runs too fast.
struct FastClock {
    start: DateTime<Utc>,
    began: Instant,
}

impl Clock for FastClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.began.elapsed()).unwrap() * SPEED
    }
}

#[derive(Default)]
struct Tally {
    brought: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let seconds = seconds_from(std::env::args());
    let clock = Arc::new(FastClock { start: "2026-11-21T00:00:00Z".parse().unwrap(), began: Instant::now() });
    // A grant's three minutes are two seconds here: on a loaded machine an upload may take longer.
    let settings = |toml: String| toml.replace("expires_in = \"3m\"", "expires_in = \"1h\"");
    let world = Arc::new(World::start(Plan { clock: clock.clone(), background: true }, settings).await);
    let until = Instant::now() + Duration::from_secs(seconds);
    let tally = Arc::new(Tally::default());
    let clients =
        (0..CLIENTS).map(|client| tokio::spawn(upload_on_and_on(world.clone(), tally.clone(), client, until)));
    let kubelet = tokio::spawn({
        let world = world.clone();
        async move {
            while Instant::now() < until {
                world.replace_pod_token(TimeDelta::hours(1));
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    kubelet.await.unwrap();
    let verdict = report(&world, &tally, seconds).await;
    // Nobody else holds it any more.
    Arc::into_inner(world).unwrap().stop().await;
    verdict
}

async fn upload_on_and_on(world: Arc<World>, tally: Arc<Tally>, client: usize, until: Instant) {
    for round in client.. {
        if Instant::now() >= until {
            return;
        }
        let (profile, method) = WAYS[round % WAYS.len()];
        match world.bring(profile, method).await {
            Ok(()) => drop(tally.brought.fetch_add(1, Ordering::SeqCst)),
            Err(error) => tally.failures.lock().unwrap().push(format!("{profile} {method}: {error}")),
        }
    }
}

async fn report(world: &World, tally: &Tally, seconds: u64) -> ExitCode {
    let brought = tally.brought.load(Ordering::SeqCst);
    let mut failures = tally.failures.lock().unwrap().clone();
    let (status, ready) = world.ready().await;
    if status != 200 {
        failures.push(format!("not ready at the end: {ready}"));
    }
    for (name, state) in world.valet.credential_statuses(world.valet.clock.now()).await {
        println!("  [credentials.{name}] {}, until {:?}", state.state.as_str(), state.expires_at);
    }
    let sessions = world.sts.sessions().len();
    let minutes = seconds * u64::try_from(SPEED).unwrap() / 60;
    println!("{seconds} s, in which {minutes} minutes went by: {brought} uploads, {sessions} sessions of two roles");
    // Each role was renewed at least once in three quarters of a life.
    let lives = seconds * u64::try_from(SPEED).unwrap() / 900;
    if u64::try_from(sessions).unwrap() < 2 * lives {
        failures.push(format!("too few sessions for {lives} lives of two roles"));
    }
    for failure in failures.iter().take(5) {
        println!("  failed: {failure}");
    }
    let passed = failures.is_empty() && brought > 0;
    println!("{} passed, {} failed", u8::from(passed), u8::from(!passed));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `--seconds N`; a minute otherwise.
fn seconds_from(mut arguments: impl Iterator<Item = String>) -> u64 {
    arguments.find(|argument| argument == "--seconds");
    arguments.next().map_or(60, |text| text.parse().unwrap())
}
