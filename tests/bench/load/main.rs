//! How many grants and callbacks a second one core carries: `cargo bench --bench load`.
//!
//! Starts the release binary with one worker, pinned to one core, and loads it from another over 64 connections that are
//! kept alive. Everything it prints comes from this one run; a number means little without its neighbour, the fixed
//! answer of the same size from the same binary (the ceiling: what HTTP alone costs).
//!
//! On a machine that does other things too, the ceiling suffers most and the ratio flatters; it says so then. "By CPU" is
//! the same ratio in the service's processor time, which neighbours disturb least.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at what goes wrong")]

mod callbacks;
#[path = "../client.rs"]
mod client;
mod oss;
#[path = "../process.rs"]
mod process;
mod service;
mod tokens;

use std::time::Duration;

use client::{Load, Measured};
use process::Pinning;
use serde_json::{Value, json};
use service::{Service, World};

/// The fixed answer, served by `serve --bench-static BYTES`.
const STATIC_PATH: &str = "/-/static";
/// Connections at once.
const CONNECTIONS: usize = 64;
/// Requests of each kind.
const STATIC_REQUESTS: usize = 300_000;
const ISSUE_REQUESTS: usize = 60_000;
const CALLBACK_REQUESTS: usize = 40_000;
/// How many users there are where a thousand different tokens are used.
const USERS: usize = 1_000;

/// What is aimed at.
const AIM_ISSUE: f64 = 0.45;
const AIM_CALLBACK: f64 = 0.30;
const AIM_P99: Duration = Duration::from_millis(10);
const AIM_IDLE_MIB: f64 = 20.0;
const AIM_READY: Duration = Duration::from_millis(150);

fn main() {
    // `cargo test --benches` runs this too; it has nothing to test.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let pinning = Pinning::of_this_machine();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&pinning));
}

async fn run(pinning: &Pinning) {
    let world = World::create(oss::start().await);
    println!("{pinning}\nledger in {}", world.directory().display());
    process::print_load_average();
    let tokens: Vec<String> = (0..USERS).map(|user| world.token(&format!("u-{user}"))).collect();

    // The first start makes the ledger; it also tells how large the answers are.
    let first = Service::start(&world, pinning, 2);
    let idle = first.memory_mib();
    let (issue_size, callback_size) = answer_sizes(&first, &world, &tokens[0]).await;
    let first_ready = first.ready_after;
    first.stop();

    print_head(issue_size, callback_size);
    let issuing = Service::start(&world, pinning, issue_size);
    let ready = issuing.ready_after;
    let ceiling = measure_static(&issuing).await;
    print_row("fixed answer, issue's size", &ceiling, None, None);
    let (one, unconfirmed) = issue(&issuing, &tokens[..1], "unconfirmed").await;
    print_row("issue, one token", &one, Some(&ceiling), Some(AIM_ISSUE));
    let (many, confirmed) = issue(&issuing, &tokens, "confirmed").await;
    print_row("issue, a thousand tokens", &many, Some(&ceiling), Some(AIM_ISSUE));
    issuing.stop();

    let calling = Service::start(&world, pinning, callback_size);
    let ceiling = measure_static(&calling).await;
    print_row("fixed answer, callback's size", &ceiling, None, None);
    let off = call_back(&calling, &world, &unconfirmed).await;
    print_row("callback, confirm off", &off, Some(&ceiling), Some(AIM_CALLBACK));
    let on = call_back(&calling, &world, &confirmed).await;
    print_row("callback, confirm on", &on, Some(&ceiling), None);
    let loaded = calling.memory_mib();
    let logged = calling.log_bytes();
    calling.stop();

    println!("\nmemory   idle {idle:.1} MiB (aim {AIM_IDLE_MIB:.0}), after the callbacks {loaded:.1} MiB");
    println!("ready    {ready:.1?} after the start (aim {AIM_READY:.0?}); {first_ready:.1?} when the ledger is made");
    println!("log      {logged} bytes");
}

/// Bodies of one issued grant and one accepted callback.
async fn answer_sizes(service: &Service, world: &World, token: &str) -> (usize, usize) {
    let requests = vec![issue_request(service, token, "unconfirmed")];
    let answers = Load { status: 201, keep: 1, ..Load::new(service.address, requests, 1) }.run().await.kept;
    let callbacks = callbacks::requests(world, service, &answers);
    let accepted = Load { status: 200, keep: 1, ..Load::new(service.address, callbacks, 1) }.run().await.kept;
    (answers[0].len(), accepted[0].len())
}

async fn measure_static(service: &Service) -> Measured {
    let request = format!("GET {STATIC_PATH} HTTP/1.1\r\nhost: {}\r\n\r\n", service.address).into_bytes();
    let load = Load { repeat: STATIC_REQUESTS, ..Load::new(service.address, vec![request], CONNECTIONS) };
    service.measure(load).await
}

/// Issues grants with these tokens in turn; gives back the answers that callbacks need.
async fn issue(service: &Service, tokens: &[String], profile: &str) -> (Measured, Vec<Vec<u8>>) {
    let requests: Vec<_> = tokens.iter().map(|token| issue_request(service, token, profile)).collect();
    let load = Load::new(service.address, requests, CONNECTIONS);
    let load = Load { status: 201, repeat: ISSUE_REQUESTS, keep: CALLBACK_REQUESTS, ..load };
    let mut measured = service.measure(load).await;
    let answers = std::mem::take(&mut measured.kept);
    (measured, answers)
}

async fn call_back(service: &Service, world: &World, answers: &[Vec<u8>]) -> Measured {
    let requests = callbacks::requests(world, service, answers);
    service.measure(Load::new(service.address, requests, CONNECTIONS)).await
}

fn issue_request(service: &Service, token: &str, profile: &str) -> Vec<u8> {
    let body: Value = json!({
        "profile": profile, "filename": "me.png", "content_type": "image/png",
        "size": oss::OBJECT_SIZE, "vars": {"album": "42"},
    });
    let body = body.to_string();
    format!(
        "POST /v1/uploads HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        service.address,
        body.len()
    )
    .into_bytes()
}

fn print_head(issue_size: usize, callback_size: usize) {
    println!(
        "an issued grant is {issue_size} bytes, an accepted callback {callback_size}; p99 aims at {AIM_P99:.0?}\n"
    );
    println!(
        "{:<30} {:>10} {:>8} {:>9} {:>9} {:>9} {:>10} {:>6} {:>7}",
        "", "requests/s", "CPU us", "p50 ms", "p99 ms", "max ms", "of ceiling", "aim", "by CPU"
    );
}

fn print_row(name: &str, measured: &Measured, ceiling: Option<&Measured>, aim: Option<f64>) {
    let millis = |latency: Duration| latency.as_secs_f64() * 1e3;
    let share = |share: Option<f64>| share.map(|share| format!("{share:.2}")).unwrap_or_default();
    println!(
        "{name:<30} {:>10.0} {:>8.1} {:>9.3} {:>9.3} {:>9.3} {:>10} {:>6} {:>7}",
        measured.rate,
        measured.server_cpu_micros,
        millis(measured.percentile(50)),
        millis(measured.percentile(99)),
        millis(measured.percentile(100)),
        share(ceiling.map(|ceiling| measured.rate / ceiling.rate)),
        share(aim),
        share(ceiling.map(|ceiling| ceiling.server_cpu_micros / measured.server_cpu_micros)),
    );
}
