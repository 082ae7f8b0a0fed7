//! No upload is ever lost: every object that reached OSS under a grant becomes exactly one completion and at least one
//! delivered event, whatever crashes in between. `tests/chaos/run [--seconds N] [--seed N] [--store sqlite|postgres]`.
//!
//! Real processes, real wires, a real backend; a seeded schedule of faults. In the end what clients were told, what OSS holds,
//! what the ledger says and what the backend got must agree. The last line says how many runs passed.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a test that talks, and stops where it can't go on")]

mod checker;
mod clients;
mod cluster;
mod facts;
mod ledger;
mod process;
mod proxy;
mod schedule;
mod settle;
mod silent;
mod sink;
mod troubles;
mod world;

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use oss_valet::clock::{Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

use crate::{
    checker::{Verdict, check},
    clients::{Client, Diary},
    schedule::Engine,
    world::{Wish, World, token},
};

/// Clients at once.
const CLIENTS: usize = 24;
/// How long signatures live beyond the run.
const SPARE: Duration = Duration::from_mins(10);
/// How many faults are shown of each run.
const SHOWN: usize = 12;

#[derive(Debug, Parser)]
struct Arguments {
    /// How long clients upload and things go wrong, in each run.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The schedule of faults, and the clients' whims; a new one each time when left out.
    #[arg(long)]
    seed: Option<u64>,
    /// This ledger only; each, and a backend that never answers, when left out.
    #[arg(long)]
    store: Option<Engine>,
    /// A backend that never answers, only.
    #[arg(long, conflicts_with = "store")]
    silent: bool,
    /// Cargo says that it is a benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let seed = arguments.seed.unwrap_or_else(|| u64::try_from(SystemClock.now().timestamp_micros()).unwrap());
    let engines = match arguments.store {
        Some(engine) => vec![engine],
        None if arguments.silent => vec![],
        None => vec![Engine::Sqlite, Engine::Postgres],
    };
    let mut outcomes = Vec::new();
    for engine in engines {
        outcomes.push(run(engine, seed, Duration::from_secs(arguments.seconds)).await);
    }
    if arguments.store.is_none() {
        outcomes.push(silent::run(seed).await);
    }
    let passed = outcomes.iter().filter(|is_good| **is_good).count();
    let failed = outcomes.len() - passed;
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One run: chaos, peace, judgement.
async fn run(engine: Engine, seed: u64, length: Duration) -> bool {
    let lifetime = length + SPARE;
    let world = Arc::new(World::start(&Wish { engine, lifetime }).await);
    let diary = Arc::new(Diary::default());
    let planned = schedule::plan(seed, engine, length);
    let troubles = planned.len();
    let stop = CancellationToken::new();
    let new_client =
        |number| Client::new(seed, number, &world.places(), token(&format!("u-{number}")), Arc::clone(&diary));
    let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(new_client(number).run(stop.clone()))).collect();
    troubles::strike(&world, planned, lifetime).await;
    stop.cancel();
    for client in clients {
        client.await.unwrap();
    }
    settle::settle(&world, &diary, new_client(CLIENTS), lifetime).await;
    let facts = settle::gather(&world, &diary).await;
    let verdict = check(&facts);
    let mut accidents = diary.surprises();
    accidents.extend(world.sink.strangers());
    accidents.extend(world.accidents().await);
    accidents.extend(world.stop().await);
    println!(
        "seed {seed}, {engine:?}: {} grants, {} uploads, {} objects, {} events; {troubles} faults; \
         {} lost, {} invented, {} doubled, {} disordered, {} duplicated",
        facts.ledger.grants.len(),
        diary.uploads(),
        facts.objects.len(),
        facts.ledger.events.len(),
        verdict.lost.len(),
        verdict.invented.len(),
        verdict.doubled.len(),
        verdict.disordered.len(),
        verdict.duplicated,
    );
    let is_good = verdict.is_clean() && accidents.is_empty();
    if !is_good {
        explain(&verdict, &accidents);
        let world = Arc::into_inner(world).expect("nobody else holds it any more");
        println!("  replay with --seed {seed} --store {engine:?}; logs and ledger: {}", world.keep().display());
    }
    is_good
}

fn explain(verdict: &Verdict, accidents: &[String]) {
    for (kind, what) in verdict.faults().take(SHOWN) {
        println!("  {kind}: {what}");
    }
    for accident in accidents.iter().take(SHOWN) {
        println!("  accident: {accident}");
    }
}
