//! What becomes of issuing and callbacks when the ledger is large, when there are several replicas, and when the sink is
//! down: `cargo bench --bench scale [-- --grants 10000000] [--store sqlite|postgres]`.
//!
//! Every row is a pair of loads over 64 connections, spread over the replicas: grants first, then their callbacks
//! (`confirm = "off"`, so that OSS is not what is measured). The first row of each engine is what the others of it are
//! compared with. Without `taskset` games: replicas, PostgreSQL and the load share the machine as it is.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at what goes wrong")]

#[path = "../load/callbacks.rs"]
mod callbacks;
#[path = "../client.rs"]
mod client;
mod fill;
#[path = "../load/oss.rs"]
mod oss;
#[path = "../../lib/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "the other benchmarks use all of it")]
#[path = "../process.rs"]
mod process;
#[expect(dead_code, reason = "the other benchmarks use all of it")]
#[path = "../load/service.rs"]
mod service;
mod sink;
#[path = "../load/tokens.rs"]
mod tokens;

use std::net::SocketAddr;

use client::{Load, Measured};
use process::Pinning;
use serde_json::json;
use service::{Service, World};
use sink::Sink;

const CONNECTIONS: usize = 64;
const ISSUE_REQUESTS: usize = 30_000;
const CALLBACK_REQUESTS: usize = 20_000;
/// How many users ask.
const USERS: usize = 1_000;
/// Where `--grants` is not given.
const GRANTS: u64 = 10_000_000;

/// Which store, and how many processes it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// One row of the table.
struct Situation {
    replicas: usize,
    sink: Sink,
}

fn main() {
    // `cargo test --benches` runs this too; it has nothing to test.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let option = |name: &str| std::env::args().skip_while(|arg| arg != name).nth(1);
    let grants = option("--grants").map_or(GRANTS, |text| text.replace('_', "").parse().expect("--grants NUMBER"));
    let engines: Vec<_> = match option("--store") {
        Some(name) => {
            vec![Engine::ALL.into_iter().find(|engine| engine.name() == name).expect("--store sqlite|postgres")]
        }
        None => Engine::ALL.to_vec(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        process::print_load_average();
        print_head();
        for engine in engines {
            measure_engine(engine, grants).await;
        }
    });
}

/// All rows of one engine, over one ledger that is filled half way.
async fn measure_engine(engine: Engine, grants: u64) {
    let ledger = fill::Ledger::create(engine).await;
    let mut first = None;
    for filled in [0, grants] {
        if filled > 0 {
            ledger.fill(filled).await;
        }
        for situation in situations(engine) {
            let (issued, accepted) = measure(&ledger, &situation).await;
            let first = first.get_or_insert((issued.rate, accepted.rate));
            print_row(engine, filled, &situation, [(&issued, first.0), (&accepted, first.1)]);
        }
    }
}

fn situations(engine: Engine) -> Vec<Situation> {
    let replicas = |most: usize| (1..=most).map(|replicas| Situation { replicas, sink: Sink::Up });
    let most = if engine == Engine::Postgres { 3 } else { 1 };
    let down = Situation { replicas: 1, sink: Sink::Down };
    let none = Situation { replicas: 1, sink: Sink::None };
    [none].into_iter().chain(replicas(most)).chain([down]).collect()
}

async fn measure(ledger: &fill::Ledger, situation: &Situation) -> (Measured, Measured) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sink = situation.sink.start().await;
    let world = World::create_over(directory, oss::start().await, ledger.url(), &sink);
    let replicas: Vec<_> = (0..situation.replicas).map(|_| Service::start(&world, &Pinning::None, 2)).collect();
    let addresses: Vec<SocketAddr> = replicas.iter().map(|replica| replica.address).collect();

    let tokens = (0..USERS).map(|user| world.token(&format!("u-{user}")));
    let load = Load {
        addresses: addresses.clone(),
        status: 201,
        repeat: ISSUE_REQUESTS,
        keep: CALLBACK_REQUESTS,
        ..Load::new(addresses[0], tokens.map(|token| issue_request(&token)).collect(), CONNECTIONS)
    };
    let mut issued = load.run().await;
    let answers = std::mem::take(&mut issued.kept);
    let requests = callbacks::requests(&world, &replicas[0], &answers);
    let accepted = Load { addresses, ..Load::new(replicas[0].address, requests, CONNECTIONS) }.run().await;
    replicas.into_iter().for_each(Service::stop);
    (issued, accepted)
}

fn issue_request(token: &str) -> Vec<u8> {
    let body = json!({
        "profile": "unconfirmed", "filename": "me.png", "content_type": "image/png",
        "size": oss::OBJECT_SIZE, "vars": {"album": "42"},
    })
    .to_string();
    format!(
        "POST /v1/uploads HTTP/1.1\r\nhost: uploads.example.com\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn print_head() {
    println!(
        "{:<9} {:>11} {:>8} {:>5} | {:>9} {:>8} {:>8} {:>6} | {:>11} {:>8} {:>8} {:>6}",
        "store",
        "grants",
        "replicas",
        "sink",
        "issue/s",
        "p50 ms",
        "p99 ms",
        "ratio",
        "callbacks/s",
        "p50 ms",
        "p99 ms",
        "ratio"
    );
}

fn print_row(engine: Engine, grants: u64, situation: &Situation, measured: [(&Measured, f64); 2]) {
    let [issued, accepted] = measured.map(|(measured, first)| {
        let millis = |share| measured.percentile(share).as_secs_f64() * 1e3;
        format!("{:.0} {:>8.2} {:>8.2} {:>6.2}", measured.rate, millis(50), millis(99), measured.rate / first)
    });
    println!(
        "{:<9} {grants:>11} {:>8} {:>5} | {issued:>34} | {accepted:>36}",
        engine.name(),
        situation.replicas,
        situation.sink.name(),
    );
}
